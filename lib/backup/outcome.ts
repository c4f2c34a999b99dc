/** What a backup is about to do, and how it ended, as lines for people. */
import { mib } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import type { Stored } from '../restic/snapshots.ts'
import { readLedger } from './ledger.ts'
import { placeOf } from './repository.ts'
import type { Policy } from './retention.ts'

/** What a backup would do, for `--dry-run`. @throws OperatorError (3) for a repository that is not usable as it is named. */
export async function planned(tenant: Tenant, policy: Policy, prunes: boolean): Promise<string> {
  const [ledger, repository, offsite] = [
    await readLedger(tenant),
    placeOf(tenant, 'repository'),
    placeOf(tenant, 'offsite'),
  ]
  const last = ledger.verified ? `the last verified one is of ${ledger.verified.at}` : 'none was verified yet'
  const retention = `${policy.keepDaily} days, ${policy.keepWeekly} weeks, ${policy.keepMonthly} months`
  return [
    prunes
      ? `${tenant.name}: would check the repository and remove what retention lets go; ${last}`
      : `${tenant.name}: would copy and prove ${tenant.container('db')} and ${tenant.site}; ${last}`,
    `  repository  ${repository?.location}`,
    `  off-site    ${offsite?.location ?? 'none'}`,
    `  would keep  ${retention}`,
  ].join('\n')
}

/** What a run left in the repository; it made no backup where it only removed some. */
interface Done extends Partial<Stored> {
  tenant: string
  kept: number
  forgotten: number
  newest?: string
}

/** One line for people. */
export function summary({ tenant, kept, forgotten, newest, id, totalBytes = 0, addedBytes = 0 }: Done): string {
  const rest = `${kept} backups kept, ${forgotten} removed`
  if (id === undefined)
    return `${tenant}: ${rest}; ${newest ? `the newest verified one is of ${newest}` : 'none is verified'}`
  return `${tenant}: verified, ${mib(totalBytes)} in ${id.slice(0, 8)}, ${mib(addedBytes)} of it new; ${rest}`
}
