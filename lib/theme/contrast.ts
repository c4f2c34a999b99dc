/** Proves that a brand can be read: the contrast of every pair of text and surface, in light and in dark, by WCAG AA. */
import { type Brand, COMMON, type CommonSheet, renderCss, type Sheet } from './brand.ts'
import { type Colour, coloursOf, contrast, hexOf, over } from './colour.ts'
import { type Declaration, declarations, plain, weight } from './css.ts'
import { placeAt } from './fault.ts'
import type { Pair } from './pairs/pair.ts'
import { PAIRS } from './pairs.ts'
import { STOCK_DESK, STOCK_LOGIN } from './stock.ts'

export type Mode = 'light' | 'dark'
/** The style sheets as they stand in the brand's folder and beside it. */
export type Sheets = Readonly<Record<Sheet | CommonSheet, string>>

/** A declaration of a brand or of Frappe. */
interface Placed extends Declaration {
  /** `branding/dickson/theme.css:12:3`; nothing where it is Frappe's. */
  place: string
}

export interface Contrast {
  pair: Pair
  mode: Mode
  text: Colour
  surface: Colour
  ratio: number
  /** What decided it, of the surface first: places in brand.json or in a style sheet. */
  places: readonly string[]
  /** The declarations that took part. */
  used: readonly Declaration[]
}

/** The desk's sheets in their order. */
const DESK: readonly Sheet[] = ['theme.css', 'pos.css']

/** Every pair that the brand's pages have. Pure. @throws OperatorError (3) where a sheet has an unknown placeholder. */
export function contrasts(brand: Brand, sheets: Sheets): Contrast[] {
  const shared = (sheet: Sheet) => read(sheets[`${COMMON}/${sheet}`], `branding/${COMMON}/${sheet}`)
  const own = (sheet: Sheet) => read(renderCss(brand, sheet, sheets[sheet]), `branding/${brand.name}/${sheet}`)
  const cascades = {
    desk: [...read(STOCK_DESK, ''), ...DESK.flatMap(shared), ...DESK.flatMap(own)],
    login: [...website(false), ...shared('login.css'), ...own('login.css'), ...website(true)],
  }
  return PAIRS.flatMap((pair) =>
    (['light', 'dark'] as const).flatMap((mode) => measure(brand, pair, mode, cascades[pair.sheet])),
  )
}

/** Frappe's rules, which a brand outweighs by its selectors, or its variables, which come after the brand's. */
function website(variables: boolean): Placed[] {
  return read(STOCK_LOGIN, '').filter(({ selectors }) => selectors.includes(':root') === variables)
}

/** The pairs that cannot be read, as lines `file:line:column: …`; empty where all can. Pure. */
export function contrastFaults(brand: Brand, sheets: Sheets): string[] {
  const all = contrasts(brand, sheets)
  const faults = all.filter(isFault)
  const lines = faults.map((fault) => {
    const { pair, mode, text, surface, ratio } = fault
    const low = (Math.floor(ratio * 100) / 100).toFixed(2)
    const needs = pair.needs ?? 4.5
    if (ratio === 0)
      return `${culprit(fault, all)}: ${pair.where} (${mode}): a colour cannot be read: write #rrggbb or rgb(), and name what brand.json has`
    return `${culprit(fault, all)}: ${pair.where} (${mode}): ${hexOf(text)} on ${hexOf(surface)} is ${low}:1, ${needs}:1 is needed`
  })
  return [...new Set(lines)]
}

/** Where the brand has no part, it is Frappe's own. */
const isFault = ({ pair, ratio, places }: Contrast) => places.length > 0 && ratio < (pair.needs ?? 4.5)

/** Of what decided a pair, the place that fails most often of all pairs that it decides: that one was spoilt. */
function culprit({ places }: Contrast, all: readonly Contrast[]): string {
  const rates = places.map((place) => {
    const decided = all.filter((one) => one.places.includes(place))
    return { place, rate: decided.filter(isFault).length / decided.length }
  })
  return rates.reduce((worst, one) => (one.rate > worst.rate ? one : worst)).place
}

function read(text: string, file: string): Placed[] {
  return declarations(text).map((one) => ({ ...one, place: file && placeAt(file, text, one.offset) }))
}

/** What the page's root is styled by. */
const PAGE: Record<Mode, readonly string[]> = {
  light: [':root', 'html', 'html:root', '[data-theme]', '[data-theme="light"]'],
  dark: [':root', 'html', 'html:root', '[data-theme]', '[data-theme="dark"]'],
}
const LOGIN = 'body[data-path="login"]'

/** An element of a pair and those around it, with what is declared on each. */
class Elements {
  readonly used: Placed[] = []
  private readonly levels: readonly (readonly string[])[]
  private readonly mode: Mode
  private readonly cascade: readonly Placed[]

  constructor(pair: Pair, mode: Mode, cascade: readonly Placed[], fill: (text: string) => string) {
    const names = (pair.at ?? []).map((one) => (typeof one === 'string' ? [one] : one).map((name) => plain(fill(name))))
    const isLogin = names[0]?.some((name) => name.startsWith(LOGIN))
    this.levels = [[...PAGE[mode], ...(isLogin ? [`html:root:has(${LOGIN})`] : [])], ...names]
    this.mode = mode
    this.cascade = cascade
  }

  /** A pair's own words: `--token`, `property`, `property@selector`. */
  colours(wanted: string): Colour[] | undefined {
    const [name = '', selector] = wanted.split('@')
    const level = selector ? this.levels.findIndex((names) => names.includes(plain(selector))) : this.levels.length - 1
    const value = name.startsWith('--') ? this.token(name, level) : this.property(name, level)
    return value === undefined ? undefined : coloursOf(value)
  }

  private property(name: string, level: number): string | undefined {
    const found = this.declared(name, level)
    return found && this.resolved(found, level)
  }

  /** A variable comes from the nearest element that declares it, with that element's own other variables. */
  private token(name: string, level: number): string | undefined {
    for (let at = level; at >= 0; at--) {
      const found = this.declared(name, at)
      if (found) return this.resolved(found, at)
    }
    return undefined
  }

  private resolved(declaration: Placed, level: number): string {
    this.used.push(declaration)
    return declaration.value.replace(/var\((--[\w-]+)\)/g, (_, name: string) => this.token(name, level) ?? 'unset')
  }

  /** What wins on one element: the heaviest selector, of equals the last. */
  private declared(name: string, level: number): Placed | undefined {
    let best: Placed | undefined
    let heaviest = -1
    for (const one of this.cascade) {
      if (one.property !== name || !this.applies(one.media)) continue
      const fitting = one.selectors.filter((selector) => this.fits(selector, level)).map(weight)
      const heavy = Math.max(-1, ...fitting)
      if (fitting.length === 0 || heavy < heaviest) continue
      heaviest = heavy
      best = one
    }
    return best
  }

  private applies(media: string): boolean {
    return media === '' || (this.mode === 'dark' && /prefers-color-scheme:\s*dark/.test(media))
  }

  /** `[data-theme="dark"] .modal` is `.modal` of a dark page. */
  private fits(selector: string, level: number): boolean {
    const names = this.levels[level] ?? []
    if (names.includes(selector)) return true
    if (level === 0) return false
    const prefix = PAGE[this.mode].find((page) => selector.startsWith(`${page} `))
    return prefix !== undefined && names.includes(selector.slice(prefix.length + 1))
  }
}

function measure(brand: Brand, pair: Pair, mode: Mode, cascade: readonly Placed[]): Contrast[] {
  const fill = (name: string) =>
    name
      .replace('{{prescription.itemGroup}}', brand.prescription?.itemGroup ?? '')
      .replace('{{prescription.codePrefix}}', brand.prescription?.codePrefix ?? '')
  const elements = new Elements(pair, mode, cascade, fill)
  const layers = pair.on.map((layer) => elements.colours(layer))
  const texts = elements.colours(pair.text)
  if (!texts || layers.some((layer) => layer === undefined)) return [] // a rule that this brand does not have
  const found = worst(texts, layers as Colour[][])
  const used = elements.used
  return [{ pair, mode, used, places: placesOf(brand, used), ...found }]
}

/** The least contrast over every colour of text and layers. 0 where a colour cannot be read. */
function worst(texts: Colour[], layers: Colour[][]): Pick<Contrast, 'text' | 'surface' | 'ratio'> {
  const surfaces = layers.reduceRight<Colour[]>(
    (below, layer) => (below.length === 0 ? layer : below.flatMap((lower) => layer.map((upper) => over(upper, lower)))),
    [],
  )
  const measured = surfaces
    .filter(([, , , alpha]) => alpha === 1)
    .flatMap((surface) => texts.map((text) => ({ text: over(text, surface), surface })))
    .map((both) => ({ ...both, ratio: contrast(both.text, both.surface) }))
    .sort((one, other) => one.ratio - other.ratio)
  return measured[0] ?? { text: [0, 0, 0, 1], surface: [0, 0, 0, 1], ratio: 0 }
}

/** A colour of brand.json before the rule that names it: there it is changed. */
function placesOf(brand: Brand, used: readonly Placed[]): string[] {
  const ours = used.filter(({ place }) => place !== '')
  const colours = ours.flatMap(({ property }) => {
    const place = brand.places[`colours.${property.replace('--brand-', '')}`]
    return property.startsWith('--brand-') && place ? [place] : []
  })
  return [...new Set([...colours, ...ours.map(({ place }) => place)])]
}
