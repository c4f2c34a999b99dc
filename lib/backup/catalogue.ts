/** Which snapshots of a repository are a tenant's backups, and which of them are verified. */
import { preconditionError, quoted, usageError } from '../errors.ts'
import type { Repository } from '../restic/client.ts'
import { listSnapshots, type Snapshot } from '../restic/snapshots.ts'

/** Tags of what we make; nothing else in a repository is ever touched. `safety`: what a restore was about to replace. */
export const TAG = { backup: 'backup', safety: 'safety', proof: 'proof', of: (id: string) => `of=${id}` } as const

/** How far the clocks of two machines may be apart, in milliseconds. */
const SKEW = 5 * 60_000

/** True for what a wrong clock has made, such as a backup. @param now milliseconds since 1970 */
export const isOfFuture = ({ at }: Pick<Backup, 'at'>, now: number) => Date.parse(at) > now + SKEW

/** A backup, and the proof that makes it count. */
export interface Backup {
  id: string
  /** UTC, ISO 8601. */
  at: string
  /** Its id in the repository where it was made. */
  original: string
  /** A restore made it of what it replaced: it is restored by its id alone. */
  safety: boolean
  /** Snapshot that holds its proof; nothing where it was never proven. */
  proof?: string
}

/** A tenant's backups, oldest first. @param unread as of listSnapshots() @throws as that does */
export async function listBackups(repository: Repository, unread?: (line: string) => void): Promise<Backup[]> {
  return readCatalogue(await listSnapshots(repository, unread), repository.tenant.name)
}

/**
 * Tell backups and proofs from a list of snapshots. A copy is known by the id that its original had, and so is what `restic
 * repair snapshots` cut down: that one stands beside a proof that is none (restic 0.18: Original is always set). Where it cut
 * down the proof as well, that is an empty file, which whatever reads it refuses. Pure.
 */
export function readCatalogue(snapshots: Snapshot[], tenant: string): Backup[] {
  const own = snapshots.filter(({ hostname }) => hostname === tenant)
  const tagged = (snapshot: Snapshot, tag: string) => snapshot.tags?.includes(tag) === true
  const proofs = own.filter((snapshot) => tagged(snapshot, TAG.proof))
  return own
    .filter((snapshot) => tagged(snapshot, TAG.backup))
    .map((snapshot) => {
      const { id, time, original = id } = snapshot
      const ofIt = (one: Snapshot) => tagged(one, TAG.of(original)) && isCopy(one) === isCopy(snapshot)
      const proof = proofs.find(ofIt)
      const safety = tagged(snapshot, TAG.safety)
      return { id, at: new Date(time).toISOString(), original, safety, ...(proof && { proof: proof.id }) }
    })
}

const isCopy = ({ original }: Snapshot) => original !== undefined

/**
 * The backup that was asked for: the beginning of an id, or `latest`, the newest verified one; but none that a restore has
 * made (repeated, it would bring back what it was to replace), and none of a clock that was wrong.
 * @param list the command that lists them, for a hint
 * @param now milliseconds since 1970
 * @throws OperatorError (2) for what is no id, (3) where there is none, more than one, or it is not verified.
 */
export function chooseBackup(backups: Backup[], wanted: string, list: string, now: number): Backup & { proof: string } {
  if (wanted === 'latest') {
    const verified = backups.filter(isVerified)
    const newest = verified.findLast((one) => !one.safety && !isOfFuture(one, now))
    if (newest) return newest
    const other = verified.length > 0 ? ' but of what a restore replaced, or of a wrong clock: name it by its id' : ''
    throw preconditionError(`there is no verified backup${other}`, list)
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
