/** Brings a tenant up: what each step of deploy.ts does. Done again with nothing to do, it starts and recreates nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { compose, runArgs, type Service, upArgs } from './compose.ts'
import { type Container, dockerExec, lastLines, logTail, tenantContainers } from './docker.ts'
import { OperatorError, preconditionError } from './errors.ts'
import { get } from './http.ts'
import type { Tenant } from './registry.ts'
import { readSecret } from './secrets.ts'

const SITES = '/home/frappe/frappe-bench/sites'
const PYTHON = '/home/frappe/frappe-bench/env/bin/python'
/** Our marks in site_config.json: the site is whole (written by tenant/site.py), its scheduler was switched on once. */
const SITE_KEY = 'erp_site_made'
const SCHEDULER_KEY = 'erp_scheduler_enabled'
/** The longest time limit of a health check in compose.yml, in milliseconds. */
const PROBE = 10_000
/** Marks in redis-cache which image filled it. */
const CACHE_KEY = 'erp:image'

/** A service that compose would create, recreate or start. */
export interface Change {
  service: string
  why: 'missing' | 'changed' | 'stopped'
}

/** What `up` would do, from the rendered configuration and the containers that exist. Pure. */
export function planChanges(services: Service[], containers: Container[]): Change[] {
  return services.flatMap(({ name, configHash, oneShot }): Change[] => {
    const own = containers.filter(({ service }) => service === name)
    const [first] = own
    if (!first) return [{ service: name, why: 'missing' }]
    if (own.some((container) => container.configHash !== configHash)) return [{ service: name, why: 'changed' }]
    const settled = oneShot
      ? own.every(({ status, exitCode }) => status === 'exited' && exitCode === 0)
      : own.every(({ status }) => status === 'running')
    return settled ? [] : [{ service: name, why: 'stopped' as const }]
  })
}

/**
 * Start services and wait until each proves that it works.
 * @throws OperatorError (1) with the failing service's last log lines.
 */
export async function startServices(
  tenant: Tenant,
  services: Service[],
  timeout: number,
  note: (text: string) => void,
): Promise<void> {
  const names = services.map(({ name }) => name)
  const before = await tenantContainers(tenant)
  const workers = Math.max(1, before.filter(({ service }) => service === tenant.service('worker')).length)
  const up = await compose(upArgs(tenant, names, workers), { timeout, nothrow: true })
  if (up.code !== 0)
    throw await explain(tenant, services, up.timedOut ? `no end within ${timeout} s` : lastLines(up.stderr, 1))
  await waitUntilHealthy(tenant, services, timeout, note)
}

/**
 * Wait until every long-running service is healthy and every job has ended well.
 * @param timeout seconds
 * @throws OperatorError (1) as soon as one cannot come right by itself, or at the time limit.
 */
export async function waitUntilHealthy(
  tenant: Tenant,
  services: Service[],
  timeout: number,
  note: (text: string) => void,
): Promise<void> {
  const begun = Date.now()
  for (;;) {
    const containers = await tenantContainers(tenant)
    const waiting = services.flatMap((service) => unready(service, containers, begun))
    if (waiting.length === 0) return
    const hopeless = waiting.find(({ final }) => final)
    if (hopeless) throw await explain(tenant, services, `${hopeless.service} ${hopeless.state}`)
    note(waiting.map(({ service, state }) => `${service} ${state}`).join(', '))
    if (Date.now() > begun + timeout * 1000) {
      const states = waiting.map(({ service, state }) => `${service} ${state}`).join(', ')
      throw await explain(tenant, services, `not ready within ${timeout} s: ${states}`)
    }
    await sleep(300)
  }
}

interface Unready {
  service: string
  state: string
  /** Waiting longer is of no use. */
  final: boolean
}

/** The containers of a service that do not work yet, and whether they still may. */
function unready(service: Service, containers: Container[], begun: number): Unready[] {
  const own = containers.filter((container) => container.service === service.name)
  if (own.length === 0) return [{ service: service.name, state: 'has no container', final: false }]
  return own.flatMap((container) => (service.oneShot ? unfinished(container) : unhealthy(container, begun)) ?? [])
}

function unfinished(container: Container): Unready | undefined {
  if (container.status !== 'exited') return { service: container.name, state: container.status, final: false }
  return container.exitCode === 0 ? undefined : ended(container)
}

/** `unhealthy` is what an earlier probe said: it is final only once a probe has ended that began with us waiting. */
function unhealthy(container: Container, begun: number): Unready | undefined {
  const { name, status, health, healthAt, healthOutput } = container
  if (status === 'running' && health === 'healthy') return undefined // whatever one of its processes once died of
  if (container.oomKilled || container.restartCount >= 3) return ended(container)
  if (status === 'running' && health === 'unhealthy') {
    return {
      service: name,
      state: `is unhealthy${healthOutput && `: ${healthOutput}`}`,
      final: healthAt > begun + PROBE,
    }
  }
  return { service: name, state: status === 'running' ? health : status, final: false }
}

function ended({ name, exitCode, oomKilled, restartCount }: Container): Unready {
  const facts = [`ExitCode ${exitCode}`, `RestartCount ${restartCount}`, ...(oomKilled ? ['OOMKilled'] : [])]
  return { service: name, state: `does not stay up (${facts.join(', ')})`, final: true }
}

/** The error for a start that failed: which container, why, and its last log lines. */
async function explain(tenant: Tenant, services: Service[], reason: string): Promise<OperatorError> {
  const containers = await tenantContainers(tenant)
  const names = new Set(services.map(({ name }) => name))
  const culprit = containers.filter(({ service }) => names.has(service)).find(isBroken)
  if (!culprit) return new OperatorError(`${tenant.name}: ${reason}`, { hint: statusHint(tenant) })
  const log = (await logTail(culprit.name, 6)).map((line) => `\n    ${line}`).join('')
  const named = reason.includes(culprit.name) ? reason : `${culprit.name}: ${reason}`
  return new OperatorError(`${tenant.name}: ${named}${log && `\n  its last log lines:${log}`}`, {
    hint: `npx zx scripts/tenant.ts ${tenant.name} logs ${culprit.service.slice(tenant.prefix.length + 1)}`,
  })
}

function isBroken({ status, exitCode, health, oomKilled, restartCount }: Container): boolean {
  if (status === 'exited') return exitCode !== 0
  return (
    oomKilled ||
    restartCount > 0 ||
    health === 'unhealthy' ||
    ['paused', 'restarting', 'dead'].includes(status) ||
    health === 'starting'
  )
}

const statusHint = (tenant: Tenant) => `npx zx scripts/tenant.ts ${tenant.name} status`

/** How a site was found, and what was mended. */
export interface SiteOutcome {
  found: 'absent' | 'empty' | 'half' | 'complete'
  detail: string
  mended_jobs: number
}

/**
 * Make the site once, or finish what an interrupted run left (tenant/site.py tells the states).
 * @throws OperatorError (3) for data that is not ours or a root password that does not fit; (1) where frappe failed.
 */
export async function makeSite(tenant: Tenant, note: (text: string) => void): Promise<SiteOutcome> {
  const order = {
    act: true,
    site: tenant.site,
    apps: tenant.apps,
    time_zone: tenant.timeZone,
    country: tenant.country,
    language: tenant.language,
    root_password: await readSecret(tenant.secret('db_password')),
    admin_password: await readSecret(tenant.secret('admin_password')),
  }
  const args = runArgs(tenant, tenant.service('backend'), [PYTHON, '/opt/erp/site.py'])
  const run = await compose(args, {
    input: `${JSON.stringify(order)}\n`,
    holdStdin: true,
    timeout: 1800,
    nothrow: true,
    onStderr: note,
  })
  const answer = run.stdout.trim().split('\n').at(-1) ?? ''
  if (run.code !== 0 || !answer.startsWith('{')) {
    const killed = run.code === 137 ? 'it was killed, probably for memory (APP_MEMORY)' : `it ended with ${run.code}`
    throw new OperatorError(
      `${tenant.name}: the site was not made: ${lastLines(run.stderr || run.stdout, 3) || killed}`,
      {
        hint: `npx zx scripts/deploy.ts ${tenant.name} goes on from here`,
      },
    )
  }
  const outcome = JSON.parse(answer) as SiteOutcome & { refused?: string }
  if (outcome.refused)
    throw preconditionError(`${tenant.name}: ${outcome.refused}`, 'see docs/trouble.md#the-site-is-refused')
  return outcome
}

/** Which of our two marks a running backend's site_config.json has; neither where there is no such container or file. */
export async function readMarks(tenant: Tenant): Promise<{ made: boolean; scheduler: boolean }> {
  const file = `${SITES}/${tenant.site}/site_config.json`
  const { stdout } = await dockerExec(tenant.container('backend'), ['cat', file], { nothrow: true, timeout: 10 })
  return { made: stdout.includes(`"${SITE_KEY}"`), scheduler: stdout.includes(`"${SCHEDULER_KEY}"`) }
}

/**
 * Empty redis-cache when another image filled it: it shares `assets_json`, and pages would come without their CSS.
 * Returns whether it did.
 */
export async function flushStaleCache(tenant: Tenant): Promise<boolean> {
  const containers = await tenantContainers(tenant)
  const image = containers.find(({ service }) => service === tenant.service('backend'))?.image ?? ''
  const script = `export REDISCLI_AUTH="$(cat /run/secrets/redis_password)"
    [ "$(redis-cli get ${CACHE_KEY})" = "$1" ] && exit 0
    redis-cli flushall && redis-cli set ${CACHE_KEY} "$1"`
  const cache = tenant.container('redis-cache')
  const { stdout } = await dockerExec(cache, ['sh', '-ec', script, 'sh', image], { timeout: 20 })
  return stdout.includes('OK')
}

/**
 * Prove that the site and its socket.io answer through the frontend. nginx resolves its upstreams once, so after a
 * restart of either it is told to reload until it finds them again.
 * @throws OperatorError (1)
 */
export async function proveFrontend(tenant: Tenant): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    if (await answers(tenant)) return
    await dockerExec(tenant.container('frontend'), ['nginx', '-s', 'reload'], { timeout: 20, nothrow: true })
    await sleep(500)
  }
  throw new OperatorError(`${tenant.name}: the site does not answer through its frontend`, {
    hint: `npx zx scripts/healthcheck.ts ${tenant.name}`,
  })
}

async function answers(tenant: Tenant): Promise<boolean> {
  const address = addressOf(tenant, await tenantContainers(tenant))
  if (!address) return false
  const ask = (path: string) => get(`http://${address}:8080${path}`, { headers: { Host: tenant.site }, timeout: 5 })
  const [ping, handshake] = await Promise.all([ask('/api/method/ping'), ask('/socket.io/?EIO=4&transport=polling')])
  return ping.status === 200 && ping.body.includes('pong') && handshake.status === 200
}

/** The frontend's address on its edge network; the host reaches it there, and no port is published. */
export function addressOf(tenant: Tenant, containers: Container[]): string | undefined {
  const frontend = containers.find(({ service }) => service === tenant.service('frontend'))
  return frontend?.addresses[`${tenant.settings.prefix}${tenant.name}-edge`] || undefined
}

/** Switch the scheduler on for the first time, and note it. From then on, whether it runs is the administrators' decision. */
export async function enableScheduler(tenant: Tenant): Promise<void> {
  const code = [
    'import sys, frappe',
    'from frappe.installer import update_site_config',
    'from frappe.utils.scheduler import enable_scheduler',
    'frappe.init(sys.argv[1]); frappe.connect(); enable_scheduler(); frappe.db.commit()',
    `update_site_config("${SCHEDULER_KEY}", 1)`,
  ].join('\n')
  await dockerExec(tenant.container('backend'), [PYTHON, '-c', code, tenant.site], { timeout: 60 })
}

/** The services in the phases in which they start. */
export function phases(tenant: Tenant, services: Service[]) {
  const pick = (parts: string[]) => services.filter(({ name }) => parts.includes(name.slice(tenant.prefix.length + 1)))
  const stores = pick(['volumes', 'db', 'redis-cache', 'redis-queue'])
  const configurator = pick(['configurator'])
  const application = services.filter((service) => ![...stores, ...configurator].includes(service))
  return { stores, configurator, application }
}
