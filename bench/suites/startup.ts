/** What a script costs before it does anything: each `--help` beside `npx zx` of an empty script. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { interleave, makeRow, type Row } from '../measure.ts'
import { npxZx, ROOT, run } from '../process.ts'
import type { Session } from '../stack.ts'

const EMPTY = 'bench/empty.ts'
const GOAL = 1.15

export async function startup({ scale, say, signal }: Session): Promise<Row[]> {
  const scripts = readdirSync(join(ROOT, 'scripts')).filter((name) => name.endsWith('.ts'))
  const files = scripts.map((name) => `scripts/${name}`)
  const sample = (file: string) => async () => (await run(npxZx(file, '--help'), { signal })).seconds
  const samples = Object.fromEntries([EMPTY, ...files].map((file) => [file, sample(file)]))
  const medians = await interleave(scale, samples, say)
  const reference = medians[EMPTY] ?? Number.NaN
  return files.map((file) => {
    const ours = medians[file] ?? Number.NaN
    return makeRow({ name: `${file} --help`, ours, reference, against: `npx zx ${EMPTY}`, goal: GOAL }, 'ms')
  })
}
