/** The tenant's MariaDB: a physical copy of it while it serves, a copy booted apart and asked, the live one asked. */
import { setTimeout as sleep } from 'node:timers/promises'
import { answerOf, type DockerOptions, docker, dockerAsk, dockerExec, ended, lastLines } from './docker.ts'
import { OperatorError, orElse } from './errors.ts'
import { type Job, jobName, withContainer } from './jobs.ts'
import type { Tenant } from './registry.ts'

const HOUR = 3600
/** Where the copy lies, in the database's container and where it is booted. */
export const STAGING = '/srv/staging'
const SCRATCH_CAPS = ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']

/** What the copy says of itself. */
export interface DatabaseCopy {
  bytes: number
  /** Log sequence number up to which it holds everything. */
  lsn: string
  /** Version of the server that was copied. */
  server: string
}

/** Asks SQL and returns rows of columns; NULL is the word NULL. @throws OperatorError (1) */
export type Ask = (sql: string) => Promise<string[][]>

/**
 * Copy the running database into the staging volume and prepare the copy (mariadb-backup, as the socket account).
 * @throws OperatorError (1) where the copy is not whole.
 */
export async function copyDatabase(tenant: Tenant, note: (text: string) => void): Promise<DatabaseCopy> {
  const command = ['bash', '/opt/erp/copy-database.sh']
  const options = { input: '', holdStdin: true, timeout: 6 * HOUR, nothrow: true, onStderr: note }
  const { code, stdout, stderr, timedOut } = await whileAnswering(tenant, (signal) =>
    dockerExec(tenant.container('db'), command, { ...options, signal }),
  )
  if (code !== 0) throw new OperatorError(`${tenant.name}: the database was not copied: ${reason(stderr, timedOut)}`)
  const said = Object.fromEntries(stdout.split('\n').map((line) => line.split(' ') as [string, string]))
  if (!said.bytes || !said.lsn)
    throw new OperatorError(`${tenant.name}: the copy of the database says nothing of itself`)
  return { bytes: Number(said.bytes), lsn: said.lsn, server: said.server ?? '' }
}

/** Seconds between two looks at the database, that it has for an answer, and looks in a row that may remain without one. */
const WATCH = { every: 15, patience: 10, silent: 4 }

/**
 * Work on the running database that takes hours, as long as it answers: a server that hangs, or a container that was paused,
 * would hold the tenant for the whole of the time limit.
 * @throws OperatorError (1) where it does not answer any more
 */
async function whileAnswering<T>(tenant: Tenant, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const [hung, ended] = [new AbortController(), new AbortController()]
  const asked = () =>
    dockerExec(tenant.container('db'), [...CLIENT, '-Ne', 'select 1'], { timeout: WATCH.patience, nothrow: true })
  const watch = async () => {
    for (let silent = 0; silent < WATCH.silent; ) {
      await sleep(WATCH.every * 1000, undefined, { signal: ended.signal })
      silent = (await asked()).code === 0 ? 0 : silent + 1
    }
    hung.abort()
  }
  watch().catch(() => {}) // the work has ended
  try {
    const result = await work(hung.signal)
    if (hung.signal.aborted) throw new OperatorError(`${tenant.name}: the database does not answer any more`)
    return result
  } finally {
    ended.abort()
  }
}

/** mariadb-backup ends with a line of its own progress; the reason is the last line that names an error. */
function reason(stderr: string, timedOut: boolean): string {
  if (timedOut) return 'it did not end in time'
  const lines = stderr.split('\n').filter((line) => /error|no space|denied|cannot|can't|gone away/i.test(line))
  return lines.at(-1)?.replace(/^\[\d+\]\s*/, '') || lastLines(stderr, 1)
}

/** A program of the database's image beside the database: no network, one volume. */
const besideArgs = (image: string, user: string, capabilities: string[], volume: string, command: string[]) => [
  ...['run', '--rm', '--network', 'none', '--user', user, ...SCRATCH_CAPS],
  ...capabilities.flatMap((name) => ['--cap-add', name]),
  ...['--tmpfs', '/var/lib/mysql', '--volume', volume, '--entrypoint', command[0] ?? '', image, ...command.slice(1)],
]

/** What the database takes up in bytes, running or not; 0 where there is none. */
export async function databaseBytes(tenant: Tenant, image: string): Promise<number> {
  const du = (data: string) => ['du', '-sk', data]
  const options = { timeout: 120, nothrow: true }
  const inside = await dockerExec(tenant.container('db'), du('/var/lib/mysql/data'), options)
  const volume = `${tenant.volume('db-data')}:/volume:ro`
  const beside = besideArgs(image, '0:0', ['DAC_READ_SEARCH'], volume, du('/volume/data'))
  const { stdout } = inside.stdout ? inside : await dockerAsk(beside, options)
  return (Number.parseInt(stdout, 10) || 0) * 1024
}

/** Empty the staging volume: in the database's container, or in one of its own where that does not run. Done after a signal too. */
export async function emptyStaging(tenant: Tenant, image: string): Promise<void> {
  const find = ['find', STAGING, '-mindepth', '1', '-delete']
  const inside = await dockerExec(tenant.container('db'), find, { timeout: HOUR, always: true, nothrow: true })
  if (inside.code === 0) return
  const volume = `${tenant.volume('backup-staging')}:${STAGING}`
  await docker(besideArgs(image, '999:999', [], volume, find), { timeout: HOUR, always: true })
}

/** By the socket, where TLS would protect nothing; a client that is not told insists on it. */
export const WITHOUT_TLS = '--skip-ssl'
const CLIENT = ['mariadb', WITHOUT_TLS]

/**
 * A shell script that runs a server until its own stdin ends, also while it boots, and says `ready` once it answers.
 * @param ask what succeeds as soon as it does
 * @param prepare what is done before it is ready
 */
export const heldServer = (server: string, ask: string, prepare = ':'): string =>
  [
    `exec 3<&0; ${server} </dev/null & server=$!`,
    '(cat <&3 >/dev/null; kill $server) & held=$!',
    `until ${ask} >/dev/null 2>&1; do kill -0 $server 2>/dev/null || exit 1; sleep 0.1; done`,
    prepare,
    'echo ready; wait $held; wait $server',
  ].join('\n')

/**
 * How a copy is booted: apart from everything, grant tables skipped, on the volume's directory that holds it. Without TLS,
 * for which MariaDB makes a key at each start (1 to 2 s), and through the page cache, where restic has just read the copy.
 */
function scratchArgs(name: string, image: string, mount: string, directory: string): string[] {
  const apart = `--skip-grant-tables --skip-networking ${WITHOUT_TLS}`
  const server = `mariadbd --datadir=${directory} ${apart} --innodb-buffer-pool-size=64M --innodb-data-file-buffering`
  const script = heldServer(server, `${CLIENT.join(' ')} -Ne 'select 1'`)
  const limits = ['--memory', '1g', '--cpu-shares', '128', '--pids-limit', '100', '--init', '--read-only']
  const tmpfs = [
    '/tmp',
    '/run/mysqld:uid=999,gid=999,mode=755',
    ...(directory.startsWith(STAGING) ? ['/var/lib/mysql'] : []),
  ]
  return [
    ...['run', '--rm', '--interactive', '--name', name, '--network', 'none', '--user', '999:999'],
    ...[...SCRATCH_CAPS, ...limits, ...tmpfs.flatMap((path) => ['--tmpfs', path]), '--volume', mount],
    ...['--entrypoint', 'bash', image, '-c', script],
  ]
}

/** Ends the server of a container, for a shell in it: everything is on the disk then. */
export const END_SERVER = [
  'servers() { grep -lsx mariadbd /proc/[0-9]*/comm | cut -d / -f 3; }',
  'kill $(servers); while [ -n "$(servers)" ]; do sleep 0.1; done',
].join('\n')

/**
 * Boot a copy of the database in a container without a network, and ask it.
 * @param image MariaDB's
 * @param mount `volume:/path`
 * @param directory the copy, below that path
 * @throws OperatorError (1) where it does not boot within 120 s.
 */
export async function withScratchServer<T>(
  tenant: Tenant,
  image: string,
  mount: string,
  directory: string,
  work: (ask: Ask, job: Job) => Promise<T>,
): Promise<T> {
  const name = jobName(tenant, 'scratch')
  const args = scratchArgs(name, image, mount, directory)
  return withContainer(args, name, 120, (job) => work((sql) => query(name, sql), job))
}

/** Whether the tenant's own database answers at once: one that hangs accepts connections and says nothing for ever. */
export const isAwake = (tenant: Tenant): Promise<boolean> =>
  orElse(
    query(tenant.container('db'), 'select 1', CLIENT, 10).then(() => true),
    false,
  )

/** Ask the tenant's own running database, by the socket account, which only reads. @param timeout seconds */
export const askLive =
  (tenant: Tenant, timeout = HOUR / 2): Ask =>
  (sql) =>
    query(tenant.container('db'), sql, CLIENT, timeout)

/**
 * Ask a server in a container. Books with a row fewer would be proven as they are not: the end of an answer is marked.
 * @param client how it is reached; by the socket account where nothing is said
 * @param timeout seconds
 * @throws OperatorError (1) also where the end of the answer did not come
 */
export async function query(container: string, sql: string, client = CLIENT, timeout = HOUR): Promise<string[][]> {
  const options: DockerOptions = { input: sql, timeout, nothrow: true }
  const asks = [...client, '--default-character-set=utf8mb4', '--batch', '--skip-column-names']
  const result = await dockerExec(container, ended(asks), options)
  if (result.code !== 0) throw new OperatorError(`${container}: ${lastLines(result.stderr, 1) || 'no answer'}`)
  return answerOf(result, container)
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))
}
