/** Volumes of the names that are ours with an ERPNext in them that ran before us: copied, verified, and made a tenant of ours. */
import { askBooks } from '../backup/proof.ts'
import { docker, volumeNames } from '../docker.ts'
import { preconditionError } from '../errors.ts'
import type { Job } from '../jobs.ts'
import { gib } from '../preflight.ts'
import { TENANT_NETWORKS, type Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { verifySpace, withIncomingServer } from '../restore/incoming.ts'
import type { Ground } from '../restore/restore.ts'
import { runSwap } from '../restore/volumes.ts'
import { appVersions, refuseNewer } from '../versions.ts'
import { refuseWrongKey, userSql } from './load.ts'
import { type Incoming, incomingConfig } from './plan.ts'
import { prove } from './prove.ts'
import { WITHOUT_REMAINS, withWriter, writeConfig } from './unpack.ts'

const HOUR = 3600
/** The volumes, as they are called, and where a container of ours has them. */
const PARTS = { 'db-data': 'db', 'sites-data': 'sites', 'assets-data': 'assets' } as const
type Part = keyof typeof PARTS
/** Names that may be taken: a usual stack calls its containers and networks like this too. */
const CONTAINERS = ['db', 'redis-cache', 'redis-queue', 'configurator', 'backend', 'frontend', 'socketio', 'scheduler']
/** What ours has at the root of its volume, where a server that ran before us has its schemas: each with a db.opt. */
const RESERVED = ['data', 'incoming', 'previous']
/** The account of backups and health checks, as the first start of a database of ours makes it (compose.yml, x-db). */
const SOCKET_ACCOUNT = [
  'create user if not exists mysql@localhost identified via unix_socket;',
  'grant reload, process, select on *.* to mysql@localhost;',
]

/** Every name, kind, owner, mode and link of a tree, and the content of every file. */
const TREE =
  'tree() { cd "$1"; { find . -mindepth 1 -printf "%P %y %U %G %m %l\\n" | sort; find . -type f -print0 | sort -z | xargs -0 -r sha256sum; } | sha256sum; }'

const SCRIPTS = {
  /** A copy that was verified before is compared again, and kept. */
  copy: `set -euo pipefail; ${TREE}
    from=/out/$1 to=/before/$1
    if [ "$(tree $from)" = "$(tree $to)" ]; then exit 0; fi
    find $to -mindepth 1 -delete; cp -a $from/. $to/; sync
    [ "$(tree $from)" = "$(tree $to)" ] || { echo "the copy of $1 differs from it" >&2; exit 1; }`,
  /** From the verified copy, so that what it is made of is never touched. */
  beside: `set -euo pipefail; cp -a /before/db/. /out/db/incoming/; chown -R 999:999 /out/db/incoming
    cp -a "/before/sites/$1/." "/out/sites/incoming/$1/"
    [ ! -d /before/assets ] || cp -a /before/assets/. /out/assets/.incoming/
    ${WITHOUT_REMAINS}; sync`,
}

/** What was found in the volumes. */
export interface Found {
  config: Incoming['config']
  /** Parts whose volume is there. */
  parts: Part[]
  bytes: number
}

/**
 * Look into the volumes, whose containers must not run.
 * @throws OperatorError (3) where there is no such ERPNext or it runs
 */
export async function findVolumes(tenant: Tenant, image: string): Promise<Found> {
  const names = await volumeNames()
  const parts = (Object.keys(PARTS) as Part[]).filter((part) => names.has(tenant.volume(part)))
  for (const part of ['db-data', 'sites-data'] as const)
    if (!parts.includes(part)) throw preconditionError(`there is no volume ${tenant.volume(part)}; nothing was changed`)
  await refuseInTheWay(
    tenant,
    parts.map((part) => tenant.volume(part)),
  )
  const mounts = parts.map((part) => `${tenant.volume(part)}:/out/${PARTS[part]}:ro`)
  return withWriter(tenant, image, mounts, async (job) => {
    const read = (...command: string[]) => job.exec(command, { timeout: HOUR, nothrow: true })
    if ((await read('test', '-e', '/out/db/ibdata1')).code !== 0)
      throw preconditionError(
        `${tenant.volume('db-data')} holds no database that ran before us: no ibdata1 at its root`,
      )
    const { stdout: options } = await read('find', ...RESERVED.map((name) => `/out/db/${name}/db.opt`))
    const schema = RESERVED.find((name) => options.includes(`/${name}/db.opt`))
    if (schema)
      throw preconditionError(
        `the old server has a schema ${schema}, a name that ours needs in ${tenant.volume('db-data')}; nothing was changed`,
        'dump it and drop it there first',
      )
    for (const name of ['data', 'previous'])
      if ((await read('test', '-e', `/out/db/${name}`)).code === 0)
        throw preconditionError(
          `an import of ${tenant.volume('db-data')} was interrupted in the midst of its exchange, and nobody knows of it any more; nothing was changed`,
          `the whole copies are ${parts.map((part) => before(tenant, part)).join(', ')}`,
        )
    const { code, stdout } = await read('cat', `/out/sites/${tenant.site}/site_config.json`)
    if (code !== 0)
      throw preconditionError(`${tenant.volume('sites-data')} holds no site ${tenant.site}; nothing was changed`)
    const config = incomingConfig(tenant, stdout)
    return { config, parts, bytes: await sizeOf(job, '/out', parts) }
  })
}

/** In bytes. */
async function sizeOf(job: Job, root: string, parts: Part[]): Promise<number> {
  const paths = parts.map((part) => `${root}/${PARTS[part]}`)
  const { stdout } = await job.exec(['du', '-sbc', ...paths], { timeout: HOUR, nothrow: true })
  return Number.parseInt(stdout.trim().split('\n').at(-1) ?? '0', 10)
}

/**
 * Containers that use the volumes now, what of the other stack would use them again, as after a reboot (`restart: always`), and
 * what has names that ours will need.
 */
async function refuseInTheWay(tenant: Tenant, volumes: string[]): Promise<void> {
  const lines = async (...args: string[]) => (await docker(args, { timeout: 10 })).stdout.split('\n').filter(Boolean)
  const running = await lines(
    'ps',
    '--format',
    '{{.Names}}',
    ...volumes.flatMap((name) => ['--filter', `volume=${name}`]),
  )
  if (running.length > 0)
    throw preconditionError('containers use these volumes; nothing was changed', `docker stop ${running.join(' ')}`)
  const label = '{{.Label "com.docker.compose.project"}}'
  const others = (rows: string[], names: string[]) =>
    rows
      .map((row) => row.split('\t'))
      .flatMap(([name = '', project]) => (project !== tenant.project && names.includes(name) ? [name] : []))
  const all = (...filters: string[]) => lines('ps', '--all', ...filters, '--format', `{{.Names}}\t${label}`)
  const holders = await all('--filter', 'status=exited', ...volumes.flatMap((name) => ['--filter', `volume=${name}`]))
  const taken = [...CONTAINERS.map(tenant.container), ...holders.map((row) => row.split('\t')[0] ?? '')]
  const containers = others(await all(), taken)
  const networks = others(
    await lines('network', 'ls', '--format', `{{.Name}}\t${label}`),
    TENANT_NETWORKS.map(tenant.network),
  )
  if (containers.length + networks.length === 0) return
  const commands = { rm: containers, 'network rm': networks }
  const remove = Object.entries(commands).flatMap(([verb, names]) =>
    names.length > 0 ? [`docker ${verb} ${names.join(' ')}`] : [],
  )
  throw preconditionError(
    `another stack's containers or networks have the names that ${tenant.name}'s need; nothing was changed`,
    `they hold no data: ${remove.join(' && ')}`,
  )
}

/**
 * Copy the volumes to `<name>-before`, verify the copies, make what comes of them, and prove it.
 * @param held the tenant's volumes
 * @throws OperatorError (1), (3); the volumes are as they were.
 */
export async function bringVolumes(
  tenant: Tenant,
  ground: Ground,
  { config, parts }: Found,
  held: Job,
  reporter: Reporter,
): Promise<void> {
  const { step } = reporter
  const { mariadb } = ground
  const schema = config.db_name ?? ''
  for (const part of parts) await docker(['volume', 'create', before(tenant, part)], { timeout: 20 })
  const mounts = parts.flatMap((part) => [
    `${tenant.volume(part)}:/out/${PARTS[part]}`,
    `${before(tenant, part)}:/before/${PARTS[part]}`,
  ])
  await withWriter(tenant, mariadb, mounts, async (job) => {
    const run = (script: string, argument: string) =>
      job.exec(['bash', '-c', script, 'bash', argument], { timeout: 12 * HOUR })
    const size = (root: string) => sizeOf(job, root, parts)
    const [bytes, copied] = [await size('/out'), await size('/before')]
    await verifySpace(tenant, held, bytes + Math.max(0, bytes - copied)) // what an earlier run has copied is there
    await step('Copy the volumes to -before, and compare', async () => {
      for (const part of parts) await run(SCRIPTS.copy, PARTS[part])
    })
    await runSwap(tenant, held, 'make')
    await step('Put a copy of them beside', () => run(SCRIPTS.beside, tenant.site))
    await writeConfig(tenant, job, config)
  })
  const answers = await step('Boot it apart', () =>
    withIncomingServer(tenant, mariadb, async (ask) => {
      refuseNewer(tenant, await appVersions(ask, schema), ground.apps)
      return askBooks(ask, schema, config.encryption_key)
    }),
  )
  refuseWrongKey(tenant, answers)
  await prove(tenant, ground, config, answers, reporter, [userSql(config), ...SOCKET_ACCOUNT])
}

/** The plan. */
export const describeVolumes = (tenant: Tenant, { parts, bytes }: Found): string =>
  [
    `${tenant.name}: the ERPNext in ${parts.map((part) => tenant.volume(part)).join(', ')} would become ours, ${gib(bytes)}`,
    `  kept       a verified copy of each as it is now: ${parts.map((part) => before(tenant, part)).join(', ')}`,
    '  lost       nothing; its own stack must not be started on these volumes again',
  ].join('\n')

const before = (tenant: Tenant, part: Part) => `${tenant.volume(part)}-before`
