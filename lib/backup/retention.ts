/** Which backups may go. Days, weeks and months are counted in backups, never by today's clock. */
import { type Backup, isOfFuture } from './catalogue.ts'

export interface Policy {
  readonly keepDaily: number
  readonly keepWeekly: number
  readonly keepMonthly: number
}

export interface Plan {
  keep: Backup[]
  forget: Backup[]
  /** Why nothing is removed, where that is so. */
  held?: string
}

/** Within this before the newest one, every verified backup stays: somebody made them for a reason. In milliseconds. */
const RECENT = 24 * 3600_000

/**
 * Keep the newest verified backup of each of the last days, weeks and months that have one, as restic's own policy does
 * for all snapshots; unverified ones count for nothing and go once as many days of verified ones are newer, but for what a
 * repair has saved (it has another original): whether that may go is for a person to say. What restores have saved takes the
 * place of none: all of the last days that have one stay beside them, since the second of a day may be of what the first
 * brought. Pure.
 * @param needed ids that something depends on, such as a restore that can still be undone
 * @param now milliseconds since 1970
 */
export function planRetention(backups: Backup[], policy: Policy, needed: string[], now: number): Plan {
  const sorted = [...backups].sort((a, b) => Date.parse(b.at) - Date.parse(a.at))
  const future = sorted.find((one) => isOfFuture(one, now))
  if (future) return { keep: sorted, forget: [], held: `the clock is wrong: a backup is of ${future.at}` }
  const verified = sorted.filter(({ proof }) => proof !== undefined)
  const [usual, safety] = [verified.filter((one) => !one.safety), verified.filter((one) => one.safety)]
  const recent = Date.parse(verified[0]?.at ?? '') - RECENT
  const daily = newestOfEach(usual, policy.keepDaily, dayOf)
  const saving = new Set([...new Set(safety.map(({ at }) => dayOf(at)))].slice(0, policy.keepDaily))
  const kept = new Set([
    ...verified.filter(({ at }) => Date.parse(at) >= recent).map(({ id }) => id),
    ...needed,
    ...daily,
    ...newestOfEach(usual, policy.keepWeekly, weekOf),
    ...newestOfEach(usual, policy.keepMonthly, (at) => at.slice(0, 7)),
    ...safety.filter(({ at }) => saving.has(dayOf(at))).map(({ id }) => id),
  ])
  const oldEnough = usual.find(({ id }) => id === daily[policy.keepDaily - 1])?.at
  const stays = ({ id, at, proof, original }: Backup) =>
    kept.has(id) || (proof === undefined && (original !== id || oldEnough === undefined || at >= oldEnough))
  return { keep: sorted.filter(stays), forget: sorted.filter((backup) => !stays(backup)) }
}

/** The ids of the newest backup in each of the last `count` periods. */
function newestOfEach(newestFirst: Backup[], count: number, periodOf: (at: string) => string): string[] {
  const first = new Map<string, string>()
  for (const { id, at } of newestFirst) {
    const period = periodOf(at)
    if (!first.has(period)) first.set(period, id)
  }
  return [...first.values()].slice(0, count)
}

const dayOf = (at: string) => at.slice(0, 10)

/** The Monday of a UTC date's week. */
function weekOf(at: string): string {
  const day = new Date(`${at.slice(0, 10)}T00:00:00Z`)
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7))
  return day.toISOString().slice(0, 10)
}
