import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { check } from '../../../lib/backup/keep.ts'
import type { Job } from '../../../lib/jobs.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const home = mkdtempSync(join(tmpdir(), 'erp-test-'))
after(() => rmSync(home, { recursive: true, force: true }))
const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', { ERP_HOME: home }))
const ledger = () => JSON.parse(readFileSync(join(home, 'state/dickson/ledger.json'), 'utf8'))
const checked = () => ledger().checked

/** Check a remote repository that answers each verb of restic's like this; what is not named ends well. */
function checkOf(answers: Record<string, { stderr: string; timedOut?: boolean }>) {
  const exec: Job['exec'] = async (command) => {
    const found = Object.entries(answers).find(([verb]) => command.includes(verb))?.[1]
    if (found) return { code: 1, stdout: '', timedOut: false, ...found }
    const stdout = command.includes('stats') ? '{"total_size":1}' : '{"id":"x"}'
    return { code: 0, stdout, stderr: '', timedOut: false }
  }
  const place = { role: 'repository', location: 's3:x', restic: 's3:x' } as const
  return check({ tenant, place, job: { name: 'job', exec }, flags: [], environment: {} })
}

describe('the check of a repository', () => {
  it('that passes says which part was read', async () => {
    await checkOf({})
    assert.equal(checked().part, 1)
    assert.equal(checked().damaged, undefined)
  })

  it('is made also where damage keeps a remote one from being measured, and the damage is written down', async () => {
    const damage = { stderr: 'tree 1234 not found in index' }
    await assert.rejects(checkOf({ stats: damage, check: damage }), { code: 1, message: /is damaged; nothing was/ })
    assert.match(checked().damaged, /tree 1234 not found/)
    await checkOf({})
  })

  it('that finds damage is remembered after it has passed again: what was unproven then may go by no rule', async () => {
    await assert.rejects(checkOf({ check: { stderr: 'pack 1234 contains 1 errors' } }), { message: /is damaged/ })
    const { damagedAt } = ledger()
    await checkOf({})
    assert.equal(ledger().checked.damaged, undefined)
    assert.equal(ledger().damagedAt, damagedAt)
    assert.ok(Date.parse(damagedAt) > Date.now() - 60_000)
  })

  it('reads again what was damaged, though the repository has grown meanwhile', async () => {
    const asked: string[] = []
    const small = (bytes: number, code: number) => {
      const exec: Job['exec'] = async (command) => {
        asked.push(...command.filter((word) => word.startsWith('--read-data-subset')))
        const failed = command.includes('check') ? code : 0
        const stdout = command.includes('du') ? `${bytes / 1024}\t/repository` : '{"id":"x"}'
        return { code: failed, stdout, stderr: failed ? 'pack 1 is damaged' : '', timedOut: false }
      }
      const place = { role: 'repository', location: '/r', directory: '/r', restic: '/repository' } as const
      return check({ tenant, place, job: { name: 'job', exec }, flags: [], environment: {} })
    }
    await assert.rejects(small(1e6, 1), /is damaged/)
    await small(1e9, 0)
    await small(1e9, 0)
    assert.deepEqual(
      asked.map((word) => word.split('=')[1]),
      ['1/1', '1/1', '2/7'],
    )
    await checkOf({})
  })

  it('that could not be made is no damage: no room or no leave for a lock, one that was cut short, no answer in time', async () => {
    const before = checked()
    const lock = 'unable to create lock in backend: open /repository/locks/x: no space left on device'
    const full = { code: 1, message: /no space left/, hint: /--prune/ }
    await assert.rejects(checkOf({ check: { stderr: lock } }), full)
    const cut = 'Fatal: invalid lock file: the `unlock --remove-all` command can be used to remove invalid locks'
    await assert.rejects(checkOf({ check: { stderr: cut } }), { code: 1, hint: /a-lock-of-a-machine-that-is-gone/ })
    await assert.rejects(checkOf({ check: { stderr: '', timedOut: true } }), { message: /did not end in time/ })
    assert.deepEqual(checked(), before)
  })
})
