/** Puts a backup beside the live data and proves it there: booted apart, it must answer as it did when it was proven. */
import { isDeepStrictEqual } from 'node:util'
import { COMMON_CONFIG, type SiteConfig } from '../backup/manifest.ts'
import { type Answers, askBooks, askUsers } from '../backup/proof.ts'
import { OperatorError, preconditionError } from '../errors.ts'
import type { Job } from '../jobs.ts'
import { type Ask, END_SERVER, withScratchServer } from '../mariadb.ts'
import { gib } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import type { Repository } from '../restic/client.ts'
import { restoreDirectory } from '../restic/snapshots.ts'
import { readSecret } from '../secrets.ts'
import type { Choice } from './plan.ts'
import { roomHint } from './previous.ts'
import { runSwap } from './volumes.ts'

const MYSQL = '/var/lib/mysql'
/** What the database and the engine want beside it, in bytes. */
const MARGIN = 200 * 2 ** 20

/**
 * Restore the database, the site's files and the brand into incoming/ of each volume.
 * @throws OperatorError (3) where there is no room, (1) where any of it is damaged; the live data is untouched.
 */
export async function fetchIncoming(repository: Repository, { backup, manifest, bytes }: Choice): Promise<void> {
  const { tenant, job } = repository
  await verifySpace(tenant, job, bytes)
  await runSwap(tenant, job, 'make')
  await restoreDirectory(repository, backup.id, '/db', '/out/db/incoming')
  await restoreDirectory(repository, backup.id, '/sites', '/out/sites/incoming') // restic gives a target no owner, mode or time
  await restoreDirectory(repository, backup.id, '/assets', '/out/assets/.incoming')
  if (manifest.bench) {
    const write = ['sh', '-c', 'umask 077; cat >"$1"', 'sh', `/out/sites/incoming/${COMMON_CONFIG}`]
    await job.exec(write, { input: JSON.stringify(manifest.bench), timeout: 20 })
  }
  await runSwap(tenant, job, 'own')
  await job.exec(['sync'], { timeout: 600 })
}

/** @throws OperatorError (3) where the disk has less than this many bytes. */
export async function verifySpace(tenant: Tenant, job: Job, needed: number): Promise<void> {
  const { stdout } = await job.exec(['df', '-Pk', '/out/db'], { timeout: 20 })
  const free = Number(stdout.split('\n')[1]?.split(/\s+/)[3]) * 1024
  if (free >= needed + MARGIN) return
  throw preconditionError(
    `${tenant.name}: the backup needs ${gib(needed + MARGIN)} beside the live data, the disk has ${gib(free)}; nothing was changed`,
    await roomHint(tenant),
  )
}

/**
 * Boot what came in a container without a network, compare its answers with the proof, end every session (a cookie older
 * than the backup would be valid again), and give root the password of the secret file.
 * @param image MariaDB's
 * @param config the site's that came, with the schema and the key
 * @param proven what it must answer
 * @param accounts statements that make what is needed besides
 * @returns who may sign in
 * @throws OperatorError (1); the live data is untouched.
 */
export async function proveIncoming(
  tenant: Tenant,
  image: string,
  config: SiteConfig,
  proven: Answers,
  accounts: string[] = [],
): Promise<string[]> {
  const password = await readSecret(tenant.secret('db_password'))
  const schema = config.db_name ?? ''
  return withIncomingServer(tenant, image, async (ask, job) => {
    compare(tenant, proven, await askBooks(ask, schema, config.encryption_key))
    const enabled = await askUsers(ask, schema, true) // while no grant is in force
    const roots = await ask("select host from mysql.global_priv where user = 'root'")
    const alter = roots.map(([host = '']) => `alter user 'root'@'${host}' identified by '${password}';`)
    await ask([`delete from \`${schema}\`.tabSessions;`, 'flush privileges;', ...alter, ...accounts].join('\n'))
    await job.exec(['bash', '-c', END_SERVER], { timeout: 600 }) // whole: its next start has nothing to recover
    return enabled
  })
}

/** Boot the database in incoming/ apart from everything. */
export function withIncomingServer<T>(
  tenant: Tenant,
  image: string,
  work: (ask: Ask, job: Job) => Promise<T>,
): Promise<T> {
  return withScratchServer(tenant, image, `${tenant.volume('db-data')}:${MYSQL}`, `${MYSQL}/incoming`, work)
}

/** @throws OperatorError (1) that names what differs. */
export function compare(tenant: Tenant, proven: Answers, now: Answers): void {
  if (isDeepStrictEqual(now, proven)) return
  const parts = (Object.keys(proven) as (keyof Answers)[]).filter((part) => !isDeepStrictEqual(now[part], proven[part]))
  const said = parts.map((part) => `${part} ${JSON.stringify(differing(proven[part], now[part]))}`).join('; ')
  throw new OperatorError(`${tenant.name}: what came is not what was proven: ${said.slice(0, 400)}`)
}

/** Of two records the first entry that is not equal: what was proven, what is there. */
function differing(proven: unknown, now: unknown): unknown {
  if (typeof proven !== 'object' || typeof now !== 'object' || !proven || !now) return [proven, now]
  const [a, b] = [proven as Record<string, unknown>, now as Record<string, unknown>]
  const key = Object.keys({ ...a, ...b }).find((name) => !isDeepStrictEqual(a[name], b[name])) ?? ''
  return { [key]: [a[key] ?? null, b[key] ?? null] }
}
