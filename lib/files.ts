/** Files that a reader may open at any moment: replaced whole or not at all. And whether their disk is there. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, preconditionError } from './errors.ts'

/**
 * Write a file beside its place, to the disk, and rename it there.
 * @throws OperatorError (3) where the directory cannot take it.
 */
export async function writeAtomically(file: string, text: string, mode: number): Promise<void> {
  const beside = `${file}.${randomBytes(4).toString('hex')}.partial`
  try {
    const handle = await open(beside, 'wx', mode)
    try {
      await handle.chmod(mode) // the umask has no say
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, file)
    await syncToDisk(dirname(file)) // or a power loss brings back the old file, or none
  } catch (error) {
    await rm(beside, { force: true })
    throw preconditionError(`${file} cannot be written: ${messageOf(error)}`, undefined, error)
  }
}

/** Wait until a file, or the names in a directory, are on the disk. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r')
  await handle.sync().finally(() => handle.close())
}

/** Make a directory of state, for its owner alone. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw preconditionError(`${path} cannot be made: ${messageOf(error)}`, undefined, error)
  }
}

/** Seconds that a disk has for an answer. */
const PATIENCE = 20

/**
 * What the disk of a path has left, in bytes; nothing where the path is not there. A share whose server went away
 * holds whoever looks for ever, Node at its own end as well: a process of its own looks.
 * @throws OperatorError (3) where it does not answer
 */
export async function freeBytes(directory: string): Promise<number | undefined> {
  const child = spawn('df', ['--output=size,avail', '--block-size=1', directory], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let said = ''
  child.stdout.on('data', (data) => {
    said += data
  })
  const limit = AbortSignal.timeout(PATIENCE * 1000)
  const [code] = await once(child, 'close', { signal: limit }).catch((error) => {
    child.kill('SIGKILL') // in vain where the kernel waits for the share: it is left behind
    child.stdout.destroy()
    child.unref()
    if (!limit.aborted) throw error
    throw preconditionError(
      `${directory} does not answer (${PATIENCE} s)`,
      'a share whose server is gone? mount, dmesg',
    )
  })
  if (code !== 0) return undefined
  const [size, free] = (said.trim().split('\n').at(-1) ?? '').trim().split(/\s+/).map(Number)
  return size && free !== undefined ? free : Number.POSITIVE_INFINITY // a file system that does not count says `-`, or 0
}
