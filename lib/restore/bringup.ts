/** Brings a tenant up on data that has come, live or in a drill: what a browser needs first, migrated where it is older. */
import { isDeepStrictEqual } from 'node:util'
import { benchSettings, COMMON_CONFIG, type SiteConfig } from '../backup/manifest.ts'
import { runArgs, type Service } from '../compose.ts'
import { isRunning } from '../containers.ts'
import { phases, proveFrontend, startServices } from '../deploy.ts'
import { docker, lastLines } from '../docker.ts'
import { OperatorError } from '../errors.ts'
import type { Job } from '../jobs.ts'
import { askLive } from '../mariadb.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { flushBoth } from '../site.ts'
import { appVersions, needsMigration, refuseNewer } from '../versions.ts'
import { readThere } from './volumes.ts'

/** Seconds that services may take to become healthy. */
export const PATIENCE = 300
/** What no browser waits for: started once the site answers, since on two cores it would keep that back. */
const BACKGROUND = ['worker', 'scheduler']

/**
 * A site in maintenance mode would answer nobody, and so seem not to come up. What it says itself goes before its bench.
 * @param bench the configuration of the whole bench
 */
export async function endMaintenance(
  tenant: Tenant,
  job: Job,
  config: SiteConfig | undefined,
  bench: Record<string, unknown>,
  warn: Reporter['warn'],
): Promise<void> {
  if (!config || !(config.maintenance_mode ?? bench.maintenance_mode)) return
  const file = `/out/sites/${tenant.site}/site_config.json`
  await writeConfig(job, file, { ...config, maintenance_mode: 0 })
  if (config.maintenance_mode) warn(`${tenant.name} was in maintenance mode when this was saved: that was ended`)
  else warn(`${tenant.name}: its whole bench is in maintenance mode: that was ended for the site`)
}

/** A link that lies in its way is replaced, not followed. */
async function writeConfig(job: Job, file: string, config: object): Promise<void> {
  const write = 'umask 077 && rm -f "$1.new" && cat >"$1.new" && chown 1000:1000 "$1.new" && mv "$1.new" "$1"'
  await job.exec(['sh', '-c', write, 'sh', file], { input: JSON.stringify(config, null, 1), timeout: 20 })
}

/**
 * Settings of the whole bench come to a new server, where nobody has made any: without one of them no server script runs,
 * and documents that have one cannot be saved. Elsewhere its own stay, and what differs is told.
 * @param fresh nothing was there before
 */
export async function bringSettings(tenant: Tenant, job: Job, fresh: boolean, warn: Reporter['warn']): Promise<void> {
  const [came, there] = [`/out/sites/incoming/${COMMON_CONFIG}`, `/out/sites/${COMMON_CONFIG}`]
  const saved = await readThere(job, came)
  if (saved === undefined) return
  const text = await readThere(job, there)
  const [coming = {}, own] = [benchSettings(saved), benchSettings(text)]
  const differ = Object.keys(coming).filter((key) => !isDeepStrictEqual(coming[key], own?.[key]))
  const untouched = fresh && own && Object.keys(own).length === 0
  if (differ.length > 0 && untouched) await writeConfig(job, there, { ...JSON.parse(text ?? '{}'), ...coming })
  else if (differ.length > 0)
    warn(`${tenant.name}: ${COMMON_CONFIG} stays as it is here; what was saved differs in ${differ.join(', ')}`)
  await job.exec(['rm', '-f', came], { timeout: 20 })
}

/** What decides whether the data is older than the image. */
interface Versions {
  /** The site's; nothing where there is no site. */
  schema: string | undefined
  /** Of the image's apps. */
  apps: Record<string, string>
  /** Data of a newer release may come up: it is what was there. */
  newer?: boolean
  /** Done before the application starts. */
  opens?: () => Promise<void>
}

/** Whether it starts last. */
export const isBackground = (tenant: Tenant, name: string) => BACKGROUND.some((part) => name === tenant.service(part))

/**
 * Start what a browser needs on the data that is there now. Neither a queue nor a cache of the data that went may meet it.
 * @returns whether the data was of an older release, and was brought up to this one
 * @throws OperatorError (3) for data of a newer release, (1) where something does not start or the migration fails
 */
export async function bringUp(
  tenant: Tenant,
  services: Service[],
  { schema, apps, newer = false, opens }: Versions,
  step: Reporter['step'],
): Promise<{ migrated: boolean }> {
  const { stores, configurator, application } = phases(tenant, services)
  const start = (list: Service[]) => (note: (text: string) => void) => startServices(tenant, list, PATIENCE, note)
  await step('Start the database', start(stores))
  await step('Empty both Redis', () => flushBoth(tenant))
  const data = schema === undefined ? {} : await appVersions(askLive(tenant), schema)
  if (!newer) refuseNewer(tenant, data, apps)
  const migrated = needsMigration(data, apps)
  if (migrated) {
    await step('Write the configuration of the bench', start(configurator)) // else the application's start does it
    await step('Bring the data up to this release', () => migrate(tenant))
  }
  // A frontend that stayed up was refused meanwhile: its next probe comes in half a minute, and is not waited for here.
  const frontend = tenant.service('frontend')
  const stayed = await isRunning(tenant, 'frontend')
  const serving = application.filter(({ name }) => !isBackground(tenant, name))
  const judged = stayed ? serving.filter(({ name }) => name !== frontend) : serving
  await opens?.()
  await step('Start the application', (note) => startServices(tenant, serving, PATIENCE, note, { judged }))
  await step(`Ask ${tenant.site} through its frontend`, () => proveFrontend(tenant, { moved: stayed }))
  return { migrated }
}

/** Seconds: tables of many GB are altered. */
const MIGRATION = 12 * 3600
/** Our stdin holds it: however we die, nothing goes on migrating what the next run may exchange. */
const HELD_MIGRATION =
  'exec 3<&0; setsid bench --site "$0" migrate </dev/null & it=$!; (cat <&3 >/dev/null; kill -TERM -- -$it) & wait $it'

/** Before anything of the application runs on data of an older release. */
async function migrate(tenant: Tenant): Promise<void> {
  const command = ['bash', '-c', HELD_MIGRATION, tenant.site]
  const options = { input: '', holdStdin: true, timeout: MIGRATION, nothrow: true }
  const ran = await docker(runArgs(tenant, tenant.service('backend'), command), options)
  const why = ran.timedOut ? `no end within ${MIGRATION / 3600} h` : lastLines(ran.stderr || ran.stdout, 3)
  if (ran.code !== 0) throw new OperatorError(`${tenant.name}: bench migrate failed: ${why}`)
}
