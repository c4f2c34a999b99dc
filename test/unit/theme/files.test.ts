import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { readBrand, renderJs } from '../../../lib/theme/brand.ts'
import tenants from '../../../tenants.ts'
import { BRANDING, brandNames } from '../../brands.ts'

const brands = brandNames()
const read = (folder: string, file: string) => readFileSync(join(BRANDING, folder, file), 'utf8')
const SHEETS = ['theme.css', 'login.css', 'pos.css']

describe('the brands', () => {
  it('are those that the registry names', () => {
    assert.deepEqual(brands.sort(), [...new Set(Object.values(tenants).map(({ brand }) => brand))].sort())
  })

  for (const brand of brands) {
    it(`${brand} has its name, its title and all its files`, async () => {
      const { name, title } = await readBrand(join(BRANDING, brand))
      assert.equal(name, brand)
      assert.equal(title, Object.values(tenants).find((tenant) => tenant.brand === brand)?.title)
      const files = [...SHEETS, 'logo.svg', 'logo-dark.svg', 'favicon.svg']
      assert.deepEqual(
        files.filter((file) => !existsSync(join(BRANDING, brand, file))),
        [],
      )
    })

    for (const file of ['logo.svg', 'logo-dark.svg', 'favicon.svg']) {
      it(`${brand}/${file} is a small drawing with a size, a name and nothing from elsewhere`, () => {
        const svg = read(brand, file)
        assert.match(svg, /<svg [^>]*width="\d+" height="\d+" viewBox=/)
        assert.match(svg, /aria-label="|<title>/)
        assert.doesNotMatch(svg, /<script|<foreignObject|<image|<style|\son\w+=|href|data:|url\((?!#)/i)
        assert.ok(svg.length < 4000)
      })
    }
  }
})

describe('the style sheets', () => {
  for (const folder of ['common', ...brands]) {
    for (const sheet of SHEETS) {
      const text = read(folder, sheet)
      const code = text.replace(/\/\*[\s\S]*?\*\//g, '')

      it(`${folder}/${sheet} has no colour of its own but black and white`, () => {
        const own =
          code.match(
            /#[0-9a-f]{3,8}\b(?!-)|\b(?:hsl|hwb|lab|lch|oklab|oklch)a?\(|rgba?\((?!0 0 0|255 255 255)[^)]*\)/gi,
          ) ?? []
        assert.deepEqual(own, [])
      })

      it(`${folder}/${sheet} gives a reason beside each !important`, () => {
        const bare = text
          .split('\n')
          .filter(
            (line) =>
              line.includes('!important') &&
              !/!important; \/\* .{10,} \*\//.test(line) &&
              !line.trim().startsWith('/*'),
          )
        assert.deepEqual(bare, [])
      })

      it(`${folder}/${sheet} asks no host for anything and leaves print formats alone`, () => {
        assert.doesNotMatch(code, /url\(|@import|\/\/|print-format/)
      })
    }

    it(`${folder}/pos.css touches the point of sale alone`, () => {
      const selectors = [
        ...read(folder, 'pos.css')
          .replace(/\/\*[\s\S]*?\*\/|\{\{.*?\}\}/g, '')
          .matchAll(/([^{}]+)\{/g),
      ].map(([, one = '']) => one.trim())
      const stray = selectors
        .flatMap((one) => one.split(/,\n/))
        .filter((one) => !/^@media|point-of-sale/.test(one.trim()))
      assert.deepEqual(stray, [])
    })
  }

  for (const sheet of SHEETS) {
    it(`common/${sheet} has neither a placeholder nor a brand's name, and each brand has all that it reads`, async () => {
      const text = read('common', sheet)
      assert.doesNotMatch(text, /\{\{|byrne|dickson|securenexus/i)
      const tokens = [...new Set([...text.matchAll(/var\((--(?:brand|theme)-[\w-]+)/g)].map(([, token = '']) => token))]
      for (const brand of brands) {
        const { colours } = await readBrand(join(BRANDING, brand))
        const page = sheet === 'login.css' ? [sheet] : ['theme.css', 'pos.css']
        const sheets = page.flatMap((one) => [read('common', one), read(brand, one)]).join('')
        const unset = tokens.filter(
          (token) => !sheets.includes(`${token}:`) && !Object.hasOwn(colours, token.replace('--brand-', '')),
        )
        assert.deepEqual([brand, unset], [brand, []])
      }
    })
  }
})

interface Card {
  dataset: { itemCode: string }
  marked: boolean
  classList: { toggle(name: string, on: boolean): void }
}
const card = (itemCode: string): Card => {
  const one: Card = {
    dataset: { itemCode },
    marked: false,
    classList: {
      toggle: (name, on) => {
        if (name === 'brand-rx') one.marked = on
      },
    },
  }
  return one
}

/** As much of a browser as theme.js asks for; `frappe` is what the page has of it. */
async function run(frappe: unknown, cards: Card[] = []) {
  const observers: { changed: () => void }[] = []
  const container = { querySelectorAll: () => cards }
  const document = { body: {}, querySelector: () => (cards.length > 0 ? container : null), createElement: () => ({}) }
  class MutationObserver {
    readonly changed: () => void
    constructor(changed: () => void) {
      this.changed = changed
    }
    observe() {
      observers.push(this)
    }
    disconnect() {}
  }
  const window = { frappe, unescape, __: (text: string) => text }
  const brand = await readBrand(join(BRANDING, 'dickson'))
  runInContext(renderJs(brand, read('dickson', 'theme.js')), createContext({ window, document, MutationObserver }))
  const settle = () => new Promise((done) => setTimeout(done, 5))
  await settle()
  return {
    change: async () => {
      for (const { changed } of observers) changed()
      await settle()
    },
  }
}

const groups: Record<string, string> = { 'WARF 3': 'Prescription', GLOVE: 'Consumables' }
function fakeFrappe(answer: (names: string[]) => Promise<{ name: string; item_group: string | undefined }[]>) {
  const asked: string[][] = []
  const handlers: Record<string, (frm: unknown) => void> = {}
  const frappe = {
    db: {
      get_list: (_: string, { filters }: { filters: { name: [string, string[]] } }) => {
        asked.push([...filters.name[1]])
        return answer(filters.name[1])
      },
    },
    router: { on() {} },
    ui: { form: { on: (_: string, given: typeof handlers) => Object.assign(handlers, given) } },
    get_route_str: () => 'point-of-sale',
  }
  return { frappe, asked, handlers }
}
const byGroup = (names: string[]) => Promise.resolve(names.map((name) => ({ name, item_group: groups[name] })))

describe('theme.js', () => {
  it('marks the cards of the item group, whose codes POS escapes', async () => {
    const cards = [card('WARF%203'), card('GLOVE')]
    const { frappe, asked } = fakeFrappe(byGroup)
    await run(frappe, cards)
    assert.deepEqual(
      cards.map(({ marked }) => marked),
      [true, false],
    )
    assert.deepEqual(asked, [['WARF 3', 'GLOVE']])
  })

  it('asks for each code once, however often the cards change', async () => {
    const cards = [card('GLOVE')]
    const { frappe, asked } = fakeFrappe(byGroup)
    const { change } = await run(frappe, cards)
    await change()
    cards.push(card('WARF%203'))
    await change()
    assert.deepEqual(asked, [['GLOVE'], ['WARF 3']])
    assert.equal(cards[1]?.marked, true)
  })

  it('asks again after no answer, and throws nothing', async () => {
    const cards = [card('WARF%203')]
    const { frappe, asked } = fakeFrappe(() => Promise.reject(new Error('offline')))
    const { change } = await run(frappe, cards)
    frappe.db.get_list = (_, { filters }) => {
      asked.push(filters.name[1])
      return byGroup(filters.name[1])
    }
    await change()
    assert.equal(asked.length, 2)
    assert.equal(cards[0]?.marked, true)
  })

  it('adds one badge to an item’s form, and takes it away again', async () => {
    const { frappe, handlers } = fakeFrappe(byGroup)
    await run(frappe)
    const badges: { textContent?: string; className?: string }[] = []
    const wrapper = {
      querySelectorAll: () => [...badges].map((badge) => ({ remove: () => badges.splice(badges.indexOf(badge), 1) })),
      querySelector: () => ({ append: (badge: { textContent: string }) => badges.push(badge) }),
    }
    const form = (item_group: string) => ({ page: { wrapper: [wrapper] }, doc: { item_group } })
    handlers.refresh?.(form('Prescription'))
    handlers.refresh?.(form('Prescription'))
    assert.deepEqual(
      badges.map(({ textContent, className }) => [textContent, className]),
      [['Prescription', 'brand-rx-badge']],
    )
    handlers.item_group?.(form('Consumables'))
    assert.deepEqual(badges, [])
    handlers.refresh?.({})
    handlers.refresh?.(undefined)
  })

  const WITHOUT: [what: string, frappe: unknown][] = [
    ['frappe itself', undefined],
    ['everything in it', {}],
    ['forms', { router: { on() {} }, get_route_str: () => 'List/Item' }],
    ['the router', { ui: { form: { on() {} } } }],
    ['the database', { get_route_str: () => 'point-of-sale', router: { on() {} } }],
  ]
  for (const [what, frappe] of WITHOUT) {
    it(`does nothing and throws nothing without ${what}`, async () => {
      await run(frappe, [card('GLOVE')])
    })
  }
})
