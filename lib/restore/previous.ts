/** What restores leave in the volumes: the replaced data, which goes after a week, and the remains of a killed one. */
import { readLedger, updateLedger } from '../backup/ledger.ts'
import { orElse, preconditionError } from '../errors.ts'
import { gib } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import { describeKept, type Kept } from './plan.ts'
import { type Content, contentOf, lookInside, noteDropped, runSwap, withVolumes } from './volumes.ts'

/** How long what was replaced stays for an undo, in milliseconds. */
const KEPT = 7 * 24 * 3600_000

/** What a verified backup lets go; nothing on most nights. */
export async function dueRemains(tenant: Tenant): Promise<('clean' | 'drop')[]> {
  const { incoming, restored } = await readLedger(tenant)
  const late = restored?.kept === true && Date.now() - Date.parse(restored.at) > KEPT
  const due = late && (await isKept(tenant, restored.at))
  return [...(incoming ? (['clean'] as const) : []), ...(due ? (['drop'] as const) : [])]
}

/** What cannot be looked at stays, and costs no backup anything. */
const isKept = (tenant: Tenant, at: string): Promise<boolean> =>
  orElse(
    lookInside(tenant).then((content) => content.has(`kept ${at}`)),
    false,
  )

/** What the volumes keep of an earlier restore. */
export async function keptOf(tenant: Tenant, content: Set<Content>): Promise<Kept | undefined> {
  const files = content.has('files')
  if (!files && !content.has('previous')) return undefined
  const { restored } = await readLedger(tenant)
  if (!restored || !content.has(`kept ${restored.at}`)) return { files } // it was lost, or put back from a copy
  const { at, saved } = restored // where there was no database no backup was made
  return { files, at, ...(saved && !files && { saved }) }
}

/**
 * What would be given up for its room.
 * @throws OperatorError (3) where nothing is kept, or it may be all that there is
 */
export async function planDrop(tenant: Tenant): Promise<string> {
  const { incoming } = await readLedger(tenant)
  const { content, bytes } = await withVolumes(tenant, async (job) => {
    const found = await contentOf(tenant, job)
    const places = '/out/*/previous /out/assets/.previous /out/*/.removed'
    const du = ['sh', '-c', `du -skc ${places} 2>/dev/null`]
    const { stdout } = await job.exec(du, { timeout: 3600, nothrow: true })
    return { content: found, bytes: Number.parseInt(stdout.trim().split('\n').at(-1) ?? '0', 10) * 1024 }
  })
  const kept = await keptOf(tenant, content)
  if (!kept && content.has('removed')) return `${tenant.name}: the rest of what was being removed goes, ${gib(bytes)}`
  if (!kept) throw preconditionError(`${tenant.name}: nothing is kept of a restore`)
  if (!content.has('data') || !content.has('site') || (content.has('incoming') && !incoming))
    throw preconditionError(
      `${tenant.name}: what is kept may be all that there is; nothing was changed`,
      kept?.files
        ? `it is previous/ in the volume ${tenant.volume('sites-data')}`
        : `npx zx scripts/restore.ts ${tenant.name} --undo brings it back`,
    )
  return `${tenant.name}: ${describeKept(kept)} would be removed for good, ${gib(bytes)}; there is no --undo any more`
}

/** Of what is kept from now on there is no backup. */
export async function noteUnsaved(tenant: Tenant): Promise<void> {
  const { restored } = await readLedger(tenant)
  if (!restored) return
  const { saved: _, ...rest } = restored
  await updateLedger(tenant, { restored: rest })
}

/** What an operator can do for room. */
export async function roomHint(tenant: Tenant): Promise<string> {
  const { restored } = await readLedger(tenant)
  const section = 'see docs/trouble.md#the-disk-is-full'
  const drop = `npx zx scripts/restore.ts ${tenant.name} --drop-previous gives up the undo of ${restored?.at.slice(0, 16)}Z`
  return restored?.kept ? `${section}; ${drop}` : section
}

/** Remove them. */
export async function removeRemains(tenant: Tenant, orders: ('clean' | 'drop')[]): Promise<void> {
  await withVolumes(tenant, async (job) => {
    for (const order of orders) await runSwap(tenant, job, order)
  })
  if (orders.includes('drop')) await noteDropped(tenant)
  await updateLedger(tenant, { incoming: undefined })
}
