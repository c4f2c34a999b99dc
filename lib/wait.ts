/** Waits until services prove that they work, and says of one that does not what is known about it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Service } from './compose.ts'
import { type Container, tenantContainers } from './containers.ts'
import { logTail, networkHint } from './docker.ts'
import { isFailure, OperatorError } from './errors.ts'
import type { Unit } from './registry.ts'

/** The longest time limit of a health check in compose.yml, in milliseconds. */
const PROBE = 10_000
const UNHEALTHY = 'is unhealthy'

/**
 * Wait until every long-running service is healthy and every job has ended well.
 * @param timeout seconds
 * @throws OperatorError (1) as soon as one cannot come right by itself, or at the time limit.
 */
export async function waitUntilHealthy(
  unit: Unit,
  services: Service[],
  timeout: number,
  note: (text: string) => void,
): Promise<void> {
  const begun = Date.now()
  let stirred = begun
  let before: Container[] | undefined
  for (;;) {
    const containers = await tenantContainers(unit).catch(async (error) => {
      if (!isFailure(error) || Date.now() > begun + timeout * 1000) throw error
      await sleep(1000) // an engine that is busy for seconds says nothing of what is waited for
      return undefined
    })
    if (!containers) continue
    before ??= containers
    const since = { stirred, before }
    const waiting = services.flatMap((service) => unready(service, containers, since))
    if (waiting.length === 0) return
    const starting = waiting.some(({ state }) => state === 'starting') // what it asks may be what still starts
    if (starting) stirred = Date.now()
    const hopeless = waiting.find(({ final, state }) => final && !(starting && state.startsWith(UNHEALTHY)))
    if (hopeless) throw await explain(unit, services, `${hopeless.service} ${hopeless.state}`)
    note(waiting.map(({ service, state }) => `${service} ${state}`).join(', '))
    if (Date.now() > begun + timeout * 1000) {
      const states = waiting.map(({ service, state }) => `${service} ${state}`).join(', ')
      throw await explain(unit, services, `not ready within ${timeout} s: ${states}`)
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
function unready(service: Service, containers: Container[], since: Since): Unready[] {
  const own = containers.filter((container) => container.service === service.name)
  if (own.length === 0) return [{ service: service.name, state: 'has no container', final: false }]
  return own.flatMap((container) => (service.oneShot ? unfinished(container) : unhealthy(container, since)) ?? [])
}

function unfinished(container: Container): Unready | undefined {
  if (container.status !== 'exited') return { service: container.name, state: container.status, final: false }
  return container.exitCode === 0 ? undefined : ended(container)
}

/** Since when nothing else starts, and what the containers were at first: an old verdict or restart says nothing about now. */
interface Since {
  /** Milliseconds since 1970. */
  stirred: number
  before: Container[]
}

/** `unhealthy` is what an earlier probe said: it is final only once one has ended that began when all else was up. */
function unhealthy(container: Container, { stirred, before }: Since): Unready | undefined {
  const { name, status, health, healthAt, healthOutput } = container
  if (status === 'running' && health === 'healthy') return undefined // whatever one of its processes once died of
  const restarts = container.restartCount - (before.find(({ id }) => id === container.id)?.restartCount ?? 0)
  if (container.oomKilled || restarts >= 3) return ended(container)
  if (status === 'running' && health === 'unhealthy') {
    return {
      service: name,
      state: `${UNHEALTHY}${healthOutput && `: ${healthOutput}`}`,
      final: healthAt > stirred + PROBE,
    }
  }
  return { service: name, state: status === 'running' ? health : status, final: false }
}

function ended({ name, exitCode, oomKilled, restartCount }: Container): Unready {
  const facts = [`ExitCode ${exitCode}`, `RestartCount ${restartCount}`, ...(oomKilled ? ['OOMKilled'] : [])]
  return { service: name, state: `does not stay up (${facts.join(', ')})`, final: true }
}

/** The error for a start that failed: which container, why, and its last log lines. */
export async function explain(unit: Unit, services: Service[], reason: string): Promise<OperatorError> {
  const containers = await tenantContainers(unit)
  const names = new Set(services.map(({ name }) => name))
  const culprit = containers.filter(({ service }) => names.has(service)).find(isBroken)
  const full = networkHint(reason)
  const hint = full ?? statusHint(unit)
  if (full || !culprit) return new OperatorError(`${unit.name}: ${reason}`, { hint })
  const log = (await logTail(culprit.name, 6)).map((line) => `\n    ${line}`).join('')
  const named = reason.includes(culprit.name) ? reason : `${culprit.name}: ${reason}`
  return new OperatorError(`${unit.name}: ${named}${log && `\n  its last log lines:${log}`}`, {
    hint: unit.logs(culprit.service.slice(unit.prefix.length + 1)),
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

const statusHint = ({ name }: Unit) =>
  name === 'core' ? 'npx zx scripts/healthcheck.ts' : `npx zx scripts/tenant.ts ${name} status`
