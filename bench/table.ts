/** A suite's rows as people read them. */
import type { Row } from './measure.ts'

/** The table, with a mark where a goal is missed and what each row was held against. */
export function renderTable(rows: Row[]): string {
  const head = ['', 'ours', 'reference', 'ratio', 'goal', 'reference is']
  const body = rows.map((row) => [
    row.name,
    `${figure(row.ours, row.unit)} ${row.unit}`,
    `${figure(row.reference, row.unit)} ${row.unit}`,
    row.ratio.toFixed(2),
    verdict(row),
    row.against,
  ])
  const table = [head, ...body]
  const widths = head.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  return table
    .map((cells) =>
      cells
        .map((cell, column) => align(cell, column, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Words to the left, figures to the right. */
const align = (cell: string, column: number, width: number) =>
  column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width)

const figure = (value: number, unit: Row['unit']) => value.toFixed(unit === 'ms' ? 0 : unit === 'MiB' ? 1 : 2)

function verdict({ ratio, goal }: Row): string {
  if (goal === undefined) return ''
  return ratio <= goal ? `${goal} met` : `${goal} MISSED`
}
