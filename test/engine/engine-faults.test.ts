/**
 * An engine that hangs, stops or dies under us. The shared one is left alone: a second, private dockerd is PID 1 of its
 * own process, network and mount namespace, with a /run of its own. To kill it with SIGKILL is to pull the plug: the
 * kernel ends its containerd and every container with it, and what was in /run is gone.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { buildImages } from '../../rehearsal/images.ts'
import { plantLedger } from '../scripts/harness.ts'
import { eventually, mustBeWell } from './harness.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'erp-second-engine-'))
const home = join(folder, 'home')
const socket = join(folder, 'docker.sock')
const PREFIX = 'second-'
const env: NodeJS.ProcessEnv = {
  ...process.env,
  NODE_OPTIONS: '',
  DOCKER_HOST: `unix://${socket}`,
  ERP_HOME: home,
  ERP_PREFIX: PREFIX,
}
const container = (service: string) => `${PREFIX}${service}`
/** Long-running services of a tenant. */
const SERVICES = 8

/** The engine's cgroups are found by this name in every hierarchy, and removed by it. */
const cgroup = folder.split('/').at(-1) ?? ''
const BOOT = `set -eu
ip link set lo up
mount -t tmpfs tmpfs /run
exec dockerd --data-root "$1/data" -H "unix://$1/docker.sock" --cgroup-parent "/$2"`

let engine: { outside: ChildProcess; pid: number } | undefined

/** Start the engine, as a machine's boot does, and wait until it answers. */
async function boot(): Promise<void> {
  rmSync(socket, { force: true })
  const own = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...own, 'sh', '-c', BOOT, 'sh', folder, cgroup], {
    stdio: 'ignore',
  })
  await eventually(60, 'the second engine answers', () => docker('version').status === 0)
  const inside = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
  engine = { outside: child, pid: Number(inside) }
}

/** End the engine and wait until its whole namespace is gone. KILL pulls the plug, TERM shuts down. */
async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (!engine) return
  const { outside, pid } = engine
  const gone = new Promise((done) => outside.on('exit', done))
  engine = undefined
  process.kill(pid, signal)
  await gone
}

/** Run a program where the containers' addresses are reached: in the engine's own network, while it has one. */
function inside(program: string[]): [string, string[]] {
  const [first = '', ...rest] = engine ? ['nsenter', '--target', String(engine.pid), '--net', ...program] : program
  return [first, rest]
}

function docker(...args: string[]) {
  return spawnSync('docker', args, { env, encoding: 'utf8', timeout: 20_000 })
}

interface Ran {
  code: number | null
  stdout: string
  stderr: string
  seconds: number
}

/** Run `scripts/<name>.ts`; `onStart` gets the process and what it has said so far. */
function script(name: string, args: string[], onStart?: (said: () => string) => void): Promise<Ran> {
  const begun = performance.now()
  const zx = join(root, 'node_modules/zx/build/cli.js')
  const [program, words] = inside([process.execPath, '--import=#typescript', zx, `scripts/${name}.ts`, ...args])
  const child = spawn(program, words, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (data) => {
      said[stream] += data
    })
  }
  onStart?.(() => said.stderr)
  return new Promise((done) =>
    child.on('close', (code) => done({ code, ...said, seconds: (performance.now() - begun) / 1000 })),
  )
}

const healthcheck = (...args: string[]) => script('healthcheck', args)
const deploy = (...args: string[]) => script('deploy', args)
const frozen = async <T>(work: () => Promise<T>): Promise<T> => {
  process.kill(engine?.pid ?? 0, 'SIGSTOP')
  return work().finally(() => process.kill(engine?.pid ?? 0, 'SIGCONT'))
}

/** One line a container: id, start, restarts. */
function fingerprint(): string {
  const ids = docker('ps', '-aq').stdout.split('\n').filter(Boolean).sort()
  return docker('inspect', '--format', '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}', ...ids).stdout
}

const healthy = (tenant: string) =>
  docker('ps', '-q', '--filter', `label=erp.tenant=${tenant}`, '--filter', 'health=healthy').stdout.split('\n').length -
  1

/** True once some process of ours has this text in its arguments. */
function isRunning(text: string): boolean {
  return readdirSync('/proc').some((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text)
    } catch {
      return false // it ended meanwhile
    }
  })
}

/**
 * Run scripts side by side, each of which must refuse as rows 13 and 100 say: 3, in these words, with a remedy and
 * without a stack, in ten seconds. What starting node costs on a busy machine is measured beside them.
 */
async function mustRefuse(...scripts: [name: string, ...args: string[]][]): Promise<Ran[]> {
  const runs = scripts.map(([name, ...args]) => script(name, args))
  const [help, ...rans] = await Promise.all([script('deploy', ['--help']), ...runs])
  for (const ran of rans) assertRefused(ran, 9 + help.seconds)
  return rans
}

function assertRefused({ code, stdout, stderr, seconds }: Ran, limit: number): void {
  const said = stdout + stderr
  assert.equal(code, 3, said)
  assert.match(said, /the Docker engine does not answer/)
  assert.match(said, /systemctl (re)?start docker/)
  assert.ok(!/\n\s+at /.test(stderr), 'a stack')
  assert.ok(seconds < limit, `${seconds} s, limit ${limit} s`)
}

before(async () => {
  mkdirSync(home, { mode: 0o700 })
  const images = await buildImages(() => {})
  Object.assign(env, images)
  await boot()
  const carry = spawnSync(
    'bash',
    ['-ec', 'set -o pipefail; env -u DOCKER_HOST docker save "$@" | docker load', 'bash', ...Object.values(images)],
    { env, encoding: 'utf8' },
  )
  assert.equal(carry.status, 0, carry.stderr)
  for (const [name, args] of [
    ['generate-secrets', []],
    ['deploy', ['dickson']],
  ] as const) {
    const { code, stderr } = await script(name, [...args])
    assert.equal(code, 0, stderr)
  }
  // not before: a ledger of backups whose password is gone is refused
  plantLedger(home, 'dickson')
  plantLedger(home, 'byrne', { backups: false }) // it is deployed later
})

beforeEach(async () => {
  if (!engine) await boot() // what a test that failed has left
})

after(async () => {
  await end('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  for (const hierarchy of readdirSync('/sys/fs/cgroup')) removeCgroup(join('/sys/fs/cgroup', hierarchy, cgroup))
  removeCgroup(join('/sys/fs/cgroup', cgroup))
})

/** A cgroup is removed from its leaves up; its files go with it. */
function removeCgroup(path: string): void {
  if (!existsSync(path)) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name))
  }
  rmdirSync(path)
}

describe('an engine that hangs', () => {
  it('ends every script with 3 within ten seconds, and nothing was changed', async () => {
    const before = fingerprint()
    const journal = readFileSync(join(home, 'state/dickson/journal.jsonl'), 'utf8').split('\n').length
    const metrics = join(folder, 'erp.prom')
    const [health] = await frozen(async () => [
      ...(await mustRefuse(['healthcheck', '--json', '--metrics', metrics], ['deploy', 'dickson'])),
      ...(await mustRefuse(['tenant', 'dickson', 'stop'], ['tenant', 'dickson', 'status'])),
      ...(await mustRefuse(['backup', 'dickson'], ['restore', 'dickson', '--list'])),
    ])
    assert.equal(JSON.parse(health?.stdout ?? '').machine[0].state, 'fail')
    assert.match(readFileSync(metrics, 'utf8'), /^erp_check_state\{part="engine",check="answers"\} 2$/m)
    assert.equal(fingerprint(), before)
    const entries = readFileSync(join(home, 'state/dickson/journal.jsonl'), 'utf8').split('\n')
    assert.ok(
      entries.slice(journal - 1).every((line) => line === '' || JSON.parse(line).code === 3),
      'the journal',
    )
  })

  it('while it is being asked about a tenant: 3 as well, and not the tenant is blamed', async () => {
    const help = await script('healthcheck', ['--help']) // what starting node costs on a busy machine
    const running = healthcheck('dickson', '--json')
    await eventually(30, 'the checks of the tenant have begun', () => isRunning(`${PREFIX}securenexus-erp`))
    assertRefused(await frozen(() => running), 19 + help.seconds)
  })

  it('and answers again: all is well without a hand', async () => {
    await mustBeWell(() => healthcheck('dickson'))
  })
})

describe('an engine that is stopped', () => {
  it('ends every script with 3, and once it is started the services are back by themselves', async () => {
    await end('SIGTERM')
    await mustRefuse(['healthcheck', 'dickson'], ['deploy', 'dickson'], ['tenant', 'dickson', 'restart'])

    await boot()
    await eventually(120, 'all services are healthy', () => healthy('dickson') === SERVICES)
    await mustBeWell(() => healthcheck('dickson'))
  })
})

describe('a machine that loses its power', () => {
  it('in the middle of a deploy: that ends, the services return, and the next deploy needs no hand', async () => {
    docker('rm', '--force', container('dickson-backend'))
    const interrupted = deploy('dickson')
    await eventually(120, 'the backend starts', () => docker('ps', '-q', '-f', 'name=dickson-backend').stdout !== '')
    await end('SIGKILL')
    const ended = performance.now()
    const { code, stderr } = await interrupted
    assert.ok(code === 1 || code === 3 || code === 4, `${code}: ${stderr}`)
    assert.ok(!/\n\s+at /.test(stderr), stderr)
    assert.ok(performance.now() - ended < 60_000, 'it does not wait for an engine that is gone')

    await boot()
    const apart = ['backend', 'frontend'] // a container that was being made may not have been written down
    await eventually(90, 'the services return', () => healthy('dickson') >= SERVICES - apart.length)
    const deployed = await deploy('dickson')
    assert.equal(deployed.code, 0, deployed.stderr)
    await mustBeWell(() => healthcheck('dickson'))
  })

  /** Pull the plug once a script has said this; it fails. The services of before return with the power. */
  async function pullAt(said: RegExp, name: string, ...args: string[]): Promise<void> {
    let words = () => ''
    const interrupted = script(name, args, (saying) => {
      words = saying
    })
    await eventually(120, `${name} has come to ${said}`, () => said.test(words()))
    await end('SIGKILL')
    const { code, stderr } = await interrupted
    assert.ok(code === 1 || code === 3 || code === 4, `${code}: ${stderr}`)
    assert.ok(!/\n\s+at /.test(stderr), stderr)
    await boot()
  }

  it('in the middle of a backup: what was stored is no verified one, and the next needs no hand', async () => {
    rmSync(join(home, 'state/dickson/ledger.json')) // the planted one knows another repository
    rmSync(join(home, 'backups/dickson'), { recursive: true, force: true }) // and so does its place
    const { code, stderr } = await script('backup', ['dickson', '--init'])
    assert.equal(code, 0, stderr)
    await pullAt(/✔ Store one snapshot/, 'backup', 'dickson')
    await eventually(90, 'the services return', () => healthy('dickson') === SERVICES)
    const listed = () => script('restore', ['dickson', '--list'])
    assert.match((await listed()).stdout, /not verified\n.* verified\n$/)
    const again = await script('backup', ['dickson'])
    assert.equal(again.code, 0, again.stderr)
    assert.match((await listed()).stdout, / verified\n.*not verified\n.* verified\n$/)
  })

  it('in the middle of a restore’s exchange: the next run finishes it', async () => {
    await pullAt(/✔ Exchange the data/, 'restore', 'dickson', '--confirm=dickson', '--without-backup')
    const other = await deploy('dickson')
    assert.equal(other.code, 3, other.stderr)
    assert.match(other.stderr, /restore\.ts dickson/)
    const { code, stderr } = await script('restore', ['dickson'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /finishing the restore of/)
    plantLedger(home, 'dickson')
    await mustBeWell(() => healthcheck('dickson'))
  })

  it('while a site is being made: the next deploy makes it, and no one-off container is left', async () => {
    const interrupted = deploy('byrne')
    const making = () => docker('ps', '-q', '--filter', 'label=com.docker.compose.oneoff=True').stdout !== ''
    await eventually(60, 'the site is being made', making)
    await end('SIGKILL')
    assert.notEqual((await interrupted).code, 0)

    await boot()
    const { code, stderr } = await deploy('byrne')
    assert.equal(code, 0, stderr)
    assert.equal(docker('ps', '-aq', '--filter', 'label=com.docker.compose.oneoff=True').stdout, '')
    plantLedger(home, 'byrne')
    await mustBeWell(() => healthcheck())
  })
})
