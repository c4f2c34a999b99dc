/** The steps of backup.ts: copy, store, prove, keep, copy off-site. A backup counts once its copy was booted and asked. */
import { statfs } from 'node:fs/promises'
import { $ } from 'zx/core'
import { renderServices, requireCompose, type Service, stopArgs, upArgs } from '../compose.ts'
import { type Container, tenantContainers } from '../containers.ts'
import { docker, type Engine } from '../docker.ts'
import { messageOf, OperatorError, preconditionError } from '../errors.ts'
import { type Job, jobName } from '../jobs.ts'
import { askLive, copyDatabase, type DatabaseCopy, emptyStaging, scratchArgs, withScratchServer } from '../mariadb.ts'
import { gib, pullMissing } from '../preflight.ts'
import { learnSecret } from '../redact.ts'
import type { Tenant } from '../registry.ts'
import {
  checkRepository,
  copySnapshots,
  forget,
  makeSnapshot,
  prune,
  type Repository,
  readSnapshotFile,
  repositoryBytes,
  type Stored,
} from '../restic.ts'
import { readIntent } from '../restore/intent.ts'
import { verifySecrets } from '../secrets.ts'
import { waitUntilHealthy } from '../wait.ts'
import { type Backup, isVerified, listBackups, TAG } from './catalogue.ts'
import { readLedger, updateLedger } from './ledger.ts'
import { type Manifest, makeManifest, type SiteConfig } from './manifest.ts'
import { askBooks, judge, type Proof, sha256 } from './proof.ts'
import { placeOf } from './repository.ts'
import { type Policy, planRetention } from './retention.ts'

/** The data of a repository is read in this many nights; a small one on this machine every night. */
const PARTS = 7
const SMALL = 256 * 2 ** 20
/** Sizes that the ledger remembers. */
const MONTH = 31
const STAGING = '/srv/staging'

/** What the first step learnt. */
export interface Ground {
  images: { erpnext: string; mariadb: string }
  db: Service
  /** The database runs only for this backup. */
  startedDatabase: boolean
}

/**
 * Check everything that can be checked without changing anything, and start the database of a stopped tenant, alone.
 * @throws OperatorError (3)
 */
export async function prepare(
  tenant: Tenant,
  registry: Tenant[],
  engine: Engine,
  note: (text: string) => void,
): Promise<Ground> {
  await Promise.all([requireCompose(), verifySecrets(tenant, registry)])
  const [services, containers] = await Promise.all([renderServices(tenant, { jobs: true }), tenantContainers(tenant)])
  const image = (part: string) => services.find(({ name }) => name === tenant.service(part))?.image ?? ''
  const db = services.find(({ name }) => name === tenant.service('db'))
  const container = containers.find(({ service }) => service === db?.name)
  if (!db || !container)
    throw preconditionError(
      `${tenant.name} was never deployed: there is nothing to back up`,
      `npx zx scripts/deploy.ts ${tenant.name}`,
    )
  await verifySpace(tenant, engine)
  await pullMissing(
    tenant,
    services.filter(({ name }) => [tenant.service('backup'), db.name].includes(name)),
    note,
  )
  const startedDatabase = await ensureDatabase(tenant, db, container, note)
  return { images: { erpnext: image('backend'), mariadb: image('db') }, db, startedDatabase }
}

/** A copy of the database must fit beside it. The last one's size tells how much that is. @throws OperatorError (3) */
async function verifySpace(tenant: Tenant, engine: Engine): Promise<void> {
  const { verified } = await readLedger(tenant)
  const disk = await statfs(engine.dataRoot).catch(() => undefined) // the engine may be on another machine
  const needed = (verified?.databaseBytes ?? 0) * 1.1 + 200 * 2 ** 20
  const free = disk ? disk.bavail * disk.bsize : needed
  if (free < needed) {
    throw preconditionError(
      `${tenant.name}: a copy of the database needs ${gib(needed)}, ${engine.dataRoot} has ${gib(free)}`,
      'docker system df',
    )
  }
}

async function ensureDatabase(
  tenant: Tenant,
  db: Service,
  { status }: Container,
  note: (text: string) => void,
): Promise<boolean> {
  if (status === 'running' || status === 'paused') return false
  await docker(upArgs(tenant, [db.name], 1), { timeout: 120 })
  await waitUntilHealthy(tenant, [db], 180, note)
  return true
}

/**
 * Do the work and leave staging empty and the database as it was found: stopped where the tenant is stopped, running where
 * it was killed meanwhile. Done after a signal too.
 */
export async function leaving<T>(tenant: Tenant, ground: Ground, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    const args = ground.startedDatabase ? stopArgs(tenant, [ground.db.name]) : ['start', tenant.container('db')]
    await emptyStaging(tenant, ground.images.mariadb)
    await docker(args, { timeout: 90, always: true, nothrow: true })
  }
}

/** The registry's retention, with what was said on the command line instead. */
export function policyOf(
  { retention }: Tenant,
  options: { [K in `keep-${'daily' | 'weekly' | 'monthly'}`]: number | undefined },
): Policy {
  return {
    keepDaily: options['keep-daily'] ?? retention.keepDaily,
    keepWeekly: options['keep-weekly'] ?? retention.keepWeekly,
    keepMonthly: options['keep-monthly'] ?? retention.keepMonthly,
  }
}

/** What a backup would do, for `--dry-run`. @throws OperatorError (3) for a repository that is not usable as it is named. */
export async function planned(tenant: Tenant, policy: Policy): Promise<string> {
  const [ledger, repository, offsite] = [
    await readLedger(tenant),
    placeOf(tenant, 'repository'),
    placeOf(tenant, 'offsite'),
  ]
  const last = ledger.verified ? `the last verified one is of ${ledger.verified.at}` : 'none was verified yet'
  const retention = `${policy.keepDaily} days, ${policy.keepWeekly} weeks, ${policy.keepMonthly} months`
  return [
    `${tenant.name}: would copy and prove ${tenant.container('db')} and ${tenant.site}; ${last}`,
    `  repository  ${repository?.location}`,
    `  off-site    ${offsite?.location ?? 'none'}`,
    `  would keep  ${retention}`,
  ].join('\n')
}

/** One line for people. */
export function summary(done: {
  tenant: string
  id: string
  totalBytes: number
  addedBytes: number
  kept: number
  forgotten: number
}): string {
  const size = `${mib(done.totalBytes)} in ${done.id.slice(0, 8)}, ${mib(done.addedBytes)} of it new`
  return `${done.tenant}: verified, ${size}; ${done.kept} backups kept, ${done.forgotten} removed`
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/** The copy, with what the snapshot will say of it. */
export interface Copy {
  manifest: Manifest
}

/** @throws OperatorError (1) where the copy is not whole, (3) where there is no site. */
export async function copy(tenant: Tenant, { images }: Ground, job: Job, note: (text: string) => void): Promise<Copy> {
  const config = await readSiteConfig(tenant, job)
  const database: DatabaseCopy = await copyDatabase(tenant, note)
  return { manifest: await makeManifest(tenant, database, config, images, askLive(tenant)) }
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

/** @throws OperatorError (1); the message does not quote the file, which holds passwords. */
export function parseSiteConfig(tenant: Tenant, text: string): SiteConfig {
  try {
    const config = JSON.parse(text) as SiteConfig
    for (const secret of [config.db_password, config.encryption_key]) if (secret) learnSecret(secret)
    if (/^\w+$/.test(config.db_name ?? '')) return config
  } catch {}
  throw new OperatorError(`${tenant.name}: site_config.json of ${tenant.site} is not usable`)
}

/** One snapshot of the database, the site's files (read after it: every File has its file), the brand and the manifest. */
export async function store(repository: Repository, { manifest }: Copy): Promise<Stored> {
  const { tenant, job } = repository
  await job.exec(['sh', '-c', 'cat >/in/manifest.json'], { input: JSON.stringify(manifest), timeout: 20 })
  const paths = ['db', `sites/${tenant.site}`, 'assets', 'manifest.json']
  const without = ['incoming', 'arriving', 'previous', 'removed'].map((name) => `assets/.${name}`) // a restore's
  const stored = await makeSnapshot(repository, { directory: '/in', paths, without }, [TAG.backup])
  await updateLedger(tenant, { backup: { at: manifest.at, snapshot: stored.id } })
  return stored
}

/**
 * Boot the copy apart, ask it about the books, and store what it said beside the snapshot.
 * @throws OperatorError (1) where the copy does not boot or does not answer as books do; the snapshot stays unverified.
 */
export async function prove(
  repository: Repository,
  ground: Ground,
  { manifest }: Copy,
  stored: Stored,
): Promise<Proof> {
  const { tenant } = repository
  const read = (path: string) => readSnapshotFile(repository, stored.id, path)
  const [text, siteConfig] = await Promise.all([read('/manifest.json'), read(`/sites/${tenant.site}/site_config.json`)])
  const config = parseSiteConfig(tenant, siteConfig)
  const name = jobName(tenant, 'scratch')
  const args = scratchArgs(name, ground.images.mariadb, `${tenant.volume('backup-staging')}:${STAGING}`, STAGING)
  const answers = await withScratchServer(args, name, (ask) => askBooks(ask, manifest.schema, config.encryption_key))
  const remarks = await judge(manifest, { manifest: text, config }, answers, askLive(tenant))
  const proof: Proof = {
    format: 1,
    tenant: tenant.name,
    snapshot: stored.id,
    manifest: sha256(text),
    at: new Date().toISOString(),
    answers,
    remarks,
  }
  await makeSnapshot(repository, { file: 'proof.json', stdin: JSON.stringify(proof) }, [TAG.proof, TAG.of(stored.id)])
  const { at, databaseBytes } = manifest
  await updateLedger(tenant, { verified: { at, snapshot: stored.id, databaseBytes, addedBytes: stored.addedBytes } })
  await emptyStaging(tenant, ground.images.mariadb)
  return proof
}

/**
 * Read the next seventh of the repository's data (all of a small one) and all of its structure.
 * @throws OperatorError (1) where anything is damaged; the ledger says so, and nothing is removed until a check passes.
 */
export async function check(repository: Repository): Promise<void> {
  const { tenant } = repository
  const { checked, sizes = [] } = await readLedger(tenant)
  const size = await repositoryBytes(repository)
  const parts = repository.place.directory && size < SMALL ? 1 : PARTS
  const part = ((checked?.part ?? 0) % parts) + 1
  const at = new Date().toISOString()
  await updateLedger(tenant, { sizes: [...sizes, { at, bytes: size }].slice(-MONTH) })
  try {
    await checkRepository(repository, part, parts)
  } catch (error) {
    await updateLedger(tenant, { checked: { at, part: checked?.part ?? 0, damaged: messageOf(error) } })
    throw new OperatorError(`${tenant.name}: the repository is damaged; nothing was removed: ${messageOf(error)}`, {
      hint: 'see docs/backup.md#the-repository-is-damaged',
      cause: error,
    })
  }
  await updateLedger(tenant, { checked: { at, part } })
}

/** What retention did. */
export interface Kept {
  kept: number
  forgotten: number
  /** What the operator should know. */
  remarks: string[]
}

/** Forget the backups that retention lets go, with their proofs, and give their space back. Runs only after a passed check. */
export async function keep(repository: Repository, policy: Policy): Promise<Kept> {
  const needed = await neededSnapshots(repository.tenant)
  const backups = await listBackups(repository)
  const { keep: kept, forget: gone, held } = planRetention(backups, policy, needed, Date.now())
  const remarks = held ? [`nothing was removed: ${held}`] : []
  const ids = gone.flatMap(({ id, proof }) => [id, ...(proof ? [proof] : [])])
  try {
    await forget(repository, ids)
    if (ids.length > 0) await prune(repository)
  } catch (error) {
    $.signal?.throwIfAborted()
    remarks.push(
      `old backups were not removed (an append-only repository is pruned by its own host): ${messageOf(error)}`,
    )
    return { kept: backups.length, forgotten: 0, remarks }
  }
  return { kept: kept.length, forgotten: gone.length, remarks }
}

/** Snapshots that something depends on: a restore that is not finished, or that can still be undone. */
async function neededSnapshots(tenant: Tenant): Promise<string[]> {
  const [intent, { restored }] = await Promise.all([readIntent(tenant), readLedger(tenant)])
  return [...(intent?.snapshots ?? []), ...(restored?.kept ? restored.snapshots : [])]
}

/**
 * Copy every verified backup that the off-site repository lacks, newer than what it had last.
 * @throws OperatorError (1) where the newest did not arrive; here it is verified all the same.
 */
export async function copyOffsite(
  repository: Repository,
  open: () => Promise<Repository>,
): Promise<{ copied: number }> {
  const { tenant } = repository
  try {
    return await copyMissing(repository, await open())
  } catch (error) {
    $.signal?.throwIfAborted()
    if (!(error instanceof OperatorError)) throw error
    const { message, hint = `npx zx scripts/backup.ts ${tenant.name} copies what was missed` } = error
    throw new OperatorError(`${tenant.name}: backed up and verified here, but not off-site: ${message}`, {
      hint,
      cause: error,
    })
  }
}

async function copyMissing(repository: Repository, offsite: Repository): Promise<{ copied: number }> {
  const { tenant } = repository
  const [here, there] = await Promise.all([listBackups(repository), listBackups(offsite)])
  const newest = there.filter(isVerified).at(-1)?.at ?? ''
  const missing = here.filter(isVerified).filter(({ at }) => at > newest)
  await copySnapshots(
    repository,
    offsite,
    missing.flatMap(({ id, proof }) => [id, proof]),
  )
  const arrived = (await listBackups(offsite)).filter(isVerified).at(-1)
  const wanted: Backup | undefined = here.filter(isVerified).at(-1)
  if (!arrived || !wanted || arrived.original !== wanted.original)
    throw new OperatorError(`${tenant.name}: the newest backup did not arrive off-site`)
  await updateLedger(tenant, { offsite: { at: new Date().toISOString(), snapshot: wanted.id } })
  return { copied: missing.length }
}
