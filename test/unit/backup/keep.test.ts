/** What becomes of a repository after a backup, with a restic that answers as it is told to. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, it } from 'node:test'
import { check, keep, policyOf } from '../../../lib/backup/keep.ts'
import type { Ledger } from '../../../lib/backup/ledger.ts'
import type { Job } from '../../../lib/jobs.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const home = mkdtempSync(join(tmpdir(), 'erp-test-'))
process.once('exit', () => rmSync(home, { recursive: true, force: true }))
const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', { ERP_HOME: home }))
mkdirSync(tenant.state(), { recursive: true })
const ledger = (): Ledger => JSON.parse(readFileSync(tenant.state('ledger.json'), 'utf8'))
const know = (what: Ledger) => writeFileSync(tenant.state('ledger.json'), JSON.stringify(what))

const POLICY = { keepDaily: 1, keepWeekly: 0, keepMonthly: 0 }
const id = (name: string) => name.repeat(64).slice(0, 64)
/** A backup of that day of January, as restic lists it; its proof beside it. */
function backup(name: string, day: number, proven = true): object[] {
  const own = { hostname: 'dickson', time: `2026-01-${String(day).padStart(2, '0')}T02:00:00Z` }
  const proof = { ...own, id: id(`${name}f`), tags: ['proof', `of=${id(name)}`] }
  return [{ ...own, id: id(name), tags: ['backup'] }, ...(proven ? [proof] : [])]
}

/** A repository of this size that holds these snapshots; verbs of `fails` end with 1. */
function repositoryOf(snapshots: { id?: string }[], { fails = [] as string[], bytes = 1e9 } = {}) {
  let left = snapshots
  const said: string[] = []
  const exec: Job['exec'] = async (command) => {
    const verb = ['forget', 'prune', 'check', 'snapshots', 'du'].find((one) => command.includes(one)) ?? ''
    said.push(command.slice(command.indexOf(verb)).join(' '))
    if (fails.includes(verb)) return { code: 1, stdout: '', stderr: 'Fatal: injected', timedOut: false }
    if (verb === 'forget') left = left.filter((one) => !command.includes(one.id ?? ''))
    const stdout = verb === 'du' ? `${bytes / 1024}\t/repository` : JSON.stringify(left)
    return { code: 0, stdout, stderr: '', timedOut: false }
  }
  const place = { role: 'repository', location: '/r', directory: '/r', restic: '/repository' } as const
  const repository = { tenant, place, job: { name: 'job', exec }, flags: [], environment: {} }
  return { repository, said, ids: () => left.map((one) => one.id) }
}

beforeEach(() => rmSync(tenant.state('ledger.json'), { force: true }))

describe('what retention keeps though nobody says that it is proven', () => {
  const older = () => repositoryOf([...backup('a', 1, false), ...backup('b', 9)])
  const forgotten = async (what: Ledger) => {
    know(what)
    return (await keep(older().repository, POLICY)).forgotten
  }
  const seen = (at: string): Ledger => ({ repository: { id: 'x', location: '/r', at } })

  it('is what may have lost its proof to damage, also where the ledger that knew of it is gone', async () => {
    assert.equal(await forgotten({ ...seen('2025-12-01T00:00:00Z'), damagedAt: '2026-01-05T00:00:00Z' }), 0)
    assert.equal(await forgotten(seen('2026-01-08T00:00:00Z')), 0)
  })

  it('is nothing else', async () => assert.equal(await forgotten(seen('2025-12-01T00:00:00Z')), 1))
})

describe('what retention removes', () => {
  it('is a backup with its proof, and its space', async () => {
    const { repository, said, ids } = repositoryOf([...backup('a', 1), ...backup('b', 9)])
    const { kept, forgotten, remarks } = await keep(repository, POLICY)
    assert.deepEqual([kept, forgotten, remarks], [1, 1, []])
    assert.deepEqual(ids(), [id('b'), id('bf')])
    assert.ok(said.some((line) => line.startsWith('prune')))
  })

  it('is nothing that a restore may still go back to', async () => {
    know({ restored: { at: '2026-01-08T00:00:00Z', verb: 'restore', kept: true, snapshots: [id('a')] } })
    const kept = repositoryOf([...backup('a', 1), ...backup('b', 9)])
    assert.equal((await keep(kept.repository, POLICY)).forgotten, 0)
    know({ restored: { at: '2026-01-08T00:00:00Z', verb: 'restore', kept: false, snapshots: [id('a')] } })
    assert.equal((await keep(kept.repository, POLICY)).forgotten, 1)
  })

  it('is nothing that a restore which was interrupted will be finished with', async () => {
    const intent = { verb: 'restore', stage: 'swap', at: '2026-01-08T00:00:00Z', snapshots: [id('a')] }
    writeFileSync(tenant.state('restore.json'), JSON.stringify(intent))
    const { repository } = repositoryOf([...backup('a', 1), ...backup('b', 9)])
    const { forgotten } = await keep(repository, POLICY)
    rmSync(tenant.state('restore.json'))
    assert.equal(forgotten, 0)
  })

  it('is no backup that may have lost its proof to damage', async () => {
    const all = () => repositoryOf([...backup('a', 1, false), ...backup('b', 5), ...backup('c', 9)]).repository
    const two = { ...POLICY, keepDaily: 2 }
    know({ damagedAt: '2026-01-06T00:00:00Z' })
    assert.equal((await keep(all(), two)).forgotten, 0)
    know({})
    assert.equal((await keep(all(), two)).forgotten, 1)
  })

  for (const verb of ['forget', 'prune'])
    it(`is told where ${verb} fails, and is no failure of the backup`, async () => {
      const { repository } = repositoryOf([...backup('a', 1), ...backup('b', 9)], { fails: [verb] })
      const { remarks } = await keep(repository, POLICY)
      assert.match(remarks.join(), /not all that retention lets go was removed: .*injected/)
    })

  it('is given back the next time where a full disk or a kill kept its space, with nothing more to remove', async () => {
    const prunes = (said: string[]) => said.filter((line) => line.startsWith('prune'))
    const full = repositoryOf([...backup('a', 1), ...backup('b', 9)], { fails: ['prune'] })
    await keep(full.repository, POLICY)
    const { repository, said } = repositoryOf(backup('b', 9))
    assert.deepEqual((await keep(repository, POLICY)).remarks, [])
    assert.equal(prunes(said).length, 1)
    await keep(repository, POLICY)
    assert.equal(prunes(said).length, 1, 'once')
    await keep(repository, POLICY, { whole: true })
    assert.equal(prunes(said)[1], 'prune --quiet --max-unused unlimited', 'always where that was asked for')
    assert.ok(!said.some((line) => line.startsWith('forget')))
  })

  it('is told where a server says yes and keeps all, as an append-only one does', async () => {
    const { repository } = repositoryOf([...backup('a', 1), ...backup('b', 9)])
    const { exec } = repository.job
    const deaf: Job['exec'] = (command) => exec(command.map((word) => (word === 'forget' ? 'forgot' : word)))
    const { remarks } = await keep({ ...repository, job: { name: 'job', exec: deaf } }, POLICY)
    assert.match(remarks.join(), /an append-only repository is pruned by its own host/)
  })
})

describe('a tenant’s retention', () => {
  const options = { 'keep-daily': undefined, 'keep-weekly': undefined, 'keep-monthly': undefined }
  it('is what the registry says of it', () => {
    const retention = { keepDaily: 3, keepWeekly: 2, keepMonthly: 1 }
    const own = makeTenant('dickson', { ...tenants.dickson, retention }, readSettings('/repository', {}))
    assert.deepEqual(policyOf(own, options), retention)
    assert.deepEqual(policyOf(own, { ...options, 'keep-weekly': 9 }), { ...retention, keepWeekly: 9 })
  })
})

describe('what a check reads of the data', () => {
  const parts = async (nights: number, bytes?: number) => {
    const { repository, said } = repositoryOf([], bytes === undefined ? {} : { bytes })
    for (let night = 0; night < nights; night++) await check(repository)
    return said.flatMap((line) => /--read-data-subset=(\S+)/.exec(line)?.[1] ?? [])
  }
  it('is the next seventh each night, so that a week has read all of it', async () => {
    const sevenths = [1, 2, 3, 4, 5, 6, 7, 1].map((part) => `${part}/7`)
    assert.deepEqual(await parts(8), sevenths)
    assert.equal(ledger().checked?.part, 1)
  })
  it('is all of it while it is small', async () => assert.deepEqual(await parts(2, 2 ** 20), ['1/1', '1/1']))
})
