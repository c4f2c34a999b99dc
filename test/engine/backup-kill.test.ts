/** A backup that is killed or stopped at the boundary of each of its stages, or in the middle of one. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { type Fault, withInjector } from '../faults/injector.ts'
import { start } from '../scripts/harness.ts'
import { assertHolds, assertNothingLeft, backupUnder, plantBackup, repositoryOf } from './backups.ts'
import { docker, eventually, useStack } from './harness.ts'

const stack = useStack('backupkill', ['dickson', 'byrne'])
const repository = repositoryOf(stack)

/** A backup under a fault that strikes, and its exit code. */
async function underFault(fault: Fault, wanted: number | null): Promise<void> {
  const { struck, code, said } = await backupUnder(stack, repository, fault)
  assert.deepEqual([struck, code], [true, wanted], said)
}

/** The plain run, with no repair by hand. */
async function plain(): Promise<void> {
  const earlier = repository.verified()
  const { code, stderr } = await stack.script('backup', ['dickson'])
  assert.equal(code, 0, stderr)
  assert.equal(repository.verified().length, earlier.length + 1)
  assert.equal(docker('exec', stack.container('dickson-db'), 'ls', '-A', '/srv/staging'), '')
  await assertNothingLeft(stack)
  repository.restic('check', '--read-data', '--quiet')
}

/** Words of the docker call of each stage. Each run after the first meets what the one before left. */
const STAGES = {
  'the job is started': '--interactive --no-deps --name',
  'the database is copied': 'copy-database.sh',
  'the snapshot is stored': '--tag backup',
  'the copy is booted': '--skip-grant-tables',
  'the proof is stored': '--stdin-filename',
  'the repository is checked': ' check --quiet',
}

describe('a backup that is killed', () => {
  before(plain)

  it('between making a container and starting it leaves it to the next run', async () => {
    const image = stack.env.MARIADB_IMAGE ?? ''
    for (const name of ['scratch-00c0ffee', 'backup-00c0ffee'])
      docker('create', '--name', stack.container(`dickson-${name}`), image)
    await assert.rejects(assertNothingLeft(stack))
    await plain()
    assert.equal(docker('ps', '-aq', '--filter', `name=${stack.prefix}dickson-.*-00c0ffee`), '')
  })

  for (const [stage, at] of Object.entries(STAGES))
    it(`right before ${stage} leaves nothing behind`, () => underFault({ at, mode: 'kill-before' }, null))
  it('at any of those: the plain run goes through', plain)

  for (const stage of [
    'the database is copied',
    'the snapshot is stored',
    'the proof is stored',
    'the repository is checked',
  ] as const)
    it(`right after ${stage} leaves nothing behind`, () => underFault({ at: STAGES[stage], mode: 'kill-after' }, null))
  it('after any of those: the plain run goes through', plain)

  it('while restic holds the repository leaves a lock that the next run knows for dead', async () => {
    const earlier = repository.verified()
    const running = start('backup', ['dickson'], { env: stack.env, timeout: 120 })
    await eventually(60, 'the repository is locked', () => repository.locks() > 0)
    process.kill(running.child.pid ?? 0, 'SIGKILL')
    await running.done
    await assertHolds(stack, repository, earlier, running.family)
    await plain()
    assert.equal(repository.locks(), 0)
  })
})

/** The ends of a night: what is old is forgotten, its space given back, and what is new copied elsewhere. */
describe('a backup that is killed once it is verified', () => {
  const away = repositoryOf(stack, 'away')
  const env = { BACKUP_OFFSITE_DICKSON: './backups/away' }
  const once = ['--keep-daily', '1', '--keep-weekly', '1', '--keep-monthly', '1']
  const night = (more: Record<string, string> = {}) =>
    start('backup', ['dickson', ...once, '--init'], { env: { ...stack.env, ...env, ...more }, timeout: 120 })
  const days = ['2026-01-05', '2026-01-06']
  let recent: string[]

  before(async () => {
    recent = repository.verified()
    assert.equal((await night().done).code, 0)
  })

  /** Whatever was interrupted: all of this day's backups are there, here and there; what is old is gone whole, or all there. */
  async function holds(family: () => number[]): Promise<void> {
    await eventually(10, 'no process of the backup is left', () => family().length === 0)
    await assertNothingLeft(stack, { killed: true })
    const ids = repository.verified()
    assert.deepEqual(
      recent.filter((id) => !ids.includes(id)),
      [],
    )
    recent = ids.filter((id) => !planted.includes(id))
  }
  let planted: string[] = []

  /** Each backup of this day, with its proof; a copy has an id of its own. */
  function assertCopied(): void {
    const proven = away
      .backups()
      .filter(({ original }) => away.proofs().some(({ tags }) => tags?.includes(`of=${original}`)))
    assert.deepEqual(proven.map(({ original }) => original).sort(), [...recent].sort())
  }

  for (const [when, at, mode] of [
    ['before it forgets', ' forget ', 'kill-before'],
    ['after it forgot', ' forget ', 'kill-after'],
    ['before it prunes', ' prune ', 'kill-before'],
    ['before it copies', ' copy ', 'kill-before'],
  ] as const)
    it(`${when} loses nothing, and the plain run ends it`, async () => {
      planted = days.map((day) => plantBackup(repository.restic, day))
      await withInjector({ at, mode }, async (injector) => {
        const running = night(injector.env)
        const { code, stderr } = await running.done
        assert.deepEqual([injector.struck(), code], [true, null], stderr)
        await holds(running.family)
      })
      const { code, stderr } = await night().done
      assert.equal(code, 0, stderr)
      const ids = repository.verified()
      const gone = [planted.filter((id) => ids.includes(id)), recent.filter((id) => !ids.includes(id))]
      assert.deepEqual(gone, [[], []], 'what is old, and nothing of today')
      recent = repository.verified()
      assertCopied()
    })

  it('while restic copies: what had come is no verified copy, and the next run brings it', async () => {
    const running = night()
    await eventually(90, 'the other repository is locked', () => away.locks() > 0)
    process.kill(running.child.pid ?? 0, 'SIGKILL')
    await running.done
    await holds(running.family)
    const { code, stderr } = await night().done
    assert.equal(code, 0, stderr)
    recent = repository.verified()
    assertCopied()
    for (const place of [repository, away]) place.restic('check', '--read-data', '--quiet')
  })
})

describe('a backup that is stopped', () => {
  for (const stage of ['the database is copied', 'the copy is booted', 'the repository is checked'] as const)
    it(`by TERM when ${stage} ends with 143 and leaves staging empty`, async () => {
      await underFault({ at: STAGES[stage], mode: 'term' }, 143)
      assert.equal(docker('exec', stack.container('dickson-db'), 'ls', '-A', '/srv/staging'), '')
    })
  it('by Ctrl-C when the snapshot is stored ends with 130, and says so in the journal', async () => {
    await underFault({ at: STAGES['the snapshot is stored'], mode: 'interrupt' }, 130)
    const last = readFileSync(join(stack.home, 'state/dickson/journal.jsonl'), 'utf8').trim().split('\n').at(-1)
    assert.equal(JSON.parse(last ?? '').code, 130)
  })
  it('by a terminal that closes ends within ten seconds with 129', async () => {
    const earlier = repository.verified()
    const running = start('backup', ['dickson'], { env: stack.env, timeout: 120 })
    await eventually(60, 'the repository is locked', () => repository.locks() > 0)
    process.kill(running.child.pid ?? 0, 'SIGHUP')
    const begun = performance.now()
    const { code } = await running.done
    assert.ok(performance.now() - begun < 10_000)
    assert.equal(code, 129)
    await assertHolds(stack, repository, earlier, running.family)
  })
  it('while a call hangs that puts things in order ends all the same', () =>
    underFault({ at: 'find /srv/staging', mode: 'hang' }, 143))
  it('is mended by the plain run', plain)
})
