/** What a check is: a name, a finding with its figure, limit and remedy, and a time limit that it cannot exceed. */
import type { StatsFs } from 'node:fs'
import { messageOf, OperatorError } from '../errors.ts'
import type { Figure } from './metrics.ts'

export type State = 'ok' | 'warn' | 'fail'

/** What one check found. */
export interface Finding {
  /** Which part of the tenant: `db`, `worker`, `site`. */
  part: string
  /** What was looked at: `connect`, `oldest job`. */
  check: string
  state: State
  /** The figure, as a person reads it. */
  is: string
  /** The limit it is held against. */
  limit?: string
  /** The next command to type. */
  remedy?: string
  /** The figure for `--metrics`, in the unit of its name. */
  value?: Figure
}

/** A probe yields its findings, and whatever it cannot find out is a failure of its own. */
export interface Probe {
  part: string
  check: string
  /** The next command where the failure does not name its own. */
  remedy: string
  /** Seconds. */
  limit: number
  run(): Promise<Finding[]>
}

/**
 * Run probes side by side. A probe that throws, or does not end within its limit, is a failed finding: what could not be
 * asked is never taken for good.
 */
export async function runProbes(probes: Probe[]): Promise<Finding[]> {
  const findings = await Promise.all(probes.map(runProbe))
  return findings.flat()
}

async function runProbe({ part, check, remedy, limit, run }: Probe): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${limit} s`)), limit * 1000)
  })
  try {
    return await Promise.race([run(), late])
  } catch (error) {
    const known = error instanceof OperatorError ? error.hint : undefined
    return [{ part, check, state: 'fail', is: messageOf(error), remedy: known ?? remedy }]
  } finally {
    clearTimeout(timer)
  }
}

/** Shares of a disk. */
export const DISK = { warn: 0.75, fail: 0.85 }

/** How much of a file system is used, as df counts: what is reserved for root is neither used nor free. */
export const usedShare = ({ bavail, bfree, blocks }: StatsFs): number => (blocks - bfree) / (blocks - bfree + bavail)

/** Hold a number against two limits, each reached at the limit itself. What is no number was not measured: a failure. */
export function grade(value: number, warnFrom: number, failFrom: number): State {
  if (!(value < failFrom)) return 'fail'
  return value >= warnFrom ? 'warn' : 'ok'
}

/** The worst of some findings. */
export function worst(findings: Finding[]): State {
  if (findings.some(({ state }) => state === 'fail')) return 'fail'
  return findings.some(({ state }) => state === 'warn') ? 'warn' : 'ok'
}
