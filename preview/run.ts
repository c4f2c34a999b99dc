/**
 * `npm run preview -- <brand> [--out DIR] [--stock DIR]`: draws a brand's pages in headless Chromium, as PNGs.
 * The style sheets come in the order of the real pages: on the desk ours after the bundles and before the page's own,
 * on the login page ours before everything; of ours those that the brands share first.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import { type Brand, COMMON, readBrand, renderCss, renderJs, type Sheet } from '../lib/theme/brand.ts'
import { prepareProgram } from '../rehearsal/host.ts'
import { login } from './login.ts'
import { desktop, dialog, form, list, report, workspace } from './pages.ts'
import { sampleOf } from './samples.ts'
import { payment, till } from './till.ts'

const root = resolve(import.meta.dirname, '..')
const STOCK = join(import.meta.dirname, 'stock')
export const WIDE = { width: 1280, height: 800 }
export const PHONE = { width: 390, height: 844 }

export interface Shot {
  name: string
  theme: 'light' | 'dark'
  phone: boolean
  html: string
}

const style = (css: string) => `<style>${css.replaceAll('</style', '<\\/style')}</style>`

/** Every page of a brand in every variant. `stock`: a folder with desk.css, erpnext.css, late.css, website.css, login.css. */
export async function shots(brand: Brand, stock = STOCK): Promise<Shot[]> {
  const folder = join(root, 'branding', brand.name)
  const shared = async (sheet: Sheet) => style(await readFile(join(root, 'branding', COMMON, sheet), 'utf8'))
  const own = async (sheet: Sheet) => style(renderCss(brand, sheet, await readFile(join(folder, sheet), 'utf8')))
  const theirs = async (name: string) => style(await readFile(join(stock, `${name}.css`), 'utf8'))
  const image = async (name: string) =>
    `data:image/svg+xml;base64,${(await readFile(join(folder, name))).toString('base64')}`
  const script = await readFile(join(folder, 'theme.js'), 'utf8').catch(() => '')
  const joined = async (...sheets: Promise<string>[]) => (await Promise.all(sheets)).join('')
  const desk = [
    theirs('desk'),
    theirs('erpnext'),
    shared('theme.css'),
    shared('pos.css'),
    own('theme.css'),
    own('pos.css'),
  ]
  const deskHead = await joined(...desk, theirs('late'))
  const loginHead = await joined(shared('login.css'), own('login.css'), theirs('website'), theirs('login'))
  const page = (head: string, body: string, theme: string) =>
    `<!doctype html><html lang="en" dir="ltr" ${theme}><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${head}</head>${body}</html>`
  const sample = sampleOf(brand)
  const logos = { dark: await image('logo-dark.svg') }
  const marks = script
    ? `<script>window.previewGroups=${JSON.stringify(Object.fromEntries(sample.items.map(({ code, group }) => [code, group])))}</script><script>${FRAPPE}</script><script>${renderJs(brand, script)}</script>`
    : ''
  const desks = (open: boolean): [string, string][] => [
    ['desktop', desktop(sample, logos.dark)],
    ['workspace', workspace(sample, open)],
    ['list', list(sample, open)],
    ['form', form(sample, open)],
    ['report', report(sample, open)],
    ['dialog', dialog(sample, open)],
    ['till', till(sample)],
    ['payment', payment(sample)],
  ]
  const made = ([false, true] as const).flatMap((phone) => [
    { name: 'login', theme: 'light' as const, phone, html: page(loginHead, login(brand.title, logos.dark), '') },
    ...(['light', 'dark'] as const).flatMap((theme) =>
      [...desks(!phone), ...(phone ? ([['sidebar', list(sample, true)]] as [string, string][]) : [])].map(
        ([name, body]) => ({
          name,
          theme,
          phone,
          html: page(
            deskHead,
            body.replace('</body>', `${marks}</body>`),
            `data-theme-mode="${theme}" data-theme="${theme}"`,
          ),
        }),
      ),
    ),
  ])
  return made
}

/** As much of Frappe's script as a mark asks for. */
const FRAPPE = `window.frappe = {
  db: { get_list: (doctype, { filters }) => Promise.resolve(filters.name[1].map((name) => ({ name, item_group: previewGroups[name] }))) },
  router: { on() {} }, ui: { form: { on: (doctype, { refresh }) => /^Form/.test(document.body.dataset.route) && refresh({ page: { wrapper: [document.body] }, doc: { item_group: 'Prescription' } }) } }, get_route_str: () => document.body.dataset.route,
}`

export async function openChromium(): Promise<Browser> {
  await prepareProgram('chromium', true, (line) => console.error(line))
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'],
  })
}

/** The file of a shot: `dickson-till-phone-dark.png`. */
export const fileOf = (brand: string, { name, theme, phone }: Omit<Shot, 'html'>) =>
  `${brand}-${name}${phone ? '-phone' : ''}-${theme}.png`

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, stock: { type: 'string' }, only: { type: 'string' } },
  })
  const [name] = positionals
  if (!name || positionals.length > 1)
    throw new Error('usage: npm run preview -- <brand> [--out DIR] [--stock DIR] [--only TEXT]')
  const out = resolve(values.out ?? join(root, '.rehearsal/preview'))
  const brand = await readBrand(join(root, 'branding', name), `branding/${name}`)
  await mkdir(out, { recursive: true })
  const browser = await openChromium()
  for (const shot of await shots(brand, values.stock && resolve(values.stock))) {
    const file = fileOf(name, shot)
    if (values.only && !new RegExp(values.only).test(file)) continue
    const page = await browser.newPage({ viewport: shot.phone ? PHONE : WIDE })
    await page.setContent(shot.html)
    await page.waitForTimeout(100)
    await page.screenshot({ path: join(out, file), fullPage: shot.phone && shot.name === 'till' })
    await page.close()
    console.log(join(out, file))
  }
  await browser.close()
}

if (process.argv[1] === import.meta.filename) await main()
