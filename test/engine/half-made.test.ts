/** Sites that an interrupted deploy left half-made, and data that is not ours: what the next deploy does about each. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { compose, docker, eventually, logsOf, useStack } from './harness.ts'

const SITE = 'erp.dickson-supplies.com'
const BENCH = '/home/frappe/frappe-bench'
const root = resolve(import.meta.dirname, '../..')
const stack = useStack('half')
const deploy = () => stack.script('deploy', ['dickson'])
const secret = (name: string) => readFileSync(join(stack.home, 'secrets', `dickson_${name}.txt`), 'utf8')

/** Python in a one-off container of the backend's image, in sites/. */
const python = (code: string) =>
  compose(
    stack,
    'run',
    '--rm',
    '-T',
    '--no-deps',
    '--entrypoint',
    `${BENCH}/env/bin/python`,
    'dickson-backend',
    '-c',
    code,
  )

const sql = (query: string) => docker('exec', stack.container('dickson-db'), 'mariadb', '-Ne', query)
const schemas = () => sql("show databases like '\\_%'").split('\n').filter(Boolean)
const tables = () => sql("select count(*) from information_schema.innodb_sys_tables where name like '\\_%/%'")
const asRoot = (query: string) =>
  docker(
    'exec',
    '-e',
    `MYSQL_PWD=${secret('db_password')}`,
    stack.container('dickson-db'),
    'mariadb',
    '-uroot',
    '-e',
    query,
  )

function pauseAt(stage: string | undefined): void {
  python(`
import json
path = 'common_site_config.json'
config = json.load(open(path))
config.pop('standin_pause_at', None)
if ${JSON.stringify(stage ?? '')}: config['standin_pause_at'] = ${JSON.stringify(stage ?? '')}
json.dump(config, open(path, 'w'))`)
}

/** Remove the site as a person would, so that the next test begins without one. */
function dropSite(): void {
  compose(
    stack,
    'stop',
    'dickson-scheduler',
    'dickson-worker',
    'dickson-backend',
    'dickson-frontend',
    'dickson-socketio',
  )
  for (const schema of schemas()) asRoot(`drop database \`${schema}\``)
  python(`import shutil; shutil.rmtree('${SITE}', ignore_errors=True)`)
}

/** Containers of `compose run`, which the script starts for the site's making. */
const oneOffs = () =>
  docker(
    'ps',
    '-aq',
    '--filter',
    'label=com.docker.compose.oneoff=True',
    '--filter',
    `label=com.docker.compose.project=${stack.prefix}securenexus-erp`,
  )

function startDeploy(): ChildProcess {
  const zx = join(root, 'node_modules/zx/build/cli.js')
  return spawn(process.execPath, ['--import=#typescript', zx, 'scripts/deploy.ts', 'dickson'], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', ...stack.env },
    stdio: 'ignore',
  })
}

let whole = ''

describe('a deploy after an interrupted one', () => {
  it('makes a site whose tables the others are held against', async () => {
    const { code, stderr } = await deploy()
    assert.equal(code, 0, stderr)
    whole = tables()
    assert.ok(Number(whole) > 30)
  })

  for (const stage of ['created-database', 'mid-frappe', 'mid-erpnext', 'late-erpnext']) {
    it(`killed at ${stage}, leaves no process behind, and the next run makes the site whole`, async () => {
      dropSite()
      pauseAt(stage)
      const first = startDeploy()
      try {
        const shown = () => oneOffs().split('\n').filter(Boolean).map(logsOf).join('')
        await eventually(60, `the stand-in waits at ${stage}`, () => shown().includes(`waiting at ${stage}`))
        assert.doesNotMatch(shown(), /identified by/i, 'no SQL is shown: that of the user holds its password')
      } finally {
        first.kill('SIGKILL')
      }
      await eventually(10, 'the container that made the site is gone', () => oneOffs() === '')

      pauseAt(undefined)
      const started = await stack.script('tenant', ['dickson', 'start'])
      assert.equal(started.code, 3, 'what somebody put into it would make the next deploy refuse it')
      assert.match(started.stderr, /was never finished; nothing was started\n {2}→ npx zx scripts\/deploy\.ts dickson/)
      python(
        `import os; os.makedirs('${SITE}/public/files', exist_ok=True); open('${SITE}/public/files/theme-x.0123456789ab.css', 'w')`,
      )
      const { code, stderr } = await deploy()
      assert.equal(code, 0, stderr)
      assert.equal(tables(), whole)
      assert.equal(schemas().length, 1)
      const apps = await stack.script('tenant', ['dickson', 'bench', '--', 'list-apps'])
      assert.match(apps.stdout, /frappe[\s\S]*erpnext/)
      const again = await deploy()
      assert.match(again.stdout, /nothing had to be done/)
    })
  }

  it('with a wrong root password changes nothing and makes no half-made site', async () => {
    dropSite()
    asRoot("alter user root@'%' identified by 'another', root@localhost identified by 'another'")
    const { code, stderr } = await deploy()
    docker(
      'exec',
      '-e',
      'MYSQL_PWD=another',
      stack.container('dickson-db'),
      'mariadb',
      '-uroot',
      '-e',
      `alter user root@'%' identified by '${secret('db_password')}', root@localhost identified by '${secret('db_password')}'`,
    )
    assert.equal(code, 3)
    assert.match(stderr, /refuses the root password/)
    assert.deepEqual(schemas(), [])
    assert.match(python(`import os; print('folder' if os.path.exists('${SITE}') else 'none')`), /none/)
    assert.equal((await deploy()).code, 0)
  })
})

describe('data that is not ours', () => {
  it('is left alone where a site without our mark has a company', async () => {
    const [schema] = schemas()
    python(`
import json
path = '${SITE}/site_config.json'
config = json.load(open(path))
del config['erp_site_made']
json.dump(config, open(path, 'w'))`)
    asRoot(`insert into \`${schema}\`.tabCompany (name) values ('Old Books Ltd')`)
    const { code, stderr } = await deploy()
    assert.equal(code, 3)
    assert.match(stderr, /holds data that these scripts did not make: 1 companies/)
    assert.equal(sql(`select name from \`${schema}\`.tabCompany`), 'Old Books Ltd')
    assert.equal(schemas()[0], schema)
  })

  it('is left alone where a database has no site beside it: its folder was lost, or the tenant got another name', async () => {
    const [schema] = schemas()
    python(`import os; os.rename('${SITE}', 'lost')`)
    const { code, stderr } = await deploy()
    assert.equal(code, 3, stderr)
    assert.match(stderr, new RegExp(`the database holds ${schema}, but there is no site ${SITE}`))
    assert.deepEqual(schemas(), [schema])
    python(`import os; os.rename('lost', '${SITE}')`)
  })

  it('is left alone where uploaded files lie beside a database that is gone', async () => {
    dropSite()
    python(`
import os
os.makedirs('${SITE}/private/files')
open('${SITE}/private/files/ledger.pdf', 'w').write('kept')`)
    const { code, stderr } = await deploy()
    assert.equal(code, 3)
    assert.match(stderr, /1 uploaded files/)
    assert.match(python(`print(open('${SITE}/private/files/ledger.pdf').read())`), /kept/)
  })

  it('is left alone where a made site has lost its database', async () => {
    dropSite()
    assert.equal((await deploy()).code, 0)
    const [schema] = schemas()
    asRoot(`drop database \`${schema}\``)
    docker('restart', stack.container('dickson-configurator'))
    compose(stack, 'stop', 'dickson-scheduler')
    const { code, stderr } = await deploy()
    assert.equal(code, 3, stderr)
    assert.match(stderr, /is gone: restore a backup/)
  })

  it('is left alone where a database ran on the volume before us, and nothing is started', async () => {
    stack.remove()
    await stack.script('generate-secrets')
    const volume = `${stack.prefix}dickson-db-data`
    const label = `com.docker.compose.project=${stack.prefix}securenexus-erp`
    docker('volume', 'create', '--label', label, volume)
    docker(
      'run',
      '--rm',
      '-v',
      `${volume}:/v`,
      '--user',
      '0:0',
      '--entrypoint',
      'touch',
      stack.env.MARIADB_IMAGE ?? '',
      '/v/ibdata1',
    )
    const { code, stderr } = await deploy()
    assert.equal(code, 3)
    assert.match(stderr, /holds a database that these scripts did not make; nothing was started/)
    assert.equal(docker('ps', '-aq', '--filter', `label=${label}`), '')
  })
})
