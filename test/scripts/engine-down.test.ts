import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { makeHome, script, stubDocker, temporary } from './harness.ts'

const INFO = '{"ServerVersion":"26.1.5","DockerRootDir":"/","MemTotal":8589934592}'
const down = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'

/** A docker that answers `info` and `compose version` as said, and all else by `other`; without one it lives, but does nothing. */
const docker = (info: string, version: string, other?: string) =>
  stubDocker(`case "$1 $2" in
    "version --format") ${other ?? 'echo 26.1.5'} ;;
    "info --format") ${info} ;;
    "compose version") ${version} ;;
    *) ${other ?? 'echo "not expected" >&2; exit 1'} ;;
  esac`)

/** Each script that needs the engine, with arguments; generate-secrets needs it only where a password is missing. */
const ASKING: [name: string, args: string[]][] = [
  ['deploy', ['dickson']],
  ['deploy', ['--all']],
  ['tenant', ['dickson', 'status']],
  ['tenant', ['dickson', 'stop']],
  ['healthcheck', []],
  ['generate-secrets', ['dickson']],
]

describe('an engine that does not answer ends every script with 3 within ten seconds, and changes nothing', {
  concurrency: 3, // more of them start slower than the limit allows
}, () => {
  for (const [what, info, other, message] of [
    ['down', `echo '${down}' >&2; exit 1`, `echo '${down}' >&2; exit 1`, /Cannot connect/],
    [
      'down, as some clients say it',
      `echo '{"ServerVersion":"","ServerErrors":["${down}"]}'`,
      `echo '${down}' >&2; exit 1`,
      /Cannot connect/,
    ],
    ['hanging', 'exec sleep 60', 'exec sleep 60', /does not answer|did not end within 5 s/],
    ['answering with rubbish', 'echo "<html>"', 'echo "<html>"; exit 1', /does not answer|<html>/],
  ] as const) {
    for (const [name, args] of ASKING) {
      it(`${name} ${args.join(' ')}: ${what}`, async () => {
        const { home } = makeHome({ secrets: name !== 'generate-secrets' })
        const stub = docker(info, 'echo 2.26.1', other)
        const ran = await script(name, args, { env: { ...stub.env, ERP_HOME: home } })
        assert.equal(ran.code, 3, ran.stderr)
        assert.match(ran.stderr + ran.stdout, message)
        assert.match(ran.stderr + ran.stdout, /systemctl|start Docker/)
        assert.ok(ran.seconds < 10, `${ran.seconds} s`)
        assert.ok(!/\n\s+at /.test(ran.stderr), 'a stack')
        if (name === 'generate-secrets') assert.deepEqual(readdirSync(join(home, 'secrets')), [])
      })
    }
  }

  it('healthcheck writes --json and --metrics all the same', async () => {
    const file = join(temporary(), 'erp.prom')
    const { env } = stubDocker('exit 1')
    const { code, stdout } = await script('healthcheck', ['--json', '--metrics', file], { env })
    assert.equal(code, 3)
    assert.equal(JSON.parse(stdout).state, 'fail')
    assert.match(readFileSync(file, 'utf8'), /^erp_check_state\{.*part="engine".*\} 2$/m)
  })

  it('backup tells its watcher: nobody else would know of a night without one', async () => {
    const told: string[] = []
    const watcher = createServer((request, response) => {
      text(request).then((body) => response.end(void told.push(`${request.url} ${body}`)))
    }).listen(0, '127.0.0.1')
    await once(watcher, 'listening')
    const { home } = makeHome()
    const address = `http://127.0.0.1:${(watcher.address() as AddressInfo).port}/uuid`
    writeFileSync(join(home, 'secrets/dickson_ping_url.txt'), address, { mode: 0o400 })
    const { env } = docker(`echo '${down}' >&2; exit 1`, 'echo 2.26.1')
    const { code } = await script('backup', ['--all', '--quiet'], { env: { ...env, ERP_HOME: home } })
    const dry = await script('backup', ['--all', '--dry-run'], { env: { ...env, ERP_HOME: home } })
    watcher.close()
    assert.deepEqual([code, dry.code], [3, 3])
    assert.equal(told.length, 1)
    assert.match(told[0] ?? '', /^\/uuid\/fail .*Cannot connect to the Docker daemon/)
  })

  it('generate-secrets with nothing missing needs no engine', async () => {
    const { home } = makeHome()
    const { env, calls } = stubDocker('exec sleep 60')
    const { code, stdout } = await script('generate-secrets', [], { env: { ...env, ERP_HOME: home } })
    assert.equal(code, 0)
    assert.match(stdout, /made 0, kept \d+/)
    assert.deepEqual(calls(), [])
  })
})

describe('a Docker that does not do ends deploy with 3, says what is needed, and starts nothing', {
  concurrency: 2,
}, () => {
  for (const [what, info, version, message] of [
    [
      'the engine is too old',
      `echo '${INFO.replace('26.1.5', '24.0.9')}'`,
      'echo 2.26.1',
      /Engine 25 or newer is needed: this is 24\.0\.9/,
    ],
    ...['rootless', 'userns'].map(
      (kind) =>
        [
          `the engine runs with ${kind}`,
          `echo '${INFO.replace('}', `,"SecurityOptions":["name=seccomp,profile=builtin","name=${kind}"]}`)}'`,
          'echo 2.26.1',
          new RegExp(`the Docker engine runs with ${kind}`),
        ] as const,
    ),
    [
      'Compose is missing',
      `echo '${INFO}'`,
      `echo "docker: 'compose' is not a docker command." >&2; exit 1`,
      /Compose 2\.24\.4 or newer is needed/,
    ],
    [
      'Compose is of the first generation',
      `echo '${INFO}'`,
      'echo 1.29.2',
      /2\.24\.4 or newer is needed: this is 1\.29\.2/,
    ],
    ['Compose is a little too old', `echo '${INFO}'`, 'echo v2.24.3', /2\.24\.4 or newer is needed: this is 2\.24\.3/],
    ['Compose hangs', `echo '${INFO}'`, 'exec sleep 60', /docker compose does not answer/],
    ['Compose prints no version', `echo '${INFO}'`, 'echo; exit 0', /2\.24\.4 or newer is needed/],
  ] as const) {
    it(what, async () => {
      const { home } = makeHome()
      const stub = docker(info, version)
      const ran = await script('deploy', ['dickson'], { env: { ...stub.env, ERP_HOME: home } })
      assert.equal(ran.code, 3, ran.stderr)
      assert.match(ran.stderr, message)
      assert.ok(ran.seconds < (what === 'Compose hangs' ? 30 : 10), `${ran.seconds} s`) // whose plugin a cold disk may hold up
      assert.ok(!stub.calls().some((call) => / (up|run|pull) /.test(call)))
    })
  }

  /** deploy with these programs alone on PATH, and a docker only where `stub` is given. */
  function deployWith(tools: string[], stub?: { env: { PATH?: string } }) {
    const path = temporary()
    for (const tool of tools) symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(path, tool))
    const PATH = [...(stub ? [stub.env.PATH?.split(':')[0]] : []), path].join(':')
    return script('deploy', ['dickson'], { env: { PATH, ERP_HOME: makeHome().home } })
  }

  it('docker is not installed', async () => {
    const { code, stderr } = await deployWith(['setpriv', 'flock', 'bash', 'cat'])
    assert.equal(code, 3, stderr)
    assert.match(stderr, /docker is not installed/)
  })

  for (const tool of ['setpriv', 'flock']) {
    it(`${tool} is not installed, and the message does not blame docker`, async () => {
      const stub = docker(`echo '${INFO}'`, 'echo 2.26.1')
      const other = ['setpriv', 'flock', 'bash', 'cat', 'sleep'].filter((name) => name !== tool)
      const { code, stderr } = await deployWith(other, stub)
      assert.equal(code, 3, stderr)
      assert.match(stderr, new RegExp(tool))
      assert.match(stderr, /util-linux/)
    })
  }
})
