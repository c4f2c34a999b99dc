/** restic's exit codes and complaints as errors of ours, in restic's own words. */

import type { Place } from '../backup/repository.ts'
import { type DockerResult, lastLines } from '../docker.ts'
import { OperatorError, preconditionError } from '../errors.ts'
import type { Tenant } from '../registry.ts'
import type { Repository } from './client.ts'

/** restic's own exit codes (restic 0.17 and newer, manual: scripting). */
export const CODE = { failed: 1, incomplete: 3, missing: 10, locked: 11, wrongPassword: 12 } as const

/** The error that a failed run of restic is. */
export function failure(
  { tenant, place }: Repository,
  args: string[],
  { code, stderr, timedOut }: DockerResult,
): OperatorError {
  const where = `${tenant.name}: the ${place.role} ${place.location}`
  const said = sayingOf(stderr)
  if (timedOut) return new OperatorError(`${where} did not end in time`)
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
  const hint = HINTS.find(([words]) => words.test(said))?.[1](tenant, place)
  return new OperatorError(`${where}: restic ${args[0]} failed (${code}): ${said}`, { hint })
}

/** What helps against a complaint of restic's. */
const HINTS: [complaint: RegExp, hint: (tenant: Tenant, place: Place) => string][] = [
  [
    /no space left/i,
    ({ name }, { role }) =>
      role === 'offsite'
        ? 'make room there, or prune it there: docs/backup.md#where-backups-go'
        : `where old backups may go: npx zx scripts/backup.ts ${name} --prune`,
  ],
  [/invalid lock file/, () => 'a lock was cut short: docs/backup.md#a-lock-of-a-machine-that-is-gone'],
  [
    /already contains keys/,
    () => 'an earlier --init was ended half-way: docs/backup.md#a-repository-that-was-made-half-way',
  ],
  [
    / \/(?:repository|offsite)\/\S*: permission denied/, // where a job has a directory of this machine
    (_tenant, { directory = 'its directory' }) => `what lies there must be root's: chown -R root: ${directory}`,
  ],
  [
    // restic may end before it has passed on what ssh said
    /unable to start the sftp session/i,
    ({ prefix }) =>
      `is it the host key of secrets/${prefix}_backup_known_hosts, and does the server take ${prefix}_backup_ssh_key?`,
  ],
]

/** What went wrong, in restic's own words: the files of a `--json` run that it could not read, or else its last lines. */
function sayingOf(stderr: string): string {
  const [lines, messages] = [[], []] as [string[], string[]]
  for (const line of stderr.split('\n')) (line.startsWith('{') ? messages : lines).push(line)
  const unread = messages.flatMap(unreadFile)
  lines.push(...messages.flatMap(lastWord))
  if (unread.length > 0)
    return unread.slice(0, 3).join('; ') + (unread.length > 3 ? ` and ${unread.length - 3} more` : '')
  const [fatal, ssh] = ['Fatal: ', 'subprocess ssh: '].map((word) => lines.findLast((line) => line.startsWith(word)))
  // restic may end in the midst of ssh's banner about a host key that has changed
  const changed = lines.some((line) => line.startsWith('subprocess ssh: @@@@'))
  const reason = changed ? 'subprocess ssh: Host key verification failed: it is another key' : ssh
  return fatal ? [fatal, reason].filter(Boolean).join('; ') : lastLines(lines.join('\n'), 2)
}

/**
 * Whether all that `restic backup --json` missed was gone when it came to it, as where somebody deletes a file meanwhile:
 * what is gone before it is listed restic forgives, what goes after that it does not. Pure.
 */
export function hasVanished(stderr: string): boolean {
  const unread = stderr.split('\n').flatMap(unreadFile)
  return unread.length > 0 && unread.every((said) => said.endsWith('no such file or directory'))
}

/** A line of `restic backup --json` about one file (manual: scripting, Error); nothing of any other. */
const unreadFile = (line: string) =>
  wordsOf(line, 'error', ({ item, error }: { item: string; error: Error }) => [`${item}: ${error.message}`])

/** Why a `--json` run ended (manual: scripting, Exit errors), as others say it. */
const lastWord = (line: string) =>
  wordsOf(line, 'exit_error', ({ message }: { message: string }) => message.split('\n').slice(0, 1))

/** The words of a line of this type. */
function wordsOf<T>(line: string, type: string, read: (message: T) => string[]): string[] {
  try {
    const message = JSON.parse(line)
    return message.message_type === type ? read(message) : []
  } catch {
    return [] // cut short
  }
}
