/** The tenant's volumes in the restore job, where renames exchange its data for what was put beside it (tenant/swap.sh). */
import { readLedger, updateLedger } from '../backup/ledger.ts'
import { parseSiteConfig, type SiteConfig } from '../backup/manifest.ts'
import { preconditionError } from '../errors.ts'
import { type Job, withJob } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import { readIntent, writeIntent } from './intent.ts'

/** What tenant/swap.sh does. */
type Order = 'make' | 'own' | 'swap' | 'release' | 'turn' | 'clean' | 'drop'

/**
 * What lies in the volumes: the database's data, the site's folder, what comes, what was replaced (`files`: a site's folder
 * that had no database), what a drop that was killed has left (`removed`), a database that is not ours.
 */
export type Content = 'data' | 'site' | 'incoming' | 'previous' | 'files' | 'removed' | 'foreign'

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

/** The site's configuration as it lies there; nothing where there is no site, or its file is torn. */
export async function siteConfigOf(tenant: Tenant, job: Job): Promise<SiteConfig | undefined> {
  const cat = ['cat', `/out/sites/${tenant.site}/site_config.json`]
  const { code, stdout } = await job.exec(cat, { timeout: 20, nothrow: true })
  if (code !== 0) return undefined
  try {
    return parseSiteConfig(tenant, stdout)
  } catch {
    return undefined // no reason not to restore; what has it does not come up, and goes back
  }
}

/** @throws OperatorError (3) for a database that these scripts did not make. */
export async function contentOf(tenant: Tenant, job: Job): Promise<Set<Content>> {
  const { stdout } = await job.exec(['sh', '/opt/erp/swap.sh', 'state', tenant.site], { timeout: 20 })
  const content = new Set(stdout.split('\n').filter(Boolean) as Content[])
  if (!content.has('foreign')) return content
  throw preconditionError(
    `volume ${tenant.volume('db-data')} holds a database that these scripts did not make; nothing was changed`,
    `npx zx scripts/restore.ts ${tenant.name} --import volumes takes it as it is: docs/taking-over.md`,
  )
}
