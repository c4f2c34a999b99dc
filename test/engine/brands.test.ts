/** The brands in a real browser: every page of the preview, in light and dark, wide and on a phone. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { readBrand } from '../../lib/theme/brand.ts'
import { coloursOf, contrast, over, parseColour } from '../../lib/theme/colour.ts'
import { openChromium, PHONE, type Shot, shots, WIDE } from '../../preview/run.ts'
import { BRANDING, brandNames } from '../brands.ts'

/** Every text that a person sees, with its colour and what is painted below it, from the top down. */
const TEXTS = `[...document.querySelectorAll('body *')].flatMap((element) => {
  const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim()).map((node) => node.data.trim()).join(' ')
  const box = element.getBoundingClientRect()
  const style = getComputedStyle(element)
  if (!own || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || box.width < 2 || element.closest('script, style')) return []
  if (document.querySelector('.modal') && !element.closest('.modal, #alert-container')) return []
  const layers = []
  for (let one = element; one; one = one.parentElement) {
    const { backgroundColor, backgroundImage, backgroundSize } = getComputedStyle(one)
    if (backgroundImage.includes('gradient') && backgroundSize === 'auto') layers.push(backgroundImage)
    layers.push(backgroundColor)
  }
  return [{ text: own.slice(0, 30), colour: style.color, layers, large: parseFloat(style.fontSize) >= 24 }]
})`

interface Text {
  text: string
  colour: string
  layers: string[]
  large: boolean
}

function ratioOf({ colour, layers }: Text): number {
  const page = layers.map(coloursOf)
  const surfaces = page.reduceRight(
    (below, layer) => below.flatMap((lower) => layer.map((upper) => over(upper, lower))),
    [parseColour('#ffffff') ?? assert.fail()],
  )
  const text = parseColour(colour) ?? assert.fail(colour)
  return Math.min(...surfaces.map((surface) => contrast(over(text, surface), surface)))
}

const isFaint = (text: Text) => ratioOf(text) < (text.large ? 3 : 4.5)

describe('in a browser', () => {
  let browser: Browser
  before(async () => {
    browser = await openChromium()
  })
  after(() => browser.close())

  async function open({ html, phone }: Shot): Promise<Page> {
    const page = await browser.newPage({ viewport: phone ? PHONE : WIDE })
    page.on('request', (request) => assert.match(request.url(), /^data:/, 'a page asked a host for something'))
    page.on('pageerror', (error) => assert.fail(error))
    await page.setContent(html)
    await page.waitForTimeout(50)
    return page
  }

  async function textsOf(shot: Shot): Promise<Text[]> {
    const page = await open(shot)
    const texts = (await page.evaluate(TEXTS)) as Text[]
    await page.close()
    return texts
  }

  it('a text that is too faint is found, or the next tests prove nothing', async () => {
    const html =
      '<p style="color: #999">faint</p><p style="background: linear-gradient(#000, #fff); color: #000">half</p><p>good</p>'
    const found = await textsOf({ name: 'none', theme: 'light', phone: false, html })
    assert.deepEqual(
      found.filter(isFaint).map(({ text }) => text),
      ['faint', 'half'],
    )
  })

  for (const name of brandNames()) {
    it(`every text of ${name}'s pages has 4.5:1 at least, and nothing is asked of a host`, async () => {
      const brand = await readBrand(join(BRANDING, name))
      const wide = (await shots(brand)).filter(({ phone, name: page }) => !phone || /till|payment|sidebar/.test(page))
      const low: string[] = []
      let seen = 0
      for (const shot of wide) {
        const texts = await textsOf(shot)
        seen += texts.length
        low.push(
          ...texts
            .filter(isFaint)
            .map((text) => `${shot.name} ${shot.theme}: "${text.text}" ${ratioOf(text).toFixed(2)}`),
        )
      }
      assert.deepEqual(low, [])
      assert.ok(seen > 1000, `${seen} texts`)
    })

    it(`no page of ${name}'s is wider than a phone`, async () => {
      const brand = await readBrand(join(BRANDING, name))
      for (const shot of (await shots(brand)).filter(
        ({ phone, name: page }) => phone && /login|till|payment/.test(page),
      )) {
        const page = await open(shot)
        assert.equal(await page.evaluate('document.scrollingElement.scrollWidth'), PHONE.width, shot.name)
        await page.close()
      }
    })
  }

  it('a pharmacist’s targets are 44 px high and wide at least', async () => {
    const brand = await readBrand(join(BRANDING, 'dickson'))
    const targets =
      '.item-wrapper, .numpad-btn, .checkout-btn, .edit-cart-btn, .mode-of-payment, .submit-order-btn, .reset-customer-btn, .cart-item-wrapper, .add-discount-wrapper, .point-of-sale-app .form-control'
    for (const shot of (await shots(brand)).filter(({ name }) => /till|payment/.test(name))) {
      const page = await open(shot)
      const small = await page.evaluate(
        `[...document.querySelectorAll('${targets}')].filter((one) => one.checkVisibility()).map((one) => [one.className, one.offsetWidth, one.offsetHeight]).filter(([, width, height]) => width < 44 || height < 44)`,
      )
      assert.deepEqual(small, [], `${shot.name} ${shot.phone}`)
      await page.close()
    }
  })

  it('a prescription is marked by its code’s prefix, by its item group, and in a list', async () => {
    const brand = await readBrand(join(BRANDING, 'dickson'))
    const all = await shots(brand)
    const mark = (selector: string) => `getComputedStyle(document.querySelector('${selector}'), '::before').content`
    const of = (name: string) => all.find((one) => one.name === name && !one.phone) ?? assert.fail(name)
    const till = await open(of('till'))
    for (const code of ['RX-AMOX-500', 'WARF-3'])
      assert.equal(await till.evaluate(mark(`[data-item-code="${code}"]`)), '"℞"', code)
    assert.equal(await till.evaluate(mark('[data-item-code="OTC-VITD"]')), 'none')
    const list = await open(of('list'))
    assert.equal(await list.evaluate(mark('a[data-filter="item_group,=,Prescription"]')), '"℞"')
    assert.equal(await list.evaluate(mark('a[data-filter="item_group,=,Consumables"]')), 'none')
  })

  it('a negative amount is marked, and no other', async () => {
    const brand = await readBrand(join(BRANDING, 'byrne'))
    const all = await shots(brand)
    for (const [name, cells] of [
      ['list', '.list-row-col.text-right a'],
      ['report', '.dt-cell__content:has(> div)'],
    ] as const) {
      const page = await open(
        all.find((one) => one.name === name && one.theme === 'light' && !one.phone) ?? assert.fail(name),
      )
      const marked = (await page.evaluate(
        `[...document.querySelectorAll('${cells}')].filter((one) => getComputedStyle(one).color === 'rgb(166, 27, 27)').map((one) => one.textContent.trim())`,
      )) as string[]
      assert.ok(marked.length > 1)
      assert.deepEqual(
        marked.filter((text) => !text.includes('-')),
        [],
      )
    }
  })

  it('a pressed primary button keeps the brand’s colour', async () => {
    const brand = await readBrand(join(BRANDING, 'byrne'))
    const page = await open(
      (await shots(brand)).find(({ name, theme, phone }) => name === 'dialog' && theme === 'light' && !phone) ??
        assert.fail(),
    )
    await page.hover('.modal .btn-primary')
    await page.mouse.down()
    const pressed = await page.evaluate(
      `(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.querySelector('.modal .btn-primary')))`,
    )
    assert.deepEqual(pressed, ['rgb(30, 64, 175)', 'rgb(255, 255, 255)'])
  })

  it('on paper neither bar nor sidebar is painted', async () => {
    const brand = await readBrand(join(BRANDING, 'byrne'))
    const page = await open((await shots(brand)).find(({ name, phone }) => name === 'form' && !phone) ?? assert.fail())
    await page.emulateMedia({ media: 'print' })
    assert.equal(await page.evaluate(`getComputedStyle(document.querySelector('.page-head')).backgroundImage`), 'none')
    assert.equal(await page.evaluate(`document.querySelector('.body-sidebar').checkVisibility()`), false)
  })

  it('the open item and the card of the login page are marked in each brand’s own colours', async () => {
    for (const [name, line, start] of [
      ['byrne', 'rgb(59, 130, 246)', 'linear-gradient(90deg, rgb(59, 130, 246), rgb(99, 102, 241)'],
      ['dickson', 'rgb(0, 169, 157)', 'linear-gradient(90deg, rgb(0, 102, 204), rgb(0, 169, 157)'],
    ] as const) {
      const all = await shots(await readBrand(join(BRANDING, name)))
      const styleOf = async (shot: string, selector: string, property: string) => {
        const page = await open(all.find((one) => one.name === shot && !one.phone) ?? assert.fail(shot))
        const value = await page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`)
        await page.close()
        return String(value)
      }
      assert.equal(await styleOf('list', '.active-sidebar', 'boxShadow'), `${line} 3px 0px 0px 0px inset`)
      const card = await styleOf('login', '.page-card', 'backgroundImage')
      assert.ok(card.startsWith(start), card)
    }
  })

  it('from right to left the open item is marked at its right', async () => {
    const brand = await readBrand(join(BRANDING, 'dickson'))
    const page = await open((await shots(brand)).find(({ name, phone }) => name === 'list' && !phone) ?? assert.fail())
    await page.evaluate(`document.documentElement.dir = 'rtl'`)
    assert.match(
      String(await page.evaluate(`getComputedStyle(document.querySelector('.active-sidebar')).boxShadow`)),
      /-3px 0px 0px 0px inset/,
    )
  })
})
