import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { injectDocker } from '../faults/injector.ts'
import { fakeDocker, useFrontend } from './fake-docker.ts'
import { eventually, makeHome, script, shell, start, stubDocker, temporary } from './harness.ts'

useFrontend()

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

describe('a signal while docker hangs ends the script within ten seconds, with its code, and leaves no process', {
  concurrency: 4,
}, () => {
  const HANGING: [name: string, args: string[]][] = [
    ['deploy', ['dickson']],
    ['healthcheck', ['--watch', '1']],
    ['tenant', ['dickson', 'logs', '--follow']],
    ['generate-secrets', []],
  ]
  for (const [signal, expected] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
    for (const [name, args] of signal === 'SIGTERM' ? HANGING : HANGING.slice(0, 1)) {
      it(`${signal} to ${name}`, async () => {
        const { home } = makeHome({ secrets: name !== 'generate-secrets' })
        const docker = fakeDocker().deployed('dickson').deployed('byrne')
        const hang = name === 'tenant' ? 3 : name === 'healthcheck' ? 9 : 1
        const injector = injectDocker(temporary(), docker.path, { at: hang, mode: 'hang' })
        const run = start(name, args, { env: { ...injector.env, ERP_HOME: home } })
        await eventually(20, 'docker hangs', injector.struck)
        run.child.kill(signal)
        const { code, stderr } = await run.done
        assert.equal(code, expected, stderr)
        assert.match(stderr, new RegExp(`Stopping \\(${signal}\\)`))
        await eventually(3, 'every process is gone', () => run.family().length === 0)
      })
    }
  }

  it('Ctrl-C to the whole group frees the lock and is written into the journal', async () => {
    const { home } = makeHome()
    const injector = injectDocker(temporary(), fakeDocker().path, { at: 8, mode: 'interrupt' })
    const run = start('deploy', ['dickson'], { env: { ...injector.env, ERP_HOME: home } })
    assert.equal((await run.done).code, 130)
    await eventually(3, 'every process is gone', () => run.family().length === 0)
    execFileSync('flock', ['--nonblock', join(home, 'state/dickson/lock'), 'true'])
    const [line = ''] = readFileSync(join(home, 'state/dickson/journal.jsonl'), 'utf8').split('\n')
    assert.equal(JSON.parse(line).code, 130)
  })

  it('a client that does not obey TERM is not left behind', async () => {
    const { home } = makeHome()
    const stub = stubDocker(`trap '' TERM INT HUP; touch '${home}/hangs'; while :; do sleep 1; done`)
    const run = start('deploy', ['dickson'], { env: { ...stub.env, ERP_HOME: home } })
    await eventually(20, 'docker hangs', () => existsSync(join(home, 'hangs')))
    run.child.kill('SIGTERM')
    const { code, seconds } = await run.done
    assert.equal(code, 143)
    assert.ok(seconds < 15)
    const left = () => run.family().length
    await eventually(3, 'every process is gone', () => left() === 0).finally(() => {
      for (const pid of run.family()) process.kill(pid, 'SIGKILL')
    })
  })

  it('--json tells the signal in one document', async () => {
    const { home } = makeHome()
    const injector = injectDocker(temporary(), fakeDocker().path, { at: 5, mode: 'term' })
    const { code, stdout } = await script('deploy', ['dickson', '--json'], { env: { ...injector.env, ERP_HOME: home } })
    assert.equal(code, 143)
    assert.equal(JSON.parse(stdout).error.code, 143)
  })
})

describe("a tenant's lock", { concurrency: 2 }, () => {
  it('lets one of eight through; the others end with 75, and name pid and start of the one', async () => {
    const { home } = makeHome()
    const gate = join(home, 'gate')
    const docker = fakeDocker()
    const slow = stubDocker(
      `[[ "$*" == *' config '* ]] && until [[ -e '${gate}' ]]; do sleep 0.1; done; exec '${docker.path}' "$@"`,
    )
    const options = { env: { ...slow.env, ERP_HOME: home } }
    const runs = Array.from({ length: 8 }, () => start('deploy', ['dickson'], options))
    let ended = 0
    for (const run of runs) run.done.then(() => ended++)
    await eventually(25, 'seven have ended', () => ended >= 7)
    writeFileSync(gate, '')
    const results = await Promise.all(runs.map(async (run) => ({ pid: run.child.pid, ...(await run.done) })))
    const [winner, ...others] = results.toSorted((a, b) => (a.code ?? 99) - (b.code ?? 99))
    assert.equal(winner?.code, 0, winner?.stderr)
    for (const { code, stderr } of others) {
      assert.equal(code, 75)
      assert.match(
        stderr,
        new RegExp(`dickson is held by deploy \\(pid ${winner?.pid}, since 20\\d\\d-[^)]+Z\\); nothing was changed`),
      )
    }
  })

  it('is free at once when its holder is killed, although the file stays', async () => {
    const { home } = makeHome()
    const docker = fakeDocker()
    const injector = injectDocker(temporary(), docker.path, { at: 3, mode: 'kill-before' })
    assert.equal((await script('deploy', ['dickson'], { env: { ...injector.env, ERP_HOME: home } })).code, null)
    const { code, stderr } = await script('deploy', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 0, stderr)
  })

  it('does not keep another tenant waiting, nor what only reads', async () => {
    const { home } = makeHome({ backups: true })
    const docker = fakeDocker().deployed('dickson').deployed('byrne')
    mkdirSync(join(home, 'state/dickson'), { recursive: true, mode: 0o700 })
    const line = (rest: string) => `flock '${home}/state/dickson/lock' bash -c '${rest.replaceAll("'", "'\\''")}'`
    const options = { env: { ...docker.env, ERP_HOME: home } }
    const zx = `'${process.execPath}' --import=#typescript node_modules/zx/build/cli.js`
    for (const [words, expected] of [
      ['scripts/deploy.ts byrne', 0],
      ['scripts/healthcheck.ts', 0],
      ['scripts/tenant.ts dickson status', 0],
      ['scripts/deploy.ts dickson --dry-run', 0],
      ['scripts/deploy.ts dickson', 75],
      ['scripts/tenant.ts dickson stop', 75],
    ] as const) {
      const { code, stderr } = await shell(line(`${zx} ${words}`), options)
      assert.equal(code, expected, `${words}: ${stderr}`)
    }
  })

  it('lies in a directory for its owner alone', async () => {
    const { home } = makeHome()
    await script('deploy', ['dickson'], { env: { ...fakeDocker().deployed('dickson').env, ERP_HOME: home } })
    for (const path of ['state', 'state/dickson']) assert.equal(statSync(join(home, path)).mode & 0o077, 0, path)
    assert.equal(statSync(join(home, 'state/dickson/journal.jsonl')).mode & 0o077, 0)
  })
})

describe('what the scripts print', { concurrency: 4 }, () => {
  const docker = fakeDocker().deployed('dickson').deployed('byrne')
  /** Each run has a home of its own: the tests run side by side and would meet at the lock. */
  const around = (stub: { env: { PATH?: string } } = docker) => ({
    ...stub.env,
    ERP_HOME: makeHome({ backups: true }).home,
  })

  const SUCCESSES: [name: string, args: string[]][] = [
    ['deploy', ['dickson']],
    ['healthcheck', []],
    ['generate-secrets', []],
    ['tenant', ['dickson', 'status']],
    ['tenant', ['dickson', 'clear-cache']],
  ]
  for (const [name, args] of SUCCESSES) {
    it(`${name} ${args.join(' ')} --quiet prints nothing on success`, async () => {
      const { code, stdout, stderr } = await script(name, [...args, '--quiet'], { env: around() })
      assert.deepEqual([code, stdout, stderr], [0, '', ''])
    })

    it(`${name} ${args.join(' ')} --json prints one document`, async () => {
      const { code, stdout } = await script(name, [...args, '--json'], { env: around() })
      assert.equal(code, 0)
      assert.equal(typeof JSON.parse(stdout), 'object')
    })
  }

  it('healthcheck --quiet prints nothing on success, and the table on a failure, for cron to mail', async () => {
    const sick = fakeDocker().deployed('dickson')
    const { code, stdout, stderr } = await script('healthcheck', ['dickson', '--quiet'], {
      env: around(sick),
    })
    assert.deepEqual([code, stdout, stderr], [0, '', ''])
    writeFileSync(sick.state('up/dickson-worker'), 'exited 137\n')
    const failed = await script('healthcheck', ['dickson', '--quiet'], { env: around(sick) })
    assert.equal(failed.code, 1)
    assert.match(failed.stdout + failed.stderr, /dickson-worker: exited, ExitCode 137/)
  })

  const FAILURES: [what: string, name: string, args: string[], code: number][] = [
    ['an unknown flag', 'deploy', ['--bogus'], 2],
    ['a missing value', 'deploy', ['dickson', '--timeout'], 2],
    ['an unknown tenant', 'deploy', ['foo'], 2],
    ['a missing secret', 'deploy', ['dickson'], 3],
    ['a lost engine', 'tenant', ['dickson', 'status'], 3],
  ]
  for (const [what, name, args, expected] of FAILURES) {
    it(`${what} with --json is one document with message and code, and a line on stderr`, async () => {
      const stub = what === 'a lost engine' ? stubDocker('exit 1').env : docker.env
      const options = { env: { ...stub, ERP_HOME: temporary() } }
      const { code, stdout, stderr } = await script(name, ['--json', ...args], options)
      assert.equal(code, expected, stderr)
      const { error } = JSON.parse(stdout)
      assert.equal(error.code, expected)
      assert.ok(error.message.length > 5)
      assert.ok(stderr.includes(error.message))
    })
  }

  it('no colour without a terminal, and none on a terminal with NO_COLOR', async () => {
    const inTerminal = `script -qec "'${process.execPath}' --import=#typescript node_modules/zx/build/cli.js scripts/healthcheck.ts dickson; '${process.execPath}' --import=#typescript node_modules/zx/build/cli.js scripts/deploy.ts dickson" /dev/null </dev/null`
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
    const colour = /\x1b\[[0-9;]*[1-9][0-9;]*m/
    const bright = await shell(inTerminal, { env: { ...around(), TERM: 'xterm', NO_COLOR: undefined } })
    assert.match(bright.stdout, colour)
    const plain = await shell(inTerminal, { env: { ...around(), TERM: 'xterm', NO_COLOR: '1' } })
    assert.equal(plain.code, 0)
    assert.doesNotMatch(plain.stdout, colour)
    const piped = await shell('zx scripts/healthcheck.ts dickson; zx scripts/deploy.ts dickson', { env: around() })
    assert.ok(!(piped.stdout + piped.stderr).includes('\x1b'))
  })

  for (const line of [
    'zx scripts/deploy.ts --help | head -1',
    'zx scripts/healthcheck.ts --json | head -c 1',
    'zx scripts/tenant.ts dickson status | true',
  ]) {
    it(`${line}: a reader that leaves is no fault`, async () => {
      const { code, stderr } = await shell(`set -o pipefail; ${line}`, { env: around() })
      assert.ok(code === 0 || code === 1, `${code}`)
      assert.doesNotMatch(stderr, /EPIPE|bug|\n\s+at /)
    })
  }

  it('a reader of stderr that leaves is no fault either', async () => {
    const { code } = await shell(`{ zx scripts/deploy.ts dickson 2>&1 >&3 | true; exit "$PIPESTATUS"; } 3>/dev/null`, {
      env: around(),
    })
    assert.equal(code, 0)
  })

  it('logs --follow ends when its reader has left', async () => {
    const endless = stubDocker(
      `case "$*" in *' logs '*) while echo line; do sleep 0.02; done ;; *) exec '${docker.path}' "$@" ;; esac`,
    )
    const run = start('', [], {
      command: [
        'bash',
        '-c',
        `'${process.execPath}' --import=#typescript node_modules/zx/build/cli.js scripts/tenant.ts dickson logs --follow | head -2`,
      ],
      env: around(endless),
      timeout: 15,
    })
    const { code, stdout } = await run.done
    assert.deepEqual([code, stdout], [0, 'line\nline\n'])
    await eventually(3, 'every process is gone', () => run.family().length === 0)
  })

  it('a full disk behind stdout is a failure and no success', async () => {
    const { code } = await shell('zx scripts/healthcheck.ts --json >/dev/full', { env: around() })
    assert.notEqual(code, 0)
  })

  it('bench passes everything behind -- on, and its own code is told', async () => {
    const calls = stubDocker(
      `case "$*" in *' bench --site '*) echo out; echo err >&2; exit 5 ;; *) exec '${docker.path}' "$@" ;; esac`,
    )
    const { code, stdout, stderr } = await script(
      'tenant',
      ['dickson', 'bench', '--', 'set-config', '--json', 'x y', '--', '$(id)'],
      {
        env: around(calls),
      },
    )
    assert.equal(code, 1)
    assert.deepEqual([stdout, /^err$/m.test(stderr)], ['out\n', true])
    assert.match(stderr, /bench ended with 5/)
    assert.ok(
      calls
        .calls()
        .some((call) => call.endsWith('bench --site erp.dickson-supplies.com set-config --json x y -- $(id)')),
    )
  })

  it('bench and db in a dry run say what they would run, and run nothing', async () => {
    const calls = stubDocker(`exec '${docker.path}' "$@"`)
    const dry = (...words: string[]) => script('tenant', ['dickson', '--dry-run', ...words], { env: around(calls) })
    const [bench, db] = [await dry('bench', '--', 'set-config', 'x', 'a b'), await dry('db', '--', '-e', 'select 1')]
    assert.deepEqual([bench.code, db.code], [0, 0], bench.stderr + db.stderr)
    assert.match(bench.stdout, /^docker exec -i .* dickson-backend bench --site \S+ set-config x \$'a b'\n$/)
    assert.match(db.stdout, /^docker exec -i dickson-db mariadb -e \$'select 1'\n$/)
    assert.ok(!calls.calls().some((call) => call.startsWith('exec ')))
  })

  it('metrics that cannot be written are a failure in the report, which is told all the same', async () => {
    const file = join(temporary(), 'gone', 'erp.prom')
    const { code, stdout } = await script('healthcheck', ['--metrics', file, '--json'], { env: around() })
    const { state, machine, tenants } = JSON.parse(stdout)
    assert.deepEqual([code, state, machine.at(-1).check, machine.at(-1).state], [1, 'fail', 'written', 'fail'])
    assert.ok(tenants.length > 1)
  })

  it('metrics are readable for the exporter whatever the umask, and replaced whole', async () => {
    const file = join(temporary(), 'erp.prom')
    const { code } = await shell(`umask 077; zx scripts/healthcheck.ts --metrics '${file}' --quiet`, { env: around() })
    assert.equal(code, 0)
    assert.equal(statSync(file).mode & 0o777, 0o644)
    assert.match(readFileSync(file, 'utf8'), /erp_check_state\{tenant="dickson"/)
  })

  it('metrics are written although one tenant cannot even be rendered', async () => {
    const file = join(temporary(), 'erp.prom')
    const stub = stubDocker(
      `case "$*" in *'--profile dickson config'*) echo 'invalid' >&2; exit 15 ;; *) exec '${docker.path}' "$@" ;; esac`,
    )
    const { code, stdout } = await script('healthcheck', ['--metrics', file, '--json'], {
      env: around(stub),
    })
    assert.equal(code, 1)
    const { tenants } = JSON.parse(stdout)
    assert.deepEqual(
      tenants.map(({ tenant, state }: { tenant: string; state: string }) => [tenant, state]),
      [
        ['byrne', 'ok'],
        ['dickson', 'fail'],
        ['core', 'warn'],
      ],
    )
    assert.match(readFileSync(file, 'utf8'), /tenant="dickson".* 2$/m)
  })
})
