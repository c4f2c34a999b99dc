/** The configuration as `docker compose config` renders it, as far as the gate asks, and whom each service belongs to. */
import type { Tenant } from '../registry.ts'
import type { Settings } from '../settings.ts'

export interface Mount {
  type: string
  source?: string
  target: string
  read_only?: boolean
}

export interface RenderedService {
  image?: string
  container_name?: string
  hostname?: string
  user?: string
  read_only?: boolean
  profiles?: string[]
  labels?: Record<string, string>
  restart?: string
  cap_add?: string[]
  cap_drop?: string[]
  security_opt?: string[]
  devices?: unknown[]
  device_cgroup_rules?: string[]
  gpus?: unknown
  use_api_socket?: boolean
  network_mode?: string
  pid?: string
  ipc?: string
  uts?: string
  userns_mode?: string
  cgroup?: string
  mem_limit?: string | number
  cpus?: string | number
  pids_limit?: number
  deploy?: {
    resources?: {
      limits?: { memory?: string; cpus?: string | number; pids?: number }
      reservations?: { devices?: unknown[] }
    }
  }
  logging?: { driver?: string; options?: Record<string, string> }
  healthcheck?: { disable?: boolean; test?: string[] }
  ports?: { host_ip?: string; target: number; published?: string; protocol?: string }[]
  environment?: Record<string, string | null>
  volumes?: Mount[]
  volumes_from?: string[]
  networks?: Record<string, { aliases?: string[] } | null>
  secrets?: { source: string }[]
  configs?: { source: string }[]
}

/** A network or a volume. */
export interface Resource {
  name?: string
  external?: boolean
  driver?: string
  driver_opts?: Record<string, string>
  /** A network without a way out. */
  internal?: boolean
}

interface FileResource extends Resource {
  file?: string
  content?: string
}

/** The whole configuration, every profile's services included. */
export interface Rendered {
  services: Record<string, RenderedService>
  networks?: Record<string, Resource>
  volumes?: Record<string, Resource>
  secrets?: Record<string, FileResource>
  configs?: Record<string, FileResource>
}

/** A tenant, or the core that serves them all. */
export type Owner = Pick<Tenant, 'name' | 'prefix'>
export const CORE: Owner = { name: 'core', prefix: 'core' }

/** One service before the gate. */
export interface Subject {
  name: string
  service: RenderedService
  /** Nobody's where its label says nothing that we know. */
  owner: Owner | undefined
  /** `db` of `dickson-db`. */
  part: string
}

/** What the gate judges by, besides the service itself. */
export interface Court {
  rendered: Rendered
  /** Every tenant of the registry. */
  tenants: readonly Owner[]
  settings: Pick<Settings, 'root' | 'home' | 'prefix' | 'env'>
  /** The values of the files in secrets/. */
  secrets: readonly { file: string; value: string }[]
}

/** The services with their owners, by the label `erp.tenant`. */
export function subjectsOf({ rendered, tenants }: Pick<Court, 'rendered' | 'tenants'>): Subject[] {
  return Object.entries(rendered.services).map(([name, service]) => {
    const owner = [...tenants, CORE].find((one) => one.name === service.labels?.['erp.tenant'])
    const own = owner && name.startsWith(`${owner.prefix}-`)
    return { name, service, owner, part: own ? name.slice(owner.prefix.length + 1) : name }
  })
}

/** A fault where something holds; nothing where it does not. */
export const when = (holds: boolean, fault: string): string[] => (holds ? [fault] : [])
