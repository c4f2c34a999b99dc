/** Checks a brand's script by its syntax. It is compiled and never run. */
import { Script } from 'node:vm'
import { messageOf } from '../errors.ts'
import { type Fault, faultAt } from './fault.ts'

/** Every fault of a script. @param file as the message names it */
export function scriptFaults(file: string, text: string): Fault[] {
  const markup = /<\/?script\b|<!--/i.exec(text)
  if (markup) return [faultAt(file, text, markup.index, `${markup[0]} does not belong in a script`)]
  try {
    new Script(text, { filename: file })
    return []
  } catch (error) {
    // The stack begins with `file:line`, the line itself, and a caret below the place.
    const [place = '', , caret = ''] = String((error as Error).stack).split('\n')
    const line = Number(/:(\d+)$/.exec(place)?.[1] ?? 1)
    return [{ file, line, column: Math.max(caret.indexOf('^'), 0) + 1, message: messageOf(error) }]
  }
}
