/** Versions: which is older, which apps a site's data and an image have, and what follows from that. */
import type { Service } from './compose.ts'
import type { Container } from './containers.ts'
import { docker, dockerAsk } from './docker.ts'
import { OperatorError, preconditionError } from './errors.ts'
import type { Ask } from './mariadb.ts'
import type { Tenant } from './registry.ts'

const numbers = (version: string) => version.split(/[^\d]+/).map(Number)

/** True where a dotted version is below another; of that, the numbers that it names are compared. */
export function isOlder(version: string, than: string): boolean {
  const parts = numbers(version)
  for (const [index, number] of numbers(than).entries()) {
    const part = parts[index] ?? 0
    if (part !== number) return part < number
  }
  return false
}

/** The versions as the site's own database has them. */
export async function appVersions(ask: Ask, schema: string): Promise<Record<string, string>> {
  const rows = await ask(`select app_name, app_version from \`${schema}\`.\`tabInstalled Application\``)
  return Object.fromEntries(rows.map(([name = '', version = '']) => [name, version]))
}

/** @throws OperatorError (3) where data that comes is newer than the image's programs, or needs an app that they lack. */
export function refuseNewer(tenant: Tenant, data: Record<string, string>, image: Record<string, string>): void {
  const faults = Object.entries(data).flatMap(([app, version]) => {
    const has = image[app]
    if (has === undefined) return [`${app} ${version} is not in the image`]
    return isOlder(has, version) ? [`${app} is ${version} in what comes and ${has} in the image`] : []
  })
  if (faults.length > 0)
    throw preconditionError(
      `${tenant.name}: what comes is newer than the image: ${faults.join('; ')}`,
      'set ERPNEXT_IMAGE to a release that is not older',
    )
}

/** True where the data was written by an older release: it is brought up by `bench migrate`. */
export const needsMigration = (data: Record<string, string>, image: Record<string, string>): boolean =>
  Object.entries(data).some(([app, version]) => isOlder(version, image[app] ?? version))

/** What decides of which release data becomes: the application's apps, and the server. */
const PROGRAMS = ['backend', 'db'] as const
export type Releases = Partial<Record<(typeof PROGRAMS)[number], string>>

/** The image that is configured for a part of a tenant; '' where it has no such service. Pure. */
export const imageOf = (tenant: Tenant, services: Service[], part: string): string =>
  services.find(({ name }) => name === tenant.service(part))?.image ?? ''

/** The releases that are configured, as a person reads them. */
export async function releasesOf(tenant: Tenant, services: Service[]): Promise<Releases> {
  const found = PROGRAMS.map(async (part) => {
    const image = imageOf(tenant, services, part)
    return [part, image ? await RELEASE[part](image) : undefined] as const
  })
  return Object.fromEntries(await Promise.all(found))
}

/**
 * Data may only be exchanged under the programs that run already, and is finished by those with which it was begun: others
 * would bring all of it up to their release, and on the way back what was there as well.
 * @param begun with what it was begun; where nothing is, or was then, the containers say it
 * @returns the first that is configured and of another release
 */
export async function otherRelease(
  tenant: Tenant,
  services: Service[],
  containers: Container[],
  begun?: Releases,
): Promise<{ own: string; configured: string } | undefined> {
  for (const part of PROGRAMS) {
    const image = imageOf(tenant, services, part)
    const made = containers.find(({ service }) => service === tenant.service(part))?.image
    if (!image || (!begun && (!made || (await imageId(image)) === made))) continue
    const own = begun ? begun[part] : await RELEASE[part](made ?? '')
    const configured = await RELEASE[part](image)
    if (own !== undefined && own !== configured) return { own, configured }
  }
  return undefined
}

const imageId = async (image: string) =>
  (await docker(['image', 'inspect', '--format', '{{.Id}}', image], { timeout: 20 })).stdout.trim()

const appsOf = async (image: string) =>
  Object.entries(await imageApps(image))
    .map(([app, version]) => `${app} ${version}`)
    .join(', ')

async function serverOf(image: string): Promise<string> {
  const version = ['run', ...APART, '--entrypoint', 'mariadbd', image, '--version']
  const { stdout } = await dockerAsk(version, { timeout: 60 })
  if (stdout.trim() !== '') return stdout.trim()
  throw new OperatorError(`${image} does not say which MariaDB it holds`)
}

const RELEASE = { backend: appsOf, db: serverOf } as const

const APART = ['--rm', '--network', 'none', '--cap-drop', 'ALL', '--read-only']

/** The versions of the apps that an image holds, as their own sources say. */
export async function imageApps(image: string): Promise<Record<string, string>> {
  const script = "cd /home/frappe/frappe-bench/apps && grep -H '^__version__ *=' */*/__init__.py"
  const { stdout } = await dockerAsk(['run', ...APART, '--entrypoint', 'bash', image, '-c', script], { timeout: 120 })
  const found = [...stdout.matchAll(/^(\w+)\/\1\/__init__\.py:__version__ *= *["']([^"']+)["']/gm)]
  if (found.length > 0) return Object.fromEntries(found.map(([, app = '', version = '']) => [app, version]))
  throw new OperatorError(`${image} does not say which apps it holds`)
}
