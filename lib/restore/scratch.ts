/** A stack beside the live one with no way out and none to anything live: compose.yml under a prefix of its own, with drill.yml on top. */
import { join } from 'node:path'
import { $, within } from 'zx/core'
import { docker } from '../docker.ts'
import { makeTenant, TENANT_NETWORKS, TENANT_VOLUMES, type Tenant } from '../registry.ts'
import { DRILL } from '../settings.ts'

/** The tenant under another prefix: its names lead to nothing that lives; secrets, state and repositories are its own. */
export function scratchTenant(tenant: Tenant): Tenant {
  const { settings } = tenant
  const prefix = `${settings.prefix}${DRILL}`
  const files = [settings.env.COMPOSE_FILE || join(settings.root, 'compose.yml'), join(settings.root, 'drill.yml')]
  const env = {
    ...settings.env,
    ERP_PREFIX: prefix,
    COMPOSE_FILE: files.join(settings.env.COMPOSE_PATH_SEPARATOR || ':'),
  }
  return makeTenant(tenant.name, tenant, { ...settings, prefix, env })
}

/** Do the work with a scratch stack, and remove all of it, whatever happens; what a killed run left is removed first. */
export function withScratch<T>(tenant: Tenant, work: (scratch: Tenant) => Promise<T>): Promise<T> {
  const scratch = scratchTenant(tenant)
  return within(async () => {
    $.env = scratch.settings.env
    await removeScratch(scratch)
    try {
      return await work(scratch)
    } finally {
      await removeScratch(scratch)
    }
  })
}

/** By its own names and labels alone. Done after a signal too. */
async function removeScratch(scratch: Tenant): Promise<void> {
  const run = (...args: string[]) => docker(args, { always: true, timeout: 60, nothrow: true })
  const labels = [`com.docker.compose.project=${scratch.project}`, `erp.tenant=${scratch.name}`]
  const found = await run('ps', '-aq', ...labels.flatMap((label) => ['--filter', `label=${label}`]))
  const containers = found.stdout.split('\n').filter(Boolean)
  if (containers.length > 0) await run('rm', '--force', '--volumes', ...containers)
  const volumes = TENANT_VOLUMES.map((part) => scratch.volume(part))
  const { stdout } = await run('volume', 'ls', '-q')
  const present = new Set(stdout.split('\n'))
  const left = volumes.filter((name) => present.has(name))
  if (left.length > 0) await run('volume', 'rm', '--force', ...left)
  const networks = TENANT_NETWORKS.map((kind) => scratch.network(kind))
  const known = (await run('network', 'ls', '--format', '{{.Name}}')).stdout.split('\n')
  const gone = networks.filter((name) => known.includes(name))
  if (gone.length > 0) await run('network', 'rm', ...gone)
}
