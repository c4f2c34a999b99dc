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

/** Line and column of a position of a text, from 1. */
function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

/** A position of a text as an editor finds it: `theme.css:3:14`. */
export function placeAt(file: string, text: string, offset: number): string {
  const { line, column } = lineAndColumn(text, offset)
  return `${file}:${line}:${column}`
}

/** The fault at a position of a text. */
export const faultAt = (file: string, text: string, offset: number, message: string): Fault => ({
  file,
  ...lineAndColumn(text, offset),
  message,
})
