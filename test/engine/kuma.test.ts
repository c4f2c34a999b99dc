/**
 * Uptime Kuma behind the real Traefik and a sign-in: what stands for both Kuma and Authentik's outpost is in
 * rehearsal/sign-in, and reads who may come in out of the operators' blueprint (docs/monitoring.md says what that leaves
 * unproven).
 */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, BrowserContext } from 'playwright-core'
import { buildSignIn } from '../../rehearsal/images.ts'
import tenants from '../../tenants.ts'
import { openBrowser } from './browser.ts'
import { docker, useStack } from './harness.ts'
import { ask } from './visitor.ts'

const root = resolve(import.meta.dirname, '../..')
const DOMAIN = 'operator.example'
const STATUS = `status.${DOMAIN}`
const ACCOUNTS = { olga: { groups: ['operators'] }, mary: { groups: ['dickson'] }, bea: { groups: ['byrne'] } }

const stack = useStack('kuma', ['core', 'dickson', '--only', 'edge'], {
  CORE_DOMAIN: DOMAIN,
  COMPOSE_FILE: ['compose.yml', 'rehearsal/sign-in.yml'].map((name) => join(root, name)).join(':'),
  SIGN_IN_IMAGE: await buildSignIn(() => {}),
  SIGN_IN_ACCOUNTS: JSON.stringify(ACCOUNTS),
})
const secret = (name: string) => join(stack.home, 'secrets', `${name}.txt`)
const deploy = () => stack.script('deploy', ['core'])

/** What the stand-in for Kuma saw of a request. */
interface Echo {
  url: string
  headers: Record<string, string>
  pushes: { name: string; status: string }[]
}

/** Somebody's browser at Kuma's host; the page on which it ends. */
async function visitAs(
  browser: Browser,
  login: string,
): Promise<{ context: BrowserContext; body: string; host: string }> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(`https://${STATUS}/`)
  await page.fill('input[name=login]', login)
  await Promise.all([page.waitForNavigation(), page.click('button')])
  return { context, body: (await page.textContent('body')) ?? '', host: new URL(page.url()).host }
}

describe('Uptime Kuma', () => {
  let browser: Browser
  let address = ''
  before(async () => {
    writeFileSync(secret('erpnext_ping_url'), 'https://watcher.example/mine', { mode: 0o444 })
    const { code, stdout, stderr } = await deploy()
    assert.equal(code, 0, stderr)
    assert.match(stderr, /secrets\/erpnext_ping_url\.txt names another watcher than Uptime Kuma and is kept/)
    address = readFileSync(secret('dickson_ping_url'), 'utf8')
    assert.ok(!`${stdout}${stderr}`.includes(address.split('/').at(-1) ?? ''))
    browser = await openBrowser(stack)
  })
  after(() => browser?.close())

  it('gives the backup an address of its own, and keeps that of the operator', () => {
    assert.match(address, new RegExp(`^https://${STATUS}/api/push/[0-9a-f]{32}$`))
    assert.equal(statSync(secret('dickson_ping_url')).mode & 0o777, 0o444)
    assert.equal(readFileSync(secret('erpnext_ping_url'), 'utf8'), 'https://watcher.example/mine')
  })

  it('is told nothing a second time', async () => {
    const { code, stdout, stderr } = await deploy()
    assert.equal(code, 0, stderr)
    assert.match(stdout, /nothing had to be done/)
  })

  it('is not told what to watch where its password is another; all else is up, and that is said', async () => {
    const file = secret('uptime_kuma_admin_password')
    const own = readFileSync(file, 'utf8')
    rmSync(file)
    writeFileSync(file, own.split('').reverse().join(''), { mode: 0o444 })
    const { code, stderr } = await deploy()
    rmSync(file)
    writeFileSync(file, own, { mode: 0o444 })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Uptime Kuma does not watch what it should: .* another password than secrets\//)
    assert.ok(!stderr.includes(own))
  })

  it("lets an operator through, and refuses each tenant's users at the sign-in service", async () => {
    for (const login of ['mary', 'bea']) {
      const { context, body, host } = await visitAs(browser, login)
      assert.deepEqual([host, body], [`auth.${DOMAIN}`, 'Permission denied'])
      await context.close()
    }
    const { context, body, host } = await visitAs(browser, 'olga')
    assert.equal(host, STATUS)
    assert.equal((JSON.parse(body) as Echo).headers['x-authentik-username'], 'olga')
    const [cookie] = await context.cookies(`https://${STATUS}/`)
    const forged = await ask(stack, STATUS, '/', {
      headers: {
        Cookie: `${cookie?.name}=${cookie?.value}`,
        'X-authentik-username': 'akadmin',
        'X-authentik-groups': 'authentik Admins',
        X_authentik_username: 'akadmin',
      },
    })
    const { headers } = JSON.parse(forged.body) as Echo
    const named = Object.entries(headers).filter(([name]) => /^x.authentik/.test(name))
    assert.deepEqual(named, [['x-authentik-username', 'olga']])
    await context.close()
  })

  it('hears of a backup without a sign-in', async () => {
    const pushed = await ask(stack, STATUS, `${new URL(address).pathname}?status=up&msg=OK`)
    assert.deepEqual([pushed.status, pushed.body], [200, '{"ok":true}'])
  })

  const token = '0'.repeat(32)
  it('itself refuses a token that nobody has', async () => {
    const { status, body } = await ask(stack, STATUS, `/api/push/${token}`)
    assert.deepEqual([status, body.includes('"ok":false')], [404, true])
  })

  for (const path of [
    '/',
    '/metrics',
    '/api/entry-page',
    '/api/push',
    '/api/push/',
    `/api/pushx/${token}`,
    `/api/push/${token}/`,
    `/api/push/${token}x`,
    `/api/push/${token}/../../entry-page`,
    '/api/push/../entry-page',
    '/api/push/%2e%2e/entry-page',
    `/api/push/${token}%2f..%2f..%2fentry-page`,
    '/socket.io/?EIO=4&transport=polling',
    '/outpost.goauthentik.io/../api/entry-page',
  ]) {
    it(`sends ${path} to the sign-in`, async () => {
      const { status, headers } = await ask(stack, STATUS, path, { headers: { 'X-authentik-username': 'akadmin' } })
      assert.equal(status, 302)
      assert.match(String(headers.location), new RegExp(`^https://auth\\.${DOMAIN}/application/o/authorize/`))
    })
  }

  for (const path of ['/outpost.goauthentik.iox', '/outpost.goauthentik.io%2f..%2fapi%2fentry-page']) {
    it(`does not get ${path}, which Authentik would let pass`, async () => {
      assert.equal((await ask(stack, STATUS, path)).status, 404)
    })
  }

  it('reaches both hosts of the tenant through Traefik, with the certificate that a visitor gets', () => {
    for (const host of [tenants.dickson.site, tenants.dickson.posHost]) {
      const script = `fetch('https://${host}/api/method/ping', { redirect: 'manual' }).then(async (a) => console.log(a.status, await a.text()))`
      assert.match(docker('exec', stack.container('core-uptime-kuma'), 'node', '-e', script), /^200 .*pong/)
    }
  })
})
