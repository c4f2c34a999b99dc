/** A restore under a fault, and what must hold after it: whole books, of the old time or the new one, never a mix. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { endOf, type Fault, withInjector } from '../faults/injector.ts'
import { start } from '../scripts/harness.ts'
import { assertNothingLeft, ledgerOf, repositoryOf } from './backups.ts'
import { type Books, openBooks } from './books.ts'
import { docker, eventually, type TestStack } from './harness.ts'
import { invariantsOf } from './invariants.ts'

const SITE = 'erp.dickson-supplies.com'

export interface MarkedBooks {
  readonly books: Books
  /** Run a line of bash in the backend, in sites/. */
  inBackend(code: string): string
  /** Book one more entry, and leave the number of entries in the site's files. */
  book(): Promise<void>
  /** Entries of the database, and the number in the files: of one time, they agree. */
  state(): string
  /** Whether a restore was interrupted. */
  intent(): boolean
}

/** Books whose database and files show whether they are of one time. */
export async function markBooks(stack: TestStack): Promise<MarkedBooks> {
  const inBackend = (code: string) => docker('exec', stack.container('dickson-backend'), 'bash', '-c', code)
  const books = await openBooks(stack)
  const entries = () => books.sql('select count(*) from `tabJournal Entry`')[0]?.[0]
  const marked: MarkedBooks = {
    books,
    inBackend,
    book: async () => {
      await (await openBooks(stack)).bookEntry(10) // a restore ends every session
      inBackend(`echo ${entries()} >${SITE}/marker`)
    },
    state: () => `${entries()} ${inBackend(`cat ${SITE}/marker`)}`,
    intent: () => existsSync(join(stack.home, 'state/dickson/restore.json')),
  }
  await marked.book()
  return marked
}

/** Run a restore that must be refused: whatever was wrong, the live site went on serving, and nothing is left. */
export async function assertRefused(
  stack: TestStack,
  marked: MarkedBooks,
  run: () => Promise<{ code: number | null; stderr: string }>,
  code: number,
  message: RegExp,
): Promise<void> {
  const untouched = stack.fingerprint('dickson')
  const now = marked.state()
  const ran = await run()
  assert.equal(ran.code, code, ran.stderr)
  assert.match(ran.stderr, message)
  assert.equal(stack.fingerprint('dickson'), untouched)
  assert.equal(marked.state(), now)
  assert.ok(!marked.intent())
  assert.doesNotMatch(docker('exec', stack.container('dickson-db'), 'ls', '/var/lib/mysql'), /incoming/)
  await assertNothingLeft(stack)
}

export interface Survived {
  struck: boolean
  code: number | null
  said: string
  /** The exchange had begun, and the next run finished it. */
  interrupted: boolean
  /** What it asked of docker, one string a call. */
  calls: string[]
}

/**
 * Restore the first backup (of one entry) under a fault. Whatever that was, one more run by hand ends with whole books,
 * and every earlier backup is there.
 */
export async function restoreUnder(stack: TestStack, marked: MarkedBooks, fault?: Fault): Promise<Survived> {
  await marked.book()
  const old = marked.state()
  const repository = repositoryOf(stack)
  const earlier = repository.verified()
  const assertInvariants = invariantsOf(stack, repository)
  const before = ledgerOf(stack).restored?.at
  /** Whether this run has brought it, to its end: it may be killed afterwards as well. */
  const brought = () => {
    const { restored } = ledgerOf(stack)
    return restored?.verb === 'restore' && restored.at !== before
  }
  return withInjector(fault, async (injector) => {
    const args = ['dickson', '--confirm=dickson', '--without-backup', `--snapshot=${earlier[0]}`]
    const running = start('restore', args, { env: { ...stack.env, ...injector.env }, timeout: 180 })
    const { code, stderr } = await endOf(running, injector, fault)
    const calls = injector.calls()
    await eventually(60, 'no process of the restore is left', () => running.family().length === 0)
    const jobs = () => docker('ps', '-q', '--filter', `name=${stack.prefix}dickson-restore-`)
    await eventually(60, 'no container of it runs', () => jobs() === '')
    const interrupted = marked.intent()
    const done = interrupted ? await finishByHand(stack, stderr) : brought()
    const back = /the earlier state is back/.test(stderr)
    if (!interrupted && code !== null && code < 128) assert.equal(done, !back && (code === 0 || code === 4), stderr)
    if (!interrupted && code === 4) await startTheRest(stack, stderr)
    assert.equal(marked.state(), done ? '1 1' : old, stderr)
    assert.deepEqual(repository.verified().slice(0, earlier.length), earlier)
    await assertNothingLeft(stack, { killed: true })
    assertInvariants(stderr)
    return { struck: injector.struck(), code, said: stderr, interrupted, calls }
  })
}

/** The site answers, and what no browser waits for did not start. */
async function startTheRest(stack: TestStack, said: string): Promise<void> {
  assert.match(said, /(the site answers, but|the earlier state is back: [\s\S]*; but) [\s\S]*deploy\.ts dickson/)
  const { code, stderr } = await stack.script('deploy', ['dickson'])
  assert.equal(code, 0, stderr)
}

/**
 * Every other verb is held up until then; the consent was given. False where it was on its way back, or nothing had been
 * exchanged: people may have booked since, and nothing is done without their leave.
 * @param said by the run before
 */
async function finishByHand(stack: TestStack, said: string): Promise<boolean> {
  const { open } = JSON.parse(readFileSync(join(stack.home, 'state/dickson/restore.json'), 'utf8'))
  const other = await stack.script('backup', ['dickson'])
  assert.equal(other.code, 3, other.stderr)
  assert.match(other.stderr, /a restore was interrupted and is not finished[\s\S]*restore\.ts dickson/)
  const again = await stack.script('restore', ['dickson'])
  if (again.code === 3) {
    assert.match(again.stderr, /had exchanged nothing, and people work on/)
    const deployed = await stack.script('deploy', ['dickson'])
    assert.equal(deployed.code, 0, deployed.stderr)
    return false
  }
  const both = `${said}\n${again.stderr}`
  if (/finishing the rollback of/.test(again.stderr)) {
    assert.equal(again.code, 1, both)
    assert.match(again.stderr, /the restore was taken back: the earlier state is there/)
    return false
  }
  assert.equal(again.code, 0, both)
  assert.match(again.stderr, /finishing the restore of/)
  if (!open) assert.doesNotMatch(again.stdout, /it was down for/, 'nobody has measured since when')
  return true
}
