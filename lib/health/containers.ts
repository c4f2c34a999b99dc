/** Containers: each expected one runs, is healthy, has not been killed for memory and does not keep restarting. */

import type { Service } from '../compose.ts'
import type { Container } from '../containers.ts'
import { docker } from '../docker.ts'
import type { Tenant, Unit } from '../registry.ts'
import type { Finding } from './check.ts'
import type { Figure } from './metrics.ts'

const RESTART_LIMIT = 3

/** One finding a container, and one for a service that has none. */
export function containerFindings(tenant: Unit, services: Service[], containers: Container[]): Finding[] {
  return services.flatMap((service) => {
    const part = partOf(tenant, service.name)
    const own = containers.filter((container) => container.service === service.name)
    const remedy = `npx zx scripts/deploy.ts ${tenant.name}`
    if (own.length === 0) return [{ part, check: 'container', state: 'fail' as const, is: 'missing', remedy }]
    return own.map((container) => ({
      part,
      check: 'container',
      ...judge(tenant, service, container),
      ...(!service.oneShot && { value: restarts(part, container) }),
    }))
  })
}

/** `db` of `dickson-db`; a name of another form is told whole. */
const partOf = ({ prefix }: Unit, service: string) =>
  service.startsWith(`${prefix}-`) ? service.slice(prefix.length + 1) : service

const restarts = (part: string, { name, restartCount }: Container): Figure => ({
  name: 'erp_container_restarts_total',
  value: restartCount,
  labels: { part, container: name },
})

type Verdict = Omit<Finding, 'part' | 'check'>

function judge(tenant: Unit, service: Service, container: Container): Verdict {
  const { name, status, health, exitCode, restartCount, oomKilled } = container
  const logs = tenant.logs(partOf(tenant, service.name))
  const bad = (is: string, remedy = logs): Verdict => ({ state: 'fail', is: `${name}: ${is}`, remedy })
  if (service.oneShot) {
    return status === 'exited' && exitCode === 0 ? { state: 'ok', is: 'done' } : bad(`${status}, ExitCode ${exitCode}`)
  }
  const facts = `(ExitCode ${exitCode}, RestartCount ${restartCount})`
  const works = status === 'running' && health === 'healthy'
  if (oomKilled && !works) return bad(`OOMKilled ${facts}`)
  if (status === 'restarting') return bad(`restarting ${facts}`)
  if (status === 'paused') return bad('paused', `docker unpause ${name}`)
  if (status !== 'running') return bad(`${status}, ExitCode ${exitCode}`, `npx zx scripts/deploy.ts ${tenant.name}`)
  return works ? judgeWorking(container, logs) : judgeUnproven(container, bad)
}

function judgeWorking({ name, oomKilled, restartCount }: Container, logs: string): Verdict {
  if (oomKilled) return { state: 'warn', is: `${name}: a process in it was killed for memory`, remedy: logs }
  if (restartCount < RESTART_LIMIT) return { state: 'ok', is: 'healthy' }
  return { state: 'warn', is: `restarted ${restartCount} times`, limit: `< ${RESTART_LIMIT}`, remedy: logs }
}

/** Docker calls a container unhealthy from the moment of a pause until the next probe: with no probe that failed. */
function judgeUnproven(
  { name, health, failingStreak, healthOutput, restartCount }: Container,
  bad: (is: string) => Verdict,
): Verdict {
  if (health === 'starting' && restartCount >= RESTART_LIMIT)
    // seen between two of many restarts
    return bad(`restarting (RestartCount ${restartCount})`)
  if (health === 'unhealthy' && failingStreak > 0) return bad(`unhealthy${healthOutput && `: ${healthOutput}`}`)
  const is = health === 'unhealthy' ? 'not probed yet since it was paused' : 'starting'
  return { state: 'warn', is: `${name}: ${is}`, remedy: 'wait a minute' }
}

/**
 * A worker or scheduler whose process is stopped (state T) keeps its connections and its container: only the process
 * table shows it.
 */
export async function stoppedProcesses(tenant: Tenant, all: Container[]): Promise<Finding[]> {
  const containers = all.filter(
    ({ service, status }) =>
      [tenant.service('worker'), tenant.service('scheduler')].includes(service) && status === 'running',
  )
  const findings = await Promise.all(
    containers.map(async ({ name, service }): Promise<Finding> => {
      const { stdout } = await docker(['top', name, '-eo', 'pid,stat,args'], { timeout: 5 })
      const stopped = stdout.split('\n').filter((line) => /^\s*\d+\s+T/.test(line))
      const part = service.slice(tenant.prefix.length + 1)
      if (stopped.length === 0) return { part, check: 'process', state: 'ok', is: 'running' }
      return {
        part,
        check: 'process',
        state: 'fail',
        is: `${name}: ${stopped.length} processes are stopped (state T)`,
        remedy: `docker restart ${name}`,
      }
    }),
  )
  return findings
}
