/** No secret in any argument list or environment of any process on the machine, sampled while the scripts work. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { docker, eventually, mustBeWell, secretsOf, useStack } from './harness.ts'

const stack = useStack('secrets')
/** Milliseconds between two looks at /proc. */
const PERIOD = 20

/** Where a value was seen. */
interface Sighting {
  place: string
  command: string
}

/** Look at every process again and again until `work` is done; the containers' processes are seen from the host. */
async function watch(values: string[], work: () => Promise<void>): Promise<{ looks: number; seen: Sighting[] }> {
  const seen: Sighting[] = []
  let looks = 0
  const timer = setInterval(() => {
    looks++
    seen.push(...look(values))
  }, PERIOD)
  await work().finally(() => clearInterval(timer))
  return { looks, seen }
}

function look(values: string[]): Sighting[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) =>
    ['cmdline', 'environ'].flatMap((file) => {
      const text = read(`/proc/${pid}/${file}`)
      if (!values.some((value) => text.includes(value))) return []
      return [{ place: file, command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ') }]
    }),
  )
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // it ended meanwhile
  }
}

describe('a process list', () => {
  it('shows a value that does stand in an environment, or the test could not fail', async () => {
    const { seen } = await watch(['planted-8c1f'], async () => {
      const id = docker(
        'run',
        '--detach',
        '--rm',
        '--network',
        'none',
        '-e',
        'X=planted-8c1f',
        '--entrypoint',
        'sleep',
        stack.env.REDIS_IMAGE ?? '',
        '60',
      )
      await new Promise((done) => setTimeout(done, 500))
      docker('rm', '--force', id)
    })
    assert.ok(seen.length > 0)
  })

  it('shows no secret while a tenant is deployed, checked, restarted and asked', async () => {
    const { looks, seen } = await watch(Object.values(secretsOf(stack)), async () => {
      const runs: [string, ...string[]][] = [
        ['deploy', 'dickson'],
        ['backup', 'dickson'],
        ['restore', 'dickson', '--confirm=dickson', '--without-backup'],
        ['tenant', 'dickson', 'restart'],
        ['tenant', 'dickson', 'clear-cache'],
        ['tenant', 'dickson', 'bench', '--', 'list-apps'],
      ]
      for (const [name, ...args] of runs) {
        const { code, stderr } = await stack.script(name, args)
        assert.equal(code, 0, stderr)
      }
      await mustBeWell(() => stack.script('healthcheck', ['dickson']))
    })
    assert.deepEqual(seen, [])
    assert.ok(looks > 300, `${looks} looks`)
  })
})

describe('a password of Redis that is renewed in secrets/', () => {
  it('is told as not in use, by healthcheck and by deploy, until everything was restarted', async () => {
    const run = (name: string, ...args: string[]) => stack.script(name, ['dickson', ...args])
    const file = join(stack.home, 'secrets/dickson_redis_cache_password.txt')
    const old = readFileSync(file, 'utf8')
    rmSync(file)
    assert.equal((await run('generate-secrets')).code, 0)
    assert.notEqual(readFileSync(file, 'utf8'), old)
    await eventually(60, 'healthcheck tells of it', async () => {
      const { code, stdout } = await run('healthcheck')
      return code === 1 && /redis-cache .*dickson_redis_cache_password\.txt was renewed/.test(stdout)
    })
    const deployed = await run('deploy')
    assert.equal(deployed.code, 0, deployed.stderr)
    assert.match(
      deployed.stderr,
      /redis-cache still opens with the old password: npx zx scripts\/tenant\.ts dickson restart/,
    )
    assert.doesNotMatch(deployed.stderr, /redis-queue still/)
    assert.equal((await run('tenant', 'restart')).code, 0)
    const again = await run('deploy')
    assert.doesNotMatch(again.stderr, /old password/)
    await mustBeWell(() => run('healthcheck'))
  })

  it('is taken up by a restore as well: what it starts would not get in otherwise, on either side', async () => {
    rmSync(join(stack.home, 'secrets/dickson_redis_queue_password.txt'))
    for (const [name, ...args] of [
      ['generate-secrets'],
      ['restore', '--confirm=dickson', '--without-backup'],
      ['deploy'],
    ]) {
      const { code, stderr } = await stack.script(name ?? '', ['dickson', ...args])
      assert.equal(code, 0, stderr)
      assert.doesNotMatch(stderr, /old password/)
    }
    await mustBeWell(() => stack.script('healthcheck', ['dickson']))
  })
})

describe('secrets that are lost but for what opens the backups', () => {
  it('are made anew where that is asked for, and a restore makes them good', async () => {
    const others = readdirSync(join(stack.home, 'secrets')).filter((name) => /^dickson_(?!backup_)/.test(name))
    assert.ok(others.length >= 5)
    for (const name of others) rmSync(join(stack.home, 'secrets', name))
    const run = (name: string, ...args: string[]) => stack.script(name, ['dickson', ...args])
    const refused = await run('generate-secrets')
    assert.equal(refused.code, 3)
    assert.match(refused.stderr, /generate-secrets\.ts dickson --anew/)
    const made = await run('generate-secrets', '--anew')
    assert.equal(made.code, 0, made.stderr)
    for (const [name, ...args] of [['tenant', 'restart'], ['backup'], ['restore', '--confirm=dickson'], ['deploy']]) {
      const { code, stdout, stderr } = await run(name ?? '', ...(args as string[]))
      assert.equal(code, 0, stdout + stderr)
    }
    await mustBeWell(() => run('healthcheck'))
  })
})
