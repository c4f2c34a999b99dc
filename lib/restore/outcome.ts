/** What each of restore.ts's verbs is about to do, and how it ended, as data and as a line for people. */
import { readLedger } from '../backup/ledger.ts'
import { preconditionError } from '../errors.ts'
import type { Tenant } from '../registry.ts'
import { verifySecrets } from '../secrets.ts'
import type { Drilled } from './drill.ts'
import type { Exchanged } from './exchange.ts'
import type { Exported } from './export.ts'
import type { Intent } from './intent.ts'
import type { Losses } from './plan.ts'
import { lookInside } from './volumes.ts'

/** What is about to take the place of the live data. */
export interface Coming {
  /** The plan, for people. */
  text: string
  warnings: string[]
  /** There is something to back up first. */
  hasData: boolean
  /** Why it cannot be backed up. */
  half?: string
  /** What is live and does not come; nothing where that is not known. */
  lost?: Losses | undefined
  /** The snapshot from which it comes, where it comes from one. */
  snapshot?: string
  /** It replaces what another stack ran. */
  foreign?: true
  /** What the operator does afterwards. */
  next?: string
  /** Put it beside the live data and prove it there. Returns what is to be told once it is live. */
  bring(): Promise<string[]>
}

/** The backup of what is about to be replaced. */
export interface Saved {
  id: string
  /** Of when it is; UTC, ISO 8601. */
  at: string
}

/** The plan, for a dry run. */
export function planned(tenant: Tenant, { text, snapshot, lost }: Coming) {
  return { tenant: tenant.name, text, ...(snapshot && { snapshot }), lost: lost ?? null }
}

/** What a restore writes down before it touches anything live. */
export function intentOf({ snapshot, foreign }: Coming, remarks: string[], saved?: Saved): Intent {
  const snapshots = [snapshot, saved?.id].filter((id) => id !== undefined)
  const optional = { ...(snapshot && { snapshot }), ...(saved && { saved: saved.at }), ...(foreign && { foreign }) }
  return { verb: 'restore', stage: 'swap', at: new Date().toISOString(), snapshots, remarks, ...optional }
}

/** What an exchange has kept, and an undo brings back. */
const KEPT: Record<Intent['verb'], string> = {
  restore: 'what the last restore replaced',
  undo: 'what the last undo replaced',
  rollback: 'what had come, and was taken back,',
}

/**
 * @param unfinished what was exchanged, whole, and is not finished
 * @throws OperatorError (3) where nothing is kept.
 */
export async function planUndo(
  tenant: Tenant,
  registry: Tenant[],
  unfinished: Intent | undefined,
): Promise<{ intent: Intent; text: string }> {
  await verifySecrets(tenant, registry)
  const content = await lookInside(tenant)
  if (!content.has('previous'))
    throw preconditionError(
      `${tenant.name}: nothing is kept to go back to`,
      `npx zx scripts/restore.ts ${tenant.name} --list`,
    )
  const begun = { verb: 'undo' as const, at: new Date().toISOString(), snapshots: [] }
  if (unfinished?.foreign) {
    const text = `${tenant.name}: what another stack ran would be given back to it; what is there now is REMOVED, with all that was booked since`
    return { intent: { ...begun, stage: 'release', foreign: true }, text }
  }
  const { restored } = await readLedger(tenant)
  const known = restored && content.has(`kept ${restored.at}`) ? KEPT[restored.verb] : 'what was kept'
  const what = unfinished ? KEPT[unfinished.verb].replace('the last', 'the unfinished') : known
  const text = `${tenant.name}: ${what} would come back; what is there now is kept in its place, so that a second undo brings it back`
  return { intent: { ...begun, stage: 'turn' }, text }
}

/** The end of an exchange; `ids`: of the backup that came, and of what it replaced. */
export function exchanged(tenant: Tenant, { snapshots: ids }: Intent, { verb, downtime, released }: Exchanged) {
  const what = {
    restore: 'restored',
    undo: 'what was kept is back',
    rollback: 'the restore was taken back: the earlier state is there',
  }[verb]
  const stopped = released ? '; nothing of ours runs, the stack of before may be started' : ''
  const down = downtime === undefined ? stopped : `; it was down for ${downtime} s`
  return { tenant: tenant.name, verb, downtime: downtime ?? null, ids, text: `${tenant.name}: ${what}${down}` }
}

/** The end of a drill. */
export function drilled(tenant: Tenant, result: Drilled) {
  const { snapshot, restoreSeconds, backupAgeSeconds, files } = result
  const age = `${(backupAgeSeconds / 3600).toFixed(1)} h old`
  const text = `${tenant.name}: ${snapshot.slice(0, 8)}, ${age}, became a site that answers in ${restoreSeconds} s; books, key and ${files} files are as they were`
  return { tenant: tenant.name, ...result, ids: [snapshot], text }
}

/** The end of an export. */
export function exported(tenant: Tenant, { snapshot, files }: Exported) {
  return { tenant: tenant.name, snapshot, files, ids: [snapshot], text: files.join('\n') }
}
