/**
 * Defines a script: arguments, help, exit code, signals, lock, journal, output. The only file that knows `process`.
 * A verb is a spec and a `run`; everything that cuts across verbs is here, once.
 */
import { setMaxListeners } from 'node:events'
import { realpathSync } from 'node:fs'
import { userInfo } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { $ } from 'zx/core'
import { EXIT, EXIT_STATUS, messageOf, OperatorError, printable, usageError } from './errors.ts'
import { appendJournal } from './journal.ts'
import { withLock } from './lock.ts'
import { makeRedactor } from './redact.ts'
import { findTenant, readRegistry, type Tenant } from './registry.ts'
import { makeReporter, type Reporter } from './reporter.ts'
import { readSettings, type Settings } from './settings.ts'

interface OptionSpec {
  readonly type: 'boolean' | 'string' | 'number'
  readonly help: string
  /** The name of the value in the help: `SECONDS`. */
  readonly value?: string
  readonly default?: string | number
}
type OptionSpecs = Record<string, OptionSpec>

type OptionValue<O extends OptionSpec> = O['type'] extends 'boolean'
  ? boolean
  : O extends { default: string | number }
    ? O['type'] extends 'number'
      ? number
      : string
    : (O['type'] extends 'number' ? number : string) | undefined

/** What a verb's `run` gets. */
export interface Context<O extends OptionSpecs> extends Reporter {
  readonly tenants: Tenant[]
  /** Every tenant of the registry. */
  readonly registry: Tenant[]
  readonly settings: Settings
  readonly options: { readonly [K in keyof O]: OptionValue<O[K]> }
  /** Positional words after the tenant. */
  readonly words: string[]
  /** What stood after `--`. */
  readonly passed: string[]
  readonly dryRun: boolean
  readonly json: boolean
  readonly terminal: boolean
  /** Aborted by INT, TERM and HUP. */
  readonly signal: AbortSignal
  /** Take each tenant's lock in turn, do the work, write the journal. One tenant's failure does not stop the next. */
  forEachTenant<T>(work: (tenant: Tenant) => Promise<T>): Promise<T[]>
  /** Hold a lock that belongs to no tenant, below state/. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T>
  /** Write a part of the result to stdout now (`--watch`, `logs`). */
  print(text: string): void
}

export interface CommandSpec<O extends OptionSpecs, R> {
  /** The file's name without `.ts`. */
  readonly name: string
  readonly summary: string
  /** At least two. */
  readonly examples: readonly string[]
  /** `one`; `some` (or --all); `any` (none means all). */
  readonly tenants: 'one' | 'some' | 'any'
  /** With `one`: `--all` may stand instead of the tenant. */
  readonly all?: boolean
  /** The words after the tenant, as the usage line shows them. */
  readonly words?: string
  readonly options?: O
  /** Has `--dry-run`. */
  readonly changes?: boolean
  /** Lines for the end of the help. */
  readonly notes?: readonly string[]
  run(context: Context<O>): Promise<R>
  /** The result for people, on stdout; `--json` prints the result itself. */
  render?(result: R, colour: boolean): string
  /** The exit code of a result that is no error; 0 where nothing is said. */
  exitCode?(result: R): number
}

const ROOT = resolve(import.meta.dirname, '..')
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
/** Of a number: a day in seconds. */
const LARGEST = 86_400
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
    if (json) process.stdout.write(redact(`${JSON.stringify(result ?? {}, null, 2)}\n`))
    else if (spec.render && !parsed.flags.quiet) writeResult(redact(spec.render(result, useColour(process.stdout))))
    return spec.exitCode?.(result) ?? EXIT.done
  } catch (error) {
    const stopped = stoppedBy()
    if (stopped && json)
      process.stdout.write(`${JSON.stringify({ error: { message: stopped, code: SIGNALS[stopped] } })}\n`)
    if (stopped) return SIGNALS[stopped]
    return report(spec.name, error, redact, json)
  }
}

function writeResult(text: string): void {
  if (text !== '') process.stdout.write(`${text}\n`)
}

/** Tell an error: an OperatorError in two lines, a bug with its stack. Returns the exit code. */
function report(name: string, error: unknown, redact: (text: string) => string, json: boolean): number {
  const known = error instanceof OperatorError
  const code = known ? error.code : EXIT.bug
  const message = redact(messageOf(error))
  if (json)
    process.stdout.write(`${JSON.stringify({ error: { message, hint: known ? error.hint : undefined, code } })}\n`)
  process.stderr.write(`${name}: ${message}\n`)
  if (known && error.hint) process.stderr.write(`  → ${redact(error.hint)}\n`)
  if (!known)
    process.stderr.write(`${redact(String((error as Error)?.stack ?? error))}\nThis is a bug: please report it.\n`)
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

type Flags = Record<string, string | boolean | undefined>
interface CommandLine {
  flags: Flags
  positionals: string[]
  passed: string[]
}

const COMMON: OptionSpecs = {
  json: { type: 'boolean', help: 'one JSON document on stdout; never asks' },
  quiet: { type: 'boolean', help: 'print nothing on success' },
  help: { type: 'boolean', help: 'this text' },
}

function optionsOf<O extends OptionSpecs, R>(spec: CommandSpec<O, R>): OptionSpecs {
  const all: OptionSpecs =
    spec.tenants === 'some' || spec.all ? { all: { type: 'boolean', help: 'every tenant of the registry' } } : {}
  const dryRun: OptionSpecs = spec.changes
    ? { 'dry-run': { type: 'boolean', help: 'say what would be done, change nothing' } }
    : {}
  return { ...all, ...spec.options, ...dryRun, ...COMMON }
}

function parseCommandLine<O extends OptionSpecs, R>(spec: CommandSpec<O, R>, args: string[]): CommandLine {
  const options = optionsOf(spec)
  const types = Object.entries(options).map(([name, { type }]) => [
    name,
    { type: type === 'boolean' ? ('boolean' as const) : ('string' as const) },
  ])
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  try {
    const { values, positionals } = parseArgs({ args: own, options: Object.fromEntries(types), allowPositionals: true })
    return { flags: values as Flags, positionals, passed: end < 0 ? [] : args.slice(end + 1) }
  } catch (error) {
    const [sentence = ''] = messageOf(error).split(/\. |\n/)
    throw usageError(printable(sentence.slice(0, 300)), `npx zx scripts/${spec.name}.ts --help`)
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
  const { tenants, words } = chooseTenants(spec, registry, positionals, flags.all === true)
  const terminal = process.stdin.isTTY === true && process.stderr.isTTY === true
  const reporter = makeReporter({
    write: (text) => void process.stderr.write(text),
    redact,
    quiet: flags.quiet === true,
    terminal: process.stderr.isTTY === true && !process.env.CI,
    colour: useColour(process.stderr),
  })
  const dryRun = flags['dry-run'] === true
  const verb = [spec.name, ...words].join(' ')
  const base = { ...reporter, tenants, registry, settings, words, passed, dryRun, terminal, signal }
  return {
    ...base,
    json: flags.json === true,
    options: options as Context<O>['options'],
    exclusively: (name, work) => withLock(join(settings.home, 'state', `${name}.lock`), holder(verb), name, work),
    print: (text) => void process.stdout.write(redact(text)),
    forEachTenant: (work) => forEachTenant(tenants, verb, dryRun, reporter, redact, signal, work),
  }
}

const helpHint = (spec: { name: string }) => `npx zx scripts/${spec.name}.ts --help`

function checkOptions<O extends OptionSpecs, R>(spec: CommandSpec<O, R>, flags: Flags): Record<string, unknown> {
  const entries = Object.entries(spec.options ?? {}).map(([name, option]) => {
    const value = flags[name] ?? option.default
    if (option.type === 'boolean') return [name, value === true]
    if (value === '') throw usageError(`--${name} needs a value`, helpHint(spec))
    if (option.type !== 'number' || value === undefined) return [name, value]
    const number = /^\d{1,6}$/.test(String(value)) ? Number(value) : 0
    if (number < 1 || number > LARGEST) throw usageError(`--${name} must be a whole number from 1 to ${LARGEST}`)
    return [name, number]
  })
  return Object.fromEntries(entries)
}

function chooseTenants<O extends OptionSpecs, R>(
  spec: CommandSpec<O, R>,
  registry: Tenant[],
  positionals: string[],
  all: boolean,
): { tenants: Tenant[]; words: string[] } {
  const known = registry.map(({ name }) => name).join(', ')
  const taken = all ? 0 : spec.tenants === 'one' ? 1 : positionals.length
  const names = positionals.slice(0, taken)
  const words = positionals.slice(taken)
  if (words.length > 0 && !spec.words)
    throw usageError(`one tenant is meant, not ${positionals.length}`, helpHint(spec))
  if (all || (spec.tenants === 'any' && names.length === 0)) return { tenants: registry, words }
  if (names.length === 0) throw usageError(`a tenant is missing; known: ${known}`, helpHint(spec))
  const tenants = names.map((name) => findTenant(registry, name))
  return { tenants: [...new Set(tenants)], words }
}

async function forEachTenant<T>(
  tenants: Tenant[],
  verb: string,
  dryRun: boolean,
  reporter: Reporter,
  redact: (text: string) => string,
  signal: AbortSignal,
  work: (tenant: Tenant) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  const failures: OperatorError[] = []
  for (const tenant of tenants) {
    if (tenants.length > 1) reporter.say(`— ${tenant.title} (${tenant.name}) —`)
    try {
      results.push(
        dryRun ? await work(tenant) : await lockedAndRecorded(tenant, verb, redact, reporter.warn, () => work(tenant)),
      )
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
    code: Math.max(...failures.map(({ code }) => code)),
    ...(first.hint && { hint: first.hint }),
  })
}

function nameTenant(error: OperatorError, { name }: Tenant): OperatorError {
  if (error.message.includes(name)) return error
  const { code, hint } = error
  return new OperatorError(`${name}: ${error.message}`, { code, cause: error, ...(hint && { hint }) })
}

/** Hold the tenant's lock, and write down how it ended. A refusal that changed nothing is written down as well. */
async function lockedAndRecorded<T>(
  tenant: Tenant,
  verb: string,
  redact: (text: string) => string,
  warn: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const begun = Date.now()
  const at = new Date(begun).toISOString()
  const by = process.env.SUDO_USER || userName()
  return withLock(tenant.state('lock'), holder(verb), tenant.name, async () => {
    let code: number = EXIT.bug
    let message: string | undefined
    try {
      const result = await work()
      code = EXIT.done
      return result
    } catch (error) {
      if (error instanceof OperatorError) code = error.code
      message = redact(messageOf(error)).slice(0, 500)
      throw error
    } finally {
      const took = Math.round((Date.now() - begun) / 100) / 10
      const entry = { at, verb, by, code, seconds: took, ...(message && { message }) }
      await appendJournal(tenant.state('journal.jsonl'), entry).catch((error) => {
        warn(`${tenant.name}: the journal was not written: ${messageOf(error)}`)
      })
    }
  })
}

const holder = (verb: string) => ({ pid: process.pid, verb, since: new Date().toISOString() })

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

/** The help, from the same spec that types the options. */
function renderHelp<O extends OptionSpecs, R>(spec: CommandSpec<O, R>): string {
  const target = { one: spec.all ? '<tenant|--all>' : '<tenant>', some: '<tenant…|--all>', any: '[tenant…]' }[
    spec.tenants
  ]
  const usage = ['npx zx', `scripts/${spec.name}.ts`, target, spec.words, '[options]'].filter(Boolean).join(' ')
  const rows = Object.entries(optionsOf(spec)).map(([name, option]) => {
    const left = `--${name}${option.type === 'boolean' ? '' : ` ${option.value ?? 'VALUE'}`}`
    return `  ${left.padEnd(22)} ${option.help}${option.default === undefined ? '' : ` (${option.default})`}`
  })
  return [
    ...spec.examples.map((example) => `  npx zx scripts/${example}`),
    '',
    spec.summary,
    '',
    `Usage: ${usage}`,
    '',
    ...rows,
    ...(spec.notes?.length ? ['', ...spec.notes] : []),
    '',
    'Exit status:',
    ...EXIT_STATUS.map((row) => `  ${row}`),
  ].join('\n')
}
