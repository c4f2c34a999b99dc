/** Which doors a container may find open, and which must be shut to it: pure, from who is where. */
import { EDGE_PARTS, PUBLISHER } from '../gate/lists.ts'
import { CORE, type Owner } from '../gate/rendered.ts'
import type { Neighbour, Neighbourhood } from './neighbours.ts'

/** A port at an address or a name. */
export interface Door {
  host: string
  port: number
  /**
   * `foreign` must be shut. A `control` must be open, by address and by name: it proves that the probe works. The
   * `machine` is a listener of the host, which answers through a bridge's gateway.
   */
  kind: 'foreign' | 'control' | 'machine'
  /** By its name, so that the network's own DNS is asked. */
  named: boolean
  /** Whose door it is: `erpnext-db (byrne)`. */
  of: string
}

/** A port on which the machine itself listens. */
export interface Listener {
  /** Undefined: at every address. */
  address: string | undefined
  port: number
}

/** Every door that a probe from `from` tries. */
export function doorsOf(from: Neighbour, all: Neighbour[], networks: Neighbourhood[], listeners: Listener[]): Door[] {
  const others = all.filter(({ id }) => id !== from.id)
  const homes = new Map(networks.map(({ network, home }) => [network, home]))
  return [...others.flatMap((to) => towards(from, to, homes)), ...throughGateways(from, all, networks, listeners)]
}

function towards(from: Neighbour, to: Neighbour, homes: Map<string, Owner | undefined>): Door[] {
  const common = Object.keys(to.addresses).filter((network) => network in from.addresses)
  const byAddress = Object.entries(to.addresses).flatMap(([network, hosts]) =>
    hosts.map((host) => ({ host, named: false, via: common.filter((name) => name === network) })),
  )
  const byName = to.names.map((host) => ({ host, named: true, via: common }))
  const of = `${to.name} (${to.owner.name})`
  return (to.ports ?? []).flatMap((port) =>
    [...byAddress, ...byName].flatMap(({ host, named, via }): Door[] => {
      const meant = via.some((network) =>
        isMeant(from, to, network.endsWith('-edge') ? homes.get(network) : undefined, port),
      )
      if (meant) return [{ host, port, named, of, kind: 'control' }]
      return from.owner === to.owner ? [] : [{ host, port, named, of, kind: 'foreign' }]
    }),
  )
}

/** A tenant's own on any network; on the edge of a tenant also Traefik, whose API is for nobody. */
function isMeant(from: Neighbour, to: Neighbour, edge: Owner | undefined, port: number): boolean {
  if (from.owner === to.owner) return true
  const [tenant, traefik] = from.owner === CORE ? [to, from] : [from, to]
  const onEdge = edge === tenant.owner && EDGE_PARTS.includes(tenant.part)
  return onEdge && traefik.service === PUBLISHER && (traefik === from || [80, 443].includes(port))
}

/** The machine's own addresses on the container's networks, at each port that answers there; the public hosts excepted. */
function throughGateways(from: Neighbour, all: Neighbour[], networks: Neighbourhood[], listeners: Listener[]): Door[] {
  const gateways = networks.filter(({ network }) => network in from.addresses).flatMap((one) => one.gateways)
  return gateways.flatMap((host) => {
    const published = all.flatMap((to) => to.published.map((port) => ({ to, port })))
    const heard = listeners.filter(({ address }) => address === undefined || address === host).map(({ port }) => port)
    const own = [...new Set(heard)].filter((port) => !published.some((door) => door.port === port))
    return [
      ...published
        .filter(({ to }) => to.service !== PUBLISHER && to.owner !== from.owner)
        .map(
          ({ to, port }): Door => ({ host, port, named: false, kind: 'foreign', of: `${to.name} (${to.owner.name})` }),
        ),
      ...own.map((port): Door => ({ host, port, named: false, kind: 'machine', of: 'this machine' })),
    ]
  })
}
