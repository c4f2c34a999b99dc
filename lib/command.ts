/**
 * Defines a script: arguments, help, exit code, signals, lock, journal, output. The only file that knows `process`.
 * A verb is a spec and a `run`; everything that cuts across verbs is here, once.
 */
import { setMaxListeners } from 'node:events'
import { realpathSync } from 'node:fs'
import { userInfo } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { $, quote } from 'zx/core'
import {
  type CommandLine,
  checkOptions,
  chooseTenants,
  type Grammar,
  helpHint,
  type OptionSpecs,
  type OptionValue,
  parseCommandLine,
  renderHelp,
} from './arguments.ts'
import { EXIT, messageOf, OperatorError, printable, shown, usageError } from './errors.ts'
import { withLock } from './lock.ts'
import { makeRedactor } from './redact.ts'
import { makeCore, readRegistry, type Tenant, type Unit } from './registry.ts'
import { makeReporter, type Reporter } from './reporter.ts'
import { readSettings, type Settings } from './settings.ts'
import { forCore, forEachTenant } from './turns.ts'

/** What a verb's `run` gets. */
export interface Context<O extends OptionSpecs> extends Reporter {
  readonly tenants: Tenant[]
  /** Every tenant of the registry. */
  readonly registry: Tenant[]
  /** What stands before them all. */
  readonly core: Unit
  /** Whether it was named among the tenants. */
  readonly coreIsMeant: boolean
  readonly settings: Settings
  readonly options: { readonly [K in keyof O]: OptionValue<O[K]> }
  /** Which of the spec's modes was given. */
  readonly mode: (keyof O & string) | undefined
  /** Positional words after the tenant. */
  readonly words: string[]
  /** What stood after `--`. */
  readonly passed: string[]
  readonly dryRun: boolean
  readonly json: boolean
  readonly terminal: boolean
  /** Aborted by INT, TERM and HUP. */
  readonly signal: AbortSignal
  /**
   * Take each tenant's lock in turn, do the work, write the journal. One tenant's failure does not stop the next. `refused` is
   * told where the work could not even begin.
   */
  forEachTenant<T>(
    work: (tenant: Tenant) => Promise<T>,
    refused?: (tenant: Tenant, error: unknown) => Promise<void>,
  ): Promise<T[]>
  /**
   * Consent to what destroys: `given` is --confirm's value; without it the returned function has the tenant's name typed.
   * @throws OperatorError (2), at once where there is neither the flag nor a terminal: a piped `y` is no consent.
   */
  consent(tenant: Tenant, given: string | undefined): () => Promise<void>
  /** Take the lock of core's verbs, do the work, write the journal. */
  forCore<T>(core: Unit, work: (core: Unit) => Promise<T>): Promise<T>
  /** Hold a lock that belongs to no tenant, a file below state/; wait `patience` seconds for it. */
  exclusively<T>(file: string, what: string, work: () => Promise<T>, patience?: number): Promise<T>
  /** Write a part of the result to stdout now (`--watch`, `logs`). */
  print(text: string): void
}

export interface CommandSpec<O extends OptionSpecs, R> extends Grammar<O> {
  run(context: Context<O>): Promise<R>
  /** The result for people, on stdout; `--json` prints the result itself. */
  render?(result: R, colour: boolean): string
  /** Options that make another verb of it, for lock and journal: `restore --drill`. They exclude each other. */
  modes?: readonly (keyof O & string)[]
  /** The exit code of a result that is no error; 0 where nothing is said. */
  exitCode?(result: R): number
}

const ROOT = resolve(import.meta.dirname, '..')
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
/** How long the verb may take to put things in order after a signal, in milliseconds. */
const PATIENCE = 8_000

/** Define a script and run it. */
export function command<const O extends OptionSpecs, R>(spec: CommandSpec<O, R>): void {
  process.exitCode = EXIT.bug // whatever ends the process early, such as a prompt without a terminal, is no success
  main(spec).then((code) => process.exit(code))
}

async function main<O extends OptionSpecs, R>(spec: CommandSpec<O, R>): Promise<number> {
  const { signal, stoppedBy } = listenToSignals()
  let redact = (text: string) => text
  const args = scriptArguments(spec.name)
  const json = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined).includes('--json')
  process.on('uncaughtException', (error) => process.exit(report(spec.name, error, redact, json)))
  try {
    const parsed = parseCommandLine(spec, args)
    if (parsed.flags.help) {
      process.stdout.write(`${renderHelp(spec)}\n`)
      return EXIT.done
    }
    const settings = readSettings(ROOT, process.env)
    redact = makeRedactor(settings)
    prepareZx(settings, signal)
    const context = await makeContext(spec, parsed, settings, signal, redact)
    const result = await spec.run(context)
    const code = spec.exitCode?.(result) ?? EXIT.done
    const silent = parsed.flags.quiet === true && code === EXIT.done
    const redacted = (_: string, value: unknown) => (typeof value === 'string' ? redact(value) : value)
    if (json) await writeResult(JSON.stringify(result ?? {}, redacted, 2))
    else if (spec.render && !silent) await writeResult(shown(redact(spec.render(result, useColour(process.stdout)))))
    return code
  } catch (error) {
    const stopped = stoppedBy()
    if (stopped && json)
      process.stdout.write(`${JSON.stringify({ error: { message: stopped, code: SIGNALS[stopped] } })}\n`)
    if (stopped) return SIGNALS[stopped]
    return report(spec.name, error, redact, json)
  }
}

/** @throws OperatorError (1) where the result cannot be written, as on a full disk; a reader who has left is none. */
async function writeResult(text: string): Promise<void> {
  if (text === '') return
  const error = await new Promise<NodeJS.ErrnoException | null | undefined>((done) => {
    process.stdout.write(`${text}\n`, done)
  })
  if (error && error.code !== 'EPIPE') throw new OperatorError(`the result cannot be written: ${error.message}`)
}

/** Tell an error: an OperatorError in two lines, a bug with its stack. Returns the exit code. */
function report(name: string, error: unknown, redact: (text: string) => string, json: boolean): number {
  const known = error instanceof OperatorError
  const code = known ? error.code : EXIT.bug
  const safe = (text: string) => shown(redact(text))
  const message = safe(messageOf(error))
  if (json)
    process.stdout.write(`${JSON.stringify({ error: { message, hint: known ? error.hint : undefined, code } })}\n`)
  process.stderr.write(`${name}: ${message}\n`)
  if (known && error.hint) process.stderr.write(`  → ${safe(error.hint)}\n`)
  if (!known)
    process.stderr.write(`${safe(String((error as Error)?.stack ?? error))}\nThis is a bug: please report it.\n`)
  return code
}

/** Abort on INT, TERM and HUP; end in any case when the verb does not put things in order in time. */
function listenToSignals() {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // every docker call listens to it
  let first: keyof typeof SIGNALS | undefined
  // The reader of a pipe may leave (`logs --follow | head`): what only writes there ends; stderr is for who still reads.
  process.stdout.on('error', () => controller.abort(new OperatorError('nobody reads the output any more')))
  process.stderr.on('error', () => {})
  for (const name of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
    process.on(name, () => {
      if (first) return
      first = name
      process.exitCode = SIGNALS[name]
      process.stderr.write(`\nStopping (${name})\n`)
      controller.abort(new OperatorError(`stopped by ${name}`, { code: SIGNALS[name] }))
      setTimeout(() => process.exit(SIGNALS[name]), PATIENCE).unref()
    })
  }
  return { signal: controller.signal, stoppedBy: () => first }
}

/** zx takes its defaults from ZX_* variables, some of which print secrets or lose failures: set every one that matters. */
function prepareZx(settings: Settings, signal: AbortSignal): void {
  Object.assign($, {
    cwd: settings.root,
    env: settings.env,
    signal,
    timeout: undefined,
    timeoutSignal: 'SIGTERM',
    verbose: false,
    quiet: true,
    nothrow: false,
    detached: false,
    preferLocal: false,
    quote, // zx sets it only where it finds bash on PATH, which cron may leave empty
    shell: '/bin/bash',
    prefix: 'set -euo pipefail;',
    postfix: '',
    killSignal: 'SIGTERM',
  })
  process.env.PATH = settings.env.PATH
}

/** zx and node differ by one slot: what follows the script's own file. */
function scriptArguments(name: string): string[] {
  const index = process.argv.findIndex(
    (word, at) => at > 0 && basename(word).replace(/\.ts$/, '') === name && isFile(word),
  )
  return process.argv.slice(index < 0 ? 2 : index + 1)
}

function isFile(path: string): boolean {
  try {
    return realpathSync(path) !== ''
  } catch {
    return false
  }
}

async function makeContext<O extends OptionSpecs, R>(
  spec: CommandSpec<O, R>,
  { flags, positionals, passed }: CommandLine,
  settings: Settings,
  signal: AbortSignal,
  redact: (text: string) => string,
): Promise<Context<O>> {
  const options = checkOptions(spec, flags)
  if (passed.length > 0 && !spec.words) throw usageError("'--' passes nothing on here", helpHint(spec))
  const registry = await readRegistry(settings)
  const { tenants, core: coreIsMeant, words } = chooseTenants(spec, registry, positionals, flags.all === true)
  const terminal = process.stdin.isTTY === true && process.stderr.isTTY === true
  const reporter = makeReporter({
    write: (text) => void process.stderr.write(text),
    redact,
    quiet: flags.quiet === true,
    terminal: process.stderr.isTTY === true && !process.env.CI,
    colour: useColour(process.stderr),
  })
  const dryRun = flags['dry-run'] === true
  const modes = (spec.modes ?? []).filter((one) => flags[one] !== undefined)
  if (modes.length > 1) throw usageError(`--${modes.join(' and --')} exclude each other`, helpHint(spec))
  const [mode] = modes
  const verb = [spec.name, ...words, ...(mode ? [`--${mode}`] : [])].join(' ')
  const by = process.env.SUDO_USER || userName()
  const run = { verb, by, pid: process.pid, dryRun, reporter, redact, signal }
  const core = makeCore(settings)
  const meant = { tenants, registry, core, coreIsMeant, mode, words, passed, dryRun }
  const base = { ...reporter, ...meant, settings, terminal, signal }
  return {
    ...base,
    json: flags.json === true,
    options: options as Context<O>['options'],
    exclusively: (file, what, work, patience) => {
      const holder = { pid: process.pid, verb, since: new Date().toISOString() }
      return withLock(join(settings.home, 'state', file), holder, what, work, patience)
    },
    consent: (tenant, given) => consent(tenant, given, terminal && flags.json !== true),
    print: (text) => void process.stdout.write(redact(text)),
    forEachTenant: (work, refused) => forEachTenant(tenants, run, work, refused),
    forCore: (unit, work) => forCore(unit, run, work),
  }
}

function consent({ name }: Tenant, given: string | undefined, terminal: boolean): () => Promise<void> {
  if (given !== undefined && given !== name)
    throw usageError(`--confirm=${printable(given).slice(0, 40)} is not the tenant ${name}`)
  if (given === undefined && !terminal)
    throw usageError(`this replaces data: without a terminal it needs --confirm=${name}`)
  return async () => {
    if (given === name) return
    const { default: prompts } = await import('prompts')
    const message = `Type ${name} to go on`
    const { typed } = await prompts({ type: 'text', name: 'typed', message, stdout: process.stderr })
    if (typed !== name) throw usageError(`${name} was not typed: nothing was changed`)
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? '?'}` // a uid without a name, as in a container
  }
}

function useColour(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}
