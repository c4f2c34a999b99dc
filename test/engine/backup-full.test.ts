/** A disk that is full at some point of a backup: staging, the repository, the state. Each is a small file system of its own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { assertNothingLeft, repositoryOf } from './backups.ts'
import { openBooks } from './books.ts'
import { docker, useStack } from './harness.ts'

/** Unmounted before the stack's home is removed: this hook is the first. */
const mounted: string[] = []
after(() => {
  for (const path of mounted) execFileSync('umount', ['--lazy', path])
})
const stack = useStack('full', [])
const repository = repositoryOf(stack)
const STAGING = stack.container('dickson-backup-staging')
const MIB = 2 ** 20

/** Where the staging volume lies on this machine. */
let staging: string
const used = (path: string) => {
  const { blocks, bfree, bsize } = statfsSync(path)
  return (blocks - bfree) * bsize
}
const resize = (path: string, bytes: number) =>
  execFileSync('mount', ['-o', `remount,size=${Math.ceil(bytes / 4096) * 4096}`, path])
function mountSmall(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1g,mode=700', 'tmpfs', path])
  mounted.push(path)
}

describe('a backup whose disk is full', () => {
  /** Bytes of the database's copy. */
  let copy: number

  before(async () => {
    const labels = { project: `${stack.prefix}securenexus-erp`, volume: 'dickson-backup-staging' }
    const marks = Object.entries(labels).flatMap(([name, value]) => ['--label', `com.docker.compose.${name}=${value}`])
    const small = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=size=1g']
    docker('volume', 'create', '--driver', 'local', ...small, ...marks, STAGING)
    mountSmall(join(stack.home, 'backups/dickson'))
    mountSmall(join(stack.home, 'state/dickson'))
    const up = await stack.script('deploy', ['dickson'])
    assert.equal(up.code, 0, up.stderr)
    staging = docker('volume', 'inspect', '--format', '{{.Mountpoint}}', STAGING)
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

  /** It fails in words, loses nothing, and leaves nothing; with room the plain run goes through. */
  async function fails(message: RegExp): Promise<void> {
    const earlier = repository.verified()
    const { code, stderr } = await stack.script('backup', ['dickson'])
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
      resize(staging, used(staging) + room())
      await fails(/no space left|not copied|did not start|errno: 28|OS error 28/i)
      resize(staging, 2 ** 30)
    })

  for (const [where, room] of Object.entries({
    'for a lock': 0,
    'for an index': 64 * 1024,
    'for all of the snapshot': 0.5 * MIB,
  }))
    it(`when the repository has no room ${where}`, async () => {
      const place = join(stack.home, 'backups/dickson')
      const file = 'erp.dickson-supplies.com/private/files/new.bin'
      docker('exec', stack.container('dickson-backend'), 'bash', '-c', `head -c 3M /dev/urandom >${file}`)
      resize(place, used(place) + room)
      const earlier = repository.verified()
      await fails(/no space left on device/)
      resize(place, 2 ** 30)
      assert.deepEqual(repository.verified(), earlier)
      repository.restic('check', '--read-data', '--quiet')
    })

  it('is mended by room alone', plain)

  it('when nothing can be noted of it, it is no success', async () => {
    const place = join(stack.home, 'state/dickson')
    const filler = join(place, 'filler')
    resize(place, used(place) + 64 * 1024)
    writeFileSync(filler, Buffer.alloc(64 * 1024))
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.ok(code === 1 || code === 3, `${code} ${stderr}`)
    assert.match(stderr, /no space left on device|ENOSPC/i)
    rmSync(filler)
    resize(place, 2 ** 30)
    await assertNothingLeft(stack)
    await plain()
  })
})
