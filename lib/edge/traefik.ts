/** What the running Traefik has really taken, from its own API: on loopback in its container, asked by `docker exec`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { dockerExec, lastLines } from '../docker.ts'
import { OperatorError } from '../errors.ts'
import type { Unit } from '../registry.ts'

/** Traefik looks at its directory again after two seconds at the latest, and this machine may be slow. */
const PATIENCE = 15_000
const API = 'http://127.0.0.1:8080/api/http'

/** What Traefik works by. */
export interface Truth {
  /** The mark of the directory that it has loaded; nothing where it has loaded none of ours. */
  mark: string | undefined
  routers: { name: string; faults: string[] }[]
}

interface Item {
  name: string
  status: string
  error?: string[]
}

/** Whether it was started from other static settings than the repository holds now: it reads those only once. */
export async function isOutdated(core: Unit): Promise<boolean> {
  const compare = 'cd /tmp/started || exit 3; for file in *; do cmp -s "$file" "/opt/erp/$file" || exit 3; done'
  const { code } = await dockerExec(core.container('traefik'), ['sh', '-c', compare], { timeout: 6, nothrow: true })
  return code === 3
}

/**
 * Ask Traefik. Its API is a router of shared.yml: no answer means that it has loaded no file at all.
 * @throws Error
 */
export async function askTraefik(core: Unit): Promise<Truth> {
  const ask = `for what in routers middlewares; do wget -qO- -T 4 "${API}/$what?per_page=5000" && echo || exit 1; done`
  const { code, stdout, stderr } = await dockerExec(core.container('traefik'), ['sh', '-c', ask], {
    timeout: 6,
    nothrow: true,
  })
  if (code !== 0) throw new Error(`Traefik's API does not answer: ${lastLines(stderr, 1) || 'it has loaded no file'}`)
  const [routers = [], middlewares = []] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Item[])
  return {
    mark: middlewares.map(({ name }) => /^published-(\S+)@file$/.exec(name)?.[1]).find(Boolean),
    routers: routers
      .filter(({ name }) => name.endsWith('@file'))
      .map(({ name, status, error = [] }) => ({
        name: name.replace('@file', ''),
        faults: status === 'enabled' ? error : error.length > 0 ? error : [status],
      })),
  }
}

/**
 * Wait until Traefik has loaded the directory of this mark, and every router in it works.
 * @throws OperatorError (1) that names the routers and what Traefik says of them
 */
export async function awaitTaken(core: Unit, mark: string): Promise<void> {
  const end = Date.now() + PATIENCE
  for (;;) {
    const truth = await askTraefik(core).catch(() => undefined)
    if (truth?.mark === mark) return requireWorking(truth)
    if (Date.now() > end)
      throw new OperatorError('core: Traefik did not take what was published', { hint: core.logs('traefik') })
    await sleep(300)
  }
}

function requireWorking({ routers }: Truth): void {
  const bad = routers.filter(({ faults }) => faults.length > 0)
  if (bad.length === 0) return
  const told = bad.map(({ name, faults }) => `${name}: ${faults.join(', ')}`).join('; ')
  throw new OperatorError(`core: Traefik refuses ${told}`)
}
