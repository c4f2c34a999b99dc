import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Job } from '../../../lib/jobs.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { listSnapshots } from '../../../lib/restic/snapshots.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', {}))
const OWN = '{ "hostname": "server1-restic" }'

/** A job in which the repository is locked until `unlock`; `locks` are what `cat lock` answers, `fails` what ends with 1. */
function lockedBy(locks: string[], fails = 'nothing') {
  const calls: string[] = []
  let locked = true
  const exec: Job['exec'] = async (command) => {
    const line = command.join(' ')
    calls.push(line)
    const answer = (code: number, stdout = '') => ({ code, stdout, stderr: 'Fatal: locked', timedOut: false })
    if (line === 'hostname') return answer(0, 'server1-restic\n')
    if (line.includes(fails)) return answer(1)
    if (line.includes(' list locks')) return answer(0, locks.map((_, index) => `${index}\n`).join(''))
    if (line.includes(' cat lock')) return answer(0, locks[Number(/cat lock (\d)/.exec(line)?.[1])] ?? '')
    if (line.includes(' unlock')) locked = false
    return locked ? answer(11) : answer(0, '[]')
  }
  const place = { role: 'repository', location: 's3:x', restic: 's3:x' } as const
  const repository = { tenant, place, job: { name: 'job', exec }, flags: ['--f'], environment: { AWS_X: 'y' } }
  return { run: () => listSnapshots(repository), calls, unlocked: () => !locked }
}

describe('a repository of which restic says that it ignores a snapshot, and ends well', () => {
  const said = 'Ignoring "abcdef": ciphertext verification failed'
  const place = { role: 'repository', location: '/r', restic: '/repository' } as const
  const exec: Job['exec'] = async () => ({ code: 0, stdout: '[]', stderr: `${said}\n`, timedOut: false })
  const repository = { tenant, place, job: { name: 'job', exec }, flags: [], environment: {} }

  it('is not taken for one that has it not: the newest backup may be among those', () =>
    assert.rejects(listSnapshots(repository), { code: 1, message: /not all can be read: Ignoring "abcdef"/ }))

  it('is listed for who is told so', async () => {
    const unread: string[] = []
    assert.deepEqual(await listSnapshots(repository, (line) => unread.push(line)), [])
    assert.deepEqual(unread, [said])
  })
})

describe('a repository that is locked', () => {
  it('by a dead job of this machine alone is unlocked, and asked again', async () => {
    const { run, unlocked, calls } = lockedBy([OWN, OWN])
    assert.deepEqual(await run(), [])
    assert.ok(unlocked())
    const restics = calls.filter((line) => line.includes('restic --f'))
    assert.ok(restics.length >= 6 && restics.every((line) => line.startsWith('env AWS_X=y restic --f ')))
  })

  const refused: [what: string, ...Parameters<typeof lockedBy>][] = [
    ['by another machine', [OWN, '{ "hostname": "server2-restic" }']],
    ['by somebody whose lock cannot be read', [OWN], ' cat lock'],
    ['by who knows whom, since the locks cannot be listed', [OWN], ' list locks'],
  ]
  for (const [what, ...args] of refused)
    it(`${what} stays locked: 3`, async () => {
      const { run, unlocked } = lockedBy(...args)
      await assert.rejects(run(), { code: 3, message: /is locked by another machine/ })
      assert.ok(!unlocked())
    })
})
