import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { edgeFaults } from '../../../lib/edge/check.ts'
import { DOMAIN } from '../../../lib/edge/holders.ts'
import { makeTenant, type TenantSpec } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const root = resolve(import.meta.dirname, '../../..')
const settings = readSettings(root, {})
const registry = Object.entries<TenantSpec>(tenants).map(([name, spec]) => makeTenant(name, spec, settings))
const domain = 'operator.example'
const FILES = readdirSync(join(root, 'core/traefik/dynamic')).map((name) => name.replace('.yml', ''))
const read = (name: string) =>
  readFileSync(join(root, `core/traefik/dynamic/${name}.yml`), 'utf8').replaceAll(DOMAIN, domain)

/** The faults of the repository's own files with one of them changed. */
function faultsOf(changed = '', change: (text: string) => string = (text) => text): string[] {
  const sources = FILES.map((name) => ({
    name,
    path: `${name}.yml`,
    text: name === changed ? change(read(name)) : read(name),
  }))
  return edgeFaults(sources, { tenants: registry, domain }).map(
    ({ path, line, message }) => `${path}:${line}: ${message}`,
  )
}

/** Replace a text that must be there: a change that changes nothing would prove nothing. */
const swap = (from: string | RegExp, to: string) => (text: string) => {
  const changed = text.replace(from, to)
  assert.notEqual(changed, text, `${from} is not in the file`)
  return changed
}
const lineOf = (name: string, text: string) => read(name).slice(0, read(name).indexOf(text)).split('\n').length

describe('the dynamic files of this repository', () => {
  it('are faultless', () => assert.deepEqual(faultsOf(), []))
})

/** Each rule: a violation of it, and what is said about it. */
const CASES: [rule: string, file: string, change: (text: string) => string, message: RegExp][] = [
  [
    "a tenant's host in core's file",
    'core-sso',
    swap('Host(`auth.operator.example`)\n', 'Host(`erp.dickson-supplies.com`)\n'),
    /erp\.dickson-supplies\.com belongs to dickson/,
  ],
  [
    "core's host in a tenant's file",
    'dickson',
    swap('rule: Host(`pos.dickson-supplies.com`)\n', 'rule: Host(`auth.operator.example`)\n'),
    /auth\.operator\.example belongs to core-sso/,
  ],
  [
    "a tenant's frontend behind a host of core's",
    'core-sso',
    swap('http://core-authentik:9000', 'http://dickson-frontend:8080'),
    /must be http:\/\/core-authentik:9000/,
  ],
  [
    'a sign-in that another than Authentik answers',
    'core-monitoring',
    swap('http://core-authentik:9000/outpost', 'http://dickson-frontend:8080/outpost'),
    /sign-in\.forwardAuth\.address: must be below .*http:\/\/core-authentik:9000/,
  ],
  [
    'a host of core without a certificate of its own',
    'core-sso',
    swap('certResolver: acme, ', ''),
    /one router, and only one, asks acme for a certificate of auth\.operator\.example/,
  ],
  [
    'an order at the authority for more than one host of core',
    'core-sso',
    swap('certResolver: acme,', 'certResolver: acme, domains: [{ main: auth.operator.example, sans: [x.example] }],'),
    /asks acme for more than its one host/,
  ],
  [
    'a field that Traefik does not know',
    'dickson',
    swap('priority: 100', 'priority: 100\n      bogus: 1'),
    /unknown field bogus/,
  ],
  [
    'an unknown field deep inside',
    'dickson',
    swap('options: dickson }', 'options: dickson, x: 1 }'),
    /tls: unknown field x/,
  ],
  ['an unknown middleware kind', 'dickson', swap('redirectRegex:', 'redirectRegexp:'), /unknown field redirectRegexp/],
  ['a section that is none', 'dickson', swap(/^http:/m, 'https:'), /unknown field https/],
  ['a priority that is no number', 'dickson', swap('priority: 100', 'priority: high'), /priority: must be a number/],
  ['a priority that is missing', 'dickson', swap(/\n {6}priority: 200/, ''), /priority is missing/],
  ['a priority of none', 'dickson', swap('priority: 400', 'priority: 0'), /must be above 0/],
  ['YAML that is none', 'dickson', swap('http:', 'http: ['), /dickson\.yml:\d+: /],
  ['a key that stands twice', 'dickson', (text) => `${text}\nhttp: {}\n`, /unique/],
  ['a template', 'dickson', swap('Path(`/`)', 'Path(`{{ env "HOME" }}`)'), /holds \{\{/],
  [
    'a router without the name',
    'dickson',
    swap('dickson-erp:', 'erp:'),
    /http\.routers\.erp: must begin with dickson-/,
  ],
  [
    'a middleware of another',
    'dickson',
    swap('    dickson-pos-root:\n      redirect', '    byrne-pos-root:\n      redirect'),
    /byrne-pos-root: must begin with dickson-/,
  ],
  ['TLS options of another name', 'dickson', swap('    dickson: #', '    default: #'), /must be called dickson/],
  [
    'a service that is not there',
    'dickson',
    swap('service: dickson-frontend', 'service: dickson-nope'),
    /no service dickson-nope in this file/,
  ],
  ['a middleware that is not there', 'dickson', swap('[shared-headers]', '[shared-nope]'), /no middleware shared-nope/],
  [
    'a middleware of another tenant',
    'dickson',
    swap('dickson-realtime]', 'byrne-realtime]'),
    /no middleware byrne-realtime/,
  ],
  [
    'a host of another tenant',
    'dickson',
    swap('Host(`erp.dickson-supplies.com`)', 'Host(`erp.byrne-accounts.org`)'),
    /erp\.byrne-accounts\.org belongs to byrne/,
  ],
  [
    'a wildcard',
    'dickson',
    swap('Host(`erp.dickson-supplies.com`)', 'Host(`*.dickson-supplies.com`)'),
    /\*\.dickson-supplies\.com is none of the hosts/,
  ],
  [
    'a host that is no host name',
    'dickson',
    swap('Host(`erp.dickson-supplies.com`)', 'Host(`erp dickson`)'),
    /erp dickson is none of the hosts/,
  ],
  [
    'a host by pattern',
    'dickson',
    swap('rule: Host(`erp.dickson-supplies.com`)', 'rule: HostRegexp(`.*`)'),
    /must be Host\(/,
  ],
  ['a path without a host', 'dickson', swap(/rule: \(Host.*PathPrefix/, 'rule: PathPrefix'), /must be Host\(/],
  [
    'an alternative that escapes its host',
    'dickson',
    swap('&& Path(`/`)', '&& Path(`/`) || Path(`/x`)'),
    /must be Host\(/,
  ],
  ['an entry point of another kind', 'dickson', swap('[websecure]', '[web]'), /must be \[websecure\]/],
  ['TLS options that are shared', 'dickson', swap('tls: { options: dickson }', 'tls: {}'), /options must be dickson/],
  ['no TLS at all', 'dickson', swap('      tls: { options: dickson }\n', ''), /options must be dickson/],
  ['TLS of an old version', 'dickson', swap('VersionTLS12', 'VersionTLS10'), /minVersion: VersionTLS12/],
  ['a handshake for any name', 'dickson', swap('sniStrict: true', 'sniStrict: false'), /sniStrict: true/],
  [
    'a resolver that is not there',
    'dickson',
    swap('certResolver: acme', 'certResolver: le'),
    /certResolver le is not in traefik\.yml/,
  ],
  [
    'a second order for a certificate',
    'dickson',
    swap('tls: { options: dickson }', 'tls: { options: dickson, certResolver: acme }'),
    /one router, and only one/,
  ],
  [
    'a certificate for one host alone',
    'dickson',
    swap(', sans: [pos.dickson-supplies.com]', ''),
    /one router, and only one/,
  ],
  [
    'another frontend',
    'dickson',
    swap('http://dickson-frontend', 'http://erpnext-frontend'),
    /must be http:\/\/dickson-frontend:8080/,
  ],
  [
    'a host that is not served',
    'dickson',
    swap(/rule: Host\(`pos[^`]*`\)\n/, 'rule: Host(`erp.dickson-supplies.com`) && Path(`/x`)\n'),
    /no router for all of pos/,
  ],
  [
    'realtime without its Host',
    'dickson',
    swap('Host: erp', 'X-Host: erp'),
    /no router for \/socket\.io of erp.* that sets Host/,
  ],
  [
    'realtime without its protocol',
    'dickson',
    swap('X-Forwarded-Proto: https', 'X-Forwarded-Proto: http'),
    /no router for \/socket\.io of pos/,
  ],
  ['no limit on logins', 'dickson', swap(', shared-login-limit', ''), /no rate limit on \/login of erp/],
  [
    'a point of sale at the old place',
    'dickson',
    swap('/desk/point-of-sale', '/app/point-of-sale'),
    /does not lead to \/desk\/point-of-sale/,
  ],
  ['two routers of one priority', 'dickson', swap('priority: 300', 'priority: 400'), /shares its priority/],
  [
    'a narrow router that never wins',
    'dickson',
    swap('priority: 200', 'priority: 50'),
    /dickson-pos-root must have a priority above/,
  ],
  ['no strict default', 'shared', swap('sniStrict: true', 'sniStrict: false'), /default must have sniStrict/],
  [
    'no router for the API',
    'shared',
    swap('api@internal', 'nobody@internal'),
    /no router PathPrefix\(`\/api`\) for api@internal/,
  ],
  ['a public router in the shared file', 'shared', swap('[api]', '[websecure]'), /must have entryPoints: \[api\]/],
]

describe('a dynamic file is refused for', () => {
  for (const [rule, file, change, message] of CASES) {
    it(rule, () => {
      const faults = faultsOf(file, change)
      assert.ok(
        faults.some((fault) => fault.startsWith(`${file}.yml:`) && message.test(fault)),
        faults.join('\n') || 'no fault',
      )
    })
  }

  it('its fault at the line where it stands', () => {
    const line = lineOf('dickson', 'priority: 400')
    assert.deepEqual(faultsOf('dickson', swap('priority: 400', 'priority: x')), [
      `dickson.yml:${line}: http.routers.dickson-realtime.priority: must be a number`,
    ])
  })

  it('a name of a tenant whose name begins with its own', () => {
    const spec = { ...tenants.dickson, prefix: 'two', site: 'erp.two.example', posHost: 'pos.two.example' }
    const two = makeTenant('dickson-two', spec, settings)
    const text = read('dickson')
      .replaceAll('dickson-supplies.com', 'two.example')
      .replaceAll(/dickson(?=-[a-z])/g, 'dickson-two')
    const sources = [
      {
        name: 'dickson',
        path: 'dickson.yml',
        text: `${read('dickson').replace('    dickson-pos:', '    dickson-two-pos:')}`,
      },
      { name: 'dickson-two', path: 'two.yml', text },
    ]
    const faults = edgeFaults(sources, { tenants: [...registry, two], domain }).map(({ message }) => message)
    assert.ok(
      faults.some((message) => /dickson-two-pos: is also defined in dickson\.yml/.test(message)),
      faults.join('\n'),
    )
  })

  it("nothing, where it is core's and the operator's domain is no longer set, as long as it can be read", () => {
    const of = (text: string) =>
      edgeFaults([{ name: 'core-sso', path: 'core-sso.yml', text }], { tenants: registry, domain: undefined })
    assert.deepEqual(of(read('core-sso')), [])
    assert.equal(of('http: { bogus: 1 }').length, 1)
  })

  it('nothing, where it belongs to a tenant that the registry no longer has, as long as it can be read', () => {
    const gone = registry.filter(({ name }) => name !== 'dickson')
    const of = (text: string) => edgeFaults([{ name: 'dickson', path: 'dickson.yml', text }], { tenants: gone, domain })
    assert.deepEqual(of(read('dickson')), [])
    assert.equal(of('http: { bogus: 1 }').length, 1)
    const taken = of(read('dickson').replaceAll('pos.dickson-supplies.com', 'pos.byrne-accounts.org'))
    assert.match(taken[0]?.message ?? '', /pos\.byrne-accounts\.org is byrne's by now: deploy core, which takes this/)
  })
})

describe('a file that stays as it is while another is published', () => {
  const path = 'state/core/edge/dickson.yml'
  /** Dickson's published file, changed, while Byrne's is published by this registry. */
  const faults = (text: string, tenants = registry) =>
    edgeFaults(
      ['shared', 'byrne']
        .map((name) => ({ name, path: `${name}.yml`, text: read(name) }))
        .concat({ name: 'dickson', path, text }),
      { tenants, domain },
      ['shared', 'byrne'],
    ).map(({ message }) => message)
  const moved = (from: string, to: string) => swap(new RegExp(from.replaceAll('.', '\\.'), 'g'), to)(read('dickson'))

  it('may have a host of before: one tenant never waits for what another has not deployed yet', () =>
    assert.deepEqual(faults(moved('pos.dickson-supplies.com', 'old.dickson-supplies.com')), []))

  it('may not have a host that is the other one’s by now', () => {
    const said = faults(moved('pos.dickson-supplies.com', 'pos.byrne-accounts.org'))
    assert.ok(said.length > 0)
    for (const message of said) assert.match(message, /is byrne's by now: deploy dickson first, or core/)
  })

  it('may not match what no rule of ours does, such as every host', () =>
    assert.match(
      faults(swap('rule: Host(`pos.dickson-supplies.com`)\n', 'rule: PathPrefix(`/`)\n')(read('dickson'))).join(),
      /must be Host/,
    ))

  it('must find what it refers to in the shared file that comes', () =>
    assert.match(faults(moved('shared-', 'shared-gone-')).join(), /no middleware shared-gone-/))
})
