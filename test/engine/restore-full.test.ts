/** A disk that fills up in the middle of a restore, after its first look had found room. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { repositoryOf } from './backups.ts'
import { type Disk, fullOnce, MIB, makeVolume, unmountAtTheEnd } from './disks.ts'
import { useStack } from './harness.ts'
import { assertRefused, type MarkedBooks, markBooks } from './restores.ts'

const mounted = unmountAtTheEnd()
const stack = useStack('restorefull', [])
const repository = repositoryOf(stack)
const SITE = 'erp.dickson-supplies.com'

describe('a restore whose disk fills up', () => {
  let database: Disk
  let files: Disk
  let marked: MarkedBooks
  /** Bytes of the backup's database. */
  let copy: number

  before(async () => {
    database = makeVolume(stack, 'dickson-db-data', mounted)
    files = makeVolume(stack, 'dickson-sites-data', mounted)
    const up = await stack.script('deploy', ['dickson'])
    assert.equal(up.code, 0, up.stderr)
    marked = await markBooks(stack)
    marked.inBackend(`head -c 4M /dev/urandom >${SITE}/private/files/large.bin`)
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
    const [first = ''] = repository.verified()
    copy = JSON.parse(repository.restic('dump', '--no-lock', first, '/manifest.json')).databaseBytes
    await marked.book()
  })

  const restore = () =>
    stack.script('restore', [
      'dickson',
      '--confirm=dickson',
      '--without-backup',
      `--snapshot=${repository.verified()[0]}`,
    ])

  const restoreUntil = (disk: Disk, moment: () => boolean, left = 0) => fullOnce(disk, moment, restore, left)
  const begins = (disk: Disk) => existsSync(join(disk.path, 'incoming'))

  it('is refused where the first look finds no room', async () => {
    database.leave(MIB)
    await assertRefused(stack, marked, restore, 3, /the backup needs .* beside the live data, the disk has/)
    database.free()
  })

  for (const [when, share] of Object.entries({ 'begins to come': 0, 'is half there': 0.5, 'is nearly there': 0.95 }))
    it(`when the database ${when}: the live site serves on`, async () => {
      const begun = database.used() + share * copy
      const comes = () => begins(database) && database.used() > begun
      await assertRefused(stack, marked, () => restoreUntil(database, comes), 1, /no space left|restic restore failed/i)
    })

  it('when the site’s files come: the live site serves on', async () => {
    // the database comes first; large.bin has 4 MiB
    const full = () => restoreUntil(files, () => begins(files), MIB)
    await assertRefused(stack, marked, full, 1, /no space left|restic restore failed/i)
  })

  it('when what came is booted: the live site serves on', async () => {
    const most = database.used() + 0.98 * copy // the rest still finds room, the 12 MiB of ibtmp1 do not
    const comes = () => begins(database) && database.used() > most
    await assertRefused(stack, marked, () => restoreUntil(database, comes, 6 * MIB), 1, /did not start|not ready|boot/i)
  })

  it('once the exchange has begun: the books are whole, and room alone mends it', async () => {
    const old = marked.state()
    const { code, stderr } = await restoreUntil(database, () => existsSync(join(database.path, 'previous')))
    assert.ok(code === 1 || code === 4, `${code} ${stderr}`)
    let back = code === 1 || /the earlier state is back/.test(stderr)
    if (marked.intent()) {
      assert.match(stderr, /restore\.ts dickson/)
      const again = await stack.script('restore', ['dickson'])
      back = /taken back: the earlier state is there/.test(again.stderr)
      assert.equal(again.code, back ? 1 : 0, again.stderr)
    }
    assert.equal(marked.state(), back ? old : '1 1', stderr)
    assert.ok(!marked.intent())
  })

  it('is mended by room alone', async () => {
    const { code, stderr } = await restore()
    assert.equal(code, 0, stderr)
    assert.equal(marked.state(), '1 1')
  })
})
