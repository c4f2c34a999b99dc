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

/** Run programs side by side with our output; when all have ended, a failure of one ends everything. */
async function run(...programs: string[][]): Promise<void> {
  const ended = programs.map(async ([program = '', ...args]) => {
    console.error(`\n— ${program} ${args.join(' ')}`)
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
    const [status] = await once(child, 'close')
    return status
  })
  const failed = (await Promise.all(ended)).find((status) => status !== 0)
  if (failed !== undefined) process.exit(failed ?? 1)
}

async function check(): Promise<void> {
  await run(['node_modules/.bin/tsc', '--noEmit'])
  await run(['node_modules/.bin/biome', 'check', '.'])
  await run(['node_modules/.bin/knip'])
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
  if (alone.length > 0) await run(testing(alone, 1))
  const lists = [
    { list: others, atOnce: tier === 'engine' ? 2 : undefined },
    { list: waits, atOnce: 1 },
  ].filter(({ list }) => list.length > 0)
  await run(...lists.map(({ list, atOnce }) => testing(list, atOnce)))
}

/** @param atOnce how many files at a time; node leaves a core free where nothing is said: a file starts many processes itself */
function testing(files: string[], atOnce?: number): string[] {
  const most = atOnce ? [`--test-concurrency=${atOnce}`] : []
  return [process.execPath, '--import=#typescript', '--test', '--test-reporter=spec', ...most, ...files]
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
