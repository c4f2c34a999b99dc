/** Back up tenants: copy, store, prove, keep. A backup counts once its copy has been booted and asked. */
import * as backup from '../lib/backup/backup.ts'
import { check, copyOffsite, explain, type Kept, keep, policyOf } from '../lib/backup/keep.ts'
import type { Manifest } from '../lib/backup/manifest.ts'
import { type Opened, withRepositories } from '../lib/backup/open.ts'
import { planned, summary } from '../lib/backup/outcome.ts'
import { tellFailed, watched } from '../lib/backup/ping.ts'
import { proveAndCheck } from '../lib/backup/prove.ts'
import type { Policy } from '../lib/backup/retention.ts'
import { command } from '../lib/command.ts'
import { askEngine, type Engine } from '../lib/docker.ts'
import { afterChange, isFailure, messageOf, OperatorError, usageError } from '../lib/errors.ts'
import { pullJobImage } from '../lib/preflight.ts'
import type { Tenant } from '../lib/registry.ts'
import type { Reporter } from '../lib/reporter.ts'
import type { Stored } from '../lib/restic/snapshots.ts'
import { dueRemains, removeRemains } from '../lib/restore/previous.ts'

command({
  name: 'backup',
  summary: 'Back up tenants while they serve. A backup counts as verified once its copy was booted and asked.',
  examples: ['backup.ts dickson', 'backup.ts --all --quiet', 'backup.ts dickson --init', 'backup.ts dickson --prune'],
  tenants: 'some',
  changes: true,
  options: {
    init: { type: 'boolean', help: 'make the repository where there is none: once' },
    'keep-daily': { type: 'number', value: 'DAYS', help: "instead of the registry's retention" },
    'keep-weekly': { type: 'number', value: 'WEEKS', help: 'the same' },
    'keep-monthly': { type: 'number', value: 'MONTHS', help: 'the same' },
    prune: { type: 'boolean', help: 'no backup: remove what retention lets go, where the repository has no room' },
  },
  notes: ['Where backups lie, off-site copies, schedules: docs/backup.md'],
  async run({ tenants: named, forEachTenant, registry, options, dryRun, terminal, signal, ...reporter }) {
    if (options.prune && options.init) throw usageError('--prune makes nothing: not with --init')
    const isWatched = !dryRun && !options.prune && !terminal // who types it sees it
    const refused = async (tenant: Tenant, error: unknown) => {
      if (isWatched) await tellFailed(tenant, reporter, error)
    }
    const engine = await askEngine().catch(async (error) => {
      await Promise.all(named.map((tenant) => refused(tenant, error)))
      throw error
    })
    const backingUp = async (tenant: Tenant) => {
      const policy = policyOf(tenant, options)
      if (dryRun) return { tenant: tenant.name, plan: await planned(tenant, policy, options.prune) }
      if (options.prune) return { tenant: tenant.name, ids: [], ...(await prune(tenant, policy, reporter.step)) }
      const before = reporter.done.length
      const how = { registry, engine, init: options.init, policy, signal }
      const made = await watched(tenant, reporter, () => backUp(tenant, how, reporter))
      return { tenant: tenant.name, ids: [made.id], ...made, steps: reporter.done.slice(before) }
    }
    return { dryRun, tenants: await forEachTenant(backingUp, refused) }
  },
  render({ tenants }) {
    return tenants.map((done) => ('plan' in done ? done.plan : summary(done))).join('\n')
  },
})

interface How {
  registry: Tenant[]
  engine: Engine
  init: boolean
  policy: Policy
  signal: AbortSignal
}

/** One backup, from the first look to what retention keeps. @throws OperatorError (1), (3) */
async function backUp(tenant: Tenant, { registry, engine, init, policy, signal }: How, { step, warn }: Reporter) {
  const ground = await step('Check the machine, the secrets and the database', (note) =>
    backup.prepare(tenant, registry, engine, note),
  )
  const make = async (opened: Opened) => {
    const { job, repository } = opened
    const lacks = await backup.lacksRoom(repository)
    if (lacks) warn(lacks)
    const copy = await step('Copy the database', (note) => backup.copy(tenant, ground, job, note))
    for (const remark of await backup.leftOut(tenant, job)) warn(remark)
    const stored = await step('Store one snapshot', () => backup.store(repository, copy)).catch(async (error) => {
      signal.throwIfAborted()
      throw await step('Look whether the repository is damaged', () => explain(repository, error))
    })
    return afterChange(finish(opened, copy, stored)) // such as of a repository that somebody has locked: it holds one more
  }
  const finish = async ({ repository, offsite }: Opened, copy: Manifest, stored: Stored) => {
    const { proof, fault } = await step('Boot the copy and ask it, check a seventh of the repository', () =>
      proveAndCheck(repository, ground, copy, stored),
    )
    for (const remark of proof.remarks) warn(remark)
    const copyAway = async () =>
      offsite && (await step('Copy off-site', () => copyOffsite(repository, stored.id, offsite)))
    let kept: Kept
    try {
      if (fault) throw fault // what a restore has kept stays, too: it may be the last whole copy
      kept = await step('Keep what retention says', () => keep(repository, policy))
      for (const remark of kept.remarks) warn(remark)
      const remains = await dueRemains(tenant)
      if (remains.length > 0) await step('Remove what restores have left', () => removeRemains(tenant, remains))
    } catch (error) {
      signal.throwIfAborted()
      if (offsite) warn(messageOf(error))
      await copyAway() // most of all where the repository here is damaged
      throw error
    }
    const copied = await copyAway()
    return { ...stored, kept: kept.kept, forgotten: kept.forgotten, offsite: copied ?? null }
  }
  return backup.leaving(tenant, ground, step, () => withRepositories(tenant, 'backup', { init }, make))
}

/** A full repository takes no backup, and so would never come to what removes old ones. @throws OperatorError (1) */
async function prune(tenant: Tenant, policy: Policy, step: Reporter['step']) {
  await pullJobImage(tenant)
  return withRepositories(tenant, 'backup', { only: 'repository' }, async ({ repository }) => {
    await step('Check a seventh of the repository', () => check(repository)).catch((error) => {
      if (!isFailure(error) || !/no space left/i.test(error.message)) throw error
      const hint = 'not even a lock fits: free some MiB of its disk first'
      throw new OperatorError(error.message, { code: error.code, hint, cause: error })
    })
    const { remarks, ...kept } = await step('Keep what retention says', () => keep(repository, policy, { whole: true }))
    if (remarks.length > 0) throw new OperatorError(`${tenant.name}: ${remarks.join('; ')}`)
    return kept
  })
}
