/** Takes each tenant's lock in turn, does the work, and writes into the journal how it ended. */
import { readFile } from 'node:fs/promises'
import { EXIT, messageOf, OperatorError, preconditionError } from './errors.ts'
import { writeAtomically } from './files.ts'
import { appendJournal } from './journal.ts'
import { withLock } from './lock.ts'
import type { Tenant, Unit } from './registry.ts'
import type { Reporter } from './reporter.ts'
import { refuseUnfinished } from './restore/intent.ts'

/** One run of a script, as lock and journal name it. */
export interface Run {
  readonly verb: string
  readonly by: string
  readonly pid: number
  readonly dryRun: boolean
  readonly reporter: Reporter
  readonly redact: (text: string) => string
  readonly signal: AbortSignal
}

/**
 * Do `work` for each tenant under its lock; a dry run takes none. One tenant's failure does not stop the next.
 * @throws OperatorError with all that failed: with their code where all ended alike, (4) where one changed a part, else (1).
 */
export async function forEachTenant<T>(
  tenants: Tenant[],
  run: Run,
  work: (tenant: Tenant) => Promise<T>,
): Promise<T[]> {
  const { dryRun, reporter, signal } = run
  const results: T[] = []
  const failures: OperatorError[] = []
  for (const tenant of tenants) {
    if (tenants.length > 1) reporter.say(`— ${tenant.title} (${tenant.name}) —`)
    try {
      const whole = async () => {
        if (!run.verb.startsWith('restore')) await refuseUnfinished(tenant) // which looks itself
        return work(tenant)
      }
      results.push(dryRun ? await work(tenant) : await lockedAndRecorded(tenant, run, whole))
    } catch (error) {
      if (signal.aborted || !(error instanceof OperatorError) || tenants.length === 1) throw error
      const named = nameTenant(error, tenant)
      reporter.warn(named.message)
      failures.push(named)
    }
  }
  const [first] = failures
  if (!first) return results
  throw new OperatorError(failures.map(({ message }) => message).join('; '), {
    code: worstOf([...failures.map(({ code }) => code), ...(results.length > 0 ? [EXIT.done] : [])]),
    ...(first.hint && { hint: first.hint }),
  })
}

/** 3 and 75 say that nothing was changed: for another tenant it was. */
function worstOf(codes: number[]): number {
  const [first = EXIT.failed] = codes
  if (codes.every((code) => code === first)) return first
  return codes.includes(EXIT.changed) ? EXIT.changed : EXIT.failed
}

function nameTenant(error: OperatorError, { name }: Tenant): OperatorError {
  if (error.message.includes(name)) return error
  const { code, hint } = error
  return new OperatorError(`${name}: ${error.message}`, { code, cause: error, ...(hint && { hint }) })
}

/**
 * Do `work` for core under the lock of its verbs; a dry run takes none.
 * @throws OperatorError (75) where another verb works on core.
 */
export async function forCore<T>(core: Unit, run: Run, work: (core: Unit) => Promise<T>): Promise<T> {
  return run.dryRun ? work(core) : lockedAndRecorded(core, run, () => work(core))
}

/** State and backups are of one stack: two of them in one place would be taken for the same books. @throws OperatorError (3) */
async function claimState({ settings, state }: Unit): Promise<void> {
  const owner = await readFile(state('prefix'), 'utf8').catch(() => undefined)
  if (owner === undefined) return writeAtomically(state('prefix'), `${settings.prefix}\n`, 0o600)
  if (owner.trim() === settings.prefix) return
  const whose = owner.trim() === '' ? 'no ERP_PREFIX' : `ERP_PREFIX=${owner.trim()}`
  throw preconditionError(`${state()} is of the stack with ${whose}`, 'give this one an ERP_HOME of its own')
}

/** Hold the lock, and write down how it ended. A refusal that changed nothing is written down as well. */
async function lockedAndRecorded<T>(unit: Unit, run: Run, work: () => Promise<T>): Promise<T> {
  const { verb, by, pid, redact, reporter } = run
  const begun = Date.now()
  const at = new Date(begun).toISOString()
  return withLock(unit.lock, { pid, verb, since: at }, unit.name, async () => {
    await claimState(unit)
    let code: number = EXIT.bug
    let message: string | undefined
    let ids: string[] | undefined
    try {
      const result = await work()
      code = EXIT.done
      ids = idsOf(result)
      return result
    } catch (error) {
      if (error instanceof OperatorError) code = error.code
      message = redact(messageOf(error)).slice(0, 500)
      throw error
    } finally {
      const took = Math.round((Date.now() - begun) / 100) / 10
      const entry = { at, verb, by, code, seconds: took, ...(ids && { ids }), ...(message && { message }) }
      await appendJournal(unit.state('journal.jsonl'), entry).catch((error) => {
        const why = `the journal was not written: ${messageOf(error)}`
        if (code === EXIT.done) throw new OperatorError(`it was done, but ${why}`, { hint: `df -h ${unit.state()}` })
        reporter.warn(`${unit.name}: ${why}`)
      })
    }
  })
}

/** The ids of what a verb made, such as a snapshot: a result names them under `ids`. */
function idsOf(result: unknown): string[] | undefined {
  const { ids } = (result ?? {}) as { ids?: unknown }
  return Array.isArray(ids) ? ids : undefined
}
