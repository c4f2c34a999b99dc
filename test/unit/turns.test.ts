import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { afterChange, EXIT, OperatorError } from '../../lib/errors.ts'
import type { Tenant } from '../../lib/registry.ts'
import type { Reporter } from '../../lib/reporter.ts'
import { forEachTenant, type Run } from '../../lib/turns.ts'

const reporter = { say: () => {}, warn: () => {} } as unknown as Reporter
const run = { dryRun: true, reporter, signal: new AbortController().signal } as Run

describe('several tenants of which some failed end with', () => {
  const cases: [what: string, codes: number[], code: number][] = [
    ['the code of all, where they ended alike', [3, 3], 3],
    ['75, where all are held', [75, 75], 75],
    ['1, where one failed and one is held: waiting mends nothing', [1, 75], 1],
    ['1, where one failed and one was refused: a part was done', [1, 3], 1],
    ['1, where one was refused and one is done', [3, 0], 1],
    ['4, where one was left changed, whatever the others say', [4, 75], 4],
  ]
  for (const [what, codes, code] of cases)
    it(what, async () => {
      const tenants = codes.map((_, index) => ({ name: `t${index}`, title: '' })) as Tenant[]
      const work = async ({ name }: Tenant) => {
        const code = codes[Number(name.slice(1))]
        if (code) throw new OperatorError('no', { code })
      }
      await assert.rejects(forEachTenant(tenants, run, work), { code })
    })
})

describe('a refusal after something was changed', () => {
  const thrown = (error: Error, what?: string) => afterChange(Promise.reject(error), what).catch((caught) => caught)
  for (const code of [EXIT.precondition, EXIT.locked])
    it(`is a failure: ${code} would say that nothing was`, async () => {
      const {
        code: told,
        message,
        hint,
      } = await thrown(new OperatorError('held', { code, hint: 'later' }), 'core was deployed; but ')
      assert.deepEqual([told, message, hint], [EXIT.failed, 'core was deployed; but held', 'later'])
    })
  for (const error of [...[1, 2, 4, 143].map((code) => new OperatorError('x', { code })), new TypeError('a bug')])
    it(`is nothing else: ${error instanceof OperatorError ? error.code : error.name} stays`, async () =>
      assert.equal(await thrown(error), error))
})
