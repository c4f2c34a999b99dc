/** A brand: the folder `branding/<brand>/`, its colours and titles in brand.json, and its files rendered with them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml'
import { messageOf, preconditionError } from '../errors.ts'
import { placeAt } from './fault.ts'

/** The style sheets of a brand: the desk's, the login and website's, the point of sale's. */
export type Sheet = 'theme.css' | 'login.css' | 'pos.css'
/** The folder beside the brands whose sheets come before each brand's own. */
export const COMMON = 'common'
/** The same sheet as the brands share it: published as it is, loaded before the brand's own. */
export type CommonSheet = `${typeof COMMON}/${Sheet}`

export interface Brand {
  /** The folder's name. */
  name: string
  /** What the login page and the browser's tab call the product. */
  title: string
  /** `#rrggbb` by name; the name is the custom property's: primary is `--brand-primary`. */
  colours: Readonly<Record<string, string>>
  /** What counts as a prescription medicine, where the brand marks them. */
  prescription?: { itemGroup: string; codePrefix: string }
  /** Where a field or colour stands, for messages: `branding/dickson/brand.json:4:15`. */
  places: Readonly<Record<string, string>>
}

interface Rule {
  pattern: RegExp
  /** What a message asks for. */
  must: string
}

/**
 * Text that may stand between quotes in CSS, JavaScript and HTML as it is: nothing in it needs escaping there, and
 * POS cards carry item codes through JavaScript's escape(), which leaves these characters of a code alone.
 */
const TITLE: Rule = {
  pattern: /^[\p{L}\p{N}][\p{L}\p{N} &.,+()-]{0,59}$/u,
  must: 'be 1 to 60 letters, digits, spaces, & . , + ( ) -',
}
const CODE: Rule = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$/, must: 'be 1 to 20 letters, digits, . _ -' }
const NAME: Rule = { pattern: /^[a-z][a-z0-9-]{0,29}$/, must: 'be lower-case letters, digits and -' }
const COLOUR: Rule = { pattern: /^#[0-9a-f]{6}$/, must: 'be a colour like #1d4ed8' }

/** Every field: its rule, or the fields below it. `*`: any name that keeps NAME. */
type Shape = Rule | { fields: Record<string, Shape>; optional?: readonly string[] }
const BRAND: Shape = {
  fields: {
    name: NAME,
    title: TITLE,
    colours: { fields: { '*': COLOUR } },
    prescription: { fields: { itemGroup: TITLE, codePrefix: CODE } },
  },
  optional: ['prescription'],
}

/**
 * Read a brand's folder. @throws OperatorError (3) with every fault as `<folder>/brand.json:<line>:<column>: …`.
 * `shown` is the folder as messages name it.
 */
export async function readBrand(folder: string, shown = folder): Promise<Brand> {
  const path = join(shown, 'brand.json')
  const text = await readFile(join(folder, 'brand.json'), 'utf8').catch((error: unknown) => {
    throw preconditionError(`${path} cannot be read: ${messageOf(error)}`, undefined, error)
  })
  return parseBrand(text, path)
}

/** A brand from the text of its brand.json. Pure. @throws as readBrand does. */
export function parseBrand(text: string, path: string): Brand {
  const lines = new LineCounter()
  const bare = text.replace(/^\uFEFF/, '')
  // JSON is a part of YAML, and this parser knows where everything stands; what is YAML and no JSON is refused below.
  const document = parseDocument(bare, { lineCounter: lines, schema: 'json', uniqueKeys: true })
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  const places: Record<string, string> = {}
  const syntax = document.errors.map(({ pos, message }) => ({
    offset: pos[0],
    message: message.split(/ at line /)[0] ?? '',
  }))
  const faults =
    syntax.length > 0
      ? syntax
      : misfits(document.contents, BRAND, '', (field, node) => {
          places[field] = placeOf(node.range?.[0] ?? 0)
        })
  if (faults.length > 0) refuse(faults.map(({ offset, message }) => `${placeOf(offset)}: ${message}`))
  return { ...parseJson(bare, path), places }
}

function refuse(faults: string[]): never {
  const [only = ''] = faults
  throw preconditionError(faults.length === 1 ? only : `the brand is refused:\n  ${faults.join('\n  ')}`)
}

/** What YAML lets pass and JSON does not (a comma at the end, a comment) is found here. */
function parseJson(text: string, path: string): Omit<Brand, 'places'> {
  try {
    return JSON.parse(text)
  } catch (error) {
    const at = Number(/position (\d+)/.exec(messageOf(error))?.[1] ?? 0)
    throw preconditionError(`${placeAt(path, text, at)}: is not JSON`, undefined, error)
  }
}

interface Misfit {
  offset: number
  message: string
}

type Found = (field: string, node: Node) => void

function misfits(node: Node | null, shape: Shape, field: string, found: Found): Misfit[] {
  const offset = node?.range?.[0] ?? 0
  if (node && field) found(field, node)
  if ('fields' in shape) {
    return isMap(node) && node.flow
      ? mapMisfits(node, shape, field, found)
      : [{ offset, message: `${field || 'the file'} must be an object` }]
  }
  const fits = isScalar(node) && node.type === 'QUOTE_DOUBLE' && shape.pattern.test(String(node.value))
  return fits ? [] : [{ offset, message: `${field} must ${shape.must}` }]
}

function mapMisfits(map: YAMLMap, shape: Extract<Shape, { fields: object }>, field: string, found: Found): Misfit[] {
  const below = (name: string) => (field ? `${field}.${name}` : name)
  const faults = (map.items as Pair<Node, Node | null>[]).flatMap(({ key, value }): Misfit[] => {
    const name = isScalar(key) ? String(key.value) : ''
    const known = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined
    const inner = known ?? (NAME.pattern.test(name) ? shape.fields['*'] : undefined)
    if (!inner) return [{ offset: key.range?.[0] ?? 0, message: `unknown field ${below(name)}` }]
    return value
      ? misfits(value, inner, below(name), found)
      : [{ offset: key.range?.[0] ?? 0, message: `${below(name)} has no value` }]
  })
  const needed = Object.keys(shape.fields).filter((name) => name !== '*' && !shape.optional?.includes(name))
  const missing = needed.filter((name) => !map.has(name))
  return [...faults, ...missing.map((name) => ({ offset: map.range?.[0] ?? 0, message: `${below(name)} is missing` }))]
}

/**
 * A style sheet as it is published: the brand's colours as custom properties before it, its placeholders filled.
 * They stand on the file's first line, so that a line number holds for both. The website's own variables come after
 * ours with the same specificity, hence `html:root` there. Pure. @throws OperatorError (3) as fill does.
 */
export function renderCss(brand: Brand, sheet: Sheet, text: string): string {
  const root = sheet === 'login.css' ? 'html:root' : ':root'
  const colours = Object.entries(brand.colours).map(([name, value]) => `--brand-${name}:${value}`)
  return `${root}{${colours.join(';')}} ${fill(brand, sheet, text)}`
}

/** theme.js as it is published. Pure. @throws OperatorError (3) as fill does. */
export function renderJs(brand: Brand, text: string): string {
  return fill(brand, 'theme.js', text)
}

/** `{{prescription.codePrefix}}` and its like by what brand.json says. @throws OperatorError (3) for an unknown one. */
function fill(brand: Brand, file: string, text: string): string {
  const values: Record<string, string | undefined> = {
    title: brand.title,
    'prescription.itemGroup': brand.prescription?.itemGroup,
    'prescription.codePrefix': brand.prescription?.codePrefix,
  }
  return text.replace(/^\uFEFF/, '').replace(/\{\{\s*([^{}]*?)\s*\}\}/g, (whole, name: string, offset: number) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value !== undefined) return value
    const place = placeAt(`branding/${brand.name}/${file}`, text, offset)
    throw preconditionError(`${place}: ${whole} is not in brand.json`)
  })
}
