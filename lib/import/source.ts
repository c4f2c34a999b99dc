/** What a directory holds of which a tenant can be made: an export of ours, a dump with tars of the volumes, or `bench backup`. */
import { lstat, open, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { messageOf, preconditionError } from '../errors.ts'

/** The files of one backup, by what they are for. */
export interface Source {
  kind: 'export' | 'dump' | 'bench'
  directory: string
  /** The dump: of the site's schema alone, or of all databases. */
  database: string
  /** A tar with the site's folder in it, or two with its public and private files. */
  files: string[]
  /** What `bench backup` keeps of site_config.json beside its tars. */
  config?: string
  /** A tar of the assets volume. */
  assets?: string
}

const COMPRESSED = String.raw`(\.(gz|zst|xz))?`
const TAR = String.raw`\.(tgz|tar${COMPRESSED})$`
const DATABASE = new RegExp(String.raw`\.sql${COMPRESSED}$`)
const BENCH = {
  database: new RegExp(String.raw`-database\.sql${COMPRESSED}$`),
  files: new RegExp(`-(private-)?files${TAR}`),
  config: /-site_config_backup\.json$/,
}
const SITES = new RegExp(`sites.*${TAR}`)
const ASSETS = new RegExp(`assets.*${TAR}`)
/** GPG's, of `bench backup` with encryption switched on (frappe.utils.backups). */
const ENCRYPTED = /-enc\.|\.gpg$/

/**
 * Tell what the files of a directory are by their names.
 * @throws OperatorError (3) where something is missing or no plain file, or where more than one backup lies there.
 */
export async function readSource(directory: string): Promise<Source> {
  const names = await readdir(directory).catch((error) => {
    throw preconditionError(`${directory} cannot be read: ${messageOf(error)}`)
  })
  const source = sortFiles(directory, names.sort())
  // we are root, and whose directory it is nobody knows
  for (const file of [source.database, ...source.files, source.config, source.assets])
    if (file !== undefined && !(await lstat(file)).isFile())
      throw preconditionError(`${file} is not a plain file`, 'put the file itself there, and no link')
  return source
}

/** Pure. @throws OperatorError (3) */
export function sortFiles(directory: string, names: string[]): Source {
  const encrypted = names.find((name) => ENCRYPTED.test(name))
  if (encrypted) throw preconditionError(`${join(directory, encrypted)} is encrypted`, 'decrypt it with gpg first')
  const one = (what: string, pattern: RegExp) => {
    const found = names.filter((name) => pattern.test(name))
    if (found.length > 1)
      throw preconditionError(
        `${directory} holds ${found.length} files that may be ${what}: ${found.join(', ')}`,
        'put the files of one backup into a directory of their own',
      )
    return found[0] && join(directory, found[0])
  }
  const database = one('the database', DATABASE)
  if (!database) throw preconditionError(`${directory} holds no dump of a database (*.sql, *.sql.gz, *.sql.zst)`)
  const config = one('the site’s configuration', BENCH.config)
  if (config || BENCH.database.test(database)) {
    if (!config)
      throw preconditionError(`${directory} lacks *-site_config_backup.json: without its key no stored secret opens`)
    const files = names.filter((name) => BENCH.files.test(name)).map((name) => join(directory, name))
    if (files.length > 2) throw preconditionError(`${directory} holds the files of more than one backup`)
    refuseHalf(directory, [database, config, ...files], files)
    return { kind: 'bench', directory, database, files, config }
  }
  const sites = one('the site’s files', SITES)
  if (!sites) throw preconditionError(`${directory} holds no archive of the sites (*sites*.tar, .tar.gz, .tar.zst)`)
  const assets = one('the assets', ASSETS)
  return { kind: 'dump', directory, database, files: [sites], ...(assets && { assets }) }
}

/**
 * `bench backup --with-files` writes one archive of the public files and one of the private ones, all under one moment. One that was
 * forgotten, or is still being copied, would be missed by nobody until its documents are opened.
 */
function refuseHalf(directory: string, all: string[], files: string[]): void {
  const [only, second] = files
  if (only && !second)
    throw preconditionError(
      `${directory} holds ${basename(only)} alone: one archive of public files and one of private ones make a backup`,
      'put it there; where the documents shall come without any files, take both away',
    )
  const moments = new Set(all.map((file) => /\d{8}_\d{6}/.exec(basename(file))?.[0]).filter(Boolean))
  if (moments.size > 1)
    throw preconditionError(
      `${directory} holds files of several moments: ${[...moments].join(', ')}`,
      'put the files of one backup there; where these are meant to go together, rename them to one moment',
    )
}

/** The program that turns a file into what was compressed in it; told by its first bytes, whatever its name. */
export async function decompressor(file: string): Promise<string[]> {
  const handle = await open(file).catch((error) => {
    throw preconditionError(`${file} cannot be read: ${messageOf(error)}`)
  })
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0)
    if (bytesRead === 0) throw preconditionError(`${file} is empty`)
    const head = buffer.toString('hex')
    if (head.startsWith('1f8b')) return ['gzip', '-dc']
    if (head === '28b52ffd') return ['zstd', '-dc']
    if (head === 'fd377a58') return ['xz', '-dc']
    return ['cat']
  } finally {
    await handle.close()
  }
}
