/** Reads the declarations of a style sheet: plain rules and @media, as our themes and Frappe's sheets have them. */

export interface Declaration {
  /** The rule's selectors, each as `plain` writes it. */
  selectors: readonly string[]
  /** The condition of the @media around it; empty where there is none. */
  media: string
  property: string
  value: string
  /** Where it begins in the text. */
  offset: number
}

/** A selector in one spelling: single spaces, quoted attributes. */
export function plain(selector: string): string {
  return selector
    .replace(/\s+/g, ' ')
    .replace(/\[([\w-]+)([~|^$*]?=)["']?([^"'\]]*)["']?\]/g, '[$1$2"$3"]')
    .trim()
}

/** The parts of a text between commas that stand in no bracket and no string. */
function commas(text: string): string[] {
  const parts = text.match(/(?:[^,("'[]|"[^"]*"|'[^']*'|\[[^\]]*\]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))+/g) ?? []
  return parts.map((part) => part.trim())
}

/** One piece of a sheet: a string, a bracket with all that is in it, or a sign that ends something. */
const PIECES = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\((?:[^()"']|"[^"]*"|'[^']*'|\([^()]*\))*\)|[{};]|[^"'({};]+|./gs

/** Every declaration, in order. Pure. Whether the sheet is valid at all is for a real parser to say. */
export function declarations(text: string): Declaration[] {
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
  const found: Declaration[] = []
  const blocks: string[] = []
  let piece = ''
  let start = 0
  for (const match of bare.matchAll(PIECES)) {
    const [sign] = match
    if (!/^[{};]$/.test(sign)) {
      if (piece.trim() === '') start = match.index + (/^\s*/.exec(sign)?.[0].length ?? 0)
      piece += sign
      continue
    }
    if (sign === '{') blocks.push(piece.trim())
    else found.push(...declaration(piece, start, blocks))
    if (sign === '}') blocks.pop()
    piece = ''
  }
  return found
}

function declaration(piece: string, offset: number, blocks: readonly string[]): Declaration[] {
  const [, property, value] = /^\s*([\w-]+)\s*:([\s\S]*)$/.exec(piece) ?? []
  const rule = blocks.at(-1)
  if (!property || value === undefined || !rule || rule.startsWith('@')) return []
  const media = blocks.filter((block) => block.startsWith('@media')).map((block) => block.slice(6).trim())
  const spoken = value.replace(/\s*!important\s*$/, '').trim()
  return [{ selectors: commas(rule).map(plain), media: media.join(' and '), property, value: spoken, offset }]
}

/** A selector's weight, higher wins; close enough for the selectors that a pair names. */
export function weight(selector: string): number {
  const bare = selector.replace(/"[^"]*"/g, '').replace(/::[\w-]+/g, ' e ')
  const count = (pattern: RegExp) => bare.match(pattern)?.length ?? 0
  return (
    count(/#[\w-]+/g) * 10_000 +
    count(/\.[\w-]+|\[|:(?!is\b|has\b|not\b|where\b)[\w-]+/g) * 100 +
    count(/(?:^|[\s>+~(])[a-z][\w-]*/g)
  )
}
