/** restic inside a held container: repositories are opened, asked and written to; its exit codes become our errors. */
import { type Keys, type Place, withLogin } from './backup/repository.ts'
import { type DockerOptions, type DockerResult, lastLines } from './docker.ts'
import { OperatorError, preconditionError } from './errors.ts'
import type { Job } from './jobs.ts'
import type { Tenant } from './registry.ts'

/** restic's own exit codes (restic 0.17 and newer, manual: scripting). */
const CODE = { failed: 1, missing: 10, locked: 11, wrongPassword: 12 } as const
const HOUR = 3600
const KEYS = '/run/erp'
const PASSWORD = '/run/secrets/backup_password'

/** A repository that is reached through a job's container. */
export interface Repository {
  readonly tenant: Tenant
  readonly place: Place
  readonly job: Job
  /** How restic is pointed at it. */
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** A snapshot as restic lists it. */
export interface Snapshot {
  id: string
  /** UTC, ISO 8601. */
  time: string
  hostname: string
  tags?: string[]
  /** The id that it had in the repository from which it was copied. */
  original?: string
  paths: string[]
  summary?: { total_bytes_processed: number }
}

/** Put the keys into the job's tmpfs, by stdin, and say how restic reaches the place. */
export async function reach(tenant: Tenant, job: Job, place: Place, keys: Keys): Promise<Repository> {
  const file = `${KEYS}/${place.role}`
  const texts = { ...keys.files, [place.role]: withLogin(place, keys) }
  for (const [name, text] of Object.entries(texts)) {
    await job.exec(['sh', '-c', 'umask 077; cat >"$1"', 'sh', `${KEYS}/${name}`], { input: text, timeout: 20 })
  }
  const cache = place.directory ? ['--no-cache'] : ['--cache-dir', '/tmp/restic']
  const ssh = `-i ${KEYS}/ssh_key -o UserKnownHostsFile=${KEYS}/known_hosts -o StrictHostKeyChecking=yes -o BatchMode=yes -o ConnectTimeout=15`
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
}

/**
 * Run restic. A lock that a killed run of this machine left is removed first: nobody else holds the tenant.
 * @throws OperatorError (3) for a wrong password, a missing repository or one that another holds; (1) for the rest.
 */
async function restic(repository: Repository, args: string[], options: Options = {}): Promise<DockerResult> {
  const { accept = [], ...rest } = options
  let result = await call(repository, args, rest)
  if (result.code === CODE.locked && (await removeDeadLocks(repository))) result = await call(repository, args, rest)
  if (result.code === 0 || accept.includes(result.code)) return result
  throw failure(repository, args, result)
}

/** restic once, whatever its exit code. */
function call({ job, flags, environment }: Repository, args: string[], options: DockerOptions): Promise<DockerResult> {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return job.exec(['env', ...settings, 'restic', ...flags, ...args], { timeout: 6 * HOUR, ...options, nothrow: true })
}

function failure(
  { tenant, place }: Repository,
  args: string[],
  { code, stderr, timedOut }: DockerResult,
): OperatorError {
  const where = `${tenant.name}: the ${place.role} ${place.location}`
  const said = sayingOf(stderr)
  if (timedOut) return new OperatorError(`${where} did not answer in time`)
  if (code === CODE.wrongPassword)
    return preconditionError(
      `${where} is not opened by secrets/${tenant.prefix}_backup_password.txt`,
      'put the old password back',
    )
  if (code === CODE.missing)
    return preconditionError(
      `${where} holds no repository`,
      `npx zx scripts/backup.ts ${tenant.name} --init, the first time`,
    )
  if (code === CODE.locked)
    return preconditionError(
      `${where} is locked by another machine: ${said}`,
      'try again later; where that machine is gone: docs/backup.md#a-lock-of-a-machine-that-is-gone',
    )
  return new OperatorError(`${where}: restic ${args[0]} failed (${code}): ${said}`)
}

/** What went wrong, in restic's own words: the files of a `--json` run that it could not read, or else its last lines. */
function sayingOf(stderr: string): string {
  const [lines, messages] = [[], []] as [string[], string[]]
  for (const line of stderr.split('\n')) (line.startsWith('{') ? messages : lines).push(line)
  const unread = messages.flatMap(unreadFile)
  if (unread.length > 0)
    return unread.slice(0, 3).join('; ') + (unread.length > 3 ? ` and ${unread.length - 3} more` : '')
  const [fatal, ssh] = ['Fatal: ', 'subprocess ssh: '].map((word) => lines.findLast((line) => line.startsWith(word)))
  // restic may end in the midst of ssh's banner about a host key that has changed
  const changed = lines.some((line) => line.startsWith('subprocess ssh: @@@@'))
  const reason = changed ? 'subprocess ssh: Host key verification failed: it is another key' : ssh
  return fatal ? [fatal, reason].filter(Boolean).join('; ') : lastLines(lines.join('\n'), 2)
}

/** A line of `restic backup --json` about one file (manual: scripting, Error); nothing of any other. */
function unreadFile(line: string): string[] {
  try {
    const { message_type, item, error } = JSON.parse(line) as { message_type: string; item: string; error: Error }
    return message_type === 'error' ? [`${item}: ${error.message}`] : []
  } catch {
    return [] // cut short
  }
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

/** The repository's id; nothing where none is there. @throws OperatorError as restic() does. */
export async function repositoryId(repository: Repository): Promise<string | undefined> {
  const { code, stdout } = await restic(repository, ['cat', 'config', '--no-lock', '--quiet'], {
    accept: [CODE.missing],
    timeout: 30,
  })
  return code === 0 ? (JSON.parse(stdout) as { id: string }).id : undefined
}

/** Make a new repository; `like`: one whose chunks it shares, so that a copy transfers nothing twice. */
export async function initRepository(repository: Repository, like?: Repository): Promise<void> {
  const args = ['init', '--quiet', ...(like ? ['--copy-chunker-params', ...from(like, repository)] : [])]
  await restic(repository, args, { timeout: 120 })
}

/** How restic reaches the source of a copy. Its options (`-o`) are those of both: one of the two may need them. */
function from({ flags }: Repository, target: Repository): string[] {
  const at = flags.indexOf('-o')
  const options = at < 0 || target.flags.includes('-o') ? [] : flags.slice(at)
  return ['--from-repository-file', flags[1] ?? '', '--from-password-file', PASSWORD, ...options]
}

/** Every snapshot of the repository, oldest first. */
export async function listSnapshots(repository: Repository): Promise<Snapshot[]> {
  const { stdout } = await restic(repository, ['snapshots', '--json', '--no-lock', '--quiet'], { timeout: HOUR })
  const snapshots = (JSON.parse(stdout) ?? []) as Snapshot[]
  return snapshots.sort((a, b) => Date.parse(a.time) - Date.parse(b.time))
}

/** What restic says of a snapshot that it has made. */
export interface Stored {
  id: string
  /** Bytes that the repository grew by. */
  addedBytes: number
  /** Bytes that were read. */
  totalBytes: number
  files: number
}

/**
 * Make one snapshot of paths below `directory`, but for those below it in `without`, or of `stdin` under a file's name.
 * @throws OperatorError (1) also where a file could not be read: such a snapshot is not whole.
 */
export async function makeSnapshot(
  repository: Repository,
  what: { directory: string; paths: string[]; without: string[] } | { file: string; stdin: string },
  tags: string[],
): Promise<Stored> {
  const common = [
    'backup',
    '--json',
    '--quiet',
    '--host',
    repository.tenant.name,
    ...tags.flatMap((tag) => ['--tag', tag]),
  ]
  const { stdout } =
    'stdin' in what
      ? await restic(repository, [...common, '--stdin', '--stdin-filename', what.file], { input: what.stdin })
      : await inDirectory(repository, what.directory, [
          ...common,
          ...what.without.map((path) => `--exclude=${what.directory}/${path}`),
          ...what.paths,
        ])
  const lines = stdout.split('\n').filter((line) => line.includes('"message_type":"summary"'))
  const summary = JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>
  if (typeof summary.snapshot_id !== 'string')
    throw new OperatorError(`${repository.tenant.name}: restic made no snapshot`)
  return {
    id: summary.snapshot_id,
    addedBytes: Number(summary.data_added_packed ?? summary.data_added),
    totalBytes: Number(summary.total_bytes_processed),
    files: Number(summary.total_files_processed),
  }
}

/** Relative paths, so that the snapshot's tree begins with db/, sites/ and assets/. */
function inDirectory(repository: Repository, directory: string, args: string[]): Promise<DockerResult> {
  const job = repository.job
  const moved: Job = {
    ...job,
    exec: (command, options) => job.exec(['sh', '-c', 'cd "$0" && exec "$@"', directory, ...command], options),
  }
  return restic({ ...repository, job: moved }, args)
}

/** A file of a snapshot. @throws OperatorError (1) where it is not there or its data is damaged. */
export async function readSnapshotFile(repository: Repository, id: string, path: string): Promise<string> {
  return (await restic(repository, ['dump', '--no-lock', '--quiet', id, path], { timeout: HOUR })).stdout
}

/**
 * Check the structure and a part of the data, `part` of `parts`. Returns what is damaged, in restic's words.
 * @throws OperatorError (1), (3) where it could not be checked: that is no damage.
 */
export async function checkRepository(
  repository: Repository,
  part: number,
  parts: number,
): Promise<string | undefined> {
  const args = ['check', '--quiet', `--read-data-subset=${part}/${parts}`]
  const result = await restic(repository, args, { accept: [CODE.failed] })
  if (result.code === 0) return undefined
  await repositoryId(repository) // a server that went away meanwhile makes restic end the same way
  return failure(repository, args, result).message
}

/** What the repository takes up, in bytes: of the disk where it is on this machine, or else of the data that it keeps. */
export async function repositoryBytes(repository: Repository): Promise<number> {
  const { place, job } = repository
  if (place.directory) {
    const { stdout } = await job.exec(['du', '-sk', place.restic], { timeout: HOUR })
    return Number.parseInt(stdout, 10) * 1024
  }
  const { stdout } = await restic(repository, ['stats', '--mode', 'raw-data', '--json', '--no-lock', '--quiet'])
  return Number((JSON.parse(stdout) as { total_size: number }).total_size)
}

/** Forget snapshots by their ids; what they alone used stays until `prune`. */
export async function forget(repository: Repository, ids: string[]): Promise<void> {
  await restic(repository, ['forget', '--quiet', ...ids])
}

/** Give back the space of what no snapshot uses. */
export async function prune(repository: Repository): Promise<void> {
  await restic(repository, ['prune', '--quiet', '--max-unused', '10%'])
}

/** Copy snapshots into another repository under the same password; those that are there already cost nothing. */
export async function copySnapshots(source: Repository, target: Repository, ids: string[]): Promise<void> {
  const flags = { ...target, environment: { ...source.environment, ...target.environment } }
  await restic(flags, ['copy', '--quiet', ...from(source, target), ...ids])
}

/** A file or directory of a snapshot. */
export interface Node {
  path: string
  type: string
  size?: number
}

/** What lies directly in directories of a snapshot; `recursive`: all that is below them. */
export async function listFiles(
  repository: Repository,
  id: string,
  directories: string[],
  { recursive = false } = {},
): Promise<Node[]> {
  const args = ['ls', '--json', '--no-lock', '--quiet', ...(recursive ? ['--recursive'] : []), id, ...directories]
  const { stdout } = await restic(repository, args, { timeout: HOUR })
  const nodes = stdout.split('\n').filter((line) => line.includes('"message_type":"node"'))
  return nodes.map((line) => JSON.parse(line) as Node)
}

/** Restore a directory of a snapshot, with owners, modes and times. @throws OperatorError (1) where any of it is damaged. */
export async function restoreDirectory(
  repository: Repository,
  id: string,
  path: string,
  target: string,
): Promise<void> {
  await restic(repository, ['restore', '--no-lock', '--quiet', '--target', target, `${id}:${path}`])
}

/** SHA-256 of a file of a snapshot, as the repository gives it. It passes through the job's memory. */
export async function hashSnapshotFile(repository: Repository, id: string, path: string): Promise<string> {
  const { job } = repository
  const script = '"$@" >/tmp/file && sha256sum /tmp/file; code=$?; rm -f /tmp/file; exit $code'
  const hashing: Job = {
    ...job,
    exec: (command, options) => job.exec(['sh', '-c', script, 'sh', ...command], options),
  }
  const args = ['dump', '--no-lock', '--quiet', id, path]
  return (await restic({ ...repository, job: hashing }, args, { timeout: HOUR })).stdout.slice(0, 64)
}
