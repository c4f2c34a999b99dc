/** A live restore, its undo, a drill, an export, and a server that has lost everything: on one stack, in this order. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { failingAt, withInjector } from '../faults/injector.ts'
import { root, start, ZX } from '../scripts/harness.ts'
import { assertNothingLeft, ledgerOf, repositoryOf } from './backups.ts'
import { type Books, openBooks } from './books.ts'
import { docker, dockerAsk, eventually, redis, secretsOf, useStack } from './harness.ts'

const stack = useStack('restore', ['dickson'])
const repository = repositoryOf(stack)
const SITE = 'erp.dickson-supplies.com'
const BENCH = '/home/frappe/frappe-bench'
const restore = (...args: string[]) => stack.script('restore', ['dickson', ...args])
const ledger = () => ledgerOf(stack)
const inBackend = (code: string) => docker('exec', stack.container('dickson-backend'), 'bash', '-c', code)
const inAssets = (script: string) =>
  dockerAsk(
    ...['run', '--rm', '--network', 'none', '--user', '1000', '-v', `${stack.prefix}dickson-assets-data:/a`],
    ...['--entrypoint', 'sh', stack.env.ERPNEXT_IMAGE ?? '', '-c', script],
  )

/** Run it on a terminal, and type this where it asks. */
async function typed(word: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
  const line = [...ZX, 'scripts/restore.ts', 'dickson', ...args].map((one) => `'${one}'`).join(' ')
  const env = { ...process.env, ...stack.env, NODE_OPTIONS: '', CI: '' }
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { cwd: root, env })
  let [said, answered] = ['', false]
  child.stdout.on('data', (data) => {
    said += data
    if (answered || !said.includes('Type dickson to go on')) return
    answered = true
    child.stdin.write(`${word}\r`)
  })
  const [code] = await once(child, 'close')
  return { code, said }
}

/** Neither a secret file's value nor one of the site's own in any of these. */
function assertNoSecret(...texts: string[]): void {
  const files = Object.values(secretsOf(stack))
  const config = JSON.parse(inBackend(`cat ${SITE}/site_config.json`))
  const values = [...files, config.db_password, config.encryption_key]
  assert.ok(values.length > 5 && values.every((value) => value.length > 8))
  for (const value of values) assert.ok(!texts.some((text) => text.includes(value)), 'a secret was shown')
}

/** As `bench set-maintenance-mode` does. */
const maintenance = (on: 0 | 1) =>
  books.python(`from frappe.installer import update_site_config\nupdate_site_config("maintenance_mode", ${on})`)
/** The whole bench's settings; a change is written back. */
const common = (change = '') =>
  books.python(
    `import json\nc = json.load(open("common_site_config.json"))\n${change}\njson.dump(c, open("common_site_config.json", "w"))\nprint(c.get("server_script_enabled"))`,
  )
/** What the stand-in has not, which keeps no mail: three that wait, and one that does not. */
const MAILS = [
  "frappe.db.sql('create table `tabEmail Queue` (name varchar(140) primary key, status varchar(140))')",
  ...['Not Sent', 'Sending', 'Partially Sent', 'Sent'].map(
    (status, index) => `frappe.db.sql("insert into \`tabEmail Queue\` values ('${index}', '${status}')")`,
  ),
].join('\n')
const enable = (on: 0 | 1) =>
  books.python(`frappe.db.sql("update tabUser set enabled = ${on} where name = 'mary@example.org'")`)
/** Extended attributes of the marker, in hexadecimal; none of the image's programs shows one. */
const ATTRIBUTES = {
  'user.note': '6b657074',
  // acl(5): user::rw-, user:4242:r--, group::r--, mask::r--, other::---
  'system.posix_acl_access':
    '02000000 01000600ffffffff 0200040092100000 04000400ffffffff 10000400ffffffff 20000000ffffffff'.replaceAll(' ', ''),
}
const ofMarker = (code: string) =>
  inBackend(`cd ${SITE}/private/files && ${BENCH}/env/bin/python -c '
import json, os
${code}'`)
const attributes = () =>
  JSON.parse(
    ofMarker('print(json.dumps({name: os.getxattr("marker", name).hex() for name in os.listxattr("marker")}))'),
  )
/** The site's own folder, on this machine. */
const folder = () =>
  join(docker('volume', 'inspect', '--format', '{{.Mountpoint}}', stack.container('dickson-sites-data')), SITE)
/** Owner, group and mode of files of the site. */
const shown = (...names: string[]) => inBackend(`cd ${SITE}; stat -c '%u %g %a' ${names.join(' ')}`).split('\n')
/** Whether the scheduler is paused in the site's configuration, and on in its database. */
const scheduler = () => [
  JSON.parse(inBackend(`cat ${SITE}/site_config.json`)).pause_scheduler ?? 0,
  books.sql("select value from tabSingles where field = 'enable_scheduler'")[0]?.[0],
]
const setScheduler = (paused: 0 | 1, on: 0 | 1) =>
  books.python(`from frappe.installer import update_site_config
update_site_config("pause_scheduler", ${paused})
frappe.db.set_single_value("System Settings", "enable_scheduler", ${on})`)
const canary = () =>
  books.python(
    'from frappe.utils.password import get_decrypted_password\nprint(get_decrypted_password("User", "Administrator", "api_secret"))',
  )
const marker = () => inBackend(`cat ${SITE}/private/files/marker`)
const rootLogin = (password: string, sql: string) =>
  docker(
    ...['exec', '--env', `MYSQL_PWD=${password}`, stack.container('dickson-db')],
    ...['mariadb', '--host', '127.0.0.1', '--user', 'root', '-Ne', sql],
  )
const rootPassword = () => readFileSync(join(stack.home, 'secrets/dickson_db_password.txt'), 'utf8')
const drills = () => docker('ps', '-aq', '--filter', `name=${stack.prefix}drill-`)
const drillRemains = () =>
  [drills(), docker('volume', 'ls', '-q', '--filter', `name=${stack.prefix}drill-`)].join('') +
  docker('network', 'ls', '-q', '--filter', `name=${stack.prefix}drill-`)

/** Journal entries, ledger entries and the last number, as the database has them. */
const counts = (books: Books) =>
  books.sql(
    'select (select count(*) from `tabJournal Entry`), (select count(*) from `tabGL Entry`), (select current from tabSeries where name like "ACC-JV-%")',
  )[0]

let books: Books
const erpnextVersion = () =>
  books.sql("select app_version from `tabInstalled Application` where app_name = 'erpnext'")[0]?.[0]

describe('before anything is restored', () => {
  before(async () => {
    books = await openBooks(stack)
    for (const amount of [10, 20, 30]) await books.bookEntry(amount)
    books.python(
      'from frappe.utils.password import set_encrypted_password\nset_encrypted_password("User", "Administrator", "canary", "api_secret")',
    )
    inBackend(`mkdir -p ${SITE}/private/files; echo of-the-backup >${SITE}/private/files/marker`)
    inBackend(`cd ${SITE}/private/files; chmod 640 marker; touch -d '2020-01-02 03:04:05.678' marker`)
    inBackend(`cd ${SITE}/private/files; for i in $(seq 20); do echo $i >caf$'\\xe9'$i; echo $i >'back\\slash'$i; done`)
    ofMarker(
      `for name, value in ${JSON.stringify(ATTRIBUTES)}.items(): os.setxattr("marker", name, bytes.fromhex(value))`,
    )
    chownSync(join(folder(), 'private/files/marker'), 1000, 4242)
    chownSync(join(folder(), 'private'), 0, 0)
    chownSync(folder(), 1000, 4242)
    chmodSync(folder(), 0o751)
    assert.deepEqual(shown('.', 'private', 'private/files/marker'), ['1000 4242 751', '0 0 755', '1000 4242 640'])
    assert.deepEqual(attributes(), ATTRIBUTES)
    inAssets('echo of-the-backup >/a/logo.svg')
    rootLogin(rootPassword(), "alter user 'root'@'%' identified by 'of-the-backup'")
    books.python(
      `frappe.db.sql("update \`tabInstalled Application\` set app_version = '16.30.0' where app_name = 'erpnext'")`,
    )
    assert.equal(erpnextVersion(), '16.30.0')
    books.python(MAILS)
    books.python(
      `frappe.db.sql("insert into tabUser (name, email, enabled) values ('mary@example.org', 'mary@example.org', 1)")`,
    )
    common('c["server_script_enabled"] = 1')
    maintenance(1)
    setScheduler(1, 0)
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
    maintenance(0)
    await eventually(60, 'the site is open again', async () => (await books.get('/api/method/ping')).status === 200)
    enable(0)
    setScheduler(0, 1)
    assert.deepEqual(scheduler(), [0, '1'])
    // a web worker may keep the maintenance of a minute ago: it answers 503, and books nothing
    const booked = (amount: number) => () =>
      books.bookEntry(amount).then(
        () => true,
        () => false,
      )
    for (const amount of [40, 50]) await eventually(90, 'it is booked', booked(amount))
    inBackend(`echo newer >${SITE}/private/files/marker`)
    inAssets('echo newer >/a/logo.svg; echo newer >/a/added.svg')
  })

  it('there is nothing to go back to', async () => {
    const { code, stderr } = await restore('--undo', '--confirm=dickson')
    assert.equal(code, 3, stderr)
    assert.match(stderr, /nothing is kept to go back to/)
  })

  it('--list and --dry-run tell what there is and what would be lost, and touch nothing', async () => {
    inBackend('mkdir second.local; echo {} >second.local/site_config.json')
    const untouched = stack.fingerprint('dickson')
    const listed = await restore('--list')
    assert.match(listed.stdout, /^[0-9a-f]{8} {2}2\S+Z {2}verified$/m)
    const { code, stdout, stderr } = await restore('--dry-run', '--json')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /dickson: second\.local, another site of its bench, gets the database that comes, or none/)
    const { text, lost } = JSON.parse(stdout)
    assert.match(text, /lost .*2 Journal Entry.*4 GL Entry/)
    assert.match(text, /given out {2}again: ACC-JV-2026-4 to 5/)
    assert.match(text, /sends +3 mails that waited then/)
    assert.equal(lost.documents['GL Entry'], 4)
    assert.deepEqual(lost.numbers['ACC-JV-2026-'], { from: 4, to: 5 })
    assert.equal(stack.fingerprint('dickson'), untouched)
    inBackend('rm -r second.local')
    assert.deepEqual(counts(books), ['5', '10', '5'])
  })
})

describe('a live restore', () => {
  it('brings back rows, files, numbers and secrets of the backup, and is down for seconds', async () => {
    for (const part of ['cache', 'queue']) assert.match(redis(stack, `dickson-redis-${part}`, 'set planted 1'), /OK$/)
    const [coming] = repository.verified()
    common('del c["server_script_enabled"]')
    const { code, stdout, stderr } = await restore('--confirm=dickson', '--json')
    assert.equal(code, 0, stderr)
    assert.match(
      stderr,
      /common_site_config\.json stays as it is here; what was saved differs in server_script_enabled/,
    )
    assert.match(common(), /^None$/m, 'what an undo would leave in the way of the books of before')
    common('c["server_script_enabled"] = 1')
    const journal = readFileSync(join(stack.home, 'state/dickson/journal.jsonl'), 'utf8').trim().split('\n')
    assert.deepEqual(JSON.parse(journal.at(-1) ?? '').ids, [coming, repository.verified()[1]])
    for (const part of ['cache', 'queue']) assert.match(redis(stack, `dickson-redis-${part}`, 'exists planted'), /0$/)
    assertNoSecret(stdout, stderr, readFileSync(join(stack.home, 'state/dickson/journal.jsonl'), 'utf8'))
    assert.match(stderr, /was in maintenance mode when this was saved/)
    assert.match(stderr, /accounts were closed since: npx zx scripts\/users\.ts dickson disable mary@example\.org\n/)
    const { downtime } = JSON.parse(stdout)
    assert.ok(downtime > 1 && downtime < 60, `down for ${downtime} s`)
    assert.deepEqual(counts(books), ['3', '6', '3'])
    assert.equal(marker(), 'of-the-backup')
    assert.equal(inAssets('cat /a/*'), 'of-the-backup')
    assert.match(
      books.python(
        'from frappe.utils.password import get_decrypted_password\nprint(get_decrypted_password("User", "Administrator", "api_secret"))',
      ),
      /^canary$/m,
    )
    assert.equal(repository.verified().length, 2, 'what was there was backed up first')
    await assertNothingLeft(stack)
  })

  it('ended every session', async () => {
    assert.equal((await books.get('/api/method/frappe.auth.get_logged_user')).status, 403)
    assert.deepEqual(books.sql('select count(*) from tabSessions'), [['0']])
  })

  it('left files with their group, mode, time, attributes and access list', () => {
    assert.deepEqual(shown('private/files/marker'), ['1000 4242 640'])
    assert.equal(inBackend(`stat -c %y ${SITE}/private/files/marker`), '2020-01-02 03:04:05.678000000 +0000')
    assert.deepEqual(attributes(), ATTRIBUTES)
  })

  it('left the site’s own folder with its group and mode', () => {
    assert.deepEqual(shown('.'), ['1000 4242 751'])
  })

  it('left the scheduler as in the backup: paused, and off', () => {
    assert.deepEqual(scheduler(), [1, '0'])
  })

  it("gave root the secret file's password, and the data to uid 1000, though some of it was root's", async () => {
    assert.equal(rootLogin(rootPassword(), 'select 1'), '1')
    assert.equal(inBackend(`find ${SITE} ! -uid 1000`), '')
    books = await openBooks(stack)
    await books.insert('File', { file_name: 'a.txt', content: 'a', is_private: 1 })
    await books.bookEntry(60)
  })

  it('brought data of an older release up to the image', () => {
    assert.equal(erpnextVersion(), '16.32.3')
  })

  it('asks for the tenant’s name on a terminal, and another word changes nothing', async () => {
    const untouched = stack.fingerprint('dickson')
    const { code, said } = await typed('byrne', '--undo')
    assert.equal(code, 2, said)
    assert.match(said, /dickson was not typed: nothing was changed/)
    assert.equal(stack.fingerprint('dickson'), untouched)
  })

  it('is undone, and an undo as well; what a killed restore left is not in the way', async () => {
    docker('exec', '--user', '0', stack.container('dickson-db'), 'mkdir', '/var/lib/mysql/incoming')
    inBackend(`mkdir -p incoming/${SITE}`)
    inBackend(`cd ${SITE}; jq 'del(.maintenance_mode)' site_config.json >c; cat c >site_config.json; rm c`) // its bench decides
    const undone = await typed('dickson', '--undo')
    assert.equal(undone.code, 0, undone.said)
    assert.deepEqual(counts(books), ['5', '10', '5'])
    assert.equal(marker(), 'newer')
    assert.deepEqual(scheduler(), [0, '1'], 'as it was before the restore')
    assert.equal(inAssets('cat /a/*'), 'newer\nnewer')
    common('c["maintenance_mode"] = 1')
    const again = await restore('--undo', '--confirm=dickson')
    common('del c["maintenance_mode"]')
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stderr, /its whole bench is in maintenance mode: that was ended for the site/)
    assert.deepEqual(counts(books), ['4', '8', '4'])
  })

  it('does not bring data of a newer release under the programs that are here, unasked', async () => {
    const newer = (version: string) =>
      books.python(
        `frappe.db.sql("update \`tabInstalled Application\` set app_version = '${version}' where app_name = 'erpnext'")`,
      )
    newer('99.0.0')
    const { code, stderr } = await restore(
      '--confirm=dickson',
      '--without-backup',
      `--snapshot=${repository.verified()[0]}`,
    )
    assert.equal(code, 0, stderr)
    const rows = counts(books)
    const undone = await restore('--undo', '--confirm=dickson')
    assert.equal(undone.code, 1, undone.stderr)
    assert.match(undone.stderr, /the earlier state is back: .*what comes is newer than the image: erpnext is 99/)
    assert.deepEqual(counts(books), rows)
    books = await openBooks(stack)
  })

  it('keeps what it replaced until the first verified backup after seven days', async () => {
    const previous = () => docker('exec', stack.container('dickson-db'), 'ls', '/var/lib/mysql')
    const file = join(stack.home, 'state/dickson/ledger.json')
    const at = '2026-01-01T00:00:00.000Z'
    const old = { ...ledger(), restored: { ...ledger().restored, at } }
    execFileSync('tee', [file], { input: JSON.stringify(old), stdio: ['pipe', 'ignore', 'inherit'] })
    inBackend(`mkdir second.local; echo {} >second.local/site_config.json; ln -s /etc ${SITE}/private/files/link`)
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /the files of second\.local are in no backup/)
    assert.match(stderr, /what these links lead to is in no backup: private\/files\/link\n/)
    inBackend('rm -r second.local')
    assert.match(previous(), /previous/, 'the ledger was put back from a copy: it speaks of another restore')
    docker(
      'exec',
      '--user',
      '0',
      stack.container('dickson-backend'),
      'sh',
      '-c',
      `echo ${at} >${BENCH}/sites/previous/.kept`,
    )
    assert.equal((await stack.script('backup', ['dickson'])).code, 0)
    assert.doesNotMatch(previous(), /previous/)
    assert.equal(ledger().restored.kept, false)
  })
})

describe('a drill', () => {
  it('becomes a site beside the live one, which is untouched, and leaves nothing but a line in the ledger', async () => {
    const untouched = stack.fingerprint('dickson')
    const { code, stdout, stderr } = await restore('--drill', '--quiet')
    assert.equal(code, 0, stderr)
    assert.equal(stdout + stderr, '')
    const { drilled } = ledger()
    assert.equal(drilled.passed, true)
    assert.ok(drilled.restoreSeconds > 3 && drilled.backupAgeSeconds > 0)
    assert.equal(stack.fingerprint('dickson'), untouched)
    assert.equal(drillRemains(), '')
  })

  it('that fails says so in the ledger, and leaves nothing either', async () => {
    const drill = (env: Record<string, string>) => stack.script('restore', ['dickson', '--drill'], { env })
    const { code, stderr } = await failingAt(' restore --no-lock', drill)
    assert.equal(code, 1, stderr)
    const { passed, message } = ledger().drilled
    assert.equal(passed, false)
    assert.match(message, /restic restore failed/)
    assert.equal(drillRemains(), '')
  })

  const drilled = (part: string) => `${stack.prefix}drill-dickson-${part}`
  const inSite = (code: string) => `docker exec -w ${BENCH}/sites/${SITE} ${drilled('backend')} bash -c '${code}'`
  const asRoot = (sql: string) =>
    `echo '${sql}' | docker exec -i ${drilled('db')} sh -c 'MYSQL_PWD="$(cat /run/secrets/db_password)" mariadb -uroot "$1"' sh "$schema"`
  const findSchema = `schema=$(docker exec ${drilled('db')} mariadb -Ne "show databases like '\\_%'")`
  for (const [what, run, message] of [
    ['a row fewer', `${findSchema}; ${asRoot('delete from `tabGL Entry` limit 1')}`, /GL Entry/],
    ['another key', inSite('sed -i "s/encryption_key.: ./&_/" site_config.json'), /another encryption key/],
    [
      'files that are not the repository’s',
      inSite('find public private -type f | while read -r file; do echo more >>"$file"; done'),
      /is not what the repository holds/,
    ],
    ['a desk that does not open', `docker stop --time 0 ${drilled('frontend')}`, /nobody is logged in/],
  ] as const)
    it(`fails of ${what}, though it came up`, async () => {
      await withInjector({ at: ' cat /out/sites/', mode: 'meanwhile', run }, async ({ env, struck }) => {
        const { code, stderr } = await stack.script('restore', ['dickson', '--drill'], { env })
        assert.ok(struck(), stderr)
        assert.equal(code, 1, stderr)
        assert.match(stderr, /Ask erp\.dickson-supplies\.com through its frontend/)
        assert.match(stderr, message)
      })
      assert.equal(ledger().drilled.passed, false)
      assert.match(ledger().drilled.message, message)
      assert.equal(drillRemains(), '')
    })

  it('has no way out and none to the live tenant; TERM removes it, and the next run removes what a kill left', async () => {
    const how = { env: stack.env, timeout: 240 }
    const running = start('restore', ['dickson', '--drill'], how)
    const backend = `${stack.prefix}drill-dickson-backend`
    const runs = () => docker('inspect', '--format', '{{.State.Running}}', backend) === 'true'
    await eventually(120, 'the backend of the drill runs', runs)
    const networks = docker(
      'inspect',
      '--format',
      '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}',
      backend,
    )
    for (const network of networks.split(' ').filter(Boolean)) {
      assert.ok(network.startsWith(`${stack.prefix}drill-`), network)
      assert.equal(docker('network', 'inspect', '--format', '{{.Internal}}', network), 'true', network)
    }
    assert.doesNotMatch(
      docker('ps', '--filter', `name=${stack.prefix}drill-`, '--format', '{{.Names}}'),
      /worker|scheduler/,
    )
    // a script that is told to end waits 8 s for that: on a busy machine it may leave the rest to the next run
    for (let tries = 1, drill = running; ; tries++, drill = start('restore', ['dickson', '--drill'], how)) {
      await eventually(120, 'the backend of the drill runs', runs)
      drill.child.kill('SIGTERM')
      assert.equal((await drill.done).code, 143)
      if (drillRemains() === '') break
      assert.ok(tries < 3, `TERM leaves ${drillRemains()}`)
    }

    const killed = start('restore', ['dickson', '--drill'], how)
    const database = () => docker('ps', '-q', '--filter', `name=${stack.prefix}drill-dickson-db`)
    await eventually(120, 'the database of the drill runs', () => database() !== '')
    killed.child.kill('SIGKILL')
    await killed.done
    assert.notEqual(drillRemains(), '')
    const next = await restore('--drill')
    assert.equal(next.code, 0, next.stderr)
    assert.match(next.stdout, /books, key and 3 files are as they were/)
    assert.equal(drillRemains(), '')
  })
})

describe('an export', () => {
  const directory = mkdtempSync(join(tmpdir(), 'erp-export-'))
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('is three files for their owner alone, complete, with a warning; a second one overwrites nothing', async () => {
    const { code, stdout, stderr } = await restore('--export', directory)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /keys and passwords in clear/)
    assert.match(stderr, /an import of this refuses its links: erp\.dickson-supplies\.com\/private\/files\/link\n/)
    const files = stdout.split('\n').filter(Boolean)
    assert.deepEqual(
      files.map((file) => /dickson-(\w+)-\d{8}T\d{6}Z\.(\w+)\.zst$/.exec(file)?.slice(1).join(' ')),
      ['erp sql', 'sites tar', 'assets tar'],
    )
    for (const file of files) assert.equal(statSync(file).mode & 0o777, 0o600)
    const read = (script: string) =>
      dockerAsk(
        ...['run', '--rm', '--network', 'none', '-v', `${directory}:/x:ro`, '--user', '0', '--tmpfs', '/var/lib/mysql'],
        ...['--entrypoint', 'bash', stack.env.MARIADB_IMAGE ?? '', '-ec', script],
      )
    assert.match(read('zstd -dc /x/*-erp-*'), /^-- tenant: dickson$[\s\S]*CREATE SEQUENCE[\s\S]*Dump completed/m)
    assert.equal(read("zstd -dc /x/*-erp-* | grep -c 'INSERT INTO `tabGL Entry`'"), '1')
    assert.match(read('zstd -dc /x/*-sites-* | tar -tv --numeric-owner'), /1000\/1000.*site_config\.json/)
    const left = join(directory, 'dickson-erp-20260101T000000Z.sql.zst.partial')
    writeFileSync(left, 'keys in clear')
    rmSync(files[0] ?? '')
    const half = await restore('--export', directory)
    assert.equal(half.code, 3, half.stderr)
    assert.match(half.stderr, /sites-.* is already there[\s\S]*where not all three are: remove it/)
    for (const file of files) rmSync(file, { force: true })
    await withInjector(undefined, async ({ env, calls }) => {
      const whole = await stack.script('restore', ['dickson', '--export', directory], { env })
      assert.equal(whole.code, 0, whole.stderr)
      const packs = calls().filter((call) => call.includes('tar --numeric-owner'))
      assert.deepEqual(
        packs.map((call) => call.split(' ')[0]),
        ['exec', 'exec'],
        'what a container prints by itself stands in the engine’s log as well',
      )
    })
    assert.ok(!existsSync(left), 'what a killed export left')
    const again = await restore('--export', directory)
    assert.equal(again.code, 3, again.stderr)
    assert.match(again.stderr, /already there/)
    assert.equal(drillRemains(), '')
  })
})

describe('an export into a place that takes no file', () => {
  it('is refused before anything is restored: 3', async () => {
    const { code, stderr } = await restore('--export', '/etc/hostname/erp')
    assert.equal(code, 3, stderr)
    assert.match(stderr, /nothing can be written into \/etc\/hostname\/erp/)
  })
})

describe('a server that has lost everything but repository and secrets', () => {
  let lost: [rows: string[] | undefined, mark: string, secret: string]
  before(async () => {
    assert.match(common(), /^1$/m)
    chownSync(folder(), 1000, 4242)
    chmodSync(folder(), 0o751)
    utimesSync(folder(), 1.5e9, 1.5e9)
    assert.equal((await stack.script('backup', ['dickson'])).code, 0)
    lost = [counts(books), marker(), canary()]
    assert.equal(lost[2], 'canary')
    stack.wipe('dickson')
    rmSync(join(stack.home, 'state'), { recursive: true, force: true })
  })

  it('is told how much disk the backup needs, where there is less', async () => {
    const volume = `${stack.prefix}dickson-db-data`
    const labels = { project: `${stack.prefix}securenexus-erp`, volume: 'dickson-db-data' }
    const marks = Object.entries(labels).flatMap(([name, value]) => ['--label', `com.docker.compose.${name}=${value}`])
    const small = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=size=20m']
    docker('volume', 'create', '--driver', 'local', ...small, ...marks, volume)
    const { code, stderr } = await restore('--confirm=dickson')
    docker('volume', 'rm', volume)
    assert.equal(code, 3, stderr)
    assert.match(stderr, /the backup needs 0\.\d GiB beside the live data, the disk has 0\.0 GiB; nothing was changed/)
  })

  it('is made again by restore alone, and answers', async () => {
    const [rows, mark, secret] = lost
    const { code, stdout, stderr } = await restore('--confirm=dickson')
    assert.equal(code, 0, stderr)
    assert.equal(inBackend(`stat -c '%u %g %a %Y' ${SITE}`), '1000 4242 751 1500000000', 'its own folder as well')
    assert.match(stdout, /dickson: restored/)
    assert.doesNotMatch(stderr, /Back up what is there/)
    assert.match(`${stdout}${stderr}`, /next: npx zx scripts\/deploy\.ts core dickson --only edge lets browsers in/)
    assert.deepEqual(counts(books), rows)
    assert.equal(marker(), mark)
    assert.equal(canary(), secret, 'what is stored under the site’s key')
    assert.match(common(), /^1$/m, 'server scripts run, as they did')
    assert.ok(!existsSync(join(stack.home, 'state/dickson/restore.json')))
    assert.equal(rootLogin(rootPassword(), 'select 1'), '1')
    books = await openBooks(stack)
    await books.bookEntry(70)
    const untouched = stack.fingerprint('dickson')
    const deployed = await stack.script('deploy', ['dickson'])
    assert.equal(deployed.code, 0, deployed.stderr)
    assert.equal(stack.fingerprint('dickson'), untouched, 'it publishes the hosts, and nothing else')
    const again = await stack.script('deploy', ['dickson'])
    assert.match(again.stdout, /nothing had to be done/, again.stderr)
    assert.equal((await stack.script('backup', ['dickson'])).code, 0)
  })
})
