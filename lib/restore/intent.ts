/** What a live restore is about to do, in state/<tenant>/restore.json: until it is finished, no other verb touches the tenant. */
import { readFile } from 'node:fs/promises'
import { messageOf, preconditionError } from '../errors.ts'
import type { Tenant } from '../registry.ts'

export interface Intent {
  /** Snapshots that must not be removed. */
  snapshots: string[]
}

/** @throws OperatorError (3) where the file is there but cannot be read. */
export async function readIntent(tenant: Tenant): Promise<Intent | undefined> {
  try {
    return JSON.parse(await readFile(tenant.state('restore.json'), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw preconditionError(`${tenant.state('restore.json')} cannot be read: ${messageOf(error)}`)
  }
}
