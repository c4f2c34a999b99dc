/** Times things side by side: one of each in every round, so that a machine's mood meets all of them alike. */

/** What a suite found about one thing. `--json` prints the first five fields; docs/benchmarks.md describes them. */
export interface Row {
  name: string
  /** Medians, in `unit`. */
  ours: number
  reference: number
  /** ours / reference. */
  ratio: number
  unit: 's' | 'ms' | 'MiB' | '1/s'
  /** What `reference` is, for the table. */
  against: string
  /** The ratio that is not to be exceeded. */
  goal?: number
}

/** Does its work once and returns how long it took, in seconds. */
type Sample = () => Promise<number>

/**
 * Take `rounds` samples of each, after one that does not count. Each round begins with another one of them, so that
 * none always has the warm place behind the same neighbour.
 * @returns the medians by name, in seconds
 */
export async function interleave<Name extends string>(
  rounds: number,
  samples: Record<Name, Sample>,
  say: (line: string) => void,
): Promise<Record<Name, number>> {
  const names = Object.keys(samples) as Name[]
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const name of rotate(names, round)) {
      const seconds = await samples[name]()
      if (round > 0) taken.get(name)?.push(seconds)
    }
    if (round > 0) say(`  round ${round} of ${rounds}`)
  }
  return Object.fromEntries(names.map((name) => [name, median(taken.get(name) ?? [])])) as Record<Name, number>
}

const rotate = <T>(list: T[], by: number): T[] => list.map((_, index) => list[(index + by) % list.length] as T)

/** The middle of some numbers; of two middles, their mean. */
export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** A row from two figures, in seconds or in MiB. */
export function makeRow(
  figures: { name: string; ours: number; reference: number; against: string; goal?: number },
  unit: Row['unit'] = 's',
): Row {
  const factor = unit === 'ms' ? 1000 : 1
  const digits = unit === 's' ? 3 : unit === 'ms' ? 0 : 1
  const ours = round(figures.ours * factor, digits)
  const reference = round(figures.reference * factor, digits)
  return { ...figures, ours, reference, ratio: round(figures.ours / figures.reference, 3), unit }
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))
