import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { type Brand, parseBrand, type Sheet } from '../../../lib/theme/brand.ts'
import { type Colour, coloursOf, contrast, over, parseColour } from '../../../lib/theme/colour.ts'
import { contrastFaults, contrasts, type Sheets } from '../../../lib/theme/contrast.ts'
import { declarations } from '../../../lib/theme/css.ts'
import { LINES } from '../../../lib/theme/pairs.ts'

const branding = resolve(import.meta.dirname, '../../../branding')
const SHEETS = ['theme.css', 'login.css', 'pos.css'] as const
const brands = readdirSync(branding)

const textOf = (name: string, file: string) => readFileSync(join(branding, name, file), 'utf8')
const brandOf = (name: string, change = (text: string) => text): Brand =>
  parseBrand(change(textOf(name, 'brand.json')), `branding/${name}/brand.json`)
const sheetsOf = (name: string, changed?: Sheet, change = (text: string) => text): Sheets => {
  const text = (sheet: Sheet) => (sheet === changed ? change(textOf(name, sheet)) : textOf(name, sheet))
  return { 'theme.css': text('theme.css'), 'login.css': text('login.css'), 'pos.css': text('pos.css') }
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
  })
})

for (const name of brands) {
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
  const css = (sheet: Sheet, change: (text: string) => string) =>
    contrastFaults(brandOf('dickson'), sheetsOf('dickson', sheet, change))

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

  it('a rule at the place where it stands', () => {
    const [fault] = css('theme.css', swap('background-color: var(--theme-hover)', 'background-color: #ffe100'))
    const line = textOf('dickson', 'theme.css').split('background-color: var(--theme-hover)')[0]?.split('\n').length
    assert.match(fault ?? '', new RegExp(`^branding/dickson/theme\\.css:${line}:3: primary button under the pointer`))
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
      'a token of theme.css',
      () => css('theme.css', swap('--text-muted: var(--brand-muted)', '--text-muted: #b0b8c0')),
      /page, cards and dialogs \(light\): #b0b8c0 on #ffffff/,
    ],
    [
      'a translucent button on the bar',
      () => css('theme.css', swap('--control-bg: rgb(0 0 0 / 18%)', '--control-bg: rgb(255 255 255 / 40%)')),
      /button on the bar/,
    ],
    [
      'a rule of theme.css',
      () => css('theme.css', swap('background-color: var(--theme-hover)', 'background-color: #ffe100')),
      /primary button under the pointer \(light\)/,
    ],
    [
      'login.css',
      () => css('login.css', swap('color: rgb(255 255 255)', 'color: var(--text-color)')),
      /title above the card/,
    ],
    [
      'tokens of login.css on :root alone, where Frappe’s own win',
      () => css('login.css', swap(/^html:root \{/m, ':root {')),
      /field|card/,
    ],
    [
      'pos.css',
      () => css('pos.css', swap('\n  color: var(--text-on-red)', '\n  color: var(--bg-red)')),
      /out of stock/,
    ],
    [
      'a colour that cannot be read',
      () => css('theme.css', swap('--text-color: var(--brand-ink)', '--text-color: var(--brand-inc)')),
      /is 1\.00:1/,
    ],
  ]
  for (const [what, faults, said] of CASES) {
    it(what, () => assert.match(faults().join('\n'), said))
  }

  it('a colour that Frappe’s own value would carry when the brand sets none', () => {
    const faults = css('theme.css', (text) => text.replace(/--text-light: [^;]*;/g, ''))
    assert.match(faults.join('\n'), /#7c7c7c on #ffffff is 4\.1/)
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
    assert.deepEqual(contrastFaults(bare, { 'theme.css': '', 'login.css': '', 'pos.css': '' }), [])
  })
})
