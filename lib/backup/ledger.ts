/** What is known of a tenant's backups without opening a repository: state/<tenant>/ledger.json. */
import { readFile } from 'node:fs/promises'
import { messageOf, OperatorError, preconditionError } from '../errors.ts'
import { makeDirectory, writeAtomically } from '../files.ts'
import type { Tenant, Unit } from '../registry.ts'
import type { Intent } from '../restore/intent.ts'

/** A repository that was seen, by restic's id; `at`: when first. */
export interface Known {
  id: string
  location: string
  at: string
}

/** Each moment is UTC, ISO 8601. */
export interface Ledger {
  /** The repository that these backups are in. */
  repository?: Known
  offsiteRepository?: Known
  /** Where repositories were before. */
  earlierRepositories?: Known[]
  /** What the repository kept after each of the last backups, oldest first. */
  sizes?: { at: string; bytes: number }[]
  /** The last snapshot that was stored, proven or not. */
  backup?: { at: string; snapshot: string }
  verified?: { at: string; snapshot: string; databaseBytes: number; addedBytes: number }
  offsite?: { at: string; snapshot: string }
  /** The last check of the off-site repository, and which part of its data was read. */
  offsiteChecked?: { at: string; part: number; damaged?: string }
  /** The last check of the repository, which part of its data was read, and of how many. */
  checked?: { at: string; part: number; parts?: number; damaged?: string }
  /** When a check last found damage: what was unproven then may have been proven before. */
  damagedAt?: string
  /** The last exchange of the data, whether what it replaced is kept in the volumes, and of when a backup has that as well. */
  restored?: { at: string; verb: Intent['verb']; kept: boolean; saved?: string; snapshots: string[] }
  /** Not each verified backup is off-site: one could not be read here, or the line broke before it. */
  offsiteBehind?: true | undefined
  /** Since when a restore has data beside the live one: what a kill leaves there is removed by the next backup. */
  incoming?: string | undefined
  /** Since when the space of backups that were forgotten is to be given back: a full disk or a kill keeps it from that. */
  pruneDue?: string | undefined
  /** Since when the database of a stopped tenant runs for a backup: a kill leaves it so. */
  databaseStarted?: string | undefined
  drilled?: {
    at: string
    snapshot: string
    /** From nothing to a site that answers (RTO). */
    restoreSeconds: number
    /** Age of the backup when the drill began (RPO). */
    backupAgeSeconds?: number
    passed: boolean
    message?: string
  }
}

/** @throws OperatorError (3) where the file is there but cannot be read. */
export async function readLedger(tenant: Pick<Unit, 'state'>): Promise<Ledger> {
  const file = tenant.state('ledger.json')
  try {
    const ledger: Ledger | null = JSON.parse(await readFile(file, 'utf8'))
    if (typeof ledger === 'object' && ledger) return ledger
    throw new Error('it is no object')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw preconditionError(
      `${file} cannot be read: ${messageOf(error)}`,
      'move it away: the next backup makes it anew',
    )
  }
}

/** Write some entries and keep the others. @throws OperatorError (1): what it would tell has happened already. */
export async function updateLedger(tenant: Tenant, entries: Partial<Ledger>): Promise<void> {
  await makeDirectory(tenant.state())
  const ledger = { ...(await readLedger(tenant)), ...entries }
  await writeAtomically(tenant.state('ledger.json'), `${JSON.stringify(ledger, null, 2)}\n`, 0o600).catch((error) => {
    throw new OperatorError(messageOf(error), { cause: error })
  })
}
