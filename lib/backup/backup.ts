/** Makes a backup: the ground, the copy, one snapshot. It counts once its copy was booted and asked (prove.ts). */
import { statfs } from 'node:fs/promises'
import { renderServices, requireCompose, type Service, stopArgs, upArgs } from '../compose.ts'
import { tenantContainers } from '../containers.ts'
import { docker, type Engine } from '../docker.ts'
import { orElse, preconditionError } from '../errors.ts'
import { freeBytes } from '../files.ts'
import { type Job, removeUnstarted } from '../jobs.ts'
import { askLive, copyDatabase, databaseBytes, emptyStaging } from '../mariadb.ts'
import { gib, mib, pullMissing } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import type { Repository } from '../restic/client.ts'
import { makeSnapshot, type Stored } from '../restic/snapshots.ts'
import { dueRemains, removeRemains, roomHint } from '../restore/previous.ts'
import { verifySecrets } from '../secrets.ts'
import { imageOf } from '../versions.ts'
import { waitUntilHealthy } from '../wait.ts'
import { TAG } from './catalogue.ts'
import { readLedger, updateLedger } from './ledger.ts'
import {
  benchSettings,
  COMMON_CONFIG,
  type Manifest,
  makeManifest,
  parseSiteConfig,
  type SiteConfig,
} from './manifest.ts'

/** What the first step learnt. */
export interface Ground {
  images: { erpnext: string; mariadb: string }
  db: Service
  /** The database runs only for this backup. */
  startsDatabase: boolean
}

/** Check everything that can be checked before anything is changed. @throws OperatorError (3) */
export async function prepare(
  tenant: Tenant,
  registry: Tenant[],
  engine: Engine,
  note: (text: string) => void,
): Promise<Ground> {
  await Promise.all([requireCompose(), verifySecrets(tenant, registry)])
  const [services, containers] = await Promise.all([renderServices(tenant, { jobs: true }), tenantContainers(tenant)])
  const image = (part: string) => imageOf(tenant, services, part)
  const db = services.find(({ name }) => name === tenant.service('db'))
  const container = containers.find(({ service }) => service === db?.name)
  if (!db || !container)
    throw preconditionError(
      `${tenant.name} was never deployed: there is nothing to back up`,
      `npx zx scripts/deploy.ts ${tenant.name}`,
    )
  await removeUnstarted(tenant)
  await makeRoom(tenant, engine, db.image)
  await pullMissing(
    tenant,
    services.filter(({ name }) => [tenant.service('backup'), db.name].includes(name)),
    note,
  )
  const stopped = containers.filter(({ status }) => ['created', 'exited', 'dead'].includes(status))
  const leftByKill =
    stopped.length === containers.length - 1 && (await readLedger(tenant)).databaseStarted !== undefined
  const startsDatabase = stopped.includes(container) || leftByKill
  return { images: { erpnext: image('backend'), mariadb: image('db') }, db, startsDatabase }
}

/**
 * A copy of the database must fit beside it. What killed runs have left goes for it, which only a backup would remove, and what
 * a restore has replaced a week ago, where a backup has that as well, in a repository that nobody has found damaged.
 * @throws OperatorError (3)
 */
async function makeRoom(tenant: Tenant, engine: Engine, image: string): Promise<void> {
  const needed = (await databaseBytes(tenant, image)) * 1.1 + 200 * 2 ** 20
  if ((await leftFor(engine)) >= needed) return
  await emptyStaging(tenant, image)
  const { restored, checked } = await readLedger(tenant)
  const due = await dueRemains(tenant)
  const orders = due.filter((order) => order === 'clean' || (restored?.saved && !checked?.damaged))
  if (orders.length > 0) await removeRemains(tenant, orders)
  const free = await leftFor(engine)
  if (free >= needed) return
  throw preconditionError(
    `${tenant.name}: a copy of the database needs ${gib(needed)}, ${engine.dataRoot} has ${gib(free)}`,
    await roomHint(tenant),
  )
}

/** What the engine's disk has left, in bytes; without end where the engine is on another machine. */
async function leftFor({ dataRoot }: Engine): Promise<number> {
  const disk = await statfs(dataRoot).catch(() => undefined)
  return disk ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY
}

/**
 * A repository on this machine whose disk would not take what the last backup has added. Told, and no refusal: a quiet day may fit.
 */
export async function lacksRoom({ tenant, place }: Repository): Promise<string | undefined> {
  const { verified } = await readLedger(tenant)
  if (!place.directory || !verified) return undefined
  const free = await freeBytes(place.directory)
  if (free === undefined || free >= verified.addedBytes) return undefined
  const prunes = `npx zx scripts/backup.ts ${tenant.name} --prune`
  return `${tenant.name}: the disk of ${place.directory} has ${mib(free)} left, and the last backup added ${mib(verified.addedBytes)}: ${prunes}`
}

/**
 * Do the work, with the database of a stopped tenant started for it, alone, and leave staging empty and the database as it
 * was found: stopped where the tenant is stopped, running where it was killed meanwhile. Done after a signal too.
 * @throws OperatorError (1) where the database does not start or staging cannot be emptied, and what `work` throws
 */
export async function leaving<T>(
  tenant: Tenant,
  { db, images, startsDatabase }: Ground,
  step: Reporter['step'],
  work: () => Promise<T>,
): Promise<T> {
  try {
    if (startsDatabase) {
      await step('Start the database alone', async (note) => {
        await updateLedger(tenant, { databaseStarted: new Date().toISOString() })
        await docker(upArgs(tenant, [db.name], 1, 'never'), { timeout: 120 }) // as it was deployed
        await waitUntilHealthy(tenant, [db], 180, note)
      })
    }
    return await work()
  } finally {
    const args = startsDatabase ? stopArgs(tenant, [db.name]) : ['start', tenant.container('db')]
    await emptyStaging(tenant, images.mariadb)
    const { code } = await docker(args, { timeout: 90, always: true, nothrow: true })
    if (startsDatabase && code === 0) await updateLedger(tenant, { databaseStarted: undefined })
  }
}

/** @throws OperatorError (1) where the copy is not whole, (3) where there is no site. */
export async function copy(
  tenant: Tenant,
  { images }: Ground,
  job: Job,
  note: (text: string) => void,
): Promise<Manifest> {
  const config = await readSiteConfig(tenant, job)
  const common = await job.exec(['cat', `/in/sites/${COMMON_CONFIG}`], { timeout: 20, nothrow: true })
  const bench = common.code === 0 ? benchSettings(common.stdout) : undefined // without that file nothing of the bench runs
  const database = await copyDatabase(tenant, note)
  return makeManifest(tenant, database, config, bench, images, askLive(tenant, 60))
}

/**
 * Sites of the bench that are not the tenant's. Their part of the database comes and goes with its own; their files are in no
 * backup.
 * @param root where the job has the volumes
 */
export async function otherSites({ site }: Tenant, job: Job, root: '/in' | '/out'): Promise<string[]> {
  const script = 'cd "$0" && for it in */site_config.json; do [ ! -e "$it" ] || dirname "$it"; done'
  const { stdout } = await job.exec(['sh', '-c', script, `${root}/sites`], { timeout: 20 })
  return stdout.split('\n').filter((name) => name && name !== site)
}

/** What a backup does not hold, though somebody may think so. */
export async function leftOut(tenant: Tenant, job: Job): Promise<string[]> {
  const others = await orElse(otherSites(tenant, job, '/in'), []) // a remark is no reason to lose a copy of hours
  const links = await findLinks(job, `/in/sites/${tenant.site}`)
  return [
    ...others.map((site) => `${tenant.name}: the files of ${site} are in no backup: a tenant has one site`),
    ...(links ? [`${tenant.name}: what these links lead to is in no backup: ${links}`] : []),
  ]
}

/** The links below a directory of a job, as a person reads them; '' where there is none. */
export async function findLinks(job: Job, directory: string): Promise<string> {
  const find = ['find', directory, '-type', 'l']
  const { stdout } = await job.exec(find, { timeout: 3600, nothrow: true }) // a directory may go meanwhile
  const links = stdout.split('\n').filter(Boolean)
  const named = links.slice(0, 3).map((path) => path.slice(directory.length + 1))
  return [...named, ...(links.length > 3 ? [`${links.length - 3} more`] : [])].join(', ')
}

async function readSiteConfig(tenant: Tenant, job: Job): Promise<SiteConfig> {
  const { code, stdout } = await job.exec(['cat', `/in/sites/${tenant.site}/site_config.json`], {
    timeout: 20,
    nothrow: true,
  })
  if (code !== 0)
    throw preconditionError(
      `${tenant.name} has no site ${tenant.site}: there is nothing to back up`,
      `npx zx scripts/deploy.ts ${tenant.name}`,
    )
  return parseSiteConfig(tenant, stdout)
}

/** One snapshot of the database, the site's files (read after it: every File has its file), the brand and the manifest. */
export async function store(repository: Repository, manifest: Manifest, tags: string[] = []): Promise<Stored> {
  const { tenant, job } = repository
  await job.exec(['sh', '-c', 'cat >/in/manifest.json'], { input: JSON.stringify(manifest), timeout: 20 })
  const paths = ['db', `sites/${tenant.site}`, 'assets', 'manifest.json']
  const remains = ['incoming', 'arriving', 'previous', 'removed'].map((name) => `assets/.${name}`) // a restore's
  const without = [...remains, `sites/${tenant.site}/locks/*`] // of jobs that run here and now
  const stored = await makeSnapshot(repository, { directory: '/in', paths, without }, [TAG.backup, ...tags])
  await updateLedger(tenant, { backup: { at: manifest.at, snapshot: stored.id } })
  return stored
}
