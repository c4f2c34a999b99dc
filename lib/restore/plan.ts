/** What a restore would bring and what it would lose: read from the repository and the live tenant, before anything is touched. */

import { type Backup, chooseBackup, readCatalogue, TAG } from '../backup/catalogue.ts'
import { fingerprint, type Manifest, parseManifest, parseSiteConfig, type SiteConfig } from '../backup/manifest.ts'
import { type Answers, askBooks, type Proof, parseProof } from '../backup/proof.ts'
import { isFailure, OperatorError, orElse, preconditionError } from '../errors.ts'
import { askLive, isAwake } from '../mariadb.ts'
import { gib } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import type { Repository } from '../restic/client.ts'
import { listFiles, listSnapshots, readSnapshotFile, type Snapshot } from '../restic/snapshots.ts'
import { refuseNewer } from '../versions.ts'

/** A backup that was read, proven by what it holds, and may be restored. */
export interface Choice {
  backup: Backup
  manifest: Manifest
  proof: Proof
  config: SiteConfig
  bytes: number
}

/** What exists now and the backup does not have. */
export interface Losses {
  /** Documents by doctype. */
  documents: Record<string, number>
  /** Numbers given out since, by series: they will be given out again. */
  numbers: Record<string, { from: number; to: number }>
}

/**
 * Read the backup that was asked for, and refuse what does not belong here or was not proven.
 * @param apps versions of the image's apps
 * @throws OperatorError (3) for a backup that may not be restored, (1) for one that is damaged.
 */
export async function readChoice(
  repository: Repository,
  wanted: string,
  apps: Record<string, string>,
): Promise<Choice> {
  const { tenant, place } = repository
  const list = `npx zx scripts/restore.ts ${tenant.name} --list${place.role === 'offsite' ? ' --offsite' : ''}`
  const snapshots = await listSnapshots(repository, wanted === 'latest' ? undefined : () => {}).catch((error) => {
    if (!isFailure(error) || wanted !== 'latest') throw error
    throw new OperatorError(error.message, { code: error.code, hint: `${list}, then --snapshot ID`, cause: error })
  })
  refuseForeign(repository, snapshots)
  const backup = chooseBackup(readCatalogue(snapshots, tenant.name), wanted, list, Date.now())
  const text = await readSnapshotFile(repository, backup.id, '/manifest.json')
  const manifest = parseManifest(text)
  const proof = parseProof(await readSnapshotFile(repository, backup.proof, '/proof.json'), backup.original, text)
  refuseTenant(tenant, manifest, proof)
  await refuseParts(repository, backup.id)
  const file = `/sites/${tenant.site}/site_config.json`
  const config = parseSiteConfig(tenant, await readSnapshotFile(repository, backup.id, file))
  refuseKey(tenant, manifest, config)
  refuseNewer(tenant, manifest.apps, apps)
  const bytes = snapshots.find(({ id }) => id === backup.id)?.summary?.total_bytes_processed ?? manifest.databaseBytes
  return { backup, manifest, proof, config, bytes }
}

/** Nothing else could tell the books of two tenants apart. */
const RENAMED = 'a tenant keeps its name in tenants.ts for good; with the old one there it is restored'

/** A repository that holds another tenant's backups alone is not this one's, whatever its password. @throws OperatorError (3) */
export function refuseForeign({ tenant, place }: Pick<Repository, 'tenant' | 'place'>, snapshots: Snapshot[]): void {
  const hosts = snapshots.flatMap(({ hostname, tags }) => (tags?.includes(TAG.backup) ? [hostname] : []))
  const other = hosts.find((host) => host !== tenant.name)
  if (other && !hosts.includes(tenant.name))
    throw preconditionError(
      `the ${place.role} ${place.location} holds backups of ${other}, not of ${tenant.name}`,
      RENAMED,
    )
}

/** @throws OperatorError (3) that names both tenants. There is no way around it: another's books belong nowhere here. */
export function refuseTenant(tenant: Tenant, manifest: Manifest, proof: Proof): void {
  const other = [manifest.tenant, proof.tenant].find((name) => name !== tenant.name)
  if (other) throw preconditionError(`this is a backup of ${other}, not of ${tenant.name}`, RENAMED)
  if (manifest.site === tenant.site) return
  throw preconditionError(`this is a backup of the site ${manifest.site}; ${tenant.name} has ${tenant.site}`)
}

/** Nothing is missing, and nothing is there that we did not put in. */
async function refuseParts(repository: Repository, id: string): Promise<void> {
  const { site } = repository.tenant
  const found = (await listFiles(repository, id, ['/', '/sites'])).map(({ path }) => path)
  const wanted = ['/assets', '/db', '/manifest.json', '/sites', `/sites/${site}`]
  const faults = [
    ...wanted.filter((path) => !found.includes(path)).map((path) => `${path} is missing`),
    ...found.filter((path) => !wanted.includes(path)).map((path) => `${path} is not ours`),
  ]
  if (faults.length > 0) throw preconditionError(`snapshot ${id.slice(0, 8)} is no backup: ${faults.join(', ')}`)
}

/**
 * Compared before anything opens the site: a site without a key makes itself a new one, and every stored secret is lost.
 * @throws OperatorError (3)
 */
export function refuseKey(tenant: Tenant, manifest: Manifest, config: SiteConfig): void {
  if (config.db_name !== manifest.schema)
    throw preconditionError(`${tenant.name}: site_config.json of the backup names another schema than its manifest`)
  if (fingerprint(config.encryption_key) === manifest.keyFingerprint) return
  const has = config.encryption_key ? 'holds another encryption key' : 'holds no encryption key'
  throw preconditionError(`${tenant.name}: site_config.json of the backup ${has} than its manifest says`)
}

/** The running database and the live site's key, asked as the backup was; nothing where the database does not answer. */
export async function askLiveBooks(tenant: Tenant, live: SiteConfig | undefined): Promise<Answers | undefined> {
  if (!live?.db_name || !(await isAwake(tenant))) return undefined
  return orElse(askBooks(askLive(tenant), live.db_name, live.encryption_key), undefined)
}

/** What the live books have beyond the backup's. Pure. */
export function losses(live: Answers, backup: Answers): Losses {
  const documents = Object.entries(live.doctypes).flatMap(([doctype, { rows }]) => {
    const more = rows - (backup.doctypes[doctype]?.rows ?? 0)
    return more > 0 ? [[doctype, more] as const] : []
  })
  const given = Object.entries(live.series).flatMap(([series, current]) => {
    const [from, to] = [Number(backup.series[series] ?? 0), Number(current)]
    return to > from ? [[series, { from: from + 1, to }] as const] : []
  })
  return { documents: Object.fromEntries(documents), numbers: Object.fromEntries(given) }
}

/** The plan as a person reads it before consent. */
export function renderPlan(tenant: Tenant, choice: Choice, lost: Losses | undefined, there: There): string {
  const { backup, manifest, bytes } = choice
  const { mails = 0 } = choice.proof
  const versions = Object.entries(manifest.apps).map(([app, version]) => `${app} ${version}`)
  return [
    `${tenant.name}: ${tenant.site} would become what it was at ${manifest.at}`,
    `  backup     ${backup.id.slice(0, 8)}, verified ${choice.proof.at}, ${gib(bytes)}, ${versions.join(', ')}`,
    ...(mails > 0 ? [`  sends      ${mails} mails that waited then, again where they were sent since`] : []),
    ...renderLoss(lost, there),
  ].join('\n')
}

/** What lies there now. */
export interface There {
  /** A database. */
  hasData: boolean
  /** The site's folder, with or without a database. */
  hasSite: boolean
  /** Why no backup can be made of it: a database without a site. */
  half?: string
  /** Background jobs that wait or run. */
  jobs?: number
  /** Other sites of its bench: their databases lie beside its own, and go with it. */
  others?: string[]
  /** What an earlier restore has kept, and whether a backup has that as well: one thing is kept, this makes room for the next. */
  keeps?: Kept
}

export interface Kept {
  /** UTC, ISO 8601; nothing where the ledger knows nothing of it. */
  at?: string
  /** Until when a backup has what was booked there; nothing where there is none. */
  saved?: string
  /** A site's folder alone, which had no database: no undo brings it back. */
  files?: boolean
}

/** What would be lost of what is there. @param lost nothing where it is not known */
export function renderLoss(lost: Losses | undefined, { hasData, hasSite, half, jobs = 0, keeps }: There): string[] {
  const week = 'until the first verified backup after seven days'
  const gone = keeps ? [`  gone       for good: ${describeKept(keeps)}`] : []
  if (hasData) {
    const lines = lost
      ? renderLosses(lost)
      : [`  lost       not known: ${half ?? 'its database does not answer, or its schema cannot be read'}`]
    const waiting =
      jobs > 0 ? [`  ended      ${jobs} background jobs that wait or run: they are lost, whatever comes up`] : []
    return [...lines, ...waiting, `  kept       what is replaced, for --undo, ${week}`, ...gone]
  }
  if (!hasSite) return ['  lost       nothing: there is no data here', ...gone]
  return [
    "  lost       not known: there is no database, and files that the backup lacks may be in the site's folder",
    `  kept       that folder, as previous/ in the volume of the sites, ${week}; without its database no --undo`,
    ...gone,
  ]
}

/** What the next restore removes. */
export const describeKept = ({ at, saved, files = false }: Kept) =>
  [
    `${files ? "the site's folder that" : 'what'} ${at ? `the restore of ${minute(at)}` : 'an earlier restore'} replaced`,
    saved ? `which a backup has as it was at ${minute(saved)}` : 'of which there is no backup',
  ].join(', ')

const minute = (at: string) => `${at.slice(0, 16)}Z`

function renderLosses({ documents, numbers: given }: Losses): string[] {
  const rows = Object.entries(documents).map(([doctype, count]) => `${count} ${doctype}`)
  const series = Object.entries(given).map(([name, { from, to }]) => `${name}${from} to ${to}`)
  return [
    `  lost       ${rows.length > 0 ? `${rows.join(', ')}, and changes to what stays` : 'no document; changes to what stays'}`,
    ...(series.length > 0 ? [`  given out  again: ${series.join(', ')}`] : []),
  ]
}

/** Names are a tenant's own text: what a shell would obey is not offered to be typed. */
export function openAgain({ name }: Pick<Tenant, 'name'>, users: string[]): string[] {
  if (users.length === 0) return []
  const plain = users.filter((user) => /^\w[\w.+@-]*$/.test(user)).slice(0, 20)
  const said = `${users.length} users can sign in again whose accounts were closed since`
  if (plain.length === 0) return [said]
  const those = plain.length < users.length ? `; ${plain.length} of them` : ''
  return [`${said}${those}: npx zx scripts/users.ts ${name} disable ${plain.join(' ')}`]
}
