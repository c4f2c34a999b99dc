/**
 * Makes a registry and a compose file of many tenants, out of dickson's own entries in tenants.ts and compose.yml with
 * the name replaced: what is measured can never differ from what is deployed.
 */
import { parse } from 'yaml'
import type { TenantSpec } from '../lib/registry.ts'

const MODEL = 'dickson'

/** `t01`, `t02`, … */
export const tenantNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `t${String(index + 1).padStart(2, '0')}`)

/** The text of a registry file with one tenant a name. */
export function registryOf(model: TenantSpec, names: string[]): string {
  const specs = names.map((name) => [name, { ...substitute(model, name), brand: model.brand }])
  return `export default ${JSON.stringify(Object.fromEntries(specs), null, 2)}\n`
}

/** The parts of a compose file that hold entries of a tenant. */
type Entries = Record<string, unknown>
type ComposeFile = { name: string } & Partial<Record<(typeof SECTIONS)[number], Entries>>
const SECTIONS = ['services', 'networks', 'volumes', 'secrets', 'configs'] as const

/** The text of a compose file with the model's entries once a name, each network in a `subnet` of its own. */
export function composeOf(text: string, names: string[], subnet: (index: number) => string): string {
  const file = parse(text, { merge: true, maxAliasCount: -1 }) as ComposeFile
  const grown = Object.fromEntries(SECTIONS.map((section) => [section, multiply(file[section] ?? {}, names)]))
  const networks = addressed(grown.networks ?? {}, subnet)
  return `${JSON.stringify({ name: file.name, ...grown, networks, configs: file.configs }, null, 2)}\n`
}

/**
 * The text of an overlay that gives each network of a compose file a `subnet` of its own: Docker's default address pools
 * hold about thirty networks on the whole engine, and a tenant has three.
 */
export function subnetsOf(text: string, subnet: (index: number) => string): string {
  const { networks = {} } = parse(text, { merge: true, maxAliasCount: -1 }) as ComposeFile
  const free = Object.entries(networks).filter(([, network]) => !(network as Entries).ipam)
  const bare = Object.fromEntries(free.map(([name]) => [name, {}]))
  return `${JSON.stringify({ networks: addressed(bare, subnet) }, null, 2)}\n`
}

function multiply(entries: Entries, names: string[]): Entries {
  const model = Object.fromEntries(Object.entries(entries).filter(([key]) => key.startsWith(MODEL)))
  return Object.assign({}, ...names.map((name) => substitute(model, name)))
}

function addressed(networks: Entries, subnet: (index: number) => string): Entries {
  const entries = Object.entries(networks).map(([name, network], index) => {
    return [name, { ...(network as Entries), ipam: { config: [{ subnet: subnet(index) }] } }]
  })
  return Object.fromEntries(entries)
}

/** The same value with the model's name replaced, in keys, names, hosts and variables. */
function substitute<T>(value: T, name: string): T {
  const text = JSON.stringify(value).replaceAll(MODEL, name).replaceAll(MODEL.toUpperCase(), name.toUpperCase())
  return JSON.parse(text) as T
}
