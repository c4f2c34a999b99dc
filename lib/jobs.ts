/** Containers, and programs in one, that our own stdin holds: however we die, they end at once, with all that runs inside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { $ } from 'zx/core'
import { composeArgs } from './compose.ts'
import { type DockerOptions, type DockerResult, docker, dockerExec, lastLines, networkHint } from './docker.ts'
import { OperatorError } from './errors.ts'
import type { Tenant } from './registry.ts'

/** What a held container runs: it says that it is ready, and ends with its stdin. */
export const HOLD = 'echo ready; cat >/dev/null'

export interface Job {
  readonly name: string
  /** Run a command inside. @throws OperatorError (1), unless `nothrow`. */
  exec(command: string[], options?: DockerOptions): Promise<DockerResult>
}

/** A job of compose.yml: what opens repositories and volumes. */
export type JobPart = 'backup' | 'restore'

/** `docker compose run` of a job of compose.yml, held by stdin. `mounts`: what only this run needs, `host:container[:ro]`. */
function jobArgs(tenant: Tenant, part: JobPart, name: string, mounts: string[]): string[] {
  const volumes = mounts.flatMap((mount) => ['--volume', mount])
  const run = ['run', '--rm', '-T', '--interactive', '--no-deps', '--name', name, ...volumes, '--entrypoint', 'sh']
  return composeArgs(tenant, ...run, tenant.service(part), '-c', HOLD)
}

/** Every core of this machine that nobody else wants, or what BACKUP_CPUS says; for the engine's update 0 is no number. */
const jobCpus = () => String(Number($.env.BACKUP_CPUS) || availableParallelism())

/**
 * Start a job of compose.yml, do the work, end it.
 * @throws OperatorError (1) with its last lines where it does not start.
 */
export async function withJob<T>(
  tenant: Tenant,
  part: JobPart,
  mounts: string[],
  work: (job: Job) => Promise<T>,
): Promise<T> {
  const name = jobName(tenant, part)
  return withContainer(jobArgs(tenant, part, name, mounts), name, 60, work, { BACKUP_CPUS: jobCpus() })
}

/**
 * Work in a job that has a tenth of a core meanwhile, where the engine can limit it.
 * @throws OperatorError (1) also where it cannot be given back: a backup of hours would take days
 */
export async function slowly<T>({ name }: Job, work: () => Promise<T>): Promise<T> {
  const limit = (cpus: string, nothrow = false) => docker(['update', '--cpus', cpus, name], { timeout: 60, nothrow })
  const slowed = await limit('0.1', true)
  try {
    return await work()
  } finally {
    await limit(jobCpus(), slowed.code !== 0)
  }
}

/** What jobs are called after. */
const JOBS = ['backup', 'restore', 'scratch', 'import', 'import-files', 'import-db', 'tar-sites', 'tar-assets'] as const

/** A name that no earlier run's container can still have. */
export const jobName = (tenant: Tenant, part: (typeof JOBS)[number]) =>
  tenant.container(`${part}-${randomBytes(4).toString('hex')}`)

/**
 * Remove what a killed run had made and not come to start: no `--rm` takes that away, and it holds its volumes. The tenant's
 * lock must be held, and no job of ours: on a busy machine the engine calls one created that has said that it is ready. A
 * `--list`, which takes no lock, could lose its container in that very moment, and is typed again.
 * @param always after a signal too
 * @throws OperatorError (1)
 */
export async function removeUnstarted(tenant: Tenant, always = false): Promise<void> {
  const labels = [`oneoff=True`, `project=${tenant.project}`].map((label) => `label=com.docker.compose.${label}`)
  const kinds = [
    [`name=^${tenant.container(`(${JOBS.join('|')})-[0-9a-f]{8}`)}$`],
    [...labels, `label=erp.tenant=${tenant.name}`],
  ]
  const list = (filters: string[]) =>
    docker(['ps', '-aq', ...['status=created', ...filters].flatMap((filter) => ['--filter', filter])], {
      timeout: 20,
      always,
    })
  const found = (await Promise.all(kinds.map(list))).flatMap(({ stdout }) => stdout.split('\n').filter(Boolean))
  if (found.length > 0) await docker(['rm', '--force', ...new Set(found)], { timeout: 60, always })
}

/**
 * Start a container, do the work, end it.
 * @param args a docker command that runs it in the foreground with stdin, under this name, and prints `ready`
 * @param timeout seconds until it must be ready
 * @param env what the docker command gets beside our own environment
 * @throws OperatorError (1) with its last lines where it does not start.
 */
export async function withContainer<T>(
  args: string[],
  name: string,
  timeout: number,
  work: (job: Job) => Promise<T>,
  env: Record<string, string> = {},
): Promise<T> {
  const child = hold(args, env)
  try {
    await lineOf(child, timeout, `${name} did not start`, (line) => line === 'ready')
    return await work({ name, exec: (command, options) => dockerExec(name, command, options) })
  } finally {
    await end(child, name)
  }
}

/** A docker client that our stdin holds; a Ctrl-C reaches us alone: we end it in order. */
export function hold(args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'docker', ...args], {
    cwd: $.cwd,
    env: { GOGC: '20', ...$.env, ...env }, // what compose needed to start is given back: it is held for hours
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {}) // it may end before we do
  return child
}

/**
 * Wait for the line of its stdout that is wanted.
 * @param timeout seconds
 * @param failed what an error begins with
 * @throws OperatorError (1) with its last lines where it ends or is late
 */
export async function lineOf(
  child: ChildProcess,
  timeout: number,
  failed: string,
  isWanted: (line: string) => boolean,
): Promise<string> {
  let complaint = ''
  child.stderr?.on('data', (data) => {
    complaint = `${complaint}${data}`.slice(-4000)
  })
  const lines = child.stdout && createInterface({ input: child.stdout })
  const wanted = new Promise<{ line: string }>((done) => lines?.on('line', (line) => isWanted(line) && done({ line })))
  const limit = AbortSignal.timeout(timeout * 1000)
  const signal = AbortSignal.any([limit, ...($.signal ? [$.signal] : [])])
  const ended = once(child, 'exit', { signal }).then(() => 'ended' as const)
  const outcome = await Promise.race([wanted, ended]).catch(() => 'late' as const)
  ended.catch(() => {}) // it listens on while the container works
  if (typeof outcome === 'object') return outcome.line
  $.signal?.throwIfAborted()
  const why = outcome === 'late' ? `not ready within ${timeout} s` : lastLines(complaint, 3)
  throw new OperatorError(`${failed}: ${why}`, { hint: networkHint(complaint) })
}

/** Close its stdin; a container that does not end by that is removed, and its client with it. */
async function end(child: ChildProcess, name: string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.stdin?.end()
  const remove = () => docker(['rm', '--force', name], { nothrow: true, always: true, timeout: 30 })
  const patience = setTimeout(() => void remove().finally(() => child.kill('SIGKILL')), 4000)
  await exit
  clearTimeout(patience)
}
