/** Backups on the real engine: what they hold, that they are proven, and every way in which they must not look good. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { withInjector } from '../faults/injector.ts'
import { start } from '../scripts/harness.ts'
import { assertNothingLeft, ledgerOf, type Planting, plantBackup, repositoryOf } from './backups.ts'
import { type Books, openBooks } from './books.ts'
import { docker, eventually, useStack } from './harness.ts'

const stack = useStack('backup', ['dickson', 'byrne'])
const SITE = 'erp.dickson-supplies.com'
const { directory: repository, password, restic, snapshots, backups, proofs, verified } = repositoryOf(stack)
const ledger = () => ledgerOf(stack)
const backup = (args: string[] = ['dickson'], env: Record<string, string> = {}) => stack.script('backup', args, { env })

const staging = () => docker('exec', stack.container('dickson-db'), 'ls', '-A', '/srv/staging')
const stagingFills = () => {
  const [size = '0'] = docker('exec', stack.container('dickson-db'), 'du', '-sk', '/srv/staging').split('\t')
  return Number(size) > 1024
}

describe('a backup', () => {
  let books: Books
  before(async () => {
    books = await openBooks(stack)
    for (const amount of [10, 20.5, 30]) await books.bookEntry(amount)
    books.python(
      'from frappe.utils.password import set_encrypted_password\nset_encrypted_password("Email Account", "Till", "canary-secret")',
    )
    await books.insert('File', { file_name: 'prescription.txt', content: 'for us', is_private: 1 })
    const odd = `cd /home/frappe/frappe-bench/sites/${SITE}/private/files; echo odd >odd; chmod 0600 odd; echo closed >closed; chmod 0000 closed; touch -d 2020-02-02T02:02:02 odd`
    docker('exec', stack.container('dickson-backend'), 'bash', '-c', odd)
  })

  it('goes into a repository that opens in a fraction of what restic takes for a password that people think of', () => {
    const [key = ''] = readdirSync(join(repository(), 'keys'))
    const { N, r, p } = JSON.parse(readFileSync(join(repository(), 'keys', key), 'utf8'))
    assert.ok(N * r * p <= 2 ** 18, `N ${N}, r ${r}, p ${p}: 32 MiB at most, once`)
  })

  it('of a tenant that serves and is written to is verified, and holds what was written before', async () => {
    const byrne = stack.fingerprint('byrne')
    const dickson = stack.fingerprint('dickson')
    const before = await books.bookEntry(7)
    const names: string[] = []
    const failures: unknown[] = []
    let going = true
    const writer = (async () => {
      while (going) {
        await books.bookEntry(1).then(
          (name) => names.push(name),
          (error) => failures.push(error),
        )
      }
    })()
    const [{ code, stdout, stderr }, other] = await Promise.all([
      backup().finally(() => {
        going = false
      }),
      stack.script('deploy', ['byrne']),
    ])
    await writer
    assert.equal(code, 0, stderr)
    assert.match(other.stdout, /byrne: .*nothing had to be done/, 'one tenant’s backup holds no other up')
    assert.match(stdout, /^dickson: verified, /)
    assert.deepEqual(failures, [], 'the tenant serves all the while')
    assert.ok(names.length > 3, `${names.length} entries were written meanwhile`)
    assert.equal(stack.fingerprint('byrne'), byrne)
    assert.equal(stack.fingerprint('dickson'), dickson)
    const [proof] = proofs()
    const told = JSON.parse(restic('dump', '--no-lock', proof?.id ?? '', '/proof.json'))
    const entries = told.answers.doctypes['Journal Entry']
    assert.ok(entries.rows >= 4 && entries.newest >= before, JSON.stringify(entries))
    assert.equal(told.answers.doctypes['GL Entry'].rows, 2 * entries.rows, 'an entry and its two lines are one')
    assert.equal(told.answers.series['ACC-JV-2026-'], String(entries.rows), 'no hole')
    assert.equal(told.answers.ledger.difference, '0.00')
    assert.deepEqual(told.answers.secrets, { stored: 1, opened: 1 })
    assert.equal(told.answers.sequences, 5)
    assert.deepEqual(told.remarks, [])
  })

  it('opens more tables than an engine allows at first', () => {
    const copy = 'ulimit -Sn 32; bash /opt/erp/copy-database.sh < <(sleep 60)'
    const clear = 'find /srv/staging -mindepth 1 -delete'
    const script = `${copy}; code=$?; ${clear}; exit $code`
    const { status, stderr } = spawnSync('docker', ['exec', stack.container('dickson-db'), 'bash', '-c', script], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
  })

  it('is one snapshot of db, the site, assets and a manifest that says what it is', async () => {
    const [snapshot] = backups()
    const id = snapshot?.id ?? ''
    assert.equal(snapshot?.hostname, 'dickson')
    const paths = restic('ls', '--no-lock', id).split('\n')
    for (const path of [
      '/db/ibdata1',
      '/db/mariadb_upgrade_info',
      '/db/.my-healthcheck.cnf',
      '/manifest.json',
      '/assets',
      `/sites/${SITE}/site_config.json`,
    ])
      assert.ok(paths.includes(path), path)
    assert.ok(!paths.some((path) => path.includes('common_site_config')), 'it has the passwords of both Redis')
    const manifest = JSON.parse(restic('dump', '--no-lock', id, '/manifest.json'))
    const config = JSON.parse(restic('dump', '--no-lock', id, `/sites/${SITE}/site_config.json`))
    assert.equal(manifest.tenant, 'dickson')
    assert.equal(manifest.site, SITE)
    assert.equal(manifest.schema, config.db_name)
    assert.equal(manifest.keyFingerprint, createHash('sha256').update(config.encryption_key).digest('hex'))
    assert.deepEqual(Object.keys(manifest.apps).sort(), ['erpnext', 'frappe'])
    assert.match(manifest.server, /^11\./)
    assert.ok(Number(manifest.lsn) > 0 && manifest.databaseBytes > 1_000_000)
    assert.equal(new Date(manifest.at).toISOString(), manifest.at)
    assert.deepEqual(manifest.images, { erpnext: stack.env.ERPNEXT_IMAGE, mariadb: stack.env.MARIADB_IMAGE })
  })

  it('keeps owner, mode and time of every file, also of one that nobody may read', () => {
    const rows = restic('ls', '--no-lock', '--json', 'latest', '--tag', 'backup')
      .split('\n')
      .filter((line) => line.includes('/private/files/'))
      .map((line) => JSON.parse(line))
    const file = (name: string) => rows.find(({ path }) => path.endsWith(`/${name}`))
    assert.equal(file('odd').permissions, '-rw-------')
    assert.equal(file('odd').uid, 1000)
    assert.match(file('odd').mtime, /^2020-02-02T02:02:02/)
    assert.equal(file('closed').permissions, '----------')
  })

  it('leaves an empty staging, a ledger, a journal, and a repository for root alone', async () => {
    await assertNothingLeft(stack)
    assert.equal(staging(), '')
    assert.equal(statSync(repository()).mode & 0o777, 0o700)
    const [snapshot] = backups()
    const told = ledger()
    assert.equal(told.verified.snapshot, snapshot?.id)
    assert.equal(told.backup.snapshot, snapshot?.id)
    assert.equal(told.checked.damaged, undefined)
    assert.equal(told.repository.id, JSON.parse(restic('cat', 'config', '--no-lock')).id)
    const journal = readFileSync(join(stack.home, 'state/dickson/journal.jsonl'), 'utf8').trim().split('\n')
    const last = JSON.parse(journal.at(-1) ?? '')
    assert.deepEqual([last.verb, last.code, last.ids], ['backup', 0, [snapshot?.id]])
  })

  it('a second time stores only what is new, keeps both, and tells its watcher', async () => {
    const told: string[] = []
    const watcher = createServer(({ url = '' }, response) => {
      told.push(url)
      response.end()
    }).listen(0, '127.0.0.1')
    await once(watcher, 'listening')
    const file = join(stack.home, 'secrets/dickson_ping_url.txt')
    writeFileSync(file, `http://127.0.0.1:${(watcher.address() as AddressInfo).port}/uuid`, { mode: 0o600 })
    const { code, stdout, stderr } = await backup(['dickson', '--json'])
    rmSync(file)
    watcher.close()
    assert.deepEqual(told, ['/uuid/start', '/uuid'])
    assert.equal(code, 0, stderr)
    const [made] = JSON.parse(stdout).tenants
    assert.ok(made.addedBytes < made.totalBytes / 10, `${made.addedBytes} of ${made.totalBytes}`)
    assert.equal(verified().length, 2)
    assert.equal(made.kept, 2)
  })
})

describe('a backup does not look good where', () => {
  it("the repository's password is another one: 3, nothing is made, no lock is left", async () => {
    const [file, right] = [password(), readFileSync(password(), 'utf8')]
    const before = readdirSync(repository(), { recursive: true }).length
    writeFileSync(file, `${'f'.repeat(47)}0`)
    const { code, stderr } = await backup(['dickson', '--init'])
    writeFileSync(file, right)
    assert.equal(code, 3, stderr)
    assert.match(stderr, /is not opened by secrets\/dickson_backup_password\.txt/)
    assert.equal(readdirSync(repository(), { recursive: true }).length, before)
    assert.equal(restic('list', 'locks', '--no-lock'), '')
  })

  for (const more of [[], ['--init']])
    it(`the repository existed and is gone: 3, and none is made in its place, ${more.join('') || 'of course'}`, async () => {
      execFileSync('mv', [repository(), `${repository()}.away`])
      const { code, stderr } = await backup(['dickson', ...more], { BACKUP_OFFSITE_DICKSON: './new' })
      const made = existsSync(repository())
      execFileSync('mv', [`${repository()}.away`, repository()])
      assert.equal(code, 3, stderr)
      assert.match(stderr, /existed and is gone[\s\S]*ledger\.json away, then/)
      assert.equal(made, false)
    })

  it('the off-site copy is to be in the same repository: 1, it is verified here, and nothing is said to be elsewhere', async () => {
    const { verified, offsite } = ledger()
    const { code, stderr } = await backup(['dickson'], { BACKUP_OFFSITE_DICKSON: './backups/dickson/' })
    assert.equal(code, 1, stderr)
    assert.match(
      stderr,
      /not off-site: nothing would be off-site: BACKUP_REPOSITORY_DICKSON and BACKUP_OFFSITE_DICKSON name one repository/,
    )
    assert.notEqual(ledger().verified.snapshot, verified.snapshot)
    assert.deepEqual(ledger().offsite, offsite)
  })

  it('somebody of another machine stores something there: 1, since a backup was stored and proven', async () => {
    const other = stack.container('elsewhere')
    const mounts = ['--volume', `${repository()}:/r`, '--volume', `${password()}:/p:ro`]
    const image = stack.env.RESTIC_IMAGE ?? ''
    const held = ['run', '--detach', '--interactive', '--name', other, '--network', 'none', ...mounts, image]
    docker(...held, '--no-cache', '--repo', '/r', '--password-file', '/p', 'backup', '--stdin')
    await eventually(20, 'it holds a lock', () => readdirSync(join(repository(), 'locks')).length > 0)
    const earlier = ledger().verified.snapshot
    const { code, stderr } = await backup()
    docker('rm', '--force', other)
    restic('unlock', '--remove-all')
    assert.equal(code, 1, stderr)
    assert.match(stderr, /is locked by another machine/)
    assert.notEqual(ledger().verified.snapshot, earlier)
  })

  it('another repository stands in its place: 3', async () => {
    execFileSync('mv', [repository(), `${repository()}.away`])
    execFileSync('mkdir', ['-m', '700', repository()])
    restic('init')
    const { code, stderr } = await backup()
    execFileSync('rm', ['-r', repository()])
    execFileSync('mv', [`${repository()}.away`, repository()])
    assert.equal(code, 3, stderr)
    assert.match(stderr, /is another one than before/)
  })

  it('the database hangs: 1 in a bound, and it is left as it was', async () => {
    docker('pause', stack.container('dickson-db'))
    const begun = performance.now()
    const { code, stderr } = await backup()
    const state = docker('inspect', '--format', '{{.State.Status}}', stack.container('dickson-db'))
    docker('unpause', stack.container('dickson-db'))
    assert.equal(code, 1, stderr)
    assert.equal(state, 'paused')
    assert.ok(performance.now() - begun < 60_000)
    await assertNothingLeft(stack)
  })

  /** Strike while the copy is made; again where it had ended before the engine came to it, as on a busy machine. */
  async function whileCopied(strike: () => void, wanted: RegExp, mend: () => unknown) {
    for (let tries = 1; ; tries++) {
      const before = verified().length
      const running = start('backup', ['dickson'], { env: stack.env, timeout: 240 })
      await eventually(60, 'more than 1 MiB is copied', stagingFills)
      strike()
      const ran = await running.done
      await mend()
      if (wanted.test(ran.stderr) || tries === 3) return { ...ran, before }
    }
  }

  it('the database hangs while it is copied: 1 in a bound, and no new backup is verified', async () => {
    const paused = () => docker('pause', stack.container('dickson-db'))
    const { code, stderr, before } = await whileCopied(paused, /the database does not answer any more/, () =>
      docker('unpause', stack.container('dickson-db')),
    )
    assert.equal(code, 1, stderr)
    assert.match(stderr, /the database does not answer any more/)
    assert.equal(verified().length, before)
    await assertNothingLeft(stack) // what was frozen wrote on until it heard that it should end
    assert.equal((await backup()).code, 0)
    assert.equal(staging(), '')
  })

  it('the database is killed while it is copied: 1, no new backup is verified, and it runs again', async () => {
    const asks = () => docker('exec', stack.container('dickson-db'), 'mariadb', '-Ne', 'select 1') === '1'
    const killed = () => docker('kill', stack.container('dickson-db'))
    const { code, stderr, before } = await whileCopied(killed, /the database was not copied/, () =>
      eventually(60, 'the database answers again', asks),
    )
    assert.equal(code, 1, stderr)
    assert.match(stderr, /the database was not copied/)
    assert.equal(verified().length, before)
    assert.equal(staging(), '')
    await assertNothingLeft(stack)
  })

  it('a file cannot be read, by root neither: 1, it is named, and the snapshot is not verified', async () => {
    const before = verified().length
    const volume = docker('volume', 'inspect', '--format', '{{.Mountpoint}}', stack.container('dickson-sites-data'))
    const file = join(volume, SITE, 'private/files/lost.pdf')
    writeFileSync(file, '')
    execFileSync('mount', ['--bind', `/proc/${process.pid}/mem`, file]) // where a disk is broken, reading fails alike
    const { code, stderr } = await backup()
    execFileSync('umount', [file])
    rmSync(file)
    assert.equal(code, 1, stderr)
    assert.match(stderr, /sites\/.*\/private\/files\/lost\.pdf: /)
    assert.equal(verified().length, before)
    assert.equal(staging(), '')
    await assertNothingLeft(stack)
  })

  it('the copy is torn after it was stored: 1, the snapshot is listed by nobody as verified', async () => {
    const before = verified().length
    const tear = "bash -c 'rm -f /srv/staging/ib*; truncate -s 100 /srv/staging/mysql/*.MAI'"
    const run = `docker exec ${stack.container('dickson-db')} ${tear}`
    const torn = { at: '--skip-grant-tables', mode: 'meanwhile', run } as const
    const { code, stderr } = await withInjector(torn, async ({ env }) => backup(['dickson'], env))
    assert.equal(code, 1, stderr)
    assert.match(stderr, /did not start|not proven/)
    assert.equal(verified().length, before)
    assert.equal(staging(), '')
    await assertNothingLeft(stack)
  })
})

describe('backups side by side', () => {
  it('of one tenant: exactly one goes, the others end with 75 and name it', async () => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => backup()))
    assert.deepEqual(runs.map(({ code }) => code).sort(), [0, 75, 75, 75])
    for (const { stderr } of runs.filter(({ code }) => code === 75))
      assert.match(stderr, /held by backup \(pid \d+, since /)
  })

  it('of two tenants: both go, each into its own repository', async () => {
    const before = backups().length
    const [first, second] = await Promise.all([backup(), backup(['byrne'])])
    assert.deepEqual([first?.code, second?.code], [0, 0], `${first?.stderr}${second?.stderr}`)
    assert.equal(backups().length, before + 1)
    assert.ok(existsSync(join(stack.home, 'backups/byrne/config')))
  })

  it('of all, as cron starts it: nothing in its environment, and nothing is printed', async () => {
    const before = backups().length
    const running = start('backup', ['--all', '--quiet'], { env: stack.env, bare: true, timeout: 180 })
    const { code, stdout, stderr } = await running.done
    assert.deepEqual([code, stdout, stderr], [0, '', ''])
    assert.equal(backups().length, before + 1)
  })

  it("of another tenant's repository, opened by a password of ours: nothing of it is restored, and both are named", async () => {
    const byrne = repositoryOf(stack, 'byrne', 'erpnext')
    const mounts = { [byrne.directory()]: '/r', [byrne.password()]: '/p:ro', [password()]: '/new:ro' }
    const given = Object.entries(mounts).flatMap(([from, to]) => ['-v', `${from}:${to}`])
    const add = ['--no-cache', '-r', '/r', '-p', '/p', 'key', 'add', '--new-password-file', '/new']
    docker('run', '--rm', '--network', 'none', ...given, stack.env.RESTIC_IMAGE ?? '', ...add)
    const env = { BACKUP_REPOSITORY_DICKSON: byrne.directory() }
    const { code, stderr } = await stack.script('restore', ['dickson', '--confirm=dickson'], { env })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /holds backups of byrne, not of dickson/)
  })
})

describe('a tenant that is stopped', () => {
  const states = () => {
    const own = ['--filter', 'label=erp.tenant=dickson', '--filter', `name=${stack.prefix}`]
    return [...new Set(docker('ps', '-a', ...own, '--format', '{{.State}}').split('\n'))].sort()
  }
  before(async () => assert.equal((await stack.script('tenant', ['dickson', 'stop'])).code, 0))
  after(async () => assert.equal((await stack.script('tenant', ['dickson', 'start'])).code, 0))

  it('is backed up and verified with its database alone, and stays stopped', async () => {
    const earlier = verified()
    const own = ['label=erp.tenant=dickson', 'label=com.docker.compose.oneoff=False', `name=${stack.prefix}`]
    const filters = own.flatMap((filter) => ['--filter', filter])
    const seen = new Set<string>()
    const watch = setInterval(() => {
      for (const name of docker('ps', ...filters, '--format', '{{.Names}}').split('\n')) seen.add(name)
    }, 200)
    const { code, stderr } = await backup().finally(() => clearInterval(watch))
    assert.equal(code, 0, stderr)
    seen.delete('')
    seen.delete(stack.container('dickson-volumes')) // what the database depends on: it ends before that starts
    assert.deepEqual([...seen], [stack.container('dickson-db')])
    assert.deepEqual(states(), ['exited'])
    const [added, ...more] = verified().filter((id) => !earlier.includes(id))
    assert.deepEqual([added, more], [ledger().verified.snapshot, []])
  })

  it('stays so by the next backup where a killed one has left its database running', async () => {
    const running = start('backup', ['dickson'], { env: stack.env, timeout: 120 })
    await eventually(60, 'its database is copied', () => staging() !== '')
    running.child.kill('SIGKILL')
    await running.done
    assert.deepEqual(states(), ['exited', 'running'])
    const { code, stderr } = await backup()
    assert.equal(code, 0, stderr)
    assert.deepEqual(states(), ['exited'])
  })
})

describe('a repository that is damaged', () => {
  /** Files of a part of the repository, the largest first. */
  function filesOf(part: string, directory = repository()): string[] {
    const entries = readdirSync(join(directory, part), { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    return files.sort((one, other) => statSync(other).size - statSync(one).size)
  }
  const flipped = (whole: Buffer) => {
    const spoilt = Buffer.from(whole)
    spoilt[1000] = (spoilt[1000] ?? 0) ^ 1
    return spoilt
  }
  const DAMAGE: [what: string, spoil: (whole: Buffer) => Buffer][] = [
    ['one byte', flipped],
    ['a pack that is cut short', (whole) => whole.subarray(0, whole.length - 1000)],
  ]

  for (const [what, spoil] of DAMAGE)
    it(`by ${what} is found before retention, the ledger says so, nothing is forgotten until a check passes, and the new backup goes off-site`, async () => {
      const env = { BACKUP_OFFSITE_DICKSON: './away' }
      assert.equal((await backup(['dickson', '--init'], env)).code, 0)
      const old = ['2026-01-05', '2026-01-06'].map((day) => plantBackup(restic, day))
      const oldOnes = () => verified().filter((id) => old.includes(id))
      const [file = ''] = filesOf('data')
      const whole = readFileSync(file)
      writeFileSync(file, spoil(whole))
      const before = backups().length
      const once = ['--keep-daily', '1', '--keep-weekly', '1', '--keep-monthly', '1']
      const { code, stderr } = await backup(['dickson', ...once], env)
      assert.equal(code, 1, stderr)
      assert.match(stderr, /the repository is damaged; nothing was removed/)
      assert.equal(ledger().offsite.snapshot, ledger().verified.snapshot)
      assert.match(ledger().checked.damaged, /check/)
      assert.equal(backups().length, before + 1)
      assert.deepEqual(oldOnes(), old)
      const pruned = await backup(['dickson', '--prune', ...once])
      assert.equal(pruned.code, 1, pruned.stderr)
      assert.match(pruned.stderr, /the repository is damaged; nothing was removed/)
      assert.equal(backups().length, before + 1)
      assert.deepEqual(oldOnes(), old)
      writeFileSync(file, whole)
      assert.equal((await backup(['dickson', ...once])).code, 0)
      assert.equal(ledger().checked.damaged, undefined)
      assert.deepEqual(oldOnes(), [])
    })

  it('and was repaired has no verified backup that was cut down by it', async () => {
    const place = repositoryOf(stack, 'repaired')
    cpSync(repository(), place.directory(), { recursive: true })
    const packs = filesOf('data', place.directory()).sort((a, b) => statSync(b).size - statSync(a).size)
    rmSync(packs[0] ?? '') // of a database: small ones are of proofs
    place.restic('repair', 'index')
    place.restic('repair', 'snapshots', '--forget')
    const env = { BACKUP_REPOSITORY_DICKSON: place.directory() }
    const { stdout } = await stack.script('restore', ['dickson', '--list', '--json'], { env })
    const { backups } = JSON.parse(stdout) as { backups: { id: string; verified: boolean }[] }
    const cut = place.snapshots().filter((one) => one.tags?.includes('backup') && 'original' in one)
    assert.ok(cut.length > 0, 'no backup had anything in the pack that was lost: this test proves nothing')
    for (const { id } of cut) assert.equal(backups.find((one) => one.id === id)?.verified, false)
  })

  it('by an index that is gone verifies no backup, and the ledger says why', async () => {
    const index = filesOf('index').map((file) => [file, readFileSync(file)] as const)
    const earlier = verified().length
    for (const [file] of index) rmSync(file)
    const { code, stderr } = await backup()
    const { damaged } = ledger().checked
    for (const [file, whole] of index) writeFileSync(file, whole)
    assert.equal(code, 1, stderr)
    assert.match(stderr, /the repository is damaged; nothing was removed/)
    assert.match(damaged, /check/)
    assert.equal(verified().length, earlier)
    assert.equal((await backup()).code, 0)
  })
})

describe('retention in a repository', () => {
  const plant = (day: string, how: Planting = {}) => plantBackup(restic, day, how)

  it('removes what the policy lets go, with its proof, and nothing that is not ours', async () => {
    const days = ['2026-01-05', '2026-01-06', '2026-02-07', '2026-02-08'].map((day) => plant(day))
    const strange = [join(repository(), 'notes.txt'), join(repository(), 'data/of-somebody'), `${repository()}-old`]
    for (const file of strange) writeFileSync(file, 'x')
    const foreign = plant('2020-01-01', { host: 'dickson-old' })
    const other = plant('2020-01-01', { tag: 'by-hand', proven: false })
    const failed = plant('2026-01-07', { proven: false })
    const { damagedAt, ...known } = ledger()
    assert.ok(damagedAt, 'the tests before this one did damage')
    const then = { ...known, repository: { ...known.repository, at: '2019-01-01T00:00:00Z' } } // it has seen all of these
    writeFileSync(join(stack.home, 'state/dickson/ledger.json'), JSON.stringify(then))
    const { code, stderr } = await backup(['dickson', '--keep-daily', '2', '--keep-weekly', '1', '--keep-monthly', '2'])
    assert.equal(code, 0, stderr)
    const ids = snapshots().map(({ id }) => id)
    assert.deepEqual(
      days.map((id) => ids.includes(id)),
      [false, false, false, true],
    )
    assert.ok(ids.includes(foreign) && ids.includes(other))
    for (const file of strange) assert.equal(readFileSync(file, 'utf8'), 'x')
    assert.ok(!ids.includes(failed))
    const orphans = proofs().filter(
      ({ hostname, tags }) => hostname === 'dickson' && !ids.some((id) => tags?.includes(`of=${id}`)),
    )
    assert.deepEqual(orphans, [])
  })

  it('removes nothing while a backup lies in the future, and says so', async () => {
    const future = plant('2031-01-01')
    const old = plant('2026-01-05')
    const { code, stderr } = await backup(['dickson', '--keep-daily', '1', '--keep-weekly', '1', '--keep-monthly', '1'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /nothing was removed: the clock is wrong: a backup is of 2031-01-01/)
    const ids = snapshots().map(({ id }) => id)
    assert.ok(ids.includes(old))
    restic('forget', future, old)
  })

  it('keeps the only verified one, however old and however many came after it, and says so', async () => {
    const place = repositoryOf(stack, 'elsewhere')
    const env = { BACKUP_REPOSITORY_DICKSON: place.directory() }
    const made = await backup(['dickson', '--init'], env)
    assert.equal(made.code, 0, made.stderr)
    place.restic('forget', ...place.snapshots().map(({ id }) => id))
    const only = plantBackup(place.restic, '2020-01-01')
    for (const day of ['2026-01-05', '2026-01-06']) plantBackup(place.restic, day, { proven: false })
    const once = ['--keep-daily', '1', '--keep-weekly', '1', '--keep-monthly', '1']
    const { code, stdout, stderr } = await backup(['dickson', '--prune', ...once], env)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /dickson: 3 backups kept, 0 removed; the newest verified one is of 2020-01-01/)
    assert.deepEqual(place.verified(), [only])
  })
})
