/** What a stack's backups left: its repository as restic shows it by hand, and whatever should not be there. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { endOf, type Fault, withInjector } from '../faults/injector.ts'
import { start } from '../scripts/harness.ts'
import { docker, eventually, type TestStack } from './harness.ts'
import { invariantsOf } from './invariants.ts'

export interface Snapshot {
  id: string
  hostname: string
  tags?: string[]
  /** A copy's: the id that it had where it was made. */
  original?: string
}

/** What is known of dickson's backups. */
export const ledgerOf = ({ home }: TestStack) =>
  JSON.parse(readFileSync(join(home, 'state/dickson/ledger.json'), 'utf8'))

export type TestRepository = ReturnType<typeof repositoryOf>

/** A tenant's repository on this machine, opened by hand with its own password. */
export function repositoryOf(stack: TestStack, tenant = 'dickson', prefix = 'dickson') {
  const directory = () => join(stack.home, 'backups', tenant)
  const password = () => join(stack.home, 'secrets', `${prefix}_backup_password.txt`)

  /** Run restic as an operator would. Throws where it fails. */
  function restic(...args: string[]): string {
    const mounts = ['-v', `${directory()}:/repository`, '-v', `${password()}:/password:ro`]
    const run = ['run', '--rm', '--network', 'none', ...mounts, stack.env.RESTIC_IMAGE ?? '']
    const options = ['--no-cache', '--repo', '/repository', '--password-file', '/password']
    const how = { encoding: 'utf8', maxBuffer: 2 ** 28 } as const
    // what a short container said the engine now and then loses: dockerAsk() in lib/docker.ts
    const reads = ['snapshots', 'dump', 'ls', 'cat'].includes(args[0] ?? '')
    for (let tries = 1; ; tries++) {
      const { stdout, stderr, status } = spawnSync('docker', [...run, ...options, ...args], how)
      if (status !== 0) throw new Error(`restic ${args[0]}: ${stderr}`)
      if (stdout !== '' || !reads || tries === 3) return stdout
    }
  }
  const snapshots = (): Snapshot[] => JSON.parse(restic('snapshots', '--json', '--no-lock'))
  const tagged = (tag: string) => snapshots().filter(({ tags }) => tags?.includes(tag))

  return {
    directory,
    password,
    restic,
    snapshots,
    backups: () => tagged('backup'),
    proofs: () => tagged('proof'),
    /** Ids of the backups that a proof names, oldest first. */
    verified: (): string[] => {
      const all = snapshots()
      const proven = (id: string) => all.some(({ tags }) => tags?.includes('proof') && tags.includes(`of=${id}`))
      return all.filter(({ id, tags }) => tags?.includes('backup') && proven(id)).map(({ id }) => id)
    },
    locks: () => readdirSync(join(directory(), 'locks')).length,
  }
}

export interface Planting {
  proven?: boolean
  host?: string
  tag?: string
}

/** Put a backup of another day into a repository, with a proof of its own; returns its id. */
export function plantBackup(
  restic: TestRepository['restic'],
  day: string,
  { proven = true, host = 'dickson', tag = 'backup' }: Planting = {},
): string {
  const make = (file: string, ...tags: string[]) => {
    const common = ['backup', '--json', '--quiet', '--host', host, '--time', `${day} 03:00:00`]
    const what = ['--stdin-filename', file, '--stdin-from-command', '--', 'echo', day]
    const out = restic(...common, ...tags.flatMap((one) => ['--tag', one]), ...what)
    return JSON.parse(out.trim().split('\n').at(-1) ?? '{}').snapshot_id as string
  }
  const id = make('x', tag)
  if (proven) make('proof.json', 'proof', `of=${id}`)
  return id
}

/**
 * No one-off container is left and no process of mariadb-backup runs, within a minute, since the engine may be busy. `killed`: what the docker client had
 * made and not come to start is removed by the next run.
 */
export async function assertNothingLeft(stack: TestStack, { killed = false } = {}): Promise<void> {
  const project = `label=com.docker.compose.project=${stack.prefix}securenexus-erp`
  const list = (...filters: string[]) =>
    docker('ps', '-a', '--format', '{{.State}}', ...filters.flatMap((filter) => ['--filter', filter]))
  await eventually(60, 'no container of a backup is left', () => {
    const jobs = list(project, 'label=com.docker.compose.oneoff=True')
    const states = `${jobs}\n${list(`name=${stack.prefix}dickson-scratch`)}`.split('\n').filter(Boolean)
    return states.every((state) => killed && state === 'created')
  })
  await eventually(60, 'no mariadb-backup runs', () => {
    const top = docker('top', stack.container('dickson-db'), '-eo', 'args')
    return !/mariadb-backup|copy-database/.test(top)
  })
}

/** Every earlier backup is there and whole, nothing is left over. `family`: the processes that the backup started. */
export async function assertHolds(
  stack: TestStack,
  repository: TestRepository,
  earlier: string[],
  family: () => number[],
): Promise<void> {
  await eventually(60, 'no process of the backup is left', () => family().length === 0)
  await assertNothingLeft(stack, { killed: true })
  assert.deepEqual(repository.verified().slice(0, earlier.length), earlier)
}

/** Run a backup under a fault; the invariants hold after it, whatever it was. */
export async function backupUnder(stack: TestStack, repository: TestRepository, fault: Fault) {
  const earlier = repository.verified()
  const assertInvariants = invariantsOf(stack, repository)
  return withInjector(fault, async (injector) => {
    const running = start('backup', ['dickson'], { env: { ...stack.env, ...injector.env }, timeout: 120 })
    const { code, stderr } = await endOf(running, injector, fault)
    await assertHolds(stack, repository, earlier, running.family)
    assertInvariants(stderr)
    return { struck: injector.struck(), code, said: `${stderr}\n${injector.calls().join('\n')}` }
  })
}
