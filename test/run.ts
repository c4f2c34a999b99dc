/**
 * `npm test [tier…]`: types, lint and unused code, then the tiers unit, scripts and engine. `npm run test:faults` sweeps.
 * The engine tiers install and start Docker where it is missing; `-- --yes` or CI=true does not ask.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { prepareForBuilding, prepareHost, prepareProgram } from '../rehearsal/host.ts'
import { buildImages } from '../rehearsal/images.ts'

const root = resolve(import.meta.dirname, '..')
const TIERS = ['check', 'unit', 'scripts', 'engine'] as const
const KNOWN = [...TIERS, 'faults']

const consent = process.argv.includes('--yes')
const asked = process.argv.slice(2).filter((word) => word !== '--yes')
const unknown = asked.filter((tier) => !KNOWN.includes(tier))
if (unknown.length > 0) {
  console.error(`unknown tier ${unknown.join(', ')}; known: ${KNOWN.join(', ')}`)
  process.exit(2)
}

const env = { ...process.env, NODE_OPTIONS: '', ZX_VERBOSE: '' }

/** Run programs side by side with our output. Returns the exit code of one that failed, when all have ended. */
async function run(...programs: string[][]): Promise<number | undefined> {
  const ended = programs.map(async ([program = '', ...args]) => {
    console.error(`\n— ${program} ${args.join(' ')}`)
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
    const [status] = await once(child, 'close')
    return status
  })
  const failed = (await Promise.all(ended)).find((status) => status !== 0)
  return failed === undefined ? undefined : (failed ?? 1)
}

/** As `run`; a failure ends everything. */
async function must(...programs: string[][]): Promise<void> {
  const failed = await run(...programs)
  if (failed !== undefined) process.exit(failed)
}

async function check(): Promise<void> {
  await must(['node_modules/.bin/tsc', '--noEmit'])
  await must(['node_modules/.bin/biome', 'check', '.'])
  await must(['node_modules/.bin/knip'])
}

/** What cannot have a neighbour: health holds seconds against limits. */
const ALONE = /^test\/(engine\/health|faults\/)/

/** What waits more than it works, such as for the minute of the web workers or for alerts: beside all others. */
const WAITS = /^test\/engine\/(theme|monitoring|remote|kuma)/

/** Engine tests wait more than they compute, and each file has a stack of its own: two of them at once. */
async function suite(tier: string): Promise<void> {
  const names = readdirSync(join(root, 'test', tier), { recursive: true, encoding: 'utf8' })
  const files = names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', tier, name))
    .sort()
  if (files.length === 0) throw new Error(`test/${tier} holds no test`)
  const alone = files.filter((file) => ALONE.test(file))
  const waits = files.filter((file) => WAITS.test(file))
  const others = files.filter((file) => !ALONE.test(file) && !WAITS.test(file))
  if (alone.length > 0) await lookTwice(tier, testing(alone, 1))
  const lists = [
    { list: others, atOnce: tier === 'engine' ? 2 : undefined },
    { list: waits, atOnce: 1 },
  ].filter(({ list }) => list.length > 0)
  await lookTwice(tier, ...lists.map(({ list, atOnce }) => testing(list, atOnce)))
}

/** The file that failed beside others and passed alone. */
let doubtful: string | undefined
/** Where each run of node tells which files failed. */
const notes = mkdtempSync(join(tmpdir(), 'erp-test-'))
process.once('exit', () => rmSync(notes, { recursive: true, force: true }))

/**
 * Three stacks on two cores now and then keep an engine from an answer for seconds. A single engine file that fails is run once
 * more, alone, its failure in sight and its name told at the end; a second file, or the same again, is a failure.
 */
async function lookTwice(tier: string, ...programs: string[][]): Promise<void> {
  const failed = await run(...programs)
  if (failed === undefined) return
  const told = readdirSync(notes).flatMap((name) => readFileSync(join(notes, name), 'utf8').split('\n'))
  const [file, ...others] = new Set(told.filter(Boolean))
  if (tier !== 'engine' || !file || others.length > 0 || doubtful) process.exit(failed)
  console.error(`\n— once more, alone: ${file}`)
  await must(testing([file], 1))
  doubtful = file
}

/** @param atOnce how many files at a time; node leaves a core free where nothing is said: a file starts many processes itself */
function testing(files: string[], atOnce?: number): string[] {
  const most = atOnce ? [`--test-concurrency=${atOnce}`] : []
  const told = [
    ['spec', 'stdout'],
    ['./test/failures.mjs', join(notes, `${files.length}-${atOnce ?? 0}`)],
  ]
  const reporters = told.flatMap(([name, to]) => [`--test-reporter=${name}`, `--test-reporter-destination=${to}`])
  return [process.execPath, '--import=#typescript', '--test', ...reporters, ...most, ...files]
}

const say = (line: string) => console.error(line)

/** Docker and what builds, before anything else: it may ask. */
async function prepareEngine(): Promise<void> {
  await prepareHost(consent, say)
  await prepareForBuilding(consent, say)
  await prepareProgram('chromium', consent, say)
}

const tiers = asked.length > 0 ? asked : TIERS
const needsEngine = (tier: string) => tier === 'engine' || tier === 'faults'
if (tiers.some(needsEngine)) await prepareEngine()
/** The images are built beside the tiers that compute on one core. */
const images = tiers.some(needsEngine) ? buildImages(say) : undefined
images?.catch(() => {}) // told where they are needed
for (const tier of tiers) {
  if (tier === 'scripts' || needsEngine(tier)) await images
  await (tier === 'check' ? check() : suite(tier))
}
if (doubtful) console.error(`\n! failed beside others and passed alone; read its failure above: ${doubtful}`)
