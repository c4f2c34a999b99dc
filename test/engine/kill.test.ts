/** A deploy from nothing that is killed at the boundary of each of its stages; `npm run test:faults` sweeps every call. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deployUnder } from '../faults/sweep.ts'
import { useStack } from './harness.ts'

const stack = useStack('kill', ['byrne'])

/** Words of the call that ends each stage. */
const STAGES = {
  'the stores were started': '--no-build --pull never dickson-db',
  'the configuration was written': '--pull never dickson-configurator',
  'the site was made': '/opt/erp/site.py',
  'the application was started': '--scale dickson-worker=1',
  'the scheduler was switched on': 'enable_scheduler',
}

describe('a deploy that is killed', () => {
  for (const [stage, at] of Object.entries(STAGES)) {
    it(`right after ${stage} leaves nothing behind, and the plain run reaches what an untouched one does`, async () => {
      const { struck, calls } = await deployUnder(stack, { at, mode: 'kill-after' })
      assert.equal(struck, true, calls.join('\n'))
    })
  }

  it('by TERM while the site is made leaves nothing behind either', async () => {
    const { struck } = await deployUnder(stack, { at: STAGES['the site was made'], mode: 'term' })
    assert.equal(struck, true)
  })
})
