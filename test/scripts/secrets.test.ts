import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_CORE_SECRETS } from '../../lib/registry.ts'
import { fakeDocker } from './fake-docker.ts'
import { makeHome, script, start, stubDocker, temporary } from './harness.ts'

const empty = stubDocker('exit 0') // an engine without volumes
/** Six for each tenant, and core's. */
const ALL = 12 + ALL_CORE_SECRETS.length
const VALUE = /^[0-9a-f]{48}$/
const generate = (home: string, args: string[] = [], env: Record<string, string> = empty.env) =>
  script('generate-secrets', args, { env: { ...env, ERP_HOME: home } })
const contents = (directory: string) =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]))
const names = (home: string) => (existsSync(join(home, 'secrets')) ? readdirSync(join(home, 'secrets')) : [])

describe('generate-secrets', { concurrency: 4 }, () => {
  it('makes six passwords a tenant: 0444 in 0700, 192 bits, no line end, all distinct, none of them shown', async () => {
    const home = temporary()
    const { code, stdout, stderr } = await generate(home)
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`^made ${ALL}, kept 0\n`))
    const directory = join(home, 'secrets')
    const values = Object.values(contents(directory))
    assert.equal(statSync(directory).mode & 0o777, 0o700)
    assert.deepEqual([values.length, new Set(values).size], [ALL, ALL])
    for (const value of values) {
      assert.match(value, VALUE)
      assert.ok(!(stdout + stderr).includes(value))
    }
    for (const name of readdirSync(directory)) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o444, name)
  })

  it('says to keep the backup passwords elsewhere, once', async () => {
    const home = temporary()
    assert.match(
      (await generate(home, ['dickson'])).stdout,
      /Keep a copy of dickson_backup_password\.txt off this server/,
    )
    assert.doesNotMatch((await generate(home, ['dickson'])).stdout, /Keep a copy/)
  })

  it('keeps every byte and time of what is there, and says so', async () => {
    const { home, directory } = makeHome()
    const fingerprint = () =>
      readdirSync(directory).map((name) => [
        name,
        lstatSync(join(directory, name), { bigint: true }).mtimeNs,
        lstatSync(join(directory, name)).ino,
      ])
    const [before, text] = [fingerprint(), contents(directory)]
    const { code, stdout } = await generate(home)
    assert.equal(code, 0)
    assert.equal(stdout, `made 0, kept ${ALL}\n`)
    assert.deepEqual(fingerprint(), before)
    assert.deepEqual(contents(directory), text)
  })

  it('makes one tenant its own and leaves the other alone', async () => {
    const home = temporary()
    assert.equal((await generate(home, ['dickson'])).code, 0)
    assert.ok(names(home).length === 6 && names(home).every((name) => name.startsWith('dickson_')))
  })

  it("makes core's, which no tenant may read, when they are asked for", async () => {
    const home = temporary()
    assert.equal((await generate(home, ['core'])).code, 0)
    assert.deepEqual(names(home).sort(), ALL_CORE_SECRETS.map((name) => `${name}.txt`).sort())
  })

  it('is not fooled by a generous or a strict umask', async () => {
    for (const umask of ['000', '077']) {
      const home = temporary()
      const line = `umask ${umask}; exec '${process.execPath}' --import=#typescript node_modules/zx/build/cli.js scripts/generate-secrets.ts`
      const { code } = await script('', [], { command: ['bash', '-c', line], env: { ...empty.env, ERP_HOME: home } })
      assert.equal(code, 0)
      assert.equal(statSync(join(home, 'secrets')).mode & 0o777, 0o700)
      for (const name of names(home)) assert.equal(statSync(join(home, 'secrets', name)).mode & 0o777, 0o444)
      assert.equal(statSync(join(home, 'state')).mode & 0o077, 0)
    }
  })

  it('--dry-run says what it would make and makes nothing, not even a directory', async () => {
    const home = temporary()
    const { code, stdout } = await generate(home, ['--dry-run'])
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`^would make ${ALL}, kept 0`))
    assert.deepEqual(readdirSync(home), [])
  })

  it('--json tells each file once and no value', async () => {
    const home = temporary()
    const { stdout } = await generate(home, ['--json'])
    const { files } = JSON.parse(stdout) as { files: { file: string; made: boolean }[] }
    assert.deepEqual(files.map(({ file }) => file).sort(), names(home).sort())
    for (const value of Object.values(contents(join(home, 'secrets')))) assert.ok(!stdout.includes(value))
  })

  for (const [secret, volume] of [
    ['db_password', 'dickson-db-data'],
    ['admin_password', 'dickson-sites-data'],
  ] as const) {
    it(`refuses a new ${secret} while ${volume} holds data under the lost one`, async () => {
      const { home, directory, file } = makeHome()
      rmSync(file(`dickson_${secret}.txt`))
      const before = contents(directory)
      const { env } = stubDocker(`echo other; echo ${volume}`)
      const { code, stderr } = await generate(home, [], env)
      assert.equal(code, 3, stderr)
      assert.match(stderr, new RegExp(`dickson_${secret}\\.txt is missing, but volume ${volume}`))
      assert.match(stderr, /generate-secrets\.ts dickson --anew/)
      assert.deepEqual(contents(directory), before)
      const anew = await generate(home, ['dickson', '--anew'], env)
      assert.equal(anew.code, 0, anew.stderr)
      assert.match(anew.stdout, new RegExp(`^made 1, kept \\d+\\n  dickson_${secret}\\.txt\\n$`))
    })
  }

  it("is not stopped by another installation's volume of the same tenant", async () => {
    const { home, file } = makeHome()
    rmSync(file('dickson_db_password.txt'))
    const { env } = stubDocker('echo dickson-db-data')
    assert.equal((await generate(home, [], { ...env, ERP_PREFIX: 'other-' })).code, 0)
  })

  it('refuses a new backup password while a repository exists under the lost one', async () => {
    const { home, file } = makeHome()
    rmSync(file('dickson_backup_password.txt'))
    mkdirSync(join(home, 'backups/dickson'), { recursive: true })
    writeFileSync(join(home, 'backups/dickson/config'), 'x')
    const { code, stderr } = await generate(home)
    assert.equal(code, 3)
    assert.match(stderr, /dickson_backup_password\.txt is missing, but backups\/dickson/)
  })

  it('refuses what no restore makes good, --anew or not', async () => {
    const { home, file } = makeHome()
    for (const name of ['dickson_backup_password', 'dickson_db_password', 'authentik_db_password'])
      rmSync(file(`${name}.txt`))
    mkdirSync(join(home, 'backups/dickson'), { recursive: true })
    writeFileSync(join(home, 'backups/dickson/config'), 'x')
    const { env } = stubDocker('echo dickson-db-data; echo core-authentik-db-data')
    const tenant = await generate(home, ['dickson', '--anew'], env)
    assert.equal(tenant.code, 3)
    assert.match(
      tenant.stderr,
      /^[^\n]*dickson_backup_password\.txt is missing, but backups\/dickson[^\n]*\n[^\n]*put the old file back; without it: docs\/trouble\.md#secrets-are-lost\n$/,
    )
    const core = await generate(home, ['core', '--anew'], env)
    assert.equal(core.code, 3)
    assert.match(core.stderr, /authentik_db_password\.txt is missing/)
  })

  it('refuses it as well while the repository is elsewhere: the ledger knows it', async () => {
    const { home, file } = makeHome()
    rmSync(file('dickson_backup_password.txt'))
    rmSync(join(home, 'backups'), { recursive: true })
    mkdirSync(join(home, 'state/dickson'), { recursive: true })
    const repository = { id: 'x', location: 's3:https://s3.host/bucket', at: '2026-01-01T00:00:00Z' }
    writeFileSync(join(home, 'state/dickson/ledger.json'), JSON.stringify({ repository }))
    const { code, stderr } = await generate(home)
    assert.equal(code, 3)
    assert.match(stderr, /dickson_backup_password\.txt is missing, but s3:https:\/\/s3\.host\/bucket/)
    assert.match(stderr, /to begin anew without those backups: move .*state\/dickson\/ledger\.json away/)
  })
})

describe('a faulty secret is refused with 3, named, and never touched', { concurrency: 4 }, () => {
  const good = 'ab'.repeat(24)
  const write =
    (text: string | Buffer, mode = 0o444) =>
    (file: string) => {
      writeFileSync(file, text)
      chmodSync(file, mode)
    }
  const FAULTS: [what: string, make: (file: string) => void, message: RegExp][] = [
    ['empty', write(''), /is empty/],
    ['blank', write('  \n'), /is empty/],
    ['ended by a line end', write(`${good}\n`), /something other than letters and digits/],
    ['ended by CRLF', write(`${good}\r\n`), /something other/],
    ['begun by a byte order mark', write(`\ufeff${good}`), /something other/],
    ['of letters beyond ASCII', write(`${good}é`), /something other/],
    ['binary', write(Buffer.from([0, 255, 254, 10])), /something other|is empty/],
    ['hexadecimal of 188 bits', write(good.slice(1)), /shorter than 192 bits/],
    ['alphanumeric of 190 bits', write('Zz'.repeat(16)), /shorter than 192 bits/],
    ['writable by its group', write(good, 0o464), /can be written by others/],
    ['writable by others', write(good, 0o446), /can be written by others/],
    ['unreadable for the containers', write(good, 0o400), /cannot be read by the containers/],
    ['a link to a good file', (file) => symlinkSync(file.replace(/[^/]+$/, 'aim'), file), /is a link/],
    ['a link that leads nowhere', (file) => symlinkSync('/nonexistent/aim', file), /is a link/],
    ['a FIFO', (file) => execFileSync('mkfifo', ['-m', '444', file]), /is not a plain file/],
    ['a directory', (file) => mkdirSync(file), /is not a plain file/],
  ]
  for (const [what, make, message] of FAULTS) {
    const asked = /^(empty|hexadecimal|a link to|a FIFO)/.test(what)
      ? ['generate-secrets', 'deploy']
      : ['generate-secrets']
    for (const verb of asked) {
      it(`${verb}: ${what}`, async () => {
        const { home, file } = makeHome()
        const name = file('dickson_redis_cache_password.txt')
        renameSync(name, file('aim'))
        make(name)
        const before = lstatSync(name)
        const docker = fakeDocker()
        const { code, stderr, seconds } = await script(verb, ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
        assert.equal(code, 3, stderr)
        assert.match(stderr, message)
        assert.match(stderr, /secrets\/dickson_redis_cache_password\.txt/)
        assert.ok(seconds < 10)
        assert.deepEqual(
          [lstatSync(name).ino, lstatSync(name).mtimeMs, lstatSync(name).mode],
          [before.ino, before.mtimeMs, before.mode],
        )
        assert.ok(!docker.calls().some((call) => / (up|run) /.test(call)), 'docker was asked to start something')
      })
    }
  }

  for (const mode of [0o710, 0o701, 0o740, 0o704]) {
    it(`a directory of mode ${mode.toString(8)}`, async () => {
      const { home, directory } = makeHome({ secrets: false })
      chmodSync(directory, mode)
      const { code, stderr } = await generate(home)
      assert.equal(code, 3)
      assert.match(stderr, /is open to others.*chmod 700/)
      assert.deepEqual([readdirSync(directory), statSync(directory).mode & 0o777], [[], mode])
    })
  }

  it('a directory that is a link is not followed', async () => {
    const { home, directory } = makeHome({ secrets: false })
    renameSync(directory, join(home, 'elsewhere'))
    symlinkSync(join(home, 'elsewhere'), directory)
    const { code, stderr } = await generate(home)
    assert.equal(code, 3)
    assert.match(stderr, /is not a directory/)
    assert.deepEqual(readdirSync(join(home, 'elsewhere')), [])
  })

  it('a file in place of the directory', async () => {
    const home = temporary()
    writeFileSync(join(home, 'secrets'), 'mine')
    assert.equal((await generate(home)).code, 3)
    assert.equal(readFileSync(join(home, 'secrets'), 'utf8'), 'mine')
  })

  it('two tenants that share a value: deploy starts nothing', async () => {
    const { home, file } = makeHome()
    rmSync(file('dickson_db_password.txt'))
    linkSync(file('erpnext_db_password.txt'), file('dickson_db_password.txt'))
    const docker = fakeDocker()
    for (const tenant of ['dickson', 'byrne']) {
      const { code, stderr } = await script('deploy', [tenant], { env: { ...docker.env, ERP_HOME: home } })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /dickson_db_password\.txt has the same value as secrets\/erpnext_db_password\.txt/)
    }
    assert.ok(!docker.calls().some((call) => / (up|run) /.test(call)))
  })

  it("another tenant's FIFO does not hang deploy", async () => {
    const { home, file } = makeHome()
    rmSync(file('erpnext_db_password.txt'))
    execFileSync('mkfifo', ['-m', '444', file('erpnext_db_password.txt')])
    const { env } = fakeDocker()
    const { code, seconds } = await script('deploy', ['dickson', '--dry-run'], {
      env: { ...env, ERP_HOME: home },
      timeout: 10,
    })
    assert.equal(code, 0)
    assert.ok(seconds < 8)
  })
})

describe('a directory that cannot take the secrets ends generate-secrets with 3, and no file is empty or in part', {
  concurrency: 4,
}, () => {
  /** A home on a tmpfs with these options; unmounted whatever happens. */
  function mounted(options: string): string {
    const home = mkdtempSync(join(tmpdir(), 'erp-test-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=700,${options}`, 'tmpfs', home])
    after(() => {
      execFileSync('umount', ['--lazy', home])
      rmSync(home, { recursive: true })
    })
    return home
  }
  const whole = (home: string) =>
    Object.entries(existsSync(join(home, 'secrets')) ? contents(join(home, 'secrets')) : {}).every(([, value]) =>
      VALUE.test(value),
    )

  for (const options of ['size=4k', 'size=12k', 'nr_inodes=3', 'nr_inodes=5', 'nr_inodes=8']) {
    it(`no room in the home: ${options}; a later run with room finishes the work`, async () => {
      const home = mounted(options)
      const { code, stderr } = await generate(home)
      assert.equal(code, 3, stderr)
      assert.ok(whole(home), JSON.stringify(names(home)))
      assert.ok(!/\n\s+at /.test(stderr), 'a stack')
      const kept = existsSync(join(home, 'secrets')) ? contents(join(home, 'secrets')) : {}
      execFileSync('mount', ['-o', 'remount,size=1m,nr_inodes=100', home])
      assert.equal((await generate(home)).code, 0)
      const all = contents(join(home, 'secrets'))
      assert.equal(Object.keys(all).length, ALL)
      for (const [name, value] of Object.entries(kept)) assert.equal(all[name], value)
    })
  }

  it('a home without a free byte', async () => {
    const home = mounted('size=4k')
    writeFileSync(join(home, 'ballast'), 'x'.repeat(4096))
    const { code, stderr } = await generate(home)
    assert.equal(code, 3, stderr)
    assert.ok(whole(home))
  })

  for (const made of [[], ['state'], ['state', 'secrets']]) {
    it(`a home that is read-only, with ${made.join(' and ') || 'nothing'} in it`, async () => {
      const home = mounted('size=1m')
      for (const name of made) mkdirSync(join(home, name), { mode: 0o700 })
      if (made.includes('state')) writeFileSync(join(home, 'state/secrets.lock'), '')
      if (made.includes('secrets')) writeFileSync(join(home, 'secrets/dickson_db_password.txt.1.partial'), 'x')
      execFileSync('mount', ['-o', 'remount,ro', home])
      const { code, stderr } = await generate(home)
      assert.equal(code, 3, stderr)
      assert.match(stderr, /cannot be (made|written|locked)/)
    })
  }
})

describe('generate-secrets that is killed or not alone', () => {
  it('killed at any moment leaves whole files alone, and the next run keeps each of them', async () => {
    const home = temporary()
    const directory = join(home, 'secrets')
    let kept: Record<string, string> = {}
    const begun = await measure(home)
    for (let round = 0; round < 8; round++) {
      const run = start('generate-secrets', [], { env: { ...empty.env, ERP_HOME: home } })
      await sleep(begun * (0.5 + round * 0.08))
      run.child.kill('SIGKILL')
      await run.done
      const files = existsSync(directory) ? contents(directory) : {}
      for (const [name, value] of Object.entries(files).filter(([name]) => name.endsWith('.txt')))
        assert.match(value, VALUE, name)
      for (const [name, value] of Object.entries(kept)) assert.equal(files[name], value)
      kept = Object.fromEntries(Object.entries(files).filter(([name]) => name.endsWith('.txt')))
      if (Object.keys(kept).length === ALL) {
        rmSync(directory, { recursive: true })
        kept = {}
      }
    }
    const { code } = await generate(home)
    assert.equal(code, 0)
    assert.equal(names(home).length, ALL, 'a part is left')
  })

  it('eight at once: one makes them, the others end with 75, and all agree', async () => {
    const home = temporary()
    const runs = await Promise.all(Array.from({ length: 8 }, () => generate(home)))
    const codes = runs.map(({ code }) => code)
    assert.ok(codes.includes(0) && codes.every((code) => code === 0 || code === 75), codes.join())
    const made = runs.map(({ stdout }) => Number(/^made (\d+)/.exec(stdout)?.[1] ?? 0))
    assert.deepEqual(
      made.filter((count) => count > 0),
      [ALL],
    )
    assert.equal(new Set(Object.values(contents(join(home, 'secrets')))).size, ALL)
  })

  /** Milliseconds of an undisturbed run. */
  async function measure(home: string): Promise<number> {
    const { seconds } = await generate(home)
    rmSync(join(home, 'secrets'), { recursive: true })
    return seconds * 1000
  }
})
