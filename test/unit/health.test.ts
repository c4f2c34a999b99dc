import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { grade, runProbes } from '../../lib/health/check.ts'
import { wallClock } from '../../lib/health/database.ts'

describe('the check framework', () => {
  it("reads a site's wall clock in its own time zone, summer time included", () => {
    assert.equal(
      new Date(wallClock(new Date('2026-07-01T12:00:00Z'), 'Europe/Dublin')).toISOString(),
      '2026-07-01T13:00:00.000Z',
    )
    assert.equal(
      new Date(wallClock(new Date('2026-12-01T12:00:00Z'), 'Asia/Kolkata')).toISOString(),
      '2026-12-01T17:30:00.000Z',
    )
  })

  it('takes a limit as reached at the limit itself', () => {
    assert.deepEqual(
      [9, 10, 14.9, 15].map((value) => grade(value, 10, 15)),
      ['ok', 'warn', 'warn', 'fail'],
    )
  })

  it('fails what throws or does not end in time, and never waits longer', async () => {
    const probe = { part: 'x', check: 'y', remedy: 'do z', limit: 0.05 }
    const findings = await runProbes([
      { ...probe, run: () => new Promise(() => {}) },
      { ...probe, run: () => Promise.reject(new Error('refused')) },
    ])
    assert.deepEqual(
      findings.map(({ state, is }) => [state, is]),
      [
        ['fail', 'no answer in 0.05 s'],
        ['fail', 'refused'],
      ],
    )
  })
})
