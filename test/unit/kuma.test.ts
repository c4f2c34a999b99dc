/**
 * Uptime Kuma: what it is asked to watch, the program that asks it, and who reaches it. The program speaks with a stand-in
 * that keeps what was seen of a real 2.5.3 (docs/monitoring.md).
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parse } from 'yaml'
import { readRule } from '../../lib/edge/rule.ts'
import type { Router } from '../../lib/edge/schema.ts'
import { wantedMonitors } from '../../lib/kuma.ts'
import { makeTenant, type TenantSpec } from '../../lib/registry.ts'
import { readSettings } from '../../lib/settings.ts'
import { type Kuma, startKuma } from '../../rehearsal/sign-in/kuma.js'
import tenants from '../../tenants.ts'

const root = resolve(import.meta.dirname, '../..')
const settings = readSettings(root, {})
const registryOf = (specs: Record<string, TenantSpec>) =>
  Object.entries(specs).map(([name, spec]) => makeTenant(name, spec, settings))
const { byrne, dickson } = tenants
const PASSWORD = 'a1b2c3d4'.repeat(6)

describe('what Uptime Kuma is asked to watch', () => {
  const wanted = wantedMonitors(registryOf({ byrne, dickson }))

  it('is each host as a visitor meets it, and each backup, which reports by itself', () => {
    const asked = wanted.filter(({ settings: { type } }) => type === 'keyword')
    assert.deepEqual(
      asked.map(({ settings: { url } }) => url),
      [byrne.site, byrne.posHost, dickson.site, dickson.posHost].map((host) => `https://${host}/api/method/ping`),
    )
    for (const { settings: one } of asked)
      assert.deepEqual(
        [one.keyword, one.maxredirects, one.ignoreTls, one.expiryNotification, one.accepted_statuscodes],
        ['pong', 0, false, true, ['200']],
      )
    const pushes = wanted.filter(({ settings: { type } }) => type === 'push')
    assert.deepEqual(
      pushes.map(({ settings: { interval } }) => interval),
      [byrne, dickson].map(({ objectives }) => objectives.maxBackupAgeHours * 3600),
    )
    assert.equal(asked.length + pushes.length, wanted.length)
  })

  it('is known again by a key of its own', () => {
    assert.equal(new Set(wanted.map(({ key }) => key)).size, wanted.length)
  })
})

interface Outcome {
  code: number | null
  stderr: string
  answer: { changed?: string[]; tokens?: Record<string, string>; stale?: string[]; refused?: string }
}

describe('the program that gives Uptime Kuma its monitors', () => {
  let kuma: Kuma
  const address = () => `http://127.0.0.1:${(kuma.http.address() as AddressInfo).port}`
  before(async () => {
    kuma = startKuma(0)
    await once(kuma.http, 'listening')
  })
  after(() => {
    kuma.http.closeAllConnections()
    kuma.http.close()
  })

  const start = (at: string) =>
    spawn(process.execPath, ['core/uptime-kuma/monitors.mjs', at], {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: '' },
    })
  async function order(specs: Record<string, TenantSpec>, password = PASSWORD, at = address()): Promise<Outcome> {
    const child = start(at)
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (data) => (stdout += data))
    child.stderr.on('data', (data) => (stderr += data))
    child.stdin.write(`${JSON.stringify({ password, monitors: wantedMonitors(registryOf(specs)) })}\n`)
    const [code] = await once(child, 'close')
    return { code, stderr, answer: stdout === '' ? {} : JSON.parse(stdout) }
  }
  const named = (name: string) => Object.values(kuma.monitors).find((one) => one.name === name) ?? assert.fail(name)
  let token = ''

  it('makes its user and every monitor the first time, and tells the token of each backup', async () => {
    kuma.notifications.push({ id: 4, isDefault: true }, { id: 5, isDefault: false })
    const { answer } = await order({ byrne, dickson })
    assert.equal(answer.changed?.length, 6)
    token = answer.tokens?.['dickson backup'] ?? ''
    assert.match(token, /^[0-9a-f]{32}$/) // the router of the push address takes this form alone
    const pushed = await fetch(`${address()}/api/push/${token}?status=up`)
    assert.deepEqual([pushed.status, kuma.pushes], [200, [{ name: 'dickson: backup', status: 'up' }]])
    assert.deepEqual(named('dickson: backup').notificationIDList, { 4: true })
  })

  it('changes nothing the second time', async () => {
    const before = structuredClone(kuma.monitors)
    const { answer } = await order({ byrne, dickson })
    assert.deepEqual([answer.changed, answer.tokens?.['dickson backup']], [[], token])
    assert.deepEqual(kuma.monitors, before)
  })

  it('follows the registry, keeps what the operator has set, and leaves the monitors of others alone', async () => {
    kuma.monitors[90] = { id: 90, name: 'dickson: backup', type: 'http', description: 'mine', active: true }
    named(`dickson: ${dickson.posHost}`).notificationIDList = { 5: true }
    named(`dickson: ${dickson.posHost}`).active = false
    const mine = structuredClone(kuma.monitors[90])
    const { answer } = await order({ dickson: { ...dickson, posHost: 'till.dickson-supplies.com' } })
    assert.deepEqual(answer.changed, ['dickson: till.dickson-supplies.com'])
    const till = named('dickson: till.dickson-supplies.com')
    assert.deepEqual([till.notificationIDList, till.active], [{ 5: true }, false])
    assert.deepEqual(kuma.monitors[90], mine)
    assert.deepEqual(answer.stale, [`byrne: ${byrne.site}`, `byrne: ${byrne.posHost}`, 'byrne: backup'])
    assert.equal(Object.keys(kuma.monitors).length, 7)
  })

  it('refuses where its password is not that of secrets/, or where Kuma wants a second factor', async () => {
    const wrong = await order({ dickson }, `${PASSWORD}x`)
    assert.match(wrong.answer.refused ?? '', /another password than secrets/)
    kuma.secondFactor = true
    const factor = await order({ dickson })
    kuma.secondFactor = false
    assert.match(factor.answer.refused ?? '', /second factor/)
    assert.ok(![wrong, factor].some((one) => JSON.stringify(one).includes(PASSWORD)))
  })

  it('fails where nobody answers, and ends when the script that asked is gone', async () => {
    const { code, stderr } = await order({ dickson }, PASSWORD, 'http://127.0.0.1:1')
    assert.equal(code, 1)
    assert.match(stderr, /^Kuma does not answer: /)
    const child = start(address())
    child.stdin.end()
    assert.deepEqual(await once(child, 'close'), [143, null])
  })
})

describe("who reaches Uptime Kuma's host", () => {
  const text = readFileSync(join(root, 'core/traefik/dynamic/core-monitoring.yml'), 'utf8')
  const { routers, middlewares } = parse(text).http as {
    routers: Record<string, Router>
    middlewares: Record<string, { forwardAuth?: { address: string; authResponseHeadersRegex: string } }>
  }

  /** The router that Traefik would take: of those that match, the one of the highest priority. */
  function routerOf(path: string): string {
    const matching = Object.entries(routers).filter(([, { rule }]) => {
      const { hosts = [], matchers = [] } = readRule(rule) ?? {}
      const fits = matchers.length === 0 || matchers.some(({ name, value }) => matches(name, value, path))
      return hosts.includes('status.CORE_DOMAIN') && fits
    })
    return matching.sort(([, a], [, b]) => b.priority - a.priority)[0]?.[0].replace('core-monitoring-', '') ?? ''
  }
  function matches(name: string, value: string, path: string): boolean {
    if (name === 'PathPrefix') return path.startsWith(value)
    if (name === 'PathRegexp') return new RegExp(value).test(path)
    return assert.fail(name)
  }

  const token = '0123456789abcdef'.repeat(2)
  for (const [path, router] of [
    ['/', 'status'],
    ['/dashboard', 'status'],
    ['/socket.io/', 'status'],
    ['/metrics', 'status'],
    ['/api/entry-page', 'status'],
    ['/api/push', 'status'],
    ['/api/push/', 'status'],
    [`/api/pushx/${token}`, 'status'],
    [`/api/push/${token}/`, 'status'],
    [`/api/push/${token}/x`, 'status'],
    [`/api/push/${token}\n/x`, 'status'],
    ['/api/push/../entry-page', 'status'],
    ['/api/push/%2e%2e/entry-page', 'status'],
    [`/x/api/push/${token}`, 'status'],
    [`/api/push/${token}`, 'push'],
    ['/outpost.goauthentik.io/callback', 'outpost'],
    ['/outpost.goauthentik.iox/socket.io/', 'outpost'],
  ] as const) {
    it(`leads ${JSON.stringify(path)} to ${router}`, () => assert.equal(routerOf(path), router))
  }

  it('asks Authentik about all that leads to Kuma but for the push address', () => {
    const toKuma = Object.entries(routers).filter(([, { service }]) => service === 'core-monitoring-kuma')
    const unasked = toKuma.filter(
      ([, { middlewares: own = [] }]) => !own.some((name) => middlewares[name]?.forwardAuth),
    )
    assert.deepEqual(
      unasked.map(([name]) => name),
      ['core-monitoring-push'],
    )
    assert.equal(toKuma.length, 2)
  })

  it('takes from Authentik, and from nobody else, every header that names a user', () => {
    const { authResponseHeadersRegex = '' } = middlewares['core-monitoring-sign-in']?.forwardAuth ?? {}
    const [, flags, pattern = ''] = /^\(\?(i)\)(.*)$/.exec(authResponseHeadersRegex) ?? []
    const strips = new RegExp(pattern, flags)
    for (const name of ['X-Authentik-Username', 'x-authentik-jwt', 'X_authentik_username']) assert.match(name, strips)
  })
})
