/** The full sweep: every mode of the injector at every docker call of a deploy from nothing. Long: some minutes a mode. */
import { describe, it } from 'node:test'
import { useStack } from '../engine/harness.ts'
import { MODES } from './injector.ts'
import { deployUnder } from './sweep.ts'

const stack = useStack('sweep', ['byrne'])
/** A deploy polls until services are healthy: beyond this many calls it does nothing new. */
const MOST_CALLS = 80

describe('a fault at every docker call of a deploy', () => {
  for (const mode of MODES) {
    it(`${mode}: the seven invariants hold, and the plain run mends it`, async () => {
      for (let at = 1; at <= MOST_CALLS; at++) {
        const { struck } = await deployUnder(stack, { at, mode })
        if (!struck) break
      }
    })
  }
})
