/** Asks the hosts that a deploy has published, and lets Traefik try again for the certificates that they lack. */
import type { Container } from '../containers.ts'
import type { Tenant, Unit } from '../registry.ts'
import { edgeOf } from './hosts.ts'
import { type Asked, dnsTroubles, proveHosts, type Silent } from './prove.ts'
import { publish } from './publish.ts'

/** One deploy's share of the edge. */
export interface EdgeWork {
  core: Unit
  registry: Tenant[]
  /** Holds core's lock, for publishing alone. */
  publishing<T>(work: () => Promise<T>): Promise<T>
}

/** A tenant's two hosts. */
export const hostsOf = ({ site, posHost }: Tenant) => [site, posHost]
/** The same with what shows that the site answers. */
export const askedOf = (tenant: Tenant): Asked[] =>
  hostsOf(tenant).map((host) => ({ host, path: '/api/method/ping', says: 'pong' }))

/** Hosts that were published, and the names of their files. */
export interface Public {
  hosts: Asked[]
  names: string[]
}

/** Where nothing was published Traefik is told to try again for what it lacks: by itself it would a day later. */
export async function askHosts(
  { hosts, names }: Public,
  published: string[],
  containers: Container[],
  work: EdgeWork,
): Promise<Silent[]> {
  const { core, registry, publishing } = work
  const edge = edgeOf(core, containers)
  if (!edge || hosts.length === 0) return []
  const first = await proveHosts(hosts, edge, false)
  if (first.length === 0) return []
  const troubles = await dnsTroubles(
    hosts.map(({ host }) => host),
    core,
  )
  const hopeless = troubles.some(({ state }) => state === 'fail')
  if (hopeless && first.every(({ lacks }) => lacks === 'certificate')) return first
  if (published.length === 0 && first.some(({ lacks }) => lacks === 'certificate')) {
    await publishing(() => publish({ core, registry, names, again: true }))
  }
  return proveHosts(hosts, edge, true)
}
