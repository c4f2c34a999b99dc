/**
 * One verb at a time holds a tenant. The lock is flock(2), held by a child whose stdin is our pipe: the kernel frees it
 * however we die, and nobody ever removes a stale file. Who holds it stands in the file, for the message.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT, messageOf, OperatorError, preconditionError } from './errors.ts'
import { makeDirectory } from './files.ts'

interface Holder {
  pid: number
  verb: string
  /** UTC, ISO 8601. */
  since: string
}

/**
 * Run `work` while holding the lock `file`.
 * @param patience seconds to wait for it
 * @throws OperatorError (75) that names the holder where another has it; (3) where the file cannot be made.
 */
export async function withLock<T>(
  file: string,
  holder: Holder,
  what: string,
  work: () => Promise<T>,
  patience = 0,
): Promise<T> {
  const release = await acquire(file, what, patience)
  try {
    await writeHolder(file, holder)
    return await work()
  } finally {
    await release()
  }
}

async function writeHolder(file: string, holder: Holder): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(holder)}\n`)
  } catch (error) {
    throw preconditionError(`${file} cannot be written: ${messageOf(error)}`, undefined, error)
  }
}

/** Start the child that holds the lock. Detached: a Ctrl-C reaches only us, who then end it in order. */
async function acquire(file: string, what: string, patience: number): Promise<() => Promise<void>> {
  await makeDirectory(dirname(file))
  const child = spawn('flock', ['--timeout', `${patience}`, '--conflict-exit-code', '75', '--no-fork', file, 'cat'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (data) => {
    complaint += data
  })
  child.stdin.on('error', () => {}) // the child may end before it reads; its exit code says why
  const exit = once(child, 'exit').then(([code]) => ({ code: code as number | null }))
  child.stdin.write('held\n')
  const answer = await Promise.race([once(child.stdout, 'data').then(() => 'held' as const), exit]).catch((error) => {
    throw preconditionError(`flock cannot be run: ${messageOf(error)}`, 'install util-linux', error)
  })
  if (answer === 'held') {
    return async () => {
      child.stdin.end()
      await exit
    }
  }
  if (answer.code === EXIT.locked) throw await lockedError(file, what)
  throw preconditionError(`${file} cannot be locked: ${complaint.trim()}`)
}

async function lockedError(file: string, what: string): Promise<OperatorError> {
  const by = await describeHolder(file)
  return new OperatorError(`${what} is held by ${by}; nothing was changed`, {
    code: EXIT.locked,
    hint: 'try again later',
  })
}

/** Who holds it. Between taking the lock and writing, the file still names an earlier holder: one that lives no more. */
async function describeHolder(file: string): Promise<string> {
  for (let tries = 0; tries < 10; tries++) {
    const holder = await readHolder(file)
    if (holder && existsSync(`/proc/${holder.pid}`)) return `${holder.verb} (pid ${holder.pid}, since ${holder.since})`
    await sleep(100)
  }
  return 'another verb'
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return undefined // not written yet
  }
}
