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
 * Do `work` for each tenant under its lock; a dry run takes none. One tenant's failure does not stop the next, not even one
 * that is a bug: what a tenant's own files make of us may not cost another its backup.
 * @param refused told where the work could not even begin, such as by a lock
 * @throws OperatorError with all that failed: with their code where all ended alike, (70) where one was a bug, (4) where one
 * changed a part, else (1).
 */
export async function forEachTenant<T>(
  tenants: Tenant[],
  run: Run,
  work: (tenant: Tenant) => Promise<T>,
  refused: (tenant: Tenant, error: unknown) => Promise<void> = async () => {},
): Promise<T[]> {
  const { dryRun, reporter, signal } = run
  const results: T[] = []
  const failures: OperatorError[] = []
  for (const tenant of tenants) {
    if (tenants.length > 1) reporter.say(`— ${tenant.title} (${tenant.name}) —`)
    try {
      results.push(await (dryRun ? work(tenant) : takeTurn(tenant, run, work, refused)))
    } catch (error) {
      if (signal.aborted || tenants.length === 1) throw error
      const named = nameTenant(error, tenant)
      reporter.warn(named.message)
      failures.push(named)
    }
  }
  const [first] = failures
  if (!first) return results
  throw new OperatorError(failures.map(({ message }) => message).join('; '), {
    code: worstOf([...failures.map(({ code }) => code), ...(results.length > 0 ? [EXIT.done] : [])]),
    hint: first.hint,
  })
}

async function takeTurn<T>(
  tenant: Tenant,
  run: Run,
  work: (tenant: Tenant) => Promise<T>,
  refused: (tenant: Tenant, error: unknown) => Promise<void>,
): Promise<T> {
  let begun = false
  const whole = async () => {
    if (!run.verb.startsWith('restore')) await refuseUnfinished(tenant) // which looks itself
    begun = true
    return work(tenant)
  }
  return lockedAndRecorded(tenant, run, whole).catch(async (error) => {
    if (!begun) await refused(tenant, error)
    throw error
  })
}

/** 3 and 75 say that nothing was changed: for another tenant it was. */
function worstOf(codes: number[]): number {
  const [first = EXIT.failed] = codes
  if (codes.every((code) => code === first)) return first
  return [EXIT.bug, EXIT.changed].find((code) => codes.includes(code)) ?? EXIT.failed
}

function nameTenant(error: unknown, { name }: Tenant): OperatorError {
  if (!(error instanceof OperatorError)) {
    const told = (error as Error)?.stack ?? String(error)
    return new OperatorError(`${name}: this is a bug, please report it: ${told}`, { code: EXIT.bug, cause: error })
  }
  if (error.message.includes(name)) return error
  const { code, hint } = error
  return new OperatorError(`${name}: ${error.message}`, { code, cause: error, hint })
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
