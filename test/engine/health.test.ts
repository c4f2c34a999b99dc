/** healthcheck on the real engine: each fault is made, found, and undone by the very remedy that was printed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Finding } from '../../lib/health/check.ts'
import type { HealthReport } from '../../lib/health/report.ts'
import tenants from '../../tenants.ts'
import { plantLedger } from '../scripts/harness.ts'
import { docker, eventually, processOf, useStack } from './harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'erp-health-'))
const overlay = join(folder, 'impatient.yml')
after(() => rmSync(folder, { recursive: true, force: true }))
/** Docker looks again after 30 s, and calls a container unhealthy after three times: here it is more impatient. */
const INTERVALS = {
  db: 5,
  'redis-cache': 5,
  'redis-queue': 5,
  backend: 5,
  frontend: 5,
  socketio: 5,
  worker: 5,
  scheduler: 2,
}
const services = Object.entries(INTERVALS).map(([part, seconds]) => [
  `dickson-${part}`,
  { healthcheck: { interval: `${seconds}s` } },
])
writeFileSync(overlay, JSON.stringify({ services: Object.fromEntries(services) }))
const stack = useStack('health', [], { COMPOSE_FILE: `compose.yml:${overlay}` })
const BENCH = '/home/frappe/frappe-bench'

/** One healthcheck of one tenant. */
interface Checked {
  code: number | null
  seconds: number
  report: HealthReport
  findings: Finding[]
  /** Everything that is not well, for the message of an assertion. */
  faults: string
  find(part: string, check: string): Finding | undefined
}

/** What a test does to one tenant, and asks about it. */
function tenantOf(name: string, prefix: string, site: string) {
  const container = (part: string) =>
    part.startsWith('worker')
      ? `${stack.prefix}securenexus-erp-${prefix}-${part === 'worker' ? 'worker-1' : part}`
      : stack.container(`${prefix}-${part}`)

  async function check(): Promise<Checked> {
    const { code, stdout, stderr } = await stack.script('healthcheck', [name, '--json'])
    assert.match(stdout, /^\{/, stderr)
    const report = JSON.parse(stdout) as HealthReport
    const findings = report.tenants[0]?.findings ?? []
    const bad = findings.filter(({ state }) => state !== 'ok')
    return {
      code,
      seconds: report.seconds,
      report,
      findings,
      faults: bad.map((one) => `${one.state} ${one.part} ${one.check}: ${one.is}`).join('\n'),
      find: (part, what) => findings.find((one) => one.part === part && one.check === what),
    }
  }

  /** The check must be red, with this finding, and with a remedy. */
  async function mustFind(part: string, what: string, is: RegExp): Promise<Checked & { remedy: string }> {
    const checked = await check()
    const found = checked.find(part, what)
    assert.equal(found?.state, 'fail', `${part} ${what} in:\n${checked.faults}`)
    assert.match(found?.is ?? '', is)
    assert.equal(checked.code, 1, checked.faults)
    assert.ok(found?.remedy, `${part} ${what} has a remedy`)
    return { ...checked, remedy: found?.remedy ?? '' }
  }

  async function mustBeWell(): Promise<void> {
    let last = ''
    await eventually(60, `${name} is healthy`, async () => {
      const { code, faults } = await check()
      last = faults
      return code === 0
    }).catch((error) => assert.fail(`${error.message}\n${last}`))
  }

  return {
    name,
    site,
    container,
    check,
    mustFind,
    mustBeWell,
    /** Do what the remedy says, to the letter, and be well again. */
    async mustMend(remedy: string): Promise<void> {
      for (const command of remedy.split(', then ')) await follow(command)
      await mustBeWell()
    },
    docker: (verb: string, part: string, ...options: string[]) => docker(verb, ...options, container(part)),
    bench: (...args: string[]) => docker('exec', '-w', BENCH, container('backend'), 'bench', '--site', site, ...args),
    shell: (part: string, script: string) => docker('exec', container(part), 'bash', '-ec', script),
    /** As root, by the secret's file. */
    sql: (statement: string) =>
      feed(
        container('db'),
        ['bash', '-ec', 'MYSQL_PWD="$(cat /run/secrets/db_password)" mariadb -N -h 127.0.0.1 -u root'],
        `use \`${schemaOf(container('backend'), site)}\`; ${statement}`,
      ),
    redis: (part: string, ...commands: string[]) =>
      feed(
        container(part),
        ['sh', '-c', '{ printf "auth %s\\n" "$(cat /run/secrets/redis_password)"; cat; } | redis-cli'],
        `${commands.join('\n')}\n`,
      ),
    /** Python in the bench with the site open. */
    python: (code: string) =>
      feed(
        container('backend'),
        [`${BENCH}/env/bin/python`, '-'],
        `import frappe\nfrappe.init('${site}'); frappe.connect()\n${code}\n`,
      ),
    /** The host's id of the process in a container whose arguments begin with this. */
    pid: (part: string, begins: string): number => processOf(container(part), begins),
  }
}

/** Run a program in a container with this on its stdin; returns its output. */
function feed(container: string, program: string[], input: string): string {
  const { status, stdout, stderr } = spawnSync('docker', ['exec', '-i', container, ...program], {
    input,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return stdout.trim()
}

function schemaOf(backend: string, site: string): string {
  return docker('exec', backend, 'jq', '-r', '.db_name', `${BENCH}/sites/${site}/site_config.json`)
}

/** A remedy is one of our scripts, or a docker command. */
async function follow(command: string): Promise<void> {
  const script = /^npx zx scripts\/(\S+)\.ts (.+)$/.exec(command)
  if (script) {
    const { code, stderr } = await stack.script(script[1] ?? '', script[2]?.split(' '))
    assert.equal(code, 0, `${command}: ${stderr}`)
    return
  }
  assert.match(command, /^docker /)
  const { status, stderr } = spawnSync('docker', command.split(' ').slice(1), { encoding: 'utf8' })
  assert.equal(status, 0, `${command}: ${stderr}`)
}

const dickson = tenantOf('dickson', 'dickson', 'erp.dickson-supplies.com')
const byrne = tenantOf('byrne', 'erpnext', 'erp.byrne-accounts.org')

/** Prometheus' text format: every line a type or a sample, no series twice. Returns the samples. */
function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  assert.ok(text.endsWith('\n'), 'cut off')
  for (const line of text.trimEnd().split('\n')) {
    if (/^# (TYPE [a-z_]+ (gauge|counter)|HELP [a-z_]+ \S.*)$/.test(line)) continue
    const [, series = '', value = ''] =
      /^([a-z_]+(?:\{[a-z]+="[^"\n]*"(?:,[a-z]+="[^"\n]*")*\})?) (\S+)$/.exec(line) ?? []
    assert.ok(series !== '' && Number.isFinite(Number(value)), line)
    assert.ok(!samples.has(series), `twice: ${series}`)
    samples.set(series, Number(value))
  }
  return samples
}

describe('two healthy tenants', () => {
  before(async () => {
    const ups = await Promise.all(['dickson', 'byrne'].map((name) => stack.script('deploy', [name])))
    for (const { code, stderr } of ups) assert.equal(code, 0, stderr)
    for (const name of ['dickson', 'byrne']) plantLedger(stack.home, name)
  })

  it('exit 0 in less than ten seconds with one JSON document of the documented shape', async () => {
    const begun = performance.now()
    const { code, stdout, stderr } = await stack.script('healthcheck', ['--json'])
    assert.equal(code, 0, stdout + stderr)
    assert.ok(performance.now() - begun < 10_000)
    const report = JSON.parse(stdout) as HealthReport
    assert.deepEqual(Object.keys(report), ['at', 'state', 'seconds', 'machine', 'tenants'])
    assert.match(report.at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    assert.equal(report.state, 'warn', 'core is not deployed here, and that is all')
    assert.deepEqual(
      report.tenants.map(({ tenant, title, state }) => [tenant, title, state]),
      [
        ['byrne', 'SecureNexus Global', 'ok'],
        ['dickson', 'Dickson Pharmaceutical', 'ok'],
        ['core', 'Core', 'warn'],
      ],
    )
    const known = new Set(['part', 'check', 'state', 'is', 'limit', 'remedy', 'value'])
    const own = report.tenants.filter(({ tenant }) => tenant !== 'core')
    for (const finding of [...report.machine, ...own.flatMap(({ findings }) => findings)]) {
      assert.ok(finding.part && finding.check && finding.is, JSON.stringify(finding))
      assert.ok(
        Object.keys(finding).every((key) => known.has(key)),
        JSON.stringify(finding),
      )
      assert.equal(finding.remedy, undefined, 'what is well needs no remedy')
    }
  })

  it('are looked at in every way that the documentation lists', async () => {
    const { findings } = await dickson.check()
    const documented = readFileSync('docs/health.md', 'utf8').split('\n')
    const parts = new Set(findings.map(({ part }) => part))
    for (const part of [
      'db',
      'redis-cache',
      'redis-queue',
      'worker',
      'jobs',
      'scheduler',
      'site',
      'backend',
      'socketio',
    ]) {
      assert.ok(parts.has(part), part)
      assert.ok(
        documented.some((line) => line.startsWith('| ') && line.includes(part)),
        `${part} in docs/health.md`,
      )
    }
  })

  it('with --quiet print nothing', async () => {
    const { code, stdout, stderr } = await stack.script('healthcheck', ['--quiet'])
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' })
  })

  it('give metrics that Prometheus can read, replaced whole at any moment', async () => {
    const file = join(folder, 'metrics', 'erp.prom')
    spawnSync('mkdir', ['-p', join(folder, 'metrics')])
    assert.equal((await stack.script('healthcheck', ['--metrics', file])).code, 0)
    const reader = readAgainAndAgain(file)
    assert.equal((await stack.script('healthcheck', ['--metrics', file])).code, 0)
    const texts = reader.stop()
    assert.equal(texts.size, 2, 'the earlier and the later, and nothing between')
    for (const text of texts) parseMetrics(text)
    const samples = parseMetrics(readFileSync(file, 'utf8'))
    assert.equal(samples.get('erp_check_state{tenant="dickson",part="backend",check="ping"}'), 0)
    assert.ok((samples.get('erp_ping_seconds{tenant="byrne"}') ?? 9) < 5)
    assert.equal(samples.get('erp_workers_connected{tenant="byrne",queue="long"}'), 1)
    assert.deepEqual(readdirSync(join(folder, 'metrics')), ['erp.prom'])
  })
})

/** Read a file again and again; what was seen is given at the end. */
function readAgainAndAgain(file: string) {
  const seen = new Set<string>()
  const timer = setInterval(() => seen.add(readFileSync(file, 'utf8')), 2)
  return {
    stop: () => {
      clearInterval(timer)
      return seen.add(readFileSync(file, 'utf8'))
    },
  }
}

/** The two tenants know nothing of each other: their faults are made side by side. */
describe('a fault is found, and its remedy mends it', { concurrency: 2 }, () => {
  describe('in the first tenant', { concurrency: 1 }, () => {
    describe('of the stores', () => {
      const t = dickson

      it('the cache password of the application is wrong: ping still says 200', async () => {
        t.bench('set-config', '-g', 'redis_cache', 'redis://:wrong@redis-cache:6379')
        const { remedy, find, report } = await t.mustFind('redis-cache', 'password', /password is refused/)
        assert.equal(find('backend', 'ping')?.state, 'ok')
        assert.ok(!JSON.stringify(report).includes(secret('dickson_redis_cache_password')))
        await t.mustMend(remedy)
      })

      it('the queue password of the application is wrong: the worker restarts again and again', async () => {
        t.bench('set-config', '-g', 'redis_queue', 'redis://:wrong@redis-queue:6379')
        t.docker('restart', 'worker')
        await eventually(90, 'the worker is in a restart loop', () => {
          const [status, count] = t
            .docker('inspect', 'worker', '--format', '{{.State.Status}} {{.RestartCount}}')
            .split(' ')
          return status === 'restarting' && Number(count) >= 6
        })
        const { remedy, find } = await t.mustFind('redis-queue', 'password', /password is refused/)
        assert.match(find('worker', 'container')?.is ?? '', /worker-1: restarting \((ExitCode 1, )?RestartCount \d+\)/)
        await t.mustMend(remedy)
      })

      it('the database hangs', async () => {
        t.docker('pause', 'db')
        const { remedy, seconds, find } = await t.mustFind('db', 'container', /paused/)
        assert.equal(find('db', 'connect')?.state, 'fail')
        assert.match(find('backend', 'ping')?.is ?? '', /no HTTP answer in 5 s/)
        assert.ok(seconds < 10, `${seconds} s`)
        await t.mustMend(remedy)
      })

      it('the database is stopped', async () => {
        t.docker('stop', 'db')
        const { remedy, find } = await t.mustFind('db', 'container', /exited, ExitCode 0/)
        assert.equal(find('db', 'connect')?.state, 'fail')
        assert.match(find('backend', 'ping')?.is ?? '', /HTTP 500/)
        await t.mustMend(remedy)
      })

      it('redis-cache is stopped: everything answers, only too late', async () => {
        t.docker('stop', 'redis-cache')
        const { remedy, seconds, find } = await t.mustFind('backend', 'ping', /no HTTP answer in 5 s|too slow/)
        assert.match(find('redis-cache', 'container')?.is ?? '', /exited/)
        assert.ok(seconds < 10, `${seconds} s`)
        assert.ok(remedy)
        await t.mustMend(find('redis-cache', 'container')?.remedy ?? '')
      })

      it('redis-cache hangs', async () => {
        t.docker('pause', 'redis-cache')
        const { remedy, seconds, find } = await t.mustFind('redis-cache', 'container', /paused/)
        assert.equal(find('redis-cache', 'password')?.state, 'fail')
        assert.equal(find('backend', 'ping')?.state, 'fail')
        assert.ok(seconds < 10, `${seconds} s`)
        await t.mustMend(remedy)
      })

      it('redis-queue is stopped: ping still says 200', async () => {
        t.docker('stop', 'redis-queue')
        const { remedy, find } = await t.mustFind('redis-queue', 'container', /exited/)
        assert.equal(find('redis-queue', 'password')?.state, 'fail')
        assert.equal(find('backend', 'ping')?.state, 'ok')
        await t.mustMend(remedy)
      })
    })

    describe('of the containers', () => {
      const t = dickson

      it('the backend accepts connections and never answers: its limit is what it costs', async () => {
        t.docker('pause', 'backend')
        const { seconds, find } = await t.mustFind('backend', 'ping', /^backend: no HTTP answer in 5 s$/)
        assert.ok(seconds < 10, `${seconds} s`)
        assert.equal(find('db', 'connect')?.state, 'ok')
        assert.equal(find('redis-cache', 'password')?.state, 'ok')
        await t.mustMend(find('backend', 'container')?.remedy ?? '')
      })

      it('the backend answers, but not within a second', async () => {
        const frontend = t.pid('frontend', 'nginx: master')
        t.docker('pause', 'backend')
        const checking = t.check()
        await eventually(20, 'ping and login page are asked for', () => upstreamConnections(frontend) >= 2)
        await sleep(1500) // the fault itself
        t.docker('unpause', 'backend')
        const { code, find } = await checking
        assert.equal(code, 1)
        assert.match(find('backend', 'ping')?.is ?? '', /^\d{4} ms, too slow/)
        await t.mustBeWell()
      })

      it('one is missing, and another restarts again and again for it', async () => {
        t.docker('rm', 'backend', '--force')
        t.docker('restart', 'frontend')
        const restarts = () => Number(t.docker('inspect', 'frontend', '-f', '{{.RestartCount}}'))
        await eventually(30, 'the frontend is in a restart loop', () => restarts() >= 4)
        const { remedy } = await t.mustFind('backend', 'container', /^missing$/)
        await t.mustMend(remedy)
      })

      it('one was killed for memory, and with --quiet and --metrics that is told all the same', async () => {
        t.docker('stop', 'scheduler')
        t.docker('update', 'scheduler', '--restart', 'no', '--memory', '12m', '--memory-swap', '12m')
        await eventually(60, 'it is killed, and Docker has noticed why', () => {
          const state = t.docker('inspect', 'scheduler', '-f', '{{.State.Running}} {{.State.OOMKilled}}')
          if (state === 'false false') t.docker('start', 'scheduler')
          return state === 'false true'
        })
        await t.mustFind('scheduler', 'container', /scheduler: OOMKilled \(ExitCode 137, RestartCount 0\)/)

        const file = join(folder, 'failing.prom')
        const { code, stdout } = await stack.script('healthcheck', ['dickson', '--quiet', '--metrics', file])
        assert.equal(code, 1)
        assert.match(stdout, /scheduler.*OOMKilled/)
        const samples = parseMetrics(readFileSync(file, 'utf8'))
        assert.equal(samples.get('erp_check_state{tenant="dickson",part="scheduler",check="container"}'), 2)

        t.docker('update', 'scheduler', '--restart', 'unless-stopped', '--memory', '512m', '--memory-swap', '1g')
        await t.mustMend('npx zx scripts/deploy.ts dickson')
      })

      it('one is unhealthy: its process is stopped', async () => {
        const pid = t.pid('scheduler', BENCH)
        process.kill(pid, 'SIGSTOP')
        await eventually(
          40,
          'it is unhealthy',
          () => t.docker('inspect', 'scheduler', '-f', '{{.State.Health.Status}}') === 'unhealthy',
        )
        const { find } = await t.mustFind('scheduler', 'container', /scheduler: unhealthy: .*state T/)
        assert.equal(find('scheduler', 'process')?.state, 'fail')
        process.kill(pid, 'SIGCONT')
        await t.mustBeWell()
      })
    })
  })

  describe('in the second tenant', { concurrency: 1 }, () => {
    describe('of the workers and the scheduler', { concurrency: 1 }, () => {
      const t = byrne

      it('a worker was killed, and bench doctor still counts it', async () => {
        t.docker('update', 'worker', '--restart', 'no')
        process.kill(t.pid('worker', BENCH), 'SIGKILL')
        await eventually(
          10,
          'the container ends',
          () => t.docker('inspect', 'worker', '-f', '{{.State.Running}}') === 'false',
        )
        assert.match(t.bench('doctor'), /Workers online: 1/)
        const { remedy, find } = await t.mustFind('worker', 'live on default', /^0$/)
        assert.equal(find('worker', 'container')?.is, `${t.container('worker')}: exited, ExitCode 137`)
        t.docker('update', 'worker', '--restart', 'unless-stopped')
        await t.mustMend(remedy)
      })

      it('a worker is dead in a container that lives', async () => {
        const init = t.pid('worker', '/sbin/docker-init')
        process.kill(init, 'SIGSTOP') // so that nothing sees it die
        process.kill(t.pid('worker', BENCH), 'SIGKILL')
        await eventually(10, 'its connections are gone', () => !t.redis('redis-queue', 'CLIENT LIST').includes('blpop'))
        assert.equal(t.docker('inspect', 'worker', '-f', '{{.State.Status}} {{.RestartCount}}'), 'running 0')
        assert.match(t.bench('doctor'), /Workers online: [1-9]/)
        for (const queue of ['short', 'default', 'long']) await t.mustFind('worker', `live on ${queue}`, /^0$/)
        process.kill(init, 'SIGCONT') // it ends the container, which is started again
        await t.mustBeWell()
      })

      it('a worker is stopped: its connections live on, and so does its container', async () => {
        const worker = t.pid('worker', BENCH)
        process.kill(worker, 'SIGSTOP')
        const { find } = await t.mustFind('worker', 'process', /worker-1: 1 process(es are| is) stopped \(state T\)/)
        assert.equal(find('worker', 'live on default')?.state, 'ok')
        process.kill(worker, 'SIGCONT')
        await t.mustBeWell()
      })

      it('a second worker is counted, and missed when it dies', async () => {
        assert.equal((await stack.script('tenant', ['byrne', 'scale', '2'])).code, 0)
        const { code, faults, findings, find } = await t.check()
        assert.equal(code, 0, faults)
        assert.equal(find('worker', 'live on short')?.is, '2')
        assert.equal(findings.filter(({ part, check }) => part === 'worker' && check === 'container').length, 2)

        t.docker('update', 'worker-2', '--restart', 'no')
        process.kill(t.pid('worker-2', BENCH), 'SIGKILL')
        await eventually(10, 'it ends', () => t.docker('inspect', 'worker-2', '-f', '{{.State.Running}}') === 'false')
        const dead = await t.check()
        assert.equal(dead.code, 1)
        assert.match(dead.faults, /worker container: .*worker-2: exited, ExitCode 137/)
        t.docker('rm', 'worker-2', '--force')
        await t.mustBeWell()
      })

      it('a worker has ended well, though it should run', async () => {
        t.docker('stop', 'worker')
        const { remedy, find } = await t.mustFind('worker', 'container', /worker-1: exited, ExitCode 0$/)
        assert.equal(find('worker', 'live on long')?.is, '0')
        await t.mustMend(remedy)
      })

      it('more than a hundred jobs wait: a warning; one of them for twenty minutes: a failure', async () => {
        t.redis('redis-queue', 'SET rq:suspended 1')
        t.python("for _ in range(120): frappe.enqueue('frappe.ping', queue='default')")
        const { code, find, faults } = await t.check()
        assert.equal(find('jobs', 'waiting default')?.state, 'warn', faults)
        assert.match(find('jobs', 'waiting default')?.is ?? '', /^1[12]\d$/) // a tick of the scheduler may add its own
        assert.equal(code, 0, faults)

        const key = 'rq:queue:home-frappe-frappe-bench:default'
        const id = t.redis('redis-queue', `LINDEX ${key} 0`).split('\n').at(-1)
        const early = new Date(Date.now() - 20 * 60_000).toISOString().replace('Z', '000Z')
        t.redis('redis-queue', `HSET rq:job:${id} enqueued_at ${early}`)
        const { remedy } = await t.mustFind('jobs', 'oldest default', /^12\d\d s$/)
        await follow(remedy)
        t.redis('redis-queue', 'DEL rq:suspended')
        await eventually(180, 'the jobs are done', () => t.redis('redis-queue', `LLEN ${key}`).endsWith('\n0'))
        await t.mustBeWell()
      })

      it('jobs were created in the future: enabled, and yet nothing ever runs', async () => {
        t.sql('update `tabScheduled Job Type` set creation = creation + interval 5 hour, last_execution = null')
        const { remedy } = await t.mustFind('scheduler', 'last run', /never ran and were created in the future/)
        await t.mustMend(remedy)
      })

      it('a job last ran twenty minutes ago', async () => {
        const ranBefore = (minutes: number) => {
          const { timeZone } = tenants.dickson // a site writes its own time
          const at = new Date(Date.now() - minutes * 60_000).toLocaleString('sv-SE', { timeZone })
          t.sql(`update \`tabScheduled Job Type\` set last_execution = '${at}'`)
        }
        t.docker('stop', 'scheduler') // its tick would run them
        ranBefore(20)
        const { remedy } = await t.mustFind('scheduler', 'last run', /^20 min ago$/)
        assert.match(remedy, /restart scheduler/)
        ranBefore(0)
        t.docker('start', 'scheduler')
        await t.mustBeWell()
      })

      it('the scheduler is disabled', async () => {
        t.bench('scheduler', 'disable')
        const { remedy } = await t.mustFind('scheduler', 'enabled', /enable_scheduler/)
        await t.mustMend(remedy)
      })

      it('the scheduler is paused', async () => {
        t.bench('scheduler', 'pause')
        const { remedy } = await t.mustFind('site', 'flags', /pause_scheduler/)
        await t.mustMend(remedy)
      })

      it('maintenance mode was left on', async () => {
        t.bench('set-maintenance-mode', 'on')
        const { remedy } = await t.mustFind('site', 'flags', /maintenance_mode/)
        await t.mustMend(remedy)
      })
    })

    describe('of the site', () => {
      const t = byrne

      it('the link to the assets is missing', async () => {
        t.shell('backend', `rm ${BENCH}/sites/assets`)
        const { remedy, find } = await t.mustFind('site', 'assets link', /leads nowhere/)
        assert.equal(find('site', 'login page')?.state, 'fail')
        await t.mustMend(remedy)
      })

      it('the folder of the site is lost, while ping still says 200 out of its memory', async () => {
        t.shell('backend', `mv ${BENCH}/sites/${t.site} ${BENCH}/sites/lost`)
        const { find } = await t.mustFind('site', 'folder', /is missing/)
        assert.equal(find('db', 'connect')?.state, 'fail')
        t.shell('backend', `mv ${BENCH}/sites/lost ${BENCH}/sites/${t.site}`)
        await t.mustBeWell()
      })

      it('another image filled the cache: pages come without their style', async () => {
        t.python(
          [
            'import re, redis',
            'cache = redis.Redis.from_url(frappe.conf.redis_cache)',
            "cache.set('assets_json', re.sub(rb'bundle[.](\\w{8})[.]', b'bundle.OLDIMAGE.', cache.get('assets_json')))",
          ].join('\n'),
        )
        const { remedy, find } = await t.mustFind('site', 'login page', /OLDIMAGE.*HTTP 404.*without their style/)
        assert.equal(find('backend', 'ping')?.state, 'ok')
        await t.mustMend(remedy)
      })

      it('socketio is stopped', async () => {
        t.docker('stop', 'socketio')
        const { remedy, find } = await t.mustFind('socketio', 'handshake', /HTTP 502|no HTTP answer/)
        assert.match(find('socketio', 'container')?.is ?? '', /exited/)
        await t.mustMend(remedy)
      })
    })
  })
})

/** Connections from this process' network to port 8000, established and not answered: as the kernel lists them. */
function upstreamConnections(pid: number): number {
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n')
  return rows.filter((row) => /^\s*\d+: \S+ \S+:1F40 01 /.test(row)).length
}

function secret(name: string): string {
  return readFileSync(join(stack.home, 'secrets', `${name}.txt`), 'utf8')
}
