/** A theme on a tenant behind the real edge, as a browser gets it, and what is refused; faults are in theme-faults.test.ts. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, signIn } from './browser.ts'
import { docker } from './harness.ts'
import { SITE, useThemedStack } from './themes.ts'
import { ask } from './visitor.ts'

const { stack, brands, theme, put, inBackend, config, deskSheet, sql, python, single, live } = useThemedStack('theme')
const POS = 'pos.dickson-supplies.com'

/** The socket account only reads: what an administrator changes goes through the application. */
const change = (query: string) =>
  docker('exec', ...python(`frappe.db.sql(${JSON.stringify(query)}); frappe.db.commit()`))
const records = () => sql('select (select count(*) from tabFile), (select count(*) from tabSessions)')

describe('a theme that a deploy has put on', () => {
  let browser: Browser
  let desk: Page
  before(async () => {
    browser = await openBrowser(stack)
  })
  after(() => browser.close())
  const markOf = (page: Page) =>
    page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--test-mark').trim()")

  it('is on the login page of both hosts and on the desk: tokens, scripts, logo, no other host, no error', async () => {
    put('first')
    const applied = await theme()
    assert.equal(applied.code, 0, applied.stderr)
    const configured = Number(inBackend(`stat -c %Y ${SITE}/site_config.json`))
    assert.ok(Date.now() / 1000 - configured > 60, 'said to be on while a web worker may still have the list of before')
    for (const host of [SITE, POS]) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true })
      const page = await context.newPage()
      const asked: string[] = []
      page.on('request', (request) => asked.push(new URL(request.url()).hostname))
      await page.goto(`https://${host}/login`)
      assert.equal(await markOf(page), 'first')
      assert.ok(((await page.evaluate("document.querySelector('.app-logo').naturalWidth")) as number) > 0, 'no logo')
      assert.match(String(await page.textContent('h4')), /Login to Dickson Pharmaceutical/)
      assert.deepEqual([...new Set(asked)], [host])
      await context.close()
    }
    desk = await signIn(
      browser,
      SITE,
      'Administrator',
      readFileSync(join(stack.home, 'secrets/dickson_admin_password.txt'), 'utf8'),
    )
    const errors: string[] = []
    desk.on('pageerror', (error) => errors.push(error.message))
    await desk.goto(`https://${SITE}/desk`)
    assert.equal(await markOf(desk), 'first')
    const token = async (name: string) =>
      String(await desk.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('${name}')`))
    assert.match(await token('--brand-primary'), /0066cc/)
    assert.match(await token('--btn-primary'), /0066cc/, 'a token that the brands share')
    assert.deepEqual(errors, [])
  })

  it('applied again does nothing, adds no record, says so in seconds, and a deploy changes nothing either', async () => {
    const [was, rows, touched] = [live(), records(), stack.fingerprint('dickson')]
    const begun = Date.now()
    const { code, stdout } = await theme()
    assert.equal(code, 0)
    assert.match(stdout, /nothing had to be done/)
    assert.ok(Date.now() - begun < 50_000, `${Date.now() - begun} ms`)
    const deployed = await stack.script('deploy', ['dickson'])
    assert.match(deployed.stdout, /nothing had to be done/, deployed.stderr)
    assert.deepEqual([live(), records(), stack.fingerprint('dickson')], [was, rows, touched])
  })

  it('an open tab keeps its files, a new page gets the new ones, and an administrator’s own stay', async () => {
    const own = inBackend(`echo 'a{}' >${SITE}/public/files/own.css; bench --site ${SITE} show-config -f json`)
    assert.match(own, /app_include_css/)
    const entries = JSON.stringify([...config().app_include_css, '/files/own.css'])
    inBackend(`bench --site ${SITE} set-config -p app_include_css '${entries}'`)
    const head = single('Website Settings', 'head_html').replaceAll('\\n', '\n')
    change(`update tabSingles set value = '${head}\n<meta name="own">' where field = 'head_html'`)
    change("update tabSingles set value = '/files/own.png' where doctype = 'Navbar Settings' and field = 'app_logo'")
    const old = deskSheet()
    put('second')
    const { code, stderr } = await theme()
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Navbar Settings\.app_logo: \/files\/own\.png: set by hand/)
    assert.equal((await ask(stack, SITE, old)).status, 200)
    assert.equal(config().app_include_css.at(-1), '/files/own.css')
    assert.ok(!config().app_include_css.includes(old))
    assert.match(single('Website Settings', 'head_html'), /<meta name="own">$/)
    await desk.reload()
    assert.equal(await markOf(desk), 'second')
    assert.equal(sql('select count(*) from tabFile'), '0')
  })

  it('--rollback brings the one before, a deploy leaves that alone, and a second one goes forward again', async () => {
    const second = live().erp_theme
    assert.equal((await theme('--rollback')).code, 0)
    assert.deepEqual(config().erp_theme, {
      generation: second.previous,
      previous: second.generation,
      rejected: second.generation,
    })
    await desk.reload()
    assert.equal(await markOf(desk), 'first')
    const deployed = await stack.script('deploy', ['dickson'])
    assert.match(deployed.stdout, /nothing had to be done/)
    assert.match((await theme('--status')).stdout, /taken back/)
    assert.equal((await theme('--rollback')).code, 0)
    assert.equal(config().erp_theme.generation, second.generation)
  })

  it('--rollback that was ended before it did anything is begun anew, though an earlier one was finished', async () => {
    const { generation, previous } = live().erp_theme
    const seen = { generation, leaving: generation }
    writeFileSync(join(stack.home, 'state/dickson/theme.json'), JSON.stringify(seen))
    for (const wanted of [previous, generation]) {
      assert.equal((await theme('--rollback')).code, 0)
      assert.equal(config().erp_theme.generation, wanted)
    }
  })

  it('no session of ours is left, only the one of who has signed in', () => {
    assert.equal(sql('select count(*) from tabSessions'), '1')
  })
})

describe('what is refused', () => {
  const cases: [what: string, spoil: (folder: string) => void, says: RegExp][] = [
    [
      'another host in a style sheet',
      (at) => writeFileSync(join(at, 'pos.css'), 'a{b:c}\na{background:\\75rl(//evil.example)}'),
      /pos\.css:2:14: /,
    ],
    [
      'a style sheet that is a directory',
      (at) => {
        rmSync(join(at, 'login.css'))
        mkdirSync(join(at, 'login.css'))
      },
      /login\.css:1:1: is a directory/,
    ],
    [
      'a link',
      (at) => {
        rmSync(join(at, 'logo.svg'))
        symlinkSync('/etc/hostname', join(at, 'logo.svg'))
      },
      /logo\.svg:1:1: is no regular file/,
    ],
    [
      '50 MiB',
      (at) => writeFileSync(join(at, 'theme.css'), Buffer.alloc(50 * 2 ** 20, 'a')),
      /at most 262144 are taken/,
    ],
    [
      'a binary file',
      (at) => writeFileSync(join(at, 'theme.css'), Buffer.from([0x61, 0xff, 0xfe])),
      /theme\.css:1:2: is not UTF-8/,
    ],
    ['an empty file', (at) => writeFileSync(join(at, 'theme.css'), ''), /theme\.css:1:1: is empty/],
    ['a byte order mark', (at) => writeFileSync(join(at, 'theme.css'), '\ufeffa{b:c}'), /byte order mark/],
    ['Windows line ends', (at) => writeFileSync(join(at, 'theme.css'), 'a{b:c}\r\n'), /theme\.css:1:7: has Windows/],
    [
      'a drawing with a script',
      (at) =>
        writeFileSync(
          join(at, 'favicon.svg'),
          '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script/></svg>',
        ),
      /favicon\.svg:1:\d+: <script>/,
    ],
    ['a script without syntax', (at) => writeFileSync(join(at, 'theme.js'), 'let = ='), /theme\.js:1:\d+: /],
    [
      'a colour that nobody can read',
      (at) =>
        writeFileSync(
          join(at, 'brand.json'),
          readFileSync(join(at, 'brand.json'), 'utf8').replace(/"#[0-9a-f]{6}"/gi, '"#777777"'),
        ),
      /brand\.json:\d+:\d+: .* is needed/,
    ],
    [
      'another host in what the brands share',
      (at) => writeFileSync(join(at, '../common/pos.css'), 'a{b:c}\na{background:url(//evil.example)}'),
      /common\/pos\.css:2:14: /,
    ],
    [
      'nothing that the brands share',
      (at) => rmSync(join(at, '../common'), { recursive: true }),
      /dickson: what the brands share has no folder .*\/common/,
    ],
    ['no folder', (at) => rmSync(at, { recursive: true }), /dickson: its brand dickson has no folder/],
  ]

  it('is told with file, line and column, exit 3, and the live theme is unchanged', async () => {
    const was = live()
    for (const [what, spoil, says] of cases) {
      put('third')
      spoil(join(brands, 'dickson'))
      const { code, stderr } = await theme()
      assert.deepEqual([what, code], [what, 3], stderr)
      assert.match(stderr, says, what)
    }
    assert.equal((await stack.script('deploy', ['dickson'])).code, 3)
    assert.deepEqual(live(), was)
  })

  it('a second administrator at once: 75; a string in site_config becomes a list and the desk comes back', async () => {
    put('fourth')
    inBackend(`bench --site ${SITE} set-config app_include_js /files/own.js`)
    const both = await Promise.all([theme(), theme()])
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 75])
    assert.ok(config().app_include_js.includes('/files/own.js'))
  })
})
