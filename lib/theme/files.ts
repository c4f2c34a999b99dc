/** Reads a brand's files, each by what it must be before anything looks into it: there, small, plain UTF-8. */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../errors.ts'
import { type Fault, faultAt } from './fault.ts'

export type Kind = 'css' | 'js' | 'svg' | 'json'

/** Bytes. What grows beyond that is no style sheet that a browser should fetch before it shows anything. */
export const LARGEST: Record<Kind, number> = {
  css: 256 * 1024,
  js: 128 * 1024,
  svg: 64 * 1024,
  json: 16 * 1024,
}

export const kindOf = (name: string) => name.slice(name.lastIndexOf('.') + 1) as Kind

export interface SourceFile {
  name: string
  text: string
  faults: Fault[]
}

/**
 * Read one file of a brand; nothing where it is missing and may be.
 * @param shown the folder as messages name it
 */
export async function readSource(
  folder: string,
  name: string,
  shown: string,
  optional: boolean,
): Promise<SourceFile | undefined> {
  const file = `${shown}/${name}`
  const none = (message: string): SourceFile => ({ name, text: '', faults: [{ file, line: 1, column: 1, message }] })
  try {
    const found = await lstat(join(folder, name)) // before it is opened: a pipe would never answer
    if (!found.isFile()) return none(found.isDirectory() ? 'is a directory' : 'is no regular file')
    const most = LARGEST[kindOf(name)]
    if (found.size > most) return none(`has ${found.size} bytes; at most ${most} are taken`)
    if (found.size === 0) return none('is empty')
    const bytes = await readAtMost(join(folder, name), most)
    return { name, text: bytes.toString('utf8'), faults: textFaults(file, bytes) }
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return none(missing ? 'is missing' : `cannot be read: ${messageOf(error)}`)
  }
}

/** It may have grown, or become a link, since it was looked at. */
async function readAtMost(path: string, most: number): Promise<Buffer> {
  const handle: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(most + 1), 0, most + 1, 0)
    if (bytesRead > most) throw new Error(`more than ${most} bytes`)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** What is no text as editors here write it: it would be published as it is, and mean something else to a browser. */
function textFaults(file: string, bytes: Buffer): Fault[] {
  const text = bytes.toString('utf8')
  const fault = (offset: number, message: string) => [faultAt(file, text, offset, message)]
  const broken = text.indexOf('\ufffd')
  if (broken >= 0 && !Buffer.from(text).equals(bytes)) return fault(broken, 'is not UTF-8')
  if (text.startsWith('\ufeff')) return fault(0, 'begins with a byte order mark; save it as UTF-8 without one')
  const control = text.search(/(?![\t\n\r])\p{Cc}/u)
  if (control >= 0) return fault(control, 'holds a control character: it is no text')
  const carriage = text.indexOf('\r')
  if (carriage >= 0) return fault(carriage, 'has Windows line ends: sed -i "s/\\r$//"')
  if (text.trim() === '') return fault(0, 'is empty')
  return []
}
