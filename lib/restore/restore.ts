/** The steps of restore.ts before the exchange: check the ground, read the backup, save what is there, put the backup beside it. */
import * as backup from '../backup/backup.ts'
import { type Backup, isVerified, listBackups, TAG } from '../backup/catalogue.ts'
import { fingerprint, type SiteConfig } from '../backup/manifest.ts'
import { withRepositories } from '../backup/open.ts'
import type { Answers } from '../backup/proof.ts'
import { prove } from '../backup/prove.ts'
import type { Role } from '../backup/repository.ts'
import { renderServices } from '../compose.ts'
import type { Engine } from '../docker.ts'
import { EXIT, messageOf, OperatorError, preconditionError } from '../errors.ts'
import { type Job, removeUnstarted } from '../jobs.ts'
import { pullMissing } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { verifySecrets } from '../secrets.ts'
import { imageApps } from '../versions.ts'
import { keepsNothing } from './exchange.ts'
import { fetchIncoming, proveIncoming } from './incoming.ts'
import { type Intent, readIntent, saysUnfinished, writeIntent } from './intent.ts'
import {
  askLiveBooks,
  type Choice,
  describeKept,
  type Losses,
  losses,
  readChoice,
  renderPlan,
  type There,
} from './plan.ts'
import { keptOf, removeRemains } from './previous.ts'
import { besideLive, contentOf, siteConfigOf } from './volumes.ts'

/** What the first step learnt. */
export interface Ground {
  /** MariaDB's image. */
  mariadb: string
  /** Versions of the apps of ERPNext's image. */
  apps: Record<string, string>
}

/** Which backup, from where. */
export interface Wanted {
  snapshot: string
  from: Role
}

/** Check the machine and the secrets, and get the images that are missing. @throws OperatorError (3) */
export async function prepare(tenant: Tenant, registry: Tenant[], note: (text: string) => void): Promise<Ground> {
  await verifySecrets(tenant, registry)
  const services = await renderServices(tenant, { jobs: true })
  await pullMissing(tenant, services, note)
  const image = (part: string) => services.find(({ name }) => name === tenant.service(part))?.image ?? ''
  return { mariadb: image('db'), apps: await imageApps(image('backend')) }
}

/** The backups of a repository, newest first, one a line. @throws OperatorError (3), (1) where it cannot be opened or read */
export async function list(tenant: Tenant, registry: Tenant[], from: Role): Promise<Listed> {
  await verifySecrets(tenant, registry)
  return withRepositories(tenant, 'backup', { only: from }, async ({ repository }) => {
    const found = await listBackups(repository)
    const told = (one: Backup) => ({ id: one.id, at: one.at, verified: isVerified(one), safety: one.safety })
    const backups = found.map(told).reverse()
    const line = ({ id, at, verified, safety }: Listed['backups'][number]) =>
      `${id.slice(0, 8)}  ${at.slice(0, 19)}Z  ${verified ? 'verified' : 'not verified'}${safety ? ', of what a restore replaced' : ''}`
    return { backups, text: backups.map(line).join('\n') || `${tenant.name}: no backup yet` }
  })
}

/** What `--list` tells. */
export interface Listed {
  backups: {
    id: string
    /** UTC, ISO 8601. */
    at: string
    verified: boolean
    /** Made by a restore, of what it replaced. */
    safety: boolean
  }[]
  text: string
}

/** What a restore would do. */
export interface Plan {
  choice: Choice
  /** There is something to save first. */
  hasData: boolean
  /** What would be lost; nothing where that is not known, or nothing is there. */
  lost: Losses | undefined
  warnings: string[]
  text: string
}

/** Read the backup, and the live books beside it. @throws OperatorError (3), (1); nothing was changed. */
export function plan(tenant: Tenant, ground: Ground, { snapshot, from }: Wanted): Promise<Plan> {
  return withRepositories(tenant, 'restore', { only: from }, async ({ job, repository }) => {
    const choice = await readChoice(repository, snapshot, ground.apps)
    const { config, live, ...there } = await liveBooks(tenant, job)
    const lost = live && losses(live, choice.proof.answers)
    const warnings = [...keyWarnings(tenant, choice, config), ...keptWarnings(tenant, there)]
    return { choice, hasData: there.hasData, lost, warnings, text: renderPlan(tenant, choice, lost, there) }
  })
}

/** What is there now. */
export interface LiveBooks extends There {
  /** Nothing where there is no site, or its file is torn. */
  config: SiteConfig | undefined
  /** Nothing where there is no database that answers. */
  live: Answers | undefined
}

/** @throws OperatorError (3) for a database that is not ours, or one that an exchange of which nobody knows has left. */
export async function liveBooks(tenant: Tenant, job: Job): Promise<LiveBooks> {
  const content = await contentOf(tenant, job)
  const hasData = content.has('data')
  if (!hasData && content.has('previous')) {
    throw preconditionError(
      `${tenant.name}: a restore was interrupted in the midst of its exchange, and ${tenant.state('restore.json')} is gone; nothing was changed`,
      `npx zx scripts/restore.ts ${tenant.name} --undo brings back what it replaced`,
    )
  }
  const config = await siteConfigOf(tenant, job)
  const live = hasData ? await askLiveBooks(tenant, config) : undefined
  const keeps = await keptOf(tenant, content)
  return { hasData, hasSite: content.has('site'), config, live, ...(keeps && { keeps }) }
}

/** What has no backup and is about to go is told as a warning too. */
export const keptWarnings = (tenant: Tenant, { keeps }: There): string[] =>
  keeps && !keeps.saved
    ? [`${tenant.name}: this removes ${describeKept(keeps)}${keeps.files ? '' : ' (--undo brings it back instead)'}`]
    : []

/** Another live key is what a restore mends: the backup's secrets are under the backup's key. */
function keyWarnings(tenant: Tenant, { manifest }: Choice, live: SiteConfig | undefined): string[] {
  if (!live || fingerprint(live.encryption_key) === manifest.keyFingerprint) return []
  const is = live.encryption_key ? 'is another than' : 'is missing, unlike'
  return [`${tenant.name}: the live site's encryption key ${is} the backup's; the backup's comes with its data`]
}

/**
 * Back up what is there, verified, before anything of it is replaced.
 * @returns the snapshot's id
 * @throws OperatorError (3) where it fails: nothing was changed.
 */
export async function saveLive(
  tenant: Tenant,
  registry: Tenant[],
  engine: Engine,
  { note, warn }: { note: (text: string) => void; warn: Reporter['warn'] },
): Promise<string> {
  try {
    const ground = await backup.prepare(tenant, registry, engine, note)
    return await backup.leaving(
      tenant,
      ground,
      (_title, work) => work(note),
      () =>
        withRepositories(tenant, 'backup', { only: 'repository' }, async ({ job, repository }) => {
          const copy = await backup.copy(tenant, ground, job, note)
          const stored = await backup.store(repository, copy, [TAG.safety])
          const { remarks } = await prove(repository, ground, copy, stored, { safety: true })
          for (const remark of remarks) warn(`${tenant.name}, as it is now: ${remark}`)
          return stored.id
        }),
    )
  } catch (error) {
    if (!(error instanceof OperatorError) || error.code > EXIT.bug) throw error
    throw preconditionError(
      `${tenant.name}: the safety backup failed, nothing was changed: ${messageOf(error)}`,
      'mend that first; --without-backup goes on without one: what is replaced is kept for --undo all the same',
      error,
    )
  }
}

/**
 * The restore that was interrupted, if there is one: it is finished first. Where nothing is kept that it could go back to,
 * something else may come in its place, which it has once that is proven.
 * @param how `other`: something else is to come; `finishes`: nobody was asked for consent, since there was one to finish
 * @throws OperatorError (3)
 */
export async function unfinished(
  tenant: Tenant,
  { other, finishes, dryRun }: { other: boolean; finishes: boolean; dryRun: boolean },
): Promise<Intent | undefined> {
  const intent = await readOwn(tenant, dryRun)
  const list = `npx zx scripts/restore.ts ${tenant.name} --list`
  if (!intent && finishes) throw preconditionError(`${tenant.name}: the restore was finished meanwhile`, list)
  if (!intent || !other) return intent
  if (!(await keepsNothing(tenant))) {
    throw preconditionError(
      saysUnfinished(tenant, intent),
      `npx zx scripts/restore.ts ${tenant.name} finishes it; anything else afterwards`,
    )
  }
  return undefined
}

/** The restore that was interrupted, rid of what was to come in its place and did not. */
async function readOwn(tenant: Tenant, dryRun: boolean): Promise<Intent | undefined> {
  const intent = await readIntent(tenant)
  if (!intent?.replaced || dryRun) return intent
  await removeRemains(tenant, ['clean'])
  const { replaced, ...own } = intent
  await writeIntent(tenant, own)
  return own
}

/** Put the backup beside the live data and prove it there. @throws OperatorError (3), (1); the live data is untouched. */
export async function bring(
  tenant: Tenant,
  ground: Ground,
  { choice }: Plan,
  from: Role,
  step: <T>(title: string, work: () => Promise<T>) => Promise<T>,
): Promise<void> {
  await removeUnstarted(tenant)
  await withRepositories(tenant, 'restore', { only: from }, ({ job, repository }) =>
    besideLive(tenant, job, async () => {
      await step('Put the backup beside the live data', () => fetchIncoming(repository, choice))
      await step('Boot it apart and compare it with its proof', () => proveIncoming(tenant, ground.mariadb, choice))
    }),
  )
}
