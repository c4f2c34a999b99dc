/** The steps of restore.ts before the exchange: check the ground, read the backup, save what is there, put the backup beside it. */
import * as backup from '../backup/backup.ts'
import { type Backup, isVerified, listBackups, TAG } from '../backup/catalogue.ts'
import { fingerprint, type SiteConfig } from '../backup/manifest.ts'
import { withRepositories } from '../backup/open.ts'
import { type Answers, askUsers } from '../backup/proof.ts'
import { prove } from '../backup/prove.ts'
import type { Role } from '../backup/repository.ts'
import { renderServices } from '../compose.ts'
import { tenantContainers } from '../containers.ts'
import type { Engine } from '../docker.ts'
import { EXIT, messageOf, OperatorError, orElse, preconditionError } from '../errors.ts'
import { type Job, removeUnstarted } from '../jobs.ts'
import { askLive } from '../mariadb.ts'
import { pullJobImage, pullMissing } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { verifySecrets } from '../secrets.ts'
import { pendingJobs } from '../site.ts'
import { imageApps, imageOf, otherRelease } from '../versions.ts'
import { isUp, keepsNothing, mayBeReplaced } from './exchange.ts'
import { fetchIncoming, proveIncoming } from './incoming.ts'
import { type Intent, readIntent, saysUnfinished, writeIntent } from './intent.ts'
import type { Saved } from './outcome.ts'
import {
  askLiveBooks,
  type Choice,
  describeKept,
  type Losses,
  losses,
  openAgain,
  readChoice,
  renderPlan,
  type There,
} from './plan.ts'
import { keptOf, removeRemains } from './previous.ts'
import { benchConfigOf, besideLive, contentOf, siteConfigOf } from './volumes.ts'

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
  const image = (part: string) => imageOf(tenant, services, part)
  return { mariadb: image('db'), apps: await imageApps(image('backend')) }
}

/**
 * What is about to be exchanged comes up as what is there did, and is finished as it was begun. Nothing is at stake where there
 * is nothing to go back to, its database does not come up, such as an older one after a failed way back, or neither side of an
 * exchange does, in whose place something else is to come.
 * @param begun what is about to be finished, or led out of
 * @throws OperatorError (3)
 */
export async function refuseOtherRelease(tenant: Tenant, begun?: Intent): Promise<void> {
  const [services, containers] = await Promise.all([renderServices(tenant), tenantContainers(tenant)])
  const db = containers.find(({ service }) => service === tenant.service('db'))
  const fails = db && (db.status === 'restarting' || (db.restartCount > 0 && db.health !== 'healthy'))
  if (begun ? await keepsNothing(tenant) : (await readIntent(tenant)) && !(await isUp(tenant))) return
  await pullMissing(tenant, services, () => {})
  if ((!db || fails) && (!begun?.releases || begun.verb === 'rollback')) return
  const other = await otherRelease(tenant, services, containers, begun?.releases)
  if (!other) return
  const deploys = `npx zx scripts/deploy.ts ${tenant.name} first, or `
  throw preconditionError(
    `${tenant.name} ${begun ? 'began this' : 'was deployed'} with ${other.own}, and ${other.configured} is configured; nothing was changed`,
    `${begun ? '' : deploys}put the image of before back in .env`,
  )
}

/** The backups of a repository, newest first, one a line. @throws OperatorError (3), (1) where it cannot be opened or read */
export async function list(tenant: Tenant, registry: Tenant[], from: Role): Promise<Listed> {
  await verifySecrets(tenant, registry)
  await pullJobImage(tenant)
  return withRepositories(tenant, 'restore', { only: from }, async ({ repository }) => {
    const unread: string[] = []
    const found = await listBackups(repository, (line) => unread.push(line))
    const told = (one: Backup) => ({ id: one.id, at: one.at, verified: isVerified(one), safety: one.safety })
    const backups = found.map(told).reverse()
    const line = ({ id, at, verified, safety }: Listed['backups'][number]) =>
      `${id.slice(0, 8)}  ${at.slice(0, 19)}Z  ${verified ? 'verified' : 'not verified'}${safety ? ', of what a restore replaced' : ''}`
    const none = unread.length > 0 ? [] : [`${tenant.name}: no backup yet`]
    const lines = [...(backups.length > 0 ? backups.map(line) : none), ...unread]
    return { backups, unread, text: lines.join('\n') }
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
  /** What restic says of those that it cannot read. */
  unread: string[]
  text: string
}

/** What a restore would do. */
export interface Plan {
  choice: Choice
  /** There is something to save first. */
  hasData: boolean
  /** Why it cannot be saved. */
  half?: string
  /** What would be lost; nothing where that is not known, or nothing is there. */
  lost: Losses | undefined
  /** Users whose accounts are closed now. */
  shutOut: string[]
  warnings: string[]
  text: string
}

/** Read the backup, and the live books beside it. @throws OperatorError (3), (1); nothing was changed. */
export function plan(tenant: Tenant, ground: Ground, { snapshot, from }: Wanted): Promise<Plan> {
  return withRepositories(tenant, 'restore', { only: from }, async ({ job, repository }) => {
    const choice = await readChoice(repository, snapshot, ground.apps)
    const { config, live, shutOut, ...there } = await liveBooks(tenant, job)
    const lost = live && losses(live, choice.proof.answers)
    const warnings = [...keyWarnings(tenant, choice, config), ...goneWarnings(tenant, there)]
    const { hasData, half } = there
    const text = renderPlan(tenant, choice, lost, there)
    return { choice, hasData, ...(half && { half }), lost, shutOut, warnings, text }
  })
}

/** What is there now. */
export interface LiveBooks extends There {
  /** Nothing where there is no site, or its file is torn. */
  config: SiteConfig | undefined
  /** Nothing where there is no database that answers. */
  live: Answers | undefined
  /** Users whose accounts are closed. */
  shutOut: string[]
}

/**
 * @throws OperatorError (3) for a database that is not ours, one that an exchange of which nobody knows has left, or a bench whose
 * configuration is torn.
 */
export async function liveBooks(tenant: Tenant, job: Job): Promise<LiveBooks> {
  const content = await contentOf(tenant, job)
  const hasData = content.has('data')
  if (!hasData && content.has('previous')) {
    throw preconditionError(
      `${tenant.name}: a restore was interrupted in the midst of its exchange, and ${tenant.state('restore.json')} is gone; nothing was changed`,
      `npx zx scripts/restore.ts ${tenant.name} --undo brings back what it replaced`,
    )
  }
  await benchConfigOf(tenant, job)
  const others = await backup.otherSites(tenant, job, '/out')
  const config = await orElse(siteConfigOf(tenant, job), undefined) // a disk that fails is why one restores
  const live = hasData ? await askLiveBooks(tenant, config) : undefined
  const [jobs, shutOut] = live ? await Promise.all([pendingJobs(tenant), whoIsShutOut(tenant, config)]) : [0, []]
  const keeps = await keptOf(tenant, content)
  const half = hasData && !config && { half: `${tenant.site}/site_config.json is missing or not usable` }
  return {
    ...half,
    hasData,
    hasSite: content.has('site'),
    config,
    live,
    jobs,
    shutOut,
    others,
    ...(keeps && { keeps }),
  }
}

/** Accounts that are closed; a database that does not answer is told elsewhere. */
const whoIsShutOut = (tenant: Tenant, config: SiteConfig | undefined): Promise<string[]> =>
  orElse(askUsers(askLive(tenant), config?.db_name ?? '', false), [])

/** What is about to go and has no backup, or belongs to nobody here, is told as a warning too. */
export const goneWarnings = ({ name }: Tenant, { keeps, others = [] }: There): string[] => [
  ...others.map((site) => `${name}: ${site}, another site of its bench, gets the database that comes, or none`),
  ...(keeps && !keeps.saved
    ? [`${name}: this removes ${describeKept(keeps)}${keeps.files ? '' : ' (--undo brings it back instead)'}`]
    : []),
]

/**
 * Of half a site no backup can be made, and no deploy makes it whole: it would be a new site.
 * @returns a refusal (3) that names the way on; nothing where all is there, or nothing
 */
export const unsavable = ({ name }: Tenant, { half }: { half?: string }): OperatorError | undefined =>
  half === undefined
    ? undefined
    : preconditionError(
        `${name}: no backup can be made of what is there: ${half}; nothing was changed`,
        'the same with --without-backup: what is replaced is kept for --undo all the same',
      )

/** Another live key is what a restore mends: the backup's secrets are under the backup's key. */
function keyWarnings(tenant: Tenant, { manifest }: Choice, live: SiteConfig | undefined): string[] {
  if (!live || fingerprint(live.encryption_key) === manifest.keyFingerprint) return []
  const is = live.encryption_key ? 'is another than' : 'is missing, unlike'
  return [`${tenant.name}: the live site's encryption key ${is} the backup's; the backup's comes with its data`]
}

/**
 * Back up what is there, verified, before anything of it is replaced.
 * @throws OperatorError (3) where it fails: nothing was changed.
 */
export async function saveLive(
  tenant: Tenant,
  registry: Tenant[],
  engine: Engine,
  { note, warn }: { note: (text: string) => void; warn: Reporter['warn'] },
): Promise<Saved> {
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
          return { id: stored.id, at: copy.at }
        }),
    )
  } catch (error) {
    if (!(error instanceof OperatorError) || error.code > EXIT.bug) throw error
    throw preconditionError(
      `${tenant.name}: the safety backup failed, nothing was changed: ${messageOf(error)}`,
      `${error.hint ?? 'mend that first'}; only where its database does not even start, or its schema is gone: --without-backup (what is replaced is kept for --undo all the same)`,
      error,
    )
  }
}

/**
 * The restore that was interrupted, if there is one: it is finished first. Where neither it nor what it replaced can be
 * brought up, something else may come in its place, which it has once that is proven.
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
  if (!(await mayBeReplaced(tenant))) {
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

/**
 * Put the backup beside the live data and prove it there. Returns what is to be told once it is live.
 * @throws OperatorError (3), (1); the live data is untouched.
 */
export async function bring(
  tenant: Tenant,
  ground: Ground,
  { choice, shutOut }: Plan,
  from: Role,
  step: Reporter['step'],
): Promise<string[]> {
  await removeUnstarted(tenant)
  let enabled: string[] = []
  await withRepositories(tenant, 'restore', { only: from }, ({ job, repository }) =>
    besideLive(tenant, job, async () => {
      await step('Put the backup beside the live data', () => fetchIncoming(repository, choice))
      enabled = await step('Boot it apart and compare it with its proof', () =>
        proveIncoming(tenant, ground.mariadb, choice.config, choice.proof.answers),
      )
    }),
  )
  return openAgain(
    tenant,
    shutOut.filter((user) => enabled.includes(user)),
  )
}
