/** The edge with both tenants: four hosts, who is believed, and one tenant's mistake that is nobody else's outage. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser } from 'playwright-core'
import { get } from '../../lib/http.ts'
import tenants from '../../tenants.ts'
import { withInjector } from '../faults/injector.ts'
import { start, ZX } from '../scripts/harness.ts'
import { listen, openBrowser, signIn } from './browser.ts'
import { docker, dockerAsk, eventually, logsOf, useStack } from './harness.ts'
import { ask, certificateOf, httpsPort, makeClient } from './visitor.ts'

const stack = useStack('edge', ['core', 'byrne', 'dickson'])
const HOSTS = Object.values(tenants).flatMap(({ site, posHost }) => [site, posHost])
const { site: ERP, posHost: POS } = tenants.dickson
const traefik = stack.container('core-traefik')
const published = (name: string) => join(stack.home, `state/core/edge/${name}.yml`)

/** As an editor saves it, beside every check of ours. */
function putByHand(name: string, text: string): void {
  writeFileSync(`${published(name)}.new`, text)
  renameSync(`${published(name)}.new`, published(name))
}

/** Deploy where these tenants' sources have a fault, for that process alone: other tests deploy from this very tree. */
async function deployWith(bad: string[], name: string) {
  const folder = mkdtempSync(join(tmpdir(), 'erp-sources-'))
  const mounts = bad.map((one) => {
    const source = resolve(import.meta.dirname, `../../core/traefik/dynamic/${one}.yml`)
    const spoilt = readFileSync(source, 'utf8').replace('priority: 100', 'priority: 100\n      bogus: 1')
    writeFileSync(join(folder, one), spoilt)
    return `mount --bind '${join(folder, one)}' '${source}'`
  })
  const apart = ['unshare', '--mount', 'sh', '-c', `${mounts.join(' && ')} && exec "$@"`, 'sh']
  const command = [...apart, ...ZX, 'scripts/deploy.ts']
  const ran = await start('deploy', [name], { env: stack.env, timeout: 120, command }).done
  rmSync(folder, { recursive: true })
  return ran
}

async function pings(host: string): Promise<boolean> {
  const { status, body } = await ask(stack, host, '/api/method/ping').catch(() => ({ status: 0, body: '' }))
  return status === 200 && body.includes('pong')
}

interface Finding {
  part: string
  check: string
  state: string
  is: string
  remedy?: string
}
/** What healthcheck says, by tenant. */
async function findings(tenant: string): Promise<Finding[]> {
  const { stdout } = await stack.script('healthcheck', ['--json'])
  const report = JSON.parse(stdout) as { tenants: { tenant: string; findings: Finding[] }[] }
  return report.tenants.find((row) => row.tenant === tenant)?.findings ?? []
}

/** What it says once this holds, or at last: on a busy machine a probe is late now and then. */
async function findingsOnce(tenant: string, holds: (all: Finding[]) => boolean): Promise<Finding[]> {
  let last: Finding[] = []
  const look = async () => {
    last = await findings(tenant)
    return holds(last)
  }
  await eventually(60, 'healthcheck says so', look).catch(() => {}) // told by who asks
  return last
}

describe('four hosts', () => {
  it('answer with a certificate that the authority issued: one for both hosts of a tenant', async () => {
    const serials = new Map<string, string>()
    for (const host of HOSTS) {
      assert.ok(await pings(host), host)
      const certificate = await certificateOf(stack, host)
      assert.ok(typeof certificate !== 'string')
      assert.match(certificate.issuer.CN as string, /^Pebble/)
      serials.set(host, certificate.serialNumber)
    }
    for (const { site, posHost } of Object.values(tenants)) assert.equal(serials.get(site), serials.get(posHost))
    assert.equal(new Set(serials.values()).size, 2)
  })

  it('give no handshake to a name that nobody has, and refuse the Host of another tenant and of nobody', async () => {
    assert.match(String(await certificateOf(stack, 'nope.example')), /UNRECOGNIZED_NAME/)
    for (const host of [tenants.byrne.site, tenants.byrne.posHost, 'nope.example']) {
      assert.equal((await ask(stack, ERP, '/', { headers: { Host: host } })).status, 421, host)
    }
  })

  it('send plain http to https, and POS to the point of sale, with and without a query', async () => {
    const port = docker('port', traefik, '80').split(':').at(-1)
    const plain = await get(`http://127.0.0.1:${port}/x?y=1`, { headers: { Host: ERP }, timeout: 5 })
    assert.deepEqual([plain.status, plain.headers.location], [301, `https://${ERP}/x?y=1`])
    for (const path of ['/', '/?a=1']) {
      const { status, headers } = await ask(stack, POS, path)
      assert.equal(status, 302)
      assert.match(String(headers.location), /^https:\/\/[^/]+\/desk\/point-of-sale$/)
    }
    assert.equal((await ask(stack, ERP, '/')).status, 200)
  })

  it('send each security header once, name no server, and every cookie is Secure', async () => {
    const { names, headers } = await ask(stack, ERP, '/login')
    const expected = ['strict-transport-security', 'x-frame-options', 'x-content-type-options', 'referrer-policy']
    for (const name of expected) assert.equal(names.filter((one) => one === name).length, 1, name)
    assert.equal(headers.server, undefined)
    const cookies = headers['set-cookie'] as string[]
    assert.ok(cookies.length > 0)
    for (const cookie of cookies) assert.match(cookie, /; Secure/)
  })

  it('take no TLS below 1.2', async () => {
    const old = dockerAsk(
      'run',
      '--rm',
      '--network',
      `${stack.prefix}edge-public`,
      '--entrypoint',
      'sh',
      stack.env.PEBBLE_IMAGE ?? '',
      '-c',
      `echo | openssl s_client -connect ${stack.env.REHEARSAL_SUBNET}.2:443 -servername ${ERP} -tls1_1 -cipher 'ALL@SECLEVEL=0' 2>&1; echo | openssl s_client -connect ${stack.env.REHEARSAL_SUBNET}.2:443 -servername ${ERP} -tls1_2 2>&1 | grep 'Protocol '`,
    )
    assert.match(old, /alert protocol version|no protocols available/)
    assert.match(old, /TLSv1\.2/)
  })

  it("are reached by a tenant's own backend and socketio, whose programs trust the private authority", () => {
    const python = `import requests; print(requests.get("https://${ERP}/api/method/ping", timeout=5).text)`
    const backend = docker(
      'exec',
      stack.container('dickson-backend'),
      '/home/frappe/frappe-bench/env/bin/python',
      '-c',
      python,
    )
    assert.match(backend, /pong/)
    const node = `fetch('https://${ERP}/api/method/ping').then(a => a.text()).then(console.log, console.error)`
    assert.match(docker('exec', stack.container('dickson-socketio'), 'node', '-e', node), /pong/)
  })

  it('are all well for healthcheck, with every check of them', async () => {
    for (const tenant of ['byrne', 'dickson']) {
      const isHost = ({ part }: Finding) => ['erp', 'pos'].includes(part)
      const all = await findingsOnce(tenant, (all) => all.filter(isHost).every(({ state }) => state === 'ok'))
      const own = all.filter(isHost)
      assert.deepEqual(
        own.filter(({ state }) => state !== 'ok'),
        [],
      )
      const checks = own.map(({ part, check }) => `${part} ${check}`).sort()
      const each = ['DNS', 'certificate', 'http', 'ping', 'realtime']
      const expected = ['erp', 'pos'].flatMap((part) => each.map((check) => `${part} ${check}`))
      assert.deepEqual(checks, [...expected, 'erp login page', 'pos root'].sort())
    }
    const core = await findingsOnce('core', (all) => all.every(({ state }) => state === 'ok'))
    assert.deepEqual(
      core.filter(({ state }) => state !== 'ok'),
      [],
    )
  })
})

describe('an event that the backend publishes for a user', () => {
  let browser: Browser
  before(async () => {
    browser = await openBrowser(stack)
  })
  after(() => browser?.close())

  for (const host of [ERP, POS]) {
    for (const transports of [['polling', 'websocket'], ['websocket']])
      it(`arrives in a browser on ${host} by ${transports.join(', then ')}`, async () => {
        const password = readFileSync(join(stack.home, 'secrets/dickson_admin_password.txt'), 'utf8')
        const page = await signIn(browser, host, 'Administrator', password)
        const event = await listen(page, ERP, 'erp_test', transports)
        publish(host)
        assert.deepEqual(await event(), { from: host })
        await page.context().close()
      })
  }

  /** A guest would not get it: it proves that the socket knows whose it is. */
  function publish(from: string): void {
    const code = `import frappe; frappe.init('${ERP}'); frappe.connect(); frappe.publish_realtime('erp_test', {'from': '${from}'}, user='Administrator')`
    const where = ['--workdir', '/home/frappe/frappe-bench/sites', stack.container('dickson-backend')]
    docker('exec', ...where, '/home/frappe/frappe-bench/env/bin/python', '-c', code)
  }
})

describe('a client address', () => {
  const bad = ['-d', 'usr=nobody@example.org', '-d', 'pwd=wrong']
  const clients = { first: makeLater('a'), second: makeLater('b') }
  after(() => {
    for (const client of Object.values(clients)) client.leave()
  })

  it('is limited at the login by Traefik, after a burst that Frappe would not lock it out for', () => {
    const begun = performance.now()
    const statuses = Array.from({ length: 30 }, () => clients.first.curl(ERP, '/api/method/login', ...bad).status)
    const since = (performance.now() - begun) / 1000
    assert.equal(statuses[0], 401)
    const passed = statuses.filter((status) => status !== 429).length
    assert.ok(passed < 30 && passed <= 11 + since / 2, `in ${since} s, ten at once and one in two seconds: ${statuses}`)
  })

  it('that is locked out by twelve bad logins, with a forged address in each, locks out nobody else', async () => {
    const good = readFileSync(published('dickson'), 'utf8')
    putByHand('dickson', good.replace(', shared-login-limit', ''))
    try {
      const login = [
        '-d',
        'usr=Administrator',
        '-d',
        `pwd=${readFileSync(join(stack.home, 'secrets/dickson_admin_password.txt'), 'utf8')}`,
      ]
      const forged = ['-H', `X-Forwarded-For: ${clients.second.address}`, '-H', `X-Real-Ip: ${clients.second.address}`]
      const attack = () => clients.first.curl(ERP, '/api/method/login', ...forged, ...bad).status
      const statuses: number[] = []
      await eventually(90, 'the limit is off', () => {
        statuses.splice(0, statuses.length, ...Array.from({ length: 12 }, attack))
        return !statuses.includes(429) && statuses.at(-1) === 500 // and no earlier lock has just ended
      })
      assert.equal(statuses.at(-1), 500, statuses.join())
      assert.equal(clients.first.curl(ERP, '/api/method/login', ...login).status, 500)
      assert.equal(clients.second.curl(ERP, '/api/method/login', ...login).status, 200)
    } finally {
      putByHand('dickson', good)
    }
    const log = logsOf(stack.container('dickson-frontend'))
    assert.ok(log.includes(`${clients.first.address} - `))
  })

  function makeLater(name: string) {
    let client: ReturnType<typeof makeClient> | undefined
    const get = () => {
      client ??= makeClient(stack, name)
      return client
    }
    return {
      get address() {
        return get().address
      },
      curl: (...args: Parameters<ReturnType<typeof makeClient>['curl']>) => get().curl(...args),
      leave: () => client?.leave(),
    }
  }
})

describe("one tenant's mistake", () => {
  it('in a published file is told with file and line while all are served; a deploy mends it', async () => {
    const good = readFileSync(published('dickson'), 'utf8')
    putByHand('dickson', good.replace('priority: 100', 'priority: 100\n      bogus: 1'))
    const core = await findingsOnce('core', (all) =>
      all.some(({ check, state }) => check === 'routers' && state === 'fail'),
    )
    const routers = core.find(({ check }) => check === 'routers')
    assert.equal(routers?.state, 'fail')
    assert.match(routers?.is ?? '', /state\/core\/edge\/dickson\.yml:\d+: .*unknown field bogus/)
    for (const host of HOSTS) assert.ok(await pings(host), host)

    docker('restart', traefik)
    await eventually(20, 'Traefik answers handshakes again', async () => {
      const answer = await certificateOf(stack, tenants.byrne.site)
      return typeof answer !== 'string' || /UNRECOGNIZED_NAME/.test(answer)
    })
    assert.ok(!(await pings(tenants.byrne.site)), 'Traefik has loaded a bad directory, or this test proves nothing')
    const { code, stderr } = await stack.script('deploy', ['dickson'])
    assert.equal(code, 0, stderr)
    assert.equal(readFileSync(published('dickson'), 'utf8'), good)
    await eventually(20, 'all hosts answer', async () => (await Promise.all(HOSTS.map(pings))).every(Boolean))
  })

  for (const bad of [['dickson'], ['dickson', 'byrne']])
    it(`in the sources of ${bad.join(' and ')} is refused with file and line, and a restart of Traefik serves all`, async () => {
      for (const name of bad) {
        const { code, stderr } = await deployWith(bad, name)
        assert.equal(code, 3, stderr)
        assert.match(stderr, new RegExp(`core/traefik/dynamic/${name}\\.yml:\\d+: .*unknown field bogus`))
      }
      docker('restart', traefik)
      await eventually(30, 'all hosts answer', async () => (await Promise.all(HOSTS.map(pings))).every(Boolean))
    })

  it("is nobody else's: a restart with the files as published serves all", async () => {
    docker('restart', traefik)
    await eventually(30, 'all hosts answer', async () => (await Promise.all(HOSTS.map(pings))).every(Boolean))
    const core = await findings('core')
    assert.deepEqual(
      core.filter(({ check, state }) => check === 'routers' && state !== 'ok'),
      [],
    )
  })

  it('leaves core alone: a deploy warns where core differs, and recreates nothing of it (row 36)', async () => {
    const before = stack.fingerprint('core')
    const { code, stderr } = await stack.script('deploy', ['byrne'], { env: { ACME_EMAIL: 'other@example.org' } })
    assert.equal(code, 0, stderr)
    assert.match(
      stderr,
      /core-traefik differs from compose\.yml and was left as it is: npx zx scripts\/deploy\.ts core/,
    )
    assert.equal(stack.fingerprint('core'), before)
  })

  it('of a host whose DNS leads elsewhere is told with the record to set, and its certificate is checked all the same', async () => {
    docker(
      'exec',
      stack.container('core-pebble'),
      'curl',
      '-sd',
      `{"host":"${ERP}.","addresses":["192.0.2.9"]}`,
      'http://127.0.0.1:8055/add-a',
    )
    const isDns = ({ part, check, state }: Finding) => part === 'erp' && check === 'DNS' && state === 'fail'
    const own = (await findingsOnce('dickson', (all) => all.some(isDns))).filter(({ part }) => part === 'erp')
    docker('exec', stack.container('core-pebble'), 'curl', '-sd', `{"host":"${ERP}."}`, 'http://127.0.0.1:8055/clear-a')
    const dns = own.find(({ check }) => check === 'DNS')
    assert.equal(dns?.state, 'fail')
    assert.equal(dns?.is, `DNS says 192.0.2.9, this host is ${stack.env.SERVER_IP}`)
    assert.equal(dns?.remedy, `set ${ERP}. A ${stack.env.SERVER_IP}`)
    assert.equal(own.find(({ check }) => check === 'certificate')?.state, 'ok')
  })
})

describe('deploy core', () => {
  it('run again recreates nothing and says so', async () => {
    const before = stack.fingerprint('core')
    const { code, stdout, stderr } = await stack.script('deploy', ['core'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /core: Traefik is up; nothing had to be done/)
    assert.equal(stack.fingerprint('core'), before)
  })

  it('restarts Traefik where it was started from other settings, once', async () => {
    const startedAt = () => docker('inspect', '-f', '{{.Id}} {{.State.StartedAt}}', traefik)
    const before = startedAt()
    docker('exec', traefik, 'sh', '-c', 'echo "# of another release" >>/tmp/started/traefik.yml')
    const plan = await stack.script('deploy', ['core', '--dry-run'])
    assert.match(plan.stdout, /start core-traefik \(changed\)/)
    assert.equal(startedAt(), before)
    assert.equal((await stack.script('deploy', ['core'])).code, 0)
    const [[id, moment], [sameId, later]] = [before.split(' '), startedAt().split(' ')]
    assert.deepEqual([sameId, later === moment], [id, false])
    assert.match((await stack.script('deploy', ['core'])).stdout, /nothing had to be done/)
  })

  it('restarts Traefik where state/ was lost under it; until then nothing is published that it would not see', async (context) => {
    const mask = process.umask(0o077)
    context.after(() => process.umask(mask))
    const state = join(stack.home, 'state')
    cpSync(state, `${state}.copy`, { recursive: true })
    rmSync(state, { recursive: true })
    const before = stack.fingerprint('core')
    const early = await stack.script('deploy', ['dickson'])
    assert.equal(early.code, 3, early.stderr)
    assert.match(early.stderr, /is not the directory that Traefik looks at.*\n.*deploy\.ts core/)
    assert.equal(stack.fingerprint('core'), before)
    const deployed = (env = {}) => stack.script('deploy', ['core'], { env })
    const killed = await withInjector({ at: `restart ${traefik}`, mode: 'kill-after' }, ({ env }) => deployed(env))
    assert.equal(killed.code, null, killed.stderr)
    const core = await deployed()
    assert.equal(core.code, 0, core.stderr)
    for (const host of HOSTS) assert.ok(await pings(host), `${host}: it publishes whoever is deployed`)
    rmSync(state, { recursive: true })
    renameSync(`${state}.copy`, state)
    const older = await stack.script('deploy', ['byrne'])
    assert.notEqual(older.code, 0)
    assert.match(older.stderr, /is not the directory that Traefik looks at/)
    const again = await deployed()
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stderr, /Restart \S*core-traefik/)
    process.umask(mask)
    const tenants = await stack.script('deploy', ['--all'])
    assert.equal(tenants.code, 0, tenants.stderr)
    assert.match(tenants.stdout, /dickson: .*nothing had to be done/)
    assert.match((await stack.script('deploy', ['core'])).stdout, /nothing had to be done/)
  })

  it('is refused where a network of a tenant has another range than configured: its frontend would believe nobody', async () => {
    const before = [stack.fingerprint('core'), stack.fingerprint('dickson')]
    const env = { EDGE_SUBNET_DICKSON: '10.127.9' }
    for (const name of ['core', 'dickson']) {
      const { code, stderr } = await stack.script('deploy', [name], { env })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /dickson-edge has 10\.\d+\.\d+\.0\/24, not 10\.127\.9\.0\/24\n.*EDGE_SUBNET/)
    }
    assert.deepEqual([stack.fingerprint('core'), stack.fingerprint('dickson')], before)
  })

  it('names who holds a port that it would publish, and changes nothing', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const before = stack.fingerprint('core')
    const { code, stderr } = await stack.script('deploy', ['core'], { env: { HTTPS_PORT: `127.0.0.1:${port}` } })
    holder.close()
    assert.equal(code, 3, stderr)
    assert.match(stderr, new RegExp(`port ${port} is held by pid ${process.pid} \\(.+\\); nothing was started`))
    assert.equal(stack.fingerprint('core'), before)
  })

  it('runs as nobody, without a capability, on a read-only root, with its keys closed', () => {
    const format = '{{.Config.User}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.ReadonlyRootfs}}'
    assert.equal(docker('inspect', '-f', format, traefik), '65532:65532 [ALL] [] true')
    assert.equal(docker('exec', traefik, 'stat', '-c', '%a %u', '/srv/acme/acme.json'), '600 65532')
    assert.ok(httpsPort(stack) > 0)
  })
})
