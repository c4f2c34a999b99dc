/** A stack for one suite on this engine: names, home and images of its own, removed at the end however that comes. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withLock } from '../lib/lock.ts'
import { prepareForBuilding, prepareHost } from '../rehearsal/host.ts'
import { buildImages } from '../rehearsal/images.ts'
import { docker, makeStack } from '../rehearsal/stack.ts'
import { npxZx, ROOT, run, type Timed } from './process.ts'
import { subnetsOf } from './tenants.ts'

/** What every suite gets. */
export interface Session {
  /** `--scale`. */
  readonly scale: number
  /** Progress, on stderr. */
  say(line: string): void
  /** Aborted by INT, TERM and HUP. */
  readonly signal: AbortSignal
}

export interface BenchStack {
  /** Where the suite may put files; removed with the stack. */
  readonly folder: string
  /** What everything of this stack bears, and is removed by. */
  readonly label: string
  /** The name of the container of a service. */
  container(service: string): string
  /** Run and time a command in this stack's environment. */
  run(command: string[], env?: Record<string, string>, accept?: number[]): Promise<Timed>
  /** Progress, on stderr. */
  say(line: string): void
}

const checkout = createHash('sha256').update(ROOT).digest()
/** Per checkout, so that what a killed run left is found again. */
const PREFIX = `bench${checkout.toString('hex').slice(0, 6)}-`
const LABEL = `com.docker.compose.project=${PREFIX}securenexus-erp`
const LOCK = join(ROOT, 'node_modules/.cache/erp-bench/lock')

/** One of the 64 networks of this checkout's part of 198.18.0.0/15, which RFC 2544 keeps for benchmarks. */
export function subnet(index: number): string {
  const block = (checkout[0] ?? 0) % 64
  const third = (block % 32) * 8 + Math.floor(index / 8)
  return `198.${block < 32 ? 18 : 19}.${third}.${(index % 8) * 32}/27`
}

/**
 * Do some work with a stack that nothing else uses. One bench at a time runs in a checkout.
 * @throws OperatorError (75) where another one does
 */
export async function withStack<T>(session: Session, work: (stack: BenchStack) => Promise<T>): Promise<T> {
  const holder = { pid: process.pid, verb: 'bench', since: new Date().toISOString() }
  return withLock(LOCK, holder, 'the stack of this checkout', async () => {
    const images = await prepareImages(session)
    const folder = mkdtempSync(join(tmpdir(), 'erp-bench-'))
    const home = join(folder, 'home')
    const compose = join(ROOT, 'compose.yml')
    const overlay = join(folder, 'subnets.json')
    writeFileSync(overlay, subnetsOf(readFileSync(compose, 'utf8'), subnet))
    const more = { COMPOSE_FILE: `${compose}:${overlay}`, ERP_TENANTS: join(ROOT, 'tenants.ts') }
    const { env, remove } = makeStack(home, PREFIX, images, more)
    removeAll(remove) // an earlier run may have been killed
    try {
      return await work({
        folder,
        label: LABEL,
        container: (service) => `${PREFIX}${service}`,
        run: (command, extra = {}, accept = [0]) =>
          run(command, { env: { ...env, ...extra }, signal: session.signal, accept }),
        say: session.say,
      })
    } finally {
      session.say('Removing the containers, volumes and networks')
      removeAll(remove)
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

async function prepareImages({ say, signal }: Session): Promise<Record<string, string>> {
  await prepareHost(false, say)
  await prepareForBuilding(false, say)
  const images = await buildImages(say)
  signal.throwIfAborted()
  return images
}

/** A second Ctrl-C also ends the docker client that removes: hence again, until nothing is left. */
function removeAll(remove: () => void): void {
  const mine = `label=${LABEL}`
  const left = () =>
    docker('ps', '-aq', '--filter', mine) +
    docker('volume', 'ls', '-q', '--filter', mine) +
    docker('network', 'ls', '-q', '--filter', mine)
  for (let tries = 0; tries < 5; tries++) {
    remove()
    if (left() === '') return
  }
  throw new Error(`not all of ${PREFIX}* could be removed: docker ps -a --filter ${mine}`)
}

/** Make the secrets of all tenants, then bring some of them up. */
export async function deployTenants(stack: BenchStack, tenants: string[], env = {}): Promise<void> {
  await stack.run(npxZx('scripts/generate-secrets.ts'), env)
  for (const tenant of tenants) {
    const { seconds, stderr } = await stack.run(npxZx('scripts/deploy.ts', tenant), env)
    for (const line of stderr.split('\n')) if (line.startsWith('⚠')) stack.say(`  ${line}`)
    stack.say(`  ${tenant} is up after ${seconds.toFixed(0)} s`)
  }
}

/** Write a file that this stack's environment may name. */
export function writeFile(stack: BenchStack, name: string, text: string): string {
  const path = join(stack.folder, name)
  writeFileSync(path, text)
  return path
}
