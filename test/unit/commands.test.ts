import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { composeArgs, runArgs, type Service, stopArgs, upArgs } from '../../lib/compose.ts'
import type { Container } from '../../lib/containers.ts'
import { phases, planChanges } from '../../lib/deploy.ts'
import { lastLines } from '../../lib/docker.ts'
import { printable, quoted, shown } from '../../lib/errors.ts'
import { writeAtomically } from '../../lib/files.ts'
import { get } from '../../lib/http.ts'
import { verifyReadable } from '../../lib/preflight.ts'
import { learnSecret, makeRedactor } from '../../lib/redact.ts'
import { makeTenant, type Unit } from '../../lib/registry.ts'
import { makeReporter } from '../../lib/reporter.ts'
import { readSettings } from '../../lib/settings.ts'
import { isOlder } from '../../lib/versions.ts'
import tenants from '../../tenants.ts'

const place = mkdtempSync(join(tmpdir(), 'erp-test-'))
after(() => rmSync(place, { recursive: true, force: true }))
const settings = readSettings('/somewhere', { ERP_HOME: place, ERP_PREFIX: 'x-' })
const dickson = makeTenant('dickson', tenants.dickson, settings)

describe('docker commands', () => {
  const all: [name: string, args: string[]][] = [
    ['composeArgs', composeArgs(dickson, 'ps')],
    ['upArgs', upArgs(dickson, ['dickson-db'], 1)],
    ['stopArgs', stopArgs(dickson, ['dickson-db'])],
    ['runArgs', runArgs(dickson, 'dickson-backend', ['python', 'x'])],
  ]
  for (const [name, args] of all) {
    it(`${name} names the project, the directory and one tenant's profile, and never "down"`, () => {
      const fixed = [
        'compose',
        '--project-directory',
        '/somewhere',
        '--project-name',
        'x-securenexus-erp',
        '--profile',
        'dickson',
      ]
      assert.deepEqual(args.slice(0, 7), fixed)
      assert.equal(args.filter((word) => word === '--profile').length, 1)
      assert.ok(!args.includes('down'))
    })
  }

  it('up builds and pulls nothing, and scales workers only where they are meant', () => {
    const rest = (services: string[], workers: number) => upArgs(dickson, services, workers).slice(7)
    assert.deepEqual(rest(['dickson-db'], 3), ['up', '--detach', '--no-build', '--pull', 'never', 'dickson-db'])
    assert.ok(rest(['dickson-worker'], 3).includes('dickson-worker=3'))
  })

  it('up replaces what differs, nothing or everything', () => {
    const flags = (['changed', 'never', 'always'] as const).map((recreate) =>
      upArgs(dickson, ['dickson-db'], 1, recreate).filter((word) => word.endsWith('-recreate')),
    )
    assert.deepEqual(flags, [[], ['--no-recreate'], ['--force-recreate']])
  })

  it('stop without services stays a stop of named services', () => {
    assert.deepEqual(stopArgs(dickson, ['dickson-db', 'dickson-worker']).slice(7), [
      'stop',
      'dickson-db',
      'dickson-worker',
    ])
  })

  it('run hands the words on one by one', () => {
    assert.deepEqual(runArgs(dickson, 's', ['python', 'a b', '$(id)']).slice(7), [
      ...['run', '--rm', '-T', '--no-deps'],
      ...['--entrypoint', 'python', 's', 'a b', '$(id)'],
    ])
  })
})

describe('a version', () => {
  for (const [version, oldest, expected] of [
    ['2.24.4', '2.24.4', false],
    ['2.24.3', '2.24.4', true],
    ['2.24.10', '2.24.4', false],
    ['2.5.0', '2.24.4', true],
    ['2.26.1-desktop.1', '2.24.4', false],
    ['2.26.1+ds1-2', '2.24.4', false],
    ['5.0.0', '2.24.4', false],
    ['1.29.2', '2.24.4', true],
    ['2.24', '2.24.4', true],
    ['25.0.0', '25', false],
    ['24.9.9', '25', true],
    ['26.1.5+dfsg1', '25', false],
    ['29.0.0-rc.1', '25', false],
  ] as const) {
    it(`${version} is ${expected ? '' : 'not '}older than ${oldest}`, () =>
      assert.equal(isOlder(version, oldest), expected))
  }
})

describe('what a deploy would change', () => {
  const service = (name: string, oneShot = false): Service => ({
    name,
    image: 'i',
    oneShot,
    profiles: [],
    secrets: [],
    configHash: `h-${name}`,
  })
  const container = (name: string, change: Partial<Container> = {}) =>
    ({ service: name, configHash: `h-${name}`, status: 'running', exitCode: 0, ...change }) as Container
  for (const [what, services, containers, expected] of [
    ['nothing where all runs as configured', [service('a')], [container('a')], []],
    ['what is missing', [service('a')], [], ['a missing']],
    ['what is configured differently', [service('a')], [container('a', { configHash: 'old' })], ['a changed']],
    ['what was stopped', [service('a')], [container('a', { status: 'exited' })], ['a stopped']],
    ['what is paused', [service('a')], [container('a', { status: 'paused' })], ['a stopped']],
    ['what was only created', [service('a')], [container('a', { status: 'created' })], ['a stopped']],
    ['one of two workers', [service('a')], [container('a'), container('a', { status: 'dead' })], ['a stopped']],
    ['nothing for a job that ended well', [service('j', true)], [container('j', { status: 'exited' })], []],
    ['a job that failed', [service('j', true)], [container('j', { status: 'exited', exitCode: 1 })], ['j stopped']],
    ['a job that never ran', [service('j', true)], [container('j', { status: 'created' })], ['j stopped']],
    ['only its own services', [service('a')], [container('a'), container('foreign', { status: 'exited' })], []],
  ] as [string, Service[], Container[], string[]][]) {
    it(`is ${what}`, () => {
      assert.deepEqual(
        planChanges(services, containers).map(({ service: name, why }) => `${name} ${why}`),
        expected,
      )
    })
  }

  it('happens in three phases that together are every service', () => {
    const names = ['volumes', 'db', 'redis-cache', 'redis-queue', 'configurator', 'backend', 'frontend', 'new-one']
    const services = names.map((part) => service(`dickson-${part}`))
    const { stores, configurator, application } = phases(dickson, services)
    const parts = (list: Service[]) => list.map(({ name }) => name.slice(8))
    assert.deepEqual(parts(stores), ['volumes', 'db', 'redis-cache', 'redis-queue'])
    assert.deepEqual([parts(configurator), parts(application)], [['configurator'], ['backend', 'frontend', 'new-one']])
  })
})

describe('what is shown', () => {
  it('has no secret of a file or one that was learnt, the longer before the shorter', () => {
    mkdirSync(join(place, 'secrets'))
    const write = (name: string, text: string) => writeFileSync(join(place, 'secrets', name), text)
    write('a.txt', 'alphasecret')
    write('b.txt', 'alphasecretlonger\n')
    write('environment.txt', 'AWS_KEY=keysecret1\nRESTIC_REST_USERNAME=securenexus\nAWS_REGION=eu-west-1\nshort\n')
    symlinkSync('/dev/zero', join(place, 'secrets/endless'))
    learnSecret('learntsecret')
    learnSecret('abc')
    const redact = makeRedactor(settings)
    assert.equal(
      redact('1 alphasecret 2 alphasecretlonger 3 keysecret1 4 learntsecret 5 abc 6 short 7 securenexus 8 eu-west-1'),
      '1 [secret] 2 [secret] 3 [secret] 4 [secret] 5 abc 6 short 7 securenexus 8 eu-west-1',
    )
  })

  it('is left alone where there are no secrets yet', () => {
    assert.equal(makeRedactor({ ...settings, home: '/nonexistent' })('text'), 'text')
  })

  for (const [text, shown] of [
    ['plain é ☘', 'plain é ☘'],
    ['\x1b[2J', '\\u{1b}[2J'],
    ['a\nb\x9b\x7f', 'a\\u{a}b\\u{9b}\\u{7f}'],
    ['\u202e', '\\u{202e}'],
  ] as const) {
    it(`of ${JSON.stringify(text)} is ${shown}`, () => assert.equal(printable(text), shown))
  }

  it('that a terminal gets has our own few colours, its lines and tabs, and nothing else that it would obey', () => {
    const ours = '\x1b[32m✔\x1b[0m\ta\n'
    assert.equal(shown(ours), ours)
    assert.equal(shown('\x1b[2K\x1b[8m\r\x9b31m'), '\\u{1b}[2K\\u{1b}[8m\\u{d}\\u{9b}31m')
  })

  it('of a long argument is its beginning', () => assert.ok(quoted('x'.repeat(999)).length < 50))

  it('of a long complaint is its last lines, without the empty ones', () => {
    assert.equal(lastLines('a\n\nb\n  \nc\n', 2), 'b | c')
    assert.equal(lastLines('', 2), '')
  })

  it('by the reporter is redacted, silent when quiet but for warnings, and passes failures on', async () => {
    const lines: string[] = []
    const options = {
      write: (text: string) => void lines.push(text),
      redact: (text: string) => text.replaceAll('hush', '[secret]'),
    }
    const loud = makeReporter({ ...options, quiet: false, terminal: false, colour: false })
    assert.equal(await loud.step('Do hush', async () => 7), 7)
    await assert.rejects(loud.step('Fail', () => Promise.reject(new Error('no'))))
    loud.warn('hush')
    assert.match(lines.join(''), /^✔ Do \[secret\] \(\d+\.\d s\)\n✖ Fail \(.*\)\n⚠ \[secret\]\n$/)
    lines.length = 0
    const quiet = makeReporter({ ...options, quiet: true, terminal: false, colour: false })
    await quiet.step('Do', async () => 7)
    quiet.say('x')
    quiet.warn('y')
    assert.deepEqual(lines, ['⚠ y\n'])
  })
})

describe('a file that is replaced', () => {
  it('has the mode that was asked for whatever the umask, and leaves nothing beside it', async () => {
    const before = process.umask(0o077)
    const file = join(place, 'metrics.prom')
    try {
      await Promise.all(['one\n', 'two\n'].map((text) => writeAtomically(file, text, 0o644)))
    } finally {
      process.umask(before)
    }
    assert.match(readFileSync(file, 'utf8'), /^(one|two)\n$/)
    assert.ok(!existsSync(`${file}.partial`))
  })

  for (const file of ['/nonexistent/x', place]) {
    it(`at ${file === place ? 'a directory' : file} is refused with 3`, async () => {
      await assert.rejects(writeAtomically(file, 'x', 0o644), { code: 3 })
    })
  }
})

describe('what containers read through a mount', () => {
  const clone = join(place, 'clone')
  const look = (name: 'tenant' | 'core', env = {}) => verifyReadable({ settings: { root: clone, env } } as Unit, name)

  it('is refused where a strict umask hides it, with the command that mends it', async (context) => {
    const mask = process.umask(0o022)
    context.after(() => process.umask(mask))
    for (const part of ['tenant', 'core/traefik']) mkdirSync(join(clone, part), { recursive: true })
    for (const file of ['tenant/swap.sh', 'core/traefik/no-ca.pem']) writeFileSync(join(clone, file), '')
    await look('tenant')
    await look('core')
    chmodSync(join(clone, 'tenant/swap.sh'), 0o640)
    await assert.rejects(look('tenant'), {
      code: 3,
      message: /tenant\/swap\.sh$/,
      hint: /^chmod -R a\+rX \S+\/tenant$/,
    })
    await look('core')
    chmodSync(join(clone, 'tenant/swap.sh'), 0o644)
    chmodSync(join(clone, 'core/traefik/no-ca.pem'), 0o600)
    for (const name of ['tenant', 'core'] as const)
      await assert.rejects(look(name), { code: 3, hint: /^chmod a\+r \S+\/no-ca\.pem$/ })
    await assert.rejects(look('tenant', { ACME_CA_CERTIFICATE: 'gone.pem' }), { code: 3, message: /gone\.pem$/ })
  })
})

describe('an HTTP request', () => {
  const serve = async (answer: Parameters<typeof createServer>[1], ask: (url: string) => Promise<void>) => {
    const server = createServer(answer as never)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      await ask(`http://127.0.0.1:${(server.address() as { port: number }).port}/x`)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }

  it('gives status, body and Host as asked, and follows no redirect', () =>
    serve(
      ((request: { headers: { host: string } }, response: import('node:http').ServerResponse) =>
        response.writeHead(302, { location: '/y' }).end(request.headers.host)) as never,
      async (url) => {
        const { status, body } = await get(url, { headers: { Host: 'erp.example.org' }, timeout: 2 })
        assert.deepEqual([status, body], [302, 'erp.example.org'])
      },
    ))

  for (const [what, answer] of [
    ['that is accepted and never answered', () => {}],
    ['whose answer never ends', (_: unknown, response: import('node:http').ServerResponse) => response.write('x')],
  ] as const) {
    it(`${what} is over at its limit, and says so`, () =>
      serve(answer as never, async (url) => {
        const { status, error, milliseconds } = await get(url, { timeout: 0.3 })
        assert.deepEqual([status, error], [0, 'no HTTP answer in 0.3 s'])
        assert.ok(milliseconds < 2000)
      }))
  }

  it('that does not end is cut off, whatever a tenant serves', () =>
    serve(
      ((_: unknown, response: import('node:http').ServerResponse) => response.end(Buffer.alloc(33 * 2 ** 20))) as never,
      async (url) => {
        const { status, error } = await get(url, { timeout: 20 })
        assert.deepEqual([status, error], [0, 'more than 32 MiB'])
      },
    ))

  it('to a closed port is an answer too', async () => {
    const { status, error } = await get('http://127.0.0.1:1/', { timeout: 2 })
    assert.deepEqual([status, error], [0, 'ECONNREFUSED'])
  })
})
