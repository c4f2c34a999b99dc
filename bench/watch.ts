/** What a piece of work costs the machine: processor time of everything, and the memory of the processes that it started. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Cost {
  seconds: number
  /** Processor seconds of the whole machine, idle apart: nothing else should run. */
  cpu: number
  /** Peak of the memory of all processes that began meanwhile, what they share counted once, database servers apart, in MiB. */
  memory: number
}

const PERIOD = 200
/** Jiffies a second, as Linux shows them to programs. */
const HERTZ = 100

/** Do the work and say what it cost. */
export async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const before = new Set(pids())
  let memory = 0
  const timer = setInterval(() => {
    const own = pids().filter((pid) => !before.has(pid))
    memory = Math.max(
      memory,
      own.reduce((sum, pid) => sum + memoryMiB(pid), 0),
    )
  }, PERIOD)
  const [begun, busy] = [performance.now(), busyJiffies()]
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  const seconds = (performance.now() - begun) / 1000
  return { seconds, cpu: (busyJiffies() - busy) / HERTZ, memory }
}

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name))

/** Its proportional set size. The server that a proof boots is measured apart by design; it has a limit of its own. */
function memoryMiB(pid: string): number {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'mariadbd') return 0
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0 // it ended meanwhile
  }
}

/** user, nice, system, irq, softirq: all but idle, iowait and what guests count twice. */
function busyJiffies(): number {
  const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/) ?? []
  return [0, 1, 2, 5, 6].reduce((sum, index) => sum + Number(fields[index] ?? 0), 0)
}
