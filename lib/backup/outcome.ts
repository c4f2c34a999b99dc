/** What a backup is about to do, and how it ended, as lines for people. */
import type { Tenant } from '../registry.ts'
import { readLedger } from './ledger.ts'
import { placeOf } from './repository.ts'
import type { Policy } from './retention.ts'

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
