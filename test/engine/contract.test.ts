/**
 * Holds the rehearsal's images to what the real ones were seen to do. Each test names a behaviour that the scripts
 * rely on or guard against; rehearsal/CONTRACT.md lists them all.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { $ } from 'zx/core'
import { buildImages } from '../../rehearsal/images.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PREFIX = `contract-${createHash('sha256').update(ROOT).digest('hex').slice(0, 8)}`
const BENCH = '/home/frappe/frappe-bench'
const SITE = 'erp.contract.test'
const OWNED = 'uid=1000,gid=1000,mode=755'
const ROOT_PASSWORD = 'root-password'
const ADMIN_PASSWORD = 'admin-password'
const HARDENED = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--tmpfs=/tmp']
const APP_BUT_CONFIG = [
  ...HARDENED,
  ...['--user=1000:1000', `--tmpfs=${BENCH}/logs:${OWNED}`, `--volume=${PREFIX}-sites:${BENCH}/sites`],
]
const CONFIG = `--volume=${PREFIX}-config:${BENCH}/config`
/** A scheduler of its own: the lock of the bench is held by another. */
const OWN_CONFIG = `--volume=${BENCH}/config`
const APP = [...APP_BUT_CONFIG, CONFIG]
const PYTHON = `${BENCH}/env/bin/python`
const HELPER = ['-m', 'frappe.utils.bench_helper', 'frappe']
const FRONTEND = [`--tmpfs=/run:${OWNED}`, `--tmpfs=/var/lib/nginx:${OWNED}`, `--tmpfs=/etc/nginx/conf.d:${OWNED}`]

const CLOSED: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']

interface Outcome {
  code: number
  out: string
  err: string
  /** Both, in the order stdout, stderr. */
  all: string
  milliseconds: number
}

interface Options {
  input?: string
}

let image = { erpnext: '', next: '', mariadb: '', redis: '' }

async function docker(args: string[], { input }: Options = {}): Promise<Outcome> {
  const started = Date.now()
  const shell = input ? $({ quiet: true, nothrow: true, input }) : $({ quiet: true, nothrow: true, stdio: CLOSED })
  const { exitCode, stdout, stderr } = await shell`docker ${args}`
  const milliseconds = Date.now() - started
  return { code: exitCode ?? 1, out: stdout, err: stderr, all: stdout + stderr, milliseconds }
}

async function must(args: string[], options: Options = {}): Promise<string> {
  const { code, out, all } = await docker(args, options)
  assert.equal(code, 0, `docker ${args.join(' ')}\n${all}`)
  return out.trim()
}

/** Start a container `<prefix>-<name>`, known on the network as `name` (or the alias given). */
function run(name: string, args: string[], command: string[], alias = name): Promise<string> {
  const network = [`--network=${PREFIX}`, `--network-alias=${alias}`]
  return must(['run', '--detach', `--name=${PREFIX}-${name}`, ...network, ...args, ...command])
}

/** Run a container to its end and remove it. */
function once(args: string[], command: string[], options: Options = {}): Promise<Outcome> {
  return docker(['run', '--rm', '--interactive', `--network=${PREFIX}`, ...args, ...command], options)
}

const exec = (name: string, command: string[], options: Options = {}) =>
  docker(['exec', '--interactive', `${PREFIX}-${name}`, ...command], options)

const bench = (command: string, options: Options = {}) => exec('backend', ['bench', ...command.split(' ')], options)

/** Python in the backend, bound to a site, as the scripts do it. What it prints comes back. */
async function python(code: string, site = SITE): Promise<string> {
  const script = `import frappe\nfrappe.init('${site}')\nfrappe.connect()\n${code}\nfrappe.db.commit()\nfrappe.destroy()\n`
  const command = ['exec', '--interactive', '--workdir', `${BENCH}/sites`, `${PREFIX}-backend`, PYTHON, '-']
  return await must(command, { input: script })
}

const redis = (name: string, ...command: string[]) =>
  must(['exec', '--env=REDISCLI_AUTH=pw', `${PREFIX}-${name}`, 'redis-cli', ...command])

/** The root login over the network, as new-site uses it. */
const rootSql = (query: string) => [
  'exec',
  `--env=MYSQL_PWD=${ROOT_PASSWORD}`,
  `${PREFIX}-db`,
  'mariadb',
  '-hdb',
  '-uroot',
  '-BN',
  '-e',
  query,
]

const sql = (query: string) => must(rootSql(query))

/** A request from within the backend's container. The last line of the answer is taken off: code and seconds. */
async function http(url: string, ...args: string[]) {
  const command = ['curl', '-s', '-m', '15', '-w', '\n%{http_code} %{time_total}', ...args, url]
  const lines = (await exec('backend', command)).out.split('\n')
  const [status, seconds] = (lines.pop() ?? '').split(' ').map(Number)
  return { status, seconds: seconds ?? 0, body: lines.join('\n') }
}

const web = (path: string, ...args: string[]) => http(`http://frontend:8080${path}`, ...args)
const ping = () => web('/api/method/ping')

async function until(what: string, holds: () => Promise<boolean>, seconds = 60): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(150)) if (await holds()) return
  assert.fail(`not within ${seconds} s: ${what}`)
}

const startBackend = (name: string, tag: string, ...args: string[]) =>
  run(name, [...APP, '--init', '--env=FORWARDED_ALLOW_IPS=*', ...args, '--entrypoint=start.sh'], [tag])

const startFrontend = () =>
  run(
    'frontend',
    [...APP, '--init', ...FRONTEND, '--env=BACKEND=backend:8000', '--env=SOCKETIO=socketio:9000'].concat(
      `--env=FRAPPE_SITE_NAME_HEADER=${SITE}`,
      '--entrypoint=nginx-entrypoint.sh',
    ),
    [image.erpnext],
  )

const startProcess = (name: string, command: string[], args: string[] = [], config = CONFIG) =>
  run(
    name,
    [...APP_BUT_CONFIG, config, `--workdir=${BENCH}/sites`, ...args, `--entrypoint=${PYTHON}`],
    [image.erpnext, ...HELPER, ...command],
  )

const startSocketio = (name: string, ...args: string[]) =>
  run(name, [...APP, ...args, '--entrypoint=node'], [image.erpnext, `${BENCH}/apps/frappe/socketio.js`])

const exitCode = (name: string) => must(['wait', `${PREFIX}-${name}`])
const logs = async (name: string) => (await docker(['logs', `${PREFIX}-${name}`])).all
const state = (name: string) => must(['inspect', '--format={{.State.Status}}', `${PREFIX}-${name}`])
const replace = async (name: string) => await must(['rm', '--force', '--volumes', `${PREFIX}-${name}`])

/** Set or (null) remove keys of common_site_config.json without bench, which would take a second each. */
const configure = (changes: Record<string, unknown>) =>
  must(['exec', '--interactive', '--workdir', `${BENCH}/sites`, `${PREFIX}-backend`, PYTHON, '-'], {
    input:
      `import json\npath = 'common_site_config.json'\nconfig = json.load(open(path))\n` +
      `config.update(json.loads('${JSON.stringify(changes)}'))\n` +
      `json.dump({k: v for k, v in config.items() if v is not None}, open(path, 'w'))\n`,
  })

const newSite = (site: string, input = `${ROOT_PASSWORD}\n${ADMIN_PASSWORD}\n`) =>
  bench(`new-site ${site} --mariadb-user-host-login-scope=% --install-app erpnext`, { input })

const siteConfig = async (site: string) =>
  JSON.parse(await must(['exec', `${PREFIX}-backend`, 'cat', `${BENCH}/sites/${site}/site_config.json`]))

async function cleanUp(): Promise<void> {
  const containers = (await must(['ps', '--all', '--quiet', `--filter=name=^${PREFIX}-`])).split('\n').filter(Boolean)
  if (containers.length > 0) await must(['rm', '--force', '--volumes', ...containers])
  const volumes = (await must(['volume', 'ls', '--quiet', `--filter=name=^${PREFIX}-`])).split('\n').filter(Boolean)
  if (volumes.length > 0) await must(['volume', 'rm', '--force', ...volumes])
  const network = await must(['network', 'ls', '--quiet', `--filter=name=^${PREFIX}$`])
  if (network) await must(['network', 'rm', PREFIX])
}

async function printLogs(): Promise<void> {
  const names = await must(['ps', '--all', '--format={{.Names}}', `--filter=name=^${PREFIX}-`])
  for (const name of names.split('\n').filter(Boolean)) {
    console.error(`--- ${name}\n${(await docker(['logs', '--tail=40', name])).all}`)
  }
}

const DB = [
  ...HARDENED,
  ...['--user=999:999', '--tmpfs=/run/mysqld:uid=999,gid=999,mode=755', '--env=MARIADB_MYSQL_LOCALHOST_USER=1'],
  ...['--env=MARIADB_MYSQL_LOCALHOST_GRANTS=RELOAD, PROCESS, SELECT'],
]
const DATADIR = '--datadir=/var/lib/mysql/data'

async function startServices(): Promise<void> {
  await must(['network', 'create', PREFIX])
  const secret = `--volume=${PREFIX}-secret:/run/secrets`
  const write = `printf %s ${ROOT_PASSWORD} >/run/secrets/root && chmod 444 /run/secrets/root`
  await must(['run', '--rm', '--user=0', secret, '--entrypoint=sh', image.redis, '-c', write])
  const password = [`${secret}:ro`, '--env=MARIADB_ROOT_PASSWORD_FILE=/run/secrets/root']
  const store = [...HARDENED, '--user=999:1000']
  await Promise.all([
    run('db', [...DB, ...password, `--volume=${PREFIX}-db:/var/lib/mysql`], [image.mariadb, DATADIR]),
    run('redis-cache', store, [image.redis, 'redis-server', '--requirepass', 'pw']),
    run('redis-queue', store, [image.redis, 'redis-server', '--requirepass', 'pw']),
    startBackend('backend', image.erpnext),
  ])
  await configure({
    db_host: 'db',
    redis_cache: 'redis://:pw@redis-cache:6379',
    redis_queue: 'redis://:pw@redis-queue:6379',
    scheduler_tick_interval: 2,
  })
  await must(['exec', `${PREFIX}-backend`, 'ln', '-sfn', `${BENCH}/assets`, `${BENCH}/sites/assets`])
  await databaseAnswers()
}

const databaseAnswers = () => until('db answers', async () => (await docker(rootSql('select 1'))).code === 0)

describe('the rehearsal images', { timeout: 1_200_000 }, () => {
  let failed = false

  before(async () => {
    await cleanUp()
    const [current, next] = [await buildImages(console.error), await buildImages(console.error, { variant: 'next' })]
    const pick = (from: Record<string, string>, name: string) => from[name] ?? assert.fail(`no ${name}`)
    image = {
      erpnext: pick(current, 'ERPNEXT_IMAGE'),
      next: pick(next, 'ERPNEXT_IMAGE'),
      mariadb: pick(current, 'MARIADB_IMAGE'),
      redis: pick(current, 'REDIS_IMAGE'),
    }
    await startServices().catch(async (error) => {
      await printLogs()
      throw error
    })
  })

  afterEach((context) => {
    failed ||= 'passed' in context && context.passed === false
  })

  after(async () => {
    if (failed) await printLogs()
    await cleanUp()
  })

  describe('mariadb', () => {
    it('has the root login on the network, the socket account with its grants, and time zones', async () => {
      assert.equal(await sql('select current_user()'), 'root@%')
      const asked = ['mariadb', '-BN', '-e', "select current_user(), convert_tz('2026-01-01', 'UTC', 'Asia/Tokyo')"]
      assert.match((await exec('db', asked)).out, /^mysql@localhost\t2026-01-01 09:00:00/)
      const grants = (await exec('db', ['mariadb', '-BN', '-e', 'show grants'])).out
      assert.match(grants, /GRANT SELECT, RELOAD, PROCESS ON \*\.\*/)
    })

    it('refuses root without a password, also from inside', async () => {
      const { code, err } = await exec('db', ['mariadb', '--skip-ssl', '-uroot', '-h127.0.0.1', '-e', 'select 1'])
      assert.equal(code, 1)
      assert.match(err, /1045|1698/)
    })

    it('is healthy by the file in its own data directory', async () => {
      const file = '--defaults-extra-file=/var/lib/mysql/data/.my-healthcheck.cnf'
      assert.equal((await exec('db', ['healthcheck.sh', file, '--connect', '--innodb_initialized'])).code, 0)
    })

    it('is backed up by its own user without a password', async () => {
      const target = '--target-dir=/var/lib/mysql/copy'
      const { code, all } = await exec('db', ['mariadb-backup', '--backup', '--user=mysql', target])
      assert.equal(code, 0, all)
      const prepared = await exec('db', ['mariadb-backup', '--prepare', target])
      assert.match(prepared.all.trimEnd(), /completed OK!$/)
      await exec('db', ['rm', '-r', '/var/lib/mysql/copy'])
    })

    it('takes a first start that was killed half-way for finished: no root password, no accounts', async () => {
      const volume = `--volume=${PREFIX}-half:/var/lib/mysql`
      const killed = `docker-entrypoint.sh mariadbd ${DATADIR} & until [ -S /run/mysqld/mysqld.sock ]; do sleep 0.01; done`
      const env = '--env=MARIADB_ROOT_PASSWORD=pw'
      await once([...DB, volume, env, '--entrypoint=bash'], [image.mariadb, '-c', killed])
      await run('half', [...DB, volume, env], [image.mariadb, DATADIR])
      const ask = ['mariadb', '-uroot', '-e', 'select 1']
      await until('the server is up', async () => (await exec('half', ask)).code === 0)
      assert.match((await exec('half', ['mariadb', '-e', 'select 1'])).err, /1045|1698/)
      await replace('half')
    })
  })

  describe('new-site', () => {
    it('refuses a wrong root password and leaves the folder with site_config.json', async () => {
      const { code, all } = await newSite('wrong.contract.test', 'nonsense\nadmin\n')
      assert.equal(code, 1)
      assert.match(all, /(?:1045|1698).*Access denied for user 'root'/)
      assert.ok((await siteConfig('wrong.contract.test')).db_name)
      assert.match(
        (await bench('--site wrong.contract.test list-apps')).all,
        /(?:1045|1698).*Access denied for user '_/,
      )
    })

    it('fails on an empty stdin and leaves the folder', async () => {
      const { code, all } = await newSite('empty.contract.test', '')
      assert.equal(code, 1)
      assert.match(all, /EOFError/)
      assert.ok((await siteConfig('empty.contract.test')).db_name)
    })

    it('asks for the root password, then for the administrator’s, and repeats neither', async () => {
      const { code, out, err, all } = await newSite(SITE)
      assert.equal(code, 0, all)
      assert.match(err, /echoed\.\nMySQL root password: .*echoed\.\nSet Administrator password: /s)
      assert.doesNotMatch(all, /root-password|admin-password/)
      assert.match(out, /\*\*\* Scheduler is disabled \*\*\*/)
    })

    it('writes a readable configuration with the login, and no encryption key yet', async () => {
      const mode = await must([
        'exec',
        `${PREFIX}-backend`,
        'stat',
        '--format=%a',
        `${BENCH}/sites/${SITE}/site_config.json`,
      ])
      assert.equal(mode, '644')
      const keys = Object.keys(await siteConfig(SITE)).sort()
      assert.deepEqual(keys, ['db_name', 'db_password', 'db_type', 'db_user'])
    })

    it('logs every definition, that of the site’s user with its password: in the site’s folder, or on stderr', async () => {
      const definition = /create user .* identified by/i
      const log = `${BENCH}/sites/${SITE}/logs/database.log`
      assert.match(await must(['exec', `${PREFIX}-backend`, 'cat', log]), definition)
      const folder = ['exec', '--workdir', `${BENCH}/sites`]
      const connect = [
        'import frappe; from frappe.database.mariadb.setup_db import get_root_connection',
        'frappe.init("none.contract.test", new_site=True)',
        `frappe.flags.root_login, frappe.flags.root_password = "root", "${ROOT_PASSWORD}"`,
        `get_root_connection().sql("create user if not exists 'x'@'%' identified by 'y'")`,
      ].join('\n')
      const program = [`${PREFIX}-backend`, PYTHON, '-c', connect]
      const { code, err } = await docker([...folder, ...program])
      assert.equal(code, 1)
      assert.match(err, /FileNotFoundError.*none\.contract\.test\/logs\/database\.log/)
      assert.match((await docker([...folder, '--env=FRAPPE_STREAM_LOGGING=1', ...program])).err, definition)
    })

    it('lets the site’s user log in from anywhere with scope %', async () => {
      const { db_user: user } = await siteConfig(SITE)
      assert.equal(await sql(`select host from mysql.user where user = '${user}'`), '%')
    })

    it('refuses a site that exists', async () => {
      const { code, all } = await newSite(SITE)
      assert.equal(code, 1)
      assert.match(all, /Site erp\.contract\.test already exists, use `--force` to proceed anyway/)
    })

    it('has InnoDB tables, three of MyISAM and five sequences', async () => {
      const { db_name: name } = await siteConfig(SITE)
      const from = `from information_schema.tables where table_schema = '${name}'`
      assert.equal(await sql(`select count(*) ${from} and engine = 'MyISAM'`), '3')
      assert.equal(await sql(`select count(*) ${from} and table_type = 'SEQUENCE'`), '5')
    })
  })

  describe('a site that was killed while it was made', () => {
    const stages = ['created-database', 'mid-frappe', 'mid-erpnext', 'late-erpnext'] as const
    const siteOf = (stage: string) => `${stage}.contract.test`

    /** What a finished installation of this release has. */
    const measure = async (site: string) => {
      const { db_name: name } = await siteConfig(site)
      const tables = `select count(*) from information_schema.tables where table_schema = '${name}'`
      const rows = ['Patch Log', 'Scheduled Job Type', 'Incoterm'].map(
        (type) => `select count(*) from \`${name}\`.\`tab${type}\``,
      )
      return await sql([tables, ...rows].join(' union all '))
    }

    before(async () => {
      for (const stage of stages) {
        await configure({ standin_pause_at: stage })
        const command = ['exec', '-i', `${PREFIX}-backend`, 'bench', 'new-site', siteOf(stage), '--install-app=erpnext']
        const client = $({
          quiet: true,
          nothrow: true,
          input: `${ROOT_PASSWORD}\n${ADMIN_PASSWORD}\n`,
        })`docker ${command}`
        const marker = `'${siteOf(stage)}'`
        await until(`pause at ${stage}`, async () => {
          const top = await must(['top', `${PREFIX}-backend`, '-eo', 'pid,args'])
          const pid = top
            .split('\n')
            .find((line) => line.includes(`new-site ${siteOf(stage)}`))
            ?.trim()
            .split(' ')[0]
          if (!pid || !(await atStage(stage))) return false
          process.kill(Number(pid), 'SIGKILL')
          return true
        })
        assert.equal((await client).exitCode, 137, marker)
      }
      await configure({ standin_pause_at: null })
    })

    /** Reached when the newest table that the stage allows is there. */
    async function atStage(stage: string): Promise<boolean> {
      const path = await exec('backend', ['cat', `${BENCH}/sites/${siteOf(stage)}/site_config.json`])
      if (path.code !== 0) return false
      const { db_name: name } = JSON.parse(path.out)
      const last = { 'created-database': 'tabFile', 'mid-frappe': 'tabActivity Log', 'mid-erpnext': 'tabItem' }
      const wanted = last[stage as keyof typeof last] ?? 'tabIncoterm'
      await sleep(300)
      return (
        (await sql(
          `select 1 from information_schema.tables where table_schema = '${name}' and table_name = '${wanted}'`,
        )) === '1'
      )
    }

    it('right after CREATE DATABASE has 13 tables and no list of apps', async () => {
      const { db_name: name } = await siteConfig(siteOf('created-database'))
      assert.equal(await sql(`select count(*) from information_schema.tables where table_schema = '${name}'`), '13')
      const { code, all } = await bench(`--site ${siteOf('created-database')} list-apps`)
      assert.equal(code, 1)
      assert.match(all, /DocType Installed Applications not found/)
    })

    it('in the middle of frappe has no Installed Application', async () => {
      const { code, all } = await bench(`--site ${siteOf('mid-frappe')} list-apps`)
      assert.equal(code, 1)
      assert.match(all, /DocType Installed Application not found/)
    })

    it('in the middle of erpnext lists frappe alone with exit code 0, and so it does at the very end', async () => {
      for (const stage of ['mid-erpnext', 'late-erpnext']) {
        const { code, out } = await bench(`--site ${siteOf(stage)} list-apps --format json`)
        assert.equal(code, 0)
        assert.deepEqual(JSON.parse(out), { [siteOf(stage)]: ['frappe'] })
      }
      assert.equal(await python('print(frappe.get_installed_apps())', siteOf('mid-erpnext')), "['frappe']")
      assert.equal(await python('print(frappe.get_installed_apps())', siteOf('late-erpnext')), "['frappe', 'erpnext']")
    })

    it('is not repaired by migrate', async () => {
      const { code, all } = await bench(`--site ${siteOf('late-erpnext')} migrate`)
      assert.equal(code, 1)
      assert.match(all, /DocType Production Order not found/)
    })

    it('is not repaired by install-app: a duplicate in the middle, "already installed" at the end', async () => {
      const middle = await bench(`--site ${siteOf('mid-erpnext')} install-app erpnext`)
      assert.equal(middle.code, 1)
      assert.match(middle.all, /DuplicateEntryError.*'Module Def', 'Accounts'/s)
      const late = await bench(`--site ${siteOf('late-erpnext')} install-app erpnext`)
      assert.equal(late.code, 0)
      assert.match(late.all, /App erpnext already installed/)
      assert.notEqual(await measure(siteOf('late-erpnext')), await measure(SITE))
    })

    it('is repaired by install-app --force: the same tables, patches, jobs and rows as a whole one', async () => {
      for (const stage of ['mid-erpnext', 'late-erpnext']) {
        const { code, all } = await bench(`--site ${siteOf(stage)} install-app erpnext --force`)
        assert.equal(code, 0, all)
        assert.equal(await measure(siteOf(stage)), await measure(SITE))
        const { out } = await bench(`--site ${siteOf(stage)} list-apps --format json`)
        assert.deepEqual(JSON.parse(out), { [siteOf(stage)]: ['frappe', 'erpnext'] })
      }
    })

    it('is made anew by new-site --force where only the folder is there', async () => {
      const { code, all } = await bench(
        'new-site wrong.contract.test --force --mariadb-user-host-login-scope=% --install-app=erpnext',
        { input: `${ROOT_PASSWORD}\n${ADMIN_PASSWORD}\n` },
      )
      assert.equal(code, 0, all)
      assert.equal(await measure('wrong.contract.test'), await measure(SITE))
    })

    it('is dropped from the database before the archive fails on a read-only root', async () => {
      const site = siteOf('created-database')
      const { db_name: name } = await siteConfig(site)
      const { code, all } = await bench(`drop-site ${site} --no-backup --force`, { input: `${ROOT_PASSWORD}\n` })
      assert.equal(code, 1)
      assert.match(all, /Errno 30.*'\/home\/frappe\/frappe-bench\/archived'/)
      assert.equal(await sql(`show databases like '${name}'`), '')
      assert.ok((await siteConfig(site)).db_name)
    })

    it('is dropped whole into an archive on the volume, with a database or without', async () => {
      for (const site of [siteOf('created-database'), siteOf('mid-frappe'), 'empty.contract.test']) {
        const archive = `--archived-sites-path ${BENCH}/sites/archived`
        const { code, all } = await bench(`drop-site ${site} --no-backup --force ${archive}`, {
          input: `${ROOT_PASSWORD}\n`,
        })
        assert.equal(code, 0, all)
        assert.equal((await exec('backend', ['test', '-d', `${BENCH}/sites/archived/${site}`])).code, 0)
        assert.equal((await exec('backend', ['test', '-d', `${BENCH}/sites/${site}`])).code, 1)
      }
    })
  })

  describe('the scheduler and the worker', () => {
    before(async () => {
      await startProcess('worker', ['worker', '--queue', 'short,default,long'], ['--init'])
      await startProcess('scheduler', ['schedule'], ['--init'])
      await startProcess('deaf', ['schedule'], ['--init'], `${CONFIG}:ro`)
    })

    const lastExecution = () =>
      python("print(frappe.db.sql('select max(last_execution) from `tabScheduled Job Type`')[0][0])")

    it('runs nothing on an enabled site whose jobs were created in another zone’s future', async () => {
      await python("frappe.db.set_single_value('System Settings', 'time_zone', 'America/Chicago')")
      assert.equal((await bench(`--site ${SITE} enable-scheduler`)).out.trim(), `Enabled for ${SITE}`)
      const future =
        'from frappe.utils import now_datetime; print(frappe.db.sql("select count(*) from `tabScheduled Job Type` where creation > %s", [now_datetime()])[0][0] == frappe.db.count("Scheduled Job Type"))'
      assert.equal(await python(future), 'True')
      await sleep(4500)
      assert.equal(await lastExecution(), 'None')
    })

    it('runs them at the next tick once their creation is in the past, and notes the site’s own time', async () => {
      await python('frappe.db.sql("update `tabScheduled Job Type` set creation = \'2026-01-01 00:00:00\'")')
      await until('a job ran', async () => (await lastExecution()) !== 'None')
      const age =
        'from frappe.utils import now_datetime; last = frappe.db.sql("select max(last_execution) from `tabScheduled Job Type`")[0][0]; print((now_datetime() - last).total_seconds())'
      const seconds = Number(await python(age))
      assert.ok(seconds >= 0 && seconds < 30, `${seconds} s`)
    })

    it('says enabled, disabled, and disabled for a paused site and for one in maintenance', async () => {
      const status = async () => JSON.parse((await bench(`--site ${SITE} scheduler status -f json`)).out)
      assert.deepEqual(await status(), { status: 'enabled', site: SITE })
      assert.match((await bench(`--site ${SITE} scheduler pause`)).out, /Scheduler is paused for site/)
      assert.deepEqual(await status(), { status: 'disabled', site: SITE })
      const doctor = await bench(`doctor --site ${SITE}`)
      assert.match(
        doctor.out,
        /Scheduler paused for erp\.contract\.test\nScheduler inactive for erp\.contract\.test\nWorkers online: 1/,
      )
      await bench(`--site ${SITE} scheduler resume`)
      assert.deepEqual((await siteConfig(SITE)).pause_scheduler, false)
    })

    it('holds a lock that other containers of the bench see', async () => {
      assert.equal(
        await python('from frappe.utils.scheduler import is_schduler_process_running as r; print(r())'),
        'True',
      )
    })

    it('keeps rq’s keys: the worker by its hex name, the queue by the bench, the job by the site', async () => {
      const workers = await redis('redis-queue', 'smembers', 'rq:workers')
      assert.match(workers, /^rq:worker:[0-9a-f]{32}$/)
      const ttl = Number(await redis('redis-queue', 'ttl', workers))
      assert.ok(ttl > 300 && ttl <= 480, `ttl ${ttl}`)
      const clients = (await redis('redis-queue', 'client', 'list')).split('\n')
      const own = clients.filter((line) => line.includes(`name=${workers.slice('rq:worker:'.length)} `))
      assert.ok(own.some((line) => line.includes('cmd=subscribe')))
      assert.ok(clients.some((line) => line.includes('cmd=blpop')))
    })

    it('counts a killed worker for minutes, while its connections are gone at once', async () => {
      await must(['kill', `${PREFIX}-worker`])
      await until('connections gone', async () => !(await redis('redis-queue', 'client', 'list')).includes('cmd=blpop'))
      assert.match((await bench(`doctor --site ${SITE}`)).out, /Workers online: 1/)
    })

    it('leaves jobs in the queue with their age, and then the site is not ready for migration', async () => {
      await bench(`--site ${SITE} disable-scheduler`)
      await python("frappe.enqueue('frappe.ping', queue='short')")
      const id = await redis('redis-queue', 'lindex', 'rq:queue:home-frappe-frappe-bench:short', '0')
      assert.match(id, /^erp\.contract\.test\|\|[0-9a-f-]{36}$/)
      const [status, enqueued] = (await redis('redis-queue', 'hmget', `rq:job:${id}`, 'status', 'enqueued_at')).split(
        '\n',
      )
      assert.equal(status, 'queued')
      assert.ok(Math.abs(Date.parse(enqueued ?? '') - Date.now()) < 60_000, enqueued)
      const { code, out } = await bench(`--site ${SITE} ready-for-migration`)
      assert.equal(code, 1)
      assert.match(out, /NOT READY for migration: site erp\.contract\.test has pending background jobs/)
    })

    it('refuses the 501st job of a queue', async () => {
      await redis(
        'redis-queue',
        'eval',
        "for i = 1, 499 do redis.call('rpush', KEYS[1], 'x||' .. i) end",
        '1',
        'rq:queue:home-frappe-frappe-bench:short',
      )
      const attempt =
        "\ntry:\n    frappe.enqueue('frappe.ping', queue='short')\nexcept frappe.QueueOverloaded as e: print(e)"
      assert.match(await python(attempt), /Too many queued background jobs \(500\)/)
      await redis('redis-queue', 'flushall')
    })

    it('ends the worker with exit code 1 on a wrong queue password, while the scheduler stays', async () => {
      const wrong = '--env=FRAPPE_REDIS_QUEUE=redis://:wrong@redis-queue:6379'
      await startProcess('worker-wrong', ['worker'], ['--init', wrong])
      assert.equal(await exitCode('worker-wrong'), '1')
      assert.match(await logs('worker-wrong'), /invalid username-password pair or user is disabled/)
      await startSocketio('socketio-wrong', '--init', wrong)
      assert.equal(await exitCode('socketio-wrong'), '1')
      assert.match(await logs('socketio-wrong'), /WRONGPASS/)
      assert.equal(await state('scheduler'), 'running')
    })

    it('dies 25 s after its start where config is read-only, and runs until then', async () => {
      const [started, finished] = await (async () => {
        assert.equal(await exitCode('deaf'), '1')
        const times = await must(['inspect', '--format={{.State.StartedAt}} {{.State.FinishedAt}}', `${PREFIX}-deaf`])
        return times.split(' ').map((time) => Date.parse(time))
      })()
      assert.ok((finished ?? 0) - (started ?? 0) > 24_000)
      assert.match(await logs('deaf'), /Read-only file system.*config\/scheduler_process/)
    })
  })

  describe('the web', () => {
    before(async () => {
      await startSocketio('socketio', '--init')
      await startFrontend()
      await until('ping', async () => (await ping()).status === 200)
    })

    it('answers ping in JSON with the security headers of nginx, once each', async () => {
      const { body } = await web('/api/method/ping', '-i')
      assert.match(body, /\{"message":"pong"\}$/)
      for (const header of ['X-Frame-Options: SAMEORIGIN', 'X-Content-Type-Options: nosniff', 'Referrer-Policy: ']) {
        assert.equal(body.split(header).length, 2, header)
      }
    })

    it('answers 404 for an unknown site at the backend, and serves any host at the frontend', async () => {
      const unknown = await http('http://backend:8000/api/method/ping', '-H', 'X-Frappe-Site-Name: nope.example')
      assert.equal(unknown.status, 404)
      assert.match(unknown.body, /nope\.example does not exist/)
      assert.equal((await web('/api/method/ping', '-H', 'Host: nope.example')).status, 200)
    })

    it('names hashed bundles on the login page, and serves them', async () => {
      const { status, body } = await web('/login')
      assert.equal(status, 200)
      const assets = body.match(/\/assets\/[^"]+\.bundle\.[A-Z0-9]{8}\.(css|js)(?=")/g) ?? []
      assert.equal(assets.length, 3)
      for (const asset of assets) assert.equal((await web(asset)).status, 200, asset)
    })

    it('goes on naming the old bundles after an image change, until redis-cache is flushed', async () => {
      await startBackend('next', image.next)
      const login = () => http('http://next:8000/login', '-H', `X-Frappe-Site-Name: ${SITE}`)
      await until('next answers', async () => (await login()).status === 200)
      const exists = async () => {
        const path = /\/assets\/[^"]+css/.exec((await login()).body)?.[0] ?? assert.fail('no css')
        return (await exec('next', ['test', '-f', `${BENCH}/sites${path}`])).code === 0
      }
      assert.equal(await exists(), false)
      await bench(`--site ${SITE} clear-cache`)
      assert.equal(await exists(), false)
      await redis('redis-cache', 'flushall')
      assert.equal(await exists(), true)
      await replace('next')
      await redis('redis-cache', 'flushall')
    })

    it('answers 500 to login without the assets link, and 200 to ping', async () => {
      await redis('redis-cache', 'flushall')
      await exec('backend', ['rm', `${BENCH}/sites/assets`])
      assert.equal((await web('/login')).status, 500)
      assert.equal((await ping()).status, 200)
      await exec('backend', ['ln', '-sfn', `${BENCH}/assets`, `${BENCH}/sites/assets`])
      assert.equal((await web('/login')).status, 200)
    })

    it('keeps the configuration for 60 s: a lost folder and maintenance go unnoticed until a restart', async () => {
      await must(['restart', '--time=2', `${PREFIX}-backend`]) // both web workers read it from now on
      await exec('frontend', ['nginx', '-s', 'reload'])
      await until('200', async () => (await ping()).status === 200)
      await exec('backend', [
        'bash',
        '-c',
        'for n in {1..40}; do curl -so /dev/null http://frontend:8080/api/method/ping & done; wait',
      ])
      const folder = `${BENCH}/sites/${SITE}`
      await exec('backend', ['mv', folder, `${folder}.away`])
      assert.equal((await ping()).status, 200)
      await exec('backend', ['mv', `${folder}.away`, folder])
      await bench(`--site ${SITE} set-maintenance-mode on`)
      assert.equal((await ping()).status, 200)
      await must(['restart', '--time=2', `${PREFIX}-backend`])
      await exec('frontend', ['nginx', '-s', 'reload'])
      await until('503', async () => (await ping()).status === 503)
      assert.equal((await ping()).body, '{"exc_type":"SessionStopped"}')
      await bench(`--site ${SITE} set-maintenance-mode off`)
      assert.equal((await siteConfig(SITE)).maintenance_mode, 0)
      await must(['restart', '--time=2', `${PREFIX}-backend`])
      await exec('frontend', ['nginx', '-s', 'reload'])
      await until('200', async () => (await ping()).status === 200)
    })

    it('does not notice a wrong cache password', async () => {
      await startBackend('wrong', image.erpnext, '--env=FRAPPE_REDIS_CACHE=redis://:wrong@redis-cache:6379')
      const ask = () => http('http://wrong:8000/api/method/ping', '-H', `X-Frappe-Site-Name: ${SITE}`)
      await until('answers', async () => (await ask()).status === 200)
      assert.ok((await ask()).seconds < 4)
      assert.doesNotMatch(await logs('wrong'), /redis|password/i)
      await replace('wrong')
    })

    it('answers ping slowly without redis-cache, at once without redis-queue, 500 without the database', async () => {
      await must(['stop', `${PREFIX}-redis-cache`])
      const slow = await ping()
      assert.equal(slow.status, 200)
      assert.ok(slow.seconds > 4, `${slow.seconds} s`)
      const migrate = await bench(`--site ${SITE} migrate`)
      assert.equal(migrate.code, 1)
      assert.match(migrate.out, /Service redis_cache is not running/)
      await must(['start', `${PREFIX}-redis-cache`])
      await must(['stop', `${PREFIX}-redis-queue`])
      const quick = await ping()
      assert.equal(quick.status, 200)
      assert.ok(quick.seconds < 4, `${quick.seconds} s`)
      assert.equal(await exitCode('socketio'), '1')
      await must(['start', `${PREFIX}-redis-queue`, `${PREFIX}-socketio`])
      await must(['stop', `${PREFIX}-db`])
      assert.equal((await ping()).status, 500)
      await must(['start', `${PREFIX}-db`])
      await until('200', async () => (await ping()).status === 200)
    })

    it('does not answer while the database or redis-cache hangs, and does again at once', async () => {
      for (const name of ['db', 'redis-cache']) {
        await must(['pause', `${PREFIX}-${name}`])
        assert.equal((await web('/api/method/ping', '-m', '1.5')).status, 0, name)
        await must(['unpause', `${PREFIX}-${name}`])
        assert.equal((await ping()).status, 200, name)
      }
    })

    it('answers 502 once the backend has another address, until nginx is reloaded', async () => {
      await replace('backend')
      await run('squatter', ['--entrypoint=sleep'], [image.redis, '100'])
      await startBackend('backend', image.erpnext)
      await until('502', async () => (await ping()).status === 502, 5)
      await exec('frontend', ['nginx', '-s', 'reload'])
      await until('200', async () => (await ping()).status === 200)
      await replace('squatter')
    })

    it('ends the frontend where an upstream’s name does not resolve', async () => {
      const env = [
        '--env=BACKEND=nowhere:8000',
        '--env=SOCKETIO=socketio:9000',
        `--env=FRAPPE_SITE_NAME_HEADER=${SITE}`,
      ]
      const { code, all } = await once(
        [...APP, ...FRONTEND, ...env, '--entrypoint=nginx-entrypoint.sh'],
        [image.erpnext],
      )
      assert.equal(code, 1)
      assert.match(all, /host not found in upstream "nowhere:8000"/)
    })
  })

  describe('a session', () => {
    const site = ['-H', `Host: ${SITE}`]
    const form = (password: string) => ['-d', `usr=Administrator&pwd=${password}`]
    let cookie: string[] = []
    const post = (path: string, body: object) =>
      web(path, ...cookie, '-H', 'Content-Type: application/json', '-d', JSON.stringify(body))

    it('starts with the right password alone', async () => {
      assert.equal((await web('/api/method/login', ...form('wrong'))).status, 401)
      const { status, body } = await web('/api/method/login', '-i', ...form(ADMIN_PASSWORD))
      assert.equal(status, 200)
      assert.match(body, /"message":"Logged In"/)
      const sid = /sid=([0-9a-f]{56});.*Max-Age=612000; HttpOnly; Path=\/; SameSite=Lax/.exec(body)?.[1]
      assert.ok(sid, body)
      cookie = ['-b', `sid=${sid}`]
      assert.match((await web('/api/method/frappe.auth.get_logged_user', ...cookie)).body, /Administrator/)
      assert.equal((await web('/api/method/frappe.auth.get_logged_user')).status, 403)
    })

    it('has Secure cookies where gunicorn believes the proxy, and only then', async () => {
      const https = ['-i', '-H', 'X-Forwarded-Proto: https', ...site]
      assert.match((await web('/login', ...https)).body, /sid=Guest;.*Secure/)
      await run('plain', [...APP, '--init', '--env=GUNICORN_WORKERS=1', '--entrypoint=start.sh'], [image.erpnext])
      const ask = () => http('http://plain:8000/login', ...https)
      await until('plain answers', async () => (await ask()).status === 200)
      assert.doesNotMatch((await ask()).body, /Secure/)
      await replace('plain')
    })

    it('keeps a company’s books: a submitted journal entry is two balanced entries and one number', async () => {
      const company = { company_name: 'Contract Ltd', abbr: 'CL', default_currency: 'USD' }
      assert.equal((await post('/api/resource/Company', company)).status, 200)
      const entry = (credit: number) => ({
        docstatus: 1,
        company: 'Contract Ltd',
        posting_date: '2026-11-01',
        accounts: [
          { account: 'Cash - CL', debit_in_account_currency: 12.5 },
          { account: 'Sales - CL', credit_in_account_currency: credit },
        ],
      })
      assert.equal((await post('/api/resource/Journal Entry'.replace(' ', '%20'), entry(12))).status, 417)
      const made = await post('/api/resource/Journal%20Entry', entry(12.5))
      assert.equal(JSON.parse(made.body).data.name, 'ACC-JV-2026-00001')
      const query = 'fields=["debit","credit"]&filters={"voucher_no":"ACC-JV-2026-00001"}'
      const lines = await web(
        '/api/resource/GL%20Entry',
        ...cookie,
        '-G',
        ...query.split('&').flatMap((part) => ['--data-urlencode', part]),
      )
      const amounts: { debit: number; credit: number }[] = JSON.parse(lines.body).data
      assert.deepEqual(amounts.map(({ debit, credit }) => [debit, credit]).sort(), [
        [0, 12.5],
        [12.5, 0],
      ])
      assert.equal(
        await python('print(frappe.db.sql("select current from tabSeries where name = \'ACC-JV-2026-\'")[0][0])'),
        '1',
      )
    })

    it('reads and inserts documents, and a guest does neither', async () => {
      const made = JSON.parse((await post('/api/resource/ToDo', { description: 'count the till' })).body).data
      assert.equal(
        JSON.parse((await web(`/api/resource/ToDo/${made.name}`, ...cookie)).body).data.description,
        'count the till',
      )
      assert.equal((await web('/api/resource/ToDo')).status, 403)
      assert.equal((await web('/api/resource/ToDo/none', ...cookie)).status, 404)
    })

    it('gets private files through nginx, a guest only public ones', async () => {
      await post('/api/resource/File', { file_name: 'open.txt', content: 'for all' })
      await post('/api/resource/File', { file_name: 'closed.txt', content: 'for us', is_private: 1 })
      assert.deepEqual((await web('/files/open.txt')).body, 'for all')
      assert.equal((await web('/private/files/closed.txt')).status, 403)
      const { body } = await web('/private/files/closed.txt', '-i', ...cookie)
      assert.match(body, /Cache-Control: private,max-age=3600.*for us$/s)
      assert.equal((await web('/protected/private/files/closed.txt', ...cookie)).status, 404)
    })

    it('sends a guest from the desk to the login page and back', async () => {
      const { status, body } = await web('/desk/point-of-sale', '-i')
      assert.equal(status, 301)
      assert.match(body, /Location: \/login\?redirect-to=%2Fdesk%2Fpoint-of-sale/)
    })

    it('needs the token of its desk page for every POST after it', async () => {
      const token = /csrf_token = "([0-9a-f]{56})"/.exec((await web('/desk', ...cookie)).body)?.[1] ?? assert.fail()
      const refused = await post('/api/resource/ToDo', { description: 'no token' })
      assert.equal(refused.status, 400)
      assert.match(refused.body, /CSRFTokenError/)
      cookie.push('-H', `X-Frappe-CSRF-Token: ${token}`)
      assert.equal((await post('/api/resource/ToDo', { description: 'token' })).status, 200)
    })

    it('survives a flush of redis-cache, and ends with logout by POST or destroy-all-sessions', async () => {
      await redis('redis-cache', 'flushall')
      const whoAmI = () => web('/api/method/frappe.auth.get_logged_user', ...cookie)
      assert.equal((await whoAmI()).status, 200)
      assert.equal((await web('/api/method/logout', ...cookie)).status, 403)
      assert.equal((await web('/api/method/logout', '-X', 'POST', ...cookie)).status, 200)
      assert.equal((await whoAmI()).status, 403)
      const { body } = await web('/api/method/login', '-i', ...form(ADMIN_PASSWORD))
      cookie = ['-b', `sid=${/sid=([0-9a-f]{56})/.exec(body)?.[1]}`]
      assert.equal((await whoAmI()).status, 200)
      await bench(`--site ${SITE} destroy-all-sessions`)
      assert.match((await whoAmI()).body, /"session_expired":1/)
    })

    it('starts with the new password after set-admin-password', async () => {
      const { code, err } = await bench(`--site ${SITE} set-admin-password`, { input: 'another\n' })
      assert.equal(code, 0)
      assert.match(err, /Administrator's password for erp\.contract\.test: /)
      assert.equal((await web('/api/method/login', ...form(ADMIN_PASSWORD))).status, 401)
      assert.equal((await web('/api/method/login', ...form('another'))).status, 200)
    })
  })

  describe('realtime', () => {
    const socket = (query = '') => `http://${SITE}/socket.io/?EIO=4&transport=polling${query}`

    /** Port 80 under the site's own name: where socketio.js asks who is there. */
    before(async () => {
      const config = `events {} http { server { listen 80; location / { proxy_pass http://frontend:8080; proxy_set_header Host ${SITE}; } } } pid /tmp/pid;`
      await run(
        'edge',
        ['--tmpfs=/run', '--entrypoint=bash'],
        [
          image.erpnext,
          '-c',
          `echo '${config}' >/tmp/edge.conf; exec nginx -e /dev/stderr -g 'daemon off; error_log /dev/stderr;' -c /tmp/edge.conf`,
        ],
        SITE,
      )
      await until('edge', async () => (await http(`http://${SITE}/api/method/ping`)).status === 200)
    })

    async function connect(namespace: string, ...args: string[]) {
      const sid: string = JSON.parse((await http(socket(), ...args)).body.slice(1)).sid
      await http(socket(`&sid=${sid}`), '-d', `40/${namespace},`)
      return { sid, answer: (await http(socket(`&sid=${sid}`))).body }
    }

    it('answers the handshake whoever asks, and refuses the namespace without a cookie', async () => {
      const { answer } = await connect(SITE)
      assert.match(answer, /^44\/erp\.contract\.test,\{"message":"Missing cookie and authorization header/)
    })

    it('lets any sid into the site’s namespace, and hands on what python publishes', async () => {
      const { sid, answer } = await connect(SITE, '-b', 'sid=x')
      assert.match(answer, /^40\/erp\.contract\.test,\{"sid"/)
      await python("frappe.publish_realtime('stocktake', {'shelf': 7}, room='website')")
      assert.match((await http(socket(`&sid=${sid}`))).body, /42\/erp\.contract\.test,\["stocktake",\{"shelf":7\}\]/)
    })

    it('tells nobody who they are without the secret in redis-queue', async () => {
      const path = '/api/method/frappe.realtime.get_user_info'
      assert.equal((await web(path)).body, '{"message":{}}')
      const secret = await redis('redis-queue', 'get', 'socketio_auth_secret')
      assert.match((await web(path, '-H', `X-Frappe-Socket-Secret: ${secret}`)).body, /"user":"Guest"/)
    })

    it('refuses everybody while the site cannot be reached from it', async () => {
      await must(['pause', `${PREFIX}-redis-cache`])
      const sid: string = JSON.parse((await http(socket(), '-b', 'sid=x')).body.slice(1)).sid
      await http(socket(`&sid=${sid}`), '-d', `40/${SITE},`)
      assert.equal((await http(socket(`&sid=${sid}`), '-m', '1')).status, 0)
      await must(['unpause', `${PREFIX}-redis-cache`])
    })
  })

  describe('secrets', () => {
    const read = 'from frappe.utils.password import get_decrypted_password as get, set_encrypted_password as put\n'

    it('writes an encryption key without a word where there is none, even for a mere read', async () => {
      assert.equal((await siteConfig(SITE)).encryption_key, undefined)
      await python(`${read}put('User', 'Administrator', 'hush', 'api_secret')`)
      const { encryption_key: key } = await siteConfig(SITE)
      assert.equal(await python(`${read}print(get('User', 'Administrator', 'api_secret'))`), 'hush')
      await bench(`--site ${SITE} set-config encryption_key None`)
      assert.equal((await siteConfig(SITE)).encryption_key, undefined)
      const attempt = `${read}print(get('User', 'Administrator', 'api_secret', raise_exception=False))`
      assert.equal(await python(attempt), 'None')
      const { encryption_key: other } = await siteConfig(SITE)
      assert.ok(other && other !== key)
      const loud = `${read}\ntry:\n    get('User', 'Administrator', 'api_secret')\nexcept frappe.ValidationError as e: print(e)`
      assert.match(
        await python(loud),
        /Failed to decrypt key User\.Administrator\.api_secret.*Encryption key is invalid!/,
      )
      const put = await bench(`--site ${SITE} set-config -- encryption_key ${key}`) // one key of 64 begins with a dash
      assert.equal(put.code, 0, put.all)
      assert.equal(await python(`${read}print(get('User', 'Administrator', 'api_secret'))`), 'hush')
    })
  })

  describe('bench', () => {
    it('migrates a whole site, rewrites its versions and queues the search index', async () => {
      const { code, all } = await bench(`--site ${SITE} migrate`)
      assert.equal(code, 0, all)
      assert.match(all, /Queued rebuilding of search index for erp\.contract\.test/)
      assert.equal((await exec('backend', ['test', '-f', `${BENCH}/sites/${SITE}/touched_tables.json`])).code, 0)
    })

    it('names the apps’ versions as JSON, and the database the same', async () => {
      const apps: { app: string; version: string }[] = JSON.parse((await bench('version --format json')).out)
      const listed = await python(
        "print(dict(frappe.db.sql('select app_name, app_version from `tabInstalled Application`')))",
      )
      for (const { app, version } of apps) assert.match(listed, new RegExp(`'${app}': '${version}'`))
    })

    it('sets texts that look like numbers, booleans and Python objects as such', async () => {
      await bench(`--site ${SITE} set-config a_number 1`)
      await bench(`--site ${SITE} set-config a_word true`)
      await bench(`--site ${SITE} set-config -p a_list ["x"]`)
      const config = JSON.parse((await bench(`--site ${SITE} show-config -f json`)).out)[SITE]
      assert.deepEqual([config.a_number, config.a_word, config.a_list], [1, true, ['x']])
    })

    it('says what is wrong and exits: no site, unknown site, unknown command', async () => {
      const missing = await bench('list-apps')
      assert.equal(missing.code, 0)
      const none = await bench('clear-cache')
      assert.equal(none.code, 1)
      assert.match(none.all, /Please specify --site sitename/)
      const unknown = await bench('--site nope.example list-apps')
      assert.equal(unknown.code, 1)
      assert.match(unknown.all, /nope\.example does not exist/)
      assert.equal((await bench('frobnicate')).code, 2)
    })

    it('executes a function with arguments as Python', async () => {
      const args = ['bench', '--site', SITE, 'execute', 'frappe.db.count', '--kwargs', "{'doctype': 'Incoterm'}"]
      assert.equal((await exec('backend', args)).out.trim(), '11')
    })

    it('has no command at all where config/pids is hidden, and cannot set a key where config is read-only', async () => {
      const hidden = await once(
        [...HARDENED, '--user=1000:1000', `--tmpfs=${BENCH}/config:${OWNED}`, '--entrypoint=bench'],
        [image.erpnext, 'schedule'],
      )
      assert.equal(hidden.code, 2)
      assert.match(hidden.err, /Error: No such command 'schedule'/)
      const readOnly = await once(
        [...HARDENED, '--user=1000:1000', '--entrypoint=bench'],
        [image.erpnext, 'set-config', '-g', 'x', 'y'],
      )
      assert.equal(readOnly.code, 1)
      assert.match(readOnly.all, /config\/site_config\.lock/)
    })

    it('cannot read a configuration that belongs to somebody else, and neither can the web', async () => {
      await must(['exec', '--user=0', `${PREFIX}-backend`, 'true'])
      const file = `/sites/${SITE}/site_config.json`
      const chown = (owner: string) =>
        must([
          'run',
          '--rm',
          '--user=0',
          `--volume=${PREFIX}-sites:/sites`,
          '--entrypoint=sh',
          image.redis,
          '-c',
          `chown ${owner} ${file} && chmod 600 ${file}`,
        ])
      await chown('0:0')
      assert.match(
        (await bench(`--site ${SITE} list-apps`)).all,
        /Permission denied: '\.\/erp\.contract\.test\/site_config\.json'/,
      )
      await chown('1000:1000')
      await must(['restart', '--time=2', `${PREFIX}-backend`])
      await exec('frontend', ['nginx', '-s', 'reload'])
      await until('ping', async () => (await ping()).status === 200)
    })
  })

  describe('containers', () => {
    it('race for the assets link where several run the entrypoint at once', async () => {
      const racers =
        'for i in 1 2 3 4 5 6; do entrypoint.sh true & done; for job in $(jobs -p); do wait $job || echo lost; done'
      const round = () =>
        once(
          [...HARDENED, '--user=1000:1000', '--entrypoint=bash'],
          [image.erpnext, '-c', `for n in $(seq 20); do ${racers}; done`],
        )
      const { all } = await round()
      assert.match(all, /lost/)
      assert.match(all, /sites\/assets\/assets': (Read-only file system|File exists)|sites\/assets': File exists/)
    })

    it('ignore SIGTERM as PID 1 (scheduler, socketio) and end at once under an init; the worker ends well', async () => {
      await Promise.all([
        startProcess('stop-scheduler', ['schedule'], [], OWN_CONFIG),
        startSocketio('stop-socketio'),
        startProcess('stop-worker', ['worker']),
        startProcess('init-scheduler', ['schedule'], ['--init'], OWN_CONFIG),
        startSocketio('init-socketio', '--init'),
      ])
      await until('worker listens', async () => (await logs('stop-worker')).includes('Listening on'))
      await until('socketio listens', async () => (await logs('init-socketio')).includes('listening on'))
      const stopped = async (name: string) => {
        await must(['stop', '--time=8', `${PREFIX}-${name}`])
        return await exitCode(name)
      }
      const names = ['stop-scheduler', 'stop-socketio', 'stop-worker', 'init-scheduler', 'init-socketio']
      assert.deepEqual(await Promise.all(names.map(stopped)), ['137', '137', '0', '143', '143'])
    })

    it('have no redis-cli and no ps in the ERPNext image, and curl, jq and mariadb', async () => {
      const has = async (tool: string) => (await exec('backend', ['bash', '-c', `command -v ${tool}`])).code === 0
      assert.deepEqual(await Promise.all(['redis-cli', 'ps', 'curl', 'jq', 'mariadb', 'node'].map(has)), [
        false,
        false,
        true,
        true,
        true,
        true,
      ])
    })
  })
})
