import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Rendered, RenderedService } from '../../lib/gate/rendered.ts'
import { type Fault, hardeningFaults } from '../../lib/gate.ts'
import tenants from '../../tenants.ts'
import { renderCompose } from '../rendered.ts'

const ROOT = '/repository'
const HOME = '/home'
const SECRET = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4'
const registry = Object.entries(tenants).map(([name, { prefix }]) => ({ name, prefix }))

const own = renderCompose({ ERP_HOME: HOME }, ROOT)

function faultsOf(rendered: Rendered, env: Record<string, string> = {}): string[] {
  const settings = { root: ROOT, home: HOME, prefix: '', env }
  const secrets = [{ file: 'dickson_db_password.txt', value: SECRET }]
  return hardeningFaults({ rendered, tenants: registry, settings, secrets }).map(
    ({ service, rule }: Fault) => `${service}: ${rule}`,
  )
}

/** A good configuration with a service of every kind: also core's, as it publishes ports and mounts what it serves. */
const good = (): Rendered => {
  const rendered = structuredClone(own)
  const { networks = {}, volumes = {} } = rendered
  networks['edge-public'] = { name: 'edge-public' }
  volumes['core-acme'] = { name: 'core-acme' }
  const traefik: RenderedService = {
    ...(rendered.services['dickson-frontend'] as RenderedService),
    container_name: 'core-traefik',
    profiles: ['core', 'edge'],
    labels: { 'erp.tenant': 'core' },
    networks: { 'edge-public': null, 'dickson-edge': null, 'byrne-edge': null },
    ports: [
      { host_ip: '0.0.0.0', target: 80, published: '80', protocol: 'tcp' },
      { target: 443, published: '8443', protocol: 'tcp' },
    ],
    volumes: [
      { type: 'bind', source: `${ROOT}/core/traefik/traefik.yml`, target: '/etc/traefik/traefik.yml', read_only: true },
      { type: 'bind', source: `${HOME}/state/core/edge`, target: '/edge', read_only: true },
      { type: 'volume', source: 'core-acme', target: '/acme' },
    ],
  }
  const services: Rendered['services'] = { ...rendered.services, 'core-traefik': traefik }
  services['dickson-backup']?.volumes?.push(bind(`${HOME}/backups/dickson`, false))
  return structuredClone({ ...rendered, services, networks, volumes }) // its services share nothing
}
const ENV = { HTTPS_PORT: '8443' }

describe("the repository's compose.yml", () => {
  it('breaks no rule in any profile', () => {
    assert.ok(Object.keys(own.services).length >= 20)
    assert.deepEqual(faultsOf(own), [])
  })

  it('with its jobs and its publisher breaks none either, or the table below proves nothing', () =>
    assert.deepEqual(faultsOf(good(), ENV), []))
})

type Change = (backend: RenderedService, all: Rendered) => void
const bind = (source: string, read_only = true) => ({ type: 'bind', source, target: '/x', read_only })
const volume = (source: string) => ({ type: 'volume', source, target: '/x' })

/** One change each to dickson-backend (or to the service named), and the rule that catches it. */
const VIOLATIONS: [what: string, change: Change, rule: RegExp, service?: string][] = [
  // privileges
  ['a privileged service', (s) => Object.assign(s, { privileged: true }), /^is privileged$/],
  ['a privileged hook', (s) => Object.assign(s, { post_start: [{ privileged: true }] }), /^is privileged$/],
  ['a capability', (s) => (s.cap_add = ['SYS_ADMIN']), /^adds the capability SYS_ADMIN$/],
  ['a capability with its prefix', (s) => (s.cap_add = ['cap_net_admin']), /^adds the capability NET_ADMIN$/],
  ['every capability', (s) => (s.cap_add = ['ALL']), /^adds the capability ALL$/],
  ["another part's capability", (s) => (s.cap_add = ['CHOWN']), /^adds the capability CHOWN$/],
  [
    'one more capability for a backup',
    (s) => s.cap_add?.push('CHOWN'),
    /^adds the capability CHOWN$/,
    'dickson-backup',
  ],
  ['a capability for Traefik', (s) => (s.cap_add = ['NET_BIND_SERVICE']), /NET_BIND_SERVICE/, 'core-traefik'],
  ['no dropped capability', (s) => (s.cap_drop = []), /^keeps capabilities/],
  ['some dropped capabilities', (s) => (s.cap_drop = ['NET_RAW']), /^keeps capabilities/],
  ['no no-new-privileges', (s) => delete s.security_opt, /^has no no-new-privileges$/],
  ['no-new-privileges switched off', (s) => (s.security_opt = ['no-new-privileges:false']), /^has no no-new-priv/],
  ['no seccomp', (s) => s.security_opt?.push('seccomp:unconfined'), /^weakens itself by seccomp:unconfined$/],
  ['a device', (s) => (s.devices = ['/dev/kmsg:/dev/kmsg:rwm']), /^has a device$/],
  ['a rule for devices', (s) => (s.device_cgroup_rules = ['a *:* rwm']), /^has a device$/],
  ['root', (s) => (s.user = '0:0'), /^runs as 0:0$/],
  ['root by name', (s) => (s.user = 'root'), /^runs as root$/],
  ["the image's user", (s) => delete s.user, /^runs as its image's user$/],
  ['a root that it may write to', (s) => (s.read_only = false), /^may write to its own root$/],
  [
    'a device that is reserved',
    (s) => (s.deploy = { resources: { reservations: { devices: [{ driver: 'cdi' }] } } }),
    /^has a device$/,
  ],
  ['a graphics card', (s) => (s.gpus = 'all'), /^has a device$/],
  // namespaces
  ["the host's network", (s) => (s.network_mode = 'host'), /^shares a namespace: network host$/],
  [
    "another container's network",
    (s) => (s.network_mode = 'service:erpnext-db'),
    /^shares a namespace: network service/,
  ],
  ["Docker's default bridge", (s) => (s.network_mode = 'bridge'), /^shares a namespace: network bridge$/],
  ["the host's processes", (s) => (s.pid = 'host'), /^shares a namespace: pid host$/],
  ["the host's memory segments", (s) => (s.ipc = 'host'), /^shares a namespace: ipc host$/],
  ["the host's name", (s) => (s.uts = 'host'), /^shares a namespace: uts host$/],
  ["the host's users", (s) => (s.userns_mode = 'host'), /^shares a namespace: userns_mode host$/],
  ["the host's control groups", (s) => (s.cgroup = 'host'), /^shares a namespace: cgroup host$/],
  // limits, logs, health
  ['no limit of memory', (s) => delete s.mem_limit, /^has no limit of memory$/],
  ['a limit of memory that is none', (s) => (s.mem_limit = '0'), /^has no limit of memory$/],
  ['no limit of CPU', (s) => delete s.cpus, /^has no limit of CPU$/],
  ['no limit of processes', (s) => delete s.pids_limit, /^has no limit of processes$/],
  ['a limit of processes that is none', (s) => (s.pids_limit = -1), /^has no limit of processes$/],
  ['no logging', (s) => delete s.logging, /^has no log rotation/],
  ['logs without a size', (s) => delete s.logging?.options?.['max-size'], /^has no log rotation/],
  ['logs without a number', (s) => delete s.logging?.options?.['max-file'], /^has no log rotation/],
  [
    'logs that are never rotated',
    (s) => Object.assign(s.logging?.options ?? {}, { 'max-size': '-1' }),
    /^has no log rot/,
  ],
  ['logs that go elsewhere', (s) => Object.assign(s.logging ?? {}, { driver: 'none' }), /^has no log rotation/],
  ['no health check', (s) => delete s.healthcheck, /^has no health check$/],
  ['a disabled health check', (s) => (s.healthcheck = { disable: true, test: ['CMD', 'x'] }), /^has no health check$/],
  ['a health check of nothing', (s) => (s.healthcheck = { test: ['NONE'] }), /^has no health check$/],
  ['no restart', (s) => delete s.restart, /^restarts neither/],
  ['a restart after a stop', (s) => (s.restart = 'always'), /^restarts neither/],
  // ports
  ['a published port', (s) => (s.ports = [{ target: 8000, published: '8000' }]), /^publishes the port 8000:8000\/tcp$/],
  ['a port at random', (s) => (s.ports = [{ target: 8000 }]), /^publishes the port :8000\/tcp$/],
  [
    "Traefik's port by another",
    (s) => (s.ports = [{ target: 80, published: '80' }]),
    /^publishes the port 80:80\/tcp$/,
  ],
  ['one more of Traefik', (s) => s.ports?.push({ target: 8080, published: '8080' }), /8080:8080/, 'core-traefik'],
  ["Traefik's port elsewhere", (s) => (s.ports = [{ target: 443, published: '443' }]), /443:443/, 'core-traefik'],
  // images
  ...[
    ['no image', undefined],
    ['an image without a tag', 'frappe/erpnext'],
    ['latest', 'frappe/erpnext:latest'],
    ['a minor release', 'traefik:v3.6'],
    ['a major release', 'redis:8-alpine'],
    ['a name for a tag', 'mariadb:lts'],
    ["a registry's port for a tag", 'registry.example:5000/erpnext'],
    ['half a digest', 'frappe/erpnext@sha256:abc'],
    ['a short hash', 'frappe/erpnext:abc1234'],
    ['a major release of what has two numbers', 'postgres:17-alpine'],
    ['two numbers of what has three', 'authentik/server:2026.8'],
  ].map(([what, image]): (typeof VIOLATIONS)[number] => [
    `an image: ${what}`,
    (s) => Object.assign(s, { image }),
    /^image .* is not pinned/,
  ]),
  // host paths
  ['the Docker socket', (s) => s.volumes?.push(bind('/var/run/docker.sock')), /^mounts the Docker socket$/],
  ['the Docker socket by a flag', (s) => (s.use_api_socket = true), /^mounts the Docker socket$/],
  ['a folder that holds the socket', (s) => s.volumes?.push(bind('/run')), /^mounts the host path \/run$/],
  ['the whole host', (s) => s.volumes?.push(bind('/')), /^mounts the host path \/$/],
  ['a folder beside an allowed one', (s) => s.volumes?.push(bind(`${ROOT}/tenant-2`)), /^mounts the host path .*-2$/],
  ['a path that leads out', (s) => s.volumes?.push(bind(`${ROOT}/tenant/../..`)), /^mounts the host path \/$/],
  [
    "the repository's own files, to write",
    (s) => s.volumes?.push(bind(`${ROOT}/tenant`, false)),
    /^writes to the host/,
  ],
  ['the repository itself', (s) => s.volumes?.push(bind(ROOT)), /^mounts the host path \/repository$/],
  ["core's files", (s) => s.volumes?.push(bind(`${ROOT}/core`)), /^mounts the host path/],
  ['what Traefik serves', (s) => s.volumes?.push(bind(`${HOME}/state/core/edge`)), /^mounts the host path/],
  ['the figures of every tenant', (s) => s.volumes?.push(bind(`${HOME}/state/core/metrics`)), /^mounts the host path/],
  ["Docker's logs", (s) => s.volumes?.push(bind('/var/lib/docker/containers')), /^mounts the host path/],
  [
    'processes, to write',
    (s) => s.volumes?.push(bind('/proc', false)),
    /^writes to the host path/,
    'core-node-exporter',
  ],
  ['what lies below /proc', (s) => s.volumes?.push(bind('/proc/self/root')), /^mounts the host/, 'core-node-exporter'],
  ["Docker's logs, by another", (s) => s.volumes?.push(bind('/var/lib/docker/containers')), /^mounts/, 'core-grafana'],
  ['a repository, by who makes no backup', (s) => s.volumes?.push(bind(`${HOME}/backups/dickson`)), /^mounts the host/],
  ["another's repository", (s) => s.volumes?.push(bind(`${HOME}/backups/byrne`)), /^mounts the host/, 'dickson-backup'],
  [
    "another's repository elsewhere",
    (s) => s.volumes?.push(bind('/mnt/byrne')),
    /^mounts the host path \/mnt\/byrne$/,
    'dickson-backup',
  ],
  [
    'a config from a path',
    (s, all) => {
      s.configs = [{ source: 'c' }]
      all.configs = { c: { file: '/etc/shadow' } }
    },
    /^mounts the host path \/etc\/shadow$/,
  ],
  [
    'a volume that is a path',
    (_, all) => Object.assign(all.volumes?.['dickson-sites-data'] ?? {}, { driver_opts: { o: 'bind', device: '/' } }),
    /^volume dickson-sites-data has driver_opts/,
  ],
  ["another container's volumes", (s) => (s.volumes_from = ['container:x']), /^takes the volumes of container:x$/],
  ['a pipe', (s) => s.volumes?.push({ type: 'npipe', target: '/x' }), /^mounts a npipe at \/x$/],
  // secrets
  [
    'a secret in an environment',
    (s) => (s.environment = { X: `a${SECRET}b` }),
    /^environment holds the value of secrets/,
  ],
  [
    'a secret in a command',
    (s) => Object.assign(s, { command: ['--x', SECRET] }),
    /^command holds the value of secrets/,
  ],
  ['a secret in a label', (s) => Object.assign(s.labels ?? {}, { x: SECRET }), /^labels holds the value of secrets/],
  ["a secret as a label's name", (s) => Object.assign(s.labels ?? {}, { [SECRET]: '' }), /^labels holds the value/],
  ['a secret in a health check', (s) => (s.healthcheck = { test: ['CMD', SECRET] }), /^healthcheck holds the value/],
  [
    'a secret in a config',
    (s, all) => {
      s.configs = [{ source: 'c' }]
      all.configs = { c: { content: `password: ${SECRET}` } }
    },
    /^configs holds the value of secrets/,
  ],
  ...['DB_PASSWORD', 'SECRET_KEY', 'apitoken', 'MYSQL_PWD', 'AWS_ACCESS_KEY_ID'].map(
    (name): (typeof VIOLATIONS)[number] => [
      `a literal ${name}`,
      (s) => (s.environment = { [name]: 'x' }),
      new RegExp(`^environment ${name} is a literal`),
    ],
  ),
  [
    "another tenant's secret",
    (s) => (s.secrets = [{ source: 'erpnext_db_password' }]),
    /^reads secrets\/erpnext_db_password\.txt, which is another's$/,
  ],
  [
    "a tenant's secret for core",
    (s) => (s.secrets = [{ source: 'dickson_db_password' }]),
    /^reads secrets\/dickson_db_password\.txt, which is another's$/,
    'core-traefik',
  ],
  [
    "another tenant's secret, mounted",
    (s) => s.volumes?.push(bind(`${HOME}/secrets/erpnext_db_password.txt`)),
    /which is another's$/,
  ],
  [
    'its own secret, to write',
    (s) => s.volumes?.push(bind(`${HOME}/secrets/dickson_x.txt`, false)),
    /^writes to secrets/,
  ],
  ['all secrets', (s) => s.volumes?.push(bind(`${HOME}/secrets`)), /^takes a secret from \/home\/secrets, not/],
  [
    'a secret from elsewhere',
    (s, all) => {
      s.secrets = [{ source: 'x' }]
      all.secrets = { ...all.secrets, x: { file: '/etc/shadow' } }
    },
    /^takes a secret from \/etc\/shadow/,
  ],
  [
    'a secret from an environment',
    (s, all) => {
      s.secrets = [{ source: 'x' }]
      all.secrets = { ...all.secrets, x: {} }
    },
    /^takes the secret x from no file$/,
  ],
  // names
  ["another's name", (s) => (s.container_name = 'erpnext-frontend'), /^has the name erpnext-frontend/],
  [
    "another's name where Traefik asks",
    (s) => Object.assign(s.networks ?? {}, { 'dickson-edge': { aliases: ['erpnext-frontend'] } }),
    /^takes other names in dickson-edge: erpnext-frontend$/,
  ],
  ["another's name as its host's", (s) => (s.hostname = 'erpnext-frontend'), /^takes other names in dickson-edge/],
  [
    "a tenant's name in core's network",
    (s) => Object.assign(s.networks ?? {}, { 'core-edge': { aliases: ['erpnext-frontend'] } }),
    /^takes other names in core-edge: erpnext-frontend$/,
    'core-grafana',
  ],
  // sharing
  [
    'a way out',
    (_, all) => Object.assign(all.networks?.['dickson-internal'] ?? {}, { internal: false }),
    /has a way out/,
  ],
  [
    "the host's own network card",
    (_, all) => Object.assign(all.networks?.['dickson-egress'] ?? {}, { driver: 'macvlan' }),
    /^network dickson-egress is no plain bridge/,
  ],
  [
    'a network that lets everybody in',
    (_, all) => Object.assign(all.networks?.['dickson-egress'] ?? {}, { driver_opts: { x: 'y' } }),
    /^network dickson-egress is no plain bridge/,
  ],
  [
    "another tenant's volume",
    (s) => s.volumes?.push(volume('erpnext-sites-data')),
    /^volume erpnext-sites-data is shared/,
  ],
  [
    "another tenant's volume, told to its owner",
    (_, all) => all.services['dickson-backend']?.volumes?.push(volume('erpnext-db-data')),
    /^volume erpnext-db-data is shared by byrne and dickson$/,
    'erpnext-db',
  ],
  [
    "another tenant's volume by another key",
    (s, all) => {
      s.volumes?.push(volume('mine'))
      all.volumes = { ...all.volumes, mine: { name: 'erpnext-db-data' } }
    },
    /^volume erpnext-db-data is shared by byrne and dickson$/,
  ],
  [
    'a volume of nobody here',
    (s, all) => {
      s.volumes?.push(volume('other'))
      all.volumes = { ...all.volumes, other: { name: 'other', external: true } }
    },
    /^volume other is external/,
  ],
  [
    "another tenant's network",
    (s) => (s.networks = { 'byrne-internal': null }),
    /^network byrne-internal is shared by byr/,
  ],
  ["another tenant's edge", (s) => (s.networks = { 'byrne-edge': null }), /^joins byrne-edge, which is for/],
  [
    'the edge, by a database',
    (s) => (s.networks = { 'dickson-edge': null }),
    /^joins dickson-edge, which/,
    'dickson-db',
  ],
  [
    "a tenant's own network, by Traefik",
    (s) => (s.networks = { 'dickson-internal': null }),
    /^network .* is shared by core/,
    'core-traefik',
  ],
  [
    'the edge, by another of core',
    (_, all) => (all.services['core-grafana'] = { ...all.services['core-traefik'], ports: [] }),
    /^joins dickson-edge, which is for/,
    'core-grafana',
  ],
  [
    "the host's network by a network",
    (s, all) => {
      s.networks = { out: null }
      all.networks = { ...all.networks, out: { name: 'host', external: true } }
    },
    /^network host is external/,
  ],
  [
    'a network that all fall into',
    (s, all) => {
      s.networks = { default: null }
      Object.assign(all.services['erpnext-db'] ?? {}, { networks: { default: null } })
    },
    /^network default is shared by byrne and dickson$/,
  ],
  // belonging
  ['no label', (s) => delete s.labels, /^belongs to nobody: its label erp\.tenant is missing$/],
  ['an unknown tenant', (s) => (s.labels = { 'erp.tenant': 'acme' }), /^belongs to nobody: .* is acme$/],
  ["another tenant's label", (s) => (s.labels = { 'erp.tenant': 'byrne' }), /^is byrne's by its label, but not by/],
  ['no profile', (s) => (s.profiles = []), /^has no profile/],
  ["another tenant's profile", (s) => s.profiles?.push('byrne'), /^is in the profile byrne$/],
  ["another tenant's jobs", (s) => s.profiles?.push('byrne-jobs'), /^is in the profile byrne-jobs$/, 'dickson-backup'],
]

describe('the gate refuses', () => {
  for (const [what, change, rule, service = 'dickson-backend'] of VIOLATIONS) {
    it(`${what}`, () => {
      const rendered = good()
      change(rendered.services[service] as RenderedService, rendered)
      const faults = faultsOf(rendered, ENV)
      const told = faults
        .filter((fault) => fault.startsWith(`${service}: `))
        .map((fault) => fault.slice(service.length + 2))
      assert.ok(
        told.some((fault) => rule.test(fault)),
        faults.join('\n') || 'nothing was refused',
      )
    })
  }

  it('everything at once, and each thing once', () => {
    const rendered = good()
    const backend = rendered.services['dickson-backend'] as RenderedService
    Object.assign(backend, { privileged: true, pid: 'host', ports: [{ target: 1, published: '1' }] })
    backend.volumes?.push(bind('/var/run/docker.sock'), bind('/run/docker.sock'))
    assert.deepEqual(faultsOf(rendered, ENV).sort(), [
      'dickson-backend: is privileged',
      'dickson-backend: mounts the Docker socket',
      'dickson-backend: publishes the port 1:1/tcp',
      'dickson-backend: shares a namespace: pid host',
    ])
  })

  it('and never shows the value of a secret', () => {
    const rendered = good()
    Object.assign(rendered.services['dickson-backend'] ?? {}, {
      command: [SECRET],
      environment: { DB_PASSWORD: SECRET },
    })
    const faults = faultsOf(rendered, ENV)
    assert.ok(faults.length >= 3)
    assert.ok(!faults.join().includes(SECRET))
  })
})

/** What looks like a violation and is none. */
const ALLOWED: [what: string, change: Change, service?: string][] = [
  ['a job without a health check', (s) => delete s.healthcheck, 'dickson-backup'],
  ['no-new-privileges in its short form', (s) => (s.security_opt = ['no-new-privileges'])],
  [
    "limits in the deployment's form",
    (s) => {
      for (const key of ['mem_limit', 'cpus', 'pids_limit'] as const) delete s[key]
      s.deploy = { resources: { limits: { memory: '1', cpus: '0.5', pids: 9 } } }
    },
  ],
  ['a digest without a tag', (s) => (s.image = `x@sha256:${'0'.repeat(64)}`)],
  ['a hash for a tag', (s) => (s.image = 'made-here/erpnext:0123456789ab')],
  ['a patch release of a private registry', (s) => (s.image = 'registry.example:5000/erpnext:v16.32.3')],
  ['a secret by its file', (s) => (s.environment = { DB_PASSWORD_FILE: '/run/secrets/db_password' })],
  ['a secret by its URL', (s) => (s.environment = { SECRET_KEY: 'file:///run/secrets/key' })],
  ["a secret by Grafana's way", (s) => (s.environment = { GF_KEY: '$$__file{/run/secrets/key}' })],
  ['an empty secret', (s) => (s.environment = { AWS_TOKEN: '', AWS_KEY: null })],
  ['the certificate of a private authority', (s) => s.volumes?.push(bind('/etc/authority.pem'))],
  ["the operator's own repository", (s) => s.volumes?.push(bind('/mnt/nas/dickson', false)), 'dickson-backup'],
  ['its own secret file', (s) => s.volumes?.push(bind(`${HOME}/secrets/dickson_backup_ssh_key`)), 'dickson-backup'],
  [
    'the secret of signing in, for core',
    (s, all) => {
      s.secrets = [{ source: 'x' }]
      all.secrets = { ...all.secrets, x: { file: `${HOME}/secrets/dickson_oidc_client_secret.txt` } }
    },
    'core-traefik',
  ],
  ["core's own secret", (s) => s.volumes?.push(bind(`${HOME}/secrets/grafana_admin_password.txt`)), 'core-traefik'],
  [
    'processes, for who measures the machine',
    (s) => s.volumes?.push(bind('/proc'), bind('/sys')),
    'core-node-exporter',
  ],
  ['logs, for who collects them', (s) => s.volumes?.push(bind('/var/lib/docker/containers')), 'core-syslog-ng'],
]

describe('the gate lets pass', () => {
  const env = { ...ENV, BACKUP_REPOSITORY_DICKSON: '/mnt/nas/dickson', ACME_CA_CERTIFICATE: '/etc/authority.pem' }
  for (const [what, change, service = 'dickson-backend'] of ALLOWED) {
    it(`${what}`, () => {
      const rendered = good()
      change(rendered.services[service] as RenderedService, rendered)
      assert.deepEqual(faultsOf(rendered, env), [])
    })
  }

  it('a secret that Compose renders with its dollars doubled is still found', () => {
    const rendered = good()
    Object.assign(rendered.services['dickson-backend'] ?? {}, { command: ['pa$$$$word-of-s3'] })
    const settings = { root: ROOT, home: HOME, prefix: '', env: ENV }
    const secrets = [{ file: 'x', value: 'pa$$word-of-s3' }]
    const [fault] = hardeningFaults({ rendered, tenants: registry, settings, secrets })
    assert.equal(fault?.rule, 'command holds the value of secrets/x')
  })
})
