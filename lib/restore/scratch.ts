/** A stack beside the live one with no way out and none to anything live: compose.yml under a prefix of its own, with drill.yml on top. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { $, within } from 'zx/core'
import { docker } from '../docker.ts'
import { messageOf, OperatorError } from '../errors.ts'
import { removeUnstarted } from '../jobs.ts'
import { makeTenant, TENANT_NETWORKS, TENANT_VOLUMES, type Tenant } from '../registry.ts'
import { DRILL } from '../settings.ts'

const HOUR = 3600

/** The tenant under another prefix: its names lead to nothing that lives; secrets, state and repositories are its own. */
export function scratchTenant(tenant: Tenant): Tenant {
  const { settings } = tenant
  const prefix = `${settings.prefix}${DRILL}`
  const files = [settings.env.COMPOSE_FILE || composeFiles(settings.root), join(settings.root, 'drill.yml')].flat()
  const env = {
    ...settings.env,
    ERP_PREFIX: prefix,
    COMPOSE_FILE: files.join(settings.env.COMPOSE_PATH_SEPARATOR || ':'),
  }
  return makeTenant(tenant.name, tenant, { ...settings, prefix, env })
}

/** What Compose takes by itself where it is named no file. */
function composeFiles(root: string): string[] {
  const overrides = ['compose.override.yml', 'compose.override.yaml'].map((name) => join(root, name))
  return [join(root, 'compose.yml'), ...overrides.filter((file) => existsSync(file)).slice(0, 1)]
}

/**
 * Do the work with a scratch stack, and remove all of it, whatever happens; what a killed run left is removed first.
 * @throws OperatorError (1) where any of it stays: it holds a tenant's books in clear.
 */
export function withScratch<T>(tenant: Tenant, work: (scratch: Tenant) => Promise<T>): Promise<T> {
  const scratch = scratchTenant(tenant)
  return within(async () => {
    $.env = scratch.settings.env
    await removeScratch(scratch)
    const result = await work(scratch).catch(async (error) => {
      await removeScratch(scratch).catch((other) => {
        throw new OperatorError(`${messageOf(error)}; ${messageOf(other)}`, { cause: error })
      })
      throw error
    })
    await removeScratch(scratch)
    return result
  })
}

/** By its own names and labels alone. Done after a signal too. @throws OperatorError (1) where any of it is left, or nobody knows. */
async function removeScratch(scratch: Tenant): Promise<void> {
  const run = (...args: string[]) => docker(args, { always: true, timeout: HOUR, nothrow: true })
  const list = async (...args: string[]) => (await docker(args, { always: true })).stdout.split('\n').filter(Boolean)
  const labels = [`com.docker.compose.project=${scratch.project}`, `erp.tenant=${scratch.name}`]
  const volumes = TENANT_VOLUMES.map((part) => scratch.volume(part))
  const networks = TENANT_NETWORKS.map((kind) => scratch.network(kind))
  const remains = async () => ({
    containers: await list('ps', '-aq', ...labels.flatMap((label) => ['--filter', `label=${label}`])),
    volumes: (await list('volume', 'ls', '-q')).filter((name) => volumes.includes(name)),
    networks: (await list('network', 'ls', '--format', '{{.Name}}')).filter((name) => networks.includes(name)),
  })
  await removeUnstarted(scratch, true).catch(() => {}) // what stays of them keeps its volume, and is told below
  const found = await remains()
  if (found.containers.length > 0) await run('rm', '--force', '--volumes', ...found.containers)
  if (found.volumes.length > 0) await run('volume', 'rm', '--force', ...found.volumes)
  if (found.networks.length > 0) await run('network', 'rm', ...found.networks)
  const left = Object.values(await remains()).flat()
  if (left.length === 0) return
  throw new OperatorError(`${scratch.name}: not all of the scratch stack was removed: ${left.join(', ')}`, {
    hint: `docker ps -a --filter volume=${left[0]}`,
  })
}
