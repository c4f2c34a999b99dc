/** Bring tenants up: check the ground, start the stores, make the site once, start the rest, prove that it answers. */
import { ensureRepository, hasRepository } from '../lib/backup/open.ts'
import { command } from '../lib/command.ts'
import * as deploy from '../lib/deploy.ts'
import { askEngine } from '../lib/docker.ts'
import type { EdgeWork } from '../lib/edge/ask.ts'
import { deployCore } from '../lib/edge/core-deploy.ts'
import { bringHosts, type EdgeGround, edgePreflight } from '../lib/edge/deploy.ts'
import { afterChange, isFailure, type OperatorError, usageError } from '../lib/errors.ts'
import { removeUnstarted } from '../lib/jobs.ts'
import { askLive } from '../lib/mariadb.ts'
import { type Ground, preflight, pullMissing, refuseOtherData } from '../lib/preflight.ts'
import { CORE_PARTS, makeCore, type Tenant } from '../lib/registry.ts'
import type { Reporter } from '../lib/reporter.ts'
import * as site from '../lib/site.ts'
import { seeTheme, setTheme, tryTheme } from '../lib/theme/apply.ts'
import type { Applied } from '../lib/theme/site.ts'
import { prepareTheme, type Theme } from '../lib/theme/theme.ts'
import { appVersions, imageApps, imageOf, needsMigration } from '../lib/versions.ts'
import { waitUntilHealthy } from '../lib/wait.ts'

command({
  name: 'deploy',
  summary:
    'Bring tenants up, or core before them. Run again it goes on where it was; with nothing to do it changes nothing.',
  examples: ['deploy.ts dickson', 'deploy.ts core', 'deploy.ts --all', 'deploy.ts dickson --dry-run'],
  tenants: 'some',
  core: true,
  changes: true,
  options: {
    only: { type: 'string', value: 'PART', help: 'of core: edge, sso or monitoring' },
    timeout: { type: 'number', value: 'SECONDS', default: 300, help: 'how long services may take to become healthy' },
  },
  async run({ forEachTenant, forCore, exclusively, registry, coreIsMeant, dryRun, ...context }) {
    const { settings, options, ...reporter } = context
    const { only, timeout } = options
    const part = CORE_PARTS.find((known) => known === only)
    if (only !== undefined && (!coreIsMeant || !part))
      throw usageError(`--only is for core, and knows: ${CORE_PARTS.join(', ')}`)
    const { step, warn } = reporter
    const engine = await askEngine()
    const core = makeCore(settings, part)
    const work = {
      core,
      registry,
      publishing: <T>(publish: () => Promise<T>) => exclusively('core/lock', 'core', publish, 30),
    }
    const front = coreIsMeant
      ? await forCore(core, () => deployCore({ ...work, engine, timeout, dryRun, next: context.tenants }, reporter))
      : undefined
    const deploying = forEachTenant(async (tenant) => {
      const [ground, edge, theme] = await step(
        'Check the machine, the configuration, the secrets and the brand',
        async () =>
          [
            await preflight(tenant, registry, engine),
            await edgePreflight(tenant, work),
            await prepareTheme(tenant),
          ] as const,
      )
      for (const warning of [...ground.warnings, ...edge.warnings]) warn(warning)
      const changes = deploy.planChanges(ground.services, ground.containers)
      const unfinished = changes.length > 0 ? [] : await site.unfinishedWork(tenant)
      const { name, site: host, posHost } = tenant
      const result = { tenant: name, site: host, posHost, changes, unfinished, published: edge.changed, open: false }
      const settled = changes.length === 0 && unfinished.length === 0
      if (dryRun)
        return { ...result, theme: settled ? (await setTheme(tenant, theme, PLAN)).changed : [theme.manifest.id] }
      const fresh = settled ? undefined : await bringUp(tenant, ground, theme, timeout, reporter)
      await step('Wait until every service proves that it works', (note) =>
        waitUntilHealthy(tenant, ground.services, timeout, note),
      )
      await freshenCache(tenant, ground, fresh === undefined, reporter)
      await step(`Ask ${tenant.site} through its frontend`, () => deploy.proveFrontend(tenant, { moved: !settled }))
      for (const part of await site.renewedRedis(tenant))
        warn(`${name}: ${part} still opens with the old password: npx zx scripts/tenant.ts ${name} restart`)
      await makeRepository(tenant, reporter)
      const themed = fresh ?? (await step('Compare its theme', () => tryTheme(tenant, theme)))
      const open = await show(tenant, { edge, themed, settled }, work, reporter)
      return { ...result, theme: themed.changed, open }
    })
    const done = front ? [...front.changes, ...front.published, ...front.monitors] : []
    const coreChanged = !dryRun && done.length > 0
    const tenants = await (coreChanged ? afterChange(deploying, 'core was deployed; but ') : deploying)
    return { dryRun, ...(front && { core: front }), tenants }
  },
  render({ core, tenants, dryRun }) {
    const rows = tenants.map(({ tenant, site: host, posHost, changes, unfinished, published, theme, open }) => ({
      name: tenant,
      work: [
        ...[...started(changes), ...unfinished.map((what) => `finish ${what}`), ...publishing(published)],
        ...(theme.length > 0 ? [`apply the theme (${theme.join(', ')})`] : []),
      ],
      is: open ? `https://${host} and https://${posHost} are up` : `${host} is up`,
    }))
    const first = core
      ? [
          {
            name: 'core',
            work: [
              ...started(core.changes),
              ...publishing(core.published),
              ...core.monitors.map((monitor) => `watch ${monitor}`),
            ],
            is: `${core.parts.join(' and ')} ${core.parts.length > 1 ? 'are' : 'is'} up`,
          },
        ]
      : []
    return [...first, ...rows]
      .map(({ name, work, is }) => {
        if (dryRun) return work.length > 0 ? `${name}: would\n  ${work.join('\n  ')}` : `${name}: nothing to do`
        return `${name}: ${is}${work.length > 0 ? '' : '; nothing had to be done'}`
      })
      .join('\n')
  },
})

const started = (changes: deploy.Change[]) => changes.map(({ service, why }) => `start ${service} (${why})`)
/** A theme that an operator took back stays off; a dry run only compares. */
const PLAN = { dry: true, gently: true }
const publishing = (names: string[]) => names.map((name) => `publish ${name}.yml`)

/** A tenant that runs is not called failed for its repository; but it has no backup until that is there. */
async function makeRepository(tenant: Tenant, { step, warn }: Reporter): Promise<void> {
  const tell = (what: string, { message, hint = `npx zx scripts/backup.ts ${tenant.name} --init` }: OperatorError) =>
    warn(`no ${what} is possible yet: ${message}; ${hint}`)
  try {
    if (await hasRepository(tenant)) return
    const fault = await step('Make the backup repository', (note) => ensureRepository(tenant, note))
    if (fault) tell('off-site copy', fault)
  } catch (error) {
    if (!isFailure(error)) throw error
    tell('backup', error)
  }
}

/**
 * The last act on a new image: a run that ended before it is told of the release again by the next.
 * @param interrupted this run started nothing: what started it did not come to this
 */
async function freshenCache(tenant: Tenant, ground: Ground, interrupted: boolean, reporter: Reporter): Promise<void> {
  const { image, filledBy, stale } = await site.cacheOf(tenant)
  if (!stale) return
  if (interrupted) await warnOfRelease(tenant, ground, (await site.readMarks(tenant)).schema, reporter)
  await site.emptyCache(tenant, image)
  if (filledBy !== '') reporter.say('  redis-cache was emptied: another image had filled it')
}

/** Programs of a newer release run on data that `bench migrate` has not brought up: pages fail, one here, one there. */
async function warnOfRelease(tenant: Tenant, { services }: Ground, schema: string, { warn }: Reporter) {
  const image = imageOf(tenant, services, 'backend')
  const compared = async () => needsMigration(await appVersions(askLive(tenant), schema), await imageApps(image))
  const older = await compared().catch((error) => {
    if (!isFailure(error)) throw error
    warn(`whether the data of ${tenant.name} is of its image's release is not known: ${error.message}`)
  })
  if (!older) return
  warn(
    `the data of ${tenant.name} is of an older release than its image: npx zx scripts/tenant.ts ${tenant.name} bench -- migrate (docs/managing.md#a-new-release)`,
  )
}

/** Open its two hosts, and see what browsers get there. Returns whether they answer. @param how `settled`: there was nothing to start */
async function show(
  tenant: Tenant,
  { edge, themed, settled }: { edge: EdgeGround; themed: Applied; settled: boolean },
  work: EdgeWork,
  reporter: Reporter,
): Promise<boolean> {
  const showing = async () => {
    const open = await bringHosts(tenant, edge, work, reporter)
    await seeTheme(tenant, themed, work, reporter, { glance: false, open })
    return open
  }
  return settled && edge.changed.length === 0 ? showing() : afterChange(showing())
}

async function bringUp(tenant: Tenant, ground: Ground, theme: Theme, timeout: number, reporter: Reporter) {
  const { step, warn } = reporter
  const { stores, configurator, application } = deploy.phases(tenant, ground.services)
  const start = (services: typeof stores) => (note: (text: string) => void) =>
    deploy.startServices(tenant, services, timeout, note)
  await removeUnstarted(tenant)
  await step('Get the images that are missing', (note) => pullMissing(tenant, ground.services, note))
  await step('Look for data that is not ours', () => refuseOtherData(tenant, ground))
  await step('Start the database and both Redis', start(stores))
  await step('Write the configuration of the bench', start(configurator))
  const made = await step(`Make the site ${tenant.site}, once`, (note) => site.makeSite(tenant, note))
  if (made.found === 'half') warn(`an interrupted installation was finished (${made.detail})`)
  if (made.found === 'complete' && made.mended_jobs > 0)
    warn(`${made.mended_jobs} scheduled jobs that were created in the future were mended`)
  if (made.found === 'complete') await warnOfRelease(tenant, ground, made.schema, reporter) // it may not come up for that
  // Before anything of the application runs: its web workers would keep what they had for up to a minute.
  const themed = await step('Put its theme on', () => tryTheme(tenant, theme, 'apart'))
  await step('Start the application', start(application))
  const { scheduler } = await site.readMarks(tenant)
  if (!scheduler) await step('Switch the scheduler on', () => site.enableScheduler(tenant))
  return themed
}
