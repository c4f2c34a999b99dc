/** The last look at what an import has put beside the live data, before it is exchanged. */
import { type Answers, unopened } from '../backup/proof.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { proveIncoming } from '../restore/incoming.ts'
import type { Ground } from '../restore/restore.ts'
import type { Incoming } from './plan.ts'

/**
 * Boot it once more, as a restore does.
 * @param accounts SQL that makes accounts which a tenant of ours needs
 * @throws OperatorError (1) where it does not answer as when it was loaded
 */
export function prove(
  tenant: Tenant,
  { mariadb }: Ground,
  config: Incoming['config'],
  answers: Answers,
  { step, warn }: Reporter,
  accounts: string[] = [],
): Promise<unknown> {
  for (const remark of unopened(answers)) warn(`${tenant.name}: ${remark}`)
  return step('Boot it apart and ask it again', () => proveIncoming(tenant, mariadb, config, answers, accounts))
}
