/** The full sweep: every mode of the injector at every docker call of a backup. Long: a quarter of a minute a call. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { backupUnder, repositoryOf } from '../engine/backups.ts'
import { useStack } from '../engine/harness.ts'
import { SWEPT } from './injector.ts'

const stack = useStack('backupsweep', ['dickson', 'byrne'])
const repository = repositoryOf(stack)
/** A backup makes fewer calls than this. */
const MOST_CALLS = 90

describe('a fault at every docker call of a backup', () => {
  before(async () => {
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
  })

  for (const [name, fault] of Object.entries(SWEPT)) {
    it(`${name}: no verified backup is lost, nothing is left, and the plain run goes through`, async (test) => {
      let at = 1
      while (at <= MOST_CALLS && (await backupUnder(stack, repository, { at, ...fault })).struck) at++
      assert.ok(at > 10, `${at} calls`)
      test.diagnostic(`${at - 1} calls were struck`)
      const { code, stderr } = await stack.script('backup', ['dickson'])
      assert.equal(code, 0, stderr)
      repository.restic('check', '--read-data', '--quiet')
    })
  }
})
