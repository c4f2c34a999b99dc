import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Brand, type CommonSheet, parseBrand, type Sheet } from '../../../lib/theme/brand.ts'
import { type Colour, coloursOf, contrast, over, parseColour } from '../../../lib/theme/colour.ts'
import { contrastFaults, contrasts, type Sheets } from '../../../lib/theme/contrast.ts'
import { declarations } from '../../../lib/theme/css.ts'
import { LINES } from '../../../lib/theme/pairs.ts'
import { BRANDING, brandNames } from '../../brands.ts'

const OWN: readonly Sheet[] = ['theme.css', 'login.css', 'pos.css']
const SHARED: readonly CommonSheet[] = ['common/theme.css', 'common/login.css', 'common/pos.css']
type Any = Sheet | CommonSheet
const SHEETS: readonly Any[] = [...SHARED, ...OWN]

/** A file of a brand, or one that all share, as `common/theme.css`. */
const textOf = (name: string, file: string) =>
  readFileSync(file.startsWith('common/') ? join(BRANDING, file) : join(BRANDING, name, file), 'utf8')
const lineOf = (name: string, file: string, text: string) => textOf(name, file).split(text)[0]?.split('\n').length
const brandOf = (name: string, change = (text: string) => text): Brand =>
  parseBrand(change(textOf(name, 'brand.json')), `branding/${name}/brand.json`)
const sheetsOf = (name: string, changes: Partial<Record<Any, (text: string) => string>> = {}): Sheets => {
  const texts = SHEETS.map((sheet) => [sheet, (changes[sheet] ?? String)(textOf(name, sheet))])
  return Object.fromEntries(texts)
}

/** Replace a text that must be there: a change that changes nothing would prove nothing. */
const swap = (from: string | RegExp, to: string) => (text: string) => {
  const changed = text.replace(from, to)
  assert.notEqual(changed, text, `${from} is not in the file`)
  return changed
}

const colour = (text: string): Colour => parseColour(text) ?? assert.fail(`${text} was not read`)

describe('contrast', () => {
  const KNOWN: [text: string, surface: string, ratio: number][] = [
    ['#ffffff', '#000000', 21],
    ['#ffffff', '#3b82f6', 3.68],
    ['#ffffff', '#10b981', 2.54],
    ['#ffffff', '#0066cc', 5.57],
    ['#ffffff', '#dc3545', 4.53],
    ['#767676', '#ffffff', 4.54],
  ]
  for (const [text, surface, ratio] of KNOWN) {
    it(`of ${text} on ${surface} is ${ratio}:1`, () => {
      assert.equal(Math.round(contrast(colour(text), colour(surface)) * 100) / 100, ratio)
      assert.equal(contrast(colour(surface), colour(text)), contrast(colour(text), colour(surface)))
    })
  }

  it('sees through what is translucent', () => {
    assert.deepEqual(over(colour('rgb(0 0 0 / 50%)'), colour('#ffffff')), [127.5, 127.5, 127.5, 1])
    assert.deepEqual(over(colour('rgba(255, 255, 255, .25)'), colour('black')), [63.75, 63.75, 63.75, 1])
  })

  it('reads colours as CSS writes them, and nothing else', () => {
    assert.deepEqual(colour('#abc'), [170, 187, 204, 1])
    assert.deepEqual(colour('#00000080')[3], 128 / 255)
    assert.deepEqual(colour('rgb(100% 0% 0%)'), [255, 0, 0, 1])
    for (const text of ['#12', 'var(--x)', 'rgb(1 2)', 'hsl(0 0% 0%)', 'toString'])
      assert.equal(parseColour(text), undefined)
  })

  it('looks at a gradient’s stops and between them', () => {
    const colours = coloursOf('linear-gradient(100deg, #000000 0%, rgb(255 0 0), #ffffff 100%)')
    assert.deepEqual(colours[0], [0, 0, 0, 1])
    assert.ok(colours.some(([red, green]) => red > 100 && red < 155 && green === 0))
    assert.deepEqual(colours.at(-1), [255, 255, 255, 1])
  })

  it('finds the colour of a frame and of a background with more in it', () => {
    assert.deepEqual(coloursOf('#ff0000 url(x.svg)'), [[255, 0, 0, 1]])
    for (const broken of ['linear-gradient(#000000, gold)', 'linear-gradient(to right, unset, #ffffff)'])
      assert.deepEqual(coloursOf(broken), [], 'a browser paints none of it')
  })
})

for (const name of brandNames()) {
  describe(`the brand ${name}`, () => {
    const brand = brandOf(name)
    const all = contrasts(brand, sheetsOf(name))

    it('can be read: every pair of text and surface reaches WCAG AA, in light and in dark', () => {
      assert.deepEqual(contrastFaults(brand, sheetsOf(name)), [])
      assert.ok(all.length > 400, `${all.length} pairs`)
    })

    for (const sheet of SHEETS) {
      it(`sets no colour in ${sheet} that no pair looks at`, () => {
        const used = new Set(all.flatMap((one) => one.used.map(keyOf)))
        const coloured = declarations(textOf(name, sheet).replace(/\{\{.*?\}\}/g, 'x')).filter(
          ({ property, media }) =>
            !/print/.test(media) &&
            (property.startsWith('--') ? !LINES.includes(property) : /^(background(-color)?|color)$/.test(property)),
        )
        const filled = (text: string) =>
          text
            .replaceAll(brand.prescription?.itemGroup ?? '\0', 'x')
            .replaceAll(`"${brand.prescription?.codePrefix}"`, '"x"')
        const known = new Set([...used].map(filled))
        const forgotten = coloured.filter((one) => !known.has(keyOf(one)) && !isDrawn(one.selectors))
        assert.deepEqual(forgotten.map(keyOf), [])
      })
    }

    it('uses every colour of brand.json', () => {
      const text = SHEETS.map((sheet) => textOf(name, sheet)).join('')
      const named = textOf(name, 'logo.svg') + textOf(name, 'logo-dark.svg') + textOf(name, 'favicon.svg')
      const idle = Object.entries(brand.colours).filter(
        ([key, value]) => !text.includes(`var(--brand-${key})`) && !named.includes(value),
      )
      assert.deepEqual(idle, [])
    })
  })
}

/** Painted, but not below text: the loading skeleton, the bar in the choice of a theme, the line on figures. */
const isDrawn = (selectors: readonly string[]) =>
  selectors.every((one) => /item-loading::after|theme-grid .navbar|number-widget-box/.test(one))
const keyOf = ({ selectors, property, value }: { selectors: readonly string[]; property: string; value: string }) =>
  `${selectors.join(', ')} { ${property}: ${value} }`

describe('a brand is refused for', () => {
  const of = (change: (text: string) => string) => contrastFaults(brandOf('dickson', change), sheetsOf('dickson'))
  const css = (sheet: Any, change: (text: string) => string) =>
    contrastFaults(brandOf('dickson'), sheetsOf('dickson', { [sheet]: change }))

  it('a colour of brand.json that is too light under white text, at its line and column', () => {
    const faults = of(swap('"action": "#0066cc"', '"action": "#7fb2e5"'))
    const line = textOf('dickson', 'brand.json').split('"action"')[0]?.split('\n').length
    assert.ok(
      faults.some((fault) =>
        fault.startsWith(`branding/dickson/brand.json:${line}:15: primary button (light): #ffffff on #7fb2e5 is 2.2`),
      ),
      faults.join('\n'),
    )
  })

  it('the colour that was spoilt, and not the one that it stands on', () => {
    const faults = of(swap('"ink": "#0b2233"', '"ink": "#b9c7d0"'))
    const line = textOf('dickson', 'brand.json').split('"ink"')[0]?.split('\n').length
    assert.ok(faults.length > 5)
    assert.deepEqual(
      faults.filter((fault) => !fault.startsWith(`branding/dickson/brand.json:${line}:12: `)),
      [],
    )
  })

  it('a rule at the place where it stands: in what the brands share, or in the brand’s own sheet', () => {
    const hover = 'background-color: var(--theme-hover)'
    const [shared = ''] = css('common/theme.css', swap(hover, 'background-color: #ffe100'))
    const at = lineOf('dickson', 'common/theme.css', hover)
    assert.match(shared, new RegExp(`^branding/common/theme\\.css:${at}:3: primary button under the pointer`))
    const red = 'background-color: var(--bg-red)'
    const [own = ''] = css('pos.css', swap(red, 'background-color: var(--text-on-red)'))
    const line = lineOf('dickson', 'pos.css', red)
    assert.match(own, new RegExp(`^branding/dickson/pos\\.css:${line}:3: out of stock`))
  })

  const CASES: [what: string, faults: () => string[], said: RegExp][] = [
    [
      'one end of the bar’s gradient',
      () => of(swap('"bar-end": "#00756d"', '"bar-end": "#00a99d"')),
      /breadcrumb \(light\)/,
    ],
    [
      'a dark button that is too dark for black text',
      () => of(swap('"action-dark": "#4da3ff"', '"action-dark": "#0066cc"')),
      /primary button \(dark\): #000000 on #0066cc/,
    ],
    [
      'a sidebar that is too light',
      () => of(swap('"sidebar": "#06283d"', '"sidebar": "#5b7c92"')),
      /sidebar \(light\)/,
    ],
    ['a pill', () => of(swap('"dark-warn": "#f5cd86"', '"dark-warn": "#86490a"')), /orange pill \(dark\)/],
    ['the ℞ on a card', () => of(swap('"prescription": "#dc3545"', '"prescription": "#ff8a94"')), /℞ on a card/],
    [
      'the start of the login page’s gradient',
      () => of(swap('"sidebar": "#06283d"', '"sidebar": "#8fb0c4"')),
      /title above the card/,
    ],
    [
      'a token of common/theme.css',
      () => css('common/theme.css', swap('--text-muted: var(--brand-muted)', '--text-muted: #b0b8c0')),
      /page, cards and dialogs \(light\): #b0b8c0 on #ffffff/,
    ],
    [
      'a translucent button on the bar',
      () => css('common/theme.css', swap('--control-bg: rgb(0 0 0 / 18%)', '--control-bg: rgb(255 255 255 / 40%)')),
      /button on the bar/,
    ],
    [
      'a rule of common/theme.css',
      () => css('common/theme.css', swap('background-color: var(--theme-hover)', 'background-color: #ffe100')),
      /primary button under the pointer \(light\)/,
    ],
    [
      'common/login.css',
      () => css('common/login.css', swap('color: rgb(255 255 255)', 'color: var(--text-color)')),
      /title above the card/,
    ],
    [
      'tokens of common/login.css on :root alone, where Frappe’s own win',
      () => css('common/login.css', swap(/^html:root \{/m, ':root {')),
      /field|card/,
    ],
    [
      'pos.css',
      () => css('pos.css', swap('\n  color: var(--text-on-red)', '\n  color: var(--bg-red)')),
      /out of stock/,
    ],
    [
      'a colour that cannot be read',
      () => css('common/theme.css', swap('--text-color: var(--brand-ink)', '--text-color: var(--brand-inc)')),
      /common\/theme\.css:\d+:\d+: .*a colour cannot be read/,
    ],
  ]
  for (const [what, faults, said] of CASES) {
    it(what, () => assert.match(faults().join('\n'), said))
  }

  it('a colour that Frappe’s own value would carry when the brand sets none', () => {
    const faults = css('common/theme.css', swap(/--text-light: [^;]*;/g, ''))
    assert.match(faults.join('\n'), /#7c7c7c on #ffffff is 4\.1/)
  })
})

describe('a brand’s own sheet comes after what the brands share', () => {
  const css = (changes: Parameters<typeof sheetsOf>[1]) => contrastFaults(brandOf('byrne'), sheetsOf('byrne', changes))
  const add = (rule: string) => (text: string) => `${text}\n${rule}`
  const HOVER = /background-color: var\(--theme-hover\)/

  for (const [shared, own, rule] of [
    ['common/theme.css', 'theme.css', '.btn.btn-primary:hover'],
    ['common/login.css', 'login.css', 'body[data-path="login"] section .page-card .btn.btn-primary:hover'],
  ] as const) {
    it(`so that a rule of ${own} wins over the same one of ${shared}, whichever is the bad one`, () => {
      const spoilt = { [shared]: swap(HOVER, 'background-color: #ffe100') }
      assert.match(css(spoilt).join('\n'), new RegExp(`^branding/${shared}:`))
      assert.deepEqual(css({ ...spoilt, [own]: add(`${rule} { background-color: var(--theme-hover) }`) }), [])
      const faults = css({ [own]: add(`${rule} { background-color: #ffe100 }`) })
      assert.ok(faults.length > 0)
      for (const fault of faults) assert.ok(fault.startsWith(`branding/byrne/${own}:`), fault)
    })
  }

  it('so that a token of the desk wins over one that the point of sale shares', () => {
    const token = '[data-theme] .point-of-sale-app { --text-muted: #c0c8d0 }'
    assert.deepEqual(css({ 'common/theme.css': add(token) }), [], 'common/pos.css has the last word of the two')
    assert.match(css({ 'theme.css': add(token) }).join('\n'), /^branding\/byrne\/theme\.css:.* point of sale/)
  })
})

describe('declarations', () => {
  const of = (text: string) =>
    declarations(text).map(({ selectors, property, value, media }) => [selectors, property, value, media])

  it('are read with their selectors, in one spelling', () => {
    assert.deepEqual(of('a[b=c],\n d >  e{f:g;h : i}'), [
      [['a[b="c"]', 'd > e'], 'f', 'g', ''],
      [['a[b="c"]', 'd > e'], 'h', 'i', ''],
    ])
  })

  it('are read past strings, comments, brackets and !important', () => {
    assert.deepEqual(of('a{/* x{y:z} */b:"};{";c:url(d;e);f:g!important}'), [
      [['a'], 'b', '"};{"', ''],
      [['a'], 'c', 'url(d;e)', ''],
      [['a'], 'f', 'g', ''],
    ])
  })

  it('are read with the medium around them', () => {
    assert.deepEqual(of('@media print{a{b:c}}d{e:f}'), [
      [['a'], 'b', 'c', 'print'],
      [['d'], 'e', 'f', ''],
    ])
  })

  it('know where they stand', () => {
    const text = '/* é\n */\na {\n  b: c;\n  d: e;\n}'
    assert.deepEqual(
      declarations(text).map(({ offset }) => text.slice(offset, offset + 4)),
      ['b: c', 'd: e'],
    )
  })
})

describe('a brand that sets nothing', () => {
  it('is not blamed for what Frappe’s own greys lack', () => {
    const bare = parseBrand('{"name": "bare", "title": "Bare", "colours": {}}', 'branding/bare/brand.json')
    assert.deepEqual(
      contrastFaults(bare, Object.fromEntries(SHEETS.map((sheet) => [sheet, ''])) as unknown as Sheets),
      [],
    )
  })

  it('is refused where the bar has a colour that nobody declares, or that we do not read', () => {
    const unread = /a colour cannot be read/
    const without = contrastFaults(brandOf('byrne', swap(/"bar-end": "#047857",?/, '')), sheetsOf('byrne'))
    assert.match(without.join('\n'), unread)
    for (const end of ['var(--brand-bar-edn)', 'gold', 'hsl(220 80% 40%)']) {
      const sheets = sheetsOf('byrne', { 'common/theme.css': swap('var(--brand-bar-end)', end) })
      assert.match(contrastFaults(brandOf('byrne'), sheets).join('\n'), unread)
    }
  })
})
