/** Runs a script as an operator or cron would: a process of its own, without a terminal, with a home of its own. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after } from 'node:test'

export const root = resolve(import.meta.dirname, '../..')

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

interface Options {
  env?: Record<string, string | undefined>
  cwd?: string
  /** Seconds; 30 where nothing is said. */
  timeout?: number
  /** Instead of `zx scripts/<name>.ts`. */
  command?: string[]
}

/** Run `npx zx scripts/<name>.ts …args` (zx started directly: npx costs half a second). stdin is closed. */
export function script(
  name: string,
  args: string[],
  { env, cwd = root, timeout = 30, command }: Options = {},
): Promise<Ran> {
  const [program = '', ...first] = command ?? [
    process.execPath,
    '--import=#typescript',
    join(root, 'node_modules/zx/build/cli.js'),
  ]
  const all = { ...process.env, NODE_OPTIONS: '', CI: '', ...env }
  const child = spawn(program, [...first, `scripts/${name}.ts`, ...args], {
    cwd,
    env: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeout * 1000,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  return new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr })))
}

/** A directory that is removed after the tests of this file. */
function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'erp-test-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A `docker` first on PATH that runs `body` (bash) and notes each call's arguments. */
export function stubDocker(body: string): { env: Record<string, string>; calls: () => string[] } {
  const directory = temporary()
  const log = join(directory, 'calls')
  writeFileSync(log, '')
  writeFileSync(join(directory, 'docker'), `#!/bin/bash\necho "$*" >>'${log}'\n${body}\n`)
  chmodSync(join(directory, 'docker'), 0o755)
  const calls = () => readFileSync(log, 'utf8').split('\n').filter(Boolean)
  return { env: { PATH: `${directory}:${process.env.PATH}` }, calls }
}
