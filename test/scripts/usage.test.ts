import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { script, scripts, stubDocker, temporary } from './harness.ts'

describe('every script', () => {
  for (const name of scripts) {
    it(`${name} --help begins with two examples and ends with the exit codes`, async () => {
      const { code, stdout, stderr } = await script(name, ['--help'])
      assert.equal(code, 0, stderr)
      const lines = stdout.split('\n')
      for (const line of lines.slice(0, 2)) assert.match(line, new RegExp(`^  npx zx scripts/${name}\\.ts`))
      assert.match(stdout, /Exit status:\n {2}0 done/)
      assert.equal(stderr, '')
      assert.ok(lines.every((line) => line.length <= 130))
    })
  }
})

/** Arguments that no script takes: what they are, the script, the arguments, what the message names. */
const REFUSED: [what: string, script: string, args: string[], message: RegExp][] = [
  ...scripts.map((name): [string, string, string[], RegExp] => [
    'an unknown flag',
    name,
    ['dickson', '--bogus\x1b[31m\x9b'],
    /--bogus\\u\{1b\}\[31m\\u\{9b\}/,
  ]),
  ['no tenant', 'deploy', [], /a tenant is missing; known: byrne, dickson/],
  ['a tenant and --all', 'deploy', ['dickson', '--all'], /exclude each other/],
  ['one known and one unknown tenant', 'deploy', ['dickson', 'foo'], /unknown tenant "foo"/],
  ['a value that is missing', 'deploy', ['dickson', '--timeout'], /--timeout/],
  ['words behind --', 'deploy', ['dickson', '--', 'x'], /'--' passes nothing on here/],
  ['a tenant behind -- alone', 'generate-secrets', ['--', 'dickson'], /'--' passes nothing on here/],
  ['no verb', 'tenant', ['dickson'], /a verb is missing; known: start, stop/],
  ['no verb for all', 'tenant', ['--all'], /a verb is missing/],
  ['the verb first', 'tenant', ['stop', 'dickson'], /unknown tenant "stop"/],
  ['an unknown verb', 'tenant', ['dickson', 'explode'], /unknown verb "explode"/],
  ['a verb that would write to the terminal', 'tenant', ['dickson', '\x1b]0;x\x07\x9b2J'], /unknown verb "\\u\{1b\}/],
  ['a second tenant', 'tenant', ['dickson', 'byrne', 'stop'], /unknown verb "byrne"/],
  ['a tenant behind --all', 'tenant', ['--all', 'dickson', 'stop'], /unknown verb "dickson"/],
  ['a part where the verb takes none', 'tenant', ['dickson', 'stop', 'db'], /stop takes nothing behind it, not "db"/],
  ['no number of workers', 'tenant', ['dickson', 'scale'], /scale/],
  ...['0', '100', '1.5'].map((value): [string, string, string[], RegExp] => [
    `${value} workers`,
    'tenant',
    ['dickson', 'scale', value],
    /scale/,
  ]),
  ['bench without arguments', 'tenant', ['dickson', 'bench'], /behind --/],
  ['bench for all', 'tenant', ['--all', 'bench', '--', 'list-apps'], /bench is for one tenant/],
  ['words behind -- of status', 'tenant', ['dickson', 'status', '--', 'x'], /passes nothing on behind --/],
  ...['0', '-1', '1.5', 'NaN', ''].map((value): [string, string, string[], RegExp] => [
    `a retention of ${value || 'nothing'}`,
    'backup',
    ['dickson', `--keep-daily=${value}`],
    /keep-daily/,
  ]),
  ['what makes a repository and what only empties one', 'backup', ['dickson', '--init', '--prune'], /not with --init/],
  ['two verbs at once', 'restore', ['dickson', '--drill', '--undo'], /--undo and --drill exclude each other/],
  [
    'a path as a snapshot',
    'restore',
    ['dickson', '--list', '--snapshot=/etc/passwd'],
    /"\/etc\/passwd" is no snapshot/,
  ],
  [
    'an import out of a repository',
    'restore',
    ['dickson', '--import=/srv', '--offsite'],
    /--import takes nothing from a repository/,
  ],
  ['no consent to an import', 'restore', ['dickson', '--import=/srv'], /needs --confirm=dickson/],
  ["another tenant's name as consent", 'restore', ['dickson', '--confirm=byrne'], /byrne is not the tenant dickson/],
  ['no consent, and no terminal to ask', 'restore', ['dickson'], /needs --confirm=dickson/],
  ['no consent to an undo', 'restore', ['dickson', '--undo'], /needs --confirm=dickson/],
  ['--json, which never asks, without consent', 'restore', ['dickson', '--json'], /needs --confirm=dickson/],
  ['JSON of logs', 'tenant', ['dickson', 'logs', '--json'], /logs has no JSON/],
]

describe('wrong arguments end with 2 and ask docker nothing', { concurrency: 4 }, () => {
  const docker = stubDocker('exit 0')
  for (const [what, name, args, message] of REFUSED) {
    it(`${name}: ${what}`, async () => {
      const { code, stdout, stderr } = await script(name, args, { env: docker.env })
      assert.equal(code, 2, stderr)
      assert.match(stderr, message)
      if (!args.includes('--json')) assert.equal(stdout, '')
      assert.ok(stderr.split('\n').length <= 3, 'more than one line and a hint')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
      assert.deepEqual(docker.calls(), [])
    })
  }
})

const canary = join(temporary(), 'canary')
const WORDS = [
  '../dickson',
  `byrne;touch ${canary}`,
  `$(touch ${canary})`,
  `\`touch ${canary}\``,
  'a b',
  'Byrne',
  'ｂyrne',
  'a\nb',
  '',
  '/etc',
  'x'.repeat(300),
  '\x1b[2J',
]

describe('a tenant that is none is refused with 2, shown escaped, and nothing is executed', { concurrency: 4 }, () => {
  const docker = stubDocker('exit 0')
  for (const [index, word] of WORDS.entries()) {
    const name = scripts[index % scripts.length] ?? ''
    it(`${name} ${JSON.stringify(word.slice(0, 30))}`, async () => {
      const { code, stdout, stderr } = await script(name, [word, 'stop'], { env: docker.env })
      assert.equal(code, 2, stderr)
      assert.match(stderr, /known: byrne, dickson/)
      assert.equal(stdout, '')
      assert.ok(stderr.length < 300)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
      assert.deepEqual(docker.calls(), [])
      assert.ok(!existsSync(canary))
    })
  }

  it('suggests the nearest', async () => {
    const { stderr } = await script('deploy', ['dikson'], { env: docker.env })
    assert.match(stderr, /did you mean dickson\?/)
  })
})
