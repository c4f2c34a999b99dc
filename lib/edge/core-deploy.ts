/** Brings core, or a part of it, up: its files, its containers, and the proof that its hosts answer. */
import type { Service } from '../compose.ts'
import { type Container, isRunning, tenantContainers } from '../containers.ts'
import { type Change, planChanges, startServices } from '../deploy.ts'
import { docker, type Engine } from '../docker.ts'
import { afterChange, isFailure, OperatorError, preconditionError } from '../errors.ts'
import { verifyHardening } from '../gate.ts'
import { keepMonitors } from '../kuma.ts'
import { portHolder } from '../ports.ts'
import { type Ground, groundOf, pullMissing, verifyEngine, verifyReadable } from '../preflight.ts'
import { CORE_SECRETS, type CorePart, partsAmong, type Tenant, type Unit } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { verifySecrets } from '../secrets.ts'
import { applyBlueprint } from '../sso/authentik.ts'
import { askedOf, askHosts, type EdgeWork, type Public } from './ask.ts'
import { coreHolders, proofOf } from './holders.ts'
import { blindParts, outdatedServices, type Reader, restartBlind } from './outdated.ts'
import { dnsWarnings } from './prove.ts'
import { type Order, planPublishing, publish, publishedNames, readMark } from './publish.ts'
import { edgeSettings, parsePort, verifyEdgeSettings } from './settings.ts'
import { awaitTaken } from './traefik.ts'

/** What `deploy.ts core` did, or would do. */
export interface CoreResult {
  /** As the operator calls them. */
  parts: string[]
  changes: Change[]
  published: string[]
  /** Uptime Kuma's, as they are called: made or changed. */
  monitors: string[]
}

interface CoreOptions extends EdgeWork {
  engine: Engine
  /** Seconds for services to become healthy. */
  timeout: number
  dryRun: boolean
  /** Tenants that are deployed after it. */
  next: readonly Tenant[]
}

/** Bring core or a part of it up: its files first, so that Traefik starts with them, then the containers, then the proof. */
export async function deployCore(options: CoreOptions, reporter: Reporter): Promise<CoreResult> {
  const { core } = options
  const { step, warn } = reporter
  const look = await step('Check the machine, the settings and the files of the edge', () => corePreflight(options))
  const { ground, order, blind } = look
  for (const warning of ground.warnings) warn(warning)
  const plain = planChanges(ground.services, ground.containers)
  const outdated = await outdatedServices(core, ground, plain)
  const restarted = [...new Set([...outdated, ...blind.map((part) => core.service(part))])]
  const others = restarted.filter((service) => !plain.some((change) => change.service === service))
  const changes: Change[] = [...plain, ...others.map((service): Change => ({ service, why: 'changed' }))]
  if (options.dryRun) {
    const published = (await planPublishing(order)).changed
    return { parts: partsOf(ground.services), changes, published, monitors: [] }
  }
  if (changes.length > 0) {
    await step('Get the images that are missing', (note) => pullMissing(core, ground.services, note))
  }
  await restartBlind(core, blind, reporter)
  const done = bringUp(options, look, { changes, outdated }, reporter)
  return blind.length > 0 ? afterChange(done) : done
}

async function bringUp(
  options: CoreOptions,
  { ground, order, own, tenants }: CoreGround,
  { changes, outdated }: { changes: Change[]; outdated: string[] },
  reporter: Reporter,
): Promise<CoreResult> {
  const { core, timeout } = options
  const { step } = reporter
  const parts = partsOf(ground.services)
  const published = await step('Publish the files that were checked', () => options.publishing(() => publish(order)))
  if (changes.length > 0) {
    await step(`Start ${parts.join(', ')}`, async (note) => {
      const older = ground.containers.filter(({ service }) => outdated.includes(service)).map(({ id }) => id)
      if (older.length > 0) await docker(['restart', ...older], { timeout: 120 })
      await startServices(core, ground.services, timeout, note)
    })
  }
  if (changes.some(({ service }) => service === core.service('authentik-worker'))) await letOperatorsIn(core, reporter)
  await step('Wait until Traefik works by them', async () => awaitTaken(core, (await readMark(core)) ?? ''))
  const told = tellSilent(options, { own, tenants, published }, reporter)
  await (changes.length > 0 ? afterChange(told) : told)
  return { parts, changes, published, monitors: await watch(options, ground.services, reporter) }
}

/**
 * Authentik applies a blueprint again where its file has changed, not where CORE_DOMAIN has; and a fresh one may not have been
 * able to at its start. That it is not applied is a warning: all else is up.
 */
async function letOperatorsIn(core: Unit, { step, warn }: Reporter): Promise<void> {
  try {
    await step("Apply the operators' blueprint in Authentik", () => applyBlueprint(core, { name: 'operators' }))
  } catch (error) {
    if (!isFailure(error)) throw error
    const again = `docker exec ${core.container('authentik-worker')} ak apply_blueprint custom/operators.yaml`
    warn(`operators may not get into Grafana and Uptime Kuma: ${error.message}; ${again}`)
  }
}

/** Where Uptime Kuma is here it is told what to watch. That it cannot be told is a warning: all else is up. */
async function watch({ core, registry }: CoreOptions, services: Service[], reporter: Reporter): Promise<string[]> {
  const { domain } = edgeSettings(core.settings)
  const { step, warn } = reporter
  if (!domain || !includesPart(core, services, 'uptime-kuma')) return []
  try {
    return await step('Tell Uptime Kuma what to watch', () => keepMonitors(core, registry, domain, warn))
  } catch (error) {
    if (!isFailure(error)) throw error
    warn(`Uptime Kuma does not watch what it should: ${error.message}${error.hint ? `; ${error.hint}` : ''}`)
    return []
  }
}

/** Whether a part is among what is deployed. */
const includesPart = (core: Unit, services: Service[], part: string) =>
  services.some(({ name }) => name === core.service(part))

/** What is started, as the operator calls it. */
const partsOf = (services: Service[]) => partsAmong(services).map((part) => TITLES[part])
const TITLES: Record<CorePart, string> = { edge: 'Traefik', sso: 'single sign-on', monitoring: 'monitoring' }

/** A tenant's host that does not answer is its tenant's matter: a warning here. */
async function tellSilent(
  work: EdgeWork,
  { own, tenants, published }: { own: Public; tenants: Public; published: string[] },
  { step, warn }: Reporter,
): Promise<void> {
  if (tenants.names.length === 0) warn('no tenant is published yet: npx zx scripts/deploy.ts <tenant>')
  const both = { hosts: [...own.hosts, ...tenants.hosts], names: [...own.names, ...tenants.names] }
  if (both.names.length === 0) return
  const containers = await tenantContainers(work.core)
  const silent = await step('Ask the public hosts', () => askHosts(both, published, containers, work))
  for (const { host, lacks, is } of silent) {
    const mine = own.hosts.some((asked) => asked.host === host)
    if (mine && lacks === 'answer') throw new OperatorError(`core: ${host} does not answer through Traefik: ${is}`)
    warn(
      lacks === 'certificate'
        ? `${host} has no certificate yet: ${is}: see docs/edge.md`
        : `${host} does not answer: ${is}`,
    )
  }
}

/** What a deploy of core found out before it changed anything. */
interface CoreGround {
  ground: Ground
  order: Order
  /** What is brought up now, and what was published for tenants. */
  own: Public
  tenants: Public
  /** What reads a directory of state/ that is gone. */
  blind: Reader[]
}

/** @throws OperatorError (3); nothing was changed. */
async function corePreflight({ core, registry, engine, next }: CoreOptions): Promise<CoreGround> {
  await verifyEngine(engine)
  verifyEdgeSettings(core.settings, registry)
  await requireFront(core)
  const ground = await groundOf(core, engine)
  const blind = await blindParts(core, ground.containers)
  // where the published files are gone with state/, whoever was deployed is served again
  const lost = blind.includes('traefik') || (await readMark(core)) === undefined
  const deployed = await deployedNames(registry)
  const names = lost ? deployed : await publishedNames(core, registry)
  const shown = [...names, ...next.map(({ name }) => name)]
  const dark = deployed.filter((name) => !shown.includes(name)) // a state/ that was put back may be older than they are
  const published = registry.filter(({ name }) => names.includes(name))
  const own = ownHosts(core, ground.services)
  const tenants = { hosts: published.flatMap(askedOf), names }
  const order = { core, registry, names: [...own.names, ...names], tidy: true }
  const hosts = [...own.hosts, ...tenants.hosts].map(({ host }) => host)
  const [dns] = await Promise.all([
    hosts.length > 0 ? dnsWarnings(hosts, core) : [],
    planPublishing(order),
    verifyReadable(core, 'core'),
    verifyHardening(core, registry),
    verifySecrets(core, registry, secretsOf(ground.services)),
    // Authentik's worker gets every tenant's, also of one that is not deployed yet
    ...(partsAmong(ground.services).includes('sso')
      ? registry.map((tenant) => verifySecrets(tenant, registry, ['oidc_client_secret']))
      : []),
  ])
  await verifyPorts(core, ground.containers)
  const hidden = dark.map((name) => `${name} is deployed, and not published: npx zx scripts/deploy.ts ${name}`)
  const told = [...muteWarnings(core, ground.services), ...logWarnings(core, ground.services, engine)]
  const warnings = [...ground.warnings, ...dns, ...hidden, ...told]
  return { ground: { ...ground, warnings }, order, own, tenants, blind }
}

/** The tenants whose frontend is there. */
async function deployedNames(registry: readonly Tenant[]): Promise<string[]> {
  const found = await Promise.all(
    registry.map(async (tenant) => (await tenantContainers(tenant)).map(({ service }) => service)),
  )
  return registry.filter((tenant, index) => found[index]?.includes(tenant.service('frontend'))).map(({ name }) => name)
}

/** Alerts that nobody hears look like peace. */
function muteWarnings(core: Unit, services: Service[]): string[] {
  const { env } = core.settings
  const heard = env.ALERT_MAIL_TO || env.ALERT_WEBHOOK_URL
  if (heard || !includesPart(core, services, 'alertmanager')) return []
  return ['no alert reaches anybody: set ALERT_MAIL_TO or ALERT_WEBHOOK_URL in .env: docs/monitoring.md']
}

/** The log of a container lies where the engine keeps its data; syslog-ng reads the usual place. */
function logWarnings(core: Unit, services: Service[], { dataRoot }: Engine): string[] {
  if (dataRoot === '/var/lib/docker' || !includesPart(core, services, 'syslog-ng')) return []
  return [`no log reaches Loki: Docker's directory is ${dataRoot}, and core-syslog-ng reads /var/lib/docker/containers`]
}

/** A part without Traefik has no host, and without a domain no name. @throws OperatorError (3) */
async function requireFront(core: Unit): Promise<void> {
  if (core.profile === 'edge') return
  if (!edgeSettings(core.settings).domain)
    throw preconditionError('CORE_DOMAIN is not set: core has no host without it', 'set it in .env: docs/edge.md')
  if (core.profile !== 'core' && !(await isRunning(core, 'traefik')))
    throw preconditionError(
      'Traefik does not run: nothing would lead to it',
      `npx zx scripts/deploy.ts core --only edge`,
    )
}

/** The hosts whose services are here. */
function ownHosts(core: Unit, rendered: Service[]): Public {
  const { domain = '' } = edgeSettings(core.settings)
  const isHere = (service = '') => rendered.some(({ name }) => name === service)
  const there = coreHolders(domain)
    .map(({ name, hosts, services }) => ({ name, hosts: hosts.filter((_, index) => isHere(services[index])) }))
    .filter(({ hosts }) => hosts.length > 0)
  return {
    hosts: there.flatMap(({ hosts }) => hosts.map((host) => proofOf(host, domain))),
    names: there.map(({ name }) => name),
  }
}

const secretsOf = (services: Service[]) => partsAmong(services).flatMap((part) => CORE_SECRETS[part])

/** @throws OperatorError (3) that names who holds the port. */
async function verifyPorts({ settings, ...core }: Unit, containers: Container[]): Promise<void> {
  const own = containers.find(({ service }) => service === core.service('traefik'))
  const mine = Object.values(own?.ports ?? {}).map(({ port }) => port)
  for (const [name, usual] of [
    ['HTTP_PORT', '0.0.0.0:80'],
    ['HTTPS_PORT', '0.0.0.0:443'],
  ] as const) {
    const { address, port } = parsePort(settings.env[name] || usual)
    const holder = port === 0 || mine.includes(port) ? undefined : await portHolder(port, address)
    if (!holder) continue
    throw preconditionError(`port ${port} is held by ${holder}; nothing was started`, `stop it, or set ${name} in .env`)
  }
}
