/** The full sweep: every mode of the injector at every docker call of a deploy from nothing. Long: some minutes a mode. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { useStack } from '../engine/harness.ts'
import { MODES } from './injector.ts'
import { deployUnder } from './sweep.ts'

const stack = useStack('sweep', ['byrne'])
/** A deploy polls until services are healthy: beyond this many calls it does nothing new. */
const MOST_CALLS = 80

describe('a fault at every docker call of a deploy', () => {
  for (const mode of MODES) {
    it(`${mode}: the seven invariants hold, and the plain run mends it`, async (test) => {
      let at = 1
      while (at <= MOST_CALLS && (await deployUnder(stack, { at, mode })).struck) at++
      assert.ok(at > 10, `${at} calls`)
      test.diagnostic(`${at - 1} calls were struck`)
    })
  }
})
