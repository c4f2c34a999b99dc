import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { root, script, stubDocker } from './harness.ts'

const scripts = readdirSync(join(root, 'scripts')).map((name) => name.replace(/\.ts$/, ''))

describe('every script', () => {
  for (const name of scripts) {
    it(`${name} --help begins with two examples and ends with the exit codes`, async () => {
      const { code, stdout, stderr } = await script(name, ['--help'])
      assert.equal(code, 0, stderr)
      const lines = stdout.split('\n')
      for (const line of lines.slice(0, 2)) assert.match(line, new RegExp(`^  npx zx scripts/${name}\\.ts`))
      assert.match(stdout, /Exit status:\n {2}0 done/)
    })

    it(`${name} refuses an unknown flag with 2, and asks docker nothing`, async () => {
      const docker = stubDocker('exit 0')
      const { code, stderr } = await script(name, ['dickson', '--bogus'], { env: docker.env })
      assert.equal(code, 2)
      assert.match(stderr, /--bogus/)
      assert.deepEqual(docker.calls(), [])
    })
  }
})

describe('a tenant that is none', () => {
  for (const word of [
    'foo',
    '../dickson',
    'byrne;id',
    '$(id)',
    '`id`',
    'a b',
    'Byrne',
    'ｂyrne',
    '.',
    '',
    '/etc',
    'x'.repeat(300),
    'a\nb',
  ]) {
    it(`${JSON.stringify(word.slice(0, 20))} is refused with 2, and nothing is executed`, async () => {
      const docker = stubDocker('exit 0')
      const { code, stderr } = await script('deploy', [word], { env: docker.env })
      assert.equal(code, 2, stderr)
      assert.match(stderr, /known: byrne, dickson/)
      assert.deepEqual(docker.calls(), [])
    })
  }
})
