/** `npm run bench -- <suite> [--scale N] [--json]`: ours and its reference, interleaved, as medians and ratios. */
import { parseArgs } from 'node:util'
import { EXIT, messageOf, OperatorError, usageError } from '../lib/errors.ts'
import type { Row } from './measure.ts'
import { SUITES, type Suite } from './suites.ts'
import { renderTable } from './table.ts'

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
const HELP = 'npm run bench -- --help'

interface Order {
  name: string
  suite: Suite
  scale: number
  json: boolean
}

function help(): string {
  const suites = Object.entries(SUITES).map(([name, { summary, scale }]) => {
    return `  ${name.padEnd(9)} ${summary} (--scale: ${scale.means}, ${scale.default})`
  })
  return [
    '  npm run bench -- redeploy',
    '  npm run bench -- growth --scale 5 --json',
    '',
    'Measure a suite: ours and its reference side by side, in one run. Progress on stderr, the result on stdout.',
    '',
    'Usage: npm run bench -- <suite> [--scale N] [--json]',
    '',
    ...suites,
    '',
    'A stack of its own is made for it and removed at the end. See docs/benchmarks.md.',
    'Exit status: 0 measured, whatever the figures are · 1 failed · 2 usage · 75 another bench runs in this checkout',
  ].join('\n')
}

/** @throws OperatorError (2) */
function readOrder(args: string[]): Order | 'help' {
  const { values, positionals } = parseWords(args)
  if (values.help) return 'help'
  const [name = '', ...more] = positionals
  const suite = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined
  const known = `known: ${Object.keys(SUITES).join(', ')}`
  if (name === '') throw usageError(`a suite is missing; ${known}`, HELP)
  if (!suite) throw usageError(`unknown suite ${JSON.stringify(name)}; ${known}`, HELP)
  if (more.length > 0) throw usageError('one suite is meant', HELP)
  return { name, suite, scale: readScale(suite, values.scale), json: values.json === true }
}

function parseWords(args: string[]) {
  const options = { scale: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } } as const
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw usageError(messageOf(error), HELP)
  }
}

function readScale({ scale }: Suite, text: string | undefined): number {
  const form = scale.fraction ? /^\d(\.\d{1,3})?$/ : /^\d{1,4}$/
  const number = text === undefined ? scale.default : form.test(text) ? Number(text) : Number.NaN
  if (number >= scale.min && number <= scale.max) return number
  throw usageError(
    `--scale must be a ${scale.fraction ? '' : 'whole '}number from ${scale.min} to ${scale.max} (${scale.means})`,
    HELP,
  )
}

/** What `--json` prints; docs/benchmarks.md describes it. */
const document = ({ name, scale }: Order, rows: Row[]) => ({
  suite: name,
  scale,
  rows: rows.map(({ name, ours, reference, ratio, unit }) => ({ name, ours, reference, ratio, unit })),
})

/** Abort on the first signal; the suite then ends its children, removes its stack and throws. */
function listenToSignals() {
  const controller = new AbortController()
  let stoppedBy: keyof typeof SIGNALS | undefined
  for (const name of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
    process.on(name, () => {
      if (stoppedBy) return
      stoppedBy = name
      console.error(`\nStopping (${name})`)
      controller.abort()
    })
  }
  return { signal: controller.signal, code: () => stoppedBy && SIGNALS[stoppedBy] }
}

async function main(): Promise<number> {
  const { signal, code } = listenToSignals()
  try {
    const order = readOrder(process.argv.slice(2))
    if (order === 'help') {
      console.log(help())
      return EXIT.done
    }
    const { suite, scale, json } = order
    const rows = await suite.run({ scale, signal, say: (line) => console.error(line) })
    console.log(json ? JSON.stringify(document(order, rows), null, 2) : renderTable(rows))
    return EXIT.done
  } catch (error) {
    return code() ?? report(error)
  }
}

function report(error: unknown): number {
  console.error(`bench: ${messageOf(error)}`)
  if (!(error instanceof OperatorError)) return EXIT.failed
  if (error.hint) console.error(`  → ${error.hint}`)
  return error.code
}

process.exitCode = await main()
