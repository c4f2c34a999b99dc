/** What becomes of a repository after a backup: it is checked, old backups go, the new ones are copied off-site. */
import { $ } from 'zx/core'
import { messageOf, OperatorError } from '../errors.ts'
import type { Tenant } from '../registry.ts'
import type { Repository } from '../restic/client.ts'
import {
  checkRepository,
  copySnapshots,
  isPruned,
  prune,
  removeStaleLocks,
  repositoryBytes,
} from '../restic/repository.ts'
import { forget } from '../restic/snapshots.ts'
import { readIntent } from '../restore/intent.ts'
import { type Backup, isOfFuture, isVerified, listBackups } from './catalogue.ts'
import { readLedger, updateLedger } from './ledger.ts'
import { oneAndTheSame } from './open.ts'
import { type Policy, planRetention } from './retention.ts'

/** The data of a repository is read in this many nights; a small one on this machine every night. */
const PARTS = 7
/** The same off-site, where reading it is a transfer. */
const OFFSITE_PARTS = 28
const SMALL = 256 * 2 ** 20
/** Sizes that the ledger remembers. */
const MONTH = 31

/** The registry's retention, with what was said on the command line instead. */
export function policyOf(
  { retention }: Tenant,
  options: { [K in `keep-${'daily' | 'weekly' | 'monthly'}`]: number | undefined },
): Policy {
  return {
    keepDaily: options['keep-daily'] ?? retention.keepDaily,
    keepWeekly: options['keep-weekly'] ?? retention.keepWeekly,
    keepMonthly: options['keep-monthly'] ?? retention.keepMonthly,
  }
}

/**
 * Read the next seventh of the repository's data (all of a small one) and all of its structure.
 * @throws OperatorError (1) where anything is damaged; the ledger says so, and nothing is removed until a check passes. (1),
 * (3) also where it could not be checked: that is no damage.
 */
export async function check(repository: Repository): Promise<void> {
  const { tenant } = repository
  const { checked, sizes = [] } = await readLedger(tenant)
  const size = await repositoryBytes(repository).catch(() => undefined) // damage keeps a remote one from being measured
  $.signal?.throwIfAborted()
  const again = checked?.damaged ? checked.parts : undefined // what was damaged is read again, and nothing less
  const parts = again ?? (repository.place.directory && size !== undefined && size < SMALL ? 1 : PARTS)
  const part = ((checked?.part ?? 0) % parts) + 1
  const at = new Date().toISOString()
  if (size !== undefined) await updateLedger(tenant, { sizes: [...sizes, { at, bytes: size }].slice(-MONTH) })
  const damaged = await checkRepository(repository, part, parts)
  const found = damaged
    ? { checked: { at, part: checked?.part ?? 0, parts, damaged }, damagedAt: at }
    : { checked: { at, part } }
  await updateLedger(tenant, found)
  if (!damaged) return
  throw new OperatorError(`${tenant.name}: the repository is damaged; nothing was removed: ${damaged}`, {
    hint: 'see docs/backup.md#the-repository-is-damaged',
  })
}

/** Where something could not be stored: the damage of the repository that explains it, or else that error itself. */
export async function explain(repository: Repository, error: unknown): Promise<unknown> {
  const found = await check(repository).then(
    () => error,
    (other) => other,
  )
  const { checked } = await readLedger(repository.tenant)
  return checked?.damaged ? found : error
}

/** What retention did. */
export interface Kept {
  kept: number
  forgotten: number
  /** When the newest verified one was made; UTC, ISO 8601. */
  newest?: string
  /** What the operator should know. */
  remarks: string[]
}

/**
 * Forget the backups that retention lets go, with their proofs, and give their space back. Runs only after a passed check.
 * @param how `whole`: there may be no room to write anything, so only what can go whole goes
 * @throws OperatorError (1), (3) where the repository cannot be listed; that nothing could be removed is a remark
 */
export async function keep(repository: Repository, policy: Policy, { whole = false } = {}): Promise<Kept> {
  const backups = await listBackups(repository)
  const needed = await neededSnapshots(repository.tenant, backups)
  const { forget: gone, held } = planRetention(backups, policy, needed, Date.now())
  const newest = backups.findLast(isVerified)?.at
  const all = { kept: backups.length, forgotten: 0, ...(newest && { newest }) }
  if (held) return { ...all, remarks: [`nothing was removed: ${held}`] }
  const { pruneDue } = await readLedger(repository.tenant)
  if (gone.length === 0 && !pruneDue && !whole) return { ...all, remarks: [] }
  const fault = await remove(repository, gone, whole)
  const left = await listBackups(repository) // an append-only server says no, and restic ends with 0
  const stayed = gone.some(({ id }) => left.some((backup) => backup.id === id))
  const why = fault ?? (stayed ? 'an append-only repository is pruned by its own host' : undefined)
  const remarks = why ? [`not all that retention lets go was removed: ${why}`] : []
  return { ...all, kept: left.length, forgotten: backups.length - left.length, remarks }
}

/**
 * Forget backups with their proofs and give their space back, also that of what was forgotten before. Returns why it could
 * not; the backups are none the worse.
 */
async function remove(repository: Repository, backups: Backup[], whole: boolean): Promise<string | undefined> {
  const { tenant } = repository
  const ids = backups.flatMap(({ id, proof }) => [id, ...(proof ? [proof] : [])])
  try {
    await updateLedger(tenant, { pruneDue: new Date().toISOString() })
    if (ids.length > 0) await forget(repository, ids)
    await prune(repository, { whole })
    await updateLedger(tenant, { pruneDue: undefined })
    return undefined
  } catch (error) {
    $.signal?.throwIfAborted()
    return messageOf(error)
  }
}

/**
 * What retention may not touch: snapshots of a restore that is not finished, or that can still be undone; and backups that may
 * have lost their proof, and nothing else, to damage, or to damage before this ledger began: whether those may go is for a
 * person to say.
 */
async function neededSnapshots(tenant: Tenant, backups: Backup[]): Promise<string[]> {
  const [intent, { restored, damagedAt = '', repository }] = await Promise.all([readIntent(tenant), readLedger(tenant)])
  const hurt = backups.filter((one) => !isVerified(one) && (one.at < damagedAt || one.at < (repository?.at ?? '')))
  return [...(intent?.snapshots ?? []), ...(restored?.kept ? restored.snapshots : []), ...hurt.map(({ id }) => id)]
}

/**
 * Copy every verified backup that the off-site repository lacks, newer than what it had last.
 * @param made the id of the one that was just made
 * @throws OperatorError (1) where that one did not arrive, or cannot be read there; here it is verified all the same.
 */
export async function copyOffsite(
  repository: Repository,
  made: string,
  open: () => Promise<Repository>,
): Promise<{ copied: number }> {
  const { tenant } = repository
  const copied = async () => {
    const offsite = await open()
    return { offsite, ...(await copyMissing(repository, made, offsite)) }
  }
  const run = `npx zx scripts/backup.ts ${tenant.name}`
  const { offsite, fault, ...done } = await copied().catch(
    tell(`${tenant.name}: backed up and verified here, but not off-site`, `${run} copies what was missed`),
  )
  const damaged = await checkOffsite(offsite).catch(
    tell(`${tenant.name}: backed up here and copied off-site, but not checked there`, `${run} checks it`),
  )
  if (damaged)
    throw new OperatorError(`${tenant.name}: backed up here and copied off-site, but ${damaged}`, {
      hint: 'see docs/backup.md#the-off-site-repository-is-damaged',
    })
  if (fault)
    throw new OperatorError(`${tenant.name}: the newest backup is off-site, not each older one: ${messageOf(fault)}`, {
      hint: 'see docs/backup.md#the-repository-is-damaged',
    })
  return done
}

/** Say what was done all the same, where the rest of it failed. */
const tell = (done: string, next: string) => (error: unknown) => {
  $.signal?.throwIfAborted()
  if (!(error instanceof OperatorError)) throw error
  const { message, hint = next } = error
  throw new OperatorError(`${done}: ${message}`, { hint, cause: error })
}

/** Copy what belongs together, one after the other, and go on where one cannot be copied. */
async function copyParcels(repository: Repository, offsite: Repository, parcels: { id: string; proof: string }[][]) {
  let [copied, fault]: [number, unknown] = [0, undefined]
  for (const parcel of parcels.filter(({ length }) => length > 0)) {
    const ids = parcel.flatMap(({ id, proof }) => [id, proof]) // without an id restic copies all that there is
    try {
      await copySnapshots(repository, offsite, ids)
      copied += parcel.length
    } catch (error) {
      $.signal?.throwIfAborted()
      fault ??= error
    }
  }
  return { copied, fault }
}

async function copyMissing(
  repository: Repository,
  made: string,
  offsite: Repository,
): Promise<{ copied: number; fault: unknown }> {
  const { tenant } = repository
  const unread = () => {} // it costs no copy: those are by id, and the checks tell it
  const [here, there] = await Promise.all([listBackups(repository, unread), listBackups(offsite, unread)])
  const has = (backups: Backup[], { original }: Backup) =>
    backups.some((one) => isVerified(one) && one.original === original)
  if (there.some(({ id }) => id === made)) throw oneAndTheSame(tenant) // a copy has an id of its own
  // restic stops at the first that it cannot read: where some are damaged each goes by itself, the newest first
  const { checked, offsiteBehind } = await readLedger(tenant)
  const each = checked?.damaged !== undefined || offsiteBehind === true
  const last = there.findLast((one) => isVerified(one) && !isOfFuture(one, Date.now()))?.at ?? ''
  const newest = each ? '' : last // what is older than that was pruned there, or could not be copied yet
  const missing = here.filter(isVerified).filter((one) => one.at > newest && !has(there, one))
  // a line that broke leaves one, which would stop the pruning by its own host for ever; it stands in no copy's way
  if (missing.length > 0) await removeStaleLocks(offsite).catch(() => $.signal?.throwIfAborted())
  const parcels = each ? missing.toReversed().map((one) => [one]) : [missing]
  if (each) await updateLedger(tenant, { offsiteBehind: true })
  const { copied, fault } = await copyParcels(repository, offsite, parcels)
  if (fault && !each) throw fault
  const newOne = here.find(({ id }) => id === made)
  if (!newOne || !has(await listBackups(offsite, unread), newOne))
    throw fault ?? new OperatorError(`${tenant.name}: the newest backup did not arrive off-site`)
  const behind = fault ? true : undefined
  await updateLedger(tenant, { offsite: { at: new Date().toISOString(), snapshot: made }, offsiteBehind: behind })
  return { copied, fault }
}

/**
 * What lies there may rot, or be cut short by whoever can write there: nobody would see it before the day on which it is
 * needed.
 * @returns what is damaged
 * @throws OperatorError where it could not be checked
 */
async function checkOffsite(offsite: Repository): Promise<string | undefined> {
  const { tenant } = offsite
  const { offsiteChecked } = await readLedger(tenant)
  const part = ((offsiteChecked?.part ?? 0) % OFFSITE_PARTS) + 1
  const at = new Date().toISOString()
  const look = () => checkRepository(offsite, part, OFFSITE_PARTS, { lock: false })
  const found = await look()
  if (found && (await isPruned(offsite))) return undefined // the next run checks it
  const damaged = found && (await look()) // a prune may just have ended
  const last = damaged ? { part: offsiteChecked?.part ?? 0, damaged } : { part }
  await updateLedger(tenant, { offsiteChecked: { at, ...last } })
  return damaged
}
