import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Backup } from '../../../lib/backup/catalogue.ts'
import { planRetention } from '../../../lib/backup/retention.ts'

const NOW = Date.parse('2026-03-31T12:00:00Z')
const policy = { keepDaily: 3, keepWeekly: 2, keepMonthly: 2 }
const backup = (at: string, proof: string | undefined = `proof of ${at}`): Backup => {
  const time = new Date(at.length > 10 ? at : `${at}T02:00:00Z`).toISOString()
  return { id: at, at: time, original: at, safety: false, ...(proof && { proof }) }
}
const daily = (days: number, verified = true) =>
  Array.from({ length: days }, (_, index) =>
    backup(new Date(NOW - index * 86_400_000).toISOString().slice(0, 10), verified ? 'yes' : ''),
  )
const plan = (backups: Backup[], more: { needed?: string[]; now?: number } = {}) =>
  planRetention(backups, policy, more.needed ?? [], more.now ?? NOW)
const ids = (backups: Backup[]) => backups.map(({ id }) => id).sort()

describe('retention', () => {
  it('keeps the newest of each of the last days, weeks and months that have one', () => {
    const { keep } = plan(daily(70))
    // days 31, 30, 29 · weeks of the 30th and the 23rd · months March and February
    assert.deepEqual(ids(keep), ['2026-02-28', '2026-03-29', '2026-03-30', '2026-03-31'])
  })

  it('counts days that have a backup, not days that passed: a tenant that slept loses nothing', () => {
    const backups = ['2025-01-01', '2025-06-01', '2026-03-31'].map((at) => backup(at))
    assert.deepEqual(plan(backups).forget, [])
  })

  it('leaves what a repair has saved to a person, though it is not verified any more', () => {
    const { proof: _, ...cut } = { ...backup('2026-01-01'), original: 'what it was' }
    const { proof: __, ...failed } = backup('2026-01-02')
    assert.deepEqual(ids(plan([...daily(10), cut, failed]).keep).slice(0, 1), ['2026-01-01'])
  })

  it('keeps all of the last 24 hours', () => {
    const backups = ['2026-03-31T10:00:00Z', '2026-03-31T11:00:00Z', '2026-03-30T12:30:00Z'].map((at) => backup(at))
    assert.deepEqual(plan(backups).forget, [])
  })

  it('does not count unverified ones, however new, and never lets the newest verified one go', () => {
    const good = backup('2025-01-01')
    const { keep, forget } = plan([...daily(40, false), good])
    assert.ok(keep.includes(good))
    assert.deepEqual(forget, [], 'while no three days of verified ones are newer, nothing says that they are of no use')
  })

  it('lets an unverified one go once as many days of verified ones are newer', () => {
    const old = backup('2026-03-01', '')
    assert.deepEqual(ids(plan([...daily(3), old]).forget), ['2026-03-01'])
    assert.deepEqual(plan([...daily(2), old]).forget, [])
    const hourly = ['10', '11', '12', '13'].map((hour) => backup(`2026-03-31T${hour}:00:00Z`))
    assert.deepEqual(plan([...hourly, old]).forget, [], 'four of one day are one day')
  })

  it('never lets go what a restore depends on', () => {
    const { keep } = plan(daily(70), { needed: ['2026-03-10'] })
    assert.ok(ids(keep).includes('2026-03-10'))
  })

  it('keeps what restores have saved beside the others: it takes the place of none', () => {
    const safety = daily(10).map((one) => ({
      ...one,
      id: `safety ${one.id}`,
      at: one.at.replace('T02', 'T01'),
      safety: true,
    }))
    const alone = ids(plan(daily(70)).keep)
    const days = ['2026-03-29', '2026-03-30', '2026-03-31'].map((day) => `safety ${day}`)
    assert.deepEqual(ids(plan([...daily(70), ...safety]).keep), [...alone, ...days].sort())
    const again = safety.map((one) => ({ ...one, id: `again ${one.id}`, at: one.at.replace('T01', 'T03') }))
    const both = [...days, ...days.map((day) => `again ${day}`)]
    const { keep } = plan([...daily(70), ...safety, ...again])
    assert.deepEqual(ids(keep), [...alone, ...both].sort(), 'the second of a day is of what the first restore brought')
  })

  it('removes nothing while a backup lies in the future: the clock is wrong', () => {
    const wrong = plan([...daily(70), backup('2030-01-01')])
    assert.deepEqual(wrong.forget, [])
    assert.match(wrong.held ?? '', /the clock is wrong: a backup is of 2030-01-01/)
  })

  it("does not depend on today's clock: years later the same ones stay", () => {
    const later = plan(daily(70), { now: NOW + 5 * 365 * 86_400_000 })
    assert.deepEqual(ids(later.keep), ids(plan(daily(70)).keep))
  })

  it('keeps and forgets each backup exactly once', () => {
    const backups = [...daily(70), ...daily(90, false).map((one) => ({ ...one, id: `unverified ${one.id}` }))]
    const { keep, forget } = plan(backups)
    assert.deepEqual(ids([...keep, ...forget]), ids(backups))
  })
})
