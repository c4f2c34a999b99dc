/** Let a tenant's users sign in through Authentik: prove the provider, write ERPNext's key, read the button back. */
import { command } from '../lib/command.ts'
import { askEngine } from '../lib/docker.ts'
import { EXIT } from '../lib/errors.ts'
import { learnSecret } from '../lib/redact.ts'
import type { Tenant, Unit } from '../lib/registry.ts'
import type { Reporter } from '../lib/reporter.ts'
import { readSecret, verifySecrets } from '../lib/secrets.ts'
import { applyBlueprint, renewSecret } from '../lib/sso/authentik.ts'
import { clientOf, keyFields } from '../lib/sso/client.ts'
import { awaitIssuer, verifyHosts, verifyProvider, visitorsOf } from '../lib/sso/provider.ts'
import {
  closeDoors,
  lookAtSite,
  removeKey,
  settleConfig,
  sweepErrorLog,
  verifyManagers,
  verifySite,
  writeKey,
} from '../lib/sso/site.ts'
import { lookAround, renderStatus, type SsoStatus } from '../lib/sso/status.ts'

command({
  name: 'configure-sso',
  summary: "Let a tenant's users sign in through Authentik. Password login stays until --require closes it.",
  examples: ['configure-sso.ts dickson', 'configure-sso.ts dickson --status', 'configure-sso.ts dickson --require'],
  tenants: 'one',
  changes: true,
  modes: ['status', 'require', 'rotate-secret', 'rollback'],
  options: {
    status: { type: 'boolean', help: 'what is set, asked as a browser would; changes nothing' },
    require: {
      type: 'boolean',
      help: 'close password login, mail links and resets, once a System Manager came in by SSO',
    },
    'rotate-secret': { type: 'boolean', help: 'give the client a new secret, at Authentik and in ERPNext' },
    rollback: { type: 'boolean', help: 'take the key away and open password login; needs no Authentik' },
    timeout: { type: 'number', value: 'SECONDS', default: 60, help: 'how long to wait for Authentik' },
  },
  notes: ['The way back in after --require, with Authentik gone: configure-sso.ts <tenant> --rollback'],
  async run({ tenants, registry, core, mode, options, forEachTenant, dryRun, ...reporter }) {
    await askEngine()
    if (options.status) return { tenants: await Promise.all(tenants.map((tenant) => lookAround(tenant, core))) }
    const work = { registry, core, mode, patience: options.timeout, dryRun }
    return {
      tenants: await forEachTenant((tenant) =>
        options.rollback ? rollBack(tenant, dryRun, reporter) : connect(tenant, work, reporter),
      ),
    }
  },
  exitCode: ({ tenants }) =>
    tenants.some((one) => 'checks' in one && one.checks.some(({ ok }) => !ok)) ? EXIT.failed : EXIT.done,
  render: ({ tenants }) => tenants.map(renderStatus).join('\n'),
})

async function rollBack(tenant: Tenant, dryRun: boolean, { step, warn }: Reporter): Promise<SsoStatus> {
  if (dryRun) return { tenant: tenant.name, would: 'remove the Social Login Key and open password login' }
  const done = await step('Take the key away, open password login', () => removeKey(tenant))
  const { removed, opened, foreign } = done
  if (foreign) warn(`${tenant.name}: the Social Login Key of the client ${foreign} is somebody else's: it stays`)
  return { tenant: tenant.name, changed: removed || opened }
}

interface Work {
  registry: Tenant[]
  core: Unit
  /** The option that makes another verb of it. */
  mode: string | undefined
  patience: number
  dryRun: boolean
}

async function connect(tenant: Tenant, work: Work, { step, warn, say }: Reporter): Promise<SsoStatus> {
  const { registry, core, mode, patience, dryRun } = work
  const client = clientOf(tenant)
  await verifySecrets(tenant, registry)
  const old = await readSecret(tenant.secret('oidc_client_secret'))
  learnSecret(old) // after a rotation it stands in no file any more
  const open = await visitorsOf(core)
  await step(`Wait for ${client.issuer}`, () =>
    awaitIssuer(client, open, patience, dryRun ? async () => {} : () => applyBlueprint(core, tenant)),
  )
  const site = await step('Look at the site, and from it at Authentik', () => lookAtSite(tenant, client, old))
  verifySite(tenant, client, site)
  if (mode === 'require') verifyManagers(tenant, site)
  if (dryRun) return { tenant: tenant.name, would: `${mode ?? 'write the Social Login Key'} for ${client.id}` }
  await step('See to the encryption key of the site', (note) => settleConfig(tenant, note))
  const prove = (secret: string) => verifyProvider(tenant, client, open, secret)
  const rotates = mode === 'rotate-secret'
  if (!rotates) {
    await step('Apply the blueprint of the tenant in Authentik', () => applyBlueprint(core, tenant))
    await step('Try the client, its secret and both redirects', () => prove(old))
  }
  const secret = rotates
    ? await step('Make a new secret, and see Authentik take it', (note) => renewSecret(tenant, note, prove))
    : old
  const changed = await step('Write the Social Login Key, and read it back at both hosts', () =>
    writeKey(tenant, keyFields(client, tenant.signUps), secret, () => verifyHosts(client, open), rotates),
  )
  const leaked = await step('Look for the secret in the Error Log', () => sweepErrorLog(tenant, [old, secret]))
  if (leaked > 0) warn(`${leaked} rows of the Error Log held the client secret and were removed`)
  if (leaked > 0 && secret === old)
    warn(`backups may hold it too: npx zx scripts/configure-sso.ts ${tenant.name} --rotate-secret`)
  if (mode !== 'require') return { tenant: tenant.name, changed }
  const closed = await step('Close password login, mail links and resets by mail', () => closeDoors(tenant))
  say(`  the way back in, without Authentik: npx zx scripts/configure-sso.ts ${tenant.name} --rollback`)
  return { tenant: tenant.name, changed: changed || closed }
}
