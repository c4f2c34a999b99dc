/** What every import does with incoming/: it is removed whatever fails, and what lies in it is booted once more. */
import { updateLedger } from '../backup/ledger.ts'
import type { Answers } from '../backup/proof.ts'
import type { Job } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { proveIncoming } from '../restore/incoming.ts'
import type { Ground } from '../restore/restore.ts'
import { rename, withVolumes } from '../restore/volumes.ts'
import type { Incoming } from './plan.ts'

/** Boot it once more, as a restore does. */
export function prove(
  tenant: Tenant,
  { mariadb }: Ground,
  config: Incoming['config'],
  answers: Answers,
  step: Reporter['step'],
  accounts: string[] = [],
): Promise<void> {
  const expected = { config, manifest: { schema: config.db_name ?? '' }, proof: { answers } }
  return step('Boot it apart and ask it again', () => proveIncoming(tenant, mariadb, expected, accounts))
}

/**
 * Work on incoming/ with the volumes held. Whatever fails, incoming/ is removed; what was proven takes the place of what an
 * earlier restore had kept for its undo.
 */
export async function beside(tenant: Tenant, work: (job: Job) => Promise<void>): Promise<void> {
  await updateLedger(tenant, { incoming: new Date().toISOString() })
  await withVolumes(tenant, async (job) => {
    try {
      await rename(tenant, job, 'clean')
      await work(job)
      await rename(tenant, job, 'drop')
    } catch (error) {
      await rename(tenant, job, 'clean').then(
        () => updateLedger(tenant, { incoming: undefined }),
        () => {}, // the next backup or restore removes it
      )
      throw error
    }
  })
}
