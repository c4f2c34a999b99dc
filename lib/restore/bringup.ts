/** Brings a tenant up on data that has come, live or in a drill: what a browser needs first, migrated where it is older. */

import type { SiteConfig } from '../backup/manifest.ts'
import { runArgs, type Service } from '../compose.ts'
import { tenantContainers } from '../containers.ts'
import { phases, proveFrontend, startServices } from '../deploy.ts'
import { docker, lastLines } from '../docker.ts'
import { OperatorError } from '../errors.ts'
import type { Job } from '../jobs.ts'
import { askLive } from '../mariadb.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { flushBoth } from '../site.ts'
import { appVersions, needsMigration } from '../versions.ts'

/** Seconds that services may take to become healthy. */
export const PATIENCE = 300
/** What no browser waits for: started once the site answers, since on two cores it would keep that back. */
const BACKGROUND = ['worker', 'scheduler']

/** A backup that was made in maintenance mode would answer nobody, and so seem not to come up. */
export async function endMaintenance(
  tenant: Tenant,
  job: Job,
  config: SiteConfig | undefined,
  warn: Reporter['warn'],
): Promise<void> {
  if (!config?.maintenance_mode) return
  const file = `/out/sites/${tenant.site}/site_config.json`
  const write = 'cp -p "$1" "$1.new" && cat >"$1.new" && mv "$1.new" "$1"' // cp keeps owner and mode
  const input = JSON.stringify({ ...config, maintenance_mode: 0 }, null, 1)
  await job.exec(['sh', '-c', write, 'sh', file], { input, timeout: 20 })
  warn(`${tenant.name} was in maintenance mode when this was saved: that was ended`)
}

/** What decides whether the data is older than the image. */
interface Versions {
  /** The site's; nothing where there is no site. */
  schema: string | undefined
  /** Of the image's apps. */
  apps: Record<string, string>
}

/** Whether it starts last. */
export const isBackground = (tenant: Tenant, name: string) => BACKGROUND.some((part) => name === tenant.service(part))

/**
 * Start what a browser needs on the data that is there now. Neither a queue nor a cache of the data that went may meet it.
 * @returns whether the data was of an older release, and was brought up to this one
 * @throws OperatorError (1) where something does not start or the migration fails
 */
export async function bringUp(
  tenant: Tenant,
  services: Service[],
  { schema, apps }: Versions,
  step: Reporter['step'],
): Promise<{ migrated: boolean }> {
  const { stores, configurator, application } = phases(tenant, services)
  const start = (list: Service[]) => (note: (text: string) => void) => startServices(tenant, list, PATIENCE, note)
  await step('Start the database', start(stores))
  await step('Empty both Redis', () => flushBoth(tenant))
  const migrated = schema !== undefined && needsMigration(await appVersions(askLive(tenant), schema), apps)
  if (migrated) {
    await step('Write the configuration of the bench', start(configurator)) // else the application's start does it
    await step('Bring the data up to this release', () => migrate(tenant))
  }
  // A frontend that stayed up was refused meanwhile: its next probe comes in half a minute, and is not waited for here.
  const frontend = tenant.service('frontend')
  const stayed = (await tenantContainers(tenant)).some((one) => one.service === frontend && one.status === 'running')
  const serving = application.filter(({ name }) => !isBackground(tenant, name))
  const judged = stayed ? serving.filter(({ name }) => name !== frontend) : serving
  await step('Start the application', (note) => startServices(tenant, serving, PATIENCE, note, { judged }))
  await step(`Ask ${tenant.site} through its frontend`, () => proveFrontend(tenant))
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
