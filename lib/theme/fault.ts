/** A fault in a brand's file, with the place where an editor finds it. */

export interface Fault {
  file: string
  /** From 1. */
  line: number
  /** From 1. */
  column: number
  message: string
}

/** `theme.css:3:14: …`. */
export const renderFault = ({ file, line, column, message }: Fault) => `${file}:${line}:${column}: ${message}`

/** The fault at a position of a text. */
export function faultAt(file: string, text: string, offset: number, message: string): Fault {
  const before = text.slice(0, offset).split('\n')
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message }
}
