/** Where a tenant's backups lie, and how restic is told without a login in an argument or an environment. */
import { lstat, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { preconditionError } from '../errors.ts'
import { learnSecret } from '../redact.ts'
import type { Tenant } from '../registry.ts'

export type Role = 'repository' | 'offsite'

/** A repository as the job's container meets it. */
export interface Place {
  readonly role: Role
  /** As the operator wrote it. */
  readonly location: string
  /** A directory of this machine, mounted into the job; none for a remote one. */
  readonly directory?: string
  /** Without a mark of ours: `/repository`, `rest:https://…`, `s3:…`, `sftp:…`. */
  readonly restic: string
}

/** The variable that places a tenant's repository: `BACKUP_REPOSITORY_DICKSON`. */
export const variableOf = (tenant: Pick<Tenant, 'name'>, role: Role) =>
  `BACKUP_${role.toUpperCase()}_${tenant.name.toUpperCase().replaceAll('-', '_')}`

/**
 * Where a tenant's backups lie: backups/<tenant> where nothing is said; nothing for an off-site copy that nobody wants.
 * @throws OperatorError (3) for a kind that is not supported, or a login in the location.
 */
export function placeOf(tenant: Tenant, role: Role): Place | undefined {
  const variable = variableOf(tenant, role)
  const location = tenant.settings.env[variable] ?? ''
  if (location === '' && role === 'offsite') return undefined
  if (location === '') return local(role, join(tenant.settings.home, 'backups', tenant.name))
  if (hasLogin(location)) {
    const file = basename(tenant.secret('backup_environment'))
    throw preconditionError(`${variable} holds a login`, `logins belong in secrets/${file}: see docs/backup.md`)
  }
  if (/^[./]/.test(location)) return local(role, resolve(tenant.settings.home, location))
  if (/^(s3|sftp|rest):\S+$/.test(location)) return { role, location, restic: location }
  throw preconditionError(`${variable} is none of: a path that begins with / or ./, s3:…, sftp:…, rest:…`)
}

function local(role: Role, directory: string): Place {
  return { role, location: directory, directory, restic: `/${role}` }
}

/** A user's name alone is no login for SFTP: the key is in a file. */
const hasLogin = (location: string) =>
  location.startsWith('sftp:') ? /\/\/[^/@\s]*:[^/@\s]*@/.test(location) : /:\/\/[^/@\s]+@/.test(location)

/** What opens a remote repository: file name below /run/erp → text; they travel by stdin into a tmpfs. */
export interface Keys {
  files: Record<string, string>
  /** Plain settings, such as a region. */
  environment: Record<string, string>
  login?: { user: string; password: string }
}

const PLAIN = ['AWS_DEFAULT_REGION', 'AWS_REGION']

/**
 * Read the optional secrets of a tenant's repositories.
 * @throws OperatorError (3) for a file that others can write, a link, or a name that we do not know.
 */
export async function readKeys(tenant: Tenant): Promise<Keys> {
  const values = parseEnvironment(await readOptional(tenant.secret('backup_environment')))
  const known = [...PLAIN, 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'RESTIC_REST_USERNAME', 'RESTIC_REST_PASSWORD']
  const strange = Object.keys(values).filter((name) => !known.includes(name))
  if (strange.length > 0) {
    const file = basename(tenant.secret('backup_environment'))
    const names = strange.map((name) =>
      /^[A-Z][A-Z0-9_]{2,39}$/.test(name) && name.includes('_') ? name : 'a line that is no setting',
    ) // but a secret
    throw preconditionError(`secrets/${file}: unknown ${names.join(', ')}; known: ${known.join(', ')}`)
  }
  const files: Record<string, string> = {}
  if (values.AWS_ACCESS_KEY_ID) {
    files.aws = `[default]\naws_access_key_id = ${values.AWS_ACCESS_KEY_ID}\naws_secret_access_key = ${values.AWS_SECRET_ACCESS_KEY ?? ''}\n`
  }
  for (const name of ['ssh_key', 'known_hosts']) {
    const text = await readOptional(tenant.secret(`backup_${name}`).replace(/\.txt$/, ''))
    if (text !== '') files[name] = text
  }
  const environment = Object.fromEntries(Object.entries(values).filter(([name]) => PLAIN.includes(name)))
  const login = values.RESTIC_REST_USERNAME
    ? { user: values.RESTIC_REST_USERNAME, password: values.RESTIC_REST_PASSWORD ?? '' }
    : undefined
  return { files, environment, ...(login && { login }) }
}

function parseEnvironment(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => line.trim())
  const pairs = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(pairs.map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]))
}

/** @throws OperatorError (3) for what is no plain file, or can be written by others. */
async function readOptional(file: string): Promise<string> {
  const stat = await lstat(file).catch(() => undefined)
  if (!stat) return ''
  const fault = !stat.isFile() ? 'is not a plain file' : (stat.mode & 0o022) !== 0 ? 'can be written by others' : ''
  if (fault) throw preconditionError(`secrets/${basename(file)} ${fault}`, 'correct this by hand')
  return readFile(file, 'utf8')
}

/** The location with its login, as a repository file holds it. */
export function withLogin({ restic }: Place, { login }: Keys): string {
  if (!login || !restic.startsWith('rest:')) return restic
  const { user, password } = login
  learnSecret(encodeURIComponent(password)) // as a complaint about the address would have it
  return restic.replace('://', `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`)
}
