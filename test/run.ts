/**
 * `npm test [tier…]`: types, lint and unused code, then the tiers unit, scripts and engine. `npm run test:faults` sweeps.
 * The engine tiers install and start Docker where it is missing; `-- --yes` or CI=true does not ask.
 */
import { spawnSync } from 'node:child_process'
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
function run(program: string, args: string[]): void {
  console.error(`\n— ${program} ${args.join(' ')}`)
  const { status, error } = spawnSync(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

function check(): void {
  run('node_modules/.bin/tsc', ['--noEmit'])
  run('node_modules/.bin/biome', ['check', '.'])
  run('node_modules/.bin/knip', [])
}

/**
 * What cannot have a neighbour: health holds seconds against limits, edge spoils a file of this very tree for a moment, and a
 * browser (edge, kuma, sso, theme) gives up what it is loading when Docker makes a network for another stack.
 */
const ALONE = /^test\/(engine\/(edge|health|kuma|sso|theme)|faults\/)/

/** Engine tests wait more than they compute, and each file has a stack of its own: two of them at once. */
function suite(tier: string): void {
  const names = readdirSync(join(root, 'test', tier), { recursive: true, encoding: 'utf8' })
  const files = names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', tier, name))
    .sort()
  if (files.length === 0) throw new Error(`test/${tier} holds no test`)
  const alone = files.filter((file) => ALONE.test(file))
  const others = files.filter((file) => !ALONE.test(file))
  if (alone.length > 0) runTests(alone, 1)
  if (others.length > 0) runTests(others, tier === 'engine' ? 2 : undefined)
}

/** @param atOnce how many files at a time; as many as there are cores where nothing is said */
function runTests(files: string[], atOnce?: number): void {
  const most = atOnce ? [`--test-concurrency=${atOnce}`] : []
  run(process.execPath, ['--import=#typescript', '--test', '--test-reporter=spec', ...most, ...files])
}

/** Docker and the images, before the first test that needs them. */
async function prepareEngine(): Promise<void> {
  const say = (line: string) => console.error(line)
  await prepareHost(consent, say)
  await prepareForBuilding(consent, say)
  await prepareProgram('chromium', consent, say)
  await buildImages(say)
}

for (const tier of asked.length > 0 ? asked : TIERS) {
  if (tier === 'engine' || tier === 'faults') await prepareEngine()
  if (tier === 'check') check()
  else suite(tier)
}
