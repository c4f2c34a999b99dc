/**
 * Single sign-on with a real OpenID provider laid out like Authentik, behind the real Traefik, and a real browser. What
 * stands for Authentik is not Authentik (docs/sso.md says what that leaves unproven).
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import type { HealthReport } from '../../lib/health/report.ts'
import { buildSignIn } from '../../rehearsal/images.ts'
import tenants from '../../tenants.ts'
import { type Books, openBooks } from './books.ts'
import { openBrowser, signIn } from './browser.ts'
import { docker, eventually, useStack } from './harness.ts'
import { ask } from './visitor.ts'

const root = resolve(import.meta.dirname, '../..')
const DOMAIN = 'operator.example'
const AUTH = `auth.${DOMAIN}`
const { site: ERP, posHost: POS } = tenants.dickson
const HOSTS = [ERP, POS]
const CALLBACK = '/api/method/frappe.integrations.oauth2_logins.custom/authentik'

const member = (email: string, more: object = {}) => ({ email, email_verified: true, groups: ['dickson'], ...more })
const ACCOUNTS = {
  mary: member('mary@dickson.example'),
  boss: member('Boss@Dickson.example'),
  stranger: member('stranger@dickson.example'),
  byrne: member('bea@byrne.example', { groups: ['byrne'] }),
}

const stack = useStack('sso', ['core', 'byrne', 'dickson', '--only', 'edge'], {
  CORE_DOMAIN: DOMAIN,
  COMPOSE_FILE: ['compose.yml', 'rehearsal/sign-in.yml'].map((name) => join(root, name)).join(':'),
  SIGN_IN_IMAGE: await buildSignIn(() => {}),
  SIGN_IN_ACCOUNTS: JSON.stringify(ACCOUNTS),
})
const secretFile = join(stack.home, 'secrets/dickson_oidc_client_secret.txt')
const secret = () => readFileSync(secretFile, 'utf8')
const configure = (...args: string[]) => stack.script('configure-sso', ['dickson', ...args])
const users = (...args: string[]) => stack.script('users', ['dickson', ...args])

/** The Social Login Key as the database has it. */
const keyRow = (books: Books) =>
  books.sql('select enable_social_login, client_id, modified from `tabSocial Login Key`').join()

/** Make the sign-in service ill; an empty word makes it well. */
function fall(ill: string): void {
  docker(
    'exec',
    stack.container('core-authentik'),
    'sh',
    '-c',
    `printf '%s' '${ill}' >/data/fault; [ -s /data/fault ] || rm /data/fault`,
  )
}

/** Start the sign-in service again. */
async function rise(): Promise<void> {
  docker('start', stack.container('core-authentik'))
  await eventually(60, 'the sign-in service', async () => {
    const path = '/application/o/dickson/.well-known/openid-configuration'
    return (await ask(stack, AUTH, path).catch(() => undefined))?.status === 200
  })
}

/** Sign in through the button; the page on which the browser ends, and the status of the last answer. */
async function throughButton(browser: Browser, host: string, login: string): Promise<{ page: Page; status: number }> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  await page.goto(`https://${host}/login`)
  await page.click('a.btn-authentik')
  await page.fill('input[name=login]', login)
  const [answer] = await Promise.all([page.waitForNavigation(), page.click('button')])
  return { page, status: answer?.status() ?? 0 }
}

const whoAmI = (page: Page) =>
  page.evaluate("fetch('/api/method/frappe.auth.get_logged_user').then((a) => a.json()).then((a) => a.message)")

/** What healthcheck says of the sign-in service's host, by check. */
async function authChecks(): Promise<Record<string, string>> {
  const { stdout } = await stack.script('healthcheck', ['--json'])
  const report = JSON.parse(stdout) as HealthReport
  const findings = report.tenants.flatMap((row) => (row.tenant === 'core' ? row.findings : []))
  return Object.fromEntries(findings.filter(({ part }) => part === 'auth').map(({ check, state }) => [check, state]))
}

describe('single sign-on', () => {
  let browser: Browser
  let books: Books
  before(async () => {
    const { code, stdout, stderr } = await stack.script('deploy', ['core', '--only', 'sso'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /core: single sign-on is up/)
    books = await openBooks(stack)
    browser = await openBrowser(stack)
  })
  after(() => browser?.close())

  it('changes nothing in a dry run, and says what it would do', async () => {
    const { code, stdout, stderr } = await configure('--dry-run')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /dickson: would write the Social Login Key for dickson-erp/)
    assert.equal(keyRow(books), '')
  })

  for (const [what, ill] of [
    ['answers 401', '401'],
    ['answers 502', '502'],
    ['hangs', 'slow'],
  ] as const) {
    it(`sets nothing while the sign-in service ${what}, and the password still opens the door`, async () => {
      fall(ill)
      const { code, stderr } = await configure('--timeout', '2')
      fall('')
      assert.equal(code, 3, stderr)
      assert.match(stderr, /nothing was changed/)
      assert.equal(keyRow(books), '')
      assert.equal((await books.get('/desk')).status, 200)
    })
  }

  it('shows no secret where the sign-in service sends back what it was sent', async () => {
    fall('echo')
    const { code, stdout, stderr } = await configure()
    fall('')
    assert.equal(code, 3, stderr)
    assert.match(stderr, /the secret cannot be tried: HTTP 500/)
    assert.ok(!`${stdout}${stderr}`.includes(secret()))
    assert.equal(keyRow(books), '')
  })

  it("sets nothing while the site does not trust the sign-in service's certificate", async () => {
    const bundle = '/home/frappe/frappe-bench/config/ca-bundle.pem'
    const backend = (line: string) => docker('exec', stack.container('dickson-backend'), 'sh', '-c', line)
    backend(`cp ${bundle} ${bundle}.whole && cat /etc/ssl/certs/ca-certificates.crt >${bundle}`)
    const { code, stderr } = await configure()
    backend(`mv ${bundle}.whole ${bundle}`)
    assert.equal(code, 3, stderr)
    assert.match(stderr, /its backend does not reach auth\.operator\.example: SSLError/)
    assert.equal(keyRow(books), '')
  })

  it('sets nothing while the sign-in service is down, and healthcheck tells of its host', async () => {
    const well = { certificate: 'ok', DNS: 'ok', http: 'ok', answers: 'ok' }
    let checks = {}
    await eventually(60, 'its host is well', async () => {
      checks = await authChecks()
      return isDeepStrictEqual(checks, well)
    }).catch(() => {}) // told below
    assert.deepEqual(checks, well)
    docker('stop', '--time', '1', stack.container('core-authentik'))
    const { code, stderr } = await configure('--timeout', '2')
    await eventually(60, 'healthcheck tells of its host', async () => (await authChecks()).answers === 'fail')
    await rise()
    assert.equal(code, 3, stderr)
    assert.equal(keyRow(books), '')
  })

  it('refuses a site whose host_name would send every sign-in to one host', async () => {
    const set = (value: string) => stack.script('tenant', ['dickson', 'bench', '--', 'set-config', 'host_name', value])
    await set(`https://${ERP}`)
    const [{ code, stderr }, status] = [await configure(), await configure('--status')]
    await set('None')
    assert.equal(code, 3)
    assert.match(stderr, / site_config\.json of \S+ has host_name[\s\S]*set-config host_name None/)
    assert.equal(keyRow(books), '')
    assert.equal(status.code, 1, status.stderr)
    assert.match(status.stdout, /fail {2}host_name +https/)
  })

  it('refuses one that is set for the whole bench, and takes it away there', async () => {
    const set = (value: string) =>
      stack.script('tenant', ['dickson', 'bench', '--', 'set-config', '-g', 'host_name', value])
    assert.equal((await set(`https://${ERP}`)).code, 0)
    const { code, stderr } = await configure()
    await set('None')
    assert.equal(code, 3)
    assert.match(stderr, / common_site_config\.json has host_name[\s\S]*set-config -g host_name None/)
  })

  it('writes the key, proves both hosts, and shows no secret; again, there is nothing to do', async () => {
    const first = await configure()
    assert.equal(first.code, 0, first.stderr)
    assert.match(first.stdout, /dickson: done/)
    assert.ok(!`${first.stdout}${first.stderr}`.includes(secret()))
    const row = keyRow(books)
    assert.match(row, /^1,dickson-erp,/)
    const again = await configure()
    assert.match(again.stdout, /nothing had to be done/)
    assert.equal(keyRow(books), row)
  })

  it('refuses at the sign-in service a redirect of the other tenant, and a client that nobody has', async () => {
    const url = (client: string, host: string) =>
      `/application/o/authorize/?client_id=${client}&response_type=code&scope=openid&state=x&redirect_uri=${encodeURIComponent(`https://${host}${CALLBACK}`)}`
    assert.equal((await ask(stack, AUTH, url('dickson-erp', ERP))).status, 303)
    assert.equal((await ask(stack, AUTH, url('dickson-erp', tenants.byrne.site))).status, 400)
    assert.equal((await ask(stack, AUTH, url('nobody-erp', ERP))).status, 400)
  })

  it('adds its users with roles first: the sign-in makes none', async () => {
    const added = await users('add', 'mary@dickson.example', '--first-name', 'Mary', '--roles', 'Sales User')
    assert.equal(added.code, 0, added.stderr)
    const boss = await users('add', 'boss@dickson.example', '--first-name', 'Boss', '--roles', 'System Manager')
    assert.equal(boss.code, 0, boss.stderr)
  })

  for (const host of HOSTS) {
    it(`lets a known user in at ${host}, who stays there`, async () => {
      const { page } = await throughButton(browser, host, 'mary')
      assert.equal(new URL(page.url()).host, host)
      assert.equal(await whoAmI(page), 'mary@dickson.example')
      await page.context().close()
    })
  }

  it('lets nobody in whom ERPNext does not know, and makes no user of them', async () => {
    const { page, status } = await throughButton(browser, ERP, 'stranger')
    assert.equal(status, 403)
    assert.equal(books.sql("select name from tabUser where name like 'stranger%'").length, 0)
    await page.context().close()
  })

  it("stops a user of the other tenant at the sign-in service: the blueprint's group is the wall", async () => {
    const { page, status } = await throughButton(browser, ERP, 'byrne')
    assert.deepEqual([status, new URL(page.url()).host], [403, AUTH])
    await page.context().close()
  })

  it('closes password login only once a System Manager came in by it, and tells the way back, which works', async () => {
    books.python(
      "import frappe; frappe.db.set_single_value('System Settings', 'reset_password_link_expiry_duration', 1200)",
    )
    const early = await configure('--require')
    assert.equal(early.code, 3, early.stderr)
    assert.match(early.stderr, /no System Manager has signed in/)
    const { page } = await throughButton(browser, ERP, 'boss')
    assert.equal(await whoAmI(page), 'boss@dickson.example')
    await page.context().close()

    const closed = await configure('--require')
    assert.equal(closed.code, 0, closed.stderr)
    const way = /npx zx scripts\/(configure-sso)\.ts (dickson --rollback)/.exec(closed.stderr)
    assert.ok(way?.[1] && way[2], closed.stderr)
    const setting = (name: string) =>
      books.sql(`select value from tabSingles where doctype = 'System Settings' and field = '${name}'`).join()
    const doors = () =>
      ['disable_user_pass_login', 'login_with_email_link', 'reset_password_link_expiry_duration'].map(setting)
    assert.deepEqual(doors(), ['1', '0', '1'])
    const password = readFileSync(join(stack.home, 'secrets/dickson_admin_password.txt'), 'utf8')
    await assert.rejects(signIn(browser, ERP, 'Administrator', password), /401/)

    docker('stop', '--time', '1', stack.container('core-authentik')) // the day on which it is needed
    const back = await stack.script(way[1], way[2].split(' '))
    await rise()
    assert.equal(back.code, 0, back.stderr)
    assert.deepEqual(doors(), ['0', '1', '1200'])
    await (await signIn(browser, ERP, 'Administrator', password)).context().close()
    assert.equal(keyRow(books), '')
  })

  it('converges when it is killed between Authentik and ERPNext, and between the key and its proof', async () => {
    for (const [step, pause] of [
      ['Apply the blueprint', 0],
      ['Try the client', 0],
      ['Try the client', 400],
      ['Try the client', 900],
    ] as const)
      await killAfter(step, pause)
    const { code, stderr } = await configure()
    assert.equal(code, 0, stderr)
    const { page } = await throughButton(browser, POS, 'mary')
    assert.equal(await whoAmI(page), 'mary@dickson.example')
    await page.context().close()
  })

  it('finds the secret that a failed exchange leaves in the Error Log, removes it, and renews it on both sides', async () => {
    const state = Buffer.from(JSON.stringify({ site: `https://${ERP}`, token: 'x', redirect_to: null })).toString(
      'base64',
    )
    const failed = await ask(stack, ERP, `${CALLBACK}?code=not-a-code&state=${encodeURIComponent(state)}`)
    assert.equal(failed.status, 500)
    const told = await configure()
    assert.equal(told.code, 0, told.stderr)
    assert.match(told.stderr, /rows of the Error Log held the client secret[\s\S]*--rotate-secret/)
    const old = secret()
    assert.equal(books.sql(`select name from \`tabError Log\` where instr(error, '${old}')`).length, 0)

    const renewed = await configure('--rotate-secret')
    assert.equal(renewed.code, 0, renewed.stderr)
    assert.notEqual(secret(), old)
    assert.ok(![old, secret()].some((value) => `${renewed.stdout}${renewed.stderr}`.includes(value)))
    const { page } = await throughButton(browser, ERP, 'mary')
    assert.equal(await whoAmI(page), 'mary@dickson.example')
    await page.context().close()
  })

  it('tells how it stands, check by check', async () => {
    const { code, stdout } = await configure('--status', '--json')
    assert.equal(code, 0)
    const [{ checks }] = JSON.parse(stdout).tenants as [{ checks: { what: string; ok: boolean; is: string }[] }]
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    )
    assert.ok(checks.some(({ what, is }) => what === POS && /leads to Authentik/.test(is)))
  })

  it('disables nobody whom Frappe needs, however the name is written', async () => {
    for (const own of ['Administrator', 'administrator', 'GUEST']) {
      const { code, stderr } = await users('disable', own)
      assert.equal(code, 3, stderr)
      assert.match(stderr, new RegExp(`no such user: ${own}`))
    }
    const typo = await users('disable', 'marry@dickson.example', '--dry-run')
    assert.equal(typo.code, 3, typo.stderr)
    assert.match(typo.stderr, /no such user: marry@dickson\.example/)
  })

  it('adds nobody whose role an app takes away again without a word', async () => {
    const { code, stderr } = await users(
      'add',
      'ann@dickson.example',
      '--first-name',
      'Ann',
      '--roles',
      'Employee,Sales User',
    )
    assert.equal(code, 3, stderr)
    assert.match(stderr, /ann@dickson\.example: the site gives nobody Employee in this way.*nobody was added/)
    assert.deepEqual(books.sql("select name from tabUser where name like 'ann@%'"), [])
  })

  it("disables a user with their sessions: the next request is nobody's", async () => {
    const { page } = await throughButton(browser, ERP, 'mary')
    assert.equal(await whoAmI(page), 'mary@dickson.example')
    const { code, stdout, stderr } = await users('disable', 'mary@dickson.example')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /mary@dickson\.example: disabled, \d+ sessions? ended/)
    const status = await page.evaluate("fetch('/api/resource/ToDo').then((a) => a.status)")
    assert.notEqual(status, 200)
    await page.context().close()
    const { page: again } = await throughButton(browser, ERP, 'mary')
    assert.match(await again.content(), /is disabled/)
    await again.context().close()
  })

  it('adds a whole file or nobody, beyond the limit of an hour too, and says so', async () => {
    const file = join(stack.home, 'staff.csv')
    const row = (number: number) => `staff${number}@dickson.example,Staff,${number},Sales User\n`
    const rows = Array.from({ length: 70 }, (_, number) => row(number)).join('')
    const header = 'email,first_name,last_name,roles\n'
    writeFileSync(file, `${header}${rows}last@dickson.example,Last,,Nobody's Role\n`)
    const bad = await users('add', '--csv', file)
    assert.deepEqual([bad.code, /last@dickson\.example: there is no role Nobody's Role/.test(bad.stderr)], [3, true])
    const staff = () => books.sql("select count(*) from tabUser where name like 'staff%'").join()
    assert.equal(staff(), '0')
    writeFileSync(file, header + rows)
    const dry = await users('add', '--csv', file, '--dry-run')
    assert.deepEqual([dry.code, staff()], [0, '0'])
    const good = await users('add', '--csv', file)
    assert.equal(good.code, 0, good.stderr)
    assert.match(good.stderr, /Frappe takes 60 new users an hour/)
    assert.equal(staff(), '70')
  })
})

/** Run configure-sso, and kill it that long after it has told a step as done. */
async function killAfter(step: string, milliseconds: number): Promise<void> {
  const zx = join(root, 'node_modules/zx/build/cli.js')
  const child = spawn(process.execPath, ['--import=#typescript', zx, 'scripts/configure-sso.ts', 'dickson'], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', ...stack.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let told = ''
  for await (const data of child.stderr) {
    told += data
    if (told.includes(step)) break
  }
  assert.ok(told.includes(step), told)
  await sleep(milliseconds)
  child.kill('SIGKILL')
}
