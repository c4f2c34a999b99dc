/** Containers: each expected one runs, is healthy, has not been killed for memory and does not keep restarting. */

import type { Service } from '../compose.ts'
import type { Container } from '../containers.ts'
import { docker } from '../docker.ts'
import type { Tenant } from '../registry.ts'
import type { Finding } from './check.ts'

const RESTART_LIMIT = 3

/** One finding a container, and one for a service that has none. */
export function containerFindings(tenant: Tenant, services: Service[], containers: Container[]): Finding[] {
  return services.flatMap((service) => {
    const part = service.name.slice(tenant.prefix.length + 1)
    const own = containers.filter((container) => container.service === service.name)
    const remedy = `npx zx scripts/deploy.ts ${tenant.name}`
    if (own.length === 0) return [{ part, check: 'container', state: 'fail' as const, is: 'missing', remedy }]
    return own.map((container) => ({ part, check: 'container', ...judge(tenant, service, container) }))
  })
}

function judge(tenant: Tenant, service: Service, container: Container): Omit<Finding, 'part' | 'check'> {
  const { name, status, health, exitCode, restartCount, oomKilled, healthOutput } = container
  const logs = `npx zx scripts/tenant.ts ${tenant.name} logs ${service.name.slice(tenant.prefix.length + 1)}`
  const deploy = `npx zx scripts/deploy.ts ${tenant.name}`
  const bad = (is: string, remedy = logs) => ({ state: 'fail' as const, is: `${name}: ${is}`, remedy })
  if (service.oneShot) {
    return status === 'exited' && exitCode === 0 ? { state: 'ok', is: 'done' } : bad(`${status}, ExitCode ${exitCode}`)
  }
  const memory = 'a process in it was killed for memory'
  if (oomKilled && status === 'running' && health === 'healthy')
    return { state: 'warn', is: `${name}: ${memory}`, remedy: logs }
  if (oomKilled) return bad(`OOMKilled (ExitCode ${exitCode}, RestartCount ${restartCount})`)
  if (status === 'restarting') return bad(`restarting (ExitCode ${exitCode}, RestartCount ${restartCount})`)
  if (status === 'paused') return bad('paused', `docker unpause ${name}`)
  if (status !== 'running') return bad(`${status}, ExitCode ${exitCode}`, deploy)
  if (health === 'unhealthy') return bad(`unhealthy${healthOutput && `: ${healthOutput}`}`)
  if (health === 'starting') return { state: 'warn', is: 'starting', remedy: 'wait a minute' }
  if (restartCount >= RESTART_LIMIT) {
    return { state: 'warn', is: `restarted ${restartCount} times`, limit: `< ${RESTART_LIMIT}`, remedy: logs }
  }
  return { state: 'ok', is: 'healthy' }
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
