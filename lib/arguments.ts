/** What may be typed behind a script's name: options, tenants and words; the help is rendered from the same grammar. */
import { parseArgs } from 'node:util'
import { EXIT_STATUS, messageOf, printable, usageError } from './errors.ts'
import { findTenant, type Tenant } from './registry.ts'

export interface OptionSpec {
  readonly type: 'boolean' | 'string' | 'number'
  readonly help: string
  /** The name of the value in the help: `SECONDS`. */
  readonly value?: string
  readonly default?: string | number
}
export type OptionSpecs = Record<string, OptionSpec>

export type OptionValue<O extends OptionSpec> = O['type'] extends 'boolean'
  ? boolean
  : O extends { default: string | number }
    ? O['type'] extends 'number'
      ? number
      : string
    : (O['type'] extends 'number' ? number : string) | undefined

/** How a script is called: what its usage line, its options and its help follow from. */
export interface Grammar<O extends OptionSpecs> {
  /** The file's name without `.ts`. */
  readonly name: string
  readonly summary: string
  /** At least two. */
  readonly examples: readonly string[]
  /** `one`; `some` (or --all); `any` (none means all). */
  readonly tenants: 'one' | 'some' | 'any'
  /** With `one`: `--all` may stand instead of the tenant. */
  readonly all?: boolean
  /** `core` may stand among the tenants. */
  readonly core?: boolean
  /** The words after the tenant, as the usage line shows them. */
  readonly words?: string
  readonly options?: O
  /** Has `--dry-run`. */
  readonly changes?: boolean
  /** Lines for the end of the help. */
  readonly notes?: readonly string[]
}

/** Of a number: a day in seconds. */
const LARGEST = 86_400

type Flags = Record<string, string | boolean | undefined>
export interface CommandLine {
  flags: Flags
  positionals: string[]
  passed: string[]
}

const COMMON: OptionSpecs = {
  json: { type: 'boolean', help: 'one JSON document on stdout; never asks' },
  quiet: { type: 'boolean', help: 'print nothing on success' },
  help: { type: 'boolean', help: 'this text' },
}

function optionsOf<O extends OptionSpecs>(spec: Grammar<O>): OptionSpecs {
  const all: OptionSpecs =
    spec.tenants === 'some' || spec.all ? { all: { type: 'boolean', help: 'every tenant of the registry' } } : {}
  const dryRun: OptionSpecs = spec.changes
    ? { 'dry-run': { type: 'boolean', help: 'say what would be done, change nothing' } }
    : {}
  return { ...all, ...spec.options, ...dryRun, ...COMMON }
}

/** @throws OperatorError (2) */
export function parseCommandLine<O extends OptionSpecs>(spec: Grammar<O>, args: string[]): CommandLine {
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

export const helpHint = (spec: { name: string }) => `npx zx scripts/${spec.name}.ts --help`

/** The options with their defaults, numbers as numbers. @throws OperatorError (2) */
export function checkOptions<O extends OptionSpecs>(spec: Grammar<O>, flags: Flags): Record<string, unknown> {
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

/** The tenants that are meant, and the words behind them. @throws OperatorError (2) */
export function chooseTenants<O extends OptionSpecs>(
  spec: Grammar<O>,
  registry: Tenant[],
  given: string[],
  all: boolean,
): { tenants: Tenant[]; core: boolean; words: string[] } {
  const known = registry.map(({ name }) => name).join(', ')
  const core = spec.core === true && given.includes('core')
  const positionals = core ? given.filter((word) => word !== 'core') : given
  const taken = all ? 0 : spec.tenants === 'one' ? 1 : positionals.length
  const names = positionals.slice(0, taken)
  const words = positionals.slice(taken)
  if (all && !spec.words && words.length > 0) throw usageError('--all and a tenant exclude each other', helpHint(spec))
  const none = spec.tenants === 'any' && names.length === 0 && !core
  if (none) return { tenants: registry, core: spec.core === true, words }
  if (all) return { tenants: registry, core, words }
  if (names.length === 0 && !core) throw usageError(`a tenant is missing; known: ${known}`, helpHint(spec))
  const tenants = names.map((name) => findTenant(registry, name))
  if (words.length > 0 && !spec.words)
    throw usageError(`one tenant is meant, not ${positionals.length}`, helpHint(spec))
  return { tenants: [...new Set(tenants)], core, words }
}

/** The help, from the same spec that types the options. */
export function renderHelp<O extends OptionSpecs>(spec: Grammar<O>): string {
  const some = spec.core ? '<tenant…|--all|core>' : '<tenant…|--all>'
  const any = spec.core ? '[tenant…|core]' : '[tenant…]'
  const target = { one: spec.all ? '<tenant|--all>' : '<tenant>', some, any }[spec.tenants]
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
