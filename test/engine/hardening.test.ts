/** The gate before a real compose, and the walls between two real tenants: each fault is made, found, and taken back. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Rendered, RenderedService } from '../../lib/gate/rendered.ts'
import type { Finding } from '../../lib/health/check.ts'
import type { HealthReport } from '../../lib/health/report.ts'
import { renderCompose } from '../rendered.ts'
import { plantLedger } from '../scripts/harness.ts'
import { docker, useStack } from './harness.ts'

const stack = useStack('hardening', ['core', 'dickson', 'byrne'])
const folder = mkdtempSync(join(tmpdir(), 'erp-hardening-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('the gate', () => {
  it('reads in its other tests what compose really renders', () => {
    const root = resolve(import.meta.dirname, '../..')
    const args = ['compose', '--profile', '*', 'config', '--format', 'json']
    const { stdout, stderr } = spawnSync('docker', args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...stack.env, COMPOSE_FILE: 'compose.yml' },
    })
    assert.match(stdout, /^\{/, stderr)
    const real = JSON.parse(stdout) as Rendered
    const ours = renderCompose(stack.env)
    assert.deepEqual(Object.keys(ours.services).sort(), Object.keys(real.services).sort())
    for (const [name, service] of Object.entries(real.services))
      assert.deepEqual(judged(ours.services[name] as RenderedService), judged(service), name)
    const plain = ({ networks = {}, volumes = {}, secrets = {} }: Rendered) => ({
      networks: Object.entries(networks)
        .map(([key, { name }]) => [key, name])
        .sort(),
      volumes: Object.entries(volumes)
        .map(([key, { name }]) => [key, name])
        .sort(),
      secrets: Object.entries(secrets)
        .map(([key, { file }]) => [key, file])
        .sort(),
    })
    assert.deepEqual(plain(ours), plain(real))
  })

  it('lets deploy refuse an edited compose.yml with 3, naming service and rule, and leaves what runs untouched', async () => {
    const before = ['dickson', 'byrne'].map(stack.fingerprint)
    const edited = join(folder, 'edited.yml')
    const db = { privileged: true, ports: ['3306:3306'], volumes: ['/var/run/docker.sock:/var/run/docker.sock'] }
    writeFileSync(edited, JSON.stringify({ services: { 'dickson-db': db } }))
    const env = { COMPOSE_FILE: `compose.yml:${edited}` }
    const { code, stderr } = await stack.script('deploy', ['dickson'], { env })
    assert.equal(code, 3, stderr)
    const rules = ['is privileged', 'publishes the port 3306:3306/tcp', 'mounts the Docker socket']
    for (const rule of rules) assert.ok(stderr.includes(`dickson-db: ${rule}`), stderr)
    assert.deepEqual(['dickson', 'byrne'].map(stack.fingerprint), before)
    const byrne = await stack.script('deploy', ['byrne', '--dry-run'], { env })
    assert.equal(byrne.code, 0, byrne.stderr)
  })
})

/** What the gate judges of a service, in one order. */
function judged(service: RenderedService) {
  const { image, profiles, labels, restart, cap_add, cap_drop, security_opt, network_mode, logging, environment } =
    service
  const { mem_limit, cpus, pids_limit, healthcheck, ports = [], volumes = [], networks, secrets = [] } = service
  return {
    ...{ image, profiles, labels, restart, cap_add, cap_drop, security_opt, network_mode, logging },
    ...{ mem_limit, cpus, pids_limit, test: healthcheck?.test, environment: filled(environment) },
    ports: ports.map(({ host_ip, target, published, protocol }) => [host_ip, target, published, protocol]),
    volumes: volumes.map(({ type, source, target, read_only = false }) => [type, source, target, read_only]),
    networks: Object.keys(networks ?? {}).sort(),
    secrets: secrets.map(({ source }) => source),
  }
}

/** Compose renders an empty value as none. */
const filled = (environment: RenderedService['environment'] = {}) =>
  Object.fromEntries(Object.entries(environment ?? {}).map(([name, value]) => [name, value ?? '']))

/** `healthcheck --isolation --json` and its findings of isolation by tenant. */
async function look(...args: string[]) {
  const begun = performance.now()
  const { code, stdout, stderr } = await stack.script('healthcheck', [...args, '--isolation', '--json'])
  const seconds = (performance.now() - begun) / 1000
  assert.match(stdout, /^\{/, stderr)
  const report = JSON.parse(stdout) as HealthReport
  const findings = (tenant: string): Finding[] =>
    report.tenants.find((one) => one.tenant === tenant)?.findings.filter(({ part }) => part === 'isolation') ?? []
  const all = report.tenants.flatMap(({ tenant }) => findings(tenant))
  const told = (check: string, state: string) => all.filter((one) => one.check === check && one.state === state)
  return { code, seconds, report, findings, all, told, text: JSON.stringify(all, null, 1) }
}

const network = (name: string) => `${stack.prefix}${name}`
const addressIn = (container: string, name: string) =>
  docker(
    'inspect',
    '--format',
    `{{(index .NetworkSettings.Networks "${network(name)}").IPAddress}}`,
    stack.container(container),
  )
const bridgeOf = (name: string) =>
  `br-${docker('network', 'inspect', '--format', '{{.Id}}', network(name)).slice(0, 12)}`
const probesLeft = () => docker('ps', '-aq', '--filter', `label=erp.probe=${stack.prefix}securenexus-erp`)

describe('the walls between two tenants', () => {
  before(() => {
    for (const name of ['dickson', 'byrne']) plantLedger(stack.home, name)
  })

  it('hold: every container was probed, every probe reached its own, no door of the other is open', async () => {
    const file = join(folder, 'erp.prom')
    const { seconds, all, told, report, text } = await look('--metrics', file)
    assert.deepEqual(
      all.filter(({ state }) => state === 'fail'),
      [],
      text,
    )
    assert.deepEqual(
      told('probes', 'ok').map(({ value, is }) => [value?.value, is]),
      [8, 8, 2].map((count) => [count, `${count} ran, each reaches its own`]), // core's are Traefik and the authority
    )
    for (const { is } of told('doors', 'ok')) assert.match(is, /^\d{2,} of others tried, all shut$/)
    assert.equal(told('doors', 'ok').length, 3)
    assert.equal(told('networks', 'ok').length, 3)
    assert.ok(seconds < 60, `${seconds} s`)
    const red = report.tenants.flatMap(({ findings }) => findings).filter(({ state }) => state === 'fail')
    assert.deepEqual(
      red.filter(({ check }) => check !== 'ping'), // which takes longer than its second on a busy machine now and then
      [],
    )
    assert.equal(probesLeft(), '')
    const metrics = readFileSync(file, 'utf8')
    for (const line of [
      'erp_check_state{tenant="byrne",part="isolation",check="doors"} 0',
      'erp_isolation_probes{tenant="dickson"} 8',
      'erp_isolation_open_doors{tenant="byrne"} 0',
    ])
      assert.ok(metrics.includes(`${line}\n`), metrics)
    console.error(`isolation of two tenants and core: ${seconds.toFixed(1)} s`)
  })

  it('are looked at on every port that a container really listens on', () => {
    const ports: Record<string, number> = {
      db: 3306,
      'redis-cache': 6379,
      'redis-queue': 6379,
      backend: 8000,
      socketio: 9000,
      frontend: 8080,
    }
    for (const [part, port] of Object.entries(ports))
      assert.deepEqual(listening(stack.container(`dickson-${part}`)), [port], part)
    for (const container of [`${stack.prefix}securenexus-erp-dickson-worker-1`, stack.container('dickson-scheduler')])
      assert.deepEqual(listening(container), [], container)
  })

  it('fall where a container joins the network of another tenant: its doors are found open, and the remedy mends it', async () => {
    docker('network', 'connect', network('dickson-internal'), stack.container('erpnext-scheduler'))
    try {
      const { code, findings, told, text } = await look()
      assert.equal(code, 1)
      const [open] = findings('byrne').filter(({ check, state }) => check === 'doors' && state === 'fail')
      assert.match(open?.is ?? '', new RegExp(`^${stack.container('erpnext-scheduler')} reaches `), text)
      const address = `${stack.container('dickson-db')} (dickson) at ${addressIn('dickson-db', 'dickson-internal')}:3306`
      for (const door of [address, 'at dickson-db:3306', 'dickson-redis-queue'])
        assert.ok(open?.is.includes(door), open?.is)
      assert.ok((open?.value?.value ?? 0) > 5)
      const remedy = `docker network disconnect ${network('dickson-internal')} ${stack.container('erpnext-scheduler')}`
      assert.deepEqual(
        told('networks', 'fail').map((one) => one.remedy),
        [remedy, remedy],
        text,
      )
      docker(...remedy.split(' ').slice(1))
      const after = await look('byrne')
      assert.deepEqual(
        after.all.filter(({ state }) => state === 'fail'),
        [],
        after.text,
      )
    } finally {
      docker('network', 'disconnect', network('dickson-internal'), stack.container('erpnext-scheduler'))
    }
  })

  it('fall where the machine routes between two bridges: no network is shared, and an address answers all the same', async () => {
    const bridges = ['byrne-egress', 'dickson-egress'].map(bridgeOf)
    const pairs = [bridges, bridges.toReversed()]
    const rules = pairs.flatMap(([from = '', to = '']) => [
      ['-t', 'filter', 'DOCKER-USER', '-i', from, '-o', to, '-j', 'ACCEPT'],
      ['-t', 'raw', 'PREROUTING', '-i', from, '-j', 'ACCEPT'], // newer engines drop there as well
    ])
    const iptables = (verb: string) => {
      for (const [flag = '', table = '', ...rule] of rules) {
        const { status, stderr } = spawnSync('iptables', [flag, table, verb, ...rule], { encoding: 'utf8' })
        assert.equal(status, 0, stderr)
      }
    }
    iptables('-I')
    try {
      const { code, findings, text } = await look('byrne')
      assert.equal(code, 1)
      const open = findings('byrne').filter(({ check, state }) => check === 'doors' && state === 'fail')
      const address = addressIn('dickson-backend', 'dickson-egress')
      assert.ok(open.length >= 3 && open.every(({ is }) => is.includes(`at ${address}:8000`)), text)
      assert.equal(findings('byrne').find(({ check }) => check === 'networks')?.state, 'ok')
    } finally {
      iptables('-D')
    }
  })

  it('have a crack where the machine itself listens: a warning that names the port, and no failure', async () => {
    const [gateway] = networkInterfaces()[bridgeOf('dickson-internal')] ?? []
    const server = await listen(gateway?.address ?? '')
    const { port } = server.address() as { port: number }
    try {
      const { findings, told, text } = await look('dickson')
      const crack = findings('dickson').find(({ check }) => check === 'machine')
      assert.equal(crack?.state, 'warn', text)
      assert.match(
        crack?.is ?? '',
        new RegExp(`port (\\d+, )*${port}\\b.* of this machine answers inside, through .*${gateway?.address}`),
      )
      assert.equal(told('doors', 'fail').length, 0, text)
    } finally {
      server.close()
    }
    const after = await look('dickson')
    assert.ok(!after.text.includes(String(port)), after.text)
  })

  it('are not believed to hold where a probe cannot prove that it works', async () => {
    docker('network', 'disconnect', network('dickson-internal'), stack.container('dickson-scheduler'))
    try {
      docker('network', 'disconnect', network('dickson-egress'), stack.container('dickson-scheduler'))
      const { code, findings } = await look('dickson')
      assert.equal(code, 1)
      const [blind] = findings('dickson').filter(({ check, state }) => check === 'probes' && state === 'fail')
      assert.match(
        blind?.is ?? '',
        /dickson-scheduler reaches none of its own services: what it finds shut proves nothing/,
      )
    } finally {
      for (const kind of ['internal', 'egress'])
        docker('network', 'connect', network(`dickson-${kind}`), stack.container('dickson-scheduler'))
    }
  })
})

/** The TCP ports on which a container listens at an address that others see. */
function listening(container: string): number[] {
  const lines = docker('exec', container, 'sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6').split('\n')
  const found = lines.flatMap((line) => {
    const [, address = '', port = ''] = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /.exec(line) ?? []
    return port === '' || address.endsWith('7F') ? [] : [Number.parseInt(port, 16)]
  })
  return [...new Set(found)].sort((a, b) => a - b)
}

function listen(address: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((done, fail) => server.once('error', fail).listen(0, address, () => done(server)))
}
