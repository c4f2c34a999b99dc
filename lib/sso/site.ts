/** The two sides of a site's single sign-on: its Social Login Key, and the secrets that failures leave in its Error Log. */
import { EXIT, OperatorError, preconditionError } from '../errors.ts'
import { askSite, untilConfigIsRead } from '../frappe.ts'
import type { Tenant } from '../registry.ts'
import { type Client, clientId, type KeyFields } from './client.ts'

/** What tenant/sso.py finds; every field by its own name. */
export interface SiteState {
  key: KeyFields | null
  secret_fits: boolean
  host_name: string | null
  overridden: boolean
  /** Which of these two are set for the whole bench alone. */
  shared: string[]
  password_off: boolean
  mail_link: boolean
  /** A password can be set anew by mail, which signs in. */
  reset_link: boolean
  managers: string[]
  reach: { status: number; error?: string }
}

/** Look at a site. The secret is only compared. */
export const lookAtSite = (tenant: Tenant, { discovery }: Client, secret: string) =>
  askSite<SiteState>(tenant, 'sso', 'look', { discovery, secret })

/**
 * What makes every sign-in fail whatever the key says.
 * @throws OperatorError (3); nothing was changed
 */
export function verifySite({ name, site }: Tenant, { host }: Client, state: SiteState): void {
  const shared = (key: string) => state.shared.includes(key)
  const file = (key: string) => (shared(key) ? 'common_site_config.json' : `site_config.json of ${site}`)
  const set = (key: string) =>
    `npx zx scripts/tenant.ts ${name} bench -- set-config ${shared(key) ? '-g ' : ''}${key} None`
  if (state.host_name)
    throw preconditionError(
      `${name}: ${file('host_name')} has host_name: every sign-in would come back at ${state.host_name}`,
      set('host_name'),
    )
  if (state.overridden)
    throw preconditionError(
      `${name}: ${file('authentik_login')} has authentik_login, which wins`,
      set('authentik_login'),
    )
  const { status, error } = state.reach
  if (status !== 200)
    throw preconditionError(
      `${name}: its backend does not reach ${host}: ${error ?? `HTTP ${status}`}`,
      `npx zx scripts/healthcheck.ts ${name}`,
    )
}

/** See to the site's encryption key, and wait until every process of the site works by its configuration as it is. */
export async function settleConfig(tenant: Tenant, note: (text: string) => void): Promise<void> {
  const { age } = await askSite<{ age: number }>(tenant, 'sso', 'prepare')
  await untilConfigIsRead(age, note)
}

interface Written {
  changed: boolean
  before?: KeyFields | null
  secret?: string | null
}

/**
 * Write the key and prove it; where the proof fails, what was there before is back.
 * @param rotated Authentik has a new secret: then the old key would be of no use, and the new one stays
 * @returns whether anything changed
 * @throws OperatorError (1) where the proof fails; (4) where the key could not be put back, or must not be
 */
export async function writeKey(
  tenant: Tenant,
  fields: KeyFields,
  secret: string,
  prove: () => Promise<void>,
  rotated: boolean,
): Promise<boolean> {
  const { name } = tenant
  try {
    const written = await askSite<Written>(tenant, 'sso', 'write', { fields, secret })
    await prove().catch(async (error) => {
      if (!rotated && written.changed && error instanceof OperatorError) await putBack(tenant, written, error)
      throw error
    })
    return written.changed
  } catch (error) {
    if (!rotated || !(error instanceof OperatorError)) throw error
    throw new OperatorError(`${name}: Authentik has the new secret, ERPNext perhaps not: ${error.message}`, {
      code: EXIT.changed,
      hint: `npx zx scripts/configure-sso.ts ${name}`,
      cause: error,
    })
  }
}

/** @throws OperatorError always: (1) with what was there before in place, (4) where it is not */
async function putBack(tenant: Tenant, { before, secret }: Written, reason: OperatorError): Promise<never> {
  const { name } = tenant
  const restored = await askSite(tenant, 'sso', 'restore', { before, secret }).then(
    () => true,
    () => false,
  )
  throw new OperatorError(
    `${name}: ${reason.message}; the Social Login Key ${restored ? 'is as it was before' : 'was written and stays'}`,
    restored
      ? { hint: `npx zx scripts/healthcheck.ts ${name}`, cause: reason }
      : { code: EXIT.changed, hint: `npx zx scripts/configure-sso.ts ${name} --rollback`, cause: reason },
  )
}

/** Remove the rows of Error Log that hold one of these secrets. Returns how many there were. */
export async function sweepErrorLog(tenant: Tenant, secrets: string[]): Promise<number> {
  const { removed } = await askSite<{ removed: number }>(tenant, 'sso', 'sweep', { secrets })
  return removed
}

/** Open password login and take the key away, unless it is of another client: `foreign` names that one. */
export const removeKey = (tenant: Tenant) =>
  askSite<{ removed: boolean; opened: boolean; foreign?: string }>(tenant, 'sso', 'remove', {
    client: clientId(tenant),
  })

/** Who closes the doors must have come in by the one that stays. @throws OperatorError (3) where no System Manager has */
export function verifyManagers(tenant: Tenant, { managers }: SiteState): void {
  if (managers.length > 0) return
  throw preconditionError(
    `${tenant.name}: no System Manager has signed in through Authentik yet: nothing was changed`,
    `npx zx scripts/configure-sso.ts ${tenant.name}, then sign in at https://${tenant.site}/login by the button, as a user with the role System Manager`,
  )
}

/**
 * Close password login, and mail links and resets by mail, which without our asking stay other ways in: mail links satisfy
 * Frappe's own guard, and a reset signs in whatever that says.
 */
export async function closeDoors(tenant: Tenant): Promise<boolean> {
  const { changed } = await askSite<{ changed: boolean }>(tenant, 'sso', 'require')
  return changed
}
