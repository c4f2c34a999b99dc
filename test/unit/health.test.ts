import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Service } from '../../lib/compose.ts'
import type { Container } from '../../lib/containers.ts'
import { type Finding, grade, runProbes, type State, worst } from '../../lib/health/check.ts'
import { containerFindings } from '../../lib/health/containers.ts'
import { databaseFindings, wallClock } from '../../lib/health/database.ts'
import { cacheFindings, queueFindings } from '../../lib/health/redis.ts'
import { renderTable } from '../../lib/health/render.ts'
import { checkHealth, type HealthReport } from '../../lib/health/report.ts'
import { configFindings, readBenchConfig } from '../../lib/health/site.ts'
import { makeCore, makeTenant } from '../../lib/registry.ts'
import { readSettings } from '../../lib/settings.ts'
import tenants from '../../tenants.ts'
import { stubDocker, temporary } from '../scripts/harness.ts'

const tenant = makeTenant('dickson', tenants.dickson, readSettings('/nonexistent', {}))
const byCheck = (findings: Finding[]) => Object.fromEntries(findings.map((finding) => [finding.check, finding]))

/** Run a check whose every exec prints `answer` and ends with `code`. */
async function answered<T>(answer: string, run: () => Promise<T>, code = 0): Promise<T> {
  const stub = stubDocker(`cat >/dev/null; printf '%s' '${answer.replaceAll("'", "'\\''")}'; exit ${code}`)
  const path = process.env.PATH
  process.env.PATH = stub.env.PATH
  try {
    return await run()
  } finally {
    process.env.PATH = path
  }
}

describe('the check framework', () => {
  it("reads a site's wall clock in its own time zone, summer time included", () => {
    for (const [at, zone, shown] of [
      ['2026-07-01T12:00:00Z', 'Europe/Dublin', '2026-07-01T13:00:00.000Z'],
      ['2026-12-01T12:00:00Z', 'Asia/Kolkata', '2026-12-01T17:30:00.000Z'],
      ['2026-01-01T00:00:00Z', 'America/New_York', '2025-12-31T19:00:00.000Z'],
      ['2026-06-01T00:00:00Z', 'Europe/London', '2026-06-01T01:00:00.000Z'],
    ] as const) {
      assert.equal(new Date(wallClock(new Date(at), zone)).toISOString(), shown)
    }
  })

  it('takes a limit as reached at the limit itself, and what is no number for a failure', () => {
    const states = [0, 9, 10, 14.9, 15, Number.NaN, Number.POSITIVE_INFINITY].map((value) => grade(value, 10, 15))
    assert.deepEqual(states, ['ok', 'ok', 'warn', 'warn', 'fail', 'fail', 'fail'])
  })

  it('fails what throws or does not end in time, and never waits longer', async () => {
    const probe = { part: 'x', check: 'y', remedy: 'do z', limit: 0.05 }
    const findings = await runProbes([
      { ...probe, run: () => new Promise(() => {}) },
      { ...probe, run: () => Promise.reject(new Error('refused')) },
    ])
    assert.deepEqual(
      findings.map(({ state, is, remedy }) => [state, is, remedy]),
      [
        ['fail', 'no answer in 0.05 s', 'do z'],
        ['fail', 'refused', 'do z'],
      ],
    )
  })

  it('is as bad as its worst finding', () => {
    const of = (...states: State[]) => worst(states.map((state) => ({ part: '', check: '', is: '', state })))
    assert.deepEqual([of(), of('ok'), of('ok', 'warn'), of('warn', 'fail', 'ok')], ['ok', 'ok', 'warn', 'fail'])
  })
})

describe("the engine's disk", () => {
  after(() => execFileSync('umount', ['--lazy', root])) // before it is removed: hooks run in their order
  const root = temporary()
  before(() => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', root]))

  for (const [percent, state] of [
    [74, 'ok'],
    [75, 'warn'],
    [84, 'warn'],
    [85, 'fail'],
    [100, 'fail'],
  ] as const)
    it(`that is used to ${percent} % is ${state}`, async () => {
      writeFileSync(join(root, 'filler'), Buffer.alloc(percent * 4096))
      const { blocks, bfree, bsize } = statfsSync(root)
      assert.deepEqual([blocks, bfree], [100, 100 - percent])
      const engine = JSON.stringify({ ServerVersion: '29', DockerRootDir: root })
      const scope = { tenants: [], registry: [], core: makeCore(tenant.settings), isolation: false }
      const { machine } = await answered(engine, () => checkHealth(scope))
      const { space, free } = byCheck(machine)
      assert.deepEqual([space?.state, space?.is, space?.limit], [state, `${percent} % used`, '< 85 %'])
      assert.equal(space?.remedy, state === 'ok' ? undefined : 'see docs/trouble.md#the-disk-is-full')
      assert.deepEqual([space?.value?.value, free?.value?.value], [percent / 100, bfree * bsize])
    })
})

describe('containers', () => {
  const service = (name: string, oneShot = false): Service => ({
    name,
    image: 'x',
    oneShot,
    profiles: [],
    secrets: [],
    configHash: 'h',
  })
  const container = (change: Partial<Container>): Container => ({
    id: '1',
    name: 'dickson-db',
    service: 'dickson-db',
    image: 'x',
    configHash: 'h',
    status: 'running',
    health: 'healthy',
    healthOutput: '',
    healthAt: 0,
    failingStreak: change.health === 'unhealthy' ? 3 : 0,
    exitCode: 0,
    oomKilled: false,
    restartCount: 0,
    startedAt: '',
    addresses: {},
    ports: {},
    ...change,
  })
  for (const [what, change, state, is] of [
    ['healthy', {}, 'ok', /healthy/],
    ['starting', { health: 'starting' }, 'warn', /starting/],
    ['starting again and again', { health: 'starting', restartCount: 6 }, 'fail', /restarting \(RestartCount 6\)/],
    ['unhealthy', { health: 'unhealthy', healthOutput: 'no SQL' }, 'fail', /dickson-db: unhealthy: no SQL/],
    [
      'resumed, and not probed since',
      { health: 'unhealthy', failingStreak: 0 },
      'warn',
      /not probed yet since it was paused/,
    ],
    ['paused', { status: 'paused' }, 'fail', /paused/],
    ['restarting', { status: 'restarting', exitCode: 1 }, 'fail', /restarting \(ExitCode 1/],
    ['exited with 0', { status: 'exited' }, 'fail', /exited, ExitCode 0/],
    ['created', { status: 'created' }, 'fail', /created/],
    ['dead', { status: 'dead' }, 'fail', /dead/],
    ['killed for memory and not up again', { oomKilled: true, health: 'starting', exitCode: 137 }, 'fail', /OOMKilled/],
    ['healthy after a kill for memory', { oomKilled: true }, 'warn', /killed for memory/],
    ['restarted often', { restartCount: 3 }, 'warn', /restarted 3 times/],
  ] as [string, Partial<Container>, State, RegExp][]) {
    it(`${what} is ${state}, and every fault has its remedy`, () => {
      const [finding] = containerFindings(tenant, [service('dickson-db')], [container(change)])
      assert.equal(finding?.state, state)
      assert.match(finding?.is ?? '', is)
      assert.ok(state === 'ok' || (finding?.remedy ?? '').length > 3)
    })
  }

  it('a job that ended well is done; one that failed, runs on or never ran is not', () => {
    const judged = (change: Partial<Container> | undefined) =>
      containerFindings(
        tenant,
        [service('dickson-volumes', true)],
        change ? [container({ service: 'dickson-volumes', ...change })] : [],
      )[0]?.state
    assert.deepEqual(
      [
        judged({ status: 'exited' }),
        judged({ status: 'exited', exitCode: 1 }),
        judged({ status: 'created' }),
        judged(undefined),
      ],
      ['ok', 'fail', 'fail', 'fail'],
    )
  })

  it('every container of a scaled service is told', () => {
    const two = [container({}), container({ name: 'b', status: 'exited' })]
    assert.deepEqual(
      containerFindings(tenant, [service('dickson-db')], two).map(({ state }) => state),
      ['ok', 'fail'],
    )
  })
})

describe('the database', () => {
  const clock = (minutes: number) =>
    new Date(wallClock(new Date(), 'Europe/Dublin') + minutes * 60_000).toISOString().replace('T', ' ').slice(0, 19)
  const row = (change: Partial<Record<string, string>> = {}) => {
    const fields = {
      readOnly: '0',
      used: '3',
      most: '151',
      enabled: '1',
      zone: 'Europe/Dublin',
      last: clock(-1),
      never: '0',
      first: '',
      newest: '',
    }
    return `${Object.values({ ...fields, ...change }).join('\t')}\n`
  }
  const check = async (answer: string, code = 0) =>
    byCheck(await answered(answer, () => databaseFindings(tenant, '_abc', 2), code))

  it('is well where it answers, can be written to and a job ran lately', async () => {
    const findings = await check(row())
    assert.deepEqual(
      Object.values(findings).map(({ state }) => state),
      ['ok', 'ok', 'ok', 'ok'],
    )
  })

  for (const [what, change, which, state, is] of [
    ['read_only', { readOnly: '1' }, 'writable', 'fail', /read_only/],
    ['connections above 70 %', { used: '110' }, 'connections', 'warn', /110 of 151/],
    ['connections above 90 %', { used: '140' }, 'connections', 'fail', /140 of 151/],
    ['the scheduler is off', { enabled: '0' }, 'enabled', 'fail', /enable_scheduler is off/],
    ['the last run is 11 minutes ago', { last: clock(-11) }, 'last run', 'warn', /11 min ago/],
    ['the last run is 16 minutes ago', { last: clock(-16) }, 'last run', 'fail', /16 min ago/],
    ['the last run lies in the future', { last: clock(270) }, 'last run', 'fail', /future/],
    [
      'jobs never ran and lie in the future',
      { last: '', never: '9', first: clock(-1), newest: clock(330) },
      'last run',
      'fail',
      /future/,
    ],
    [
      'jobs never ran since two minutes',
      { last: '', never: '9', first: clock(-2), newest: clock(-2) },
      'last run',
      'ok',
      /never/,
    ],
    [
      'jobs never ran since an hour',
      { last: '', never: '9', first: clock(-60), newest: clock(-60) },
      'last run',
      'fail',
      /never/,
    ],
    ['there is no job at all', { last: '' }, 'last run', 'fail', /./],
    [
      'the site never said its zone, and lives in Kolkata',
      { zone: '', last: new Date(wallClock(new Date(), 'Asia/Kolkata')).toISOString().replace('T', ' ').slice(0, 19) },
      'last run',
      'ok',
      /0 min ago/,
    ],
  ] as [string, Record<string, string>, string, State, RegExp][]) {
    it(`${what}: ${state}`, async () => {
      const finding = (await check(row(change)))[which]
      assert.equal(finding?.state, state, JSON.stringify(finding))
      assert.match(finding?.is ?? '', is)
      assert.ok(state !== 'fail' || finding?.remedy, 'no remedy')
    })
  }

  it('the last run lies before a restore: its jobs have not been due yet', async () => {
    const state = mkdtempSync(join(tmpdir(), 'erp-health-'))
    const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
    const last = async (restored: number) => {
      writeFileSync(join(state, 'ledger.json'), JSON.stringify({ restored: { at: at(restored) } }))
      const own = Object.assign(Object.create(tenant), { state: (name: string) => join(state, name) })
      return byCheck(await answered(row({ last: clock(-25) }), () => databaseFindings(own, '_abc', 2)))['last run']
    }
    const [fresh, old] = [await last(2), await last(20)]
    rmSync(state, { recursive: true })
    assert.deepEqual([fresh?.state, old?.state], ['ok', 'fail'])
    assert.match(fresh?.is ?? '', /^25 min ago, in data that a restore brought 2 min ago$/)
  })

  for (const [what, answer, code] of [
    ['nothing', '', 0],
    ['half a row', '0\t3', 0],
    ['an error', '', 1],
  ] as const) {
    it(`an answer of ${what} is never taken for good`, async () => {
      const findings = await check(answer, code).catch(() => undefined)
      assert.ok(!findings || Object.values(findings).some(({ state }) => state === 'fail'), JSON.stringify(findings))
    })
  }

  for (const schema of ['', 'a b', '`x`', "a'b", 'a.b']) {
    it(`a schema called ${JSON.stringify(schema)} is not asked`, async () => {
      await assert.rejects(
        answered(row(), () => databaseFindings(tenant, schema, 2)),
        /no usable db_name/,
      )
    })
  }
})

describe('both Redis', () => {
  const URL = 'redis://:abc123@redis-queue:6379'
  const answer = ({
    password = 'OK\nPONG',
    evicted = 0,
    used = 1,
    most = 100,
    queue = '{"length":0,"oldest":""}',
    channels = '["rq:pubsub:w1"]',
    workers = '{"rq:worker:w1":"b:short,b:default,b:long"}',
  } = {}) =>
    `${password}\nused_memory:${used}\nmaxmemory:${most}\nevicted_keys:${evicted}\n{"queues":{"default":${queue}},"workers":${workers},"channels":${channels}}\n`
  const queue = async (parts: Parameters<typeof answer>[0]) =>
    byCheck(await answered(answer(parts), () => queueFindings(tenant, URL)))
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString()

  it('are well where the password is accepted, a worker listens on every queue and no job waits', async () => {
    const faults = Object.values(await queue({})).filter(({ state }) => state !== 'ok')
    assert.deepEqual(faults, [])
  })

  for (const [what, parts, which, state] of [
    ['the password is refused', { password: '(error) WRONGPASS x' }, 'password', 'fail'],
    ['no password is asked for', { password: '(error) NOAUTH x' }, 'password', 'fail'],
    ['a key was evicted', { evicted: 1 }, 'memory', 'fail'],
    ['the memory is nearly used up', { used: 90 }, 'memory', 'warn'],
    ['the memory has no limit but the container', { most: 0 }, 'memory', 'warn'],
    ['the worker is dead, its heartbeat still there', { channels: '{}' }, 'live on long', 'fail'],
    ['a channel is that of no registered worker', { channels: '["rq:pubsub:other"]' }, 'live on short', 'fail'],
    ['the worker lacks a queue', { workers: '{"rq:worker:w1":"b:short,b:default"}' }, 'live on long', 'fail'],
    ['a job waits for six minutes', { queue: `{"length":1,"oldest":"${ago(360)}"}` }, 'oldest default', 'warn'],
    ['a job waits for twenty minutes', { queue: `{"length":1,"oldest":"${ago(1200)}"}` }, 'oldest default', 'fail'],
    ['a hundred jobs wait', { queue: '{"length":100,"oldest":""}' }, 'waiting default', 'warn'],
    ['five hundred jobs wait', { queue: '{"length":500,"oldest":""}' }, 'waiting default', 'fail'],
    ['a job says rubbish of its time', { queue: '{"length":1,"oldest":"rubbish"}' }, 'oldest default', 'fail'],
  ] as [string, Parameters<typeof answer>[0], string, State][]) {
    it(`${what}: ${state}`, async () => {
      const finding = (await queue(parts))[which]
      assert.equal(finding?.state, state, JSON.stringify(finding))
      assert.match(finding?.remedy ?? '', parts?.most === 0 ? /deploy\.ts dickson/ : /tenant\.ts dickson/)
    })
  }

  it('counts every worker on the queues that it serves', async () => {
    const channels = '["rq:pubsub:w1","rq:pubsub:w2"]' // w3 is registered and dead
    const workers = '{"rq:worker:w1":"b:short","rq:worker:w2":"b:short,b:long","rq:worker:w3":"b:default"}'
    const findings = await queue({ channels, workers })
    assert.deepEqual(
      ['short', 'default', 'long'].map((name) => findings[`live on ${name}`]?.value?.value),
      [2, 0, 1],
    )
  })

  it('a cache that refuses the password of the application is a failure, and neither password nor address is told', async () => {
    const [finding] = await answered('(error) WRONGPASS', () => cacheFindings(tenant, URL))
    assert.equal(finding?.state, 'fail')
    assert.ok(!JSON.stringify(finding).includes('abc123'))
  })

  it('a password that is accepted and was renewed in secrets/ since is a failure; neither is told', async () => {
    const home = temporary()
    mkdirSync(join(home, 'secrets'))
    const file = join(home, 'secrets/dickson_redis_cache_password.txt')
    const here = makeTenant('dickson', tenants.dickson, readSettings(home, {}))
    const look = () => answered(answer(), () => cacheFindings(here, URL))
    for (const [value, state] of [
      ['abc123', 'ok'],
      ['def456', 'fail'],
    ] as const) {
      writeFileSync(file, value)
      const [finding] = await look()
      assert.equal(finding?.state, state)
      assert.doesNotMatch(JSON.stringify(finding), /abc123|def456/)
    }
  })

  it('a client that fails is a failed probe', async () => {
    await assert.rejects(answered('', () => cacheFindings(tenant, URL), 1))
  })
})

describe("the site's configuration", () => {
  const read = (common: string, site: string, tests = 'assets\napps.txt\nfolder') =>
    answered(`${common}\n---\n${site}\n---\n${tests}\n`, () => readBenchConfig(tenant, ['dickson-backend']))

  for (const [common, site, flags] of [
    ['{}', '{}', []],
    ['{"maintenance_mode":1}', '{}', ['maintenance_mode']],
    ['{"maintenance_mode":1}', '{"maintenance_mode":0}', []],
    ['{"pause_scheduler":1}', '{"developer_mode":"1"}', ['pause_scheduler', 'developer_mode']],
    ['{"maintenance_mode":false,"pause_scheduler":"0","developer_mode":null,"disable_scheduler":""}', '{}', []],
  ] as const) {
    it(`${common} under ${site} has the flags ${JSON.stringify(flags)}`, async () => {
      const config = await read(common, site)
      assert.deepEqual(config.flags, flags)
      const { flags: finding } = byCheck(configFindings(tenant, config))
      assert.equal(finding?.state, flags.length > 0 ? 'fail' : 'ok')
      for (const flag of flags) assert.ok(finding?.is.includes(flag))
    })
  }

  const MADE = '{"erp_site_made": "x"}'
  for (const [what, site, tests, folder, link] of [
    ['nothing lost', MADE, 'assets\napps.txt\nfolder', /^there$/, /^there$/],
    ['folder and assets link lost', MADE, '', /is missing/, /sites\/assets leads nowhere/],
    ['apps.txt lost', MADE, 'assets\nfolder', /^there$/, /apps\.txt is gone/],
    ['a site that no deploy has finished', '{}', 'assets\napps.txt\nfolder', /was never finished/, /^there$/],
  ] as const)
    it(`${what}: told as such`, async () => {
      const found = byCheck(configFindings(tenant, await read('{}', site, tests)))
      for (const [finding, is] of [
        [found.folder, folder],
        [found['assets link'], link],
      ] as const) {
        assert.match(finding?.is ?? '', is)
        assert.equal(finding?.state, finding?.is === 'there' ? 'ok' : 'fail')
      }
    })

  it('a file that is there and cannot be read is no empty one', async () => {
    const reading = answered('', () => readBenchConfig(tenant, ['dickson-backend']), 9)
    await assert.rejects(reading, /cannot be read by the application/)
  })

  it('a file that is no JSON is named without a word of what stands in it', async () => {
    for (const text of ['{"db_password": "hush9876" oops}', 'hush9876', '{"db_password": "hush9876']) {
      await assert.rejects(read('{}', text), (error: Error) => {
        assert.match(error.message, /site_config\.json/)
        assert.doesNotMatch(error.message, /hus|9876/)
        return true
      })
    }
  })
})

describe('what healthcheck shows', () => {
  const finding = (part: string, check: string, state: State, more: Partial<Finding> = {}): Finding => ({
    part,
    check,
    state,
    is: 'so',
    ...more,
  })
  const report: HealthReport = {
    at: '2026-11-23T22:00:00.000Z',
    state: 'fail',
    seconds: 1.25,
    machine: [
      finding('engine', 'answers', 'ok'),
      finding('disk', 'space', 'warn', {
        value: { name: 'erp_disk_used_ratio', value: 0.8 },
        remedy: 'docker system df',
      }),
    ],
    tenants: ['byrne', 'dickson'].map((name) => ({
      tenant: name,
      title: name,
      state: 'fail' as const,
      findings: [
        finding('worker', 'container', 'ok'),
        finding('worker', 'container', 'fail', { is: 'dickson-worker-2: exited', limit: '< 3', remedy: 'npx zx …' }),
        finding('jobs', 'waiting', 'ok', { value: { name: 'erp_jobs_waiting', labels: { queue: 'short' }, value: 1 } }),
        finding('jobs', 'waiting long', 'ok', {
          value: { name: 'erp_jobs_waiting', labels: { queue: 'long' }, value: Number.NaN },
        }),
      ],
    })),
  }

  it('is a table with the remedy below each fault, and a count at the end', () => {
    const text = renderTable(report, false)
    assert.match(text, /✖ worker\s+container:? +dickson-worker-2: exited \(limit < 3\)\n\s+→ npx zx …/)
    assert.match(text, /⚠ disk\s+space:? +so\n\s+→ docker system df/)
    assert.match(text, /7 ok, 1 to watch, 2 failed, in 1\.3 s$/)
    assert.ok(!text.includes('\x1b'))
    assert.ok(renderTable(report, true).includes('\x1b[31m✖'))
  })

  it('is a table also where no tenant was asked', () => {
    assert.match(renderTable({ ...report, tenants: [] }, false), /^Machine\n/)
  })
})
