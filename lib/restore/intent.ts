/** What a live restore is about to do, in state/<tenant>/restore.json: until it is finished, no other verb touches the tenant. */
import { readFile, rm } from 'node:fs/promises'
import { messageOf, preconditionError } from '../errors.ts'
import { writeAtomically } from '../files.ts'
import type { Tenant, Unit } from '../registry.ts'
import type { Releases } from '../versions.ts'

export interface Intent {
  /** `rollback`: a restore or an undo whose data did not start goes back to what it replaced. */
  verb: 'restore' | 'undo' | 'rollback'
  /**
   * What is being renamed; each can be repeated. `turn`: previous becomes incoming. `swap`: incoming becomes the data.
   * `release`: what ran before us goes back to where its own stack finds it.
   */
  stage: 'turn' | 'swap' | 'release'
  /** What is replaced is of another stack: it is kept in volumes of its own, and no undo brings it back. */
  foreign?: true
  /** UTC, ISO 8601: when it began. */
  at: string
  /** The backup that comes; nothing for an undo. */
  snapshot?: string
  /** Snapshots that must not be removed: the one that comes, and the one of what it replaces. */
  snapshots: string[]
  /** Something else was being put beside it, to come in its place: what lies in incoming/ is not its own. */
  replaced?: true
  /** When what it replaces was backed up; UTC, ISO 8601. Nothing where it was not. */
  saved?: string
  /** Its application was started on what came, though nobody saw the site answer: people may have been let in. */
  served?: true
  /** With what it began, and is to be finished. */
  releases?: Releases
  /** A run has told that it does not come up, and what leads out. */
  failed?: true
  /** What is to be told once what came is live. */
  remarks?: string[]
  /** The site has answered: people work on what came since then, and nothing goes back without their leave. */
  open?: true
  /** Seconds until it did, where that was measured. */
  downtime?: number
}

/** @throws OperatorError (3) where the file is there but cannot be read. */
export async function readIntent(tenant: Unit): Promise<Intent | undefined> {
  try {
    return JSON.parse(await readFile(tenant.state('restore.json'), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw preconditionError(
      `${tenant.state('restore.json')} cannot be read: ${messageOf(error)}`,
      `move it away, then npx zx scripts/healthcheck.ts ${tenant.name}; where the site does not answer: npx zx scripts/restore.ts ${tenant.name} --undo`,
    )
  }
}

/** From now on the restore is finished or taken back, whatever happens to us. */
export const writeIntent = (tenant: Tenant, intent: Intent): Promise<void> =>
  writeAtomically(tenant.state('restore.json'), `${JSON.stringify(intent, null, 2)}\n`, 0o600)

/** The last act of a restore. */
export const removeIntent = (tenant: Tenant): Promise<void> => rm(tenant.state('restore.json'), { force: true })

/** An undo goes back by way of two renames, a restore needs the second alone. Pure. */
export const nextStage = ({ stage }: Intent): Intent['stage'] | undefined => (stage === 'turn' ? 'swap' : undefined)

/** What did not start goes back by the way of an undo, which is its own inverse; a rollback has nothing to go back to. Pure. */
export function rollbackOf(intent: Intent): Intent | undefined {
  if (intent.verb === 'rollback') return undefined
  const { served: _, failed: __, ...rest } = intent
  return { ...rest, verb: 'rollback', stage: intent.foreign ? 'release' : 'turn' }
}

/** What every verb says that finds one. */
export const saysUnfinished = (tenant: Unit, { verb, at }: Intent) =>
  `${tenant.name}: a restore was interrupted and is not finished (${verb}, begun ${at})`

/** @throws OperatorError (3) where a restore of this tenant was interrupted. */
export async function refuseUnfinished(tenant: Unit): Promise<void> {
  const intent = await readIntent(tenant)
  if (intent) throw preconditionError(saysUnfinished(tenant, intent), `npx zx scripts/restore.ts ${tenant.name}`)
}
