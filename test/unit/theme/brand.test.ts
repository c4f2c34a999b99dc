import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { OperatorError } from '../../../lib/errors.ts'
import { parseBrand, readBrand, renderCss, renderJs } from '../../../lib/theme/brand.ts'

const PATH = 'branding/dickson/brand.json'
const GOOD = `{
  "name": "dickson",
  "title": "Dickson Pharmaceutical",
  "colours": {
    "primary": "#0066cc",
    "bar-start": "#0059b3"
  },
  "prescription": { "itemGroup": "Prescription", "codePrefix": "RX" }
}
`
const brand = parseBrand(GOOD, PATH)

/** Replace a text that must be there. */
function changed(from: string, to: string): string {
  assert.ok(GOOD.includes(from), from)
  return GOOD.replace(from, to)
}

function refused(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof OperatorError, String(error))
    assert.equal(error.code, 3)
    return error.message
  }
  return assert.fail('it was taken')
}

describe('brand.json', () => {
  it('is read, with the place of each field and colour', () => {
    assert.equal(brand.title, 'Dickson Pharmaceutical')
    assert.deepEqual(brand.colours, { primary: '#0066cc', 'bar-start': '#0059b3' })
    assert.deepEqual(brand.prescription, { itemGroup: 'Prescription', codePrefix: 'RX' })
    assert.equal(brand.places['colours.bar-start'], `${PATH}:6:18`)
  })

  it('is read with a byte order mark, with CRLF and with tabs', () => {
    for (const text of [`\uFEFF${GOOD}`, GOOD.replaceAll('\n', '\r\n'), GOOD.replaceAll('  ', '\t')]) {
      assert.deepEqual(parseBrand(text, PATH).colours, brand.colours)
    }
  })

  it('needs no prescription', () => {
    const text = changed(',\n  "prescription": { "itemGroup": "Prescription", "codePrefix": "RX" }', '')
    assert.equal(parseBrand(text, PATH).prescription, undefined)
  })

  const CASES: [what: string, from: string, to: string, message: string][] = [
    ['a colour that is none', '"#0066cc"', '"blue"', ':5:16: colours.primary must be a colour like #1d4ed8'],
    ['a colour in upper case', '#0066cc', '#0066CC', ':5:16: colours.primary must be a colour like #1d4ed8'],
    ['a colour that closes its rule', '#0066cc', '#0066cc}', ':5:16: colours.primary must be a colour like #1d4ed8'],
    ['a colour that is no text', '"#0066cc"', '12', ':5:16: colours.primary must be a colour like #1d4ed8'],
    ['an unknown field', '"title"', '"titel": "x",\n  "title"', ':3:3: unknown field titel'],
    ['an unknown field below', '"codePrefix"', '"x": "y", "codePrefix"', ':8:50: unknown field prescription.x'],
    ['a colour whose name is none', '"primary"', '"Primary Blue"', ':5:5: unknown field colours.Primary Blue'],
    ['a field of Object itself', '"title"', '"constructor": "x",\n  "title"', ':3:3: unknown field constructor'],
    ['a field that is missing', '  "title": "Dickson Pharmaceutical",\n', '', ':1:1: title is missing'],
    ['a field that stands twice', '"title"', '"title": "x",\n  "title"', ':4:3: Map keys must be unique'],
    [
      'a prefix with a quote',
      '"RX"',
      '"R\\"X"',
      ':8:64: prescription.codePrefix must be 1 to 20 letters, digits, . _ -',
    ],
    ['an empty prefix, which would mark everything', '"RX"', '""', ':8:64: prescription.codePrefix must be 1 to'],
    ['a title that closes a script', 'Dickson Ph', '</script> Ph', ':3:12: title must be 1 to 60 letters'],
    [
      'colours that are a list',
      '{\n    "primary": "#0066cc",\n    "bar-start": "#0059b3"\n  }',
      '[]',
      ':4:14: colours must be an object',
    ],
    ['a comma at the end', '"#0059b3"\n', '"#0059b3",\n', ':7:3: is not JSON'],
    ['a comment', '"name"', '# hello\n  "name"', ':2:3: is not JSON'],
    ['single quotes', '"#0066cc"', "'#0066cc'", ':5:16: colours.primary must be a colour like #1d4ed8'],
    ['an end that is missing', '"RX" }\n}', '"RX" }', ':9:1: Flow map must end with a }'],
  ]
  for (const [what, from, to, message] of CASES) {
    it(`is refused for ${what}, with line and column`, () => {
      const said = refused(() => parseBrand(changed(from, to), PATH))
      assert.ok(said.startsWith(PATH + message), said)
    })
  }

  it('is refused with all its faults at once', () => {
    const said = refused(() => parseBrand(changed('#0066cc', 'x').replace('#0059b3', 'y'), PATH))
    assert.match(said, /brand\.json:5:16: .*\n.*brand\.json:6:18: /)
  })

  for (const text of ['', '[]', 'null', '"x"', '\0\0']) {
    it(`is refused when it is ${JSON.stringify(text)}`, () => {
      assert.match(
        refused(() => parseBrand(text, PATH)),
        /^branding\/dickson\/brand\.json:1:1: /,
      )
    })
  }

  it('is refused when it is missing or a directory', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'brand-'))
    await assert.rejects(readBrand(folder, 'branding/x'), {
      code: 3,
      message: /^branding\/x\/brand\.json cannot be read: ENOENT/,
    })
    writeFileSync(join(folder, 'brand.json'), GOOD)
    assert.equal((await readBrand(folder)).name, 'dickson')
    await assert.rejects(readBrand('/', 'x'), { code: 3 })
  })
})

describe('a brand’s files are rendered', () => {
  it('with its colours as custom properties before the first line', () => {
    assert.equal(
      renderCss(brand, 'theme.css', 'a{}\nb{}'),
      ':root{--brand-primary:#0066cc;--brand-bar-start:#0059b3} a{}\nb{}',
    )
  })

  it('on html:root for the login page, whose own variables come later', () => {
    assert.match(renderCss(brand, 'login.css', ''), /^html:root\{--brand-primary:#0066cc/)
  })

  it('with what counts as a prescription', () => {
    assert.match(
      renderCss(brand, 'pos.css', '[data-item-code^="{{prescription.codePrefix}}"]{}'),
      /\[data-item-code\^="RX"\]\{\}$/,
    )
    assert.equal(renderJs(brand, "const group = '{{ prescription.itemGroup }}'"), "const group = 'Prescription'")
  })

  it('not with a placeholder that brand.json does not answer', () => {
    const said = refused(() => renderCss(brand, 'pos.css', 'a{}\n  b[c="{{prescription.color}}"]{}'))
    assert.equal(said, 'branding/dickson/pos.css:2:8: {{prescription.color}} is not in brand.json')
    const { prescription: _, ...plain } = brand
    assert.match(
      refused(() => renderJs(plain, "'{{prescription.itemGroup}}'")),
      /theme\.js:1:2: /,
    )
    assert.match(
      refused(() => renderJs(brand, '{{constructor}}')),
      /is not in brand\.json/,
    )
  })
})
