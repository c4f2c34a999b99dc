/** The gate's written lists: everything that a service may have beyond the rules, each with its reason. */
import { join, resolve } from 'node:path'
import { variableOf } from '../backup/repository.ts'
import type { TENANT_SECRETS, Tenant } from '../registry.ts'
import { CORE, type Court, type Subject } from './rendered.ts'

/**
 * Capabilities that a part may add back after all were dropped. Traefik has none: Docker lets every user bind ports
 * below 1024.
 */
export const CAPABILITIES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  volumes: { CHOWN: 'gives a new volume to the user who uses it' },
  'sso-volumes': { CHOWN: 'gives a new volume to the user who uses it' },
  'monitoring-volumes': { CHOWN: 'gives a new volume to the user who uses it' },
  backup: { DAC_READ_SEARCH: "reads every user's files, and writes none" },
  restore: {
    CHOWN: 'gives restored files their owners',
    FOWNER: 'gives restored files their modes and times',
    DAC_OVERRIDE: "writes into every user's folders",
  },
}

/** Parts that run as root: without a capability but those above, that is whose files they may open. */
export const ROOTS: Readonly<Record<string, string>> = {
  volumes: 'gives a new volume to the user who uses it',
  'sso-volumes': 'gives a new volume to the user who uses it',
  'monitoring-volumes': 'gives a new volume to the user who uses it',
  backup: "reads every user's files, and owns the repository",
  restore: "writes into every user's folders",
  'syslog-ng': "reads Docker's logs, which are root's",
}

/** Programs whose patch releases have two numbers. */
export const TWO_NUMBERS: readonly string[] = ['postgres']

/** The one service that publishes ports: variable with its default on the host → port in the container. */
export const PUBLISHER = 'core-traefik'
export const PORTS = [
  { variable: 'HTTP_PORT', fallback: '0.0.0.0:80', target: 80 },
  { variable: 'HTTPS_PORT', fallback: '0.0.0.0:443', target: 443 },
] as const

/** Who may join a tenant's edge network besides the publisher: those that a browser's requests lead to. */
export const EDGE_PARTS: readonly string[] = ['frontend', 'backend', 'socketio']

/** A tenant's secrets that core reads as well: the sign-in service and ERPNext prove themselves to each other by it. */
const SECRETS_FOR_CORE: readonly (typeof TENANT_SECRETS)[number][] = ['oidc_client_secret']

interface HostPath {
  path: string
  writable: boolean
  why: string
  /** Itself alone: below /proc lies the whole host. */
  exact?: true
}

/** What one part of core alone may see of the host. */
const OF_CORE: Readonly<Record<string, { at: (home: string) => string; why: string; exact?: true }[]>> = {
  traefik: [{ at: (home) => join(home, 'state/core/edge'), why: 'what it serves: checked and published by a rename' }],
  'node-exporter': [
    { at: (home) => join(home, 'state/core/metrics'), why: 'what healthcheck.ts writes for Prometheus' },
    { at: () => '/proc', why: "the machine's figures", exact: true },
    { at: () => '/sys', why: "the machine's figures", exact: true },
  ],
  'syslog-ng': [{ at: () => '/var/lib/docker/containers', why: 'the logs that are collected' }],
}

/** The paths of the host that a service may mount; what lies below them too, unless they are exact. */
export function hostPaths({ owner, part }: Subject, { settings: { root, home, env } }: Court): HostPath[] {
  if (!owner) return []
  const reads = (path: string, why: string): HostPath => ({ path, writable: false, why })
  const noAuthority = reads(join(root, 'core/traefik/no-ca.pem'), 'the file that stands for no private authority')
  const authority = env.ACME_CA_CERTIFICATE
    ? [noAuthority, reads(resolve(root, env.ACME_CA_CERTIFICATE), 'the certificate of a private authority')]
    : [noAuthority]
  if (owner === CORE) {
    return [
      ...authority,
      reads(join(root, 'core'), "the repository's own configuration"),
      ...(OF_CORE[part] ?? []).map((one) => ({
        ...reads(one.at(home), one.why),
        ...(one.exact && { exact: one.exact }),
      })),
    ]
  }
  const own = reads(join(root, 'tenant'), "the repository's own entry points and health probes")
  if (part !== 'backup' && part !== 'restore') return [own, ...authority]
  const repository = env[variableOf(owner, 'repository')] ?? ''
  const local = [join(home, 'backups', owner.name), ...(repository.startsWith('/') ? [repository] : [])]
  return [own, ...local.map((path) => ({ path, writable: true, why: 'the backup repository' }))]
}

/** Whether a file of secrets/ is a service's to read: its tenant's own, and for core what belongs to no tenant. */
export function maySeeSecret({ owner }: Subject, file: string, tenants: readonly Pick<Tenant, 'prefix'>[]): boolean {
  const holder = tenants.find(({ prefix }) => file.startsWith(`${prefix}_`))
  if (owner !== CORE) return owner !== undefined && holder?.prefix === owner.prefix
  return !holder || SECRETS_FOR_CORE.some((name) => file === `${holder.prefix}_${name}.txt`)
}
