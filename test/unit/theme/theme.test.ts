/** A theme made of a brand's folder and of what the brands share: order, names, faults. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { makeTenant } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import { prepareTheme } from '../../../lib/theme/theme.ts'
import tenants from '../../../tenants.ts'
import { makeBrands } from '../../brands.ts'

const made: string[] = []
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** A folder with all brands, and the tenants that take theirs from it. */
function makeFolder() {
  const folder = makeBrands(mkdtempSync(join(tmpdir(), 'erp-brands-')))
  made.push(folder)
  const settings = readSettings(process.cwd(), { ERP_PREFIX: 'x-', ERP_HOME: '/nowhere', ERP_BRANDING: folder })
  const tenantOf = (name: 'byrne' | 'dickson') => makeTenant(name, tenants[name], settings)
  return { folder, byrne: tenantOf('byrne'), dickson: tenantOf('dickson') }
}

/** A published name without its hash. */
const bare = (text: string) => text.replaceAll(/\.[0-9a-f]{12}\./g, '.')

describe('a theme', () => {
  it('loads what the brands share before the brand’s own, on the desk and on the login page', async () => {
    const { dickson } = makeFolder()
    const { manifest, content } = await prepareTheme(dickson)
    assert.deepEqual(manifest.css.map(bare), [
      '/files/theme-dickson-common-desk.css',
      '/files/theme-dickson-common-pos.css',
      '/files/theme-dickson-desk.css',
      '/files/theme-dickson-pos.css',
    ])
    const links = ['common-login', 'login'].map(
      (part) => `<link rel="stylesheet" href="/files/theme-dickson-${part}.css">`,
    )
    assert.equal(bare(manifest.head), links.join(''))
    assert.deepEqual(Object.keys(manifest.files).sort(), Object.keys(content).sort())
    for (const [, path = ''] of manifest.head.matchAll(/\/files\/([^"]+)/g)) assert.ok(content[path], path)
  })

  it('publishes what the brands share as it is, the same for both, and keeps both folders', async () => {
    const { folder, byrne, dickson } = makeFolder()
    const [ours, theirs] = await Promise.all([prepareTheme(byrne), prepareTheme(dickson)])
    const of = ({ content }: typeof ours, part: string) =>
      Object.entries(content).find(([name]) => new RegExp(`^theme-[a-z]+-${part}\\.`).test(name))?.[1]
    for (const [part, file] of [
      ['common-desk', 'common/theme.css'],
      ['common-pos', 'common/pos.css'],
      ['common-login', 'common/login.css'],
    ] as const) {
      const text = readFileSync(join(folder, file), 'utf8')
      assert.deepEqual([of(ours, part), of(theirs, part), theirs.source[file]], [text, text, text])
    }
    assert.match(of(ours, 'desk') ?? '', /^:root\{--brand-primary:#3b82f6/)
    assert.equal(theirs.source['theme.css'], readFileSync(join(folder, 'dickson/theme.css'), 'utf8'))
  })

  it('is another where only what the brands share has changed', async () => {
    const { folder, dickson } = makeFolder()
    const before = (await prepareTheme(dickson)).manifest
    appendFileSync(join(folder, 'common/pos.css'), '#page-point-of-sale .x { margin: 0 }\n')
    const now = (await prepareTheme(dickson)).manifest
    assert.notEqual(now.id, before.id)
    const changed = now.css.filter((path) => !before.css.includes(path))
    assert.deepEqual(changed.map(bare), ['/files/theme-dickson-common-pos.css'])
  })
})

describe('a theme is refused, exit 3, for', () => {
  const CASES: [what: string, file: string, spoil: (path: string) => void, says: RegExp][] = [
    [
      'another host',
      'common/pos.css',
      (path) => writeFileSync(path, 'a{b:c}\na{background:url(//evil.example)}'),
      /common\/pos\.css:2:14: \/\/evil\.example leads to another host/,
    ],
    [
      'what is no style sheet, at its first line as well',
      'common/theme.css',
      (path) => writeFileSync(path, 'a{color red}'),
      /common\/theme\.css:1:8: /,
    ],
    [
      'a placeholder, which only a brand fills',
      'common/login.css',
      (path) => writeFileSync(path, 'a{b:c}\na{content:"{{title}}"}'),
      /common\/login\.css:2:12: only a brand's own sheets/,
    ],
    ['one that is missing', 'common/login.css', (path) => rmSync(path), /common\/login\.css:1:1: is missing/],
    ['a brand’s own that is missing', 'byrne/pos.css', (path) => rmSync(path), /byrne\/pos\.css:1:1: is missing/],
    [
      'a colour that nobody can read',
      'common/theme.css',
      (path) => appendFileSync(path, '.btn.btn-primary:hover { background-color: #ffe100 }\n'),
      /branding\/common\/theme\.css:\d+:\d+: primary button under the pointer/,
    ],
    [
      'no folder of what the brands share',
      'common',
      (path) => rmSync(path, { recursive: true }),
      /^byrne: what the brands share has no folder \/.*\/common$/,
    ],
  ]
  for (const [what, file, spoil, says] of CASES) {
    it(`${what}: ${file}`, async () => {
      const { folder, byrne } = makeFolder()
      spoil(join(folder, file))
      await assert.rejects(prepareTheme(byrne), { code: 3, message: says })
    })
  }
})
