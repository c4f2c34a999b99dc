/** Files that a reader may open at any moment: replaced whole or not at all. */
import { randomBytes } from 'node:crypto'
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
