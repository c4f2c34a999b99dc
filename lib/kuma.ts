/** Uptime Kuma: what it watches follows from the registry, and each tenant's backup reports to it. */
import { lstat, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { giveOrder } from './order.ts'
import { learnSecret } from './redact.ts'
import type { Tenant, Unit } from './registry.ts'
import { readSecret, writeOnce } from './secrets.ts'

/** A monitor as core/uptime-kuma/monitors.mjs keeps it: what is not among its settings is the operator's. */
export interface Monitor {
  /** By this it is known again, whatever becomes of its name and address. */
  key: string
  settings: { name: string; type: 'keyword' | 'push'; interval: number } & Record<string, unknown>
}

const backupOf = ({ name }: Tenant) => `${name} backup`

/** One monitor for each host, as a visitor meets it, and one for each backup, which reports by itself. Pure. */
export function wantedMonitors(registry: readonly Tenant[]): Monitor[] {
  return registry.flatMap((tenant) => {
    const { name, site, posHost, objectives } = tenant
    const host = (kind: string, address: string): Monitor => ({
      key: `${name} ${kind}`,
      settings: {
        name: `${name}: ${address}`,
        type: 'keyword',
        method: 'GET',
        url: `https://${address}/api/method/ping`,
        keyword: 'pong',
        accepted_statuscodes: ['200'],
        maxredirects: 0,
        ignoreTls: false,
        expiryNotification: true,
        interval: 60,
        retryInterval: 60,
        maxretries: 2, // a restart is no outage
        timeout: 20,
      },
    })
    const interval = objectives.maxBackupAgeHours * 3600
    const backup: Monitor = {
      key: backupOf(tenant),
      settings: { name: `${name}: backup`, type: 'push', interval, retryInterval: interval, maxretries: 0 },
    }
    return [host('erp', site), host('pos', posHost), backup]
  })
}

/** What monitors.mjs answers. */
interface Kept {
  changed: string[]
  /** Of each push monitor, by its key. */
  tokens: Record<string, string>
  /** Ours, of tenants that are gone. */
  stale: string[]
}

/**
 * Have Kuma watch what the registry says, and give each backup the address to which it reports where it has none.
 * @returns the names of the monitors that were made or changed
 * @throws OperatorError (3) where Kuma refuses or does not run, (1) where it fails
 */
export async function keepMonitors(
  core: Unit,
  registry: readonly Tenant[],
  domain: string,
  warn: (line: string) => void,
): Promise<string[]> {
  const password = await readSecret(core.secret('uptime_kuma_admin_password'))
  const order = { password, monitors: wantedMonitors(registry) }
  const help = 'see docs/monitoring.md#uptime-kuma'
  const taker = { owner: 'core', name: 'Uptime Kuma', remedy: help, refused: help }
  const program = ['node', '/opt/erp/monitors.mjs']
  const kept = await giveOrder<Kept>(core.container('uptime-kuma'), program, order, taker)
  for (const name of kept.stale)
    warn(`Uptime Kuma still watches ${name}, which is in the registry no more: remove it there`)
  for (const tenant of registry) {
    const token = kept.tokens[backupOf(tenant)] ?? ''
    learnSecret(token)
    await reportTo(tenant, `https://status.${domain}/api/push/${token}`, warn)
  }
  return kept.changed
}

/** An address that is there already is the operator's, and stays. */
async function reportTo(tenant: Tenant, address: string, warn: (line: string) => void): Promise<void> {
  const file = tenant.secret('ping_url')
  const stat = await lstat(file).catch(() => undefined)
  if (!stat) return writeOnce(file, address)
  if (stat.isFile() && (await readFile(file, 'utf8')).trim() === address) return
  warn(`secrets/${basename(file)} names another watcher than Uptime Kuma and is kept: its monitor hears of no backup`)
}
