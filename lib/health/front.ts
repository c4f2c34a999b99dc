/** Traefik and what it was told, looked at once for all that ask through it. */
import { type Container, tenantContainers } from '../containers.ts'
import { volumeNames } from '../docker.ts'
import { coreHolders } from '../edge/holders.ts'
import { type Edge, edgeOf } from '../edge/hosts.ts'
import { publishedNames } from '../edge/publish.ts'
import { edgeSettings } from '../edge/settings.ts'
import type { Tenant, Unit } from '../registry.ts'

/** What the public hosts need to know of core. */
export interface Front {
  containers: Container[]
  /** Core was deployed once: its volume is made by nothing else, and outlives its containers. */
  deployed: boolean
  /** Nothing where Traefik does not run. */
  edge: Edge | undefined
  /** Names of the tenants and of the parts of core whose hosts Traefik was told. */
  published: string[]
}

/** One look at core for all that ask. */
export async function lookAtCore(core: Unit, registry: Tenant[]): Promise<Front> {
  const holders = [...registry, ...coreHolders(edgeSettings(core.settings).domain)]
  const [containers, published] = await Promise.all([tenantContainers(core, 3), publishedNames(core, holders)])
  const deployed = containers.length > 0 || (await volumeNames()).has(core.volume('acme-data'))
  return { containers, deployed, edge: edgeOf(core, containers), published }
}
