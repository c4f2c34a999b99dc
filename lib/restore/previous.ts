/** What restores leave in the volumes: the replaced data, which goes after a week, and the remains of a killed one. */
import { readLedger, updateLedger } from '../backup/ledger.ts'
import type { Tenant } from '../registry.ts'
import { runSwap, withVolumes } from './volumes.ts'

/** How long what was replaced stays for an undo, in milliseconds. */
const KEPT = 7 * 24 * 3600_000

/** What a verified backup lets go; nothing on most nights. */
export async function dueRemains(tenant: Tenant, now: number): Promise<('clean' | 'drop')[]> {
  const { incoming, restored } = await readLedger(tenant)
  const due = restored?.kept === true && now - Date.parse(restored.at) > KEPT
  return [...(incoming ? (['clean'] as const) : []), ...(due ? (['drop'] as const) : [])]
}

/** Remove them. */
export async function removeRemains(tenant: Tenant, orders: ('clean' | 'drop')[]): Promise<void> {
  await withVolumes(tenant, async (job) => {
    for (const order of orders) await runSwap(tenant, job, order)
  })
  const { restored } = await readLedger(tenant)
  const dropped = restored && orders.includes('drop') ? { restored: { ...restored, kept: false } } : {}
  await updateLedger(tenant, { incoming: undefined, ...dropped })
}
