import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { createServer, type TlsOptions } from 'node:tls'
import { judgeCertificate } from '../../../lib/edge/certificate.ts'
import { checkDns, judgeDns } from '../../../lib/edge/dns.ts'
import { shakeHands } from '../../../lib/edge/hosts.ts'
import { type EdgeSettings, edgeSettingFaults, LETS_ENCRYPT, parsePort } from '../../../lib/edge/settings.ts'
import { portHolder } from '../../../lib/ports.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const folder = mkdtempSync(join(tmpdir(), 'erp-edge-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
const HOST = 'erp.dickson-supplies.com'

function makeAuthority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
    '-subj',
    `/CN=${name}`,
  )
}

interface Order {
  host?: string
  by?: string
}

/** A certificate by an authority of ours. */
function makeCertificate({ host = HOST, by = 'Test Root' }: Order): TlsOptions {
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'host.key', '-out', 'host.csr', '-subj', `/CN=${host}`)
  const x509 = ['x509', '-req', '-in', 'host.csr', '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial']
  writeFileSync(join(folder, 'ext'), `subjectAltName=DNS:${host}`)
  openssl(...x509, '-days', '60', '-extfile', 'ext', '-out', 'host.pem')
  return { key: readFileSync(join(folder, 'host.key')), cert: readFileSync(join(folder, 'host.pem')) }
}

/** What is said of a server with this certificate. `later`: judged that many days from now. */
async function judge(options: TlsOptions, later = 0, ca = 'Test Root') {
  const server = createServer(options).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as { port: number }
  const trusted = readFileSync(join(folder, `${ca}.pem`), 'utf8')
  const edge = { address: '127.0.0.1', http: 0, https: port, ca: trusted }
  const handshake = await shakeHands(edge, HOST, 5).finally(() => server.close())
  return judgeCertificate(HOST, handshake, Date.now() + later * 86_400_000)
}

describe('a certificate', () => {
  for (const name of ['Test Root', 'Other Root', '(STAGING) Pretend Pear X1']) makeAuthority(name)

  it('of the right name by a trusted authority is well, with its days and its issuer', async () => {
    const { state, is, none } = await judge(makeCertificate({}))
    assert.deepEqual([state, is, none], ['ok', '59 days left, by Test Root', false])
  })

  it('warns from 21 days on and fails from 7 on, at the limit itself', async () => {
    const certificate = makeCertificate({})
    const states = []
    for (const later of [36, 38.5, 51, 52.5]) states.push((await judge(certificate, later)).state)
    assert.deepEqual(states, ['ok', 'warn', 'warn', 'fail'])
  })

  it('that has expired fails as expired', async () => {
    const { state, is, none } = await judge(makeCertificate({}), 61)
    assert.equal(state, 'fail')
    assert.match(is, /^expired since /)
    assert.ok(none)
  })

  it('of another name, by another authority, of a staging authority, self-signed: each is named', async () => {
    const cases: [Order, RegExp][] = [
      [{ host: 'erp.byrne-accounts.org' }, /for another name: DNS:erp\.byrne-accounts\.org/],
      [{ by: 'Other Root' }, /by Other Root, not trusted/],
      [{ by: '(STAGING) Pretend Pear X1' }, /a staging authority that no browser trusts/],
    ]
    for (const [order, expected] of cases) {
      const { state, is } = await judge(makeCertificate(order))
      assert.equal(state, 'fail')
      assert.match(is, expected)
    }
    const own = [
      '-keyout',
      'own.key',
      '-out',
      'own.pem',
      '-subj',
      `/CN=${HOST}`,
      '-addext',
      `subjectAltName=DNS:${HOST}`,
    ]
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...own)
    const self = { key: readFileSync(join(folder, 'own.key')), cert: readFileSync(join(folder, 'own.pem')) }
    assert.equal((await judge(self)).is, 'self-signed')
  })

  it('of Traefik itself is named', async () => {
    assert.equal(
      (await judge(makeCertificate({ host: 'TRAEFIK DEFAULT CERT' }))).is,
      "Traefik's own default certificate",
    )
  })

  it('that was not issued is told from an edge that does not answer', async () => {
    const refuse = (_name: string, done: (error: Error | null) => void) => done(new Error('no such name'))
    const none = await judge({ ...makeCertificate({}), SNICallback: refuse as TlsOptions['SNICallback'] & {} })
    assert.equal(none.state, 'fail')
    const edge = { address: '127.0.0.1', http: 0, https: 1, ca: '' }
    const silent = judgeCertificate(HOST, await shakeHands(edge, HOST, 5))
    assert.match(silent.is, /no handshake: ECONNREFUSED/)
    assert.equal(judgeCertificate(HOST, { error: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' }).is, 'none was issued yet')
  })
})

describe('DNS', () => {
  const mine = { serverIp: '192.0.2.1' }
  const found = (...addresses: string[]) => ({ addresses })
  const none = (error: string) => ({ addresses: [], error })
  const cases: [
    what: string,
    a: ReturnType<typeof found>,
    aaaa: ReturnType<typeof found>,
    state: string,
    is: RegExp,
    remedy?: string,
  ][] = [
    ['leads here', found('192.0.2.1'), none('ENODATA'), 'ok', /^192\.0\.2\.1$/],
    [
      'leads elsewhere',
      found('192.0.2.9'),
      none('ENODATA'),
      'fail',
      /DNS says 192\.0\.2\.9, this host is 192\.0\.2\.1/,
      `set ${HOST}. A 192.0.2.1`,
    ],
    ['leads here and elsewhere', found('192.0.2.1', '192.0.2.9'), none('ENODATA'), 'fail', /DNS says/],
    ['does not know the name', none('ENOTFOUND'), none('ENOTFOUND'), 'fail', /no A record/, `set ${HOST}. A 192.0.2.1`],
    [
      'has an IPv6 address, whosever it is',
      found('192.0.2.1'),
      found('2001:db8::9'),
      'fail',
      /DNS says 2001:db8::9/,
      `remove ${HOST}. AAAA`,
    ],
    ['does not answer', none('ETIMEOUT'), none('ETIMEOUT'), 'warn', /cannot be asked: ETIMEOUT/],
    ['does not say whether there is an IPv6 address', found('192.0.2.1'), none('ESERVFAIL'), 'warn', /: ESERVFAIL/],
  ]
  for (const [what, a, aaaa, state, is, remedy] of cases) {
    it(`that ${what} is ${state}`, () => {
      const verdict = judgeDns(HOST, a, aaaa, mine)
      assert.equal(verdict.state, state)
      assert.match(verdict.is, is)
      if (remedy) assert.equal(verdict.remedy, remedy)
    })
  }

  it('is not compared where SERVER_IP is not set, and that is a warning', () => {
    assert.equal(judgeDns(HOST, found('192.0.2.9'), found(), { serverIp: undefined }).state, 'warn')
  })

  it('is a warning within three seconds where the name server is silent', async () => {
    const silent = createSocket('udp4')
    silent.bind(0, '127.0.0.1')
    await once(silent, 'listening')
    const dnsServer = `127.0.0.1:${silent.address().port}`
    const begun = performance.now()
    const verdict = await checkDns(HOST, { serverIp: '192.0.2.1', dnsServer } as EdgeSettings)
    silent.close()
    assert.deepEqual([verdict.state, verdict.is], ['warn', 'cannot be asked: ETIMEOUT'])
    assert.ok(performance.now() - begun < 5000, `${performance.now() - begun} ms`)
  })
})

describe('the settings of the edge', () => {
  const root = join(import.meta.dirname, '../../..')
  const faults = (env: Record<string, string>) => {
    const settings = readSettings(root, env)
    const registry = Object.entries(tenants).map(([name, spec]) => makeTenant(name, spec, settings))
    return edgeSettingFaults(settings, registry)
  }
  const good = { ACME_EMAIL: 'admin@example.org' }

  it('are well with a mail address alone', () => assert.deepEqual(faults(good), []))
  for (const DNS_SERVER of ['192.0.2.53', '127.0.0.1:5353', '2001:db8::53'])
    it(`take the name server ${DNS_SERVER}`, () => assert.deepEqual(faults({ ...good, DNS_SERVER }), []))

  const cases: [what: string, env: Record<string, string>, message: RegExp][] = [
    ['no mail address in production', {}, /ACME_EMAIL is missing/],
    ["no mail address with Let's Encrypt's own URL", { ACME_CA_SERVER: LETS_ENCRYPT }, /ACME_EMAIL is missing/],
    ['a mail address that is none', { ACME_EMAIL: 'admin' }, /ACME_EMAIL is no mail address/],
    ['an authority without TLS', { ...good, ACME_CA_SERVER: 'http://ca.example/dir' }, /must be an https URL/],
    ['a certificate that is not there', { ...good, ACME_CA_CERTIFICATE: '/nowhere.pem' }, /holds no PEM certificate/],
    ['an address that is none', { ...good, SERVER_IP: '192.0.2' }, /SERVER_IP must be/],
    ['a name server by its name', { ...good, DNS_SERVER: 'dns.example' }, /DNS_SERVER must be/],
    ['a port that is none', { ...good, HTTPS_PORT: '70000' }, /HTTPS_PORT must be/],
    ['a port at a name', { ...good, HTTP_PORT: 'localhost:80' }, /HTTP_PORT must be/],
    ['a subnet with its mask', { ...good, EDGE_SUBNET_DICKSON: '10.1.2.0/24' }, /EDGE_SUBNET_DICKSON must be/],
    [
      'one subnet for two',
      { ...good, EDGE_SUBNET_DICKSON: '10.1.2', EDGE_SUBNET_BYRNE: '10.1.2' },
      /EDGE_SUBNET_DICKSON is another network's too/,
    ],
    [
      "a tenant's subnet for core",
      { ...good, EDGE_SUBNET_CORE: '10.1.2', EDGE_SUBNET_BYRNE: '10.1.2' },
      /another network's/,
    ],
    ['a domain of core that is none', { ...good, CORE_DOMAIN: 'https://operator.example' }, /CORE_DOMAIN must be/],
  ]
  for (const [what, env, message] of cases) it(`refuse ${what}`, () => assert.match(faults(env).join(), message))

  it("refuse a domain that would give core a tenant's host", () => {
    const settings = readSettings(root, { ...good, CORE_DOMAIN: 'operator.example' })
    const mine = makeTenant('mine', { ...tenants.dickson, site: 'auth.operator.example' }, settings)
    assert.match(edgeSettingFaults(settings, [mine]).join(), /auth\.operator\.example core's, but it is a tenant's/)
  })

  it('take another authority without a mail address', () => {
    assert.deepEqual(faults({ ACME_CA_SERVER: 'https://ca.example/dir' }), [])
  })

  it('read a port with and without an address', () => {
    assert.deepEqual(parsePort('443'), { address: undefined, port: 443 })
    assert.deepEqual(parsePort('127.0.0.1:0'), { address: '127.0.0.1', port: 0 })
  })
})

describe('a port', () => {
  it('that somebody holds is told with the pid, and a free one is free', async () => {
    const server = createTcp().listen(0, '127.0.0.1')
    await new Promise((done) => server.once('listening', done))
    const { port } = server.address() as { port: number }
    assert.match((await portHolder(port, '127.0.0.1')) ?? '', new RegExp(`^pid ${process.pid} \\(`))
    await new Promise((done) => server.close(done))
    assert.equal(await portHolder(port, '127.0.0.1'), undefined)
  })
})
