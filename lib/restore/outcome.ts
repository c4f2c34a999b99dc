/** What each of restore.ts's verbs is about to do, and how it ended, as data and as a line for people. */
import { preconditionError } from '../errors.ts'
import type { Tenant } from '../registry.ts'
import { verifySecrets } from '../secrets.ts'
import type { Drilled } from './drill.ts'
import type { Exchanged } from './exchange.ts'
import type { Exported } from './export.ts'
import type { Intent } from './intent.ts'
import type { Losses } from './plan.ts'
import { contentOf, withVolumes } from './volumes.ts'

/** What is about to take the place of the live data. */
export interface Coming {
  /** The plan, for people. */
  text: string
  warnings: string[]
  /** There is something to back up first. */
  hasData: boolean
  /** What is live and does not come; nothing where that is not known. */
  lost?: Losses | undefined
  /** The snapshot from which it comes, where it comes from one. */
  snapshot?: string
  /** It replaces what another stack ran. */
  foreign?: true
  /** What the operator does afterwards. */
  next?: string
  /** Put it beside the live data and prove it there. */
  bring(): Promise<void>
}

/** The plan, for a dry run. */
export function planned(tenant: Tenant, { text, snapshot, lost }: Coming) {
  return { tenant: tenant.name, text, ...(snapshot && { snapshot }), lost: lost ?? null }
}

/** What a restore writes down before it touches anything live. */
export function intentOf({ snapshot, foreign }: Coming, saved: string[]): Intent {
  const snapshots = [...(snapshot ? [snapshot] : []), ...saved]
  const at = new Date().toISOString()
  return { verb: 'restore', stage: 'swap', at, ...(snapshot && { snapshot }), snapshots, ...(foreign && { foreign }) }
}

/**
 * @param brought what is kept is what a restore had brought, before it was taken back
 * @throws OperatorError (3) where nothing is kept.
 */
export async function planUndo(
  tenant: Tenant,
  registry: Tenant[],
  brought: boolean,
): Promise<{ intent: Intent; text: string }> {
  await verifySecrets(tenant, registry)
  const content = await withVolumes(tenant, (job) => contentOf(tenant, job))
  if (!content.has('previous'))
    throw preconditionError(
      `${tenant.name}: nothing is kept to go back to`,
      `npx zx scripts/restore.ts ${tenant.name} --list`,
    )
  const what = brought ? 'what the last restore had brought, and was taken back,' : 'what the last restore replaced'
  const text = `${tenant.name}: ${what} would come back; what is there now is kept in its place, so that a second undo brings it back`
  return { intent: { verb: 'undo', stage: 'turn', at: new Date().toISOString(), snapshots: [] }, text }
}

/** The end of an exchange. */
export function exchanged(tenant: Tenant, { verb, downtime }: Exchanged) {
  const what = {
    restore: 'restored',
    undo: 'what was kept is back',
    rollback: 'the restore was taken back: the earlier state is there',
  }[verb]
  return { tenant: tenant.name, verb, downtime, text: `${tenant.name}: ${what}; it was down for ${downtime} s` }
}

/** The end of a drill. */
export function drilled(tenant: Tenant, result: Drilled) {
  const { snapshot, restoreSeconds, backupAgeSeconds, files } = result
  const age = `${(backupAgeSeconds / 3600).toFixed(1)} h old`
  const text = `${tenant.name}: ${snapshot.slice(0, 8)}, ${age}, became a site that answers in ${restoreSeconds} s; books, key and ${files} files are as they were`
  return { tenant: tenant.name, ...result, text }
}

/** The end of an export. */
export function exported(tenant: Tenant, { snapshot, files }: Exported) {
  return { tenant: tenant.name, snapshot, files, text: files.join('\n') }
}
