/** Loads a dump into an empty database of its own beside the live one: made as a first start makes it, reached by nobody. */

import type { SiteConfig } from '../backup/manifest.ts'
import { type Answers, askBooks, unopened } from '../backup/proof.ts'
import { composeArgs } from '../compose.ts'
import { dockerExec, lastLines } from '../docker.ts'
import { OperatorError, preconditionError } from '../errors.ts'
import { jobName, withContainer } from '../jobs.ts'
import { type Ask, END_SERVER, heldServer, query } from '../mariadb.ts'
import type { Tenant } from '../registry.ts'
import { appVersions, refuseNewer } from '../versions.ts'
import { decompressor } from './source.ts'

const HOUR = 3600
/** Seconds in which an empty database is made. */
const FIRST_START = 300
const CLIENT = ['mariadb', '--defaults-file=/tmp/root.cnf', '--default-character-set=utf8mb4']

/**
 * The image's own entrypoint makes the accounts; its shell becomes the server once it has. The password shows nowhere: the
 * entrypoint puts it into its environment, and forgets it by its last act, as at a first start (tenant/db-entrypoint.sh).
 */
const SERVER = heldServer(
  [
    "echo 'unset MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD' >/docker-entrypoint-initdb.d/finished.sh",
    'docker-entrypoint.sh mariadbd --datadir=/var/lib/mysql/incoming --skip-networking --innodb-buffer-pool-size=256M --innodb-flush-log-at-trx-commit=0 --max-allowed-packet=1G >&2',
  ].join('\n'),
  '[ "$(cat /proc/$server/comm)" = mariadbd ] && mariadb -Ne "select 1"',
  'umask 077; { printf "[client]\\nuser=root\\npassword="; cat /run/secrets/db_password; echo; } >/tmp/root.cnf',
)

/**
 * Of a dump of all databases the section of one schema alone passes; the dump must be whole (its last line says so).
 * A line of data never begins like this: a dump writes line ends in strings as \n.
 */
const SECTION = [
  'BEGIN { keep = 1 }',
  '/^-- Current Database: `/ || /^USE `/ { split($0, part, "`"); keep = (part[2] == schema); next }',
  '/^CREATE DATABASE / { next }',
  '$0 != "" { whole = ($0 ~ /^-- Dump completed/) }',
  'keep',
  'END { exit whole ? 0 : 9 }',
].join('\n')

/**
 * Make a database in incoming/, make the site's user, load the dump.
 * @param apps versions of the image's apps
 * @returns what the books answer
 * @throws OperatorError (1) where the dump is cut short or refused by the server, (3) where it is newer than the image or
 *   the key does not open its secrets; the live data is untouched.
 */
export async function loadDatabase(
  tenant: Tenant,
  file: string,
  config: SiteConfig,
  apps: Record<string, string>,
): Promise<Answers> {
  const name = jobName(tenant, 'import-db')
  const run = ['run', '--rm', '-T', '--interactive', '--no-deps', '--name', name, '--entrypoint', 'bash']
  const args = composeArgs(tenant, ...run, tenant.service('db'), '-c', SERVER)
  const schema = config.db_name ?? ''
  return withContainer(args, name, FIRST_START, async (job) => {
    const ask: Ask = (sql) => query(name, sql, CLIENT)
    await ask(`create database \`${schema}\` character set utf8mb4 collate utf8mb4_unicode_ci;\n${userSql(config)}`)
    await load(name, file, schema)
    const tables = await ask(`select count(*) from information_schema.tables where table_schema='${schema}'`)
    if (tables[0]?.[0] === '0') throw preconditionError(`${file} holds nothing of ${schema}, the schema of the site`)
    refuseNewer(tenant, await appVersions(ask, schema), apps)
    const answers = await askBooks(ask, schema, config.encryption_key)
    refuseWrongKey(tenant, answers)
    await ask('shutdown')
    await job.exec(['bash', '-c', END_SERVER], { timeout: 600 }) // its log was not written at each commit
    return answers
  })
}

/** @throws OperatorError (3): with another key every stored password is lost. */
export function refuseWrongKey(tenant: Tenant, answers: Answers): void {
  const { stored, opened } = answers.secrets
  if (stored > 0 && opened === 0) throw preconditionError(`${tenant.name}: ${unopened(answers)}`)
}

/** The site's own account, as frappe makes it with the login scope `%`. */
export function userSql({ db_name = '', db_user, db_password = '' }: SiteConfig): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`
  const account = `${quoted(db_user ?? db_name)}@'%'`
  return [
    `create or replace user ${account} identified by ${quoted(db_password)};`,
    `grant all privileges on \`${db_name}\`.* to ${account};`,
  ].join('\n')
}

async function load(container: string, file: string, schema: string): Promise<void> {
  const client = `${CLIENT.join(' ')} --max-allowed-packet=1G "$schema"`
  const script = `set -euo pipefail; schema=$1 section=$2; shift 2; "$@" | LC_ALL=C awk -v schema="$schema" "$section" | ${client}`
  const command = ['bash', '-c', script, 'bash', schema, SECTION, ...(await decompressor(file))]
  const { code, stderr } = await dockerExec(container, command, { inputFile: file, timeout: 12 * HOUR, nothrow: true })
  if (code === 0) return
  const why = code === 9 ? 'it is cut short: its last line is not "Dump completed"' : lastLines(stderr, 1)
  throw new OperatorError(`${file} was not loaded: ${why}`)
}
