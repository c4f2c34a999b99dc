/** What a tenant's deploy does about its two hosts: core itself is never touched by it. */
import { renderServices } from '../compose.ts'
import { type Container, tenantContainers } from '../containers.ts'
import { planChanges } from '../deploy.ts'
import { OperatorError } from '../errors.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { askedOf, askHosts, type EdgeWork, hostsOf } from './ask.ts'
import { edgeOf } from './hosts.ts'
import { refuseBlind } from './outdated.ts'
import { dnsWarnings } from './prove.ts'
import { planPublishing, publish } from './publish.ts'

const DEPLOY_CORE = 'npx zx scripts/deploy.ts core'

/** What a tenant's deploy found out about its hosts before it changed anything. */
export interface EdgeGround {
  warnings: string[]
  /** Names of files that will be published. */
  changed: string[]
  core: Container[]
  /** Core's services that differ from compose.yml: Traefik joins a new tenant's network by a deploy of core. */
  differs: string[]
}

/**
 * A tenant's file, its DNS, and core as it runs: never changed by a tenant's deploy, only told.
 * @throws OperatorError (3) with every fault of the file.
 */
export async function edgePreflight(tenant: Tenant, { core, registry }: EdgeWork): Promise<EdgeGround> {
  const [{ changed }, containers] = await Promise.all([
    planPublishing({ core, registry, names: [tenant.name] }),
    tenantContainers(core),
  ])
  if (containers.length === 0) return { changed, core: containers, differs: [], warnings: [] }
  if (changed.length > 0) await refuseBlind(core)
  const services = await renderServices(core, { hashes: true })
  const changes = planChanges(services, containers).filter(({ why }) => why === 'changed')
  const differs = changes.map(({ service }) => service)
  const warnings = differs.map((service) => `${service} differs from compose.yml and was left as it is: ${DEPLOY_CORE}`)
  return { changed, core: containers, differs, warnings: [...warnings, ...(await dnsWarnings(hostsOf(tenant), core))] }
}

/**
 * Publish a tenant's file and see both hosts answer through Traefik, where it runs.
 * @throws OperatorError (3) or (1) where the file is refused; (1) where a host with a certificate does not answer
 */
export async function bringHosts(
  tenant: Tenant,
  ground: EdgeGround,
  work: EdgeWork,
  reporter: Reporter,
): Promise<boolean> {
  const { step, warn } = reporter
  const order = { core: work.core, registry: work.registry, names: [tenant.name] }
  const published = await step('Publish its two hosts', () => work.publishing(() => publish(order)))
  const edge = edgeOf(work.core, ground.core)
  if (!edge) reporter.say(`  the public hosts come with ${DEPLOY_CORE}`)
  if (!edge) return false
  const traefik = ground.core.find(({ service }) => service === work.core.service('traefik'))
  if (traefik && ground.differs.includes(traefik.service) && !traefik.addresses[tenant.network('edge')]) {
    warn(`${tenant.name}: Traefik is not in its network yet: ${DEPLOY_CORE}`)
    return false
  }
  const silent = await step(`Ask ${tenant.site} and ${tenant.posHost} through Traefik`, () =>
    askHosts({ hosts: askedOf(tenant), names: [tenant.name] }, published, ground.core, work),
  )
  const mute = silent.find(({ lacks }) => lacks === 'answer')
  if (mute) {
    const hint = `npx zx scripts/healthcheck.ts ${tenant.name}`
    throw new OperatorError(`${tenant.name}: ${mute.host} does not answer through Traefik: ${mute.is}`, { hint })
  }
  for (const { host, is } of silent) warn(`${host} has no certificate yet: ${is}: see docs/edge.md`)
  return silent.length === 0
}
