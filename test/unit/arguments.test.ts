import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkOptions, chooseTenants, type Grammar, parseCommandLine, renderHelp } from '../../lib/arguments.ts'
import type { OperatorError } from '../../lib/errors.ts'
import { makeTenant } from '../../lib/registry.ts'
import { readSettings } from '../../lib/settings.ts'
import tenants from '../../tenants.ts'

const settings = readSettings('/nonexistent', {})
const registry = [makeTenant('byrne', tenants.byrne, settings), makeTenant('dickson', tenants.dickson, settings)]

const options = {
  timeout: { type: 'number', value: 'SECONDS', default: 300, help: 'how long' },
  file: { type: 'string', value: 'FILE', help: 'where' },
  follow: { type: 'boolean', help: 'go on' },
} as const
type Spec = Grammar<typeof options>
const base = { name: 'verb', summary: 'Do it.', examples: ['verb.ts a', 'verb.ts b'], options }
const some: Spec = { ...base, tenants: 'some', changes: true }
const any: Spec = { ...base, tenants: 'any' }
const one: Spec = { ...base, tenants: 'one', all: true, words: '<verb>' }
const alone: Spec = { ...base, tenants: 'one' }

/** What a command line comes down to: the tenants' names, the words, the options. */
function read(spec: Spec, args: string[]) {
  const { flags, positionals, passed } = parseCommandLine(spec, args)
  const values = checkOptions(spec, flags)
  const chosen = chooseTenants(spec, registry, positionals, flags.all === true)
  return { ...chosen, tenants: chosen.tenants.map(({ name }) => name), values, passed }
}

describe('a command line is understood', () => {
  for (const [spec, args, chosen, words] of [
    [some, ['dickson'], ['dickson'], []],
    [some, ['dickson', 'byrne', 'dickson'], ['dickson', 'byrne'], []],
    [some, ['--all'], ['byrne', 'dickson'], []],
    [any, [], ['byrne', 'dickson'], []],
    [any, ['byrne'], ['byrne'], []],
    [one, ['dickson', 'restart', 'db'], ['dickson'], ['restart', 'db']],
    [one, ['--all', 'stop'], ['byrne', 'dickson'], ['stop']],
    [alone, ['dickson'], ['dickson'], []],
  ] as [Spec, string[], string[], string[]][]) {
    it(`${spec.tenants}: ${args.join(' ') || 'nothing'}`, () => {
      const { tenants: names, words: found } = read(spec, args)
      assert.deepEqual([names, found], [chosen, words])
    })
  }

  it('with options in any place, their defaults where they are missing, and all behind -- untouched', () => {
    const { values, passed } = read(one, ['--follow', 'dickson', 'bench', '--file', 'x', '--', '--json', '--', '-v'])
    assert.deepEqual(values, { timeout: 300, file: 'x', follow: true })
    assert.deepEqual(passed, ['--json', '--', '-v'])
  })

  for (const [text, value] of [
    ['1', 1],
    ['86400', 86400],
    ['007', 7],
  ] as const) {
    it(`with --timeout ${text} as ${value}`, () => assert.equal(read(any, ['--timeout', text]).values.timeout, value))
  }
})

describe('a command line is refused with 2 and one printable line', () => {
  const WORDS = [
    'foo',
    '../dickson',
    'byrne/../dickson',
    'byrne;id',
    '$(id)',
    '`id`',
    'a b',
    'dickson ',
    ' dickson',
    'Byrne',
    'ｂyrne',
  ]
  const ODD = [
    'dickson\n',
    'a\nb',
    '.',
    '..',
    '',
    '/etc',
    '*',
    '~',
    'constructor',
    '__proto__',
    'undefined',
    '\x1b[2J',
    '\u202edickson',
    '\x9b2J',
  ]
  const NUMBERS = [
    'x',
    '0',
    '-1',
    '1e3',
    '0x10',
    'NaN',
    'Infinity',
    '1.5',
    ' 5',
    '3000000',
    '99999999999999999999',
    '86401',
  ]
  const cases: [spec: Spec, args: string[], message: RegExp][] = [
    ...[...WORDS, ...ODD, 'x'.repeat(300)].flatMap((word): [Spec, string[], RegExp][] => [
      [some, [word], /unknown tenant "/],
      [any, [word], /known: byrne, dickson/],
      [one, [word, 'stop'], /unknown tenant "/],
      [some, ['dickson', word], /unknown tenant "/],
    ]),
    ...NUMBERS.map((value): [Spec, string[], RegExp] => [
      any,
      [`--timeout=${value}`],
      /--timeout must be a whole number from 1 to 86400/,
    ]),
    [some, [], /a tenant is missing; known: byrne, dickson/],
    [one, [], /a tenant is missing/],
    [alone, ['dickson', 'byrne'], /one tenant is meant, not 2/],
    [any, ['--all'], /--all/],
    [any, ['--dry-run'], /--dry-run/],
    [any, ['--timeout'], /--timeout/],
    [any, ['--timeout='], /--timeout needs a value/],
    [any, ['--timeout', '--json'], /--timeout/],
    [any, ['--file='], /--file needs a value/],
    [any, ['--json=yes'], /--json/],
    [any, ['--no-json'], /--no-json/],
    [any, ['-v'], /-v/],
    [any, ['-'], /unknown tenant "-"/],
    [any, ['--\x1b[31mred\x9b'], /\\u\{1b\}\[31mred\\u\{9b\}/],
    [any, [`--${'x'.repeat(999)}`], /xxx/],
  ]
  for (const [spec, args, message] of cases) {
    it(`${spec.tenants}: ${JSON.stringify(args).slice(0, 60)}`, () => {
      assert.throws(
        () => read(spec, args),
        (error: OperatorError) => {
          assert.equal(error.code, 2, error.stack ?? '')
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /[\p{Cc}\u202e]/u)
          assert.ok(error.message.length < 400)
          return true
        },
      )
    })
  }

  it('never tells that --all stands beside a tenant as a matter of their number', () => {
    assert.throws(() => read(some, ['dickson', '--all']), /--all and a tenant exclude each other/)
  })
})

describe('the help', () => {
  it('names every option once with its default, two examples first and the exit codes last', () => {
    const lines = renderHelp(some).split('\n')
    assert.deepEqual(lines.slice(0, 2), ['  npx zx scripts/verb.ts a', '  npx zx scripts/verb.ts b'])
    for (const name of ['all', 'timeout SECONDS', 'file FILE', 'follow', 'dry-run', 'json', 'quiet', 'help'])
      assert.equal(lines.filter((line) => line.startsWith(`  --${name} `)).length, 1, name)
    assert.ok(lines.some((line) => /--timeout.*\(300\)/.test(line)))
    assert.match(lines.at(-1) ?? '', /129\/130\/143/)
  })

  it('offers --all and --dry-run only where they are taken', () => {
    assert.doesNotMatch(renderHelp(any), /--all|--dry-run/)
    assert.match(renderHelp(one), /<tenant\|--all>/)
  })
})
