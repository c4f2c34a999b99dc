/** Core itself: its containers, and whether Traefik works by exactly what was published. */
import { renderServices, type Service } from '../compose.ts'
import type { Container } from '../containers.ts'
import { verifyEdge } from '../edge/check.ts'
import { isAsPublished, publishedFiles, readMark } from '../edge/publish.ts'
import { edgeSettings } from '../edge/settings.ts'
import { askTraefik } from '../edge/traefik.ts'
import { messageOf } from '../errors.ts'
import { partsAmong, type Tenant, type Unit } from '../registry.ts'
import { type Finding, type Probe, runProbes } from './check.ts'
import { containerFindings } from './containers.ts'
import { coreHostProbes } from './edge.ts'
import type { Front } from './front.ts'

const DEPLOY = 'npx zx scripts/deploy.ts core'

/** Core's findings; one warning where it was never deployed. @param limit seconds */
export async function coreFindings(
  core: Unit,
  registry: Tenant[],
  front: Promise<Front>,
  limit: number,
): Promise<Finding[]> {
  const probe = (part: string, check: string, run: (found: Front) => Promise<Finding[]>): Probe => ({
    part,
    check,
    remedy: DEPLOY,
    limit,
    run: async () => run(await front),
  })
  return runProbes([
    probe('traefik', 'container', async ({ deployed, containers }) => {
      if (deployed) return partFindings(core, await renderServices(core), containers)
      return [
        { part: 'traefik', check: 'container', state: 'warn', is: 'not deployed: no public host', remedy: DEPLOY },
      ]
    }),
    probe('traefik', 'routers', async ({ deployed }) => (deployed ? routerFindings(core, registry) : [])),
    ...coreHostProbes(core, front, limit),
  ])
}

/** Each part of core's that was deployed, container by container; a part without any is a decision, told as a warning. */
function partFindings(core: Unit, services: Service[], containers: Container[]): Finding[] {
  const there = services.filter(({ name }) => containers.some(({ service }) => service === name))
  const deployed = partsAmong(there)
  const isOf = (parts: readonly string[]) => (service: Service) => service.profiles.some((one) => parts.includes(one))
  const absent = partsAmong(services).filter((part) => !deployed.includes(part))
  return [
    ...containerFindings(core, services.filter(isOf(deployed)), containers),
    ...absent.map(
      (part): Finding => ({
        part,
        check: 'container',
        state: 'warn',
        is: 'not deployed',
        remedy: `${DEPLOY} --only ${part}`,
      }),
    ),
  ]
}

/** `/ping` says OK while every tenant answers 404: the truth is in the API, which is one of the routers itself. */
async function routerFindings(core: Unit, registry: Tenant[]): Promise<Finding[]> {
  const part = { part: 'traefik', check: 'routers' }
  const fail = (is: string, remedy = DEPLOY): Finding[] => [{ ...part, state: 'fail', is, remedy }]
  const fault = await faultOfFiles(core, registry)
  if (fault) return fail(fault)
  const [{ mark, routers }, published] = await Promise.all([askTraefik(core), readMark(core)])
  if (mark !== published) return fail('Traefik has not loaded what was published', core.logs('traefik'))
  const bad = routers.filter(({ faults }) => faults.length > 0)
  if (bad.length > 0)
    return fail(bad.map(({ name, faults }) => `${name}: ${faults.join(', ')}`).join('; '), core.logs('traefik'))
  return [{ ...part, state: 'ok', is: `${routers.length} enabled` }]
}

/** A file that was written by hand: Traefik goes on with the old ones, and at its next start serves nobody. */
async function faultOfFiles(core: Unit, registry: Tenant[]): Promise<string | undefined> {
  if (await isAsPublished(core)) return undefined
  try {
    verifyEdge(await publishedFiles(core), { tenants: registry, domain: edgeSettings(core.settings).domain })
    return 'state/core/edge was changed by hand'
  } catch (error) {
    return messageOf(error)
  }
}
