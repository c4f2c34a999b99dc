/** What was done to a tenant, by whom and how it ended: one line of JSON an action in state/<tenant>/journal.jsonl. */
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeDirectory } from './files.ts'

export interface JournalEntry {
  /** UTC, ISO 8601: when the verb began. */
  at: string
  verb: string
  by: string
  /** The exit code of this tenant's part: 0 where it was done. */
  code: number
  seconds: number
  /** What was made: snapshots. */
  ids?: string[]
  /** One line, already redacted. */
  message?: string
}

/**
 * Append one entry. A line of this size is written whole: O_APPEND keeps two writers apart. On a full disk none of it stays.
 * @throws OperatorError (3) where its directory cannot be made, or what the system says of the file
 */
export async function appendJournal(file: string, entry: JournalEntry): Promise<void> {
  await makeDirectory(dirname(file))
  const handle = await open(file, 'a', 0o600)
  try {
    const { size } = await handle.stat()
    await handle.writeFile(`${JSON.stringify(entry)}\n`).catch(async (error) => {
      await handle.truncate(size)
      throw error
    })
  } finally {
    await handle.close()
  }
}
