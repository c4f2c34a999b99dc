/** What a snapshot says of itself: which tenant, which versions, which key. It lies in the snapshot as manifest.json. */
import { createHash } from 'node:crypto'
import { OperatorError } from '../errors.ts'
import type { Ask, DatabaseCopy } from '../mariadb.ts'
import { learnSecret } from '../redact.ts'
import type { Tenant } from '../registry.ts'
import { appVersions } from '../versions.ts'

const FORMAT = 1

export interface Manifest {
  format: number
  tenant: string
  site: string
  /** The schema of the site. */
  schema: string
  /** UTC, ISO 8601: when the copy was whole. */
  at: string
  /** Image references by part. */
  images: { erpnext: string; mariadb: string }
  /** Version by app. */
  apps: Record<string, string>
  server: string
  lsn: string
  databaseBytes: number
  /** SHA-256 of the site's encryption key; null where the site has none yet. */
  keyFingerprint: string | null
  /** Settings of the whole bench that are not the configurator's, such as whether server scripts run; values may be secrets. */
  bench?: Record<string, unknown>
}

/** What we read of a site's site_config.json. Its values are secrets. */
export interface SiteConfig {
  db_name?: string
  /** Where it is not the schema's name. */
  db_user?: string
  db_password?: string
  encryption_key?: string
  maintenance_mode?: number
}

/** What all sites of a bench share. */
export const COMMON_CONFIG = 'common_site_config.json'

/** Settings of a site that say where its stack has its services: those of another lead nowhere. */
export const OF_ITS_STACK = /^(db_host|db_port|db_socket|redis_\w+|socketio_port|webserver_port|chromium_path)$/
/** The same of a whole bench, with the ways in to them, and what would keep every site of it closed. */
const OF_ITS_BENCH =
  /^((db|redis|root)_\w+|(rq|use_rq|use_redis)_(username|password|auth)|(socketio|webserver|file_watcher|https?)_port|admin_password|chromium_path|maintenance_mode)$/

/** What somebody has set for the whole bench, besides what each stack has its own of; nothing where the text is no such file. */
export function benchSettings(text = '{}'): Record<string, unknown> | undefined {
  try {
    return Object.fromEntries(Object.entries(JSON.parse(text)).filter(([name]) => !OF_ITS_BENCH.test(name)))
  } catch {
    return undefined
  }
}

/** @throws OperatorError (1); the message does not quote the file, which holds passwords. */
export function parseSiteConfig(tenant: Tenant, text: string): SiteConfig {
  try {
    const config = JSON.parse(text) as SiteConfig
    const { db_name, db_user, db_password, encryption_key } = config
    for (const secret of [db_password, encryption_key]) if (secret) learnSecret(secret)
    const texts = [db_name, db_user, db_password, encryption_key].filter((value) => value !== undefined)
    if (texts.every((value) => typeof value === 'string') && /^\w+$/.test(db_name ?? '')) return config
  } catch {}
  throw new OperatorError(`${tenant.name}: site_config.json of ${tenant.site} is not usable`)
}

/** A key is told apart by this; it cannot be found from it. */
export const fingerprint = (key: string | undefined) => (key ? createHash('sha256').update(key).digest('hex') : null)

/** Write the manifest of a copy. */
export async function makeManifest(
  tenant: Tenant,
  copy: DatabaseCopy,
  config: SiteConfig,
  bench: Manifest['bench'],
  images: Manifest['images'],
  ask: Ask,
): Promise<Manifest> {
  const schema = config.db_name ?? ''
  return {
    format: FORMAT,
    tenant: tenant.name,
    site: tenant.site,
    schema,
    at: new Date().toISOString(),
    images,
    apps: await appVersions(ask, schema),
    server: copy.server,
    lsn: copy.lsn,
    databaseBytes: copy.bytes,
    keyFingerprint: fingerprint(config.encryption_key),
    ...(bench && Object.keys(bench).length > 0 && { bench }),
  }
}

/** @throws OperatorError (1) where the text is no manifest of ours. */
export function parseManifest(text: string): Manifest {
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.format === FORMAT && /^\w+$/.test(manifest.schema) && manifest.tenant) return manifest
  } catch {}
  throw new OperatorError('the snapshot has no manifest of ours')
}
