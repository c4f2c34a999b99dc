/** Which snapshots of a repository are a tenant's backups, and which of them are verified. */
import { preconditionError, quoted, usageError } from '../errors.ts'
import type { Repository } from '../restic/client.ts'
import { listSnapshots, type Snapshot } from '../restic/snapshots.ts'

/** Tags of what we make; nothing else in a repository is ever touched. */
export const TAG = { backup: 'backup', proof: 'proof', of: (id: string) => `of=${id}` } as const

/** A backup, and the proof that makes it count. */
export interface Backup {
  id: string
  /** UTC, ISO 8601. */
  at: string
  /** Its id in the repository where it was made. */
  original: string
  /** Snapshot that holds its proof; nothing where it was never proven. */
  proof?: string
}

/** A tenant's backups, oldest first. */
export async function listBackups(repository: Repository): Promise<Backup[]> {
  return readCatalogue(await listSnapshots(repository), repository.tenant.name)
}

/** Tell backups and proofs from a list of snapshots. A copy is known by the id that its original had. Pure. */
export function readCatalogue(snapshots: Snapshot[], tenant: string): Backup[] {
  const own = snapshots.filter(({ hostname }) => hostname === tenant)
  const tagged = (snapshot: Snapshot, tag: string) => snapshot.tags?.includes(tag) === true
  const proofs = own.filter((snapshot) => tagged(snapshot, TAG.proof))
  return own
    .filter((snapshot) => tagged(snapshot, TAG.backup))
    .map(({ id, time, original = id }) => {
      const proof = proofs.find((one) => tagged(one, TAG.of(original)))
      return { id, at: new Date(time).toISOString(), original, ...(proof && { proof: proof.id }) }
    })
}

/**
 * The backup that was asked for: `latest` is the newest verified one; else the beginning of an id, at least 6 digits.
 * @param list the command that lists them, for a hint
 * @throws OperatorError (2) for what is no id, (3) where there is none, more than one, or it is not verified.
 */
export function chooseBackup(backups: Backup[], wanted: string, list: string): Backup & { proof: string } {
  if (wanted === 'latest') {
    const newest = backups.filter(isVerified).at(-1)
    if (newest) return newest
    throw preconditionError('there is no verified backup', list)
  }
  checkSnapshotName(wanted)
  const found = backups.filter(({ id }) => id.startsWith(wanted))
  const [only] = found
  if (!only) throw preconditionError(`there is no backup ${wanted}`, list)
  if (found.length > 1)
    throw preconditionError(`${wanted} is the beginning of ${found.length} backups: give more digits`)
  if (!isVerified(only)) throw preconditionError(`backup ${wanted} is not verified: it was never booted and asked`)
  return only
}

/** @throws OperatorError (2) for what is neither `latest` nor the beginning of an id. */
export function checkSnapshotName(wanted: string): void {
  if (!/^(latest|[0-9a-f]{6,64})$/.test(wanted))
    throw usageError(`${quoted(wanted)} is no snapshot: give latest, or 6 or more digits of its id`)
}

export const isVerified = (backup: Backup): backup is Backup & { proof: string } => backup.proof !== undefined
