/** tenant.ts on the real engine, and the docker commands by hand that docs/managing.md promises. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { get } from '../../lib/http.ts'
import { plantLedger } from '../scripts/harness.ts'
import { docker, eventually, mustBeWell, type TestStack, useStack } from './harness.ts'

const root = resolve(import.meta.dirname, '../..')
const stack: TestStack = useStack('tenant', ['dickson', 'byrne'])
const tenant = (...args: string[]) => stack.script('tenant', args)
const BENCH = '/home/frappe/frappe-bench'

/** It must succeed; what it printed is returned. */
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tenant(...args)
  assert.equal(code, 0, stderr)
  return stdout
}

/** Ask the frontend of dickson, as a browser on this host would. */
function browse(path: string) {
  const network = `{{(index .NetworkSettings.Networks "${stack.prefix}dickson-edge").IPAddress}}`
  const address = docker('inspect', '--format', network, stack.container('dickson-frontend'))
  return get(`http://${address}:8080${path}`, { timeout: 10 })
}

/** The HTTP status of one request; 0 where nothing answers. */
const statusOf = async (path: string) => (await browse(path)).status
const ping = () => statusOf('/api/method/ping')
const handshake = () => statusOf('/socket.io/?EIO=4&transport=polling')

/** Jobs that compose runs again before what depends on them. */
const oneShots = /-(volumes|configurator) /
const lasting = (fingerprint: string) => fingerprint.split('\n').filter((line) => !oneShots.test(line))

/** The long-running containers of a fingerprint that were started or made anew. */
function changed(before: string, after: string): string[] {
  const known = new Set(before.split('\n'))
  const lines = after.split('\n').filter((line) => !known.has(line) && !oneShots.test(line))
  return lines.map((line) => (line.split(' ')[0] ?? '').slice(stack.prefix.length + 1)).sort()
}

const ids = (fingerprint: string) => fingerprint.split('\n').map((line) => line.split(' ')[1])
const states = (prefix: string) =>
  docker('ps', '-a', '--filter', `name=${stack.prefix}.*${prefix}-`, '--format', '{{.Names}} {{.State}}').split('\n')
const journal = (name: string) =>
  readFileSync(join(stack.home, 'state', name, 'journal.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { verb: string; code: number })

describe('tenant.ts tells', () => {
  it('status: every container with its state and health', async () => {
    const text = await done('dickson', 'status')
    for (const part of ['db', 'redis-cache', 'redis-queue', 'backend', 'frontend', 'socketio', 'scheduler'])
      assert.match(text, new RegExp(`^${stack.prefix}dickson-${part} +running +healthy +2`, 'm'))
    assert.match(text, /dickson-configurator +exited 0/)
    assert.ok(!text.includes('erpnext'))
    const { rows } = JSON.parse(await done('--all', 'status', '--json')) as { rows: Record<string, string>[] }
    assert.equal(rows.length, 20)
    assert.deepEqual(Object.keys(rows[0] ?? {}).sort(), ['container', 'health', 'service', 'since', 'state'])
  })

  it('logs: of one part nothing but its own lines, and as many as were asked for', async () => {
    const lines = (await done('dickson', 'logs', 'frontend', '--tail', '2')).trimEnd().split('\n')
    assert.ok(lines.length >= 1 && lines.length <= 2, lines.join('\n'))
    for (const line of lines) assert.match(line, /dickson-frontend +\|/)
    const all = await done('dickson', 'logs', '--tail', '5')
    assert.doesNotMatch(all, /\p{Cc}(?<![\n\t])/u)
    for (const part of ['db', 'worker', 'backend']) assert.match(all, new RegExp(`dickson-${part}\\S* +\\|`))
    assert.ok(!all.includes('erpnext-'))
  })

  it('bench: what the command prints, and its failure as ours', async () => {
    assert.match(await done('dickson', 'bench', '--', 'list-apps'), /^frappe[\s\S]*^erpnext/m)
    const { code, stderr } = await tenant('dickson', 'bench', '--', 'no-such-command')
    assert.equal(code, 1)
    assert.match(stderr, /No such command[\s\S]*tenant: dickson: bench ended with \d+/)
  })

  it('db: reads without a password and cannot write', async () => {
    assert.match(await done('dickson', 'db', '--', '-Ne', 'show databases'), /^_[0-9a-f]+$/m)
    const { code, stderr } = await tenant('dickson', 'db', '--', '-e', 'create database mine')
    assert.equal(code, 1)
    assert.match(stderr, /denied/)
  })
})

describe('tenant.ts changes one tenant and nothing of the other', () => {
  it('stop: its containers end, the other answers on', async () => {
    const before = stack.fingerprint('dickson')
    await done('byrne', 'stop')
    assert.equal(stack.fingerprint('dickson'), before)
    assert.ok(
      states('erpnext').every((line) => line.endsWith(' exited')),
      states('erpnext').join('\n'),
    )
    assert.equal(await ping(), 200)
    assert.deepEqual([journal('byrne').at(-1)?.verb, journal('byrne').at(-1)?.code], ['tenant stop', 0])
  })

  it('stopped, it is refused what needs it, with the way to start it', async () => {
    for (const args of [['bench', '--', 'list-apps'], ['db', '--', '-e', 'select 1'], ['clear-cache']]) {
      const { code, stderr } = await tenant('byrne', ...args)
      assert.equal(code, 3, `${args[0]}: ${code} ${stderr}`)
      assert.match(stderr, /erpnext-\S+ is exited/)
      assert.match(stderr, /npx zx scripts\/tenant\.ts byrne start/)
    }
  })

  it('start: the very same containers, healthy', async () => {
    const before = { byrne: stack.fingerprint('byrne'), dickson: stack.fingerprint('dickson') }
    const { stderr } = await stack.script('tenant', ['byrne', 'start'])
    assert.doesNotMatch(stderr, /as last deployed/)
    assert.deepEqual(ids(stack.fingerprint('byrne')), ids(before.byrne))
    assert.equal(stack.fingerprint('dickson'), before.dickson)
    plantLedger(stack.home, 'byrne')
    await mustBeWell(() => stack.script('healthcheck', ['byrne']))
  })

  it('start: what is configured otherwise since is told, and left to a deploy', async () => {
    const before = stack.fingerprint('byrne')
    const { code, stderr } = await stack.script('tenant', ['byrne', 'start'], { env: { REDIS_MEMORY: '400m' } })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /erpnext-redis-cache, erpnext-redis-queue: as last deployed, .*deploy\.ts byrne/)
    assert.deepEqual(ids(stack.fingerprint('byrne')), ids(before))
  })

  it('start: networks that went while it was stopped are told, and a deploy makes its containers anew', async () => {
    const before = stack.fingerprint('dickson')
    await done('byrne', 'stop')
    const networks = docker('network', 'ls', '--format', '{{.Name}}', '--filter', `name=${stack.prefix}byrne-`)
    docker('network', 'rm', ...networks.split('\n'))
    const { code, stderr } = await tenant('byrne', 'start')
    assert.equal(code, 1, stderr)
    assert.match(stderr, /its networks were removed while it was stopped[\s\S]*deploy\.ts byrne/)
    const deployed = await stack.script('deploy', ['byrne'])
    assert.equal(deployed.code, 0, deployed.stderr)
    assert.equal(stack.fingerprint('dickson'), before)
    await mustBeWell(() => stack.script('healthcheck', ['byrne']))
  })

  it('restart: all of it', async () => {
    const before = { byrne: stack.fingerprint('byrne'), dickson: stack.fingerprint('dickson') }
    await done('byrne', 'restart')
    assert.deepEqual(ids(stack.fingerprint('byrne')), ids(before.byrne))
    assert.ok(changed(before.byrne, stack.fingerprint('byrne')).length >= 8)
    assert.equal(stack.fingerprint('dickson'), before.dickson)
  })

  it('restart of the backend: nothing else is restarted, and the first ping after it is answered', async () => {
    const before = stack.fingerprint('dickson')
    await done('dickson', 'restart', 'backend')
    assert.equal(await ping(), 200)
    assert.deepEqual(changed(before, stack.fingerprint('dickson')), ['dickson-backend'])
  })

  it('restart of several parts at once: the site and its socket.io are found again', async () => {
    await done('dickson', 'restart', 'backend', 'socketio', 'redis-cache', 'redis-queue')
    assert.equal(await ping(), 200)
    assert.equal(await handshake(), 200)
    plantLedger(stack.home, 'dickson')
    await mustBeWell(() => stack.script('healthcheck', ['dickson'])) // the worker found its queue again
  })

  it('scale: three workers, which a deploy keeps, and one again', async () => {
    const before = stack.fingerprint('dickson')
    await done('dickson', 'scale', '3')
    const scaled = stack.fingerprint('dickson')
    assert.deepEqual(changed(before, scaled), ['securenexus-erp-dickson-worker-2', 'securenexus-erp-dickson-worker-3'])

    const { code, stdout, stderr } = await stack.script('deploy', ['dickson'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /nothing had to be done/)
    assert.equal(stack.fingerprint('dickson'), scaled)

    await done('dickson', 'scale', '1')
    assert.deepEqual(lasting(stack.fingerprint('dickson')), lasting(before))
  })

  it('makes nothing new beside what is of before: a worker of the next release, or what was removed', async () => {
    const env = { APP_MEMORY: '1100m' }
    const refused = async (...args: string[]) => {
      const before = stack.fingerprint('dickson')
      const { code, stderr } = await stack.script('tenant', ['dickson', ...args], { env })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /dickson-worker.*: as last deployed, .*nothing was changed\n.*deploy\.ts dickson/)
      assert.equal(stack.fingerprint('dickson'), before)
    }
    await refused('scale', '2')
    docker('rm', '--force', stack.container('dickson-scheduler'))
    for (const verb of ['start', 'restart']) await refused(verb)
    await done('dickson', 'start')
    assert.equal(docker('inspect', '-f', '{{.State.Status}}', stack.container('dickson-scheduler')), 'running')
  })

  it('scale: a deploy that has something to do keeps three as well', async () => {
    await done('dickson', 'scale', '3')
    docker('rm', '--force', stack.container('dickson-scheduler'))
    const workers = () => states('dickson-worker').length
    const { code, stderr } = await stack.script('deploy', ['dickson'])
    assert.equal(code, 0, stderr)
    assert.equal(workers(), 3)
    await done('dickson', 'scale', '1')
    assert.equal(workers(), 1)
  })

  it('clear-cache: pages that lost their style to an older image have it again', async () => {
    const stale = [
      'import json, re, redis',
      `cache = redis.Redis.from_url(json.load(open('${BENCH}/sites/common_site_config.json'))['redis_cache'])`,
      "cache.set('assets_json', re.sub(rb'bundle[.](\\w{8})[.]', b'bundle.OLDIMAGE.', cache.get('assets_json')))",
    ].join('\n')
    assert.equal(await styleOf('/login'), 200)
    docker('exec', stack.container('dickson-backend'), `${BENCH}/env/bin/python`, '-c', stale)
    assert.equal(await styleOf('/login'), 404)
    await done('dickson', 'clear-cache')
    assert.equal(await styleOf('/login'), 200)
  })
})

/** The HTTP status of the first style sheet that a page names. */
async function styleOf(page: string): Promise<number> {
  const { body } = await browse(page)
  const [, path = ''] = /href="(\/assets\/[^"]+\.css)"/.exec(body) ?? []
  assert.notEqual(path, '', body.slice(0, 300))
  return statusOf(path)
}

/** A command of docs/managing.md as it stands there, with this stack's environment; returns its output. */
function byHand(command: string): string {
  assert.ok(readFileSync(join(root, 'docs/managing.md'), 'utf8').includes(command), `docs/managing.md has: ${command}`)
  const here = command
    .replace(/^docker compose exec /, 'docker compose exec -T ')
    .replace(/^docker exec dickson-/, `docker exec ${stack.prefix}dickson-`)
    .replace(/^(docker compose logs) -f /, '$1 ')
  const { status, stdout, stderr } = spawnSync('bash', ['-c', here], {
    cwd: root,
    env: { ...process.env, ...stack.env },
    encoding: 'utf8',
  })
  assert.equal(status, 0, `${command}: ${stderr}`)
  return stdout
}

describe('by hand', () => {
  it('the commands of docs/managing.md work as they stand there', () => {
    const ps = byHand('docker compose ps')
    assert.match(ps, /dickson-backend/)
    assert.match(ps, /erpnext-backend/)
    assert.match(byHand('docker compose logs -f dickson-backend'), /dickson-backend +\|/)
    assert.equal(byHand('docker compose exec dickson-db mariadb'), '')
    assert.match(
      byHand(
        "docker compose exec dickson-backend curl -s -H 'X-Frappe-Site-Name: erp.dickson-supplies.com' http://localhost:8000/api/method/ping",
      ),
      /pong/,
    )
    byHand('docker exec dickson-backend bench --site erp.dickson-supplies.com clear-cache')
    const before = stack.fingerprint('byrne')
    byHand('docker compose --profile dickson up -d')
    assert.equal(stack.fingerprint('byrne'), before)
  })

  it('a restart of backend and socketio that moves them is found by the frontend itself', async () => {
    const [backend, socketio] = [stack.container('dickson-backend'), stack.container('dickson-socketio')]
    const network = `{{(index .NetworkSettings.Networks "${stack.prefix}dickson-internal").IPAddress}}`
    const addressOf = (name: string) => docker('inspect', '--format', network, name)
    const before = addressOf(backend)
    docker('stop', backend, socketio)
    const squatters = occupy(`${stack.prefix}dickson-internal`, before, addressOf)
    docker('start', backend, socketio)
    docker('rm', '--force', ...squatters)
    assert.notEqual(addressOf(backend), before)
    await eventually(60, 'the backend is well', () => health(backend) === 'healthy')
    const answers = async () => (await Promise.all([ping(), handshake()])).every((status) => status === 200)
    await eventually(90, 'site and socket.io answer through its frontend', answers)
  })

  it('tenant.ts --all stop ends everything, and `docker compose up` starts what a deploy has made', async () => {
    const before = ids(stack.fingerprint('dickson'))
    await done('--all', 'stop')
    assert.deepEqual(
      states('').filter((line) => !line.endsWith(' exited')),
      [],
    )
    byHand('docker compose --profile dickson up -d')
    await eventually(90, 'the site answers', async () => (await ping()) === 200)
    assert.deepEqual(ids(stack.fingerprint('dickson')), before)
  })
})

const health = (name: string) => docker('inspect', '--format', '{{.State.Health.Status}}', name)

/** Start containers on a network until one of them has taken an address; returns their ids. */
function occupy(network: string, address: string, addressOf: (id: string) => string): string[] {
  const ids: string[] = []
  while (ids.length < 20) {
    const sleep = ['--entrypoint', 'sleep', stack.env.REDIS_IMAGE ?? '', '60']
    ids.push(docker('run', '--detach', '--rm', '--network', network, ...sleep))
    if (addressOf(ids.at(-1) ?? '') === address) break
  }
  return ids
}
