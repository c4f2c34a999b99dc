import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { ALL_CORE_SECRETS, TENANT_SECRETS } from '../../lib/registry.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const list = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))

const lib = list('lib')
const scripts = list('scripts')
const packages = Object.keys(JSON.parse(read('package.json')).dependencies)

/** The source without comments: what they say is not what the code does. */
const code = (file: string) =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '$1')

/** What a file imports at run time, types excepted: files as paths from the root, packages by their name. */
function imports(file: string): string[] {
  const text = code(file)
  const fixed = [...text.matchAll(/^(import|export)\s+(?!type\b)[^'"]*?from\s+'([^']+)'/gm)].map(
    ([, , name = '']) => name,
  )
  const bare = [...text.matchAll(/^import\s+'([^']+)'/gm)].map(([, name = '']) => name)
  const lazy = [...text.matchAll(/import\(\s*'([^']+)'/g)].map(([, name = '']) => name)
  return [...fixed, ...bare, ...lazy].map((name) =>
    name.startsWith('.') ? relative(root, resolve(root, dirname(file), name)) : name,
  )
}

const isPackage = (name: string) => packages.some((known) => name === known || name.startsWith(`${known}/`))

describe('imports point one way', () => {
  for (const file of scripts) {
    it(`${file} imports lib, zx and node alone`, () => {
      const foreign = imports(file).filter((name) => !/^(lib\/|node:|zx(\/|$))/.test(name))
      assert.deepEqual(foreign, [])
    })
  }

  for (const file of lib) {
    it(`${file} imports lib, node and what package.json lists for run time`, () => {
      const foreign = imports(file).filter((name) => !/^(lib\/|node:)/.test(name) && !isPackage(name))
      assert.deepEqual(foreign, [])
    })
  }

  it('tenants.ts imports types alone', () => assert.deepEqual(imports('tenants.ts'), []))

  it('no file of lib imports itself by way of others', () => {
    const reach = (file: string, seen = new Set<string>()): Set<string> => {
      for (const next of imports(file).filter((name) => name.startsWith('lib/') && !seen.has(name))) {
        seen.add(next)
        reach(next, seen)
      }
      return seen
    }
    assert.deepEqual(
      lib.filter((file) => reach(file).has(file)),
      [],
    )
  })

  it('reads imports of every form, or the tests above prove nothing', () => {
    assert.ok(imports('scripts/deploy.ts').includes('lib/command.ts'))
    assert.ok(!imports('lib/compose.ts').includes('lib/registry.ts'), 'a type import counts')
    assert.ok(imports('lib/reporter.ts').includes('ora'))
    assert.ok(imports('lib/command.ts').includes('zx/core'))
  })
})

describe('lib', () => {
  for (const file of lib.filter((name) => name !== 'lib/command.ts')) {
    it(`${file} knows no process, writes nothing and asks nothing`, () => {
      assert.doesNotMatch(
        code(file),
        /\bprocess\.(?!platform)|\bconsole\.|from 'prompts'|from 'node:(process|readline\/promises)'/,
      )
    })
  }

  for (const file of [...lib, ...scripts]) {
    it(`${file} opens with one sentence that says what it is for`, () => {
      assert.match(read(file), /^\/\*\*[\s\S]{20,}?\*\//)
    })

    it(`${file} runs no shell of its own making: no execSync, no shell option, no mutated cwd`, () => {
      assert.doesNotMatch(code(file), /execSync|spawnSync|shell: true|process\.chdir|\bcd\(|zx\/globals/)
    })

    it(`${file} knows neither the rehearsal nor the tests`, () => {
      assert.doesNotMatch(code(file), /rehears|fake|stub/i)
    })
  }
})

describe('what is committed', () => {
  const compose = parse(read('compose.yml'), { merge: true, maxAliasCount: -1 })

  it('names no secret in an environment, a command or a label of compose.yml, but by its file', () => {
    for (const [name, service] of Object.entries<Record<string, unknown>>(compose.services)) {
      const { environment = {}, command = [], labels = {}, entrypoint = [] } = service
      const text = JSON.stringify([environment, command, labels, entrypoint]).replaceAll(
        /\w+":"((file:\/\/)?\/run\/secrets\/\w+|\$\{\w+_FILE:-\})"/g,
        '',
      )
      assert.doesNotMatch(text, /password|secret|token|_key/i, name)
    }
  })

  it('mounts no Docker socket and publishes no port but the two of Traefik', () => {
    for (const [name, service] of Object.entries<Record<string, unknown>>(compose.services)) {
      assert.doesNotMatch(JSON.stringify(service), /docker\.sock/, name)
      if (name !== 'core-traefik') assert.equal(service.ports, undefined, name)
      assert.notEqual(service.privileged, true, name)
      assert.notEqual(service.network_mode, 'host', name)
    }
  })

  it('pins every image to a patch release', () => {
    for (const [name, { image }] of Object.entries<{ image: string }>(compose.services)) {
      assert.match(image, /^\$\{[A-Z_]+:-([^:]+:v?\d+\.\d+\.\d+|postgres:\d+\.\d+)[a-z0-9-]*\}$/, name)
    }
  })

  it('keeps secrets, state, backups and .env out of git', () => {
    const ignored = read('.gitignore').split('\n')
    for (const name of ['secrets', 'state', 'backups', '.env']) {
      assert.ok(
        ignored.some((line) => line.replaceAll('/', '') === name),
        name,
      )
    }
  })

  it('documents each variable that compose.yml or lib reads in .env.example', () => {
    const example = read('.env.example')
    const used = [
      ...read('compose.yml').matchAll(/\$\{([A-Z_]+)/g),
      ...code('lib/settings.ts').matchAll(/env\.(ERP_\w+)/g),
    ]
    for (const name of new Set(used.map(([, name = '']) => name)))
      assert.match(example, new RegExp(`^#?${name}=`, 'm'), name)
  })

  it('knows every secret by one name: the registry has those that compose.yml mounts', () => {
    for (const name of Object.keys(compose.secrets)) {
      assert.ok(
        [...TENANT_SECRETS.map((secret) => `_${secret}`), ...ALL_CORE_SECRETS].some((known) => name.endsWith(known)),
        name,
      )
    }
  })
})
