import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, describe, it } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const files = readdirSync(join(root, 'tenant'))

describe('what compose.yml mounts from tenant/', () => {
  for (const file of files.filter((name) => name.endsWith('.sh'))) {
    const shell = readFileSync(join(root, 'tenant', file), 'utf8').startsWith('#!/bin/bash') ? 'bash' : 'sh'
    it(`${file} is ${shell} without a syntax error, and stops at the first failure`, () => {
      execFileSync(shell, ['-n', join(root, 'tenant', file)])
      assert.match(readFileSync(join(root, 'tenant', file), 'utf8'), /^set -eu/m)
    })
  }

  for (const file of files.filter((name) => name.endsWith('.py'))) {
    it(`${file} is Python without a syntax error`, () => {
      const code = 'import ast, sys; ast.parse(open(sys.argv[1]).read())'
      execFileSync('python3', ['-c', code, join(root, 'tenant', file)])
    })
  }

  it('is what compose.yml, lib or each other name, and no more', () => {
    const compose = readFileSync(join(root, 'compose.yml'), 'utf8')
    const lib = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    )
    const code = lib.map((name) => readFileSync(join(root, 'lib', name), 'utf8')).join()
    const programs = files.filter((name) => name.endsWith('.py'))
    const imported = programs.flatMap((name) =>
      [...readFileSync(join(root, 'tenant', name), 'utf8').matchAll(/^from (\w+) import/gm)].map(
        ([, module]) => `${module}.py`,
      ),
    )
    for (const file of files.filter((name) => !imported.includes(name)))
      assert.ok((compose + code).includes(`/opt/erp/${file}`), file)
  })
})

describe("the database's entry point", () => {
  /** A root file system of our own with this volume; the image's entry point only says that it was called. */
  function startWith(prepare: (volume: string) => void) {
    const place = mkdtempSync(join(tmpdir(), 'erp-test-'))
    after(() => rmSync(place, { recursive: true, force: true }))
    const folders = [
      'usr',
      'bin',
      'lib',
      'lib64',
      'proc',
      'dev',
      'var/lib/mysql',
      'docker-entrypoint-initdb.d',
      'opt/erp',
      'image',
    ]
    for (const folder of folders) mkdirSync(join(place, folder), { recursive: true })
    writeFileSync(
      join(place, 'image/docker-entrypoint.sh'),
      `#!/bin/bash\necho "started: $* with\${MARIADB_ROOT_PASSWORD_FILE:+ a password}"\n`,
      { mode: 0o755 },
    )
    const volume = join(place, 'var/lib/mysql')
    prepare(volume)
    const binds = ['usr', 'bin', 'lib', 'lib64', 'dev'].map((name) => `mount --rbind /${name} '${place}/${name}'`)
    const line = [
      ...binds,
      `mount --bind '${root}/tenant' '${place}/opt/erp'`,
      `PATH=/image:$PATH exec chroot '${place}' bash /opt/erp/db-entrypoint.sh mariadbd --x`,
    ]
    const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'bash', '-ec', line.join('\n')], {
      encoding: 'utf8',
      env: { ...process.env, MARIADB_ROOT_PASSWORD_FILE: '/run/secrets/x' },
    })
    const hook = join(place, 'docker-entrypoint-initdb.d/finished.sh')
    return {
      code: status,
      stdout,
      stderr,
      volume,
      there: (path: string) => existsSync(join(volume, path)),
      hook: existsSync(hook) ? readFileSync(hook, 'utf8') : '',
    }
  }
  const make =
    (...paths: string[]) =>
    (volume: string) => {
      for (const path of paths) {
        mkdirSync(join(volume, path, '..'), { recursive: true })
        if (path.endsWith('/')) mkdirSync(join(volume, path), { recursive: true })
        else writeFileSync(join(volume, path), 'x')
      }
    }

  it('makes a new database with its password, and marks the first start until its last act', () => {
    const { code, stdout, there, hook } = startWith(make())
    assert.equal(code, 0)
    assert.match(stdout, /started: mariadbd --x/)
    assert.ok(there('.first-start'))
    assert.match(hook, /rm -f \S*\.first-start/)
    assert.match(hook, /unset MARIADB_ROOT_PASSWORD/)
    assert.match(stdout, /with a password/)
  })

  it('starts a finished database as it is', () => {
    const { code, stdout, there, hook } = startWith(make('data/mysql/', 'data/_site/', 'data/ibdata1'))
    assert.deepEqual([code, there('data/_site'), there('.first-start'), hook], [0, true, false, ''])
    assert.doesNotMatch(stdout, /with a password/, 'a password in the environment of a server that needs none')
  })

  it('makes the empty database again after a first start that was killed', () => {
    const { code, there } = startWith(
      make('.first-start', 'data/mysql/', 'data/sys/', 'data/performance_schema/', 'data/#rocksdb/', 'data/ibdata1'),
    )
    assert.deepEqual([code, there('data/mysql'), there('.first-start')], [0, false, true])
  })

  for (const [what, paths, kept] of [
    ['a database that ran before us', ['ibdata1', 'mysql/'], 'ibdata1'],
    ['a restore that was interrupted: incoming/ without data/', ['incoming/mysql/'], 'incoming/mysql'],
    ['a restore that was interrupted: previous/ without data/', ['previous/mysql/'], 'previous/mysql'],
    ['an unfinished first start that holds a schema', ['.first-start', 'data/mysql/', 'data/_site/'], 'data/_site'],
  ] as const) {
    it(`refuses ${what}, and touches nothing`, () => {
      const { code, stdout, stderr, there } = startWith(make(...paths))
      assert.equal(code, 78, stderr)
      assert.match(stderr, /refused: /)
      assert.doesNotMatch(stdout, /started/)
      assert.ok(there(kept))
    })
  }
})

describe("Redis' entry point", () => {
  it('puts the password into a file that nobody else reads, and into no argument', () => {
    const place = mkdtempSync(join(tmpdir(), 'erp-test-'))
    after(() => rmSync(place, { recursive: true, force: true }))
    writeFileSync(join(place, 'redis_password'), 'hush1234')
    cpSync(join(root, 'tenant/redis-entrypoint.sh'), join(place, 'redis-entrypoint.sh'))
    writeFileSync(join(place, 'redis-server'), '#!/bin/sh\necho "$@"; cat "$1"; stat -c %a "$1"\n', { mode: 0o755 })
    const line = `mount -t tmpfs tmpfs /run && mkdir /run/secrets && mount --bind '${place}' /run/secrets && mount -t tmpfs tmpfs /tmp && PATH=/run/secrets:$PATH sh /run/secrets/redis-entrypoint.sh --save ''`
    const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'bash', '-ec', line], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const [args, ...config] = stdout.trimEnd().split('\n')
    assert.equal(args?.trim(), '/tmp/redis.conf --save')
    assert.ok(config.includes('requirepass hush1234'))
    assert.equal(config.at(-1), '600')
  })
})
