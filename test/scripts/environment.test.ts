import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { fakeDocker, useFrontend } from './fake-docker.ts'
import { makeHome, root, script, scripts, shell, stubDocker, temporary } from './harness.ts'

useFrontend()

const RUNS: [name: string, args: string[]][] = [
  ['deploy', ['dickson']],
  ['healthcheck', ['dickson']],
  ['generate-secrets', []],
  ['tenant', ['dickson', 'status']],
]

/** Times differ from run to run, what is said does not. */
const steady = (text: string) =>
  text
    .replaceAll(/\d+(\.\d+)? ((s|ms|min ago|min|GiB)\b|%)/g, 'N')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'THEN')
    .replaceAll(/^.* space .*$/gm, '')

describe('variables that change zx or Node change nothing, and show no secret', { concurrency: 4 }, () => {
  const docker = fakeDocker().deployed('dickson')
  const quick = RUNS.filter(([name]) => name === 'healthcheck' || name === 'deploy')
  const usual = new Map<string, string>()
  before(async () => {
    for (const [name, args] of quick) {
      const { stdout } = await script(name, args, {
        env: { ...docker.env, ERP_HOME: makeHome({ backups: true }).home },
      })
      usual.set(name, steady(stdout))
    }
  })
  for (const variables of [
    { ZX_VERBOSE: 'true', ZX_QUIET: 'false', ZX_DETACHED: 'true', ZX_PREFER_LOCAL: 'true' },
    { ZX_PREFIX: ':;', ZX_POSTFIX: '; echo more' },
    { ZX_SHELL: '/bin/sh', ZX_KILL_SIGNAL: 'SIGKILL' },
    { ZX_SHELL: '/nonexistent' },
    { DEBUG: '*', NODE_DEBUG: 'child_process' },
    { NODE_OPTIONS: '--trace-warnings --trace-exit --trace-sigint --trace-uncaught' },
    { COMPOSE_PROFILES: 'byrne,dickson', BASH_ENV: '/nonexistent', POSIXLY_CORRECT: '1' },
  ]) {
    it(JSON.stringify(variables), async () => {
      const { home, values } = makeHome({ backups: true })
      for (const [name, args] of quick) {
        const { code, stdout, stderr } = await script(name, args, {
          env: { ...docker.env, ERP_HOME: home, ...variables },
        })
        assert.equal(code, 0, stderr)
        assert.equal(steady(stdout), usual.get(name))
        for (const value of values) assert.ok(!(stdout + stderr).includes(value), `${name} shows a secret`)
      }
    })
  }

  it('ZX_TIMEOUT ends no docker call, however slow', async () => {
    const slow = stubDocker(`sleep 0.3; exec '${docker.path}' "$@"`)
    const env = { ...slow.env, ERP_HOME: makeHome().home, ZX_TIMEOUT: '1ms' }
    const { code, stdout, stderr } = await script('tenant', ['dickson', 'status'], { env })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /dickson-db\s+running/)
  })

  it('a first deploy under NODE_DEBUG and DEBUG, with a site that fails, shows no secret either', async () => {
    const [docker, { home, values }] = [fakeDocker(), makeHome()]
    const leaky = stubDocker(
      `case "$*" in *site.py*) read -r order; echo "frappe said: $order" >&2; echo "$order"; exit 1 ;; *) exec '${docker.path}' "$@" ;; esac`,
    )
    const env = { ...leaky.env, ERP_HOME: home, NODE_DEBUG: 'child_process', DEBUG: '*', ZX_VERBOSE: 'true' }
    for (const flags of [[], ['--json'], ['--quiet']]) {
      const { code, stdout, stderr } = await script('deploy', ['dickson', ...flags], { env })
      assert.equal(code, 1)
      assert.match(stderr, /\[secret\]/)
      for (const value of values) assert.ok(!(stdout + stderr).includes(value))
    }
    const journal = readFileSync(join(home, 'state/dickson/journal.jsonl'), 'utf8')
    for (const value of values) assert.ok(!journal.includes(value))
  })

  it('what a site says while it is made is redacted on a terminal too', async () => {
    const [docker, { home, values }] = [fakeDocker(), makeHome()]
    const leaky = stubDocker(
      `case "$*" in *site.py*) read -r order; echo "frappe said: $order" >&2; sleep 0.5; exit 1 ;; *) exec '${docker.path}' "$@" ;; esac`,
    )
    const line = `script -qec "stty cols 2000; '${process.execPath}' --import=#typescript node_modules/zx/build/cli.js scripts/deploy.ts dickson" /dev/null </dev/null`
    const { stdout } = await shell(line, { env: { ...leaky.env, ERP_HOME: home, TERM: 'xterm', COLUMNS: '2000' } })
    assert.match(stdout, /frappe said/)
    for (const value of values) assert.ok(!stdout.includes(value))
  })

  it('logs show what a terminal would obey as text', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome()]
    const stub = stubDocker(
      `case "$*" in *' logs '*) printf '\\033[2Kdickson-backend | \\033]0;title\\007 \\033[1A said\\n' ;; *) exec '${docker.path}' "$@" ;; esac`,
    )
    const { code, stdout } = await script('tenant', ['dickson', 'logs'], { env: { ...stub.env, ERP_HOME: home } })
    assert.equal(code, 0)
    assert.equal(stdout, 'dickson-backend | \\u{1b}]0;title\\u{7} \\u{1b}[1A said\n')
  })

  it('logs and the answers of bench are redacted', async () => {
    const [docker, { home, values }] = [fakeDocker().deployed('dickson'), makeHome()]
    const leaky = stubDocker(
      `case "$*" in *' logs '*|*bench*) cat '${home}'/secrets/*; echo; cat '${home}'/secrets/* >&2 ;; *) exec '${docker.path}' "$@" ;; esac`,
    )
    for (const args of [['logs'], ['bench', '--', 'show-config']]) {
      const { stdout, stderr } = await script('tenant', ['dickson', ...args], { env: { ...leaky.env, ERP_HOME: home } })
      assert.match(stdout, /\[secret\]/)
      for (const value of values) assert.ok(!(stdout + stderr).includes(value))
    }
  })
})

describe("cron's bare environment", { concurrency: 4 }, () => {
  for (const stdin of ['</dev/null', '<&-']) {
    for (const [name, args] of RUNS) {
      it(`${name} works with nothing set and stdin ${stdin}`, async () => {
        const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome({ backups: true })]
        const line = `exec env -i PATH= LANG=C ERP_TEST_MARK="$ERP_TEST_MARK" ERP_HOME='${home}' '${process.execPath}' --import=#typescript node_modules/zx/build/cli.js scripts/${name}.ts ${args.join(' ')} ${stdin}`
        // With PATH empty the usual one is taken: the fake is put there by a bind mount of our own namespace.
        const place = docker.path.replace(/\/docker$/, '')
        const inside = `mount --bind '${docker.path}' "$(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin command -v docker || { touch '${place}/mark'; echo /usr/bin/true; })" && ${line}`
        const ran = await script('', [], { command: ['unshare', '--mount', 'bash', '-c', inside], cwd: root })
        assert.equal(ran.code, 0, ran.stderr)
        if (name === 'deploy') assert.match(ran.stderr, /✔ Check the machine/)
      })
    }
  }

  it('ends with 3 and names what is missing where docker is nowhere on the usual PATH, and never with 13', async () => {
    const { home } = makeHome()
    const mounts =
      'for dir in /usr/local/bin /usr/bin; do [[ -e $dir/docker ]] && mount --bind /dev/null $dir/docker; done'
    const line = `${mounts}; exec env -i ERP_HOME='${home}' '${process.execPath}' --import=#typescript node_modules/zx/build/cli.js scripts/deploy.ts dickson <&-`
    const { code, stderr } = await script('', [], { command: ['unshare', '--mount', 'bash', '-c', line] })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /docker/)
  })

  it('keeps letters beyond ASCII intact', async () => {
    const [docker, { home }] = [fakeDocker(), makeHome()]
    const registry = join(home, 'tenants.mts')
    const text = readFileSync(join(root, 'tenants.ts'), 'utf8').replace('Dickson Pharmaceutical', 'Ó Díck & Söhne ☘')
    writeFileSync(registry, text.replace(/^import type.*$/m, 'type TenantSpec = object'))
    const env = { PATH: docker.env.PATH, ERP_HOME: home, ERP_TENANTS: registry, LANG: 'C' }
    const { stdout, stderr } = await script('healthcheck', ['dickson'], { bare: true, env })
    assert.match(stdout, /Ó Díck & Söhne ☘/, stderr)
  })
})

describe('a clone without npm ci', () => {
  for (const name of scripts) {
    it(`${name} says so without a stack, and does not end with 0`, async () => {
      const place = temporary()
      const copy = `cp -r compose.yml tenants.ts package.json .npmrc lib scripts '${place}'`
      assert.equal((await script('', [], { command: ['bash', '-c', copy] })).code, 0)
      const command = [process.execPath, '--import=#typescript', `scripts/${name}.ts`]
      const { code, stdout, stderr } = await script('', ['--help'], { cwd: place, command })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /npm ci/)
      assert.doesNotMatch(stdout + stderr, /\n\s+at /)
    })
  }
})
