import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import { afterChange, EXIT, OperatorError } from '../../lib/errors.ts'
import { makeTenant, type Tenant } from '../../lib/registry.ts'
import type { Reporter } from '../../lib/reporter.ts'
import { readSettings } from '../../lib/settings.ts'
import { forEachTenant, type Run } from '../../lib/turns.ts'
import tenants from '../../tenants.ts'
import { temporary } from '../scripts/harness.ts'

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
    ['70, where one was a bug: the next had its turn all the same', [70, 4], 70],
  ]
  for (const [what, codes, code] of cases)
    it(what, async () => {
      const tenants = codes.map((_, index) => ({ name: `t${index}`, title: '' })) as Tenant[]
      const turns: string[] = []
      const work = async ({ name }: Tenant) => {
        const code = codes[Number(name.slice(1))]
        turns.push(name)
        if (code === EXIT.bug) throw new TypeError('not ours')
        if (code) throw new OperatorError('no', { code })
      }
      await assert.rejects(forEachTenant(tenants, run, work), { code })
      assert.equal(turns.length, codes.length)
    })
})

describe('a verb whose line in the journal cannot be written', () => {
  async function ended(work: () => Promise<unknown>) {
    const tenant = makeTenant('dickson', tenants.dickson, readSettings('/nonexistent', { ERP_HOME: temporary() }))
    mkdirSync(tenant.state('journal.jsonl'), { recursive: true })
    const warned: string[] = []
    const told = { ...reporter, warn: (text: string) => warned.push(text) } as unknown as Reporter
    const recorded = { ...run, dryRun: false, reporter: told, verb: 'backup', pid: process.pid, redact: String }
    const error = await forEachTenant([tenant], recorded, work).catch((caught) => caught)
    return { code: error.code, message: error.message, hint: error.hint, warned, state: tenant.state() }
  }

  it('is a failure, though it was done: 1, and it says both', async () => {
    const { code, message, hint, warned, state } = await ended(async () => ({ ids: ['x'] }))
    assert.match(message, /^it was done, but the journal was not written: EISDIR/)
    assert.deepEqual([code, hint, warned], [EXIT.failed, `df -h ${state}`, []])
  })

  it('keeps its own failure, and warns of the journal beside it', async () => {
    const fails = () => Promise.reject(new OperatorError('no room', { code: EXIT.changed, hint: 'mend it' }))
    const { code, message, hint, warned } = await ended(fails)
    assert.deepEqual([code, message, hint, warned.length], [EXIT.changed, 'no room', 'mend it', 1])
    assert.match(warned[0] ?? '', /^dickson: the journal was not written: EISDIR/)
  })
})

describe('a turn that does not begin', () => {
  it('is told, unlike work that fails: that has told it itself', async () => {
    const tenant = makeTenant('dickson', tenants.dickson, readSettings('/nonexistent', { ERP_HOME: temporary() }))
    const recorded = { ...run, dryRun: false, verb: 'backup', pid: process.pid, redact: String }
    const refused: string[] = []
    const turn = (work: () => Promise<unknown>) =>
      forEachTenant([tenant], recorded, work, async (_, error) => void refused.push(String(error))).catch(() => {})
    await turn(() => Promise.reject(new OperatorError('no room')))
    assert.deepEqual(refused, [])
    await turn(() => turn(async () => {})) // the lock is held
    assert.match(refused.join(), /^OperatorError: .*dickson/)
    mkdirSync(tenant.state('restore.json'))
    await turn(async () => {})
    assert.match(refused[1] ?? '', /restore\.json cannot be read/)
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
