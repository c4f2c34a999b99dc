/** Gives one order to a program inside a running container: a line of JSON by stdin, one line of JSON back. */
import { dockerExec, lastLines } from './docker.ts'
import { OperatorError, preconditionError } from './errors.ts'

/** How the one who takes the order is told of. */
export interface Taker {
  /** Begins every message: `dickson`. */
  owner: string
  /** `the backend`. */
  name: string
  /** What brings it up. */
  remedy: string
  /** What helps where it refuses. */
  refused?: string
}

/**
 * Have an order done. Secrets travel by stdin, which stays open: the program ends when we do.
 * @param timeout seconds
 * @throws OperatorError (3) where the program refuses or the container does not run; (1) where it fails.
 */
export async function giveOrder<T>(
  container: string,
  command: string[],
  order: object,
  taker: Taker,
  timeout = 120,
): Promise<T> {
  const { owner, name, remedy } = taker
  const options = { input: `${JSON.stringify(order)}\n`, holdStdin: true, timeout, nothrow: true }
  const { code, stdout, stderr, timedOut } = await dockerExec(container, command, options)
  if (code !== 0 && /No such container|is not running|is paused/.test(stderr))
    throw preconditionError(`${owner}: ${name} does not run: ${lastLines(stderr, 1)}`, remedy)
  if (timedOut) throw new OperatorError(`${owner}: ${name} did not do it: no end within ${timeout} s`)
  const answer = stdout.trim().split('\n').at(-1) ?? ''
  if (code !== 0 || !answer.startsWith('{'))
    throw new OperatorError(`${owner}: ${name} did not do it: ${lastLines(stderr || stdout, 2)}`)
  const found = JSON.parse(answer) as T & { refused?: string }
  if (found.refused) throw preconditionError(`${owner}: ${found.refused}`, taker.refused)
  return found
}
