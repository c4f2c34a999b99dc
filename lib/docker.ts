/** Runs the docker client and reads its answers into types. Every call has a time limit and dies with us. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { $ } from 'zx/core'
import { OperatorError, preconditionError } from './errors.ts'

export interface DockerOptions {
  /** Written to the process's stdin, which is closed otherwise. Secrets travel here. */
  input?: string
  /** A file that becomes the process's stdin, whatever its size. */
  inputFile?: string
  /** Keep stdin open after `input`: the program inside ends when we do. */
  holdStdin?: boolean
  /** Gets stderr line by line as it comes. */
  onStderr?: (line: string) => void
  /** Seconds; 120 where nothing is said. */
  timeout?: number
  /** Return a failing exit code instead of throwing. */
  nothrow?: boolean
  /** Run although a signal has come: what puts things in order. */
  always?: boolean
  /** Ends it, besides the script's own signal. */
  signal?: AbortSignal
}

export interface DockerResult {
  code: number
  stdout: string
  stderr: string
  /** The time limit ended it. */
  timedOut: boolean
}

/**
 * Run `docker …args`. The client is our direct child and gets SIGTERM from the kernel when we die, however that happens.
 * @throws OperatorError (1) with the client's last lines, unless `nothrow`; what was interrupted by a signal always throws.
 */
export async function docker(args: string[], options: DockerOptions = {}): Promise<DockerResult> {
  const { input, timeout = 120, nothrow = false, always = false } = options
  const file = options.inputFile === undefined ? undefined : await open(options.inputFile)
  const stdin = file ? file.fd : input === undefined ? 'ignore' : 'pipe'
  const run = $({
    stdio: [stdin, 'pipe', 'pipe'],
    quiet: true,
    nothrow: true,
    ...signalOf(options),
  })
  const begun = performance.now()
  const child = run`exec setpriv --pdeathsig TERM docker ${args}`
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8') // zx would decode each chunk by itself
  if (options.onStderr) createInterface({ input: child.stderr }).on('line', options.onStderr)
  const limit = setTimeout(() => child.child?.kill('SIGKILL'), timeout * 1000)
  child.child?.stdin?.on('error', () => {}) // it may end without reading; its exit code says why
  if (input !== undefined) child.stdin.write(input)
  if (input !== undefined && !options.holdStdin) child.stdin.end() // also an empty input has an end
  const output = await child.finally(() => clearTimeout(limit))
  await file?.close()
  if (output.exitCode !== 0) await sleep(50) // a Ctrl-C may have reached it before us
  if (!always) $.signal?.throwIfAborted()
  const timedOut = output.signal === 'SIGKILL' && performance.now() - begun >= timeout * 1000 - 50
  const result = { code: output.exitCode ?? 1, stdout: output.stdout, stderr: output.stderr, timedOut }
  if (result.code !== 0 && !nothrow) throw failure(args, result, timeout)
  return result
}

/** What ends it; nothing where that is zx's own default, the script's signal. */
function signalOf({ always, signal }: DockerOptions): { signal?: AbortSignal } {
  if (always) return { signal: new AbortController().signal }
  return signal ? { signal: AbortSignal.any([signal, ...($.signal ? [$.signal] : [])]) } : {}
}

/**
 * Run a container that only reads, and always says something. All that a short one said can be lost, its exit code is not: the
 * engine deletes the task before it has read its output, and what it had not opened by then is gone (moby 26.1.5, containerExit
 * in daemon/monitor.go; it happened here to `grep` on a busy machine). It is asked again, three times at most.
 * @throws as docker() does
 */
export async function dockerAsk(args: string[], options: DockerOptions = {}): Promise<DockerResult> {
  for (let tries = 1; ; tries++) {
    const result = await docker(args, options)
    if (result.code !== 0 || result.stdout !== '' || tries === 3) return result
  }
}

const END = 'end of the answer'

/**
 * A command inside a container whose silence means something: it marks the end of what it says. An engine that is busy may end
 * an `exec` well and have lost its last bytes: it waits 2 s for its streams (moby 26.1.5, ProcessEvent in daemon/monitor.go).
 */
export const ended = (command: string[]): string[] => ['sh', '-c', '"$@" && echo "$0"', END, ...command]

/** What such a command has said, which ended with 0. @throws OperatorError (1) where the end of it did not come */
export function answerOf({ stdout }: DockerResult, who: string): string {
  if (!stdout.endsWith(`${END}\n`)) throw new OperatorError(`${who}: its answer was cut short`)
  return stdout.slice(0, -END.length - 1)
}

/** Milliseconds that a stream into a file may take: a slow disk and much data are no fault, an engine that hangs is one. */
const STREAM = 24 * 3600_000

/**
 * Run docker with its stdout in a new file, for its owner alone.
 * @param end the bytes that it ends with: a disk that is slow at the end makes the engine lose them (as in `ended`)
 * @throws OperatorError (1), also where the end did not come or it takes a day; the file is then for the caller to remove.
 */
export async function dockerToFile(args: string[], file: string, end: Buffer): Promise<void> {
  const handle = await open(file, 'wx+', 0o600)
  const limit = AbortSignal.timeout(STREAM)
  try {
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'docker', ...args], {
      stdio: ['ignore', handle.fd, 'pipe'],
      env: $.env,
      cwd: $.cwd,
      signal: AbortSignal.any([limit, ...($.signal ? [$.signal] : [])]),
    })
    let stderr = ''
    child.stderr?.on('data', (data) => {
      stderr = `${stderr}${data}`.slice(-4000)
    })
    const [code] = await once(child, 'close').catch((error) => {
      $.signal?.throwIfAborted()
      throw limit.aborted ? failure(args, { code: 1, stdout: '', stderr, timedOut: true }, STREAM / 1000) : error
    })
    $.signal?.throwIfAborted()
    const { size } = await handle.stat()
    const { buffer } = await handle.read(Buffer.alloc(end.length), 0, end.length, Math.max(0, size - end.length))
    const came = buffer.equals(end)
    const why = stderr || (came ? '' : size > 0 ? 'its end did not come' : 'it wrote nothing')
    if (code !== 0 || !came) throw failure(args, { code: code ?? 1, stdout: '', stderr: why, timedOut: false }, 0)
  } finally {
    await handle.close()
  }
}

function failure(args: string[], result: DockerResult, timeout: number): OperatorError {
  const what = `docker ${args.slice(0, 4).join(' ')}`
  if (result.timedOut) return new OperatorError(`${what} did not end within ${timeout} s`)
  return new OperatorError(
    `${what} failed: ${lastLines(result.stderr || result.stdout, 3) || `it ended with ${result.code}`}`,
  )
}

/** The last `count` non-empty lines, joined: what an operator needs of a long complaint. */
export function lastLines(text: string, count: number): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(-count).join(' | ').trim()
}

export interface Engine {
  version: string
  /** Where images, containers and volumes live. */
  dataRoot: string
  memoryBytes: number
}

/** Seconds: until the engine is held for dead, and for `docker info`. */
const [ALIVE, INFO] = [5, 60]

/**
 * Ask the engine who it is. Whether it lives it is asked in a few words first: `docker info` also starts every plugin of the
 * client, and took more than 5 s on a machine whose disk was busy.
 * @throws OperatorError (3) where there is no client or the engine does not answer.
 */
export async function askEngine(): Promise<Engine> {
  const alive = await docker(['version', '--format', '{{.Server.Version}}'], { timeout: ALIVE, nothrow: true })
  if (alive.code === 127 && /setpriv: (command )?not found/.test(alive.stderr)) {
    throw preconditionError('setpriv is not installed', 'install util-linux')
  }
  if (alive.code === 127) throw preconditionError('docker is not installed', 'see README: production set-up')
  const info = () => docker(['info', '--format', '{{json .}}'], { timeout: INFO, nothrow: true })
  const result = alive.code === 0 ? await info() : alive
  if (result.timedOut) {
    const limit = result === alive ? ALIVE : INFO
    throw preconditionError(`the Docker engine does not answer (${limit} s)`, 'systemctl restart docker')
  }
  const said = parseInfo(result.stdout)
  if (!said.ServerVersion) {
    const errors = (said.ServerErrors as string[] | undefined)?.[0] ?? lastLines(result.stderr, 1)
    throw preconditionError(`the Docker engine does not answer: ${errors}`, 'systemctl start docker')
  }
  const apart = /name=(rootless|userns)\b/.exec(String(said.SecurityOptions))?.[1]
  if (apart)
    throw preconditionError(
      `the Docker engine runs with ${apart}, where neither this machine's addresses nor its files are those of containers`,
      "use the engine of the system's own package: README, production set-up",
    )
  return {
    version: String(said.ServerVersion),
    dataRoot: String(said.DockerRootDir),
    memoryBytes: Number(said.MemTotal),
  }
}

/** What helps where Docker's address pools, which hold about thirty networks, are used up: in words of its releases to 26, and from 27. */
export const networkHint = (said: string): string | undefined =>
  /non-overlapping|fully subnetted/.test(said) ? 'see docs/trouble.md#no-address-is-left-for-a-network' : undefined

function parseInfo(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {} // an engine that is down answers with nothing, or with a page of a proxy's
  }
}

/**
 * Run a command in a running container; its stdin is `input`.
 * @throws OperatorError (1), unless `nothrow`.
 */
export function dockerExec(container: string, command: string[], options: DockerOptions = {}): Promise<DockerResult> {
  const interactive = options.input === undefined && options.inputFile === undefined ? [] : ['-i']
  return docker(['exec', ...interactive, container, ...command], options)
}

/** Where lines go: results to `print`, what is said beside them to `say`. */
export interface LineOutput {
  print(text: string): void
  say(line: string): void
}

/**
 * Run docker with our own stdin, stdout and stderr: a shell, a log. Returns its exit code.
 * `output` gets the lines instead where no terminal is attached, so that they can be redacted.
 */
export async function dockerAttached(args: string[], output?: LineOutput): Promise<number> {
  const kind = output ? 'pipe' : 'inherit'
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'docker', ...args], {
    stdio: ['inherit', kind, kind],
    env: $.env,
    cwd: $.cwd,
    ...($.signal && { signal: $.signal }),
  })
  if (output && child.stdout) createInterface({ input: child.stdout }).on('line', (line) => output.print(`${line}\n`))
  if (output && child.stderr) createInterface({ input: child.stderr }).on('line', output.say)
  const [code] = await once(child, 'close')
  if (code !== 0) await sleep(50)
  $.signal?.throwIfAborted()
  return code ?? 1
}

/** The last lines of a container's log, for a message. Empty where it has none. */
export async function logTail(container: string, lines: number): Promise<string[]> {
  const result = await docker(['logs', '--tail', String(lines), container], { timeout: 10, nothrow: true })
  return `${result.stdout}${result.stderr}`.split('\n').filter((line) => line.trim() !== '')
}

/**
 * What `docker inspect` tells of some containers or networks, as it stands. One that was removed meanwhile makes its exit
 * code 1; the others are told all the same.
 * @param timeout seconds
 * @throws OperatorError (1) where none is told.
 */
export async function inspect<T>(kind: 'container' | 'network', names: string[], timeout: number): Promise<T[]> {
  if (names.length === 0) return []
  const { stdout, stderr, timedOut } = await docker([kind, 'inspect', ...names], { timeout, nothrow: true })
  if (stdout.trim() !== '') return JSON.parse(stdout)
  const why = timedOut ? `no answer within ${timeout} s` : lastLines(stderr, 1)
  throw new OperatorError(`docker ${kind} inspect failed: ${why}`)
}

/** The names of the volumes that exist. */
export async function volumeNames(): Promise<Set<string>> {
  const { stdout } = await docker(['volume', 'ls', '-q'], { timeout: 5 })
  return new Set(stdout.split('\n').filter(Boolean))
}
