/** Whose hosts a dynamic file serves: a tenant's two, or those of a part of core below the operator's own domain. */
import type { CorePart, Tenant } from '../registry.ts'
import type { Asked } from './prove.ts'

/** A dynamic file's owner: what it may match, and where that may lead. */
export interface Holder {
  /** The file's name without `.yml`. */
  name: string
  hosts: readonly string[]
  /** The URLs of services behind it. */
  backends: readonly string[]
}

/** A host of core: what stands before CORE_DOMAIN, its service, and what shows without a login that this answers. */
interface CoreHost {
  label: string
  service: string
  proof: Omit<Asked, 'host'>
}

const AUTHENTIK = 'http://core-authentik:9000'

/** The parts of core that a browser reaches. */
const PUBLIC: { part: CorePart; hosts: CoreHost[]; backends: string[] }[] = [
  {
    part: 'sso',
    hosts: [{ label: 'auth', service: 'core-authentik', proof: { path: '/-/health/ready/' } }],
    backends: [AUTHENTIK],
  },
  {
    part: 'monitoring',
    hosts: [
      { label: 'grafana', service: 'core-grafana', proof: { path: '/api/health' } },
      // What Uptime Kuma says of a token that nobody has: the one path that is not behind the sign-in.
      {
        label: 'status',
        service: 'core-uptime-kuma',
        proof: { path: `/api/push/${'0'.repeat(32)}`, status: 404, says: '"ok":false' },
      },
    ],
    backends: ['http://core-grafana:3000', 'http://core-uptime-kuma:3001', AUTHENTIK],
  },
]

/** What stands for the operator's domain in core's own sources. */
export const DOMAIN = 'CORE_DOMAIN'

/** A tenant as the holder of its file. */
export const tenantHolder = ({ name, site, posHost, service }: Tenant): Holder => ({
  name,
  hosts: [site, posHost],
  backends: [`http://${service('frontend')}:8080`],
})

/** A part of core that browsers reach; `services` has the service of each of its hosts. */
export interface CoreHolder extends Holder {
  part: CorePart
  services: readonly string[]
}

/** Core's holders, one for each part with a host; none without a domain. */
export function coreHolders(domain: string | undefined): CoreHolder[] {
  if (!domain) return []
  return PUBLIC.map(({ part, hosts, backends }) => ({
    part,
    name: `core-${part}`,
    hosts: hosts.map(({ label }) => `${label}.${domain}`),
    services: hosts.map(({ service }) => service),
    backends,
  }))
}

/** Every host of core. */
export const coreHosts = (domain: string | undefined) => coreHolders(domain).flatMap(({ hosts }) => hosts)

/** What shows that the service of a core host answers. */
export function proofOf(host: string, domain: string): Asked {
  const known = PUBLIC.flatMap(({ hosts }) => hosts).find(({ label }) => `${label}.${domain}` === host)
  return { path: '/', ...known?.proof, host }
}
