/** Runs commands as an operator's shell does, times them, and ends all that they started when the bench is stopped. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '..')

/** Milliseconds; our scripts put things in order within eight seconds of a SIGTERM. */
const PATIENCE = 15_000

export interface Timed {
  /** Wall time from start to end. */
  seconds: number
  stdout: string
  stderr: string
}

interface Options {
  env?: Record<string, string>
  /** Aborted: the command and everything in its process group are ended. */
  signal: AbortSignal
  /** Exit codes that are an answer; 0 where nothing is said. */
  accept?: number[]
}

/** How an operator starts a script. */
export const npxZx = (file: string, ...args: string[]) => ['npx', 'zx', file, ...args]

/**
 * Run a command in the repository's root and time it. A failure is no measurement.
 * @throws Error with the last lines of what it said
 */
export async function run(command: string[], { env = {}, signal, accept = [0] }: Options): Promise<Timed> {
  signal.throwIfAborted()
  const [program = '', ...args] = command
  const begun = performance.now()
  // A group of its own: a Ctrl-C reaches only us, who then end the group in order.
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...shellEnvironment(), ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let last: NodeJS.Timeout | undefined
  const stop = () => {
    signalGroup(child.pid, 'SIGTERM')
    last = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), PATIENCE)
  }
  signal.addEventListener('abort', stop)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text
    })
  }
  const code = await new Promise<number | null>((done, fail) => child.on('close', done).on('error', fail))
  const seconds = (performance.now() - begun) / 1000
  clearTimeout(last)
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (code === null || !accept.includes(code)) {
    throw new Error(`${command.join(' ')} ended with ${code}: ${tail(output.stderr)}`)
  }
  return { seconds, ...output }
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid) process.kill(-pid, name)
  } catch {
    // it has ended meanwhile
  }
}

const tail = (text: string) => text.trim().split('\n').slice(-8).join('\n')

/** What a shell would have: `npm run` adds its own settings, which would reach the npx that is measured. */
function shellEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|ZX_|NODE_OPTIONS$|COMPOSE_)/.test(name))
  return Object.fromEntries(kept)
}
