/** The tenant's volumes in the restore job, where renames exchange its data for what was put beside it (tenant/swap.sh). */
import { readLedger, updateLedger } from '../backup/ledger.ts'
import { COMMON_CONFIG, parseSiteConfig, type SiteConfig } from '../backup/manifest.ts'
import { answerOf, ended } from '../docker.ts'
import { preconditionError } from '../errors.ts'
import { type Job, withJob } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import { readIntent, writeIntent } from './intent.ts'

/** What tenant/swap.sh does. */
type Order = 'make' | 'own' | 'swap' | 'release' | 'turn' | 'clean' | 'drop'

/**
 * What lies in the volumes: the database's data, the site's folder, what comes, what was replaced (`files`: a site's folder
 * that had no database), the moment that it was marked with, what a drop that was killed has left (`removed`), a database
 * that is not ours.
 */
export type Content = 'data' | 'site' | 'incoming' | 'previous' | 'files' | `kept ${string}` | 'removed' | 'foreign'

/** Hold a restore job without a repository while `work` renames. */
export function withVolumes<T>(tenant: Tenant, work: (job: Job) => Promise<T>): Promise<T> {
  return withJob(tenant, 'restore', [], work)
}

/** Give tenant/swap.sh an order. Done again it does no harm. @throws OperatorError (1) */
export async function runSwap(tenant: Tenant, job: Job, order: Order): Promise<void> {
  await job.exec(['sh', '/opt/erp/swap.sh', order, tenant.site], { timeout: 3600, always: order === 'clean' })
}

/**
 * Put something into incoming/, with the volumes held by `job`. Whatever fails, incoming/ is removed; what was proven takes
 * the place of what an earlier restore had kept for its undo. A restore that is not finished knows that it is not its own.
 */
export async function besideLive(tenant: Tenant, job: Job, work: () => Promise<void>): Promise<void> {
  await updateLedger(tenant, { incoming: new Date().toISOString() })
  const intent = await readIntent(tenant)
  if (intent) await writeIntent(tenant, { ...intent, replaced: true })
  try {
    await runSwap(tenant, job, 'clean')
    await work()
    await runSwap(tenant, job, 'drop')
    await noteDropped(tenant)
  } catch (error) {
    await runSwap(tenant, job, 'clean').then(
      () => updateLedger(tenant, { incoming: undefined }),
      () => {}, // the next backup or restore removes it
    )
    throw error
  }
}

/** Nothing is kept for an undo any more. */
export async function noteDropped(tenant: Tenant): Promise<void> {
  const { restored } = await readLedger(tenant)
  if (restored) await updateLedger(tenant, { restored: { ...restored, kept: false } })
}

/**
 * The site's configuration as it lies there; nothing where there is no site, or its file is torn.
 * @throws OperatorError (1) where nobody could look: that is not "no site", whose data is not migrated
 */
export async function siteConfigOf(tenant: Tenant, job: Job): Promise<SiteConfig | undefined> {
  const stdout = await readThere(job, `/out/sites/${tenant.site}/site_config.json`)
  if (stdout === undefined) return undefined
  try {
    return parseSiteConfig(tenant, stdout)
  } catch {
    return undefined // no reason not to restore; what has it does not come up, and goes back
  }
}

/**
 * The configuration of the whole bench; nothing in it where there is no such file yet.
 * @throws OperatorError (3) where it is torn: neither what comes nor what is there would come up. The file holds passwords
 * and is not quoted.
 */
export async function benchConfigOf(tenant: Tenant, job: Job): Promise<Record<string, unknown>> {
  const text = await readThere(job, `/out/sites/${COMMON_CONFIG}`)
  try {
    const config: unknown = JSON.parse(text ?? '{}')
    if (config instanceof Object && !Array.isArray(config)) return config as Record<string, unknown>
  } catch {}
  throw preconditionError(
    `${tenant.name}: ${COMMON_CONFIG} in the volume ${tenant.volume('sites-data')} is not usable JSON: nothing comes up on it; nothing was changed`,
    'mend that file, or remove it: it is written anew, with our keys alone',
  )
}

/** Mark what is kept with the moment that the ledger will name: a ledger that was put back from a copy is found out. */
export async function markKept(tenant: Tenant, job: Job, at: string): Promise<void> {
  await job.exec(['sh', '/opt/erp/swap.sh', 'mark', tenant.site, '/out', at], { timeout: 20 })
}

/** A file's text; nothing where there is none. @throws OperatorError (1) where nobody could look */
export async function readThere(job: Job, file: string): Promise<string | undefined> {
  const script = '[ ! -e "$1" ] || { echo; cat "$1"; }'
  const text = answerOf(await job.exec(ended(['sh', '-c', script, 'sh', file]), { timeout: 60 }), job.name)
  return text === '' ? undefined : text.slice(1)
}

/** @throws OperatorError (3) for a database that these scripts did not make. */
export async function contentOf(tenant: Tenant, job: Job): Promise<Set<Content>> {
  const said = await job.exec(ended(['sh', '/opt/erp/swap.sh', 'state', tenant.site]), { timeout: 20 })
  const content = new Set(answerOf(said, job.name).split('\n').filter(Boolean) as Content[])
  if (!content.has('foreign')) return content
  throw preconditionError(
    `volume ${tenant.volume('db-data')} holds a database that these scripts did not make; nothing was changed`,
    `npx zx scripts/restore.ts ${tenant.name} --import volumes takes it as it is: docs/taking-over.md`,
  )
}

/** The same, in a job of its own. @throws as contentOf() */
export const lookInside = (tenant: Tenant): Promise<Set<Content>> =>
  withVolumes(tenant, (job) => contentOf(tenant, job))
