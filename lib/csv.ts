/** Reads comma-separated values as RFC 4180 has them: quoted fields may hold commas, doubled quotes and line ends. */

/** A row, and the line on which it begins. */
export interface CsvRow {
  line: number
  cells: string[]
}

const CELL = /("(?:[^"]|"")*"|[^,"\n]*)(,|\n|$)/gy
const linesIn = (text: string) => text.split('\n').length

/**
 * The rows of a text; empty lines are none.
 * @throws SyntaxError that names the line of a quote that is not closed, or stands inside a bare field
 */
export function parseCsv(text: string): CsvRow[] {
  const plain = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  const rows: CsvRow[] = []
  let cells: string[] = []
  let read = 0
  for (const { index, 0: whole, 1: value = '', 2: end } of plain.matchAll(CELL)) {
    if (cells.length === 0) rows.push({ line: linesIn(plain.slice(0, index)), cells })
    cells.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value)
    read = index + whole.length
    if (end !== ',') cells = []
  }
  if (read < plain.length)
    throw new SyntaxError(`line ${linesIn(plain.slice(0, read))}: a quote is not closed, or stands inside a field`)
  return rows.filter((row) => row.cells.some((cell) => cell.trim() !== ''))
}
