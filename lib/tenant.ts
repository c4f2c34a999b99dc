/** What tenant.ts does to one tenant's services. Every call names the services: no bare `compose stop` or `down`. */
import { quote } from 'zx/core'
import { composeArgs, renderServices, type Service, stopArgs, upArgs } from './compose.ts'
import { type Container, tenantContainers } from './containers.ts'
import { type Change, phases, planChanges, proveFrontend, startServices } from './deploy.ts'
import { docker, dockerAttached, dockerExec, type LineOutput } from './docker.ts'
import { OperatorError, preconditionError, quoted, shown, usageError } from './errors.ts'
import { verifyHardening } from './gate.ts'
import type { Tenant } from './registry.ts'
import type { Reporter } from './reporter.ts'
import { verifySecrets } from './secrets.ts'
import { flush, refuseHalfMade } from './site.ts'
import { waitUntilHealthy } from './wait.ts'

/** Seconds. */
const PATIENCE = 300

/**
 * Start everything that a deploy has made, in the deploy's order, as it was made: what has changed since, such as a new
 * release, is a deploy's to bring, with what it says and checks.
 */
export async function start(tenant: Tenant, registry: Tenant[], reporter: Reporter): Promise<void> {
  await startThese(tenant, await lookBefore(tenant, registry, reporter), reporter)
}

/** What is to be started. @throws OperatorError (3) where that may not be, or would be of two releases */
async function lookBefore(tenant: Tenant, registry: Tenant[], { warn }: Reporter): Promise<Service[]> {
  await Promise.all([verifySecrets(tenant, registry), verifyHardening(tenant, registry)])
  const services = await renderServices(tenant, { hashes: true })
  const changes = planChanges(services, await tenantContainers(tenant))
  const changed = changes.filter(({ why }) => why === 'changed')
  const lasting = services.filter(({ oneShot }) => !oneShot).map(({ name }) => name) // a job may have been pruned
  const makes = changes.some(({ service, why }) => why === 'missing' && lasting.includes(service))
  if (changed.length > 0 && makes) throw newBesideOld(tenant, changed)
  await refuseHalfMade(tenant)
  if (changed.length > 0) warn(`${asDeployed(changed)}: npx zx scripts/deploy.ts ${tenant.name}`)
  return services
}

async function startThese(tenant: Tenant, services: Service[], { step }: Reporter): Promise<void> {
  const { stores, configurator, application } = phases(tenant, services)
  const up = (list: Service[]) => (note: (text: string) => void) =>
    startServices(tenant, list, PATIENCE, note, { recreate: 'never' })
  await step('Start the database and both Redis', up(stores))
  await step('Start the application', async (note) => {
    await up(configurator)(note)
    await up(application)(note)
  })
  await step('Ask the site through its frontend', () => proveFrontend(tenant, { moved: true }))
}

const asDeployed = (changed: Change[]) =>
  `${changed.map(({ service }) => service).join(', ')}: as last deployed, not as configured now`

/** What is made now would be of another release than what runs, and perhaps than the data. */
function newBesideOld(tenant: Tenant, changed: Change[]): OperatorError {
  return preconditionError(
    `${asDeployed(changed)}: what is made now would not be as they are; nothing was changed`,
    `npx zx scripts/deploy.ts ${tenant.name}`,
  )
}

/** Stop this tenant's services and nothing else; compose stops them against their order of dependence. */
export async function stop(tenant: Tenant, { step }: Reporter): Promise<void> {
  const names = (await tenantContainers(tenant)).map(({ service }) => service)
  if (names.length === 0) return
  await step(`Stop ${tenant.name}`, () => docker(stopArgs(tenant, [...new Set(names)]), { timeout: 180 }))
}

/** Restart all of a tenant, or some parts: `backend`, `worker`. Ends with a proof that nginx found them again. */
export async function restart(tenant: Tenant, registry: Tenant[], parts: string[], reporter: Reporter): Promise<void> {
  if (parts.length === 0) {
    const services = await lookBefore(tenant, registry, reporter)
    await stop(tenant, reporter)
    return startThese(tenant, services, reporter)
  }
  const services = await chooseServices(tenant, parts)
  const names = services.map(({ name }) => name)
  await reporter.step(`Restart ${parts.join(', ')}`, async (note) => {
    await docker(composeArgs(tenant, 'restart', '--no-deps', ...names), { timeout: 180 })
    await waitUntilHealthy(tenant, services, PATIENCE, note)
  })
  await reporter.step('Ask the site through its frontend', () => proveFrontend(tenant, { moved: true }))
}

/** The services of the parts that were named; all of them where none was. */
async function chooseServices(tenant: Tenant, parts: string[]): Promise<Service[]> {
  const services = await renderServices(tenant)
  if (parts.length === 0) return services
  return parts.map((part) => {
    const found = services.find(({ name }) => name === tenant.service(part) || name === part)
    if (found) return found
    const known = services.map(({ name }) => name.slice(tenant.prefix.length + 1)).join(', ')
    throw usageError(`${tenant.name} has no service ${quoted(part)}; it has: ${known}`)
  })
}

/**
 * Set the number of workers; nothing else is recreated.
 * @throws OperatorError (3) where new ones would be of another release than the old
 */
export async function scale(tenant: Tenant, registry: Tenant[], count: number, { step }: Reporter): Promise<void> {
  await verifyHardening(tenant, registry)
  const rendered = await renderServices(tenant, { hashes: true })
  const changes = planChanges(rendered, await tenantContainers(tenant))
  const changed = changes.filter(({ why }) => why === 'changed')
  const services = rendered.filter(({ name }) => name === tenant.service('worker'))
  const worker = changes.find(({ service }) => service === tenant.service('worker'))
  if (worker?.why === 'changed' || (worker?.why === 'missing' && changed.length > 0))
    throw newBesideOld(tenant, changed)
  await step(`Run ${count} workers`, async (note) => {
    await docker(upArgs(tenant, [tenant.service('worker')], count, 'never'), { timeout: 120 })
    await waitUntilHealthy(tenant, services, PATIENCE, note)
  })
}

/** Empty redis-cache and Frappe's caches. Only the former mends pages without style after a changed image (rehearsal/CONTRACT.md, C). */
export async function clearCache(tenant: Tenant, { step }: Reporter): Promise<void> {
  await requireRunning(tenant, 'redis-cache')
  await requireRunning(tenant, 'backend')
  await step('Empty redis-cache', () => flush(tenant, 'redis-cache'))
  for (const verb of ['clear-cache', 'clear-website-cache']) {
    await step(`bench ${verb}`, () => dockerExec(tenant.container('backend'), ['bench', '--site', tenant.site, verb]))
  }
}

/** What a verb comes down to, for `--dry-run`: docker commands where there are any; what it waits for and proves is left out. */
export async function planned(tenant: Tenant, verb: string, parts: string[], passed: Passed): Promise<string> {
  const line = (args: readonly string[]) => ['docker', ...args].map((word) => quote(word)).join(' ')
  if (verb === 'bench' || verb === 'db') return line(attachArgs(tenant, verb, passed))
  const services = (await chooseServices(tenant, verb === 'scale' ? ['worker'] : parts)).map(({ name }) => name)
  const workers = (await tenantContainers(tenant)).filter(({ service }) => service === tenant.service('worker')).length
  const up = line(upArgs(tenant, services, Math.max(1, workers), 'never'))
  const down = line(stopArgs(tenant, services))
  const plans: Record<string, string[]> = {
    start: [up],
    scale: [line(upArgs(tenant, services, Number(parts[0]), 'never'))],
    stop: [down],
    restart: parts.length === 0 ? [down, up] : [line(composeArgs(tenant, 'restart', '--no-deps', ...services))],
    'clear-cache': [`empty ${tenant.container('redis-cache')}, then bench clear-cache and clear-website-cache`],
  }
  return (plans[verb] ?? []).join('\n')
}

/** One row of `status`. */
export interface StatusRow {
  service: string
  container: string
  state: string
  health: string
  /** UTC, ISO 8601. */
  since: string
}

/** The tenant's containers as they are. */
export async function status(tenant: Tenant): Promise<StatusRow[]> {
  const containers = await tenantContainers(tenant)
  return containers
    .map(({ service, name, status: state, health, startedAt, exitCode }: Container) => ({
      service,
      container: name,
      state: state === 'exited' ? `exited ${exitCode}` : state,
      health,
      since: startedAt,
    }))
    .sort((a, b) => a.container.localeCompare(b.container))
}

/** What is handed to a program in a container. */
interface Passed {
  passed: string[]
  /** It is interactive. */
  terminal: boolean
}

/** Where each program that is attached to runs. */
const ATTACHED = { bench: 'backend', db: 'db' } as const

/** A bench command for this site, or a MariaDB client on the database's socket. */
export async function attach(
  tenant: Tenant,
  kind: keyof typeof ATTACHED,
  what: Passed,
  output: LineOutput,
): Promise<void> {
  await requireRunning(tenant, ATTACHED[kind])
  const code = await dockerAttached(attachArgs(tenant, kind, what), what.terminal ? undefined : output)
  if (code !== 0) throw new OperatorError(`${tenant.name}: ${kind} ended with ${code}`)
}

function attachArgs(tenant: Tenant, kind: keyof typeof ATTACHED, { passed, terminal }: Passed): string[] {
  const exec = ['exec', terminal ? '-it' : '-i']
  const container = tenant.container(ATTACHED[kind])
  if (kind === 'db') return [...exec, container, 'mariadb', ...passed]
  return [...exec, '--workdir', '/home/frappe/frappe-bench', container, 'bench', '--site', tenant.site, ...passed]
}

async function requireRunning(tenant: Tenant, part: string): Promise<void> {
  const found = (await tenantContainers(tenant)).find(({ service }) => service === tenant.service(part))
  if (found?.status === 'running') return
  throw preconditionError(
    `${tenant.container(part)} is ${found?.status ?? 'missing'}`,
    `npx zx scripts/tenant.ts ${tenant.name} start`,
  )
}

/** Compose writes this before each line of a log, also into a pipe (2.26). */
const COMPOSE_ERASES = '\x1b[2K'

/**
 * The logs of all services, or of the parts that are named.
 * @param tail lines of each
 * @throws OperatorError (2) for a part that is none, (1) where they cannot be read
 */
export async function logs(
  tenant: Tenant,
  parts: string[],
  tail: number,
  follow: boolean,
  output: LineOutput,
): Promise<void> {
  const names = (await chooseServices(tenant, parts)).map(({ name }) => name)
  const args = composeArgs(
    tenant,
    'logs',
    '--no-color',
    '--tail',
    String(tail),
    ...(follow ? ['--follow'] : []),
    ...names,
  )
  const print = (line: string) => output.print(shown(line.replace(COMPOSE_ERASES, ''))) // what is logged is anybody's text
  const code = await dockerAttached(args, { print, say: output.say })
  if (code !== 0) throw new OperatorError(`${tenant.name}: the logs cannot be read`)
}
