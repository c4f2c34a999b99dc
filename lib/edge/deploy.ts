/** What a deploy does about the edge: core itself, or the two hosts of one tenant. Neither touches the other. */
import { join } from 'node:path'
import { renderServices } from '../compose.ts'
import { type Container, tenantContainers } from '../containers.ts'
import { type Change, planChanges, startServices } from '../deploy.ts'
import { docker, type Engine } from '../docker.ts'
import { OperatorError, preconditionError } from '../errors.ts'
import { verifyHardening } from '../gate.ts'
import { portHolder } from '../ports.ts'
import { type Ground, groundOf, pullMissing, verifyEngine, verifyReadable } from '../preflight.ts'
import type { Tenant, Unit } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { edgeOf } from './hosts.ts'
import { dnsTroubles, dnsWarnings, proveHosts, type Silent } from './prove.ts'
import { planPublishing, publish, publishedTenants, readMark } from './publish.ts'
import { parsePort, verifyEdgeSettings } from './settings.ts'
import { awaitTaken, isOutdated } from './traefik.ts'

/** One deploy's share of the edge. */
export interface EdgeWork {
  core: Unit
  registry: Tenant[]
  /** Holds core's lock, for publishing alone. */
  publishing<T>(work: () => Promise<T>): Promise<T>
}

const DEPLOY_CORE = 'npx zx scripts/deploy.ts core'

/** What a tenant's deploy found out about its hosts before it changed anything. */
export interface EdgeGround {
  warnings: string[]
  /** Names of files that will be published. */
  changed: string[]
  core: Container[]
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
  if (containers.length === 0) return { changed, core: containers, warnings: [] }
  const services = await renderServices(core, { hashes: true })
  const differs = planChanges(services, containers).filter(({ why }) => why === 'changed')
  const warnings = differs.map(
    ({ service }) => `${service} differs from compose.yml and was left as it is: ${DEPLOY_CORE}`,
  )
  return { changed, core: containers, warnings: [...warnings, ...(await dnsWarnings(hostsOf(tenant), core))] }
}

const hostsOf = ({ site, posHost }: Tenant) => [site, posHost]

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
  const silent = await step(`Ask ${tenant.site} and ${tenant.posHost} through Traefik`, () =>
    askHosts([tenant], published, ground.core, work),
  )
  const mute = silent.find(({ lacks }) => lacks === 'answer')
  if (mute) {
    const hint = `npx zx scripts/healthcheck.ts ${tenant.name}`
    throw new OperatorError(`${tenant.name}: ${mute.host} does not answer through Traefik: ${mute.is}`, { hint })
  }
  for (const { host, is } of silent) warn(`${host} has no certificate yet: ${is}: see docs/edge.md`)
  return silent.length === 0
}

/** Where nothing was published Traefik is told to try again for what it lacks: by itself it would a day later. */
async function askHosts(
  tenants: Tenant[],
  published: string[],
  containers: Container[],
  work: EdgeWork,
): Promise<Silent[]> {
  const { core, registry, publishing } = work
  const edge = edgeOf(core, containers)
  if (!edge || tenants.length === 0) return []
  const first = await proveHosts(tenants, edge, false)
  if (first.length === 0) return []
  const hopeless = (await dnsTroubles(tenants.flatMap(hostsOf), core)).some(({ state }) => state === 'fail')
  if (hopeless && first.every(({ lacks }) => lacks === 'certificate')) return first
  if (published.length === 0 && first.some(({ lacks }) => lacks === 'certificate')) {
    const names = tenants.map(({ name }) => name)
    await publishing(() => publish({ core, registry, names, again: true }))
  }
  return proveHosts(tenants, edge, true)
}

/** What `deploy.ts core` did, or would do. */
export interface CoreResult {
  changes: Change[]
  published: string[]
}

interface CoreOptions extends EdgeWork {
  engine: Engine
  /** Seconds for services to become healthy. */
  timeout: number
  dryRun: boolean
}

/** Bring core up: its files first, so that Traefik starts with them, then the containers, then the proof. */
export async function deployCore(options: CoreOptions, reporter: Reporter): Promise<CoreResult> {
  const { core, registry, timeout } = options
  const { step, warn } = reporter
  const names = await publishedTenants(core, registry)
  const order = { core, registry, names, tidy: true }
  const ground = await step('Check the machine, the settings and the files of the edge', () => corePreflight(options))
  for (const warning of ground.warnings) warn(warning)
  const traefik = core.service('traefik')
  const plain = planChanges(ground.services, ground.containers)
  const restarts = plain.length === 0 && (await isOutdated(core))
  const changes: Change[] = restarts ? [{ service: traefik, why: 'changed' }] : plain
  if (options.dryRun) return { changes, published: (await planPublishing(order)).changed }
  if (changes.length > 0) {
    await step('Get the images that are missing', (note) => pullMissing(core, ground.services, note))
  }
  const published = await step('Publish the files that were checked', () => options.publishing(() => publish(order)))
  if (changes.length > 0) {
    await step('Start Traefik', async (note) => {
      if (restarts) await docker(['restart', core.container('traefik')], { timeout: 60 })
      await startServices(core, ground.services, timeout, note)
    })
  }
  await step('Wait until Traefik works by them', async () => awaitTaken(core, (await readMark(core)) ?? ''))
  await tellSilent(options, names, published, reporter)
  return { changes, published }
}

/** A host that does not answer is its tenant's matter: a warning here. */
async function tellSilent(
  work: EdgeWork,
  names: string[],
  published: string[],
  { step, warn }: Reporter,
): Promise<void> {
  const tenants = work.registry.filter(({ name }) => names.includes(name))
  if (tenants.length === 0) return warn('no tenant is published yet: npx zx scripts/deploy.ts <tenant>')
  const containers = await tenantContainers(work.core)
  const silent = await step('Ask the public hosts', () => askHosts(tenants, published, containers, work))
  for (const { host, lacks, is } of silent) {
    warn(
      lacks === 'certificate'
        ? `${host} has no certificate yet: ${is}: see docs/edge.md`
        : `${host} does not answer: ${is}`,
    )
  }
}

/** @throws OperatorError (3); nothing was changed. */
async function corePreflight({ core, registry, engine }: CoreOptions): Promise<Ground> {
  await verifyEngine(engine)
  verifyEdgeSettings(core.settings, registry)
  const names = await publishedTenants(core, registry)
  const hosts = registry.filter(({ name }) => names.includes(name)).flatMap(hostsOf)
  const [ground, dns] = await Promise.all([
    groundOf(core, engine),
    hosts.length > 0 ? dnsWarnings(hosts, core) : [],
    planPublishing({ core, registry, names, tidy: true }),
    verifyReadable(join(core.settings.root, 'core/traefik')),
    verifyHardening(core, registry, core),
  ])
  await verifyPorts(core, ground.containers)
  return { ...ground, warnings: [...ground.warnings, ...dns] }
}

/** @throws OperatorError (3) that names who holds the port. */
async function verifyPorts({ settings, ...core }: Unit, containers: Container[]): Promise<void> {
  const own = containers.find(({ service }) => service === core.service('traefik'))
  const mine = Object.values(own?.ports ?? {}).map(({ port }) => port)
  for (const [name, usual] of [
    ['HTTP_PORT', '80'],
    ['HTTPS_PORT', '443'],
  ] as const) {
    const { address, port } = parsePort(settings.env[name] || usual)
    const holder = port === 0 || mine.includes(port) ? undefined : await portHolder(port, address)
    if (!holder) continue
    throw preconditionError(`port ${port} is held by ${holder}; nothing was started`, `stop it, or set ${name} in .env`)
  }
}
