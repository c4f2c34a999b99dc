/** tenant/theme.py against a site of files and a database that is one JSON file: what it does, and killed at every effect. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'

const program = resolve(import.meta.dirname, '../../../tenant/theme.py')
const SITE = 'erp.example.org'

const made: string[] = []
after(() => {
  for (const place of made) rmSync(place, { recursive: true, force: true })
})

/** frappe as far as theme.py asks it: singles in a file that commit() writes; `KILL_AT` ends it at the n-th effect. */
const FRAPPE = `
import json, os
from pathlib import Path
from . import effects
pending = {}
class QueryDeadlockError(Exception): pass
def init(site, force=False): pass
def connect(): pass
def clear_cache(): pass
class db:
    @staticmethod
    def get_single_value(doctype, field, cache=True):
        return json.loads(Path("singles.json").read_text()).get(f"{doctype}.{field}")
    @staticmethod
    def set_single_value(doctype, field, value): pending[f"{doctype}.{field}"] = value
    @staticmethod
    def rollback(): pending.clear()
    @staticmethod
    def commit():
        effects.one()
        singles = {**json.loads(Path("singles.json").read_text()), **pending}
        Path("singles.json").write_text(json.dumps(singles)); pending.clear()
`
const EFFECTS = `
import os
count = 0
def one():
    global count
    count += 1
    if str(count) == os.environ.get("KILL_AT"): os._exit(137)
    if str(count) == os.environ.get("FAIL_AT"): raise OSError(28, "No space left on device")
    Path = os.environ.get("COUNT")
    if Path: open(Path, "w").write(str(count))
for name in ("replace", "rename", "utime"):
    def wrap(real):
        def call(*args, **kwargs):
            one()
            return real(*args, **kwargs)
        return call
    setattr(os, name, wrap(getattr(os, name)))
`

interface Outcome {
  changed: string[]
  kept: string[]
  removed: string[]
  refused?: string
  failed?: string
  reverted?: boolean
  held?: string
  before: Record<string, unknown>
  after: Record<string, unknown>
  generation: string
  mark?: { generation: string; previous?: string; rejected?: string }
  generations: string[]
  foreign: string[]
}

interface Bench {
  /** Another with all that this one has. */
  copy(): Bench
  place: string
  run(order: object, env?: Record<string, string>): Promise<{ code: number | null; outcome: Outcome; stderr: string }>
  config(): Record<string, unknown>
  singles(): Record<string, string>
  files(): string[]
}

function makeBench(config: object = {}, singles: object = {}, common: object = {}): Bench {
  const place = mkdtempSync(join(tmpdir(), 'erp-theme-'))
  made.push(place)
  for (const folder of ['python/frappe/utils', 'python/frappe/website', `sites/${SITE}/public/files`, 'branding'])
    mkdirSync(join(place, folder), { recursive: true })
  const module = (path: string, text: string) => writeFileSync(join(place, 'python/frappe', path), text)
  module('__init__.py', FRAPPE)
  module('effects.py', EFFECTS)
  for (const name of ['utils', 'website']) module(`${name}/__init__.py`, '')
  module('website/utils.py', 'def clear_website_cache(): pass\n')
  module(
    'utils/synchronization.py',
    'from contextlib import contextmanager\n@contextmanager\ndef filelock(name): yield\n',
  )
  const sites = join(place, 'sites')
  writeFileSync(join(sites, SITE, 'site_config.json'), JSON.stringify({ db_name: '_x', ...config }), { mode: 0o640 })
  writeFileSync(join(sites, 'common_site_config.json'), JSON.stringify(common))
  writeFileSync(join(sites, 'singles.json'), JSON.stringify(singles))
  return benchAt(place)
}

function benchAt(place: string): Bench {
  const sites = join(place, 'sites')
  const json = (path: string) => JSON.parse(readFileSync(join(sites, path), 'utf8'))
  return {
    place,
    copy: () => {
      const other = mkdtempSync(join(tmpdir(), 'erp-theme-'))
      made.push(other)
      cpSync(place, other, { recursive: true, preserveTimestamps: true })
      return benchAt(other)
    },
    async run(order, env = {}) {
      const child = spawn('python3', [program, join(place, 'branding')], {
        cwd: sites,
        env: { ...process.env, PYTHONPATH: join(place, 'python'), PYTHONDONTWRITEBYTECODE: '1', ...env },
      })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', (data) => {
        stdout += data
      })
      child.stderr.on('data', (data) => {
        stderr += data
      })
      child.stdin.write(`${JSON.stringify({ site: SITE, ...order })}\n`) // and held: its end would end the program
      const [code] = await once(child, 'close')
      return { code, stderr, outcome: stdout.startsWith('{') ? JSON.parse(stdout) : ({} as Outcome) }
    },
    config: () => json(`${SITE}/site_config.json`),
    singles: () => json('singles.json'),
    files: () => readdirSync(join(sites, SITE, 'public/files')).sort(),
  }
}

const linkTo = (name: string) => `<link rel="stylesheet" href="/files/${name}">`
const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** An order to apply a theme whose files say `words`; what the brands share stays the same. */
function theme(words: string, title = 'Example') {
  const texts = {
    'common-login': 'u{b:c}',
    desk: `a{b:${words}}`,
    login: `i{b:${words}}`,
    logo: `<svg>${words}</svg>`,
  }
  const kind = (part: string) => (part === 'logo' ? 'svg' : 'css')
  const name = (part: keyof typeof texts) => `theme-example-${part}.${hash(texts[part]).slice(0, 12)}.${kind(part)}`
  const parts = Object.keys(texts) as (keyof typeof texts)[]
  const files = Object.fromEntries(parts.map((part) => [name(part), hash(texts[part])]))
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const logo = `/files/${name('logo')}`
  const fields = {
    'Website Settings.app_name': title,
    'Website Settings.app_logo': logo,
    'Website Settings.splash_image': logo,
    'Website Settings.favicon': logo,
    'Navbar Settings.app_logo': logo,
  }
  const rest = { brand: 'example', files, css: [`/files/${name('desk')}`], js: [], fields }
  const head = (['common-login', 'login'] as const).map((part) => linkTo(name(part))).join('')
  return {
    action: 'apply',
    manifest: { id: hash(words + title).slice(0, 12), ...rest, head },
    content: Object.fromEntries(parts.map((part) => [name(part), base64(texts[part])])),
    source: { 'theme.css': base64(texts.desk), 'common/login.css': base64(texts['common-login']) },
  }
}

const BLOCK_OF = (head: string) => `<!-- securenexus-erp theme -->\n${head}\n<!-- /securenexus-erp theme -->`
const BLOCK = /<!-- securenexus-erp theme -->\n(.*)\n<!-- \/securenexus-erp theme -->/

describe('a theme on a site', () => {
  it('stands in both lists, the settings and the head, and applied again changes and adds nothing', async () => {
    const bench = makeBench()
    const first = theme('red')
    const { outcome } = await bench.run(first)
    assert.deepEqual(bench.config().app_include_css, first.manifest.css)
    assert.equal(BLOCK.exec(bench.singles()['Website Settings.head_html'] ?? '')?.[1], first.manifest.head)
    for (const [key, value] of Object.entries(first.manifest.fields)) assert.equal(bench.singles()[key], value)
    assert.deepEqual(bench.files(), Object.keys(first.manifest.files).sort())
    assert.equal(statSync(join(bench.place, 'sites', SITE, 'site_config.json')).mode & 0o777, 0o640)
    assert.ok(outcome.changed.length > 0)

    const before = [bench.config(), bench.singles()]
    assert.deepEqual((await bench.run(first)).outcome.changed, [])
    assert.deepEqual([bench.config(), bench.singles()], before)
    assert.deepEqual((await bench.run({ action: 'look' })).outcome.generations, [first.manifest.id])
  })

  it("keeps an administrator's entries, HTML and logo beside ours, and says which field stays", async () => {
    const bench = makeBench(
      { app_include_css: ['/files/own.css'], app_include_js: '/files/own.js' },
      { 'Website Settings.head_html': '<meta name="own">', 'Website Settings.app_logo': '/files/own.png' },
    )
    for (const words of ['red', 'blue']) {
      const order = theme(words)
      const { outcome } = await bench.run(order)
      assert.deepEqual(bench.config().app_include_css, [...order.manifest.css, '/files/own.css'])
      assert.deepEqual(bench.config().app_include_js, ['/files/own.js'], 'a string would take the desk down')
      const head = bench.singles()['Website Settings.head_html'] ?? ''
      assert.ok(head.endsWith('\n<meta name="own">') && head.split(order.manifest.head).length === 2, head)
      assert.equal(bench.singles()['Website Settings.app_logo'], '/files/own.png')
      assert.deepEqual(outcome.kept, ['Website Settings.app_logo: /files/own.png'])
    }
  })

  it('takes along what stands in the configuration of the whole bench, which its own list hides', async () => {
    const bench = makeBench({}, {}, { app_include_css: ['/files/bench.css'] })
    const order = theme('red')
    await bench.run(order)
    assert.deepEqual(bench.config().app_include_css, [...order.manifest.css, '/files/bench.css'])
    assert.deepEqual((await bench.run(order)).outcome.changed, [])
  })

  it('replaces stock names and its own earlier ones, and text that somebody typed between its marks stays', async () => {
    const bench = makeBench({}, { 'Website Settings.app_name': 'ERPNext', 'Navbar Settings.app_logo': '/assets/x.svg' })
    await bench.run(theme('red', 'Old name'))
    const singles = bench.singles()
    singles['Website Settings.head_html'] =
      singles['Website Settings.head_html']?.replace('>\n<link', '>\n<b><link') ?? ''
    writeFileSync(join(bench.place, 'sites/singles.json'), JSON.stringify(singles))
    const { outcome } = await bench.run(theme('red', 'New name'))
    assert.deepEqual(outcome.kept, [])
    assert.equal(bench.singles()['Website Settings.app_name'], 'New name')
    assert.match(bench.singles()['Website Settings.head_html'] ?? '', /<b>/)
  })

  it('replaces the one link of an earlier theme by its own two, and keeps the folders as they were', async () => {
    const old = linkTo('theme-example-login.0123456789ab.css')
    const bench = makeBench({}, { 'Website Settings.head_html': BLOCK_OF(old) })
    for (const order of [theme('red'), theme('blue'), theme('blue')]) {
      await bench.run(order)
      assert.equal(bench.singles()['Website Settings.head_html'], BLOCK_OF(order.manifest.head))
      const source = join(bench.place, 'branding/generations', order.manifest.id, 'source')
      assert.deepEqual(readdirSync(source, { recursive: true }).sort(), ['common', 'common/login.css', 'theme.css'])
    }
  })

  it('refuses a list that is neither list nor string, and changes nothing', async () => {
    const bench = makeBench({ app_include_css: { a: 1 } })
    const { outcome } = await bench.run(theme('red'))
    assert.match(outcome.refused ?? '', /app_include_css .* neither/)
    assert.deepEqual(bench.files(), [])
  })

  it('a dry run tells what would change and changes nothing', async () => {
    const bench = makeBench()
    const { outcome } = await bench.run({ ...theme('red'), dry: true })
    assert.ok(outcome.changed.includes('app_include_css'))
    assert.deepEqual(
      [bench.files(), bench.singles(), existsSync(join(bench.place, 'branding/generations'))],
      [[], {}, false],
    )
  })
})

describe('going back', () => {
  it('A, B, back to A and to B again: the same names each time, also where the files were lost', async () => {
    const bench = makeBench()
    const [a, b] = [theme('red'), theme('blue')]
    for (const order of [a, b]) await bench.run(order)
    for (const name of bench.files()) rmSync(join(bench.place, 'sites', SITE, 'public/files', name))
    for (const { manifest } of [a, b]) {
      const { outcome } = await bench.run({ action: 'apply', rollback: true })
      assert.equal(outcome.generation, manifest.id)
      assert.deepEqual(bench.config().app_include_css, manifest.css)
      for (const name of Object.keys(manifest.files)) assert.ok(bench.files().includes(name))
    }
  })

  it('typed again it is finished where nobody has seen it yet, and goes forward where it was seen', async () => {
    const bench = makeBench()
    const [a, b] = [theme('red'), theme('blue')]
    for (const order of [a, b]) await bench.run(order)
    const back = (pending: boolean) => bench.run({ action: 'apply', rollback: true, pending })
    assert.equal((await back(true)).outcome.generation, a.manifest.id, 'killed before it began')
    assert.equal((await back(true)).outcome.generation, a.manifest.id, 'killed while it was looked at')
    assert.equal((await back(false)).outcome.generation, b.manifest.id)
  })

  it('a theme that was rolled back is not put on again by a deploy, but by who asks for it', async () => {
    const bench = makeBench()
    for (const order of [theme('red'), theme('blue'), { action: 'apply', rollback: true }]) await bench.run(order)
    assert.equal((await bench.run({ ...theme('blue'), gently: true })).outcome.held, theme('blue').manifest.id)
    assert.deepEqual(bench.config().app_include_css, theme('red').manifest.css)
    await bench.run(theme('blue'))
    assert.deepEqual(bench.config().app_include_css, theme('blue').manifest.css)
  })

  it('is refused where there is nothing to go back to, or what was kept is damaged', async () => {
    const bench = makeBench()
    assert.match((await bench.run({ action: 'apply', rollback: true })).outcome.refused ?? '', /no earlier theme/)
    const [a, b] = [theme('red'), theme('blue')]
    for (const order of [a, b]) await bench.run(order)
    writeFileSync(join(bench.place, 'branding/generations', a.manifest.id, Object.keys(a.manifest.files)[0] ?? ''), 'x')
    assert.match((await bench.run({ action: 'apply', rollback: true })).outcome.refused ?? '', /not what was kept/)
    assert.deepEqual(bench.config().app_include_css, b.manifest.css)
  })

  it('revert brings back exactly what was there', async () => {
    const bench = makeBench({ app_include_css: '/files/own.css' }, { 'Website Settings.app_name': 'ERPNext' })
    const before = [bench.config(), bench.singles()]
    const { outcome } = await bench.run(theme('red'))
    await bench.run({ action: 'revert', before: outcome.before, after: outcome.after })
    assert.deepEqual(bench.config(), before[0])
    for (const [key, value] of Object.entries(bench.singles()))
      assert.equal(value, key === 'Website Settings.app_name' ? 'ERPNext' : '')
  })
})

describe('what others change while a theme is looked at', () => {
  it('stays theirs when it is taken back: their logo, their entry, their HTML', async () => {
    const bench = makeBench()
    await bench.run(theme('red'))
    const { outcome } = await bench.run(theme('blue'))
    const lists = bench.config().app_include_css as string[]
    const config = { ...bench.config(), app_include_css: [...lists, '/files/theirs.css'] }
    writeFileSync(join(bench.place, 'sites', SITE, 'site_config.json'), JSON.stringify(config))
    const { 'Website Settings.head_html': head = '' } = bench.singles()
    const theirs = {
      ...bench.singles(),
      'Website Settings.head_html': `${head}<meta name="theirs">`,
      'Website Settings.app_logo': '/files/l.png',
    }
    writeFileSync(join(bench.place, 'sites/singles.json'), JSON.stringify(theirs))
    const { code } = await bench.run({ action: 'revert', before: outcome.before, after: outcome.after })
    assert.equal(code, 0)
    assert.deepEqual(bench.config().app_include_css, [...theme('red').manifest.css, '/files/theirs.css'])
    const singles = bench.singles()
    assert.equal(singles['Website Settings.app_logo'], '/files/l.png')
    const html = singles['Website Settings.head_html'] ?? ''
    assert.ok(html.includes(theme('red').manifest.head) && html.endsWith('<meta name="theirs">'), html)
    assert.ok(!html.includes(theme('blue').manifest.head), html)
  })
})

describe('files that leave', () => {
  it('stay for a week, and are removed by a later apply', async () => {
    const bench = makeBench()
    const [a, b] = [theme('red'), theme('blue')]
    await bench.run(a)
    const old = (name: string, days: number) => {
      const at = new Date(Date.now() - days * 86_400_000)
      utimesSync(join(bench.place, 'sites', SITE, 'public/files', name), at, at)
    }
    for (const name of Object.keys(a.manifest.files)) old(name, 30) // published long ago, but leaving now
    writeFileSync(join(bench.place, 'sites', SITE, 'public/files/theme-own.css'), '')
    old('theme-own.css', 30)
    await bench.run(b)
    for (const name of Object.keys(a.manifest.files)) assert.ok(bench.files().includes(name), name)
    for (const name of Object.keys(a.manifest.files)) old(name, 8) // of these one is b's as well: what they share
    assert.equal((await bench.run(b)).outcome.removed.length, 3)
    assert.deepEqual(bench.files(), [...Object.keys(b.manifest.files), 'theme-own.css'].sort())
  })
})

describe('killed and failed at every effect', () => {
  const [a, b] = [theme('red'), theme('blue')]
  let themed: Bench
  let untouched: Bench
  let most = 0
  before(async () => {
    themed = makeBench()
    await themed.run(a)
    untouched = themed.copy()
    const count = join(untouched.place, 'count')
    await untouched.run(b, { COUNT: count })
    most = Number(readFileSync(count, 'utf8'))
    assert.ok(most > 10, String(most))
  })

  it('killed: the next run ends where an untouched one does, and can go back to what was there', async () => {
    for (let at = 1; at <= most; at++) {
      const bench = themed.copy()
      assert.equal((await bench.run(b, { KILL_AT: String(at) })).code, 137)
      const css = bench.config().app_include_css
      assert.ok(
        [a, b].some(({ manifest }) => isDeepStrictEqual(css, manifest.css)),
        `after effect ${at}: ${css}`,
      )
      await bench.run(b)
      assert.deepEqual([bench.config(), bench.singles()], [untouched.config(), untouched.singles()], `effect ${at}`)
      assert.deepEqual(bench.files(), untouched.files(), `effect ${at}`)
      assert.equal((bench.config().erp_theme as { previous: string }).previous, a.manifest.id)
    }
  })

  it('a full disk at any of them: the earlier state is there, or is brought back, and it is said', async () => {
    for (let at = 1; at <= most; at++) {
      const bench = themed.copy()
      const { code, outcome } = await bench.run(b, { FAIL_AT: String(at) })
      assert.ok(code !== 0 || outcome.reverted === true, `effect ${at}`)
      assert.deepEqual([bench.config(), bench.singles()], [themed.config(), themed.singles()], `effect ${at}`)
    }
  })
})
