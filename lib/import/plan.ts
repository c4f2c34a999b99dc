/** What an import would bring, read before anything is touched: whose it is, its configuration and its key. */
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { parseSiteConfig, type SiteConfig } from '../backup/manifest.ts'
import { messageOf, preconditionError } from '../errors.ts'
import { HOLD, type Job, jobName, withContainer } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import { decompressor, readSource, type Source } from './source.ts'

/** Longer than an archive of a few GB takes to be read once, in seconds. */
const PATIENCE = 3600
const READER = '--init --network none --user 999:999 --cap-drop ALL --read-only --memory 1g'.split(' ')

/** What was read. */
export interface Incoming {
  source: Source
  /** The site's site_config.json as it came; its values are secrets. */
  config: SiteConfig & Record<string, unknown>
  /** The site's name in the archives. */
  site: string
  /** Where the site's folder lies in the archive of the sites; nothing for the files of `bench backup`. */
  folder?: string
  /** What an export says of itself; nothing in a dump. */
  head: Record<string, string>
}

/**
 * Read a directory's backup: its head and its configuration.
 * @param image MariaDB's: it brings tar and the decompressors
 * @throws OperatorError (3) for what does not belong to this tenant or lacks a part
 */
export async function readIncoming(
  tenant: Tenant,
  registry: Tenant[],
  image: string,
  directory: string,
): Promise<Incoming> {
  const source = await readSource(directory)
  const name = jobName(tenant, 'import')
  const tmpfs = ['--tmpfs', '/tmp:size=64m', '--tmpfs', '/var/lib/mysql']
  const args = ['run', '--rm', '-i', '--name', name, ...READER, ...tmpfs, '--entrypoint', 'bash', image, '-c', HOLD]
  return withContainer(args, name, 60, async (job) => {
    const text = await readHead(job, source.database)
    refusePartial(source.database, text)
    const head = parseHead(text)
    const kind = source.kind === 'dump' && head.snapshot ? 'export' : source.kind
    const { config, ...where } = await readConfig(tenant, job, source)
    refuseOthers(tenant, registry, [head.tenant, head.site, where.site])
    return { source: { ...source, kind }, config: incomingConfig(tenant, config), ...where, head }
  })
}

/** @throws OperatorError (3) where it is no site_config.json; the message does not quote it. */
export function incomingConfig(tenant: Tenant, text: string): Incoming['config'] {
  try {
    return { ...parseSiteConfig(tenant, text) }
  } catch (error) {
    throw preconditionError(`what came is refused: ${messageOf(error)}`, undefined, error)
  }
}

/** The first lines of a dump, which are comments. */
async function readHead(job: Job, file: string): Promise<string> {
  const script = '"$@" 2>/dev/null | LC_ALL=C awk \'NR == 1 || /^--/ { print substr($0, 1, 9999); next } { exit }\''
  const { stdout } = await job.exec(['bash', '-c', script, 'bash', ...(await decompressor(file))], {
    inputFile: file,
    timeout: 60,
    nothrow: true,
  })
  if (/^(--|\/\*|CREATE |SET |USE )/m.test(stdout)) return stdout
  throw preconditionError(`${file} is no dump of a database`)
}

/**
 * frappe refuses it too (commands/site.py): a site that lacks tables answers, and fails where they are used.
 * @throws OperatorError (3)
 */
export function refusePartial(file: string, head: string): void {
  if (!/-partial-/.test(basename(file)) && !/^-- Partial Backup of Frappe Site/m.test(head)) return
  throw preconditionError(
    `${file} is a partial backup: tables are missing`,
    'bench backup --with-files, without --only and --exclude, and without "backup" in its site_config.json',
  )
}

/** `-- name: value`, of our own exports. Pure. */
export function parseHead(text: string): Record<string, string> {
  if (!text.startsWith('-- An export of securenexus-erp')) return {}
  const pairs = [...text.matchAll(/^-- (\w+): (.*)$/gm)]
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]))
}

/** Whose site it is, and its configuration: a file of `bench backup`, or one in the archive of the sites. */
async function readConfig(
  tenant: Tenant,
  job: Job,
  source: Source,
): Promise<Pick<Incoming, 'site' | 'folder'> & { config: string }> {
  const { config: beside, files } = source
  if (beside) {
    const config = await readFile(beside, 'utf8').catch((error) => {
      throw preconditionError(`${beside} cannot be read: ${messageOf(error)}`)
    })
    return { site: siteOfBench(beside) ?? tenant.site, config }
  }
  const [sites = ''] = files
  const unpack = 'set -euo pipefail; cd /tmp; "$@" | tar -x --wildcards --wildcards-match-slash "*/site_config.json"'
  const { code, stderr } = await job.exec(['bash', '-c', unpack, 'bash', ...(await decompressor(sites))], {
    inputFile: sites,
    timeout: PATIENCE,
    nothrow: true,
  })
  const listed = await job.exec(['find', '/tmp', '-name', 'site_config.json', '-printf', '%P\\n'], { timeout: 20 })
  if (code !== 0 && !/Not found in archive/.test(stderr))
    throw preconditionError(`${sites} is damaged or no archive: ${stderr.trim().split('\n')[0]}`)
  const folder = siteFolder(tenant, sites, listed.stdout.split('\n').filter(Boolean).map(dirname))
  const { stdout } = await job.exec(['cat', `/tmp/${folder}/site_config.json`], { timeout: 20 })
  return { site: tenant.site, folder, config: stdout }
}

/** What lies in a volume of sites besides them: a restore's, and sites that bench has dropped. */
const ASIDE = ['incoming', 'previous', '.removed', 'archived']

/**
 * The folder of the tenant's site among those of an archive: of a volume of several sites the one of this name, and not
 * what a restore has kept of another time. Pure.
 * @throws OperatorError (3) where there is none, or more than one
 */
export function siteFolder(tenant: Tenant, archive: string, folders: string[]): string {
  const names = folders.map((folder) => basename(folder))
  const fits = folders.filter((folder) => basename(folder) === tenant.site)
  const live = fits.filter((folder) => !ASIDE.includes(basename(dirname(folder))))
  const [only, other] = live.length > 0 ? live : fits
  if (only === undefined)
    throw preconditionError(`${archive} holds ${names.join(', ') || 'no site'}; ${tenant.name} has ${tenant.site}`)
  if (other !== undefined) throw preconditionError(`${archive} holds ${tenant.site} twice: ${only} and ${other}`)
  return only
}

/** `20261125_101112-erp_example_org-site_config_backup.json`: dots are underscores there (frappe.utils.backups). */
const siteOfBench = (file: string) => /\d{8}_\d{6}-(.+)-site_config_backup\.json$/.exec(file)?.[1]

/** Another tenant's books belong nowhere here; there is no way around it. */
function refuseOthers(tenant: Tenant, registry: Tenant[], names: (string | undefined)[]): void {
  const plain = (name: string) => name.replaceAll('.', '_')
  for (const other of registry.filter(({ name }) => name !== tenant.name)) {
    const its = [other.name, other.site, other.posHost].map(plain)
    if (names.some((name) => name !== undefined && its.includes(plain(name))))
      throw preconditionError(`these are the books of ${other.name}, not of ${tenant.name}`)
  }
}

/** The first lines of the plan. */
export function describe(tenant: Tenant, { source, site, head }: Incoming): string[] {
  const { kind, files, assets, directory } = source
  const what = {
    export: `an export of ${head.at}`,
    dump: 'a dump with archives of the volumes',
    bench: `bench backup of ${site}`,
  }[kind]
  return [
    `${tenant.name}: ${tenant.site} would become what is in ${directory}: ${what}`,
    ...(files.length === 0 ? ['  lacks      the files of its documents: no archive of them is there'] : []),
    ...(kind === 'export' && !assets ? ['  lacks      its brand: no archive of it is there'] : []),
  ]
}
