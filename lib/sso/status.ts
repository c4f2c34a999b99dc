/** What a tenant's single sign-on is like, asked as a browser and as the site would; and how that is told. */
import { messageOf } from '../errors.ts'
import type { Tenant, Unit } from '../registry.ts'
import { readSecret } from '../secrets.ts'
import { clientOf, keyFields } from './client.ts'
import { readBack, trySecret, visitorsOf } from './provider.ts'
import { lookAtSite } from './site.ts'

/** The result of configure-sso for one tenant. */
export type SsoStatus =
  | { tenant: string; would: string }
  | { tenant: string; changed: boolean }
  | { tenant: string; checks: Check[] }

export interface Check {
  what: string
  ok: boolean
  is: string
}

/** Look at all sides of a tenant's single sign-on and change nothing. What cannot be asked is a check that is not ok. */
export async function lookAround(tenant: Tenant, core: Unit): Promise<SsoStatus> {
  const client = clientOf(tenant)
  const secret = await readSecret(tenant.secret('oidc_client_secret'))
  const [site, open] = await Promise.all([lookAtSite(tenant, client, secret), visitorsOf(core)])
  const [hosts, verdict] = await Promise.all([
    readBack(client, open),
    trySecret(client, open, secret).catch((error) => messageOf(error)),
  ])
  const wanted = keyFields(client, tenant.signUps)
  const differing = Object.keys(wanted).filter((field) => site.key?.[field] !== wanted[field])
  const { status, error } = site.reach
  const check = (what: string, ok: boolean, is: string): Check => ({ what, ok, is })
  return {
    tenant: tenant.name,
    checks: [
      check(
        'Social Login Key',
        site.key !== null && differing.length === 0,
        site.key === null ? 'missing' : differing.length > 0 ? `differs in ${differing.join(', ')}` : 'as it should be',
      ),
      check('secret in ERPNext', site.secret_fits, site.secret_fits ? 'that of secrets/' : 'another than in secrets/'),
      check('secret at Authentik', verdict === 'right', verdict === 'right' ? 'that of secrets/' : verdict),
      check('ERPNext reaches Authentik', status === 200, error ?? `HTTP ${status}`),
      check('host_name', !site.host_name, site.host_name ?? 'not set, as it should be'),
      check('authentik_login', !site.overridden, site.overridden ? 'set, and wins' : 'not set, as it should be'),
      ...hosts.map(({ host, fault }) => check(host, !fault, fault ?? 'its button leads to Authentik and back')),
      check('System Managers by SSO', true, site.managers.join(', ') || 'none yet'),
      check('password login', true, site.password_off ? 'closed' : 'open'),
      check('mail links', true, site.mail_link ? 'open' : 'closed'),
      check('resets by mail', true, site.reset_link ? 'open' : 'closed'),
    ],
  }
}

/** As people read it. */
export function renderStatus(result: SsoStatus): string {
  if ('would' in result) return `${result.tenant}: would ${result.would}`
  if ('changed' in result) return `${result.tenant}: ${result.changed ? 'done' : 'nothing had to be done'}`
  const width = Math.max(...result.checks.map(({ what }) => what.length))
  const rows = result.checks.map(({ what, ok, is }) => `  ${ok ? 'ok  ' : 'fail'}  ${what.padEnd(width)}  ${is}`)
  return [`${result.tenant}:`, ...rows].join('\n')
}
