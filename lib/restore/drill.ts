/** The drill: a backup is restored into a scratch stack, its desk is opened, its books and files are compared, all of it goes. */

import { $ } from 'zx/core'
import { readLedger, updateLedger } from '../backup/ledger.ts'
import { fingerprint, parseSiteConfig } from '../backup/manifest.ts'
import { withRepositories } from '../backup/open.ts'
import { askBooks } from '../backup/proof.ts'
import { renderServices } from '../compose.ts'
import { tenantContainers } from '../containers.ts'
import { addressOf } from '../deploy.ts'
import { messageOf, OperatorError } from '../errors.ts'
import { get } from '../http.ts'
import { askLive } from '../mariadb.ts'
import { deskOf, type Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import type { Repository } from '../restic/client.ts'
import { hashSnapshotFile, listFiles } from '../restic/snapshots.ts'
import { withSession } from '../session.ts'
import { bringSettings, bringUp, endMaintenance } from './bringup.ts'
import { compare, fetchIncoming, proveIncoming } from './incoming.ts'
import { type Choice, readChoice } from './plan.ts'
import type { Ground, Wanted } from './restore.ts'
import { withScratch } from './scratch.ts'
import { runSwap } from './volumes.ts'

/** What a drill starts: what answers a browser. Neither worker nor scheduler: no mail may leave, no job may run. */
const PARTS = ['volumes', 'db', 'redis-cache', 'redis-queue', 'configurator', 'backend', 'socketio', 'frontend']
/** Files that are compared with the repository, and the largest of them, in bytes. */
const SAMPLE = { count: 3, largest: 64 * 2 ** 20 }

/** How a drill went. */
export interface Drilled {
  snapshot: string
  /** From nothing to a site that answers (RTO). */
  restoreSeconds: number
  /** Age of the backup when the drill began (RPO). */
  backupAgeSeconds: number
  /** How many files were compared. */
  files: number
}

/** @throws OperatorError (1) where the backup does not become a site that is what was backed up; the ledger says so. */
export async function drill(tenant: Tenant, ground: Ground, wanted: Wanted, reporter: Reporter): Promise<Drilled> {
  const at = new Date().toISOString()
  try {
    const drilled = await withScratch(tenant, (scratch) => restoreInto(scratch, ground, wanted, reporter))
    const { snapshot, restoreSeconds, backupAgeSeconds } = drilled
    await updateLedger(tenant, { drilled: { at, snapshot, restoreSeconds, backupAgeSeconds, passed: true } })
    return drilled
  } catch (error) {
    $.signal?.throwIfAborted() // stopped: that says nothing of the backup
    const message = messageOf(error)
    const { verified } = await readLedger(tenant)
    const none = { snapshot: verified?.snapshot ?? '', restoreSeconds: 0, backupAgeSeconds: 0 }
    await updateLedger(tenant, { drilled: { at, ...none, passed: false, message } })
    throw error
  }
}

function restoreInto(
  scratch: Tenant,
  ground: Ground,
  { snapshot, from }: Wanted,
  { step, warn }: Reporter,
): Promise<Drilled> {
  const begun = performance.now()
  const seconds = () => Math.round((performance.now() - begun) / 100) / 10
  return withRepositories(scratch, 'restore', { only: from }, async ({ job, repository }) => {
    const choice = await step('Read the backup', () => readChoice(repository, snapshot, ground.apps))
    const { schema, at } = choice.manifest
    const backupAgeSeconds = Math.round((Date.now() - Date.parse(at)) / 1000) - Math.round(seconds())
    await step('Restore it into a scratch stack', () => fetchIncoming(repository, choice))
    await step('Boot it apart and compare it with its proof', () =>
      proveIncoming(scratch, ground.mariadb, choice.config, choice.proof.answers),
    )
    await runSwap(scratch, job, 'swap')
    await endMaintenance(scratch, job, choice.config, {}, warn)
    await bringSettings(scratch, job, true, warn)
    const services = (await renderServices(scratch)).filter(({ name }) =>
      PARTS.some((part) => name === scratch.service(part)),
    )
    const { migrated } = await bringUp(scratch, services, { schema, apps: ground.apps }, step)
    const restoreSeconds = seconds()
    await step('Compare rows, series and the key with the proof', () => compareBooks(repository, choice, migrated))
    const files = await step('Compare files with the repository', () => compareFiles(repository, choice))
    await step('Open the desk', () => openDesk(scratch))
    return { snapshot: choice.backup.id, restoreSeconds, backupAgeSeconds, files }
  })
}

/** The running database and the key that the site now has: one that it made itself would open nothing. */
async function compareBooks(
  { tenant, job }: Repository,
  { manifest, proof }: Choice,
  migrated: boolean,
): Promise<void> {
  const { stdout } = await job.exec(['cat', `/out/sites/${tenant.site}/site_config.json`], { timeout: 20 })
  const config = parseSiteConfig(tenant, stdout)
  if (fingerprint(config.encryption_key) !== manifest.keyFingerprint)
    throw new OperatorError(`${tenant.name}: the restored site has another encryption key than the backup`)
  const answers = await askBooks(askLive(tenant), manifest.schema, config.encryption_key)
  const { baseTables, sequences } = proof.answers // a newer release may have more; before the migration they were compared
  compare(tenant, proof.answers, migrated ? { ...answers, baseTables, sequences } : answers)
}

/** Some uploaded files, chosen by chance, by their hashes. Returns how many there were to choose. */
async function compareFiles(repository: Repository, { backup }: Choice): Promise<number> {
  const { tenant, job } = repository
  const folders = ['public', 'private'].map((kind) => `/sites/${tenant.site}/${kind}`)
  const nodes = await listFiles(repository, backup.id, folders, { recursive: true })
  const readable = (path: string) => !path.includes('\uFFFD') // restic's JSON has no other word for a byte that is not UTF-8
  const files = nodes.filter(({ type, path, size = 0 }) => type === 'file' && size <= SAMPLE.largest && readable(path))
  const chosen = files.sort(() => Math.random() - 0.5).slice(0, SAMPLE.count)
  for (const { path } of chosen) {
    const stored = await hashSnapshotFile(repository, backup.id, path)
    const hash = ['sh', '-c', 'sha256sum <"$0"', `/out${path}`] // given a name, it marks the hash of an odd one
    const { stdout } = await job.exec(hash, { timeout: 120 })
    if (stdout.slice(0, 64) !== stored)
      throw new OperatorError(`${tenant.name}: ${path} is not what the repository holds`)
  }
  return chosen.length
}

/** As a person would. */
async function openDesk(tenant: Tenant): Promise<void> {
  const address = addressOf(tenant, await tenantContainers(tenant))
  await withSession(tenant, async (Cookie) => {
    const ask = (path: string) =>
      get(`http://${address}:8080${path}`, { headers: { Host: tenant.site, Cookie }, timeout: 30 })
    const user = await ask('/api/method/frappe.auth.get_logged_user')
    if (!user.body.includes('Administrator'))
      throw new OperatorError(`${tenant.name}: nobody is logged in: ${user.error ?? `HTTP ${user.status}`}`)
    const desk = await ask(deskOf(tenant))
    if (desk.status !== 200 || !desk.body.includes('frappe'))
      throw new OperatorError(`${tenant.name}: the desk does not open: ${desk.error ?? `HTTP ${desk.status}`}`)
  })
}
