/** Runs a script as an operator or cron would: a process of its own, without a terminal, with a home of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_CORE_SECRETS, TENANT_SECRETS } from '../../lib/registry.ts'

export const root = resolve(import.meta.dirname, '../..')
export const scripts = readdirSync(join(root, 'scripts')).map((name) => name.replace(/\.ts$/, ''))

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
  /** How long it ran. */
  seconds: number
}

interface Options {
  env?: Record<string, string | undefined>
  /** Nothing of our own environment: what cron gives. */
  bare?: boolean
  cwd?: string
  /** Seconds until it is killed, which makes `code` null; 30 where nothing is said. */
  timeout?: number
  /** Instead of `node --import=#typescript zx scripts/<name>.ts`. */
  command?: string[]
}

/** A script that runs. */
export interface Running {
  child: ChildProcess
  done: Promise<Ran>
  /** What it has written to stderr so far. */
  stderr(): string
  /** Pids of every process that it started, itself included, which still live. */
  family(): number[]
}

/** What starts a script, followed by its path. */
export const ZX = [process.execPath, '--import=#typescript', join(root, 'node_modules/zx/build/cli.js')]

/** Start `npx zx scripts/<name>.ts …args` in a process group of its own (zx directly: npx costs half a second). */
export function start(name: string, args: string[], options: Options = {}): Running {
  const { env = {}, bare = false, cwd = root, timeout = 30, command = [...ZX, `scripts/${name}.ts`] } = options
  const [program = '', ...first] = command
  const mark = `ERP_TEST_MARK=${randomBytes(8).toString('hex')}`
  const all = { ...(bare ? {} : { ...process.env, NODE_OPTIONS: '', CI: '' }), ...env, ERP_TEST_MARK: mark.slice(14) }
  const begun = performance.now()
  const child = spawn(program, [...first, ...args], {
    cwd,
    detached: true,
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
  const seconds = () => (performance.now() - begun) / 1000
  const done = new Promise<Ran>((resolve) =>
    child.on('exit', (code) => {
      const ran = () => resolve({ code, stdout, stderr, seconds: seconds() })
      child.on('close', ran)
      setTimeout(ran, 500).unref() // an orphan may keep the pipes open
    }),
  )
  return { child, done, stderr: () => stderr, family: () => processesWith(mark) }
}

/** Run a script to its end. stdin is empty. */
export function script(name: string, args: string[], options: Options = {}): Promise<Ran> {
  return start(name, args, options).done
}

/** Run a line of bash from the repository's root; `zx` in it starts a script as above. */
export function shell(line: string, options: Options = {}): Promise<Ran> {
  const zx = ZX.map((word) => `'${word}'`).join(' ')
  return start('', [], { ...options, command: ['bash', '-c', `zx() { ${zx} "$@"; }; ${line}`] }).done
}

function processesWith(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) =>
        read(`/proc/${pid}/environ`).split('\0').includes(mark) && !/^State:\tZ/m.test(read(`/proc/${pid}/status`)),
    )
    .map(Number)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** A directory that is removed after the tests of this file. */
export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'erp-test-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/**
 * A ledger as after a backup and a drill of just now: for tests of what is not about backups. `backups: false`: of a repository that
 * was made and has none yet, since a deploy makes nothing anew where there are some.
 */
export function plantLedger(home: string, tenant: string, { backups = true } = {}): void {
  const at = new Date().toISOString()
  const snapshot = 'c0ffee'.padEnd(64, '0')
  const ledger = {
    repository: { id: '0123456789', location: join(home, 'backups', tenant), at },
    ...(backups && {
      backup: { at, snapshot },
      verified: { at, snapshot, databaseBytes: 1, addedBytes: 1 },
      checked: { at, part: 1 },
      drilled: { at, snapshot, restoreSeconds: 10, passed: true },
    }),
  }
  mkdirSync(join(home, 'state', tenant), { recursive: true, mode: 0o700 })
  writeFileSync(join(home, 'state', tenant, 'ledger.json'), JSON.stringify(ledger))
  mkdirSync(ledger.repository.location, { recursive: true })
  const config = join(ledger.repository.location, 'config')
  if (!existsSync(config)) writeFileSync(config, '') // what healthcheck looks for
}

/**
 * A home with good secrets of both tenants and core, each a value that exists nowhere else, and with ledgers that know the
 * tenants' repositories, or backups too; `repositories: false`: as before the first deploy.
 */
export function makeHome({ secrets = true, repositories = true, backups = false } = {}) {
  const home = temporary()
  for (const tenant of repositories ? ['byrne', 'dickson'] : []) plantLedger(home, tenant, { backups })
  const directory = join(home, 'secrets')
  mkdirSync(directory, { mode: 0o700 })
  const made = new Map<string, string>()
  const own = ['erpnext', 'dickson'].flatMap((prefix) => TENANT_SECRETS.map((name) => `${prefix}_${name}`))
  for (const stem of secrets ? [...own, ...ALL_CORE_SECRETS] : []) {
    const name = `${stem}.txt`
    const value = randomBytes(24).toString('hex')
    made.set(name, value)
    writeFileSync(join(directory, name), value, { mode: 0o444 })
  }
  return { home, directory, values: [...made.values()], file: (name: string) => join(directory, name) }
}

/** A `docker` first on PATH that runs `body` (bash) and notes each call's arguments. */
export function stubDocker(body: string): { env: Record<string, string>; calls: () => string[] } {
  const directory = temporary()
  const log = join(directory, 'calls')
  writeFileSync(log, '')
  writeFileSync(join(directory, 'docker'), `#!/bin/bash\necho "\${*//$'\\n'/ }" >>'${log}'\n${body}\n`)
  chmodSync(join(directory, 'docker'), 0o755)
  const calls = () => readFileSync(log, 'utf8').split('\n').filter(Boolean)
  return { env: { PATH: `${directory}:${process.env.PATH}` }, calls }
}

/** A stubDocker for what this very process calls, until the end of the file's tests. */
export function useStubDocker(body: string): void {
  const { PATH } = process.env
  process.env.PATH = stubDocker(body).env.PATH
  after(() => {
    process.env.PATH = PATH
  })
}

/** Wait until something holds, or fail after `seconds`. */
export async function eventually(seconds: number, what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(20)
  }
}
