/** Proves a backup: the copy is booted apart and asked, what it said is stored beside the snapshot; the repository is checked. */
import { $ } from 'zx/core'
import { messageOf, OperatorError } from '../errors.ts'
import { type Ask, askLive, emptyStaging, STAGING, withScratchServer } from '../mariadb.ts'
import type { Repository } from '../restic/client.ts'
import { makeSnapshot, readSnapshotFile, type Stored } from '../restic/snapshots.ts'
import type { Ground } from './backup.ts'
import { TAG } from './catalogue.ts'
import { check } from './keep.ts'
import { updateLedger } from './ledger.ts'
import { type Manifest, parseSiteConfig, type SiteConfig } from './manifest.ts'
import { askBooks, askMails, judge, type Proof, sha256 } from './proof.ts'

/**
 * Prove a backup and check its repository: side by side where that is a disk of this machine. restic stores nothing while
 * it checks, so the proof would wait for a repository that is far away; that one is checked after it.
 * @returns the proof, and why the check did not pass
 * @throws OperatorError (1) as prove() does.
 */
export async function proveAndCheck(
  repository: Repository,
  ground: Ground,
  manifest: Manifest,
  stored: Stored,
): Promise<{ proof: Proof; fault: unknown }> {
  const checking = () =>
    check(repository).then(
      () => undefined,
      (error: unknown) => error,
    )
  const beside = repository.place.directory ? checking() : undefined
  const proof = await prove(repository, ground, manifest, stored, { beside }).catch(async (error) => {
    const fault = await beside
    $.signal?.throwIfAborted()
    if (!(error instanceof OperatorError && fault instanceof OperatorError)) throw error
    const { message, hint } = fault // a damaged repository may be why
    throw new OperatorError(`${messageOf(error)}; ${message}`, { hint, cause: error })
  })
  return { proof, fault: await (beside ?? checking()) }
}

/**
 * Boot the copy apart, ask it about the books, and store what it said beside the snapshot; the copy is removed meanwhile.
 * @param how `beside` holds the repository: nothing can be stored until it ends; `safety`: it saves what a restore replaces
 * @throws OperatorError (1) where the copy does not boot or does not answer as books do; the snapshot stays unverified.
 */
export async function prove(
  repository: Repository,
  ground: Ground,
  manifest: Manifest,
  stored: Stored,
  { beside, safety = false }: { beside?: Promise<unknown> | undefined; safety?: boolean } = {},
): Promise<Proof> {
  const { tenant } = repository
  const proof = await askCopy(repository, ground, manifest, stored, safety)
  const emptied = emptyStaging(tenant, ground.images.mariadb) // seconds, where the disk is told what is free (discard)
  emptied.catch(() => {}) // thrown below
  const keepProof = async () => {
    await beside
    const tags = [TAG.proof, TAG.of(stored.id)]
    await makeSnapshot(repository, { file: 'proof.json', stdin: JSON.stringify(proof) }, tags)
    const { at, databaseBytes } = manifest
    await updateLedger(tenant, { verified: { at, snapshot: stored.id, databaseBytes, addedBytes: stored.addedBytes } })
  }
  await keepProof().finally(() => emptied)
  return proof
}

async function askCopy(
  repository: Repository,
  { images }: Ground,
  manifest: Manifest,
  { id }: Stored,
  safety: boolean,
): Promise<Proof> {
  const { tenant } = repository
  const reading = readBack(repository, id)
  reading.catch(() => {}) // beside the boot; what went wrong is thrown below
  const staging = `${tenant.volume('backup-staging')}:${STAGING}`
  const boot = <T>(work: (ask: Ask) => Promise<T>) => withScratchServer(tenant, images.mariadb, staging, STAGING, work)
  const { text, config, answers, mails } = await boot(async (ask) => {
    const { text, config } = await reading
    const answers = await askBooks(ask, manifest.schema, config.encryption_key)
    return { text, config, answers, mails: await askMails(ask, manifest.schema) }
  })
  const remarks = await judge(manifest, { manifest: text, config }, answers, { live: askLive(tenant), safety })
  const at = new Date().toISOString()
  return { format: 1, tenant: tenant.name, snapshot: id, manifest: sha256(text), at, answers, remarks, mails }
}

/** The manifest and the site's configuration as the snapshot has them; one after the other, for each takes 60 MB. */
async function readBack(repository: Repository, id: string): Promise<{ text: string; config: SiteConfig }> {
  const { tenant } = repository
  const text = await readSnapshotFile(repository, id, '/manifest.json')
  const file = `/sites/${tenant.site}/site_config.json`
  return { text, config: parseSiteConfig(tenant, await readSnapshotFile(repository, id, file)) }
}
