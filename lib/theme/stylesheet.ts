/** Checks a style sheet: that it is one, and that it can neither ask another host nor end the element that holds it. */
import { messageOf } from '../errors.ts'
import { type Fault, faultAt } from './fault.ts'
import { scan, type Word } from './tokens.ts'

/** Bytes of one data: URL. */
const LARGEST_DATA = 16 * 1024
/** What would be read as another host: a scheme, or two slashes of whichever kind, after what browsers skip. */
const ELSEWHERE = /^(?:[a-z][a-z0-9+.-]*:|[/\\]{2})/i
/** The same in a mere string, where `Note: …` is a text. */
const ELSEWHERE_TEXT = /^(?:(?:data|https?|wss?|ftp|file|blob|javascript):|[a-z+.-]*:?[/\\]{2})/i
const DATA = /^data:(image|font)\//i

/** Every fault of a style sheet. @param file as the message names it */
export async function cssFaults(file: string, text: string): Promise<Fault[]> {
  const { words, open } = scan(text)
  const at = (offset: number, message: string) => faultAt(file, text, offset, message)
  const markup = /<\/?(?:style|script)\b|<!--|-->/i.exec(text)
  const faults = [
    ...open.map(({ what, offset }) => at(offset, `${what} has no counterpart`)),
    ...words.flatMap((word) => wordFaults(word).map((message) => at(word.offset, message))),
    ...(markup ? [at(markup.index, `${markup[0]} does not belong in a style sheet`)] : []),
  ]
  return faults.length > 0 ? faults.sort((a, b) => a.line - b.line || a.column - b.column) : syntaxFaults(file, text)
}

/** Also a mere string is held to that: image-set() and a custom property take one for a URL. */
function wordFaults({ kind, value }: Word): string[] {
  if (kind === 'import')
    return [
      value === '@charset'
        ? '@charset: a style sheet is UTF-8'
        : '@import: a brand has its three style sheets and no other',
    ]
  const url = [...value].filter((sign) => sign > ' ').join('') // browsers drop what is invisible
  const shown = url.length > 60 ? `${url.slice(0, 60)}…` : url
  if (DATA.test(url)) {
    return url.length > LARGEST_DATA ? [`a data: URL of ${url.length} bytes; at most ${LARGEST_DATA}`] : []
  }
  if ((kind === 'url' ? ELSEWHERE : ELSEWHERE_TEXT).test(url)) return [`${shown} leads to another host`]
  const here = /^(?:#|\/(?:assets|files)\/)/.test(url)
  return kind === 'url' && !here ? [`url(${shown}) is nothing that is published: /assets/…, /files/…, #… or data:`] : []
}

async function syntaxFaults(file: string, text: string): Promise<Fault[]> {
  const { transform } = await import('lightningcss')
  try {
    transform({ filename: file, code: Buffer.from(text), errorRecovery: false })
    return text.replace(/\/\*[\s\S]*?\*\//g, '').trim() === '' ? [faultAt(file, text, 0, 'it holds no rule')] : []
  } catch (error) {
    const { loc } = error as { loc?: { line: number; column: number } }
    return [{ file, line: loc?.line ?? 1, column: loc?.column ?? 1, message: messageOf(error) }]
  }
}
