/**
 * The words of a style sheet that may name something outside it, with their places: strings and url()s with their escapes
 * undone, as CSS Syntax Level 3 reads them. A parser tells them only where it knows the property; a custom property may
 * hold one that another rule then uses.
 */

export interface Word {
  kind: 'string' | 'url' | 'import'
  /** Escapes are undone. */
  value: string
  /** Where it begins. */
  offset: number
}

export interface Scan {
  words: Word[]
  /** What was opened and never closed, or closed and never opened: a parser forgives that at the end of a file. */
  open: Opened[]
}

const CLOSES: Record<string, string> = { '{': '}', '(': ')', '[': ']' }
const IDENT = /[@#]?(?:[\w\u0080-\u{10ffff}-]|\\[0-9a-f]{1,6}[ \t\n\f]?|\\[^\n])+/iuy
const ESCAPE = /\\(?:([0-9a-f]{1,6})[ \t\n\f]?|([\s\S]))/gi

/** Undo escapes: `\75rl` is `url`. */
function plain(text: string): string {
  return text.replace(ESCAPE, (_, hex: string | undefined, other: string | undefined) => {
    if (hex === undefined) return other === '\n' ? '' : (other ?? '')
    const code = Number.parseInt(hex, 16)
    return code === 0 || code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code)
  })
}

/** Read a style sheet's words, and whether everything that opens also closes. */
export function scan(text: string): Scan {
  const found: Scan = { words: [], open: [] }
  const nesting: Opened[] = []
  for (let at = 0; at < text.length; ) {
    const [end, word, fault] = token(text, at)
    if (word) found.words.push(word)
    if (fault) found.open.push({ what: fault, offset: at })
    if (end === at + 1 && !nest({ what: text[at] ?? '', offset: at }, nesting))
      found.open.push({ what: text[at] ?? '', offset: at })
    at = end
  }
  return { ...found, open: [...found.open, ...nesting] }
}

interface Opened {
  what: string
  offset: number
}

/** False for a bracket that closes what was not opened. */
function nest(sign: Opened, nesting: Opened[]): boolean {
  if (sign.what in CLOSES) nesting.push(sign)
  if (![')', ']', '}'].includes(sign.what)) return true
  return CLOSES[nesting.pop()?.what ?? ''] === sign.what
}

type Token = [end: number, word?: Word | undefined, fault?: string | undefined]

/** The token that begins here; anything without interest to us is one character long. */
function token(text: string, at: number): Token {
  if (text.startsWith('/*', at)) {
    const end = text.indexOf('*/', at + 2)
    return end < 0 ? [text.length, undefined, '/*'] : [end + 2]
  }
  if (text[at] === '"' || text[at] === "'") return quoted(text, at, 'string')
  IDENT.lastIndex = at
  const ident = IDENT.exec(text)?.[0]
  if (ident === undefined) return [at + 1]
  const end = at + ident.length
  const name = plain(ident).toLowerCase()
  if (name === '@import' || name === '@charset') return [end, { kind: 'import', value: name, offset: at }]
  return name === 'url' && text[end] === '(' ? url(text, at, end + 1) : [end]
}

function quoted(text: string, at: number, kind: Word['kind']): Token {
  let end = at + 1
  while (end < text.length && text[end] !== text[at] && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1
  if (text[end] !== text[at]) return [end, undefined, text[at]]
  return [end + 1, { kind, value: plain(text.slice(at + 1, end)), offset: at }]
}

/** `url(` has been read; what follows is a string, or everything up to the bracket. */
function url(text: string, at: number, from: number): Token {
  const start = from + (/^\s*/.exec(text.slice(from))?.[0].length ?? 0)
  if (text[start] === '"' || text[start] === "'") {
    const [end, word, fault] = quoted(text, start, 'url')
    const close = /^\s*\)/.exec(text.slice(end))?.[0].length
    return [end + (close ?? 0), word && { ...word, offset: at }, close === undefined ? 'url(' : fault]
  }
  let end = start
  while (end < text.length && text[end] !== ')') end += text[end] === '\\' ? 2 : 1
  if (end >= text.length) return [text.length, undefined, 'url(']
  return [end + 1, { kind: 'url', value: plain(text.slice(start, end)).trim(), offset: at }]
}
