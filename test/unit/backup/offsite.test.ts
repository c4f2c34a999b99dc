import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { copyOffsite } from '../../../lib/backup/keep.ts'
import type { Ledger } from '../../../lib/backup/ledger.ts'
import type { Job } from '../../../lib/jobs.ts'
import { makeTenant } from '../../../lib/registry.ts'
import type { Repository } from '../../../lib/restic/client.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const home = mkdtempSync(join(tmpdir(), 'erp-test-'))
after(() => rmSync(home, { recursive: true, force: true }))
const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', { ERP_HOME: home }))

mkdirSync(tenant.state(), { recursive: true })
const ledger = (): Ledger => JSON.parse(readFileSync(tenant.state('ledger.json'), 'utf8'))
const know = (ledger: Ledger) => writeFileSync(tenant.state('ledger.json'), JSON.stringify(ledger))

const id = (name: string) => name.repeat(64).slice(0, 64)
/** A backup and its proof, as restic lists them; `copied`: under other ids, with those that they had. */
function proven(name: string, time: string, copied = false) {
  const own = { hostname: 'dickson', time }
  const [backup, proof] = [id(name), id(`${name}f`)]
  const as = (one: string) => (copied ? { id: id(`${one[0]}${one[1]}0`), original: one } : { id: one })
  return [
    { ...own, ...as(backup), tags: ['backup'] },
    { ...own, ...as(proof), tags: ['proof', `of=${backup}`] },
  ]
}

/** Two repositories; what restic is asked to copy arrives in the second, which may keep its locks. */
function repositories(here: object[], there: object[], { keepsLocks = false, unreadable = '' } = {}) {
  const copied: string[][] = []
  const unlocked: string[] = []
  const repository = (role: 'repository' | 'offsite', snapshots: () => object[]): Repository => {
    const exec: Job['exec'] = async (command) => {
      const ends = (code: number, stdout = '') => ({ code, stdout, stderr: 'Fatal: injected', timedOut: false })
      if (command.includes('unlock')) {
        unlocked.push(`${role} before ${copied.length} copies`)
        return ends(keepsLocks ? 1 : 0)
      }
      if (!command.includes('copy')) return ends(0, JSON.stringify(snapshots()))
      if (command.includes(unreadable)) return ends(1)
      copied.push(command.filter((word) => /^[0-9a-f]{64}$/.test(word)))
      return ends(0)
    }
    const place = { role, location: role, restic: role }
    return { tenant, place, job: { name: 'job', exec }, flags: ['--repository-file', role], environment: {} }
  }
  const arrived = () => {
    const ids = copied.flat()
    const came = (here as { id: string }[]).filter((one) => ids.includes(one.id))
    return [...there, ...came.map((one) => ({ ...one, id: `${one.id.slice(0, 62)}00`, original: one.id }))]
  }
  const offsite = async () => repository('offsite', arrived)
  return {
    copied,
    unlocked,
    run: (made: string) =>
      copyOffsite(
        repository('repository', () => here),
        id(made),
        offsite,
      ),
  }
}

const [MONDAY, TUESDAY, YEARS_ON] = ['2026-01-05T02:00:00Z', '2026-01-06T02:00:00Z', '2099-01-01T02:00:00Z'] as const

describe('what goes off-site', () => {
  it('is every verified backup that is newer than the newest there, with its proof', async () => {
    const here = [...proven('a', MONDAY), ...proven('b', TUESDAY)]
    const { run, copied, unlocked } = repositories(here, proven('a', MONDAY, true))
    assert.deepEqual(await run('b'), { copied: 1 })
    assert.deepEqual(copied, [[id('b'), id('bf')]])
    assert.deepEqual(unlocked, ['offsite before 0 copies'], 'what a broken line left')
    assert.equal(JSON.parse(readFileSync(join(home, 'state/dickson/ledger.json'), 'utf8')).offsite.snapshot, id('b'))
  })

  it('is copied also where a lock that was left there may not be removed: it stands in no copy’s way', async () => {
    const { run, copied } = repositories(proven('a', MONDAY), [], { keepsLocks: true })
    assert.deepEqual(await run('a'), { copied: 1 })
    assert.deepEqual(copied, [[id('a'), id('af')]])
  })

  it('is, where the repository here is damaged, all that can be read: an older one keeps no newer one here', async () => {
    const here = [...proven('a', MONDAY), ...proven('b', TUESDAY)]
    know({ checked: { at: MONDAY, part: 0, damaged: 'pack 1' } })
    const { run, copied } = repositories(here, [], { unreadable: id('a') })
    await assert.rejects(run('b'), { code: 1, message: /newest backup is off-site, not each older one: .*injected/ })
    assert.deepEqual(copied, [[id('b'), id('bf')]])
    know({ ...ledger(), checked: { at: TUESDAY, part: 1 } }) // the disk was mended, and the check passed
    const later = repositories(here, proven('b', TUESDAY, true))
    assert.deepEqual(await later.run('b'), { copied: 1 }, 'the next night, where it was a broken line')
    assert.deepEqual(later.copied, [[id('a'), id('af')]])
    assert.equal(ledger().offsiteBehind, undefined)
    know({ checked: { at: MONDAY, part: 0, damaged: 'pack 1' } })
    const newest = repositories(here, [], { unreadable: id('b') })
    await assert.rejects(newest.run('b'), { code: 1, message: /not off-site: .*injected/ })
    assert.deepEqual(newest.copied, [[id('a'), id('af')]])
    know({})
    const whole = repositories(here, [], { unreadable: id('a') })
    await assert.rejects(whole.run('b'), { code: 1, message: /not off-site: .*injected/ })
  })

  it('is nothing where both are one repository under two names: a copy has an id of its own', async () => {
    const { run, copied } = repositories(proven('a', MONDAY), proven('a', MONDAY))
    await assert.rejects(run('a'), {
      code: 1,
      message: /not off-site: nothing would be off-site: .*name one repository/,
    })
    assert.deepEqual(copied, [])
  })

  it('is nothing where all is there: restic would copy everything if it were given no id', async () => {
    const { run, copied } = repositories(proven('a', MONDAY), proven('a', MONDAY, true))
    assert.deepEqual(await run('a'), { copied: 0 })
    assert.deepEqual(copied, [])
  })

  it('is not kept back by one there that a wrong clock has made', async () => {
    const { run, copied } = repositories(
      [...proven('a', MONDAY), ...proven('c', YEARS_ON)],
      proven('c', YEARS_ON, true),
    )
    assert.deepEqual(await run('a'), { copied: 1 })
    assert.deepEqual(copied, [[id('a'), id('af')]])
  })

  it('is a failure where the new one did not arrive, whatever else is there', async () => {
    const { run } = repositories([...proven('a', MONDAY), ...proven('b', TUESDAY).slice(0, 1)], [])
    await assert.rejects(run('b'), { code: 1, message: /not off-site: .*did not arrive/ })
  })
})
