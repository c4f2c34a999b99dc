/** The ledger of a tenant's backups against its objectives: a backup that never ran is as red as one that failed. */
import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { isOfFuture } from '../backup/catalogue.ts'
import { type Ledger, readLedger } from '../backup/ledger.ts'
import { placeOf } from '../backup/repository.ts'
import type { Tenant } from '../registry.ts'
import { DISK, type Finding, grade, type State, usedShare } from './check.ts'

const HOUR = 3600_000
const DAY = 24 * HOUR
/** Share of an objective from which on it is a warning. */
const SOON = 0.9
/** Days after the last check of a repository: each backup makes one. */
const UNCHECKED = { warn: 3, fail: 7 }
/** Days until the disk of a repository is full. */
const FULL = { warn: 30, fail: 7 }

/** What the ledger says, and how long the repository's disk will last. */
export async function backupFindings(tenant: Tenant, now = Date.now()): Promise<Finding[]> {
  const ledger = await readLedger(tenant)
  const offsite = placeOf(tenant, 'offsite') ? [offsiteFinding(tenant, ledger, now)] : []
  return [
    verifiedFinding(tenant, ledger, now),
    ...offsite,
    integrityFinding(tenant, ledger, now),
    drillFinding(tenant, ledger, now),
    ...(await sizeFindings(tenant, ledger)),
    ...(await placeFindings(tenant, ledger)),
  ]
}

const part = 'backup'
const command = (tenant: Tenant) => `npx zx scripts/backup.ts ${tenant.name}`

function verifiedFinding(tenant: Tenant, { backup, verified }: Ledger, now: number): Finding {
  const most = tenant.objectives.maxBackupAgeHours
  const base = { part, check: 'verified', limit: `< ${most} h`, remedy: command(tenant) }
  if (!verified) return { ...base, state: 'fail', is: 'no backup was ever verified' }
  const hours = since(verified.at, now) / HOUR
  const state = grade(hours, most * SOON, most)
  const unproven = backup && backup.snapshot !== verified.snapshot && backup.at > verified.at
  const is = `${ago(hours)}${unproven ? '; a later one was not proven' : ''}`
  if (state === 'ok' && !unproven) return { part, check: 'verified', limit: base.limit, state, is }
  return { ...base, state: state === 'ok' ? 'warn' : state, is }
}

function offsiteFinding(tenant: Tenant, { offsite, offsiteChecked }: Ledger, now: number): Finding {
  const most = tenant.objectives.maxBackupAgeHours
  const base = { part, check: 'off-site', limit: `< ${most} h` }
  if (offsiteChecked?.damaged)
    return {
      ...base,
      state: 'fail',
      is: offsiteChecked.damaged,
      remedy: 'see docs/backup.md#the-off-site-repository-is-damaged',
    }
  if (!offsite) return { ...base, state: 'fail', is: 'nothing was ever copied', remedy: `${command(tenant)} --init` }
  const hours = since(offsite.at, now) / HOUR
  const fresh = grade(hours, most * SOON, most)
  const unread = !(since(offsiteChecked?.at ?? '', now) / DAY < UNCHECKED.fail)
  const state = fresh === 'ok' && unread ? 'warn' : fresh
  const is = `${ago(hours)}${unread ? '; not checked there of late' : ''}`
  return { ...base, state, is, ...(state !== 'ok' && { remedy: command(tenant) }) }
}

function integrityFinding(tenant: Tenant, { checked }: Ledger, now: number): Finding {
  const base = { part, check: 'repository', limit: `< ${UNCHECKED.fail} days` }
  if (!checked) return { ...base, state: 'warn', is: 'was never checked', remedy: command(tenant) }
  if (checked.damaged)
    return { ...base, state: 'fail', is: checked.damaged, remedy: 'see docs/backup.md#the-repository-is-damaged' }
  const state = grade(since(checked.at, now) / DAY, UNCHECKED.warn, UNCHECKED.fail)
  const is = `checked ${checked.at.slice(0, 16).replace('T', ' ')}`
  return { ...base, state, is, ...(state !== 'ok' && { remedy: command(tenant) }) }
}

/** Until the first drill is due, its absence is a warning. */
function drillFinding(tenant: Tenant, { drilled, repository }: Ledger, now: number): Finding {
  const { maxDrillAgeDays: most, restoreSeconds } = tenant.objectives
  const remedy = `npx zx scripts/restore.ts ${tenant.name} --drill`
  const base = { part, check: 'drill', limit: `< ${most} days, in ${restoreSeconds} s` }
  if (drilled && !drilled.passed) return { ...base, state: 'fail', is: `failed: ${drilled.message ?? ''}`, remedy }
  const last = drilled?.at ?? repository?.at
  const days = last === undefined ? Number.NaN : since(last, now) / DAY
  const due = grade(days, most * SOON, most)
  if (!drilled) return { ...base, state: due === 'ok' ? 'warn' : due, is: 'never', remedy }
  const slow = drilled.restoreSeconds > restoreSeconds
  const state: State = due === 'ok' && slow ? 'warn' : due
  const is = `${ago(days * 24)}, restored in ${Math.round(drilled.restoreSeconds)} s`
  return { ...base, state, is, ...(state !== 'ok' && { remedy }) }
}

/** How fast the repository grows, and when the disk below it is full; for a remote one its size alone. */
async function sizeFindings(tenant: Tenant, { sizes = [] }: Ledger): Promise<Finding[]> {
  const [first, last] = [sizes[0], sizes.at(-1)]
  if (!first || !last) return []
  const value = { name: 'erp_backup_repository_bytes', value: last.bytes } as const
  const size: Finding = { part, check: 'size', state: 'ok', is: `${(last.bytes / 2 ** 20).toFixed(0)} MiB`, value }
  const directory = placeOf(tenant, 'repository')?.directory
  const days = (Date.parse(last.at) - Date.parse(first.at)) / DAY
  const perDay = days >= 1 ? (last.bytes - first.bytes) / days : 0
  if (!directory || perDay <= 0) return [size]
  const disk = await statfs(directory).catch(() => undefined) // placeFindings() tells it
  if (!disk) return [size]
  const left = (disk.bavail * disk.bsize) / perDay
  const state: State = left < FULL.fail ? 'fail' : left < FULL.warn ? 'warn' : 'ok'
  const is = left > 3650 ? 'not within ten years' : `full in ${Math.floor(left)} days`
  const full = { name: 'erp_backup_disk_full_seconds', value: Math.round(left * 86400) } as const
  const growth: Finding = { part, check: 'disk', state, is, limit: `> ${FULL.warn} days`, value: full }
  return [size, { ...growth, ...(state !== 'ok' && { remedy: 'see docs/backup.md#the-disk-fills-up' }) }]
}

/** A repository here that is gone, or whose disk is not mounted, is seen before the night; and so is a disk that is full. */
async function placeFindings(tenant: Tenant, { repository }: Ledger): Promise<Finding[]> {
  const directory = placeOf(tenant, 'repository')?.directory
  if (!directory || repository?.location !== directory) return []
  const base = { part, check: 'place' }
  const fault = await stat(join(directory, 'config')).then(
    () => undefined,
    ({ code }) => code as string,
  )
  if (fault === 'EACCES' || fault === 'EPERM') return [] // who may not look sees nothing
  const disk = fault === undefined ? await statfs(directory).catch(() => undefined) : undefined
  if (!disk) {
    const is =
      fault === 'ENOENT' || fault === 'ENOTDIR' ? 'holds no repository' : `cannot be read (${fault ?? 'statfs'})`
    return [{ ...base, state: 'fail', is: `${directory} ${is}`, remedy: `mount | grep ${directory}` }]
  }
  const remedy = 'see docs/backup.md#the-disk-fills-up'
  const used = usedShare(disk)
  const state = grade(used, DISK.warn, DISK.fail)
  const is = `its disk is ${Math.round(used * 100)} % used`
  return [{ ...base, state, is, limit: `< ${DISK.fail * 100} %`, ...(state !== 'ok' && { remedy }) }]
}

/** Milliseconds since then; no number where a wrong clock wrote a moment that has not come, which would be well until it comes. */
function since(at: string, now: number): number {
  return isOfFuture({ at }, now) ? Number.NaN : now - Date.parse(at)
}

/** Hours as a person reads them. */
function ago(hours: number): string {
  if (Number.isNaN(hours)) return 'in the future: the clock was wrong'
  return hours < 48 ? `${Math.round(hours)} h ago` : `${Math.round(hours / 24)} days ago`
}
