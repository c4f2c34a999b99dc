/** Where this installation lives and what it is called: the environment and `.env`, read once and checked. */
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parse } from 'dotenv'
import { messageOf, preconditionError } from './errors.ts'

export interface Settings {
  /** The repository: compose.yml and what it mounts. */
  readonly root: string
  /** ERP_HOME: holds secrets/, state/ and backups/; the repository where nothing is said. */
  readonly home: string
  /** ERP_PREFIX: stands before every name of project, container, volume and network. */
  readonly prefix: string
  /** ERP_TENANTS: the registry file. */
  readonly registry: string
  /** The environment that every child process gets: `.env` under the real one, without what changes zx or npm. */
  readonly env: Record<string, string>
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** What a scratch stack's prefix ends in. */
export const DRILL = 'drill-'
const AMBIGUOUS = /[$#"'`\\\p{Cc}]/u
/** `https://user:password@host`, restic's `rest:https://…@host`, a token alone; but a user of SFTP, whose key is a file. */
const LOGIN_IN_URL = /:\/\/[^/\s@]+@/
const SFTP_USER = /^['"]?sftp:\/\/[^/:\s@]+@/

/**
 * Read the settings of the installation at `root`.
 * @throws OperatorError (3) for a `.env` that Compose and Node would read differently, or a bad ERP_PREFIX.
 */
export function readSettings(root: string, environment: NodeJS.ProcessEnv): Settings {
  const env = childEnvironment({ ...readEnvFile(resolve(root, '.env')), ...environment })
  const prefix = env.ERP_PREFIX ?? ''
  if (!/^([a-z][a-z0-9-]*-)?$/.test(prefix) || prefix.length > 30) {
    throw preconditionError(
      `ERP_PREFIX is ${JSON.stringify(prefix)}: it must be lower-case letters, digits and dashes, ending in a dash`,
    )
  }
  if (`-${prefix}`.endsWith(`-${DRILL}`))
    throw preconditionError(`ERP_PREFIX may not end in ${DRILL}: drills remove what has such a name`)
  const home = resolve(root, env.ERP_HOME || '.')
  const registry = resolve(root, env.ERP_TENANTS || 'tenants.ts')
  return {
    root,
    home,
    prefix,
    registry,
    env: { ...env, ERP_HOME: home, ERP_PREFIX: prefix, ERP_MACHINE: machineName(env.ERP_MACHINE || hostname()) },
  }
}

/** A machine's name as a container may bear it: restic's locks say who holds a repository. */
const machineName = (name: string) => name.replace(/[^A-Za-z0-9-]/g, '-').slice(0, 40) || 'machine'

/** The environment for children: npm's and zx's own variables removed, PATH never empty. */
function childEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(ZX_|npm_|NODE_OPTIONS$|COMPOSE_PROFILES$)/.test(entry[0]),
  )
  const env = Object.fromEntries(kept)
  return { ...env, PATH: env.PATH || PATH }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw preconditionError(`.env cannot be read: ${messageOf(error)}`, undefined, error)
  }
}

/** Compose and dotenv disagree on `$ # " ' \` and the backquote: such a value is refused, naming its line. */
function readEnvFile(file: string): Record<string, string> {
  if (!existsSync(file)) return {}
  const text = readText(file)
  const faults = text.split('\n').flatMap((line, index) => {
    const value = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*?)\r?$/.exec(line)
    if (/^\s*(#|$)/.test(line)) return []
    if (!value?.[1] || value[2] === undefined) return [`line ${index + 1}: not NAME=value`]
    if (AMBIGUOUS.test(value[2])) return [`line ${index + 1}: ${value[1]} holds one of $ # " ' \` \\`]
    const text = value[2].trim()
    if (LOGIN_IN_URL.test(text) && !SFTP_USER.test(text))
      return [`line ${index + 1}: ${value[1]} is a URL with a login in it`]
    return []
  })
  if (faults.length > 0) {
    throw preconditionError(
      `.env: ${faults.join('; ')}`,
      'write plain values there (Compose and Node read quoting differently); passwords belong in secrets/',
    )
  }
  return parse(text)
}
