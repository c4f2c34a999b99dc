/** restic inside a held container: how it is pointed at a repository, and run. */
import { type Keys, type Place, withLogin } from '../backup/repository.ts'
import type { DockerOptions, DockerResult } from '../docker.ts'
import type { Job } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import { CODE, failure } from './failure.ts'

/** A time limit for what only reads, in seconds. */
export const HOUR = 3600
/**
 * For what moves all data over a line, which may take days: a server that went away is noticed by SSH (below), or by restic
 * (its stuck requests end after five minutes).
 */
export const DAY = 24 * HOUR
const KEYS = '/run/erp'

/** A repository that is reached through a job's container. */
export interface Repository {
  readonly tenant: Tenant
  readonly place: Place
  readonly job: Job
  /** How restic is pointed at it. */
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Put the keys into the job's tmpfs, by stdin, and say how restic reaches the place. */
export async function reach(tenant: Tenant, job: Job, place: Place, keys: Keys): Promise<Repository> {
  const file = `${KEYS}/${place.role}`
  const texts = { ...keys.files, [place.role]: withLogin(place, keys) }
  for (const [name, text] of Object.entries(texts)) {
    await job.exec(['sh', '-c', 'umask 077; cat >"$1"', 'sh', `${KEYS}/${name}`], { input: text, timeout: 20 })
  }
  const cache = place.directory ? ['--no-cache'] : ['--cache-dir', '/tmp/restic']
  const ssh = `-i ${KEYS}/ssh_key -o UserKnownHostsFile=${KEYS}/known_hosts -o StrictHostKeyChecking=yes -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=30 -o ServerAliveCountMax=4`
  const sftp = place.restic.startsWith('sftp:') ? ['-o', `sftp.args=${ssh}`] : []
  const aws = keys.files.aws ? { AWS_SHARED_CREDENTIALS_FILE: `${KEYS}/aws` } : {}
  return {
    tenant,
    place,
    job,
    flags: ['--repository-file', file, ...cache, ...sftp],
    environment: { ...keys.environment, ...aws },
  }
}

type Options = DockerOptions & {
  /** Exit codes that are no failure. */
  accept?: readonly number[]
  /** Words that run it, before its own: `sh -c 'cd "$0" && exec "$@"' /in`. */
  through?: readonly string[]
}

/**
 * Run restic. A lock that a killed run of this machine left is removed first: nobody else holds the tenant.
 * @throws OperatorError (3) for a wrong password, a missing repository or one that another holds; (1) for the rest.
 */
export async function restic(repository: Repository, args: string[], options: Options = {}): Promise<DockerResult> {
  const { accept = [], ...rest } = options
  const run = () => call(repository, args, rest)
  let result = await run()
  if (result.code === CODE.locked && (await removeDeadLocks(repository))) result = await run()
  if (result.code === 0 || accept.includes(result.code)) return result
  throw failure(repository, args, result)
}

/** restic once, whatever its exit code. */
function call(
  { job, flags, environment }: Repository,
  args: string[],
  { through = [], ...options }: Omit<Options, 'accept'>,
): Promise<DockerResult> {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const command = [...through, 'env', ...settings, 'restic', ...flags, ...args]
  return job.exec(command, { timeout: 6 * HOUR, ...options, nothrow: true })
}

/**
 * True where every lock was left by a job of this machine: we hold the tenant, so those are dead. What cannot be read is
 * somebody's.
 */
async function removeDeadLocks(repository: Repository): Promise<boolean> {
  const run = (...args: string[]) => call(repository, args, { timeout: 120 })
  const own = (await repository.job.exec(['hostname'], { timeout: 10 })).stdout.trim()
  const listed = await run('list', 'locks', '--no-lock', '--quiet')
  const ids = listed.stdout.split('\n').filter(Boolean)
  const locks = await Promise.all(ids.map((id) => run('cat', 'lock', id, '--no-lock', '--quiet')))
  const dead = locks.every(({ code, stdout }) => code === 0 && stdout.includes(`"hostname": "${own}"`))
  if (listed.code !== 0 || !dead) return false
  return (await run('unlock', '--remove-all', '--quiet')).code === 0
}
