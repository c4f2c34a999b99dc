import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import tenants from '../../tenants.ts'
import { injectDocker } from '../faults/injector.ts'
import { type FakeDocker, fakeDocker, useFrontend } from './fake-docker.ts'
import { eventually, makeHome, root, script, start, temporary } from './harness.ts'

useFrontend()

const CHANGES = / (up|run|stop|restart|rm|pull|create|start) /
const PARTS = [
  'backend',
  'configurator',
  'db',
  'frontend',
  'redis-cache',
  'redis-queue',
  'scheduler',
  'socketio',
  'volumes',
  'worker',
]
const ofDickson = PARTS.map((part) => `dickson-${part}`)

describe('deploy', { concurrency: 4 }, () => {
  it('brings a tenant up in the order of the runbook, and touches no other', async () => {
    const [docker, { home }] = [fakeDocker(), makeHome()]
    const { code, stdout, stderr } = await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 0, stderr)
    assert.equal(stdout, 'dickson: erp.dickson-supplies.com is up\n')
    assert.deepEqual(docker.containers(), ofDickson)
    const order = [
      / up .* dickson-db /,
      / up .* dickson-configurator$/,
      /site\.py/,
      / up .* dickson-backend /,
      /enable_scheduler/,
      /redis-cli/,
    ]
    const at = order.map((call) => docker.calls().findIndex((line) => call.test(line)))
    assert.ok(
      at.every((index) => index >= 0),
      at.join(),
    )
    assert.deepEqual(
      at,
      at.toSorted((a, b) => a - b),
    )
    assert.ok(!docker.calls().some((call) => call.includes('erpnext-')))
  })

  it('makes the backup repository of a new tenant, once', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome({ repositories: false })]
    const env = { ...docker.env, ERP_HOME: home }
    const { code, stderr } = await script('deploy', ['dickson'], { env })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Make the backup repository/)
    const ledger = JSON.parse(readFileSync(join(home, 'state/dickson/ledger.json'), 'utf8'))
    assert.equal(ledger.repository.id, '0123456789')
    assert.equal(ledger.repository.location, join(home, 'backups/dickson'))
    const made = docker.calls().filter((call) => /^update --cpus | init --quiet/.test(call))
    assert.match(made.join('\n'), /^update --cpus 0\.1 .+\n.+ init --quiet\nupdate --cpus [1-9]\d* [^\n]+$/)
    const calls = docker.calls().length
    assert.equal((await script('deploy', ['dickson'], { env })).code, 0)
    assert.ok(
      !docker
        .calls()
        .slice(calls)
        .some((call) => call.includes('-backup')),
    )
  })

  it('never makes one again that it has seen and that is gone, also where an off-site one is to be made', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome()]
    const here = join(home, 'backups/dickson')
    rmSync(here, { recursive: true, force: true })
    const location = { id: '0123456789', location: here, at: '2026-01-01T00:00:00.000Z' }
    writeFileSync(join(home, 'state/dickson/ledger.json'), JSON.stringify({ repository: location }))
    const env = { ...docker.env, ERP_HOME: home, BACKUP_OFFSITE_DICKSON: join(home, 'away') }
    const { code, stderr } = await script('deploy', ['dickson'], { env })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /no backup is possible yet: .*existed and is gone; bring it back/)
    assert.ok(!existsSync(here))
  })

  it('nor one that was its repository before another was', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome({ repositories: false })]
    const deployed = (more: object = {}) =>
      script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home, ...more } })
    for (const more of [{}, { BACKUP_REPOSITORY_DICKSON: join(home, 'second') }])
      assert.equal((await deployed(more)).code, 0)
    const first = join(home, 'backups/dickson')
    rmSync(first, { recursive: true }) // its disk is not mounted
    const { code, stderr } = await deployed()
    assert.equal(code, 0, stderr)
    assert.ok(!existsSync(first), stderr)
    const backup = await script('backup', ['dickson', '--init'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(backup.code, 3, backup.stderr)
    assert.match(backup.stderr, /existed and is gone\n.*bring it back/)
  })

  it('is no failure without a repository, but a warning with the next command', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome({ repositories: false })]
    const env = { ...docker.env, ERP_HOME: home, BACKUP_REPOSITORY_DICKSON: 'ftp://elsewhere/x' }
    const { code, stderr } = await script('deploy', ['dickson'], { env })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /no backup is possible yet: BACKUP_REPOSITORY_DICKSON is none of/)
    assert.match(stderr, /backup\.ts dickson --init/)
  })

  it('does nothing the second time, and says so', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome()]
    await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    const { code, stdout } = await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 0)
    assert.equal(stdout, 'dickson: erp.dickson-supplies.com is up; nothing had to be done\n')
    assert.deepEqual(
      docker.calls().filter((call) => CHANGES.test(` ${call} `)),
      [],
    )
  })

  it('starts again what was stopped or lost, and only that', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome()]
    writeFileSync(docker.state('up/dickson-worker'), 'exited 137\n')
    rmSync(docker.state('up/dickson-scheduler'))
    const env = { ...docker.env, ERP_HOME: home }
    const dry = await script('deploy', ['dickson', '--dry-run'], { env })
    assert.match(dry.stdout, /would\n {2}start dickson-worker \(stopped\)\n {2}start dickson-scheduler \(missing\)/)
    assert.equal((await script('deploy', ['dickson'], { env })).code, 0)
    assert.deepEqual(docker.containers(), ofDickson)
    assert.equal(readFileSync(docker.state('up/dickson-worker'), 'utf8'), 'up\n')
  })

  it('--dry-run changes nothing, takes no lock and writes no journal', async () => {
    const [docker, { home }] = [fakeDocker(), makeHome({ repositories: false })]
    const { code, stdout } = await script('deploy', ['--all', '--dry-run'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 0)
    assert.match(stdout, /byrne: would\n[\s\S]*dickson: would\n/)
    assert.deepEqual(docker.containers(), [])
    assert.ok(!docker.calls().some((call) => CHANGES.test(` ${call} `)))
    assert.ok(!existsSync(join(home, 'state')))
  })

  it('makes no empty ERP where there are backups of one that is gone', async () => {
    const [docker, { home }] = [fakeDocker(), makeHome({ backups: true })]
    const env = { ...docker.env, ERP_HOME: home }
    const { code, stderr } = await script('deploy', ['dickson'], { env })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /has a verified backup of .* and no database[\s\S]*restore\.ts dickson; to begin anew/)
    assert.deepEqual(docker.containers(), [])
    writeFileSync(docker.state('volumes'), 'dickson-db-data\n') // with books in it
    assert.equal((await script('deploy', ['dickson'], { env })).code, 0)
  })

  it('writes one line a tenant into the journal, with the outcome and without a secret', async () => {
    const [docker, { home, values }] = [fakeDocker(), makeHome()]
    const env = { ...docker.env, ERP_HOME: home }
    assert.equal((await script('deploy', ['--all'], { env })).code, 0)
    writeFileSync(docker.state('up/dickson-db'), 'unhealthy\n')
    assert.equal((await script('deploy', ['dickson', '--timeout', '2'], { env })).code, 1)
    const text = readFileSync(join(home, 'state/dickson/journal.jsonl'), 'utf8')
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      entries.map(({ verb, code }) => [verb, code]),
      [
        ['deploy', 0],
        ['deploy', 1],
      ],
    )
    assert.match(entries[1].message, /dickson-db is unhealthy/)
    assert.match(entries[0].at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    for (const value of values) assert.ok(!text.includes(value))
  })

  it('keeps the names of another installation apart', async () => {
    const [docker, { home }] = [fakeDocker(), makeHome()]
    const env = { ...docker.env, ERP_HOME: home, ERP_PREFIX: 'staging-' }
    const { code, stderr } = await script('deploy', ['dickson'], { env })
    assert.equal(code, 0, stderr)
    const named = docker.calls().filter((call) => /(exec|inspect) /.test(call) && !call.includes('image'))
    assert.ok(named.length > 5)
    for (const call of named) assert.match(call, /staging-dickson-/)
    for (const call of docker.calls().filter((line) => line.startsWith('compose --')))
      assert.match(call, /--project-name staging-securenexus-erp --profile (dickson|\* config) /)
    const other = await script('deploy', ['dickson'], { env: { ...env, ERP_PREFIX: 'other-' } })
    assert.equal(other.code, 3, other.stderr)
    assert.match(other.stderr, /is of the stack with ERP_PREFIX=staging-[\s\S]*an ERP_HOME of its own/)
  })

  it('never hands docker a secret as an argument', async () => {
    const [docker, { home, values }] = [fakeDocker(), makeHome()]
    await script('deploy', ['--all'], { env: { ...docker.env, ERP_HOME: home } })
    const calls = docker.calls().join('\n')
    assert.ok(calls.includes('site.py'))
    for (const value of values) assert.ok(!calls.includes(value))
  })

  it('names no tenant by default and never deploys another when one fails: --all goes on with the rest', async () => {
    const [docker, { home, file }] = [fakeDocker(), makeHome()]
    rmSync(file('erpnext_db_password.txt'))
    const { code, stderr } = await script('deploy', ['--all'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 1) // 3 would say that nothing was changed, and dickson was deployed
    assert.match(stderr, /byrne: missing in secrets\/: erpnext_db_password\.txt/)
    assert.deepEqual(docker.containers(), ofDickson)
  })
})

/** Edit what compose renders of one service. */
function edit(docker: FakeDocker, service: string, change: object): void {
  const rendered = JSON.parse(readFileSync(docker.state('everything'), 'utf8'))
  Object.assign(rendered.services[service], change)
  writeFileSync(docker.state('everything'), JSON.stringify(rendered))
}

describe('deploy beside a compose.yml that was edited', { concurrency: 4 }, () => {
  const bad = { privileged: true, ports: [{ target: 3306, published: '3306', protocol: 'tcp' }] }

  it('refuses what breaks the rules with 3: every service and rule, what runs is untouched', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome()]
    edit(docker, 'dickson-db', bad)
    for (const [name, ...args] of [
      ['deploy', 'dickson'],
      ['deploy', 'dickson', '--dry-run'],
      ['tenant', 'dickson', 'start'],
      ['tenant', 'dickson', 'scale', '2'],
    ] as const) {
      const { code, stderr } = await script(name, args, { env: { ...docker.env, ERP_HOME: home } })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /dickson-db: is privileged; dickson-db: publishes the port 3306:3306\/tcp\n/)
      assert.match(stderr, /→ nothing was started; see docs\/trouble\.md#the-configuration-is-refused/)
    }
    assert.deepEqual(
      docker.calls().filter((call) => CHANGES.test(` ${call} `)),
      [],
    )
  })

  it("refuses a secret's value in an environment, and does not show it", async () => {
    const [docker, { home, values, file }] = [fakeDocker(), makeHome()]
    const value = readFileSync(file('dickson_db_password.txt'), 'utf8')
    edit(docker, 'dickson-db', { environment: { MARIADB_DATABASE: `x${value}` } })
    const { code, stderr } = await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /dickson-db: environment holds the value of secrets\/dickson_db_password\.txt/)
    for (const secret of values) assert.ok(!stderr.includes(secret))
  })

  it("deploys a tenant where another's services alone break a rule, and refuses that other one", async () => {
    const [docker, { home }] = [fakeDocker(), makeHome()]
    edit(docker, 'erpnext-db', bad)
    const { code, stderr } = await script('deploy', ['--all'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 1, stderr)
    assert.match(stderr, /byrne: .*erpnext-db: is privileged/)
    assert.deepEqual(docker.containers(), ofDickson)
  })

  it('refuses a service that nobody owns, since it would start with every tenant', async () => {
    const [docker, { home }] = [fakeDocker(), makeHome()]
    edit(docker, 'erpnext-db', { profiles: [], labels: {} })
    const { code, stderr } = await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /erpnext-db: belongs to nobody/)
  })
})

describe('deploy starts nothing, with 3, where', { concurrency: 4 }, () => {
  const cases: [what: string, spoil: (file: (name: string) => string) => void, message: RegExp][] = [
    [
      'a secret is missing',
      (file) => rmSync(file('dickson_admin_password.txt')),
      /missing in secrets\/: dickson_admin_password\.txt/,
    ],
    [
      'a secret is empty',
      (file) => truncateSync(file('dickson_redis_queue_password.txt')),
      /dickson_redis_queue_password\.txt is empty/,
    ],
    [
      'the directory of the secrets is missing',
      (file) => rmSync(file('.'), { recursive: true }),
      /secrets does not exist/,
    ],
  ]
  for (const [what, spoil, message] of cases) {
    it(what, async () => {
      const [docker, { home, file }] = [fakeDocker(), makeHome()]
      spoil(file)
      for (const flags of [[], ['--dry-run']]) {
        const { code, stderr } = await script('deploy', ['dickson', ...flags], {
          env: { ...docker.env, ERP_HOME: home },
        })
        assert.equal(code, 3, stderr)
        assert.match(stderr, message)
      }
      assert.ok(!docker.calls().some((call) => CHANGES.test(` ${call} `)))
    })
  }

  it("the containers' users cannot read a private authority's certificate, and a restore does not either", async () => {
    const [docker, { home }] = [fakeDocker(), makeHome()]
    const certificate = join(home, 'ca.pem')
    writeFileSync(certificate, '-----BEGIN CERTIFICATE-----', { mode: 0o600 })
    for (const line of [['deploy'], ['restore', '--undo', '--confirm=dickson']]) {
      const [name = '', ...flags] = line
      const env = { ...docker.env, ERP_HOME: home, ACME_CA_CERTIFICATE: certificate }
      const { code, stderr } = await script(name, ['dickson', ...flags], { env })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /the containers cannot read .*ca\.pem\n.*chmod a\+r .*ca\.pem/)
    }
    assert.ok(!docker.calls().some((call) => CHANGES.test(` ${call} `)))
  })

  for (const key of Object.keys(tenants.dickson)) {
    it(`the registry lacks ${key}, and no command with "undefined" reaches docker`, async () => {
      const [docker, { home }] = [fakeDocker(), makeHome()]
      const registry = join(home, 'tenants.mjs')
      writeFileSync(registry, `export default ${JSON.stringify({ dickson: { ...tenants.dickson, [key]: undefined } })}`)
      const { code, stderr } = await script('deploy', ['dickson'], {
        env: { ...docker.env, ERP_HOME: home, ERP_TENANTS: registry },
      })
      assert.equal(code, 3, stderr)
      assert.match(stderr, new RegExp(`dickson\\.${key}`))
      assert.deepEqual(docker.calls(), [])
    })
  }

  for (const [what, text] of [
    ['cannot be parsed', 'export default {'],
    ['exports nothing', 'const x = 1'],
    ['exports no tenant', 'export default {}'],
    ['throws', 'throw new Error("no")'],
    ['exports null', 'export default null'],
  ] as const) {
    it(`the registry ${what}`, async () => {
      const [docker, { home }] = [fakeDocker(), makeHome()]
      const registry = join(home, 'tenants.mjs')
      writeFileSync(registry, text)
      const env = { ...docker.env, ERP_HOME: home, ERP_TENANTS: registry }
      const { code, stderr } = await script('deploy', ['dickson'], { env })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /tenants\.mjs/)
      assert.ok(!/\n\s+at /.test(stderr), 'a stack')
    })
  }

  it('the volume holds a database that ran before us', async () => {
    const [docker, { home }] = [fakeDocker(), makeHome()]
    writeFileSync(docker.state('volumes'), 'dickson-db-data\n')
    const program = readFileSync(docker.path, 'utf8').replace(
      "*' run --rm --network none '*) echo data ;;",
      "*' run --rm --network none '*) printf 'ibdata1\\nmysql\\n' ;;",
    )
    writeFileSync(docker.path, program)
    const { code, stderr } = await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /holds a database that these scripts did not make; nothing was started/)
    assert.deepEqual(docker.containers(), [])
  })
})

/** Everything that a finished deploy leaves behind, for comparing with an undisturbed one. */
const isWhole = (docker: FakeDocker) =>
  docker.containers().join() === ofDickson.join() &&
  ['made-dickson', 'scheduler-dickson', 'flushed-dickson'].every((file) => existsSync(docker.state(file)))

describe('deploy that is killed at the boundary of a stage comes to the same end when it is run again', {
  concurrency: 4,
}, () => {
  const STAGES: [name: string, call: RegExp][] = [
    ['the stores', / up .* dickson-db /],
    ['the configurator', / up .* dickson-configurator$/],
    ['the site', /site\.py/],
    ['the application', / up .* dickson-backend /],
    ['the scheduler', /enable_scheduler/],
    ['the cache', /redis-cli/],
  ]
  /** The calls of an undisturbed deploy: which of them is a stage's. */
  let calls: string[] = []
  before(async () => {
    const docker = fakeDocker()
    await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: makeHome().home } })
    calls = docker.calls()
  })
  for (const mode of ['kill-before', 'kill-after'] as const) {
    for (const [name, call] of STAGES) {
      it(`${mode}: ${name}`, async () => {
        const docker = fakeDocker()
        const { home } = makeHome()
        const env = { ERP_HOME: home }
        const at = calls.findIndex((line) => call.test(line)) + 1
        const injector = injectDocker(temporary(), docker.path, { at, mode })
        const run = start('deploy', ['dickson'], { env: { ...env, ...injector.env } })
        assert.equal((await run.done).code, null)
        assert.match(injector.calls()[at - 1] ?? '', call)
        await eventually(10, 'no process of the killed run lives', () => run.family().length === 0)
        const { code, stderr } = await script('deploy', ['dickson'], { env: { ...env, ...injector.env } })
        assert.equal(code, 0, stderr)
        assert.ok(isWhole(docker), `${docker.containers()} ${stderr}`)
      })
    }
  }

  it('a persistent failure ends each run with the same code, and changes nothing more', async () => {
    const docker = fakeDocker().deployed('dickson')
    const { home } = makeHome()
    const injector = injectDocker(temporary(), docker.path, { at: 6, mode: 'fail', persistent: true })
    for (let round = 0; round < 2; round++) {
      const { code, stderr } = await script('deploy', ['dickson'], { env: { ERP_HOME: home, ...injector.env } })
      assert.ok(code === 1 || code === 3, `${code}: ${stderr}`)
      assert.match(stderr, /injected failure/)
    }
    assert.ok(isWhole(docker))
  })
})

describe("another tenant's published file that was changed by hand", () => {
  it('refuses a deploy, which would make it pass for published, until a deploy of its own', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson').deployed('byrne'), makeHome()]
    const deploy = (what: string) => script('deploy', [what], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal((await deploy('--all')).code, 0)
    const file = join(home, 'state/core/edge/dickson.yml')
    const published = readFileSync(file, 'utf8')
    writeFileSync(file, published.replace('http://dickson-frontend:8080', 'http://erpnext-frontend:8080'))
    const { code, stderr } = await deploy('byrne')
    assert.equal(code, 3, stderr)
    assert.match(stderr, /state\/core\/edge\/dickson\.yml:\d+: .*must be http:\/\/dickson-frontend/)
    writeFileSync(file, `${published}# by hand\n`)
    const within = await deploy('byrne')
    assert.equal(within.code, 3, within.stderr)
    assert.match(within.stderr, /not as it was published: state\/core\/edge\/dickson\.yml; nothing was changed/)
    for (const tenant of ['dickson', 'byrne']) assert.equal((await deploy(tenant)).code, 0)
    assert.equal(readFileSync(file, 'utf8'), published)
  })
})

describe('through a symlink and below a path with blanks', () => {
  it('deploy does the same', async () => {
    const place = join(temporary(), 'a b  ünï')
    const { env, home } = { env: fakeDocker(), home: makeHome().home }
    const copy = `mkdir -p '${place}' && cp -r compose.yml tenants.ts package.json .npmrc lib scripts tenant core '${place}' && ln -s '${root}/node_modules' '${place}/node_modules' && ln -s '${place}' '${place}-link'`
    assert.equal((await script('', [], { command: ['bash', '-c', copy] })).code, 0)
    for (const cwd of [place, `${place}-link`]) {
      const run = await script('deploy', ['dickson'], {
        cwd,
        env: { ...env.env, ERP_HOME: home },
        command: [process.execPath, '--import=#typescript', 'node_modules/zx/build/cli.js', 'scripts/deploy.ts'],
      })
      assert.equal(run.code, 0, run.stderr)
      assert.match(run.stdout, /dickson: erp\.dickson-supplies\.com is up/)
      for (const call of env.calls().filter((line) => line.startsWith('compose --')))
        assert.ok(call.includes(`--project-directory ${place}`), call)
    }
  })
})
