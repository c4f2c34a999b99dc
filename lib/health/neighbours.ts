/** Who is where: every container of this installation with its owner, addresses and ports, and who is on each network. */
import { networkInterfaces } from 'node:os'
import { docker, inspect } from '../docker.ts'
import { OperatorError } from '../errors.ts'
import { CORE, type Owner } from '../gate/rendered.ts'
import type { Tenant } from '../registry.ts'

/**
 * The ports on which each part listens. A part that is not in here and whose image names no port cannot be tried, and
 * that is a failure.
 */
const PORTS: Readonly<Record<string, readonly number[]>> = {
  db: [3306],
  'redis-cache': [6379],
  'redis-queue': [6379],
  backend: [8000],
  socketio: [9000],
  frontend: [8080],
  traefik: [80, 443, 8080, 8082], // the latter: its API, for itself alone, and its figures, for core alone
  prometheus: [9090],
  alertmanager: [9093],
  'node-exporter': [9100],
  loki: [3100, 9096],
  grafana: [3000],
  'uptime-kuma': [3001],
  'syslog-ng': [],
  worker: [],
  authentik: [9000, 9443, 9300],
  'authentik-worker': [9000, 9300], // its health and its metrics
  'authentik-db': [5432],
  scheduler: [],
}

/** Docker's network of those who have none. */
const ALONE = 'none'

/** A container that runs. */
export interface Neighbour {
  id: string
  name: string
  service: string
  /** `db` of `dickson-db`. */
  part: string
  owner: Owner
  /** The image's id. */
  image: string
  /** What it is called on its networks. */
  names: string[]
  /** Addresses by the network's name. */
  addresses: Record<string, string[]>
  /** Undefined where nobody knows. */
  ports: readonly number[] | undefined
  /** Ports of the machine that lead to it. */
  published: number[]
}

/** Who is on a network, running or not; a stranger has no owner. */
export interface Neighbourhood {
  network: string
  /** Whose it is, by its name. */
  home: Owner | undefined
  members: { name: string; service: string; owner: Owner | undefined }[]
  /** The machine's own addresses on it. */
  gateways: string[]
}

interface RawContainer {
  Id: string
  Name: string
  Image: string
  State: { Status: string }
  Config: { Labels: Record<string, string>; ExposedPorts?: Record<string, object> }
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string; GlobalIPv6Address?: string }>
    Ports: Record<string, { HostPort: string }[] | null> | null
  }
}

interface RawNetwork {
  Id: string
  Name: string
  Containers?: Record<string, { Name: string }>
  IPAM: { Config?: { Gateway?: string }[] | null }
}

/** Everything that is asked of the engine: three calls. @throws OperatorError (1) */
export async function lookAround(tenants: Tenant[]): Promise<{ running: Neighbour[]; networks: Neighbourhood[] }> {
  const label = `label=com.docker.compose.project=${tenants[0]?.project}`
  const { stdout } = await docker(['ps', '-aq', '--no-trunc', '--filter', label], { timeout: 10 })
  const raw = await inspect<RawContainer>('container', stdout.split('\n').filter(Boolean), 10)
  const joined = new Set(raw.flatMap(({ NetworkSettings }) => Object.keys(NetworkSettings.Networks)))
  joined.delete(ALONE)
  const known = await inspect<RawNetwork>('network', [...joined], 10)
  const running = raw.flatMap((container) => neighbour(container, tenants))
  const missing = running
    .flatMap(({ addresses }) => Object.keys(addresses))
    .find((name) => !known.some(({ Name }) => Name === name))
  if (missing) throw new OperatorError(`the network ${missing} cannot be inspected`)
  return { running, networks: known.map((network) => neighbourhood(network, raw, tenants)) }
}

const ownerOf = ({ Config: { Labels } }: RawContainer, tenants: Tenant[]): Owner | undefined =>
  [...tenants, CORE].find(({ name }) => name === Labels['erp.tenant'])

/** A service's container that runs; one-off runs come and go. */
function neighbour(raw: RawContainer, tenants: Tenant[]): Neighbour[] {
  const { Labels, ExposedPorts = {} } = raw.Config
  const owner = ownerOf(raw, tenants)
  const once = Labels['com.docker.compose.oneoff'] === 'True'
  if (!owner || once || raw.State.Status !== 'running') return []
  const service = Labels['com.docker.compose.service'] ?? ''
  const part = service.slice(owner.prefix.length + 1)
  const exposed = Object.keys(ExposedPorts).filter((port) => port.endsWith('/tcp'))
  const ports = [...(PORTS[part] ?? []), ...exposed.map((port) => Number.parseInt(port, 10))]
  const networks = Object.entries(raw.NetworkSettings.Networks).filter(([name]) => name !== ALONE)
  const bound = Object.values(raw.NetworkSettings.Ports ?? {}).flatMap((bindings) => bindings ?? [])
  return [
    {
      id: raw.Id,
      name: raw.Name.slice(1),
      service,
      part,
      owner,
      image: raw.Image,
      names: [...new Set([raw.Name.slice(1), service])],
      addresses: Object.fromEntries(
        networks.map(([name, at]) => [name, [at.IPAddress, at.GlobalIPv6Address ?? ''].filter(Boolean)]),
      ),
      ports: PORTS[part] || exposed.length > 0 ? [...new Set(ports)] : undefined,
      published: [...new Set(bound.map(({ HostPort }) => Number(HostPort)))],
    },
  ]
}

function neighbourhood(
  { Id, Name, Containers = {}, IPAM }: RawNetwork,
  raw: RawContainer[],
  tenants: Tenant[],
): Neighbourhood {
  const ours = raw.filter(({ NetworkSettings }) => Name in NetworkSettings.Networks)
  const strangers = Object.entries(Containers).filter(([id]) => !ours.some((one) => one.Id === id))
  // Docker tells no gateway of a network whose subnet was given by hand: the bridge itself has the address.
  const bridge = (networkInterfaces()[`br-${Id.slice(0, 12)}`] ?? []).filter(({ scopeid = 0 }) => scopeid === 0)
  const told = (IPAM.Config ?? []).flatMap(({ Gateway }) => (Gateway ? [Gateway] : []))
  const kind = /^(.*)-(internal|edge|egress)$/.exec(Name)?.[1]
  return {
    network: Name,
    home: [...tenants, CORE].find(({ name }) => kind === `${tenants[0]?.settings.prefix}${name}`),
    members: [
      ...ours.map((one) => ({
        name: one.Name.slice(1),
        service: one.Config.Labels['com.docker.compose.service'] ?? '',
        owner: ownerOf(one, tenants),
      })),
      ...strangers.map(([, { Name: name }]) => ({ name, service: '', owner: undefined })),
    ],
    gateways: [...new Set([...bridge.map(({ address }) => address), ...told])],
  }
}
