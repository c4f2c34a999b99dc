/** Authentik's side of a tenant's client: its blueprint is applied at once, and a new secret reaches it by file. */
import { renderServices, type Service, upArgs } from '../compose.ts'
import { tenantContainers } from '../containers.ts'
import { planChanges } from '../deploy.ts'
import { docker, dockerExec, lastLines } from '../docker.ts'
import { EXIT, OperatorError, preconditionError } from '../errors.ts'
import { makeCore, type Tenant, type Unit } from '../registry.ts'
import { replaceSecret } from '../secrets.ts'
import { waitUntilHealthy } from '../wait.ts'

const DEPLOY = 'npx zx scripts/deploy.ts core --only sso'
/** Seconds: Authentik's worker looks at its database first. */
const PATIENCE = 300

/**
 * Apply a blueprint now: a tenant's, or `operators`. By itself Authentik does so when the file changes, but not when a secret that the file
 * names has (blueprints_discovery compares the file's own hash).
 * @throws OperatorError (3) where its worker does not run or refuses the blueprint: nothing was changed in ERPNext
 */
export async function applyBlueprint(core: Unit, { name }: Pick<Tenant, 'name'>): Promise<void> {
  const command = ['ak', 'apply_blueprint', `custom/${name}.yaml`]
  const { code, stdout, stderr } = await dockerExec(core.container('authentik-worker'), command, {
    timeout: 120,
    nothrow: true,
  })
  if (code === 0) return
  throw preconditionError(`Authentik did not apply the blueprint of ${name}: ${lastLines(stderr || stdout, 2)}`, DEPLOY)
}

/**
 * What is made anew is made as it is configured, and what it depends on with it: for all tenants.
 * @throws OperatorError (3) where core differs from its configuration
 */
async function refuseChanged(core: Unit, services: Service[]): Promise<void> {
  const lasting = services.filter(({ oneShot }) => !oneShot)
  const changes = planChanges(lasting, await tenantContainers(core))
  const differs = changes.filter(({ why }) => why === 'changed' || why === 'missing').map(({ service }) => service)
  if (differs.length === 0) return
  throw preconditionError(`not as configured: ${differs.join(', ')}; nothing was changed`, DEPLOY)
}

/**
 * Give a tenant's client a new secret, first in secrets/, then to Authentik's containers, which see a mounted file as it was
 * when they were made.
 * @param prove sees that Authentik takes it
 * @returns the new secret
 * @throws OperatorError (4) where the new file is there and Authentik has not got it
 */
export async function renewSecret(
  tenant: Tenant,
  note: (text: string) => void,
  prove: (secret: string) => Promise<void>,
): Promise<string> {
  const unit = makeCore(tenant.settings, 'sso')
  const key = `${tenant.prefix}_oidc_client_secret`
  const services = await renderServices(unit, { hashes: true })
  const readers = services.filter(({ secrets }) => secrets.includes(key))
  const names = readers.map(({ name }) => name)
  if (names.length === 0) throw preconditionError(`no service of core reads ${key}`, 'see docs/sso.md')
  await refuseChanged(unit, services)
  const secret = await replaceSecret(tenant.secret('oidc_client_secret'))
  try {
    await docker(upArgs(unit, names, 1, 'always'), { timeout: PATIENCE })
    await waitUntilHealthy(unit, readers, PATIENCE, note)
    await applyBlueprint(unit, tenant)
    await prove(secret)
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    throw new OperatorError(`${tenant.name}: secrets/ has a new secret, Authentik the old one: ${error.message}`, {
      code: EXIT.changed,
      hint: `npx zx scripts/configure-sso.ts ${tenant.name} --rotate-secret`,
      cause: error,
    })
  }
  return secret
}
