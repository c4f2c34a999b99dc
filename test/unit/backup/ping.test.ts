import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pingRequest, watched } from '../../../lib/backup/ping.ts'
import { makeTenant } from '../../../lib/registry.ts'
import type { Reporter } from '../../../lib/reporter.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const home = mkdtempSync(join(tmpdir(), 'erp-test-'))
mkdirSync(join(home, 'secrets'), { mode: 0o700 })
after(() => rmSync(home, { recursive: true, force: true }))
const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', { ERP_HOME: home }))

describe('what a watcher is told', () => {
  it('healthchecks.io: by path, with the message as body', () => {
    assert.deepEqual(pingRequest('https://hc.example/abc', 'start', ''), {
      url: 'https://hc.example/abc/start',
      body: '',
    })
    assert.deepEqual(pingRequest('https://hc.example/abc/', 'finish', 'ok'), {
      url: 'https://hc.example/abc',
      body: 'ok',
    })
    assert.deepEqual(pingRequest('https://hc.example/abc', 'fail', 'x'), {
      url: 'https://hc.example/abc/fail',
      body: 'x',
    })
  })
  it('Uptime Kuma: the last line alone', () =>
    assert.match(pingRequest('https://kuma.example/api/push/t', 'fail', 'a step\nwhy')?.url ?? '', /&msg=why$/))
  it('Uptime Kuma: by query, and no start', () => {
    const address = 'https://kuma.example/api/push/t?ping='
    assert.equal(pingRequest(address, 'start', ''), undefined)
    assert.equal(pingRequest(address, 'finish', 'a b')?.url, 'https://kuma.example/api/push/t?ping=&status=up&msg=a+b')
    assert.match(pingRequest(address, 'fail', 'no')?.url ?? '', /status=down&msg=no/)
  })
})

describe('a watcher is told around a backup', () => {
  const told: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (data) => {
      body += data
    })
    request.on('end', () => {
      told.push(`${request.url} ${body}`)
      response.writeHead(request.url?.startsWith('/gone') ? 500 : 200).end()
    })
  })
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => server.close())

  /** What the watcher was told, and what the operator was warned of. */
  async function watch(path: string, work: () => Promise<void>) {
    const { port } = server.address() as AddressInfo
    const address = join(home, 'secrets/dickson_ping_url.txt')
    writeFileSync(address, `http://127.0.0.1:${port}${path}\n`, { mode: 0o400 })
    const [done, warnings] = [[{ title: 'Of another tenant', seconds: 1 }], [] as string[]]
    const redact = (text: string) => text.replaceAll('hunter2', '[secret]')
    const reporter = { done, redact, warn: (line: string) => warnings.push(line) } as unknown as Reporter
    told.length = 0
    const ended = watched(tenant, reporter, async () => {
      done.push({ title: 'Copy the database', seconds: 2.04 })
      await work()
    })
    const failed = await ended.then(() => '', String)
    rmSync(address)
    return { told: [...told], warnings, failed }
  }

  it('that it began, and that it ended well with its steps', async () => {
    const { told, warnings, failed } = await watch('/x', async () => {})
    assert.deepEqual(told, ['/x/start ', '/x Copy the database (2.0 s)\ndickson: backed up and verified'])
    assert.deepEqual([warnings, failed], [[], ''])
  })
  it('why it failed, and no secret', async () => {
    const { told, failed } = await watch('/x', async () => {
      throw new Error('no\nroom for hunter2')
    })
    assert.deepEqual(told, ['/x/start ', '/x/fail Copy the database (2.0 s)\nno room for [secret]'])
    assert.match(failed, /no\nroom/)
  })
  it('that it does not answer is a warning, and the backup is none the worse', async () => {
    const { warnings, failed } = await watch('/gone', async () => {})
    assert.equal(failed, '')
    assert.deepEqual(
      warnings.map((line) => /not told \((\w+)\): HTTP 500/.exec(line)?.[1]),
      ['start', 'finish'],
    )
  })
})
