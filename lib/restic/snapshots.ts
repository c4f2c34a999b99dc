/** Snapshots of a repository: listed, made, read, forgotten. */
import { OperatorError } from '../errors.ts'
import { DAY, HOUR, type Repository, restic } from './client.ts'
import { CODE, failure, hasVanished } from './failure.ts'

/** A snapshot as restic lists it. */
export interface Snapshot {
  id: string
  /** UTC, ISO 8601. */
  time: string
  hostname: string
  tags?: string[]
  /** The id that it had in the repository from which it was copied. */
  original?: string
  summary?: { total_bytes_processed: number }
}

/**
 * Every snapshot of the repository, oldest first.
 * @param unread gets what restic says of those that it could not read, which is no failure to it (restic 0.18)
 * @throws OperatorError (1) where there are such and nobody takes what is said of them: the newest may be among them
 */
export async function listSnapshots(repository: Repository, unread?: (line: string) => void): Promise<Snapshot[]> {
  const args = ['snapshots', '--json', '--no-lock', '--quiet']
  const { stdout, stderr } = await restic(repository, args, { timeout: HOUR })
  const lines = stderr.split('\n').filter((line) => /^Ignoring |^could not load snapshots/.test(line))
  if (lines[0] && !unread) {
    const { tenant, place } = repository
    throw new OperatorError(`${tenant.name}: the ${place.role} ${place.location}: not all can be read: ${lines[0]}`, {
      hint: `see docs/backup.md#the-${place.role === 'offsite' ? 'off-site-' : ''}repository-is-damaged`,
    })
  }
  for (const line of lines) unread?.(line)
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
    '--no-scan', // it would count all files first, for a progress bar
    '--host',
    repository.tenant.name,
    ...tags.flatMap((tag) => ['--tag', tag]),
  ]
  const [args, options] =
    'stdin' in what
      ? [['--stdin', '--stdin-filename', what.file], { input: what.stdin }]
      : [[...what.without.map((path) => `--exclude=${what.directory}/${path}`), ...what.paths], within(what.directory)]
  const run = (accept: number[]) => restic(repository, [...common, ...args], { timeout: DAY, ...options, accept })
  const first = await run([CODE.incomplete])
  if (first.code !== 0 && !hasVanished(first.stderr)) throw failure(repository, common, first)
  const { stdout } = first.code === 0 ? first : await run([]) // the first one stays, and counts for nothing
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

/** By relative paths, so that the snapshot's tree begins with db/, sites/ and assets/. */
const within = (directory: string) => ({ through: ['sh', '-c', 'cd "$0" && exec "$@"', directory] })

/** A file of a snapshot. @throws OperatorError (1) where it is not there or its data is damaged. */
export async function readSnapshotFile(repository: Repository, id: string, path: string): Promise<string> {
  return (await restic(repository, ['dump', '--no-lock', '--quiet', id, path], { timeout: HOUR })).stdout
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
  const args = ['restore', '--no-lock', '--quiet', '--target', target, `${id}:${path}`]
  await restic(repository, args, { timeout: 7 * DAY })
}

/** SHA-256 of a file of a snapshot, as the repository gives it. It passes through the job's memory. */
export async function hashSnapshotFile(repository: Repository, id: string, path: string): Promise<string> {
  const hash = '"$@" >/tmp/file && sha256sum /tmp/file; code=$?; rm -f /tmp/file; exit $code'
  const args = ['dump', '--no-lock', '--quiet', id, path]
  const { stdout } = await restic(repository, args, { through: ['sh', '-c', hash, 'sh'], timeout: HOUR })
  return stdout.slice(0, 64)
}

/** Forget snapshots by their ids; what they alone used stays until `prune`. */
export async function forget(repository: Repository, ids: string[]): Promise<void> {
  await restic(repository, ['forget', '--quiet', ...ids])
}
