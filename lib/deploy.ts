/** Brings a tenant up: what each step of deploy.ts does. Done again with nothing to do, it starts and recreates nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Recreate, type Service, upArgs } from './compose.ts'
import { type Container, tenantContainers } from './containers.ts'
import { docker, dockerExec, lastLines } from './docker.ts'
import { OperatorError } from './errors.ts'
import { get } from './http.ts'
import type { Tenant, Unit } from './registry.ts'
import { explain, waitUntilHealthy } from './wait.ts'

/** A service that compose would create, recreate or start. */
export interface Change {
  service: string
  why: 'missing' | 'changed' | 'stopped' | 'failing'
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
    if (!settled) return [{ service: name, why: 'stopped' }]
    return own.some(isLooping) ? [{ service: name, why: 'failing' }] : []
  })
}

/** Restarted by its policy and still not well: what it waits for may be there by now, but its back-off grows to a minute. */
const isLooping = ({ restartCount, health, status }: Container) =>
  restartCount > 0 && !(status === 'running' && ['healthy', 'none'].includes(health))

/**
 * Start services and wait until each proves that it works. A stopped container knows its network by an id: where that network
 * was removed meanwhile the container is made anew, if it may be.
 * @param timeout seconds, for the start and for the proofs each
 * @param judged those that are waited for, where it is not all of them
 * @throws OperatorError (1) with the failing service's last log lines.
 */
export async function startServices(
  unit: Unit,
  services: Service[],
  timeout: number,
  note: (text: string) => void,
  { judged = services, recreate = 'changed' }: { judged?: Service[]; recreate?: Recreate } = {},
): Promise<void> {
  const names = services.map(({ name }) => name)
  const before = await tenantContainers(unit)
  const workers = Math.max(1, before.filter(({ service }) => service === unit.service('worker')).length)
  const start = (how: Recreate) => docker(upArgs(unit, names, workers, how), { timeout, nothrow: true })
  let up = await start(recreate)
  const pruned = /network \S+ not found/.test(up.stderr)
  if (pruned && recreate === 'changed') up = await start('always')
  if (pruned && recreate === 'never')
    throw new OperatorError(
      `${unit.name}: its networks were removed while it was stopped, as \`docker network prune\` does`,
      { hint: `npx zx scripts/deploy.ts ${unit.name}` },
    )
  if (up.code !== 0)
    throw await explain(unit, services, up.timedOut ? `no end within ${timeout} s` : lastLines(up.stderr, 1))
  const looping = before.filter((container) => names.includes(container.service) && isLooping(container))
  if (looping.length > 0) {
    await docker(['restart', ...looping.map(({ id }) => id)], { timeout: 120, nothrow: true }) // one may have been replaced
  }
  await waitUntilHealthy(unit, judged, timeout, note)
}

/**
 * Prove that the site and its socket.io answer through the frontend. nginx resolves its upstreams once, so it is told to
 * reload until it finds them again: twenty times, half a second apart, an answer may take 5 s.
 * @param how `moved`: one of them was started anew, so it is told at once and not after a first request that nobody takes
 * @throws OperatorError (1)
 */
export async function proveFrontend(tenant: Tenant, { moved = false } = {}): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    if (moved || tries > 0) {
      await dockerExec(tenant.container('frontend'), ['nginx', '-s', 'reload'], { timeout: 20, nothrow: true })
      await sleep(500)
    }
    if (await answers(tenant)) return
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
  return frontend?.addresses[tenant.network('edge')] || undefined
}

/** The services in the phases in which they start. */
export function phases(tenant: Tenant, services: Service[]) {
  const pick = (parts: string[]) => services.filter(({ name }) => parts.includes(name.slice(tenant.prefix.length + 1)))
  const stores = pick(['volumes', 'db', 'redis-cache', 'redis-queue'])
  const configurator = pick(['configurator'])
  const application = services.filter((service) => ![...stores, ...configurator].includes(service))
  return { stores, configurator, application }
}
