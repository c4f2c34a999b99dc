/**
 * Checks a drawing: well-formed, of shapes alone, and with nothing in it that runs or asks another host. What is not on the
 * lists is refused: an SVG can carry scripts in more spellings than anybody can list.
 */

import { type Fault, faultAt } from './fault.ts'
import { cssFaults } from './stylesheet.ts'

const ELEMENTS = new Set(
  `svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan linearGradient radialGradient
  stop clipPath mask pattern marker style filter feGaussianBlur feOffset feBlend feColorMatrix feComposite feFlood feMerge
  feMergeNode feDropShadow`.split(/\s+/),
)
const SVG = 'http://www.w3.org/2000/svg'
/** Namespaces that an attribute may declare, by its name. */
const NAMESPACES: Record<string, string> = { xmlns: SVG, 'xmlns:xlink': 'http://www.w3.org/1999/xlink' }
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Comment, tag or text, one after the other; whatever fits none of them is no XML that we take. */
const COMMENT = /<!--(?:(?!--)[\s\S])*-->/y
const DECLARATION = /<\?xml(?:\s+[a-z]+="[^"<>?]*")+\s*\?>/y
const TAG = /<(\/?)([A-Za-z][\w.-]*)((?:\s+[A-Za-z_][\w.:-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y
const TEXT = /[^<]+/y
const ATTRIBUTE = /([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g

/** A drawing while it is read. */
interface Reading {
  file: string
  text: string
  faults: Fault[]
  /** Elements that are open, and where the content of each begins. */
  open: { name: string; from: number }[]
  roots: number
}

/** Every fault of a drawing. @param file as the message names it */
export async function svgFaults(file: string, text: string): Promise<Fault[]> {
  const reading: Reading = { file, text, faults: [], open: [], roots: 0 }
  for (let at = 0; at < text.length; ) {
    const length = await readPiece(reading, at)
    if (length === 0) break
    at += length
  }
  const { faults, open, roots } = reading
  if (faults.length > 0) return faults
  const [unclosed] = open
  if (unclosed) say(reading, unclosed.from, `<${unclosed.name}> is not closed`)
  if (roots === 0) say(reading, 0, 'it holds no <svg>')
  return faults
}

const say = ({ file, text, faults }: Reading, offset: number, message: string) =>
  void faults.push(faultAt(file, text, offset, message))

/** Read what stands here; its length, or 0 where nothing that is allowed does. */
async function readPiece(reading: Reading, at: number): Promise<number> {
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at
    return pattern.exec(reading.text)
  }
  const skipped = match(COMMENT) ?? (at === 0 ? match(DECLARATION) : null)
  if (skipped) return skipped[0].length
  const tag = match(TAG)
  const words = match(TEXT)
  if (tag) await readTag(reading, at, tag)
  else if (words) readText(reading, at, words[0])
  else say(reading, at, `${reading.text.slice(at, at + 12).split('\n')[0]}… is not allowed, or not well-formed`)
  return (tag ?? words)?.[0].length ?? 0
}

async function readTag(reading: Reading, at: number, tag: RegExpExecArray): Promise<void> {
  const [whole, closing, name = '', attributes = '', empty] = tag
  const { open, faults, file, text } = reading
  if (closing) {
    const opened = open.pop()
    if (opened?.name !== name) say(reading, at, `</${name}> closes ${opened ? `<${opened.name}>` : 'nothing'}`)
    else if (name === 'style') faults.push(...(await styleFaults(file, text, opened.from, at)))
    return
  }
  for (const [offset, message] of tagFaults(name, attributes)) say(reading, at + offset, message)
  if (open.length === 0) {
    reading.roots += 1
    for (const message of rootFaults(name, attributes, reading.roots)) say(reading, at, message)
  }
  if (!empty) open.push({ name, from: at + whole.length })
}

function readText(reading: Reading, at: number, words: string): void {
  const bad = badReference(words)
  const { open } = reading
  if (bad >= 0) say(reading, at + bad, 'an entity that is none of &amp; &lt; &gt; &quot; &apos;')
  else if (open.length === 0 && words.trim() !== '') say(reading, at, 'text outside <svg>')
  else if (open.at(-1)?.name === 'style' && words.includes('&'))
    say(reading, at + words.indexOf('&'), 'an entity in a style sheet')
}

function rootFaults(name: string, attributes: string, count: number): string[] {
  const has = (attribute: string) => new RegExp(`\\s${attribute}\\s*=`).test(attributes)
  return [
    ...(name === 'svg' && count === 1 ? [] : ['one <svg> is the whole file']),
    ...(has('xmlns') ? [] : [`xmlns="${SVG}" is missing: browsers show nothing`]),
    ...(has('viewBox') || (has('width') && has('height')) ? [] : ['it has neither viewBox nor width and height']),
  ]
}

function tagFaults(name: string, attributes: string): [offset: number, message: string][] {
  const first = name.length + 1
  const own: [number, string][] = ELEMENTS.has(name) ? [] : [[0, `<${name}> is not on the list of shapes`]]
  const seen = new Set<string>()
  const others = [...attributes.matchAll(ATTRIBUTE)].flatMap((found): [number, string][] => {
    const [, attribute = '', double, single] = found
    const message = seen.has(attribute)
      ? `${attribute} stands twice`
      : attributeFault(attribute, double ?? single ?? '')
    seen.add(attribute)
    return message === undefined ? [] : [[first + found.index, message]]
  })
  return [...own, ...others]
}

function attributeFault(name: string, raw: string): string | undefined {
  if (badReference(raw) >= 0) return `${name} holds an entity that is none of the five`
  const value = plain(raw)
  if (name === 'xmlns' || name.startsWith('xmlns:'))
    return NAMESPACES[name] === value ? undefined : `${name}: no namespace but SVG's and xlink`
  if (/^on/i.test(name)) return `${name} would run a script`
  if (/(?:^|:)href$/i.test(name)) return value.startsWith('#') ? undefined : `${name} may lead only to #…`
  if (name === 'src' || (name.includes(':') && name !== 'xml:space')) return `${name} is not on the list`
  const bare = value.replace(/[^\x21-\x7e]/g, '').replace(/\\[0-9a-f]{1,6} ?|\\/gi, '\\')
  if (/\\|[/]{2}|(?:javascript|data|https?):/i.test(bare) || /url\((?!['"]?#)/i.test(bare))
    return `${name} may refer only to #…`
  return undefined
}

async function styleFaults(file: string, text: string, from: number, to: number): Promise<Fault[]> {
  const before = faultAt(file, text, from, '')
  const inside = await cssFaults(file, text.slice(from, to))
  return inside.map((fault) => ({
    ...fault,
    line: fault.line + before.line - 1,
    column: fault.line === 1 ? fault.column + before.column - 1 : fault.column,
  }))
}

/** Where a reference stands that is neither numeric nor one of the five; -1 where none does. */
const badReference = (text: string) => text.search(/&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)/)

const plain = (text: string) =>
  text.replace(/&(?:(\w+)|#(\d+)|#x([0-9a-fA-F]+));/g, (_, name, decimal, hex) => {
    if (name) return ENTITIES[name] ?? ''
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : ''
  })
