import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readSettings } from '../../lib/settings.ts'

const root = mkdtempSync(join(tmpdir(), 'erp-test-'))
after(() => rmSync(root, { recursive: true, force: true }))
const file = join(root, '.env')

/** The settings that a `.env` of this text gives. */
function withFile(text: string, environment = {}) {
  writeFileSync(file, text)
  try {
    return readSettings(root, environment)
  } finally {
    rmSync(file)
  }
}

describe('.env', () => {
  // What real `docker compose config` and dotenv were seen to read differently, or what must not stand there.
  for (const [what, line] of [
    ['a dollar', 'DB_MEMORY=1$g'],
    ['a comment mark', 'DB_MEMORY=1g # enough'],
    ['a double quote', 'DB_MEMORY="1g"'],
    ['a single quote', "DB_MEMORY='1g'"],
    ['a backquote', 'DB_MEMORY=`id`'],
    ['a backslash', 'DB_MEMORY=a\\nb'],
    ['a colon instead of the equals sign', 'DB_MEMORY:1g'],
    ['a colon before the equals sign', 'DB_MEMORY:=1g'],
    ['a blank before a colon', 'DB_MEMORY : 1g'],
    ['a carriage return within a value', 'DB_MEMORY=1\rREDIS_MEMORY=2'],
    ['a NUL', 'DB_MEMORY=1\0g'],
    ['a name without a value', 'DB_MEMORY'],
    ['a name that is none', '2DB=1g'],
    ['a URL with a login', 'BACKUP_REPOSITORY_DICKSON=https://user:hidden99@backup.example.org/x'],
    ['a URL with a password alone', 'QUEUE=redis://:hidden99@queue:6379'],
    ['a password of SFTP', 'BACKUP_REPOSITORY_DICKSON=sftp://keeper:hidden99@vault//srv/erp'],
    ["restic's form of a URL with a login", 'BACKUP_REPOSITORY_DICKSON=rest:https://user:hidden99@backup.example.org/'],
    ['a URL with a token', 'BACKUP_REPOSITORY_DICKSON=https://hidden99@backup.example.org/x'],
  ] as const) {
    it(`is refused with 3 and the number of its line for ${what}, and its value is not shown`, () => {
      assert.throws(
        () => withFile(`# first\n\n${line}\n`),
        (error: Error & { code: number }) => {
          assert.match(error.message, /^\.env: line 3: /)
          assert.doesNotMatch(error.message, /hidden99/)
          assert.equal(error.code, 3)
          return true
        },
      )
    })
  }

  it('tells every faulty line at once', () => {
    assert.throws(() => withFile('A=$x\nB=fine\nC=`y`\n'), /line 1: A .*; line 3: C /)
  })

  for (const [what, text, value] of [
    ['blanks around both', '  DB_MEMORY = 2g  \n', '2g'],
    ['export before it', 'export DB_MEMORY=2g\n', '2g'],
    ['line ends of Windows', 'DB_MEMORY=2g\r\nREDIS_MEMORY=1g\r\n', '2g'],
    ['a byte order mark', '\ufeffDB_MEMORY=2g\n', '2g'],
    ['no line end', 'DB_MEMORY=2g', '2g'],
    ['an equals sign in the value', 'DB_MEMORY=a=b\n', 'a=b'],
    ['a colon in the value', 'DB_MEMORY=host:1/x\n', 'host:1/x'],
    ['letters beyond ASCII', 'DB_MEMORY=Zoë Ó\n', 'Zoë Ó'],
    [
      "SFTP's user, whose key is a file",
      'DB_MEMORY=sftp://keeper@vault:2222//srv/erp\n',
      'sftp://keeper@vault:2222//srv/erp',
    ],
    ['nothing behind the equals sign', 'DB_MEMORY=\nX=y\n', ''],
  ] as const) {
    it(`is read with ${what}`, () => assert.equal(withFile(text).env.DB_MEMORY, value))
  }

  it('gives way to the environment', () => {
    assert.equal(withFile('DB_MEMORY=1g\n', { DB_MEMORY: '4g' }).env.DB_MEMORY, '4g')
  })

  it('that is a directory is refused with 3', () => {
    mkdirSync(file)
    try {
      assert.throws(() => readSettings(root, {}), { code: 3 })
    } finally {
      rmSync(file, { recursive: true })
    }
  })

  for (const name of ['ZX_PREFIX', 'ZX_VERBOSE', 'NODE_OPTIONS', 'npm_config_prefix', 'COMPOSE_PROFILES']) {
    it(`never gives a child ${name}: it is refused or left out`, () => {
      let value: string | undefined
      try {
        value = withFile(`${name}=x\n`).env[name]
      } catch (error) {
        assert.equal((error as { code: number }).code, 3)
      }
      assert.equal(value, undefined)
    })
  }
})

describe('the environment of children', () => {
  for (const name of [
    'ZX_VERBOSE',
    'ZX_PREFIX',
    'npm_config_node_options',
    'npm_lifecycle_event',
    'NODE_OPTIONS',
    'COMPOSE_PROFILES',
  ]) {
    it(`has no ${name}`, () => assert.ok(!(name in readSettings(root, { [name]: 'x' }).env)))
  }

  it('keeps everything else, such as DOCKER_HOST and COMPOSE_FILE', () => {
    const kept = { DOCKER_HOST: 'unix:///x', COMPOSE_FILE: 'compose.yml', HOME: '/root', NODE_ENV: 'x' }
    const { env } = readSettings(root, kept)
    for (const [name, value] of Object.entries(kept)) assert.equal(env[name], value)
  })

  for (const [what, environment] of [
    ['empty', { PATH: '' }],
    ['missing', {}],
  ] as const) {
    it(`has the usual PATH where PATH is ${what}`, () => {
      assert.match(readSettings(root, environment).env.PATH ?? '', /(^|:)\/usr\/bin(:|$)/)
    })
  }

  it("gives a machine's name the form in which locks bear it, also one that was said", () => {
    const { env } = readSettings(root, { ERP_MACHINE: 'server1.example.org' })
    assert.equal(env.ERP_MACHINE, 'server1-example-org')
  })

  it('names home and prefix as they were understood, so that compose reads the same', () => {
    const { env } = readSettings(root, { ERP_HOME: 'there', ERP_PREFIX: 'x-' })
    assert.deepEqual([env.ERP_HOME, env.ERP_PREFIX], [join(root, 'there'), 'x-'])
  })
})

describe('where things live', () => {
  it('is the repository where nothing is said, or said with an empty value', () => {
    for (const environment of [{}, { ERP_HOME: '', ERP_TENANTS: '', ERP_PREFIX: '' }]) {
      const { home, registry, prefix } = readSettings(root, environment)
      assert.deepEqual([home, registry, prefix], [root, join(root, 'tenants.ts'), ''])
    }
  })

  it('is taken from ERP_HOME and ERP_TENANTS, relative to the repository', () => {
    const { home, registry } = readSettings(root, { ERP_HOME: '/srv/erp', ERP_TENANTS: 'other/tenants.ts' })
    assert.deepEqual([home, registry], ['/srv/erp', join(root, 'other/tenants.ts')])
  })

  for (const prefix of ['a-', 'staging-', 'test1-x-', 'a1-']) {
    it(`accepts the prefix ${prefix}`, () => assert.equal(readSettings(root, { ERP_PREFIX: prefix }).prefix, prefix))
  }

  for (const prefix of [
    'staging',
    'Staging-',
    '1-',
    '-',
    'a_b-',
    'ä-',
    ' a-',
    'a-\n',
    '../a-',
    'drill-',
    'b-drill-',
    `${'a'.repeat(40)}-`,
  ]) {
    it(`refuses the prefix ${JSON.stringify(prefix)} with 3`, () => {
      assert.throws(() => readSettings(root, { ERP_PREFIX: prefix }), { code: 3 })
    })
  }
})
