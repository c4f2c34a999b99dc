/** Versions: which is older, which apps a site's data and an image have, and what follows from that. */
import { docker } from './docker.ts'
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

/** @throws OperatorError (3) where the backup's data is newer than the image's programs, or needs an app that it lacks. */
export function refuseNewer(
  tenant: Tenant,
  { apps: data }: { apps: Record<string, string> },
  apps: Record<string, string>,
): void {
  const faults = Object.entries(data).flatMap(([app, version]) => {
    const has = apps[app]
    if (has === undefined) return [`${app} ${version} is not in the image`]
    return isOlder(has, version) ? [`${app} is ${version} in the backup and ${has} in the image`] : []
  })
  if (faults.length > 0)
    throw preconditionError(
      `${tenant.name}: the backup is newer than the image: ${faults.join('; ')}`,
      'set ERPNEXT_IMAGE to a release that is not older',
    )
}

/** True where the data was written by an older release: it is brought up by `bench migrate`. */
export const needsMigration = (data: Record<string, string>, image: Record<string, string>): boolean =>
  Object.entries(data).some(([app, version]) => isOlder(version, image[app] ?? version))

/** The versions of the apps that an image holds, as their own sources say. */
export async function imageApps(image: string): Promise<Record<string, string>> {
  const script = "cd /home/frappe/frappe-bench/apps && grep -H '^__version__ *=' */*/__init__.py"
  const limits = ['--rm', '--network', 'none', '--cap-drop', 'ALL', '--read-only']
  const { stdout } = await docker(['run', ...limits, '--entrypoint', 'bash', image, '-c', script], { timeout: 120 })
  const found = [...stdout.matchAll(/^(\w+)\/\1\/__init__\.py:__version__ *= *["']([^"']+)["']/gm)]
  if (found.length > 0) return Object.fromEntries(found.map(([, app = '', version = '']) => [app, version]))
  throw new OperatorError(`${image} does not say which apps it holds`)
}
