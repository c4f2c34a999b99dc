/** The full sweep: every mode of the injector at every docker call of a live restore. Long: half a minute a call. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { useStack } from '../engine/harness.ts'
import { type MarkedBooks, markBooks, restoreUnder } from '../engine/restores.ts'
import { MODES } from './injector.ts'

const stack = useStack('restoresweep', ['dickson'])
/** A restore polls until services are healthy: beyond this many calls it does nothing new. */
const MOST_CALLS = 90

describe('a fault at every docker call of a restore', () => {
  let marked: MarkedBooks
  before(async () => {
    marked = await markBooks(stack)
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
  })

  for (const mode of MODES.filter((one) => one !== 'hang')) {
    it(`${mode}: the books are the old ones or the new ones, and the next run needs no hand`, async (test) => {
      let at = 1
      while (at <= MOST_CALLS && (await restoreUnder(stack, marked, { at, mode })).struck) at++
      assert.ok(at > 10, `${at} calls`)
      test.diagnostic(`${at - 1} calls were struck`)
    })
  }
})
