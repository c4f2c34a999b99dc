/** Makes a tenant of what came from elsewhere: loads and unpacks it beside the live data, and proves it there. */
import { stat } from 'node:fs/promises'
import { type Answers, digestOf } from '../backup/proof.ts'
import { OperatorError } from '../errors.ts'
import { type Job, removeUnstarted } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { verifySpace } from '../restore/incoming.ts'
import type { Coming } from '../restore/outcome.ts'
import { losses, renderLoss } from '../restore/plan.ts'
import { type Ground, goneWarnings, liveBooks } from '../restore/restore.ts'
import { besideLive, runSwap, withVolumes } from '../restore/volumes.ts'
import { loadDatabase } from './load.ts'
import { describe, type Incoming, readIncoming } from './plan.ts'
import { prove } from './prove.ts'
import { decompressor, type Source } from './source.ts'
import { unpackFiles } from './unpack.ts'
import { bringVolumes, describeVolumes, findVolumes } from './volumes.ts'

/** Bytes on the disk for a byte of the file: a database is larger than its dump, and a compressed dump ten times smaller. */
const GROWS = { plain: { dump: 1.5, archive: 1 }, compressed: { dump: 10, archive: 2 } }

/**
 * Read what would come: the backup in a directory, or, for the word `volumes`, an ERPNext that ran here before us.
 * @throws OperatorError (3); nothing was changed.
 */
export async function planImport(
  tenant: Tenant,
  registry: Tenant[],
  ground: Ground,
  what: string,
  reporter: Reporter,
): Promise<Coming> {
  const next = ['deploy', 'backup'].map((verb) => `npx zx scripts/${verb}.ts ${tenant.name}`).join(', then ')
  const coming = { warnings: [], next }
  const beside = (work: (job: Job) => Promise<void>) => async () => {
    await removeUnstarted(tenant)
    await withVolumes(tenant, (job) => besideLive(tenant, job, () => work(job)))
    return []
  }
  if (what === 'volumes') {
    const found = await findVolumes(tenant, ground.mariadb)
    const bring = beside((job) => bringVolumes(tenant, ground, found, job, reporter))
    return { ...coming, text: describeVolumes(tenant, found), hasData: false, foreign: true, bring }
  }
  const incoming = await readIncoming(tenant, registry, ground.mariadb, what)
  const { live, shutOut: _, ...there } = await withVolumes(tenant, (job) => liveBooks(tenant, job))
  const { hasData, half } = there
  const lost = live && losses(live, NOTHING)
  const unknown = '  unknown    what of that is in the dump and comes again: it is not loaded yet'
  const text = [...describe(tenant, incoming), ...renderLoss(lost, there), ...(hasData ? [unknown] : [])].join('\n')
  const bring = beside((job) => bringFiles(tenant, ground, incoming, job, reporter))
  return { ...coming, warnings: goneWarnings(tenant, there), text, hasData, ...(half && { half }), lost, bring }
}

/** What a dump holds is not known before it is loaded: all that is live counts as lost. */
const NOTHING: Answers = {
  baseTables: 0,
  sequences: 0,
  doctypes: {},
  ledger: { debit: '0', credit: '0', difference: '0' },
  series: {},
  secrets: { stored: 0, opened: 0 },
}

/** Put it beside the live data and prove it there. @throws OperatorError (1), (3); the live data is untouched. */
async function bringFiles(tenant: Tenant, ground: Ground, incoming: Incoming, job: Job, reporter: Reporter) {
  const { step } = reporter
  const { source, config, head } = incoming
  await verifySpace(tenant, job, await estimate(source))
  await runSwap(tenant, job, 'make')
  const answers = await step('Load the database beside the live one', () =>
    loadDatabase(tenant, source.database, config, ground.apps),
  )
  if (head.answers !== undefined && head.answers !== digestOf(answers))
    throw new OperatorError(`${tenant.name}: what was loaded is not what was exported`)
  await step("Unpack the site's files", () => unpackFiles(tenant, ground.mariadb, incoming))
  await prove(tenant, ground, config, answers, reporter)
}

/** In bytes; a guess for what is compressed. */
async function estimate({ database, files, assets }: Source): Promise<number> {
  const of = async (file: string, kind: 'dump' | 'archive') => {
    const packed = (await decompressor(file))[0] === 'cat' ? 'plain' : 'compressed'
    return (await stat(file)).size * GROWS[packed][kind]
  }
  const archives = [...files, ...(assets ? [assets] : [])].map((file) => of(file, 'archive'))
  const sizes = await Promise.all([of(database, 'dump'), ...archives])
  return sizes.reduce((sum, size) => sum + size, 0)
}
