import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { subnetVariable } from '../../lib/edge/settings.ts'
import { ALL_CORE_SECRETS, CORE_PARTS, makeTenant, TENANT_VOLUMES, type TenantSpec } from '../../lib/registry.ts'
import { readSettings } from '../../lib/settings.ts'
import tenants from '../../tenants.ts'

const root = join(import.meta.dirname, '../..')
const compose = parse(readFileSync(join(root, 'compose.yml'), 'utf8'), { merge: true, maxAliasCount: -1 })
/** Compose's own tags (`!override`, `!reset`) are left out. */
const drill = parse(readFileSync(join(root, 'drill.yml'), 'utf8').replaceAll(/!(override|reset) /g, ''))
const settings = readSettings(root, {})
const registry = Object.entries<TenantSpec>(tenants).map(([name, spec]) => makeTenant(name, spec, settings))

const PARTS = [
  'volumes',
  'db',
  'redis-cache',
  'redis-queue',
  'configurator',
  'backend',
  'socketio',
  'frontend',
  'worker',
  'scheduler',
]
const JOBS = ['backup', 'restore']
const MOUNTED_SECRETS = ['db_password', 'redis_cache_password', 'redis_queue_password', 'backup_password']

/** Tenants and core itself call the sign-in service by its public name. */
const SIGN_IN = `auth.\${CORE_DOMAIN:-core.invalid}`

interface Service {
  profiles: string[]
  labels: Record<string, string>
  container_name?: string
  restart?: string
  environment?: Record<string, string>
  volumes?: string[]
  networks?: string[] | Record<string, unknown>
  secrets?: { source: string }[]
}
const services = compose.services as Record<string, Service>

/** N of `10.213.N`, which an edge network has where `.env` names no other range. */
function edgeNumber(owner: { name: string }): number {
  const { subnet } = compose.networks[`${owner.name}-edge`].ipam.config[0]
  const [, variable, number] = /^\$\{(\w+):-10\.213\.(0|[1-9]\d{0,2})\}\.0\/24$/.exec(subnet) ?? []
  assert.equal(variable, subnetVariable(owner), subnet)
  return Number(number)
}

describe('compose.yml against tenants.ts', () => {
  it('has no profile, service, volume, network or secret that belongs to no tenant and not to core', () => {
    const owned = (name: string) =>
      name.startsWith('core-') ||
      name === 'edge-public' ||
      ALL_CORE_SECRETS.includes(name) ||
      registry.some(
        ({ prefix, name: tenant }) =>
          name.startsWith(`${prefix}-`) || name.startsWith(`${tenant}-`) || name.startsWith(`${prefix}_`),
      )
    for (const section of ['services', 'volumes', 'networks', 'secrets']) {
      assert.deepEqual(
        Object.keys(compose[section]).filter((name) => !owned(name)),
        [],
        section,
      )
    }
    const profiles = new Set(Object.values(services).flatMap((service) => service.profiles))
    const known = [...registry.flatMap(({ name }) => [name, `${name}-jobs`]), 'core', ...CORE_PARTS]
    assert.deepEqual(
      [...profiles].filter((profile) => !known.includes(profile)),
      [],
    )
  })

  it('lets Traefik alone join the public network and publish ports', () => {
    const joined = Object.entries(services).filter(([, { networks = [] }]) =>
      (Array.isArray(networks) ? networks : Object.keys(networks)).includes('edge-public'),
    )
    assert.deepEqual(
      joined.map(([name]) => name),
      ['core-traefik'],
    )
    const publishing = Object.entries(services).filter(([, service]) => 'ports' in service)
    assert.deepEqual(
      publishing.map(([name]) => name),
      ['core-traefik'],
    )
  })

  it('leads Uptime Kuma, in the network of core, to the hosts of every tenant through Traefik', () => {
    const joined = services['core-traefik']?.networks as unknown as Record<string, { aliases: string[] }>
    const hosts = registry.flatMap(({ site, posHost }) => [site, posHost])
    assert.deepEqual(joined['core-edge']?.aliases, [SIGN_IN, ...hosts])
    assert.deepEqual(services['core-uptime-kuma']?.networks, ['core-edge', 'core-egress'])
  })

  it('gives each edge network a number of its own: core the first, a tenant any other', () => {
    assert.equal(edgeNumber({ name: 'core' }), 0)
    const numbers = registry.map(edgeNumber)
    assert.deepEqual(
      numbers.filter((number, index) => number < 1 || number > 255 || numbers.indexOf(number) < index),
      [],
    )
  })

  for (const tenant of registry) {
    it(`${tenant.name} has an edge network on which Traefik has the address that the frontend believes, and both hosts`, () => {
      const subnet = `\${${subnetVariable(tenant)}:-10.213.${edgeNumber(tenant)}}`
      const network = `${tenant.name}-edge`
      const joined = services['core-traefik']?.networks as unknown as Record<string, unknown>
      const aliases = [tenant.site, tenant.posHost, SIGN_IN]
      assert.deepEqual(joined[network], { ipv4_address: `${subnet}.2`, aliases })
      assert.equal(services[tenant.service('frontend')]?.environment?.UPSTREAM_REAL_IP_ADDRESS, `${subnet}.2`)
      assert.deepEqual(compose.networks[network].ipam.config, [
        { subnet: `${subnet}.0/24`, ip_range: `${subnet}.128/25` },
      ])
    })
  }

  for (const tenant of registry) {
    const own = Object.entries(services).filter(([, service]) => service.profiles.includes(tenant.name))

    it(`${tenant.name} has each service once, in its own profile, with its label and container name`, () => {
      assert.deepEqual(own.map(([name]) => name).sort(), PARTS.map((part) => tenant.service(part)).sort())
      for (const [name, service] of own) {
        assert.deepEqual(service.profiles, [tenant.name])
        assert.equal(service.labels['erp.tenant'], tenant.name)
        const named = name === tenant.service('worker') ? undefined : `\${ERP_PREFIX:-}${name}`
        assert.equal(service.container_name, named)
      }
    })

    it(`${tenant.name} has its jobs in a profile of their own, which starts nothing of another tenant`, () => {
      const jobs = Object.entries(services).filter(([, service]) => service.profiles.includes(`${tenant.name}-jobs`))
      assert.deepEqual(jobs.map(([name]) => name).sort(), JOBS.map((part) => tenant.service(part)).sort())
      for (const [, service] of jobs) {
        assert.deepEqual(service.profiles, [`${tenant.name}-jobs`])
        assert.equal(service.labels['erp.tenant'], tenant.name)
        assert.equal(service.restart, 'no')
      }
    })

    it(`${tenant.name} has its volumes under the derived names`, () => {
      const volumes = Object.keys(compose.volumes).filter((name) => name.startsWith(`${tenant.prefix}-`))
      assert.deepEqual(volumes.sort(), TENANT_VOLUMES.map((part) => tenant.volume(part)).sort())
      for (const name of volumes) assert.equal(compose.volumes[name].name, `\${ERP_PREFIX:-}${name}`)
    })

    it(`${tenant.name} mounts nothing and joins nothing of another tenant`, () => {
      const all = Object.values(services).filter(({ labels }) => labels['erp.tenant'] === tenant.name)
      const foreign = (values: string[], mine: RegExp) => values.filter((value) => !mine.test(value))
      const volumes = all.flatMap((service) => service.volumes ?? [])
      assert.deepEqual(foreign(volumes, new RegExp(`^(\\./tenant|${tenant.prefix}-[a-z-]+):/`)), [])
      const networks = all.flatMap(({ networks: joined = [] }) =>
        Array.isArray(joined) ? joined : Object.keys(joined),
      )
      assert.deepEqual(foreign(networks, new RegExp(`^${tenant.name}-(internal|edge|egress)$`)), [])
      const secrets = all.flatMap((service) => service.secrets ?? []).map(({ source }) => source)
      assert.deepEqual(foreign(secrets, new RegExp(`^${tenant.prefix}_`)), [])
      assert.ok(volumes.length > 10 && networks.length > 10 && secrets.length >= 5)
    })

    it(`${tenant.name} has no way out in a drill, and an edge network that needs no subnet of its own`, () => {
      const networks = drill.services[tenant.service('backend')]?.networks
      assert.deepEqual(Object.keys(networks ?? {}).sort(), [`${tenant.name}-edge`, `${tenant.name}-internal`])
      assert.deepEqual(drill.networks[`${tenant.name}-edge`], { ipam: null })
    })

    it(`${tenant.name} reads its secrets from the derived files`, () => {
      for (const name of MOUNTED_SECRETS) {
        const file = tenant.secret(name).slice(settings.home.length)
        assert.equal(compose.secrets[`${tenant.prefix}_${name}`].file, `\${ERP_HOME:-.}${file}`)
      }
    })

    it(`${tenant.name} serves its own site, and its networks have no way out but egress`, () => {
      assert.equal(services[tenant.service('backend')]?.environment?.SITE, tenant.site)
      assert.equal(services[tenant.service('frontend')]?.environment?.FRAPPE_SITE_NAME_HEADER, tenant.site)
      assert.equal(compose.networks[`${tenant.name}-internal`].internal, true)
      assert.equal(compose.networks[`${tenant.name}-edge`].internal, true)
    })
  }
})
