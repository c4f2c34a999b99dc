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

/** @throws OperatorError (1); the message does not quote the file, which holds passwords. */
export function parseSiteConfig(tenant: Tenant, text: string): SiteConfig {
  try {
    const config = JSON.parse(text) as SiteConfig
    for (const secret of [config.db_password, config.encryption_key]) if (secret) learnSecret(secret)
    if (/^\w+$/.test(config.db_name ?? '')) return config
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
