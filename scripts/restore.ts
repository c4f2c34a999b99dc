/** Restore a tenant: read the backup, save what is there, prove the backup beside it, exchange. Drill, export and undo are its kin. */
import { checkSnapshotName } from '../lib/backup/catalogue.ts'
import { command } from '../lib/command.ts'
import { requireCompose } from '../lib/compose.ts'
import { askEngine, type Engine } from '../lib/docker.ts'
import { publishedNames } from '../lib/edge/publish.ts'
import { afterChange, OperatorError, preconditionError, usageError } from '../lib/errors.ts'
import { verifyHardening } from '../lib/gate.ts'
import { planImport } from '../lib/import/import.ts'
import { pullJobImage, verifyReadable } from '../lib/preflight.ts'
import type { Tenant, Unit } from '../lib/registry.ts'
import type { Reporter } from '../lib/reporter.ts'
import { drill } from '../lib/restore/drill.ts'
import { exchangeData, isUntouched, wholeExchange } from '../lib/restore/exchange.ts'
import { exportBackup } from '../lib/restore/export.ts'
import { type Intent, readIntent, refuseUnfinished, removeIntent } from '../lib/restore/intent.ts'
import * as outcome from '../lib/restore/outcome.ts'
import { noteUnsaved, planDrop, removeRemains } from '../lib/restore/previous.ts'
import * as restore from '../lib/restore/restore.ts'
import { themeAgain } from '../lib/theme/apply.ts'

command({
  name: 'restore',
  summary: 'Restore a tenant from a verified backup, after saving what is there. An interrupted restore is finished.',
  examples: [
    'restore.ts dickson --list',
    'restore.ts dickson --dry-run',
    'restore.ts dickson --drill --quiet',
    'restore.ts byrne --import /srv/old-erp',
  ],
  tenants: 'one',
  changes: true,
  modes: ['list', 'undo', 'drill', 'export', 'import', 'drop-previous'],
  options: {
    snapshot: { type: 'string', value: 'ID', default: 'latest', help: 'which backup' },
    offsite: { type: 'boolean', help: 'take it from the off-site repository' },
    'without-backup': {
      type: 'boolean',
      help: 'do not save what is there first: where its database does not start, or half of it is gone',
    },
    confirm: { type: 'string', value: 'TENANT', help: "the tenant's name: consent where there is no terminal" },
    list: { type: 'boolean', help: 'the backups, newest first' },
    undo: { type: 'boolean', help: 'bring back what the last restore replaced' },
    'drop-previous': { type: 'boolean', help: 'give up that undo, where its room is needed' },
    drill: { type: 'boolean', help: 'restore into a scratch stack, compare, remove it' },
    export: { type: 'string', value: 'DIR', help: 'write a backup as portable files' },
    import: { type: 'string', value: 'DIR', help: 'an export, a dump with tars, `bench backup`; or the word volumes' },
  },
  notes: ['A server that is gone, undo, drills by cron, exports: docs/restore.md; imports: docs/taking-over.md'],
  async run({ tenants, registry, core, mode = 'restore', options, dryRun, forEachTenant, consent, ...reporter }) {
    checkSnapshotName(options.snapshot)
    if (mode === 'import' && (options.snapshot !== 'latest' || options.offsite))
      throw usageError('--import takes nothing from a repository: neither --snapshot nor --offsite')
    const [named] = tenants
    if (!named) throw usageError('a tenant is missing')
    const finishes = mode === 'restore' && options.snapshot === 'latest' && (await readIntent(named)) !== undefined
    const asks = !dryRun && !finishes && ['restore', 'undo', 'import', 'drop-previous'].includes(mode)
    const agreed = asks ? consent(named, options.confirm) : async () => {}
    const engine = await askEngine()
    const wanted: restore.Wanted = { snapshot: options.snapshot, from: options.offsite ? 'offsite' : 'repository' }
    if (mode === 'list') return restore.list(named, registry, wanted.from)

    const all = { registry, core, engine, wanted, dryRun, agreed, reporter, unsaved: options['without-backup'] }
    const [done] = await forEachTenant(async (tenant) => {
      await requireCompose()
      await verifyHardening(tenant, registry) // what it starts, a deploy has perhaps never seen
      await verifyReadable(tenant, 'tenant')
      await pullJobImage(tenant)
      if (mode === 'undo') return undo(tenant, all)
      if (mode === 'drop-previous') return dropPrevious(tenant, all)
      const begun = await unfinished(tenant, mode, finishes, all)
      if (begun) return finish(tenant, begun, all)
      const ground = await reporter.step('Check the machine, the images and the secrets', (note) =>
        restore.prepare(tenant, registry, note),
      )
      if (mode === 'restore' || mode === 'import') await restore.refuseOtherRelease(tenant)
      if (mode === 'restore') return bringIn(tenant, await planRestore(tenant, ground, all), all)
      if (mode === 'import') {
        const what = options.import ?? ''
        const coming = await reporter.step('Read what comes and the live books', () =>
          planImport(tenant, registry, ground, what, reporter),
        )
        return bringIn(tenant, coming, all)
      }
      return beside(tenant, ground, options.export, all)
    })
    return { dryRun, text: '', ...done }
  },
  render: ({ text }) => text,
})

interface All {
  registry: Tenant[]
  core: Unit
  engine: Engine
  wanted: restore.Wanted
  dryRun: boolean
  /** Asks the operator for the tenant's name. */
  agreed: () => Promise<void>
  reporter: Reporter
  /** Do not back up what is there. */
  unsaved: boolean
}

/** A drill, or an export where there is a directory for it: what is live stays as it is. */
async function beside(tenant: Tenant, ground: restore.Ground, directory: string | undefined, all: All) {
  const { wanted, dryRun, reporter } = all
  const would = directory === undefined ? 'remove it' : `write it to ${directory}, its keys in clear`
  if (dryRun) return { text: `${tenant.name}: would restore ${wanted.snapshot} into a scratch stack and ${would}` }
  if (directory === undefined) return outcome.drilled(tenant, await drill(tenant, ground, wanted, reporter))
  reporter.warn('the files hold the site’s keys and passwords in clear: keep them as you keep secrets/')
  return outcome.exported(tenant, await exportBackup(tenant, ground, wanted, directory, reporter))
}

async function planRestore(tenant: Tenant, ground: restore.Ground, { wanted, reporter }: All): Promise<outcome.Coming> {
  const plan = await reporter.step('Read the backup and the live books', () => restore.plan(tenant, ground, wanted))
  const bring = () => restore.bring(tenant, ground, plan, wanted.from, reporter.step)
  return { ...plan, snapshot: plan.choice.backup.id, bring }
}

/** Tell, ask, save what is there, put what comes beside it, exchange. */
async function bringIn(tenant: Tenant, coming: outcome.Coming, all: All) {
  const { registry, engine, reporter } = all
  const saves = coming.hasData && !all.unsaved
  const refusal = saves ? restore.unsavable(tenant, coming) : undefined
  for (const warning of coming.warnings) reporter.warn(warning)
  if (refusal && !all.dryRun) throw refusal
  if (refusal) reporter.warn(`${refusal.message}; ${refusal.hint}`)
  if (all.dryRun) return outcome.planned(tenant, coming)
  reporter.say(coming.text)
  await all.agreed()
  const saved = saves
    ? await reporter.step('Back up what is there', (note) =>
        restore.saveLive(tenant, registry, engine, { note, warn: reporter.warn }),
      )
    : undefined
  const remarks = await coming.bring()
  const refusing = restore.refuseOtherRelease(tenant) // hours may have passed, and .env is read anew
  await afterChange(refusing, 'the exchange has not begun, people work on: ')
  const done = await exchange(tenant, outcome.intentOf(coming, remarks, saved), all)
  const shown = (await publishedNames(all.core, [tenant])).length > 0
  const next =
    coming.next ?? (shown ? undefined : `npx zx scripts/deploy.ts core ${tenant.name} --only edge lets browsers in`)
  if (next) reporter.say(`  next: ${next}`)
  return done
}

/** What was interrupted and goes first. @throws OperatorError (3) where something else was asked for, which waits */
async function unfinished(tenant: Tenant, mode: string, finishes: boolean, { wanted, dryRun }: All) {
  if (mode !== 'restore' && mode !== 'import') return refuseUnfinished(tenant)
  const other = mode === 'import' || wanted.snapshot !== 'latest'
  return restore.unfinished(tenant, { other, finishes, dryRun })
}

async function undo(tenant: Tenant, all: All) {
  const { registry, dryRun, agreed, reporter } = all
  const whole = await wholeExchange(tenant)
  const unfinished = whole?.verb === 'undo' && !whole.failed ? undefined : whole // typed again, it is to be finished
  if (!unfinished) await refuseUnfinished(tenant)
  const refuseOther = async () => {
    if (!unfinished?.foreign) await restore.refuseOtherRelease(tenant, unfinished)
  }
  await refuseOther()
  const { step, say } = reporter
  const plan = await step('Look for what the last restore replaced', () =>
    outcome.planUndo(tenant, registry, unfinished),
  )
  if (dryRun) return { text: plan.text }
  say(plan.text)
  await agreed()
  await refuseOther() // .env is read anew
  if (unfinished) await noteUnsaved(tenant) // what is there now is kept, and no backup has what was booked since
  await removeRemains(tenant, ['clean']) // what a killed restore left would be in the way
  return exchange(tenant, plan.intent, all)
}

/** For its room: nothing but a verified backup removes it otherwise, for which there may be none. */
async function dropPrevious(tenant: Tenant, { dryRun, agreed, reporter }: All) {
  await refuseUnfinished(tenant)
  const text = await reporter.step('Look for what the last restore replaced', () => planDrop(tenant))
  if (dryRun) return { text }
  reporter.say(text)
  await agreed()
  await reporter.step('Remove it', () => removeRemains(tenant, ['clean', 'drop']))
  return { tenant: tenant.name, text: `${tenant.name}: removed` }
}

async function finish(tenant: Tenant, intent: Intent, all: All) {
  const { dryRun, reporter } = all
  const what = `the ${intent.verb} of ${intent.at}, which was interrupted`
  if (dryRun) return { text: `${tenant.name}: would finish ${what}` }
  if (await isUntouched(tenant, intent)) {
    await removeIntent(tenant)
    throw preconditionError(
      `${tenant.name}: ${what} had exchanged nothing, and people work on: it is not finished unasked`,
      `npx zx scripts/deploy.ts ${tenant.name} starts what is not running; then type the same command again`,
    )
  }
  if (!intent.open && intent.stage !== 'release') await restore.refuseOtherRelease(tenant, intent)
  reporter.warn(`${tenant.name}: finishing ${what}`)
  return exchange(tenant, intent, all)
}

/**
 * The data that came may name an older theme: its files came with it, and the current one is put on again.
 * @throws OperatorError (1) where what was finished is the way back of a restore that had failed
 */
async function exchange(tenant: Tenant, intent: Intent, front: All) {
  const done = await exchangeData(tenant, intent, front.reporter)
  if (intent.stage !== 'release') await themeAgain(tenant, front, front.reporter)
  const exchanged = outcome.exchanged(tenant, intent, done)
  if (done.verb === 'rollback') throw new OperatorError(exchanged.text)
  return exchanged
}
