/** What came from elsewhere becomes a tenant's books: an export, a dump with tars, `bench backup`, another stack's volumes. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { failingAt, withInjector } from '../faults/injector.ts'
import { openBooks } from './books.ts'
import { makeVolume, unmountAtTheEnd } from './disks.ts'
import { docker, dockerAsk, useStack } from './harness.ts'
import { assertRefused, type MarkedBooks, markBooks } from './restores.ts'

const mounted = unmountAtTheEnd()
const stack = useStack('import', ['dickson'])
const SITE = 'erp.dickson-supplies.com'
const folder = mkdtempSync(join(tmpdir(), 'erp-import-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let marked: MarkedBooks
const volume = (part: string) => stack.container(`dickson-${part}`)
const restore = (args: string[], env: Record<string, string> = {}) =>
  stack.script('restore', ['dickson', '--confirm=dickson', ...args], { env })
const inDatabase = (script: string) => docker('exec', stack.container('dickson-db'), 'bash', '-ec', script)

/** A shell with the tenant's volumes below /v and the folder of this test as /out, as root of a server has them. */
const byRoot = (script: string, image?: string): string => docker(...rootArgs(script, image))
const readByRoot = (script: string): string => dockerAsk(...rootArgs(script))

function rootArgs(script: string, image = stack.env.MARIADB_IMAGE ?? ''): string[] {
  const parts = ['db-data', 'sites-data', 'assets-data']
  const volumes = parts.flatMap((part) => ['-v', `${volume(part)}:/v/${part}`])
  const mounts = [...volumes, '-v', `${folder}:/out`, '--tmpfs', '/var/lib/mysql']
  return [
    ...['run', '--rm', '--network', 'none', '--user', '0', ...mounts],
    ...['--entrypoint', 'bash', image, '-ec', script],
  ]
}

/** Opens a secret that is stored under the site's key. */
async function opensSecret(): Promise<boolean> {
  const books = await openBooks(stack)
  const code = 'from frappe.utils.password import get_decrypted_password'
  return books
    .python(`${code}\nprint(get_decrypted_password("User", "Administrator", "api_secret"))`)
    .includes('canary')
}

/** A directory of one backup below the folder. */
function directory(name: string): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  return path
}

/** Root's dump by the usual client, as the usual guides tell. */
const dump = (arguments_: string, file: string) =>
  docker(
    ...['exec', stack.container('dickson-db'), 'bash', '-ec'],
    `umask 077; printf '[client]\\nuser=root\\npassword=%s\\n' "$(cat /run/secrets/db_password)" >/tmp/own.cnf
     mariadb-dump --defaults-file=/tmp/own.cnf --single-transaction ${arguments_} | gzip >/srv/staging/dump; rm /tmp/own.cnf`,
  ) +
  spawnSync('docker', ['cp', `${stack.container('dickson-db')}:/srv/staging/dump`, file], { encoding: 'utf8' }).stderr +
  inDatabase('rm /srv/staging/dump')

const schema = () => inDatabase('mariadb -Ne "show databases like \'\\\\_%\'"')

describe('what came from elsewhere', () => {
  let old: string
  const later = async () => {
    await marked.book()
    assert.notEqual(marked.state(), old)
  }

  before(async () => {
    marked = await markBooks(stack)
    marked.books.python(
      'from frappe.utils.password import set_encrypted_password\nset_encrypted_password("User", "Administrator", "canary", "api_secret")',
    )
    marked.inBackend(`mkdir -p ${SITE}/private/files; echo invoice >${SITE}/private/files/invoice.txt`)
    assert.equal((await stack.script('backup', ['dickson'])).code, 0)
    const exported = await restore(['--export', directory('export')])
    assert.equal(exported.code, 0, exported.stderr)
    dump('--all-databases', join(directory('dump'), 'dickson-erp-20261125.sql.gz'))
    // with what a restore has kept there: the site of another time, and its brand
    byRoot(`kept=/v/sites-data/previous/${SITE}; mkdir -p $kept /v/assets-data/.previous; echo '{}' >$kept/site_config.json
      touch /v/assets-data/.previous/logo
      tar czf /out/dump/dickson-sites-20261125.tar.gz -C /v/sites-data .
      tar czf /out/dump/dickson-assets-20261125.tar.gz -C /v/assets-data .
      rm -r /v/sites-data/previous /v/assets-data/.previous`)
    const name = '20261125_101112-old_example_org'
    dump(schema(), join(directory('bench'), `${name}-database.sql.gz`))
    byRoot(`cd /v/sites-data; cp -a ${SITE} /tmp/old.example.org; cd /tmp
      tar cf /out/bench/${name}-files.tar ./old.example.org/public/files
      tar cf /out/bench/${name}-private-files.tar ./old.example.org/private/files
      cp old.example.org/site_config.json /out/bench/${name}-site_config_backup.json`)
    const file = join(folder, 'bench', `${name}-site_config_backup.json`)
    const { erp_site_made, erp_scheduler_enabled, ...config } = JSON.parse(readFileSync(file, 'utf8'))
    assert.ok(erp_site_made && erp_scheduler_enabled)
    writeFileSync(file, JSON.stringify({ ...config, db_host: '10.9.8.7', redis_cache: 'redis://10.9.8.7:1' }))
    old = marked.state()
  })

  it('is told before anything happens, with what would be lost', async () => {
    await later()
    const untouched = stack.fingerprint('dickson')
    const { code, stdout, stderr } = await restore(['--import', join(folder, 'dump'), '--dry-run'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /would become what is in .*\/dump: a dump with archives/)
    assert.match(stdout, /lost +.*2 Journal Entry/)
    assert.match(stdout, /unknown +what of that is in the dump/)
    assert.equal(stack.fingerprint('dickson'), untouched)
  })

  it('was put there and exchanged when the import is killed: the next run finishes it', async () => {
    const now = marked.state()
    const fault = { at: 'swap.sh swap', mode: 'kill-after' } as const
    await withInjector(fault, async ({ env, struck }) => {
      const { code, stderr } = await restore(['--import', join(folder, 'export'), '--without-backup'], env)
      assert.deepEqual([struck(), code], [true, null], stderr)
    })
    const { code, stderr } = await restore([])
    assert.equal(code, 0, stderr)
    assert.equal(marked.state(), old)
    assert.equal((await restore(['--undo'])).code, 0)
    assert.equal(marked.state(), now)
  })

  it('is an export of ours, and undone', async () => {
    const now = marked.state()
    const { code, stdout, stderr } = await restore(['--import', join(folder, 'export')])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Back up what is there/)
    assert.match(stdout, /dickson: restored; it was down for \d+/)
    assert.equal(marked.state(), old)
    assert.equal(marked.inBackend(`cat ${SITE}/private/files/invoice.txt`), 'invoice')
    assert.ok(await opensSecret())
    assert.match((await stack.script('deploy', ['dickson'])).stdout, /nothing had to be done/)
    assert.equal((await restore(['--undo'])).code, 0)
    assert.equal(marked.state(), now)
  })

  it('is a dump of all databases with archives of the volumes: of the dump the site’s schema alone is loaded', async () => {
    const { code, stderr } = await restore(['--import', join(folder, 'dump'), '--without-backup'])
    assert.equal(code, 0, stderr)
    assert.equal(marked.state(), old)
    assert.ok(await opensSecret())
    assert.equal(
      inDatabase("mariadb -Ne 'show databases'")
        .split('\n')
        .filter((name) => name.startsWith('_')).length,
      1,
    )
    assert.equal((await stack.script('backup', ['dickson'])).code, 0)
  })

  it('is `bench backup` of a site of another name, whose old addresses do not come', async () => {
    await later()
    const { code, stderr } = await restore(['--import', join(folder, 'bench'), '--without-backup'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /bench backup of old_example_org/)
    assert.equal(marked.books.sql('select count(*) from `tabJournal Entry`')[0]?.[0], old.split(' ')[0])
    assert.equal(marked.inBackend(`cat ${SITE}/private/files/invoice.txt`), 'invoice')
    assert.doesNotMatch(marked.inBackend(`cat ${SITE}/site_config.json`), /10\.9\.8\.7/)
    assert.ok(await opensSecret())
    assert.match((await stack.script('deploy', ['dickson'])).stdout, /nothing had to be done/)
    marked.inBackend(`echo 1 >${SITE}/marker`)
  })
})

describe('what does not do is refused while the site serves on', () => {
  const refused = (name: string, code: number, message: RegExp) =>
    assertRefused(stack, marked, () => restore(['--import', join(folder, name), '--without-backup']), code, message)
  const bench = '20261125_101112-old_example_org'
  /** A copy of a directory, spoilt by a line of bash in it. */
  const spoilt = (name: string, of: string, script: string) => {
    rmSync(join(folder, name), { recursive: true, force: true })
    byRoot(`cp -a /out/${of} /out/${name}; cd /out/${name}; ${script}`)
    return name
  }

  it('a directory that is none', () => refused('nowhere', 3, /nowhere cannot be read/))
  it('a dump that is cut short', async () => {
    const name = spoilt('short', 'bench', `gzip -dc *.sql.gz | head -n -1 >x; rm *.sql.gz; mv x ${bench}-database.sql`)
    await refused(name, 1, /was not loaded: it is cut short/)
  })
  it('a dump whose last bytes are missing', async () => {
    const name = spoilt('torn', 'bench', 'true')
    const file = join(folder, name, `${bench}-database.sql.gz`)
    truncateSync(file, readFileSync(file).length - 100)
    await refused(name, 1, /was not loaded/)
  })
  it('an archive that is cut short between two files', async () => {
    const name = spoilt('cut', 'bench', `head -c 512 ${bench}-private-files.tar >x; mv x ${bench}-private-files.tar`)
    await refused(name, 1, /private-files\.tar was not unpacked: the archive is cut short/)
  })
  it('an archive that is damaged', async () => {
    const name = spoilt(
      'damaged',
      'bench',
      `head -c 1300 ${bench}-private-files.tar >x; mv x ${bench}-private-files.tar`,
    )
    await refused(name, 1, /private-files\.tar was not unpacked/)
  })
  it('an archive with a link among the files, which would show the configuration to everybody', async () => {
    const files = `${bench}-files.tar`
    const link = `tar xf ${files}; ln -s ../../site_config.json old.example.org/public/files/x.txt; tar cf ${files} old.example.org; rm -r old.example.org`
    await refused(spoilt('link', 'bench', link), 1, /a link, where a file must be: public\/files\/x\.txt/)
  })
  it('an archive in which no folder of files is', async () => {
    const empty = `mkdir -p o/private; ln -s /mnt/files o/private/files; tar cf ${bench}-private-files.tar o; rm -r o`
    await refused(spoilt('folder', 'bench', empty), 1, /private-files\.tar was not unpacked: it holds neither/)
  })
  it('a link in the directory, to files of who knows whom', async () => {
    const name = spoilt(
      'elsewhere',
      'bench',
      `mv ${bench}-files.tar /out/kept.tar; ln -s /out/kept.tar ${bench}-files.tar`,
    )
    await refused(name, 3, /files\.tar is not a plain file/)
  })
  it('a backup of some tables', async () => {
    const name = spoilt('partial', 'bench', `mv ${bench}-database.sql.gz ${bench}-partial-database.sql.gz`)
    await refused(name, 3, /is a partial backup/)
  })
  it("another tenant's books, whatever says so", async () => {
    const config = `mv *config_backup.json 20261125_101112-erp_byrne-accounts_org-site_config_backup.json`
    await refused(spoilt('byrne', 'bench', config), 3, /these are the books of byrne, not of dickson/)
    const head =
      'f=$(ls *.sql.zst); zstd -dc $f | sed "s/^-- tenant: dickson/-- tenant: byrne/" | zstd -q -o x; mv x $f'
    await refused(spoilt('head', 'export', head), 3, /these are the books of byrne, not of dickson/)
  })
  it('a key that opens none of its secrets', async () => {
    const key =
      'sed -i \'s/"encryption_key": *"[^"]*"/"encryption_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="/\' *.json'
    await refused(spoilt('key', 'bench', key), 3, /opens none of the site's 1 stored secrets/)
  })
  it('an export in which a number is another one', async () => {
    const row = `f=$(ls *.sql.zst); zstd -dc $f | sed "s/'ACC-JV-2026-',1)/'ACC-JV-2026-',7)/" | zstd -q -o x; mv x $f`
    await refused(spoilt('row', 'export', row), 1, /what was loaded is not what was exported/)
  })
})

describe('volumes in which another stack ran an ERPNext', () => {
  const list = () => docker('ps', '-a', '--format', '{{.Names}}')
  let old: string

  before(async () => {
    marked ??= await markBooks(stack)
    await marked.book()
    old = marked.state()
    assert.equal((await stack.script('tenant', ['dickson', 'stop'])).code, 0)
    docker('rm', '--force', ...docker('ps', '-aq', '--filter', `name=${stack.container('')}`).split('\n'))
    byRoot(`cd /v/db-data; rm -rf previous; mv data/* data/.[a-z]* . 2>/dev/null || true; rmdir data
      cd /v/sites-data; rm -rf previous; sed -i '/erp_site_made/d; /erp_scheduler_enabled/d' ${SITE}/site_config.json
      sed -i -z 's/,\\n}/\\n}/' ${SITE}/site_config.json
      echo '{"db_host": "of-that-stack"}' >common_site_config.json; rm assets; mkdir -p assets/frappe; echo x >assets/frappe/x`)
  })

  it('are refused by a deploy, and by an import while a container uses them', async () => {
    const deployed = await stack.script('deploy', ['dickson'])
    assert.equal(deployed.code, 3, deployed.stderr)
    assert.match(deployed.stderr, /docs\/taking-over\.md/)
    const name = `${stack.prefix}stranger`
    docker(
      'run',
      '-d',
      '--name',
      name,
      '--network',
      'none',
      '-v',
      `${volume('sites-data')}:/x`,
      '--entrypoint',
      'sleep',
      stack.env.MARIADB_IMAGE ?? '',
      '600',
    )
    const ran = await restore(['--import', 'volumes'])
    docker('stop', '--time', '0', name)
    const stopped = await restore(['--import', 'volumes'])
    docker('rm', '--force', name)
    assert.equal(ran.code, 3, ran.stderr)
    assert.match(ran.stderr, new RegExp(`docker stop ${name}`))
    assert.equal(stopped.code, 3, stopped.stderr)
    assert.match(stopped.stderr, new RegExp(`docker rm ${name}`))
  })

  it('are refused where a schema of theirs has a name that ours needs in that place', async () => {
    byRoot('mkdir /v/db-data/incoming; touch /v/db-data/incoming/db.opt')
    const { code, stderr } = await restore(['--import', 'volumes'])
    assert.equal(code, 3, stderr)
    assert.match(stderr, /has a schema incoming, a name that ours needs in \S+db-data; nothing was changed/)
    byRoot('rm -r /v/db-data/incoming')
  })

  const bench = 'cat sites-data/common_site_config.json sites-data/assets/frappe/x'
  const look = `cd /v; find db-data sites-data -printf "%P %U %m\\n" | sort; ${bench}`
  const trees = () => readByRoot(look).split('\n')

  it('are refused where one is written to while it is copied: the copy is compared', async () => {
    const before = trees()
    const writer = `${stack.prefix}writer`
    const image = stack.env.MARIADB_IMAGE ?? ''
    const writes = 'while :; do date +%N >/x/written; sleep 0.01; done'
    const run = `docker run -d --rm --name ${writer} -v ${volume('sites-data')}:/x --user 0 --entrypoint sh ${image} -c '${writes}'`
    await withInjector({ at: 'from=/out/$1', mode: 'meanwhile', run }, async ({ env, struck }) => {
      const { code, stderr } = await restore(['--import', 'volumes'], env)
      docker('rm', '--force', writer)
      assert.ok(struck(), stderr)
      assert.equal(code, 1, stderr)
      assert.match(stderr, /the copy of sites differs from it/)
    })
    byRoot('rm /v/sites-data/written')
    assert.deepEqual(trees(), before)
  })

  it('go back to where that stack finds them when ours does not come up on them', async () => {
    const before = trees()
    const { code, stderr } = await failingAt('redis-queue sh -c', (env) => restore(['--import', 'volumes'], env))
    assert.equal(code, 1, stderr)
    assert.match(stderr, /did not come up on what came; the earlier state is back/)
    assert.ok(!marked.intent())
    assert.deepEqual(trees(), before)
    assert.equal(stack.fingerprint('dickson'), '', 'no container of ours has a name that the stack of before needs')
    assert.doesNotMatch(
      docker('network', 'ls', '--format', '{{.Name}}'),
      new RegExp(`${stack.prefix}dickson-(int|egr)`),
    )
  })

  it('go back also where that was killed: the next run does it, and ends with 1', async () => {
    const before = trees()
    await withInjector({ at: 'redis-queue sh -c', mode: 'fail' }, async ({ env: failing }) => {
      const behind = failing.PATH.split(':')[0]
      const killing = { at: 'swap.sh release', mode: 'kill-before' } as const
      await withInjector(
        killing,
        async ({ env, struck }) => {
          const { code, stderr } = await restore(['--import', 'volumes'], env)
          assert.deepEqual([struck(), code], [true, null], stderr)
        },
        behind,
      )
    })
    const { code, stderr } = await restore([])
    assert.equal(code, 1, stderr)
    assert.match(stderr, /taken back: the earlier state is there/)
    assert.doesNotMatch(stderr, /apply-theme/)
    assert.equal(stack.fingerprint('dickson'), '')
    assert.ok(!marked.intent())
    assert.deepEqual(trees(), before)
  })

  it('name what finishes them where they were killed before they were gathered', async () => {
    const before = trees()
    await withInjector({ at: 'swap.sh swap', mode: 'kill-before' }, async ({ env, struck }) => {
      const { code, stderr } = await restore(['--import', 'volumes'], env)
      assert.deepEqual([struck(), code], [true, null], stderr)
    })
    for (const again of [['--import', 'volumes'], ['--undo']]) {
      const { code, stderr } = await restore(again)
      assert.equal(code, 3, stderr)
      assert.match(stderr, /a restore was interrupted[\s\S]*npx zx scripts\/restore\.ts dickson( finishes it|$)/m)
    }
    const back = await failingAt('redis-queue sh -c', (env) => restore([], env))
    assert.equal(back.code, 1, back.stderr)
    assert.ok(!marked.intent())
    assert.deepEqual(trees(), before)
  })

  it('go back with leave alone once people may have been let in', async () => {
    const before = trees()
    const backend = '--pull never dickson-backend'
    await withInjector({ at: backend, mode: 'kill-after' }, async ({ env, struck }) => {
      const { code, stderr } = await restore(['--import', 'volumes'], env)
      assert.deepEqual([struck(), code], [true, null], stderr)
    })
    docker('stop', stack.container('dickson-frontend'))
    const failed = await failingAt(backend, (env) => restore([], env))
    assert.equal(failed.code, 4, failed.stderr)
    assert.match(failed.stderr, /restore\.ts dickson goes on from here; with --undo to what was there/)
    const { code, stdout, stderr } = await restore(['--undo'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /would be given back to it; what is there now is REMOVED/)
    assert.match(stdout, /nothing of ours runs, the stack of before may be started/)
    assert.ok(!marked.intent())
    assert.deepEqual(trees(), before)
  })

  it('become ours, with a verified copy of each as it was', async () => {
    const before = trees()
    const { code, stdout, stderr } = await restore(['--import', 'volumes'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /dickson: restored/)
    assert.equal(marked.state(), old)
    assert.ok(await opensSecret())
    const copies = ['db-data', 'sites-data'].flatMap((part) => ['-v', `${volume(part)}-before:/v/${part}`])
    const kept = ['run', '--rm', ...copies, '--user', '0', '--entrypoint', 'bash', stack.env.MARIADB_IMAGE ?? '']
    assert.deepEqual(dockerAsk(...kept, '-ec', look).split('\n'), before)
    assert.match((await stack.script('deploy', ['dickson'])).stdout, /nothing had to be done/)
    assert.equal((await stack.script('backup', ['dickson'])).code, 0)
    const undo = await restore(['--undo'])
    assert.equal(undo.code, 3, undo.stderr)
    assert.ok(!existsSync(join(stack.home, 'state/dickson/restore.json')))
    assert.doesNotMatch(list(), /dickson-import-/)
    for (const part of ['db-data', 'sites-data', 'assets-data']) docker('volume', 'rm', `${volume(part)}-before`)
  })
})

describe('an import onto a server that has nothing', () => {
  const nothing = () => {
    stack.wipe('dickson')
    rmSync(join(stack.home, 'state'), { recursive: true })
  }
  before(nothing)

  it('whose disk is full when the configuration is written exchanges nothing', async () => {
    const disk = makeVolume(stack, 'dickson-sites-data', mounted)
    const run = `cat /dev/zero >${disk.path}/filler || true`
    await withInjector({ at: 'cat >site_config.json', mode: 'meanwhile', run }, async ({ env, struck }) => {
      const { code, stderr } = await restore(['--import', join(folder, 'bench')], env)
      assert.deepEqual([struck(), code], [true, 1], stderr)
      assert.match(stderr, /no space left on device/i)
      assert.ok(!marked.intent())
    })
    rmSync(join(disk.path, 'filler'))
  })

  it('that does not come up lets another take its place, once that is proven', async () => {
    const failing = { at: '--pull never dickson-backend', mode: 'fail', persistent: true } as const
    await withInjector(failing, async ({ env }) => {
      const { code, stderr } = await restore(['--import', join(folder, 'dump')], env)
      assert.equal(code, 4, stderr)
      assert.match(stderr, /goes on from here; another --snapshot, or an --import, may take its place/)
    })
    const wrong = await restore(['--import', join(folder, 'nowhere')])
    assert.deepEqual([wrong.code, marked.intent()], [3, true], 'what does not come takes no place')
    await withInjector({ at: '--skip-grant-tables', mode: 'kill-before' }, async ({ env, struck }) => {
      const { code, stderr } = await restore(['--import', join(folder, 'bench')], env)
      assert.deepEqual([struck(), code], [true, null], stderr)
    })
    await withInjector(failing, async ({ env }) => {
      const { code, stderr } = await restore([], env)
      assert.equal(code, 4, `the first one goes on, without what was to take its place: ${stderr}`)
      assert.doesNotMatch(readByRoot('ls -a /v/db-data'), /incoming|previous/)
    })
    assert.equal((await stack.script('deploy', ['dickson'])).code, 3)
    const { code, stderr } = await restore(['--import', join(folder, 'bench')])
    assert.equal(code, 0, stderr)
    assert.ok(!marked.intent())
    assert.equal((await stack.script('deploy', ['dickson'])).code, 0)
    assert.ok(await opensSecret())
  })
})
