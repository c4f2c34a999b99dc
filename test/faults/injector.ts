/**
 * The fault injector: a `docker` that stands first on PATH, counts its calls, notes them, hands each on to the docker
 * behind it (the real one, or test/scripts/fake-docker.ts), and at the n-th call does one of these:
 *
 *   fail          (a, b) ends with 1 and a line on stderr; the docker behind is not asked
 *   kill-before   (c) kills the script (SIGKILL) instead of asking
 *   kill-after    (d) asks, then kills the script before it can act on the answer
 *   term          (e) sends TERM to the script alone, then asks
 *   interrupt     (f) sends INT to the script's whole process group, as Ctrl-C does, then asks
 *   hang          (g) never answers; like the real client it ends by TERM
 *   meanwhile     asks; but first `run`, a line of bash, changes what will be found
 *
 * Transient: the fault strikes once, so that the next run of the script goes through. Persistent (`persistent: true`): it
 * strikes at the n-th call and at every one after it, whichever run makes it.
 *
 * `at` counts from 1 over all runs since the injector was made. A sweep is: n = 1, 2, … until `struck()` is false.
 * Run the script in a process group of its own (`detached`), or `interrupt` reaches the test as well.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The docker behind the injector in the engine tier. */
const realDocker = spawnSync('sh', ['-c', 'command -v docker'], { encoding: 'utf8' }).stdout.trim()

export const MODES = ['fail', 'kill-before', 'kill-after', 'term', 'interrupt', 'hang'] as const

export interface Fault {
  /** The number of the call, from 1; or words that the first call to be struck holds, since a deploy polls. */
  at: number | string
  mode: (typeof MODES)[number] | 'meanwhile'
  persistent?: boolean
  /** For `meanwhile`; `docker` is the one behind. */
  run?: string
}

/** What a sweep of a long verb strikes with at each call, by name. */
export const SWEPT: Record<string, Omit<Fault, 'at'>> = {
  ...Object.fromEntries(MODES.map((mode) => [mode, { mode }])),
  'fail from then on': { mode: 'fail', persistent: true },
}

export interface Injector {
  /** To be put into the script's environment: PATH with the injector first. */
  env: { PATH: string }
  /** The arguments of each call so far, one string a call. */
  calls(): string[]
  /** Whether the fault has struck. */
  struck(): boolean
}

/** What each mode does; `$script` is the process that called docker (it execs the client, so it is our parent). */
const STRIKE: Record<Fault['mode'], string> = {
  fail: 'echo "injected failure" >&2; exit 1',
  'kill-before': 'kill -KILL "$script"; exit 1',
  'kill-after': 'behind "$@"; code=$?; kill -KILL "$script"; exit $code',
  term: 'kill -TERM "$script"',
  interrupt: 'read -r _ _ _ _ group _ <"/proc/$script/stat"; kill -INT -- "-$group"',
  hang: 'exec sleep 600',
  meanwhile: 'docker() { behind "$@"; }; meanwhile || exit 97',
}

/**
 * Put an injector into `directory`, which is made.
 * @param behind the path of the docker that answers
 */
export function injectDocker(directory: string, behind: string, fault?: Fault): Injector {
  mkdirSync(directory, { recursive: true })
  const log = join(directory, 'calls')
  const struck = join(directory, 'struck')
  writeFileSync(log, '')
  writeFileSync(join(directory, 'docker'), program(directory, behind, fault))
  chmodSync(join(directory, 'docker'), 0o755)
  return {
    env: { PATH: `${directory}:${process.env.PATH}` },
    calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
    struck: () => existsSync(struck),
  }
}

/**
 * Do the work with an injector before the real docker, in a directory that is removed afterwards.
 * @param behind the directory of another injector, which is asked in its place
 */
export async function withInjector<T>(
  fault: Fault | undefined,
  work: (injector: Injector) => Promise<T>,
  behind?: string,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'erp-fault-'))
  try {
    return await work(injectDocker(directory, behind ? join(behind, 'docker') : realDocker, fault))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Run something that calls docker with these words once at least: the first of those calls fails. */
export function failingAt<T>(at: string, run: (env: Record<string, string>) => Promise<T>): Promise<T> {
  return withInjector({ at, mode: 'fail' }, async ({ env, struck }) => {
    const ran = await run(env)
    assert.ok(struck(), `docker was never called with "${at}": ${JSON.stringify(ran)}`)
    return ran
  })
}

/** Milliseconds that a call hangs for before an operator loses patience, and that the script may take to end by a signal. */
const PATIENCE = 10_000

/**
 * Wait for a script's end, which comes promptly after a signal. A copy of a large database may take hours: one that hangs is
 * ended by TERM.
 */
export async function endOf<T>(
  { child, done }: { child: ChildProcess; done: Promise<T> },
  { struck }: Injector,
  fault?: Fault,
): Promise<T> {
  const mode = fault?.mode ?? ''
  if (!['hang', 'term', 'interrupt'].includes(mode)) return done
  const ends = (milliseconds: number) => Promise.race([done.then(() => true), sleep(milliseconds, false)])
  while (!struck() && !(await ends(100))) {}
  if (await ends(PATIENCE)) return done
  assert.equal(mode, 'hang', 'the signal ended it')
  child.kill('SIGTERM')
  assert.ok(await ends(PATIENCE), 'TERM ended it')
  return done
}

/** When the fault strikes, as bash asks it. */
function condition(directory: string, { at, persistent }: Fault): string {
  if (typeof at === 'number') return `[[ $n ${persistent ? '-ge' : '-eq'} ${at} ]]`
  return `[[ "$*" == *'${at}'*${persistent ? '' : ` && ! -e '${directory}/struck'`} ]]`
}

function program(directory: string, behind: string, fault?: Fault): string {
  const strikes = fault ? condition(directory, fault) : 'false'
  return `#!/bin/bash
script=$PPID
# The client must not outlive us, however we end: the script ends it by ending us.
behind() { setpriv --pdeathsig TERM '${behind}' "$@"; }
exec 9>>'${directory}/calls'
flock 9
printf '%s\\n' "\${*//$'\\n'/ }" >&9
n=$(wc -l <'${directory}/calls')
exec 9>&-
meanwhile() {
  ${fault?.run ?? ':'}
} >&2
if ${strikes}; then
  : >'${directory}/struck'
  ${fault ? STRIKE[fault.mode] : ':'}
fi
exec '${behind}' "$@"
`
}
