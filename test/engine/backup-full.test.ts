/** A disk that is full at some point of a backup: staging, the repository, the state. Each is a small file system of its own. */
import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { assertNothingLeft, repositoryOf } from './backups.ts'
import { openBooks } from './books.ts'
import { type Disk, fullOnce, MIB, makeVolume, mountDisk, unmountAtTheEnd } from './disks.ts'
import { docker, useStack } from './harness.ts'
import { assertRefused, markBooks } from './restores.ts'

const NEW = 'erp.dickson-supplies.com/private/files/new.bin'
const mounted = unmountAtTheEnd()
const stack = useStack('full', [])
const repository = repositoryOf(stack)

describe('a backup whose disk is full', () => {
  let staging: Disk
  let backups: Disk
  let state: Disk
  /** Bytes of the database's copy. */
  let copy: number

  before(async () => {
    staging = makeVolume(stack, 'dickson-backup-staging', mounted)
    backups = mountDisk(join(stack.home, 'backups/dickson'), mounted)
    state = mountDisk(join(stack.home, 'state/dickson'), mounted)
    const up = await stack.script('deploy', ['dickson'])
    assert.equal(up.code, 0, up.stderr)
    await plain()
    const [first = ''] = repository.verified()
    copy = JSON.parse(repository.restic('dump', '--no-lock', first, '/manifest.json')).databaseBytes
    assert.ok(copy > 10 * MIB)
  })

  async function plain(): Promise<void> {
    const earlier = repository.verified()
    await (await openBooks(stack)).bookEntry(10)
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
    assert.equal(repository.verified().length, earlier.length + 1)
  }

  const backup = () => stack.script('backup', ['dickson'])

  /** It fails in words, loses nothing, and leaves nothing; with room the plain run goes through. */
  async function fails(message: RegExp, run = backup): Promise<void> {
    const earlier = repository.verified()
    const { code, stderr } = await run()
    assert.equal(code, 1, stderr)
    assert.match(stderr, message)
    assert.equal(docker('exec', stack.container('dickson-db'), 'ls', '-A', '/srv/staging'), '')
    await assertNothingLeft(stack)
    assert.deepEqual(repository.verified(), earlier)
  }

  for (const [when, room] of Object.entries({
    'has begun': () => MIB,
    'is half done': () => copy / 2,
    'is nearly done': () => copy - MIB,
    'is made ready': () => copy + MIB,
  }))
    it(`when the copy ${when}`, async () => {
      staging.leave(room())
      await fails(/no space left|not copied|did not start|errno: 28|OS error 28/i)
      staging.free()
    })

  for (const [where, room] of Object.entries({
    'for a lock': 0,
    'for an index': 64 * 1024,
    'for all of the snapshot': 0.5 * MIB,
  }))
    it(`when the repository has no room ${where}, of which it is warned at once`, async () => {
      docker('exec', stack.container('dickson-backend'), 'bash', '-c', `head -c 3M /dev/urandom >${NEW}`)
      backups.leave(room)
      const earlier = repository.verified()
      await fails(/left, and the last backup added [\d.]+ MiB: .*--prune[\s\S]*no space left on device/)
      backups.free()
      assert.deepEqual(repository.verified(), earlier)
      repository.restic('check', '--read-data', '--quiet')
    })

  it('when a restore would save what is there first: 3, and nothing is changed', async () => {
    const marked = await markBooks(stack)
    docker('exec', stack.container('dickson-backend'), 'bash', '-c', `head -c 3M /dev/urandom >${NEW}`)
    const earlier = repository.verified()
    backups.leave(0.5 * MIB)
    const restore = () => stack.script('restore', ['dickson', '--confirm=dickson', `--snapshot=${earlier[0]}`])
    await assertRefused(stack, marked, restore, 3, /the safety backup failed, nothing was changed: .*no space left/)
    backups.free()
    assert.deepEqual(repository.verified(), earlier)
  })

  for (const [when, disk, message] of [
    [
      'its copy is booted',
      () => staging,
      /dickson-scratch-\w+ did not start: .*(errno: 28|OS error 28|no space left)/i,
    ],
    ['its proof is stored', () => backups, /no space left on device/],
  ] as const)
    it(`when ${when}, though there was room for the snapshot`, async () => {
      const snapshots = () => readdirSync(join(backups.path, 'snapshots')).length
      const before = snapshots()
      await fails(message, () => fullOnce(disk(), () => snapshots() > before, backup))
      assert.equal(snapshots(), before + 1, 'it was stored')
    })

  it('is mended by room alone', plain)

  it('is mended by what retention lets go, where the repository has no room for any more', async () => {
    const old = ['--host', 'dickson', '--tag', 'backup', '--time', '2020-01-01 00:00:00']
    repository.restic('backup', '--quiet', ...old, '/usr/bin/restic')
    const ledger = join(state.path, 'ledger.json')
    const known = JSON.parse(readFileSync(ledger, 'utf8'))
    known.repository.at = '2019-01-01T00:00:00Z' // of what is older than that nobody knows whether it was proven
    writeFileSync(ledger, JSON.stringify(known))
    docker('exec', stack.container('dickson-backend'), 'bash', '-c', `head -c 3M /dev/urandom >${NEW}`)
    backups.leave(0.5 * MIB)
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 1, stderr)
    assert.match(stderr, /no space left on device[\s\S]*backup\.ts dickson --prune/)
    const earlier = repository.verified()
    const once = ['--keep-daily', '1', '--keep-weekly', '1', '--keep-monthly', '1']
    const pruned = await stack.script('backup', ['dickson', '--prune', ...once])
    assert.equal(pruned.code, 0, pruned.stderr)
    assert.match(pruned.stdout, /dickson: \d+ backups kept, \d+ removed/)
    assert.deepEqual(repository.verified(), earlier)
    await plain()
    backups.free()
  })

  it('when the journal has no room for all of its line: 1, it is verified, and no half line stays', async () => {
    const [journal, ledger] = ['journal.jsonl', 'ledger.json'].map((name) => join(state.path, name)) as [string, string]
    const filled = 4096 - 60 - (statSync(journal).size % 4096) // 60 bytes of its last page are left, whatever is free
    appendFileSync(journal, `${JSON.stringify({ filler: 'x'.repeat(filled + 4096 - 14) })}\n`)
    const written = readFileSync(journal, 'utf8')
    const earlier = repository.verified()
    const noted = () => JSON.parse(readFileSync(ledger, 'utf8')).verified.snapshot
    const proven = () => noted() !== earlier.at(-1) // nothing but the journal is written after it
    const { code, stderr } = await fullOnce(state, proven, backup)
    assert.equal(code, 1, stderr)
    assert.match(stderr, /it was done, but the journal was not written: .*no space left on device/i)
    assert.equal(readFileSync(journal, 'utf8'), written)
    assert.deepEqual(repository.verified(), [...earlier, noted()])
    await assertNothingLeft(stack)
    await plain()
    const [line, ...more] = readFileSync(journal, 'utf8').slice(written.length).trim().split('\n')
    assert.deepEqual([JSON.parse(line ?? '').code, more], [0, []])
  })

  it('when nothing can be noted of it, it is no success', async () => {
    const filler = join(state.path, 'filler')
    state.leave(64 * 1024)
    writeFileSync(filler, Buffer.alloc(64 * 1024))
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.ok(code === 1 || code === 3, `${code} ${stderr}`)
    assert.match(stderr, /no space left on device|ENOSPC/i)
    rmSync(filler)
    state.free()
    await assertNothingLeft(stack)
    await plain()
  })
})
