/** What a tenant is: the rules its literal in tenants.ts must keep, and every name that follows from it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, preconditionError, quoted, usageError } from './errors.ts'
import type { Settings } from './settings.ts'

/** Everything that an operator decides about a tenant. */
export interface TenantSpec {
  /** Stands before the names of its services, containers and volumes. */
  readonly prefix: string
  /** How people call it. */
  readonly title: string
  /** The Frappe site, which is also its ERP host name. */
  readonly site: string
  /** The host name of its point of sale. */
  readonly posHost: string
  /** The folder below branding/. */
  readonly brand: string
  /** Apps to install besides frappe, in order. */
  readonly apps: readonly string[]
  readonly erpnextMajor: 15 | 16
  /** IANA name. */
  readonly timeZone: string
  /** As ERPNext's list of countries spells it. */
  readonly country: string
  /** ISO 639-1. */
  readonly language: string
  readonly objectives: {
    readonly maxBackupAgeHours: number
    readonly maxDrillAgeDays: number
    readonly restoreSeconds: number
  }
  readonly retention: { readonly keepDaily: number; readonly keepWeekly: number; readonly keepMonthly: number }
  /** Whether a stranger may sign up. */
  readonly signUps: boolean
}

/** What is brought up as one, with its derived names: a tenant, or core, which stands before them all. */
export interface Unit {
  readonly name: string
  readonly title: string
  readonly prefix: string
  /** The compose profile. */
  readonly profile: string
  readonly settings: Settings
  /** The compose project, one for the whole installation. */
  readonly project: string
  /** The file whose lock a verb holds while it works on this. */
  readonly lock: string
  /** The compose service of a part: `db` is `dickson-db`. */
  service(part: string): string
  /** The container of a part (not for `worker`, which scales). */
  container(part: string): string
  volume(part: string): string
  /** The path of a secret's file. */
  secret(name: string): string
  /** The command that shows the log of a part. */
  logs(part: string): string
  /** A path below state/<name>/. */
  state(...path: string[]): string
}

export interface Tenant extends TenantSpec, Unit {
  network(kind: (typeof TENANT_NETWORKS)[number]): string
}

/** A tenant's Redis, each with a password of its own. */
export const REDIS = ['redis-cache', 'redis-queue'] as const
export type RedisPart = (typeof REDIS)[number]

/** The path of the desk, which has moved with version 16. */
export const deskOf = ({ erpnextMajor }: Pick<TenantSpec, 'erpnextMajor'>) => (erpnextMajor >= 16 ? '/desk' : '/app')

/** The networks that each tenant has. */
export const TENANT_NETWORKS = ['internal', 'edge', 'egress'] as const

/** The parts of core: each a compose profile, which `deploy.ts core --only` names. */
export const CORE_PARTS = ['edge', 'sso', 'monitoring'] as const
export type CorePart = (typeof CORE_PARTS)[number]

/** The parts of core that have a service among these. Pure. */
export const partsAmong = (services: readonly { profiles: readonly string[] }[]): CorePart[] =>
  CORE_PARTS.filter((part) => services.some(({ profiles }) => profiles.includes(part)))

/** The secrets of core by the part that needs them, made by generate-secrets. */
export const CORE_SECRETS: Readonly<Record<CorePart, readonly string[]>> = {
  edge: [],
  sso: ['authentik_secret_key', 'authentik_db_password', 'authentik_bootstrap_password', 'grafana_oidc_client_secret'],
  monitoring: ['grafana_admin_password', 'grafana_oidc_client_secret', 'uptime_kuma_admin_password'],
}

/** Each of them once: Authentik and Grafana prove themselves to each other by one. */
export const ALL_CORE_SECRETS = [...new Set(CORE_PARTS.flatMap((part) => CORE_SECRETS[part]))]

/** The secrets that each tenant has, made by generate-secrets. */
export const TENANT_SECRETS = [
  'db_password',
  'admin_password',
  'redis_cache_password',
  'redis_queue_password',
  'backup_password',
  'oidc_client_secret',
] as const

/** The volumes that each tenant has. */
export const TENANT_VOLUMES = [
  'db-data',
  'redis-cache-data',
  'redis-queue-data',
  'sites-data',
  'assets-data',
  'config-data',
  'backup-staging',
] as const

const NAME = /^[a-z][a-z0-9-]{1,30}$/
/** What core's own files, services and secrets begin with, and what drills make and remove. */
const RESERVED = /^(core|drill|edge|shared|published|authentik|grafana|alertmanager|operators|uptime)(-|$)/
/** A host name, lower case. */
export const HOST = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/

/**
 * Read the registry.
 * @throws OperatorError (3) that lists every fault with its path, such as `dickson.posHost: also used by byrne.site`.
 */
export async function readRegistry(settings: Settings): Promise<Tenant[]> {
  const specs = await importRegistry(settings.registry)
  const faults = registryFaults(specs)
  if (faults.length > 0) throw preconditionError(`${settings.registry}: ${faults.join('; ')}`, 'correct the registry')
  return Object.entries(specs).map(([name, spec]) => makeTenant(name, spec, settings))
}

async function importRegistry(file: string): Promise<Record<string, TenantSpec>> {
  if (!existsSync(file))
    throw preconditionError(`the registry ${file} does not exist`, 'ERP_TENANTS names another file')
  try {
    const { default: specs } = await import(pathToFileURL(file).href)
    if (typeof specs === 'object' && specs !== null) return specs
  } catch (error) {
    throw preconditionError(`${file} cannot be read: ${messageOf(error)}`, 'correct the registry', error)
  }
  throw preconditionError(`${file} has no default export of tenants`, 'see docs/adding-a-tenant.md')
}

/** Give a checked literal its derived names. */
export function makeTenant(name: string, spec: TenantSpec, settings: Settings): Tenant {
  const state = (...path: string[]) => join(settings.home, 'state', name, ...path)
  return {
    ...spec,
    ...namesOf(spec.prefix, settings),
    name,
    profile: name,
    lock: state('lock'),
    logs: (part) => `npx zx scripts/tenant.ts ${name} logs ${part}`,
    state,
    network: (kind) => `${settings.prefix}${name}-${kind}`,
    secret: (secret) => join(settings.home, 'secrets', `${spec.prefix}_${secret}.txt`),
  }
}

/**
 * What `deploy.ts core` brings up: the part that is named, or all of it; without CORE_DOMAIN, below which the others have
 * their hosts, that is Traefik. `state/core/lock` is for publishing alone.
 */
export function makeCore(settings: Settings, part?: CorePart): Unit {
  const names = namesOf('core', settings)
  const state = (...path: string[]) => join(settings.home, 'state', 'core', ...path)
  return {
    ...names,
    name: 'core',
    title: 'Core',
    prefix: 'core',
    profile: part ?? (settings.env.CORE_DOMAIN ? 'core' : 'edge'),
    lock: state('deploy.lock'),
    secret: (secret) => join(settings.home, 'secrets', `${secret}.txt`),
    logs: (part) => `docker logs --tail 100 ${names.container(part)}`,
    state,
  }
}

function namesOf(prefix: string, settings: Settings) {
  const named = (part: string) => `${settings.prefix}${prefix}-${part}`
  const project = `${settings.prefix}securenexus-erp`
  return { settings, project, service: (part: string) => `${prefix}-${part}`, container: named, volume: named }
}

/** Every fault of a registry, each with its path. Pure, so that a test can show each rule. */
export function registryFaults(specs: Record<string, TenantSpec>): string[] {
  const names = Object.keys(specs)
  if (names.length === 0) return ['no tenant']
  return [...names.flatMap((name) => specFaults(name, specs[name])), ...sharedValues(specs)]
}

type Rule = [path: string, holds: (spec: TenantSpec) => boolean, must: string]

/** Only a string is matched: an undefined value would be tested as the word `undefined`. */
const matches = (pattern: RegExp, value: unknown) => typeof value === 'string' && pattern.test(value)
const positive = (value: unknown) => Number.isInteger(value) && (value as number) > 0
const RULES: Rule[] = [
  ['prefix', (t) => matches(NAME, t.prefix), 'must be 2 to 31 lower-case letters, digits and dashes'],
  ['prefix', (t) => !matches(RESERVED, t.prefix), 'is reserved'],
  ['title', (t) => typeof t.title === 'string' && t.title.trim() !== '', 'must be a name'],
  ['site', (t) => matches(HOST, t.site), 'must be a host name'],
  ['posHost', (t) => matches(HOST, t.posHost), 'must be a host name'],
  ['brand', (t) => matches(NAME, t.brand), 'must be a folder name below branding/'],
  ['brand', (t) => t.brand !== 'common', 'is reserved for what the brands share'],
  [
    'apps',
    (t) => Array.isArray(t.apps) && t.apps.every((app) => matches(/^[a-z][a-z0-9_]*$/, app)),
    'must be app names',
  ],
  ['apps', (t) => t.apps?.includes?.('erpnext') === true, 'must contain erpnext'],
  ['erpnextMajor', (t) => [15, 16].includes(t.erpnextMajor), 'must be 15 or 16'],
  ['timeZone', (t) => isTimeZone(t.timeZone), 'must be an IANA time zone such as Europe/Dublin'],
  ['country', (t) => typeof t.country === 'string' && t.country.trim() !== '', "must be a country's name"],
  ['language', (t) => matches(/^[a-z]{2,3}(-[A-Z]{2})?$/, t.language), 'must be a language code such as en'],
  ['objectives.maxBackupAgeHours', (t) => positive(t.objectives?.maxBackupAgeHours), 'must be a whole number above 0'],
  ['objectives.maxDrillAgeDays', (t) => positive(t.objectives?.maxDrillAgeDays), 'must be a whole number above 0'],
  ['objectives.restoreSeconds', (t) => positive(t.objectives?.restoreSeconds), 'must be a whole number above 0'],
  ['retention.keepDaily', (t) => positive(t.retention?.keepDaily), 'must be a whole number above 0'],
  ['retention.keepWeekly', (t) => positive(t.retention?.keepWeekly), 'must be a whole number above 0'],
  ['retention.keepMonthly', (t) => positive(t.retention?.keepMonthly), 'must be a whole number above 0'],
  ['signUps', (t) => typeof t.signUps === 'boolean', 'must be true or false'],
]

function specFaults(name: string, spec: TenantSpec | undefined): string[] {
  const ofName =
    NAME.test(name) && !RESERVED.test(name)
      ? []
      : [`${name}: must be 2 to 31 lower-case letters, digits, dashes, and not reserved`]
  if (typeof spec !== 'object' || spec === null) return [...ofName, `${name}: must be a tenant's literal`]
  return [...ofName, ...RULES.filter(([, holds]) => !holds(spec)).map(([path, , must]) => `${name}.${path}: ${must}`)]
}

/** Hosts and prefixes belong to one tenant; a prefix that begins with another's and a dash would mix their names. */
function sharedValues(specs: Record<string, TenantSpec>): string[] {
  const uses = Object.entries(specs).flatMap(([name, spec]) => [
    { path: `${name}.prefix`, value: `prefix ${spec?.prefix}` },
    { path: `${name}.site`, value: `host ${spec?.site}` },
    { path: `${name}.posHost`, value: `host ${spec?.posHost}` },
  ])
  const twice = uses.flatMap(({ path, value }, index) => {
    const first = uses.findIndex((use) => use.value === value)
    return first < index ? [`${path}: also used by ${uses[first]?.path}`] : []
  })
  const names = Object.keys(specs)
  const nested = names.flatMap((name) =>
    names
      .filter((other) => other !== name && specs[name]?.prefix?.startsWith?.(`${specs[other]?.prefix}-`))
      .map((other) => `${name}.prefix: begins with ${other}'s prefix and a dash`),
  )
  return [...twice, ...nested]
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return typeof name === 'string' && name.includes('/')
  } catch {
    return false
  }
}

/**
 * The tenant of a name that was typed.
 * @throws OperatorError (2) that lists the known tenants and suggests the nearest.
 */
export function findTenant(tenants: Tenant[], name: string): Tenant {
  const found = tenants.find((tenant) => tenant.name === name)
  if (found) return found
  const known = tenants.map((tenant) => tenant.name)
  const nearest = NAME.test(name) ? known.find((one) => distance(one, name) <= 2) : undefined
  throw usageError(
    `unknown tenant ${quoted(name)}; known: ${known.join(', ')}`,
    nearest ? `did you mean ${nearest}?` : undefined,
  )
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min((row[j] ?? 0) + Number(letter !== other), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
