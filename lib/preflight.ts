/** What must hold on the machine before a tenant is touched: engine, compose, disk, memory, secrets, mounted files. */
import { readdir, stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readLedger } from './backup/ledger.ts'
import { renderServices, renderUnit, requireCompose, type Service } from './compose.ts'
import { type Container, tenantContainers } from './containers.ts'
import { docker, dockerAsk, type Engine, inspect, lastLines, volumeNames } from './docker.ts'
import { preconditionError } from './errors.ts'
import { verifyHardening } from './gate.ts'
import type { Tenant, Unit } from './registry.ts'
import { verifySecrets } from './secrets.ts'
import { imageOf, isOlder } from './versions.ts'

const OLDEST_ENGINE = '25'
/** An image, a site and its first backup fit in this. */
const DISK_BYTES = 5 * 2 ** 30
/** A tenant uses about half of this when idle, as was measured on a real ERPNext 16. */
const MEMORY_BYTES = 2 * 2 ** 30

/** What the preflight learnt, for the steps after it. */
export interface Ground {
  services: Service[]
  containers: Container[]
  warnings: string[]
}

/**
 * Check everything that can be checked without changing anything.
 * @throws OperatorError (3), naming the remedy.
 */
export async function preflight(tenant: Tenant, registry: Tenant[], engine: Engine): Promise<Ground> {
  await verifyEngine(engine)
  const [ground] = await Promise.all([
    groundOf(tenant, engine),
    verifySecrets(tenant, registry),
    verifyReadable(tenant, 'tenant'),
    verifyHardening(tenant, registry),
  ])
  return ground
}

/** @throws OperatorError (3) where Docker or Compose is too old for what follows. */
export async function verifyEngine(engine: Engine): Promise<void> {
  await requireCompose()
  if (isOlder(engine.version, OLDEST_ENGINE)) {
    throw preconditionError(
      `Docker Engine ${OLDEST_ENGINE} or newer is needed: this is ${engine.version}`,
      'update Docker',
    )
  }
}

/** What the machine and the configuration say, for a tenant or for core. @throws OperatorError (3) */
export async function groundOf(unit: Unit, engine: Engine): Promise<Ground> {
  const [{ services, subnets }, containers, disk] = await Promise.all([
    renderUnit(unit, { hashes: true }),
    tenantContainers(unit),
    diskWarnings(engine.dataRoot),
  ])
  await verifySubnets(subnets)
  const memory =
    engine.memoryBytes < MEMORY_BYTES
      ? [`the machine has ${gib(engine.memoryBytes)} of memory; a tenant wants 2 GiB`]
      : []
  return { services, containers, warnings: [...disk, ...memory] }
}

/**
 * A network keeps the range that it was made with; what is made by another one would have addresses that are not its own.
 * @throws OperatorError (3)
 */
async function verifySubnets(subnets: Map<string, string>): Promise<void> {
  const networks = await inspect<{ Name: string; IPAM: { Config?: { Subnet?: string }[] } }>(
    'network',
    [...subnets.keys()],
    10,
  )
  const faults = networks.flatMap(({ Name: name, IPAM: { Config: [range] = [] } }) => {
    const wanted = subnets.get(name)
    return wanted === undefined || range?.Subnet === wanted ? [] : [`${name} has ${range?.Subnet}, not ${wanted}`]
  })
  if (faults.length > 0)
    throw preconditionError(faults.join('; '), 'put the old EDGE_SUBNET_… back in .env: docs/edge.md')
}

/** @throws OperatorError (3) below 5 GiB free. */
async function diskWarnings(directory: string): Promise<string[]> {
  const disk = await statfs(directory).catch(() => undefined) // the engine may be on another machine
  if (!disk) return [`the free space of ${directory} cannot be read from here`]
  const free = disk.bavail * disk.bsize
  if (free < DISK_BYTES) {
    throw preconditionError(
      `${directory} has ${gib(free)} free; ${gib(DISK_BYTES)} are needed`,
      'see docs/trouble.md#the-disk-is-full',
    )
  }
  return []
}

/** A size as a person reads it. */
export const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
export const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/**
 * The containers' users read a directory of the repository, and the certificate of a private authority or the file that
 * stands for none, through mounts: a clone under a strict umask hides them.
 * @throws OperatorError (3)
 */
export async function verifyReadable({ settings: { root, env } }: Unit, name: 'tenant' | 'core'): Promise<void> {
  const directory = join(root, name)
  const authority = resolve(root, env.ACME_CA_CERTIFICATE || 'core/traefik/no-ca.pem')
  const files = (await readdir(directory, { recursive: true })).map((file) => join(directory, file))
  const paths = [...new Set([directory, ...files, authority])]
  const modes = await Promise.all(paths.map((path) => stat(path).catch(() => ({ mode: 0 }))))
  const hidden = paths.find((_, index) => ((modes[index]?.mode ?? 0) & 0o004) === 0)
  if (hidden === undefined) return
  const mend = hidden === authority ? `chmod a+r ${authority}` : `chmod -R a+rX ${directory}`
  throw preconditionError(`the containers cannot read ${hidden}`, mend)
}

/**
 * Before a database is started for the first time: refuse one that ran before us, which has its files at the root of the volume,
 * where ours has only data/; and an empty one where there are backups, which an empty ERP would be published and backed up over.
 * @throws OperatorError (3); nothing was started.
 */
export async function refuseOtherData(tenant: Tenant, ground: Ground): Promise<void> {
  if (ground.containers.some(({ service }) => service === tenant.service('db'))) return // it started once: ours
  const found = (await volumeNames()).has(tenant.volume('db-data')) ? await databaseFiles(tenant, ground) : []
  if (found.includes('ibdata1'))
    throw preconditionError(
      `volume ${tenant.volume('db-data')} holds a database that these scripts did not make; nothing was started`,
      'see docs/taking-over.md',
    )
  const { verified } = await readLedger(tenant)
  if (!verified || found.includes('data')) return
  throw preconditionError(
    `${tenant.name} has a verified backup of ${verified.at.slice(0, 16)}Z and no database: a deploy would make an empty ERP; nothing was started`,
    `npx zx scripts/restore.ts ${tenant.name}; to begin anew: move ${tenant.state('ledger.json')} and its repository away`,
  )
}

/** What lies at the root of the database's volume. */
async function databaseFiles(tenant: Tenant, ground: Ground): Promise<string[]> {
  const image = imageOf(tenant, ground.services, 'db')
  const mount = `${tenant.volume('db-data')}:/volume:ro`
  const { stdout } = await dockerAsk(
    [
      'run',
      '--rm',
      '--network',
      'none',
      '--volume',
      mount,
      '--user',
      '0:0',
      '--entrypoint',
      'ls',
      image,
      '-1a',
      '/volume',
    ],
    { timeout: 60 },
  )
  return stdout.split('\n')
}

/**
 * Pull the images that are missing, and only those.
 * @throws OperatorError (3) where a registry cannot give one; running containers are untouched.
 */
export async function pullMissing(unit: Unit, services: Service[], note: (text: string) => void): Promise<string[]> {
  const images = [...new Set(services.map(({ image }) => image))]
  const found = await docker(['image', 'inspect', '--format', '{{json .RepoTags}} {{json .RepoDigests}}', ...images], {
    nothrow: true,
    timeout: 20,
  })
  if (found.code === 0) return []
  const present = await Promise.all(
    images.map(async (image) => (await docker(['image', 'inspect', image], { nothrow: true, timeout: 20 })).code === 0),
  )
  const missing = images.filter((_, index) => !present[index])
  for (const image of missing) {
    note(image)
    const pulled = await docker(['pull', '--quiet', image], { nothrow: true, timeout: 1800 })
    if (pulled.code !== 0) {
      throw preconditionError(
        `${unit.name}: image ${image} cannot be pulled: ${lastLines(pulled.stderr, 1)}`,
        'check the name and the network; nothing was started',
      )
    }
  }
  return missing
}

/**
 * Pull the image of the jobs on repositories and volumes where it is missing: no lasting container uses it, so a prune of images
 * takes it, and a job waits a minute for its start.
 * @throws OperatorError (3)
 */
export async function pullJobImage(tenant: Tenant, note: (text: string) => void = () => {}): Promise<void> {
  const services = await renderServices(tenant, { jobs: true })
  const jobs = services.filter(({ name }) => [tenant.service('backup'), tenant.service('restore')].includes(name))
  await pullMissing(tenant, jobs, note)
}
