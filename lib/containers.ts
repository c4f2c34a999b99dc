/** The containers that compose made for a tenant or for core, as `docker inspect` tells them. */
import { docker, inspect, lastLines } from './docker.ts'
import type { Unit } from './registry.ts'

/** What `docker inspect` says of a container, as far as we ask. */
export interface Container {
  id: string
  name: string
  service: string
  image: string
  configHash: string
  /** created, running, paused, restarting, removing, exited or dead. */
  status: string
  /** healthy, unhealthy or starting; none where it has no health check. */
  health: string
  /** Probes that failed in a row. A pause makes a container unhealthy with none, until the next probe. */
  failingStreak: number
  /** When its last health check ended, in milliseconds since 1970; 0 where none has. */
  healthAt: number
  /** What its last health check printed. */
  healthOutput: string
  exitCode: number
  oomKilled: boolean
  restartCount: number
  /** UTC, ISO 8601. */
  startedAt: string
  /** Address by network name. */
  addresses: Record<string, string>
  /** Where a port of it, such as `443/tcp`, is published on this machine. */
  ports: Record<string, { address: string; port: number }>
}

/**
 * All containers of a tenant, or of core, that compose made, in any state; one-off runs apart.
 * @param timeout seconds, for each of two questions
 */
export async function tenantContainers(unit: Unit, timeout = 10): Promise<Container[]> {
  const filters = [
    'com.docker.compose.oneoff=False',
    `com.docker.compose.project=${unit.project}`,
    `erp.tenant=${unit.name}`,
  ]
  const ids = await docker(['ps', '-aq', '--no-trunc', ...filters.flatMap((label) => ['--filter', `label=${label}`])], {
    timeout,
  })
  const raw = await inspect<RawContainer>('container', ids.stdout.split('\n').filter(Boolean), timeout)
  return raw.map(readContainer)
}

/** Whether a part of a tenant, or of core, runs: `backend`. */
export async function isRunning(unit: Unit, part: string): Promise<boolean> {
  const containers = await tenantContainers(unit)
  return containers.some(({ service, status }) => service === unit.service(part) && status === 'running')
}

interface RawContainer {
  Id: string
  Name: string
  Image: string
  RestartCount: number
  Config: { Labels: Record<string, string> }
  State: {
    Status: string
    ExitCode: number
    OOMKilled: boolean
    StartedAt: string
    Health?: { Status: string; FailingStreak?: number; Log?: { Output: string; End: string }[] }
  }
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string }>
    Ports?: Record<string, { HostIp: string; HostPort: string }[] | null>
  }
}

function readContainer(raw: RawContainer): Container {
  const networks = Object.entries(raw.NetworkSettings.Networks ?? {})
  const ports = Object.entries(raw.NetworkSettings.Ports ?? {}).flatMap(([name, bindings]) =>
    (bindings ?? []).slice(0, 1).map(({ HostIp, HostPort }) => [name, { address: HostIp, port: Number(HostPort) }]),
  )
  return {
    id: raw.Id,
    name: raw.Name.slice(1),
    service: raw.Config.Labels['com.docker.compose.service'] ?? '',
    image: raw.Image,
    configHash: raw.Config.Labels['com.docker.compose.config-hash'] ?? '',
    status: raw.State.Status,
    health: raw.State.Health?.Status ?? 'none',
    failingStreak: raw.State.Health?.FailingStreak ?? 0,
    healthAt: Date.parse(raw.State.Health?.Log?.at(-1)?.End ?? '') || 0,
    healthOutput: lastLines(raw.State.Health?.Log?.at(-1)?.Output ?? '', 1),
    exitCode: raw.State.ExitCode,
    oomKilled: raw.State.OOMKilled,
    restartCount: raw.RestartCount,
    startedAt: raw.State.StartedAt,
    addresses: Object.fromEntries(networks.map(([name, network]) => [name, network.IPAddress])),
    ports: Object.fromEntries(ports),
  }
}
