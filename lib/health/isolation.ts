/** Isolation: no container of one tenant reaches one of another, tried from each container's own network. */
import { messageOf } from '../errors.ts'
import type { Owner } from '../gate/rendered.ts'
import type { Tenant } from '../registry.ts'
import type { Finding } from './check.ts'
import { doorsOf } from './doors.ts'
import { lookAround } from './neighbours.ts'
import { readListeners, tryDoors } from './probe.ts'
import { findingsOf, type Probed } from './walls.ts'

/** Probes side by side: each is the start of a container. */
const AT_ONCE = 4

/**
 * Try every door of everybody else from each running container of these owners; returns each owner's findings.
 * @throws OperatorError (1) where the engine cannot be asked.
 */
export async function checkIsolation(owners: Owner[], registry: Tenant[]): Promise<Map<Owner, Finding[]>> {
  const [{ running, networks }, listeners] = await Promise.all([lookAround(registry), readListeners()])
  const image = running.find((one) => one.part === 'db')?.image
  const froms = running.filter(({ owner }) => owners.includes(owner))
  const probes = await inTurns(froms, async (from): Promise<Probed> => {
    const doors = doorsOf(from, running, networks, listeners)
    if (!image) return { from, doors, open: [], error: 'no database runs whose image could be the probe' }
    return tryDoors(from.id, image, registry[0]?.project ?? '', doors).then(
      (open) => ({ from, doors, open }),
      (error) => ({ from, doors, open: [], error: messageOf(error) }),
    )
  })
  return new Map(owners.map((owner) => [owner, findingsOf(owner, probes, running, networks)]))
}

/** Do work for each item, a few at a time. */
async function inTurns<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = [...items.entries()]
  const turn = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: AT_ONCE }, turn))
  return results
}
