/** The moment in which a tenant's data is exchanged: stop, swap, start, prove. Nothing in it grows with the data. */

import { updateLedger } from '../backup/ledger.ts'
import { renderServices, type Service } from '../compose.ts'
import { type Container, isRunning, tenantContainers } from '../containers.ts'
import { proveFrontend, startServices } from '../deploy.ts'
import { docker } from '../docker.ts'
import { EXIT, isFailure, messageOf, OperatorError, orElse } from '../errors.ts'
import type { Job } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { imageApps, imageOf, releasesOf } from '../versions.ts'
import { bringSettings, bringUp, endMaintenance, isBackground, PATIENCE } from './bringup.ts'
import { type Intent, nextStage, readIntent, removeIntent, rollbackOf, writeIntent } from './intent.ts'
import {
  benchConfigOf,
  type Content,
  contentOf,
  lookInside,
  markKept,
  runSwap,
  siteConfigOf,
  withVolumes,
} from './volumes.ts'

/**
 * What is stopped, in this order: what writes at once, then what it needs: without Redis socketio would end with 1. Redis too,
 * or it would go on with a password that was renewed since it started, and nothing of what starts would get in.
 */
const STOPPED = [
  ['scheduler', 'worker', 'socketio', 'backend'],
  ['db', 'redis-cache', 'redis-queue'],
]

/** How an exchange ended. */
export interface Exchanged {
  /** `rollback`: what came did not start, and the earlier state is back. */
  verb: Intent['verb']
  /** Seconds from the first stop to the first answer, where that was measured. */
  downtime?: number
  /** What ran before us has its data back, and nothing of ours runs. */
  released?: true
  /** Why worker or scheduler do not run, where they do not. */
  lacks?: string
  /** The site has answered in this run; one that finishes a killed one does not ask it. */
  asked?: boolean
}

/**
 * Exchange the data and bring the tenant up on it. What does not come up goes back to what was there.
 * @throws OperatorError (1) where the earlier state is back, (4) where it is neither: the next run goes on from there. (4) also
 * where worker or scheduler do not start: a deploy mends that.
 */
export async function exchangeData(tenant: Tenant, intent: Intent, reporter: Reporter): Promise<Exchanged> {
  const done = await exchangeOrGoBack(tenant, intent, reporter)
  if (!done.lacks) return done
  const answers = done.asked ? ' and the site answers' : ''
  const what = done.verb === 'rollback' ? 'the restore was taken back' : 'the data was exchanged'
  throw new OperatorError(`${tenant.name}: ${what}${answers}, but ${done.lacks}`, {
    code: EXIT.changed,
    hint: deploys(tenant),
  })
}

const deploys = ({ name }: Tenant) => `npx zx scripts/deploy.ts ${name}`

async function exchangeOrGoBack(tenant: Tenant, intent: Intent, reporter: Reporter): Promise<Exchanged> {
  const progress = { swapped: false }
  try {
    return await exchange(tenant, intent, reporter, progress)
  } catch (error) {
    const back = progress.swapped ? rollbackOf(intent) : undefined
    const begun = await readIntent(tenant).then(Boolean, () => true)
    if (!begun || !(error instanceof OperatorError)) throw error // before the exchange: there is nothing to finish
    if (error.code > 128) {
      tellInterrupted(tenant, reporter)
      throw error
    }
    if (!back || !(await canGoBack(tenant))) throw await unfinished(tenant, error)
    reporter.warn(`${tenant.name} did not come up on what came: ${error.message}`)
    const { lacks } = await exchange(tenant, back, reporter, progress).catch(async (failed) => {
      if (failed instanceof OperatorError && failed.code > 128) tellInterrupted(tenant, reporter)
      throw await unfinished(tenant, failed)
    })
    const said = `${tenant.name} did not come up on what came; the earlier state is back: ${error.message}`
    if (!lacks) throw new OperatorError(said)
    throw new OperatorError(`${said}; but ${lacks}`, { code: EXIT.changed, hint: deploys(tenant) })
  }
}

const tellInterrupted = ({ name }: Tenant, { warn }: Reporter) =>
  warn(`${name}: the restore was interrupted: npx zx scripts/restore.ts ${name} finishes it`)

async function unfinished(tenant: Tenant, error: unknown): Promise<OperatorError> {
  const goes = `npx zx scripts/restore.ts ${tenant.name} goes on from here`
  const whole = await wholeExchange(tenant).catch(() => undefined)
  if (whole && !whole.open) await orElse(writeIntent(tenant, { ...whole, failed: true }), undefined)
  const undoes =
    whole && !(whole.open && whole.verb === 'undo')
      ? `; with --undo to what ${whole.verb === 'rollback' ? 'had come' : 'was there'}`
      : ''
  const other = (await mayBeReplaced(tenant).catch(() => false))
    ? '; another --snapshot, or an --import, may take its place'
    : ''
  return new OperatorError(`${tenant.name}: the restore is not finished: ${messageOf(error)}`, {
    code: EXIT.changed,
    hint: `${goes}${undoes}${other}`,
    cause: error,
  })
}

/**
 * What was exchanged, whole, and is not finished, since what is there now does not come up: what it replaced is kept, and an undo
 * brings it back, with the operator's leave. Without that a passing fault, such as too little memory, would leave no way to it.
 */
export async function wholeExchange(tenant: Tenant): Promise<Intent | undefined> {
  const intent = await readIntent(tenant)
  if (intent?.stage !== 'swap') return undefined
  const content = await lookInside(tenant).catch((error) => {
    if (error instanceof OperatorError && error.code === EXIT.precondition) return new Set<Content>() // not gathered yet
    throw error
  })
  const comes = content.has('incoming') && !intent.replaced // else it is not its own
  return content.has('data') && content.has('previous') && !comes ? intent : undefined
}

/**
 * Whether something else may come in the place of what is not finished: it has nothing to go back to, or has gone back, and
 * neither the one nor the other comes up.
 */
export async function mayBeReplaced(tenant: Tenant): Promise<boolean> {
  if (await keepsNothing(tenant)) return true
  const whole = await wholeExchange(tenant)
  return whole?.verb === 'rollback' && whole.failed === true
}

/**
 * Whether a killed exchange had neither stopped nor renamed anything: people work on, and what they have booked since is in no
 * backup.
 */
export async function isUntouched(tenant: Tenant, { verb, stage, open }: Intent): Promise<boolean> {
  if (verb === 'rollback' || stage === 'release' || open || !(await isServing(tenant))) return false
  const content = await lookInside(tenant)
  const waits = verb === 'undo' ? stage === 'turn' && content.has('previous') : content.has('incoming')
  return content.has('data') && waits
}

/** Whether the site answers, as it may a while after its server has started. */
const isAnswering = (tenant: Tenant) =>
  orElse(
    proveFrontend(tenant).then(() => true),
    false,
  )

/** Whether people may be working on it now. */
export const isUp = async (tenant: Tenant) => (await isServing(tenant)) && (await isAnswering(tenant))

/** The application runs. */
const isServing = (tenant: Tenant) => isRunning(tenant, 'backend')

/** Whether an exchange is neither half done nor has anything to go back to, as on a new server. */
export async function keepsNothing(tenant: Tenant): Promise<boolean> {
  const intent = await readIntent(tenant)
  if (intent?.stage === 'release') return false // another stack's data, perhaps half of it
  const content = await lookInside(tenant).catch(() => undefined)
  if (!content || content.has('previous')) return false
  return intent?.replaced === true || !content.has('incoming') // what was to replace it is not its own
}

const canGoBack = (tenant: Tenant) =>
  lookInside(tenant).then(
    (content) => content.has('previous'),
    () => false,
  )

async function exchange(
  tenant: Tenant,
  begun: Intent,
  reporter: Reporter,
  progress: { swapped: boolean },
): Promise<Exchanged> {
  const { step, warn } = reporter
  if (begun.stage === 'release') return release(tenant, begun, step)
  const services = await renderServices(tenant)
  if (begun.open || (begun.served && (await isUp(tenant)))) return conclude(tenant, begun, services, true, reporter)
  const intent: Intent = { ...begun, releases: begun.releases ?? (await releasesOf(tenant, services)) }
  const apps = await imageApps(imageOf(tenant, services, 'backend'))
  const { since, schema } = await withVolumes(tenant, async (job) => {
    const bench = await benchConfigOf(tenant, job)
    const wasUp = !begun.releases && (await isServing(tenant)) // else it was down before
    await writeIntent(tenant, intent)
    const since = wasUp ? performance.now() : undefined
    await step('Stop the application and the database', () => stop(tenant))
    await step('Exchange the data', () => renameAll(tenant, job, intent))
    progress.swapped = !begun.served
    const config = await siteConfigOf(tenant, job)
    await endMaintenance(tenant, job, config, bench, warn)
    if (begun.verb === 'restore')
      await bringSettings(tenant, job, !(await contentOf(tenant, job)).has('previous'), warn)
    return { since, schema: config?.db_name }
  })
  const served: Intent = { ...intent, stage: 'swap', served: true }
  const opens = () => writeIntent(tenant, served) // people may be let in before anybody has seen the site answer
  await bringUp(tenant, services, { schema, apps, newer: begun.verb === 'rollback', opens }, step)
  progress.swapped = false // people work on it from here: there is no way back without their leave
  const downtime = since === undefined ? undefined : Math.round((performance.now() - since) / 100) / 10
  const open: Intent = { ...served, open: true, ...(downtime !== undefined && { downtime }) }
  await writeIntent(tenant, open)
  return conclude(tenant, open, services, false, reporter)
}

/**
 * Start what no browser waits for, and write down what was done. A killed run is finished from here where the site answers:
 * nobody is stopped again.
 * @param killed a killed run is finished: all services are started, whatever happened meanwhile, as they were made, since people
 * work on them
 */
async function conclude(
  tenant: Tenant,
  { verb, at, snapshot, snapshots, saved, foreign, downtime, remarks = [] }: Intent,
  services: Service[],
  killed: boolean,
  { step, warn }: Reporter,
): Promise<Exchanged> {
  for (const remark of verb === 'rollback' ? [] : remarks) warn(remark)
  const starting = killed ? services : services.filter(({ name }) => isBackground(tenant, name))
  const lacks = await step('Start worker and scheduler, wait until every service proves that it works', (note) =>
    startServices(tenant, starting, PATIENCE, note, { judged: services, recreate: killed ? 'never' : 'changed' }),
  ).then(() => undefined, whyNot)
  const ended = new Date().toISOString()
  const kept = await withVolumes(tenant, async (job) => {
    if (foreign) await runSwap(tenant, job, 'drop')
    const content = await contentOf(tenant, job)
    const found = content.has('previous') || content.has('files')
    if (found) await markKept(tenant, job, ended)
    return found
  })
  const copy = verb === 'rollback' ? snapshot && at : saved // what is kept after a rollback had come from there
  await updateLedger(tenant, {
    restored: { at: ended, verb, kept, ...(copy && { saved: copy }), snapshots },
    incoming: undefined,
  })
  await removeIntent(tenant)
  return { verb, asked: !killed, ...(downtime !== undefined && { downtime }), ...(lacks && { lacks }) }
}

/** What a deploy can mend is told at the end; a signal ends everything. */
function whyNot(error: unknown): string {
  if (isFailure(error)) return error.message
  throw error
}

/** Give the volumes back to the stack that ran before us. Nothing of ours runs on them, or has a name that it needs. */
async function release(tenant: Tenant, intent: Intent, step: Reporter['step']): Promise<Exchanged> {
  await withVolumes(tenant, async (job) => {
    await writeIntent(tenant, intent)
    const started = await tenantContainers(tenant)
    await step('Stop what was started', () => stopContainers(started))
    await step('Put back what was there', () => runSwap(tenant, job, 'release'))
    if (started.length > 0) await docker(['rm', '--force', ...started.map(({ id }) => id)], { timeout: 120 })
  })
  const own = (['internal', 'egress'] as const).map((part) => tenant.network(part)) // core is in the third
  await docker(['network', 'rm', ...own], { timeout: 60, nothrow: true })
  await removeIntent(tenant)
  return { verb: intent.verb, released: true }
}

/** Stop all but the frontend. */
async function stop(tenant: Tenant): Promise<void> {
  const containers = await tenantContainers(tenant)
  const of = (parts: string[]) =>
    parts.flatMap((part) => containers.filter(({ service }) => service === tenant.service(part)))
  for (const parts of STOPPED) await stopContainers(of(parts))
}

async function stopContainers(containers: Container[]): Promise<void> {
  if (containers.length > 0) await docker(['stop', ...containers.map(({ id }) => id)], { timeout: 180 })
}

async function renameAll(tenant: Tenant, job: Job, intent: Intent): Promise<void> {
  for (let now: Intent | undefined = intent; now; ) {
    await runSwap(tenant, job, now.stage)
    const stage = nextStage(now)
    now = stage && { ...now, stage }
    if (now) await writeIntent(tenant, now)
  }
}
