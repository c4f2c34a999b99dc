/**
 * `npm test [tier…]`: types, lint and unused code, then the tiers unit, scripts and engine. `npm run test:faults` sweeps.
 * The engine tiers install and start Docker where it is missing; `-- --yes` or CI=true does not ask.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
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

/** Run a program with our output; its failure ends everything. */
async function run(program: string, args: string[]): Promise<void> {
  console.error(`\n— ${program} ${args.join(' ')}`)
  const [status] = await once(
    spawn(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] }),
    'close',
  )
  if (status !== 0) process.exit(status ?? 1)
}

async function check(): Promise<void> {
  await run('node_modules/.bin/tsc', ['--noEmit'])
  await run('node_modules/.bin/biome', ['check', '.'])
  await run('node_modules/.bin/knip', [])
}

/** What cannot have a neighbour: health holds seconds against limits, and edge spoils a file of this very tree for a moment. */
const ALONE = /^test\/(engine\/(edge|health)|faults\/)/

/** Engine tests wait more than they compute, and each file has a stack of its own: two of them at once. */
async function suite(tier: string): Promise<void> {
  const names = readdirSync(join(root, 'test', tier), { recursive: true, encoding: 'utf8' })
  const files = names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', tier, name))
    .sort()
  if (files.length === 0) throw new Error(`test/${tier} holds no test`)
  const alone = files.filter((file) => ALONE.test(file))
  const others = files.filter((file) => !ALONE.test(file))
  if (alone.length > 0) await runTests(alone, 1)
  if (others.length > 0) await runTests(others, tier === 'engine' ? 2 : undefined)
}

/** @param atOnce how many files at a time; node leaves a core free where nothing is said: a file starts many processes itself */
async function runTests(files: string[], atOnce?: number): Promise<void> {
  const most = atOnce ? [`--test-concurrency=${atOnce}`] : []
  await run(process.execPath, ['--import=#typescript', '--test', '--test-reporter=spec', ...most, ...files])
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
