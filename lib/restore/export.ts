/** A backup as three portable files: the site's schema as SQL, its files, its brand. Keys and passwords are in them in clear. */
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findLinks } from '../backup/backup.ts'
import { withRepositories } from '../backup/open.ts'
import { askBooks, digestOf } from '../backup/proof.ts'
import { dockerToFile } from '../docker.ts'
import { messageOf, preconditionError } from '../errors.ts'
import { makeDirectory, syncToDisk } from '../files.ts'
import { HOLD, jobName, withContainer } from '../jobs.ts'
import { WITHOUT_TLS } from '../mariadb.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { compare, fetchIncoming, withIncomingServer } from './incoming.ts'
import { type Choice, readChoice } from './plan.ts'
import type { Ground, Wanted } from './restore.ts'
import { withScratch } from './scratch.ts'

const DUMP = [
  WITHOUT_TLS,
  ...'--single-transaction --quick --routines --triggers --hex-blob'.split(' '),
  '--max-allowed-packet=1G',
]
/** Reads the volumes and nothing else; it may read what belongs to others. */
const READER = ['--init', '--network', 'none', '--user', '0:0', '--cap-drop', 'ALL', '--cap-add', 'DAC_READ_SEARCH']
/** What marks that a file is whole: an empty frame, which zstd skips (RFC 8878, 3.1.2). */
const END = Buffer.from('502a4d1800000000', 'hex')
const ENDS = `printf '${END.toString('hex').replaceAll(/../g, '\\x$&')}'`
const PACK = `set -euo pipefail; tar --numeric-owner -c "$@" | zstd -q; ${ENDS}`

/** The paths of the three files. */
export interface Exported {
  snapshot: string
  files: string[]
}

/**
 * Restore a backup apart, prove it, and write it out. All three files are there in the end, or none.
 * @throws OperatorError (3) for a directory that cannot be written or holds such an export, (1) for the rest.
 */
export async function exportBackup(
  tenant: Tenant,
  ground: Ground,
  wanted: Wanted,
  directory: string,
  { step, warn }: Reporter,
): Promise<Exported> {
  await refuseUnwritable(directory)
  return withScratch(tenant, (scratch) =>
    withRepositories(scratch, 'restore', { only: wanted.from }, async ({ job, repository }) => {
      const choice = await step('Read the backup', () => readChoice(repository, wanted.snapshot, ground.apps))
      const files = namesOf(tenant, choice, directory)
      await refusePresent(Object.values(files))
      await step('Restore it apart', () => fetchIncoming(repository, choice))
      const links = await findLinks(job, '/out/sites/incoming')
      if (links) warn(`${tenant.name}: an import of this refuses its links: ${links}`)
      await wholly(tenant, Object.values(files), async (partial) => {
        await step('Write the database', () => dump(scratch, ground, choice, partial(files.erp)))
        await step("Write the site's files and the brand", () => archive(scratch, ground, files, partial))
      })
      return { snapshot: choice.backup.id, files: Object.values(files) }
    }),
  )
}

/** Named after the backup's moment, in UTC. */
function namesOf({ name }: Tenant, { manifest }: Choice, directory: string) {
  const date = manifest.at.replace(/[-:]|\.\d+/g, '')
  const file = (part: string, kind: string) => join(directory, `${name}-${part}-${date}.${kind}.zst`)
  return { erp: file('erp', 'sql'), sites: file('sites', 'tar'), assets: file('assets', 'tar') }
}

async function refusePresent(files: string[]): Promise<void> {
  for (const file of files) {
    if (await stat(file).catch(() => undefined))
      throw preconditionError(
        `${file} is already there`,
        'where not all three are: remove it, the export was interrupted',
      )
  }
}

/** Found out before hours of work: a disk that only reads, a share that gives root no leave. @throws OperatorError (3) */
async function refuseUnwritable(directory: string): Promise<void> {
  const probe = join(directory, '.securenexus-erp.partial')
  try {
    await makeDirectory(directory)
    await rm(probe, { force: true })
    await writeFile(probe, '', { mode: 0o600, flag: 'wx' }) // a link of that name, in a directory of others, is not followed
    await rm(probe)
  } catch (error) {
    throw preconditionError(`nothing can be written into ${directory}: ${messageOf(error)}`, undefined, error)
  }
}

/**
 * Write files beside their places; once all are whole and on the disk they get their names. What killed runs left of any
 * backup goes first: keys in clear, and we hold the tenant.
 */
async function wholly(
  { name }: Tenant,
  files: string[],
  work: (partial: (file: string) => string) => Promise<void>,
): Promise<void> {
  const partial = (file: string) => `${file}.partial`
  const directory = dirname(files[0] ?? '')
  const ours = new RegExp(`^${name}-(erp|sites|assets)-\\w+\\.(sql|tar)\\.zst\\.partial$`)
  const left = (await readdir(directory)).filter((file) => ours.test(file))
  for (const file of left) await rm(join(directory, file))
  try {
    await work(partial)
    for (const file of files) await syncToDisk(partial(file))
    await refusePresent(files)
    for (const file of files) await rename(partial(file), file) // not link(2), which would replace nothing: FAT has no hard links
  } finally {
    for (const file of files) await rm(partial(file), { force: true })
  }
}

/** The site's schema alone: no account of the server is in it. */
async function dump(scratch: Tenant, { mariadb }: Ground, choice: Choice, file: string): Promise<void> {
  const { manifest, proof, config, backup } = choice
  const head = [
    '-- An export of securenexus-erp, to be read by restore.ts --import',
    ...Object.entries({
      tenant: manifest.tenant,
      site: manifest.site,
      schema: manifest.schema,
      snapshot: backup.original,
      at: manifest.at,
      apps: JSON.stringify(manifest.apps),
      answers: digestOf(proof.answers),
    }).map(([name, value]) => `-- ${name}: ${value}`),
  ].join('\n')
  const script = `set -euo pipefail; { printf '%s\\n' "$1"; shift; mariadb-dump "$@"; } | zstd -q; ${ENDS}`
  await withIncomingServer(scratch, mariadb, async (ask, { name }) => {
    compare(scratch, proof.answers, await askBooks(ask, manifest.schema, config.encryption_key))
    await dockerToFile(['exec', name, 'bash', '-c', script, 'bash', head, ...DUMP, manifest.schema], file, END)
  })
}

/**
 * With numeric owners, as they must be again. Out of a held container: what one prints by itself goes into the engine's log as
 * well, on the disk of every tenant's data.
 */
async function archive(
  scratch: Tenant,
  { mariadb }: Ground,
  files: { sites: string; assets: string },
  partial: (file: string) => string,
): Promise<void> {
  const tar = async (part: 'tar-sites' | 'tar-assets', volume: string, args: string[], file: string) => {
    const mount = ['--volume', `${scratch.volume(volume)}:/in:ro`, '--tmpfs', '/var/lib/mysql']
    const name = jobName(scratch, part)
    const run = ['run', '--rm', '--interactive', '--name', name, ...READER, ...mount, '--entrypoint', 'bash', mariadb]
    await withContainer([...run, '-c', HOLD], name, 60, () =>
      dockerToFile(['exec', name, 'bash', '-c', PACK, 'bash', ...args], partial(file), END),
    )
  }
  await tar('tar-sites', 'sites-data', ['-C', '/in/incoming', '.'], files.sites)
  await tar('tar-assets', 'assets-data', ['-C', '/in/.incoming', '.'], files.assets)
}
