/** The moment in which a tenant's data is exchanged: stop, runSwap, start, prove. Nothing in it grows with the data. */

import { updateLedger } from '../backup/ledger.ts'
import { renderServices, type Service } from '../compose.ts'
import { type Container, tenantContainers } from '../containers.ts'
import { startServices } from '../deploy.ts'
import { docker } from '../docker.ts'
import { EXIT, isFailure, messageOf, OperatorError } from '../errors.ts'
import type { Job } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { imageApps } from '../versions.ts'
import { bringUp, endMaintenance, isBackground, PATIENCE } from './bringup.ts'
import { type Intent, nextStage, readIntent, removeIntent, rollbackOf, writeIntent } from './intent.ts'
import { contentOf, runSwap, siteConfigOf, withVolumes } from './volumes.ts'

/** What writes, and stops first, at once; the database is last. Both Redis stay: without them socketio would end with 1. */
const WRITERS = ['scheduler', 'worker', 'socketio', 'backend']

/** How an exchange ended. */
export interface Exchanged {
  /** `rollback`: what came did not start, and the earlier state is back. */
  verb: Intent['verb']
  /** Seconds from the first stop to the first answer. */
  downtime: number
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
  throw new OperatorError(`${tenant.name}: the data was exchanged${answers}, but ${done.lacks}`, {
    code: EXIT.changed,
    hint: `npx zx scripts/deploy.ts ${tenant.name}`,
  })
}

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
    const but = lacks ? `; but ${lacks}` : ''
    throw new OperatorError(
      `${tenant.name} did not come up on what came; the earlier state is back: ${error.message}${but}`,
    )
  }
}

const tellInterrupted = ({ name }: Tenant, { warn }: Reporter) =>
  warn(`${name}: the restore was interrupted: npx zx scripts/restore.ts ${name} finishes it`)

async function unfinished(tenant: Tenant, error: unknown): Promise<OperatorError> {
  const goes = `npx zx scripts/restore.ts ${tenant.name} goes on from here`
  const undoes = (await isRolledBack(tenant).catch(() => false)) ? '; with --undo to what had come' : ''
  const other = (await keepsNothing(tenant).catch(() => false))
    ? '; another --snapshot, or an --import, may take its place'
    : ''
  return new OperatorError(`${tenant.name}: the restore is not finished: ${messageOf(error)}`, {
    code: EXIT.changed,
    hint: `${goes}${undoes}${other}`,
    cause: error,
  })
}

/**
 * Whether a restore was taken back, whole, and that did not come up either: what had come is kept, and an undo brings it back.
 * Without that a passing fault, such as too little memory, would leave no way to it.
 */
export async function isRolledBack(tenant: Tenant): Promise<boolean> {
  const intent = await readIntent(tenant)
  if (intent?.verb !== 'rollback' || intent.stage !== 'swap') return false
  const content = await withVolumes(tenant, (job) => contentOf(tenant, job))
  return content.has('data') && content.has('previous') && !content.has('incoming')
}

/**
 * Whether a killed exchange had neither stopped nor renamed anything: people work on, and what they have booked since is in no
 * backup.
 */
export async function isUntouched(tenant: Tenant, { verb, stage, downtime }: Intent): Promise<boolean> {
  if (verb === 'rollback' || stage === 'release' || downtime !== undefined) return false
  const containers = await tenantContainers(tenant)
  const backend = containers.find(({ service }) => service === tenant.service('backend'))
  if (backend?.status !== 'running') return false
  const content = await withVolumes(tenant, (job) => contentOf(tenant, job))
  const waits = verb === 'undo' ? stage === 'turn' && content.has('previous') : content.has('incoming')
  return content.has('data') && waits
}

/** Whether an exchange is neither half done nor has anything to go back to, as on a new server. */
export async function keepsNothing(tenant: Tenant): Promise<boolean> {
  const intent = await readIntent(tenant)
  if (intent?.stage === 'release') return false // another stack's data, perhaps half of it
  const content = await withVolumes(tenant, (job) => contentOf(tenant, job)).catch(() => undefined)
  if (!content || content.has('previous')) return false
  return intent?.replaced === true || !content.has('incoming') // what was to replace it is not its own
}

const canGoBack = (tenant: Tenant) =>
  withVolumes(tenant, async (job) => (await contentOf(tenant, job)).has('previous')).catch(() => false)

async function exchange(
  tenant: Tenant,
  intent: Intent,
  { step, warn }: Reporter,
  progress: { swapped: boolean },
): Promise<Exchanged> {
  if (intent.stage === 'release') return release(tenant, intent, step)
  const services = await renderServices(tenant)
  if (intent.downtime !== undefined)
    return conclude(
      tenant,
      { ...intent, downtime: intent.downtime },
      services,
      { starting: services, killed: true },
      step,
    )
  const apps = await imageApps(services.find(({ name }) => name === tenant.service('backend'))?.image ?? '')
  const { begun, schema } = await withVolumes(tenant, async (job) => {
    await writeIntent(tenant, intent)
    const begun = performance.now()
    await step('Stop the application and the database', () => stop(tenant))
    await step('Exchange the data', () => renameAll(tenant, job, intent))
    const config = await siteConfigOf(tenant, job)
    await endMaintenance(tenant, job, config, warn)
    return { begun, schema: config?.db_name }
  })
  progress.swapped = true
  await bringUp(tenant, services, { schema, apps }, step)
  progress.swapped = false // people work on it from here: there is no way back without their leave
  const open = { ...intent, downtime: Math.round((performance.now() - begun) / 100) / 10 }
  await writeIntent(tenant, open)
  const background = services.filter(({ name }) => isBackground(tenant, name))
  return conclude(tenant, open, services, { starting: background, killed: false }, step)
}

/**
 * Start what no browser waits for, and write down what was done. A killed run is finished from here: nobody is stopped again.
 * @param how `starting`: what is to be started of all services; for a `killed` run all of them, whatever happened meanwhile, and
 * as they were made: people work on them
 */
async function conclude(
  tenant: Tenant,
  { verb, at, snapshot, snapshots, foreign, downtime }: Intent & { downtime: number },
  services: Service[],
  { starting, killed }: { starting: Service[]; killed: boolean },
  step: Reporter['step'],
): Promise<Exchanged> {
  const lacks = await step('Start worker and scheduler, wait until every service proves that it works', (note) =>
    startServices(tenant, starting, PATIENCE, note, { judged: services, recreate: killed ? 'never' : 'changed' }),
  ).then(() => undefined, whyNot)
  const kept = await withVolumes(tenant, async (job) => {
    if (foreign) await runSwap(tenant, job, 'drop')
    const content = await contentOf(tenant, job)
    return content.has('previous') || content.has('files')
  })
  const saved = verb === 'rollback' ? snapshot !== undefined : snapshots.some((id) => id !== snapshot)
  await updateLedger(tenant, { restored: { at, verb, kept, saved, snapshots }, incoming: undefined })
  await removeIntent(tenant)
  return { verb, downtime, asked: !killed, ...(lacks && { lacks }) }
}

/** What a deploy can mend is told at the end; a signal ends everything. */
function whyNot(error: unknown): string {
  if (isFailure(error)) return error.message
  throw error
}

/** Give the volumes back to the stack that ran before us: nothing of ours runs on them. */
async function release(tenant: Tenant, intent: Intent, step: Reporter['step']): Promise<Exchanged> {
  await withVolumes(tenant, async (job) => {
    await writeIntent(tenant, intent)
    const started = await tenantContainers(tenant)
    await step('Stop what was started', () => stopContainers(started))
    await step('Put back what was there', () => runSwap(tenant, job, 'release'))
  })
  await removeIntent(tenant)
  return { verb: intent.verb, downtime: 0 }
}

/** Stop what writes, then the database. The frontend and both Redis stay. */
async function stop(tenant: Tenant): Promise<void> {
  const containers = await tenantContainers(tenant)
  const of = (parts: string[]) =>
    parts.flatMap((part) => containers.filter(({ service }) => service === tenant.service(part)))
  for (const parts of [WRITERS, ['db']]) await stopContainers(of(parts))
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
