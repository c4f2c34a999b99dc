/** A repository as a whole: made, checked, measured, pruned, copied from. */
import { slowly } from '../jobs.ts'
import { DAY, HOUR, type Repository, restic } from './client.ts'
import { CODE, failure } from './failure.ts'

const PASSWORD = '/run/secrets/backup_password'

/** The repository's id; nothing where none is there. @throws OperatorError as restic() does. */
export async function repositoryId(repository: Repository): Promise<string | undefined> {
  const { code, stdout } = await restic(repository, ['cat', 'config', '--no-lock', '--quiet'], {
    accept: [CODE.missing],
    timeout: 30,
  })
  return code === 0 ? (JSON.parse(stdout) as { id: string }).id : undefined
}

/**
 * Make a new repository. restic makes the key from the password in a way that takes this processor half a second, and takes as
 * long each time that it opens the repository: eight times a night (KDFTimeout in its internal/repository/key.go). That is
 * against passwords that people think of. Ours has 192 random bits: a twentieth of a second and 8 to 16 MiB are enough.
 * @param like a repository whose chunks it shares, so that a copy transfers nothing twice
 */
export async function initRepository(repository: Repository, like?: Repository): Promise<void> {
  const args = ['init', '--quiet', ...(like ? ['--copy-chunker-params', ...from(like, repository)] : [])]
  await slowly(repository.job, () => restic(repository, args, { timeout: 120 }))
}

/** How restic reaches the source of a copy. Its options (`-o`) are those of both: one of the two may need them. */
function from({ flags }: Repository, target: Repository): string[] {
  const at = flags.indexOf('-o')
  const options = at < 0 || target.flags.includes('-o') ? [] : flags.slice(at)
  return ['--from-repository-file', flags[1] ?? '', '--from-password-file', PASSWORD, ...options]
}

/**
 * Check the structure and a part of the data, `part` of `parts`. Returns what is damaged, in restic's words.
 * @param how `lock` false where a lock might stay: an append-only server lets nobody but us write, but perhaps not unlock
 * @throws OperatorError (1), (3) where it could not be checked: that is no damage.
 */
export async function checkRepository(
  repository: Repository,
  part: number,
  parts: number,
  { lock = true } = {},
): Promise<string | undefined> {
  const args = ['check', '--quiet', `--read-data-subset=${part}/${parts}`, ...(lock ? [] : ['--no-lock'])]
  const result = await restic(repository, args, { timeout: DAY, accept: [CODE.failed] })
  if (result.code === 0) return undefined
  if (result.timedOut || /unable to create lock|invalid lock file/.test(result.stderr))
    throw failure(repository, args, result)
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

/** Give back the space of what no snapshot uses; `whole`: of what can be removed without writing anew what is beside it. */
export async function prune(repository: Repository, { whole = false } = {}): Promise<void> {
  await restic(repository, ['prune', '--quiet', '--max-unused', whole ? 'unlimited' : '10%'])
}

/** Remove locks that nobody has renewed for half an hour (restic's manual: unlock); those of who works there now stay. */
export async function removeStaleLocks(repository: Repository): Promise<void> {
  await restic(repository, ['unlock', '--quiet'], { timeout: 120 })
}

/** Whether somebody holds it alone, as its own host does to prune: without a lock of ours, packs then go from under a check. */
export async function isPruned(repository: Repository): Promise<boolean> {
  const look = async (...args: string[]) =>
    (await restic(repository, [...args, '--no-lock', '--quiet'], { timeout: 120, accept: [CODE.failed] })).stdout
  const ids = (await look('list', 'locks')).split('\n').filter(Boolean)
  for (const id of ids.slice(0, 20)) {
    const [, time = ''] = /"time": "([^"]+)",\s+"exclusive": true/.exec(await look('cat', 'lock', id)) ?? []
    if (Date.now() - Date.parse(time) < HOUR * 1000) return true // one that cannot be read says nothing
  }
  return false
}

/** Copy snapshots into another repository under the same password; those that are there already cost nothing. */
export async function copySnapshots(source: Repository, target: Repository, ids: string[]): Promise<void> {
  const flags = { ...target, environment: { ...source.environment, ...target.environment } }
  await restic(flags, ['copy', '--quiet', ...from(source, target), ...ids], { timeout: 7 * DAY })
}
