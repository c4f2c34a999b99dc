/** The files in secrets/: made once, never overwritten, refused when anybody else could read or change them. */
import { randomBytes } from 'node:crypto'
import { link, lstat, open, readdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readLedger } from './backup/ledger.ts'
import { volumeNames } from './docker.ts'
import { messageOf, preconditionError } from './errors.ts'
import { makeDirectory, syncToDisk, writeAtomically } from './files.ts'
import { learnSecret } from './redact.ts'
import { ALL_CORE_SECRETS, makeCore, type RedisPart, TENANT_SECRETS, type Tenant, type Unit } from './registry.ts'
import type { Settings } from './settings.ts'

/** 24 random bytes as 48 hexadecimal digits: 192 bits that no shell, URL or parser can misread. */
const BYTES = 24
const LONG_ENOUGH = /^(?![0-9a-f]{0,47}$)[A-Za-z0-9]{33,}$/i

/** A password that was given to something which keeps it: a new one would lock us out of the volume's data. */
const KEPT_BY: Partial<Record<string, string>> = {
  db_password: 'db-data',
  admin_password: 'sites-data',
  authentik_db_password: 'authentik-db-data',
  authentik_secret_key: 'authentik-db-data',
  uptime_kuma_admin_password: 'uptime-kuma-data',
}

/** Those that a restore or a takeover makes good: it gives the database this root password, and the site keeps its own users. */
const MADE_GOOD = ['db_password', 'admin_password']

/** The secrets of a tenant, or of core. */
const secretNames = ({ name }: Unit): readonly string[] => (name === 'core' ? ALL_CORE_SECRETS : TENANT_SECRETS)

const secretsDirectory = (settings: Settings) => join(settings.home, 'secrets')

/** What generate-secrets did with one file. */
export interface MadeSecret {
  file: string
  made: boolean
}

/**
 * Make the missing secrets of tenants and core and keep the rest. One caller at a time: what an earlier one left half-written goes.
 * @param how `anew`: also where data lies under a lost password that a restore or a takeover will make good
 * @throws OperatorError (3) for a faulty directory or file, or where a volume already holds data under a lost password.
 */
export async function generateSecrets(
  units: Unit[],
  settings: Settings,
  { dryRun, anew }: { dryRun: boolean; anew: boolean },
): Promise<MadeSecret[]> {
  const directory = secretsDirectory(settings)
  const files = units.flatMap((unit) => secretNames(unit).map((name) => ({ unit, name, file: unit.secret(name) })))
  const present = await Promise.all(files.map(({ file }) => exists(file)))
  const missing = files.filter((_, index) => !present[index])
  if (await exists(directory)) refuse(await directoryFaults(directory))
  refuse(await fileFaults(files.filter((_, index) => present[index]).map(({ file }) => file)))
  const kept = missing.filter(({ name }) => !(anew && MADE_GOOD.includes(name)))
  if (kept.length > 0) await refuseLost(kept)
  if (!dryRun) {
    await makePrivateDirectory(directory)
    await removePartials(directory)
    for (const { file } of missing) await writeOnce(file, randomBytes(BYTES).toString('hex'))
  }
  return files.map(({ file }, index) => ({ file: basename(file), made: present[index] !== true }))
}

/**
 * Refuse to start on missing, empty, weak, open, linked or shared secrets. Looks at every tenant's files, since sharing
 * is between tenants.
 * @param names what is needed; all of them where nothing is said
 * @throws OperatorError (3) that lists all of it.
 */
export async function verifySecrets(unit: Unit, registry: Tenant[], names = secretNames(unit)): Promise<void> {
  if (names.length === 0) return
  const directory = secretsDirectory(unit.settings)
  const hint = `npx zx scripts/generate-secrets.ts ${unit.name}`
  if (!(await exists(directory))) throw preconditionError(`${directory} does not exist`, hint)
  refuse(await directoryFaults(directory))
  const own = names.map((name) => unit.secret(name))
  const missing = (await Promise.all(own.map(exists))).flatMap((found, index) =>
    found ? [] : [basename(own[index] ?? '')],
  )
  if (missing.length > 0) throw preconditionError(`${unit.name}: missing in secrets/: ${missing.join(', ')}`, hint)
  refuse(await fileFaults(own))
  refuse(await sharedValues(unit, registry))
}

/** Read a secret that verifySecrets has passed. */
export async function readSecret(file: string): Promise<string> {
  return readFile(file, 'utf8')
}

/**
 * Whether the password of a Redis was renewed and what runs has not taken it up: whom that was to shut out still comes in.
 * @param used the password that is in use
 * @returns the file's name; nothing where it holds the same, is missing or cannot be read
 */
export async function renewedPassword(tenant: Tenant, part: RedisPart, used: string): Promise<string | undefined> {
  const file = tenant.secret(`${part.replace('-', '_')}_password`)
  const value = await readFile(file, 'utf8').catch(() => used)
  return value === used ? undefined : basename(file)
}

/** Put a new value in the place of an old one, whole; whoever has the file mounted goes on with the old. Returns it. */
export async function replaceSecret(file: string): Promise<string> {
  const value = randomBytes(BYTES).toString('hex')
  learnSecret(value)
  await writeAtomically(file, value, 0o444)
  return value
}

function refuse(faults: string[]): void {
  if (faults.length > 0) throw preconditionError(faults.join('; '), 'nothing was changed; correct this by hand')
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

async function directoryFaults(directory: string): Promise<string[]> {
  const stat = await lstat(directory)
  if (!stat.isDirectory()) return [`${directory} is not a directory`]
  if ((stat.mode & 0o077) !== 0) {
    return [`${directory} is open to others (mode ${(stat.mode & 0o777).toString(8)}): chmod 700 ${directory}`]
  }
  return []
}

async function fileFaults(files: string[]): Promise<string[]> {
  const faults = await Promise.all(files.map(async (file) => ({ name: basename(file), fault: await faultOf(file) })))
  return faults.flatMap(({ name, fault }) => (fault ? [`secrets/${name} ${fault}`] : []))
}

async function faultOf(file: string): Promise<string | undefined> {
  const stat = await lstat(file)
  if (stat.isSymbolicLink()) return 'is a link'
  if (!stat.isFile()) return 'is not a plain file'
  if ((stat.mode & 0o022) !== 0) return `can be written by others (mode ${(stat.mode & 0o777).toString(8)})`
  if ((stat.mode & 0o004) === 0) return 'cannot be read by the containers (chmod 444; the directory keeps others out)'
  const value = await readFile(file, 'utf8')
  if (value.trim() === '') return 'is empty'
  if (/[^A-Za-z0-9]/.test(value)) return 'holds something other than letters and digits (a line end, a space, a mark?)'
  if (!LONG_ENOUGH.test(value)) return 'is shorter than 192 bits'
  return undefined
}

/** Equal values, within a tenant and between tenants. */
async function sharedValues(unit: Unit, registry: Tenant[]): Promise<string[]> {
  const files = [...registry, makeCore(unit.settings)].flatMap((other) =>
    secretNames(other).map((name) => ({ owner: other.name, file: other.secret(name) })),
  )
  const read = await Promise.all(files.map(async ({ owner, file }) => ({ owner, file, value: await readPlain(file) })))
  return read.flatMap((one, index) => {
    const first = read.findIndex(({ value }) => value !== '' && value === one.value)
    const twin = read[first]
    const concerns = one.owner === unit.name || twin?.owner === unit.name
    return twin && first < index && concerns
      ? [`secrets/${basename(one.file)} has the same value as secrets/${basename(twin.file)}`]
      : []
  })
}

/** The value of a plain file; nothing of a FIFO, which would wait for ever, or of a link. */
async function readPlain(file: string): Promise<string> {
  const stat = await lstat(file).catch(() => undefined)
  return stat?.isFile() ? readFile(file, 'utf8') : ''
}

/** @throws OperatorError (3) that lists the files, and the way on where there is one without them. */
async function refuseLost(missing: { unit: Unit; name: string }[]): Promise<void> {
  const lost = (await Promise.all(missing.map(lostPassword(await volumesHere())))).filter((one) => one !== undefined)
  if (lost.length === 0) return
  const good = lost.find(({ name }) => MADE_GOOD.includes(name))
  const page = `docs/trouble.md#${lost.every(({ unit }) => unit.name === 'core') ? 'cores-own' : 'secrets-are-lost'}`
  const way = good
    ? `for a takeover, or without it: npx zx scripts/generate-secrets.ts ${good.unit.name} --anew: ${page}`
    : `without it: ${page}`
  throw preconditionError(
    lost.map(({ fault }) => fault).join('; '),
    `nothing was changed; put the old file back; ${way}`,
  )
}

async function volumesHere(): Promise<Set<string>> {
  return volumeNames().catch((error) => {
    throw preconditionError(
      `the engine cannot be asked whether data already exists under a lost password: ${messageOf(error)}`,
      'start Docker, then try again',
      error,
    )
  })
}

/** What already holds data under a secret that is missing. */
const lostPassword = (volumes: Set<string>) => async (missing: { unit: Unit; name: string }) => {
  const { unit, name } = missing
  const volume = unit.volume(KEPT_BY[name] ?? '')
  const kept = KEPT_BY[name] !== undefined && volumes.has(volume) ? `volume ${volume}` : undefined
  const holder = name === 'backup_password' ? await knownRepository(unit) : kept
  const file = basename(unit.secret(name))
  return holder
    ? { ...missing, fault: `secrets/${file} is missing, but ${holder} already holds data under it` }
    : undefined
}

async function knownRepository({ settings, name, state }: Unit): Promise<string | undefined> {
  if (await exists(join(settings.home, 'backups', name, 'config'))) return `backups/${name}`
  const { repository, offsiteRepository } = await readLedger({ state }) // wherever it is
  const known = (repository ?? offsiteRepository)?.location
  return known && `${known} (to begin anew without those backups: move ${state('ledger.json')} away)`
}

async function makePrivateDirectory(directory: string): Promise<void> {
  await makeDirectory(directory)
  refuse(await directoryFaults(directory))
}

async function removePartials(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.partial'))
  await Promise.all(names.map((name) => rm(join(directory, name), { force: true })))
}

/**
 * Write a new file whole or not at all: beside it, to the disk, then linked into place. Another writer who was first wins.
 * @throws OperatorError (3) where the directory cannot take it.
 */
export async function writeOnce(file: string, value: string): Promise<void> {
  const beside = `${file}.${randomBytes(6).toString('hex')}.partial`
  try {
    const handle = await open(beside, 'wx', 0o600)
    try {
      await handle.writeFile(value)
      await handle.chmod(0o444)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(beside, file).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
    await syncToDisk(dirname(file))
  } catch (error) {
    throw preconditionError(`${file} cannot be written: ${messageOf(error)}`, undefined, error)
  } finally {
    await rm(beside, { force: true })
  }
}
