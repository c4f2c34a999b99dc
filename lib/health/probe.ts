/** One probe: a short-lived container in another's network namespace that tries doors and says which are open. */
import { readFile } from 'node:fs/promises'
import { dockerAsk, lastLines } from '../docker.ts'
import type { Door, Listener } from './doors.ts'

/** Seconds for each hundred doors: a connection on one machine takes less than a millisecond. */
const PATIENCE = 2
/** Seconds for everything, the start of the container included. */
const LIMIT = 30

/**
 * Tries `number host port` from stdin, a hundred side by side, and prints `open number`; at the end how many it tried.
 * bash alone: every image that has it can be the probe.
 */
const PROGRAM = `
jobs=() tried=0
settle() {
  { sleep "$1"; kill "\${jobs[@]}"; } 2>/dev/null &
  local watch=$!
  wait "\${jobs[@]}"
  kill "$watch"
  jobs=()
}
while read -r number host port; do
  { exec 3<>"/dev/tcp/$host/$port" && echo "open $number"; } 2>/dev/null &
  jobs+=($!) tried=$((tried + 1))
  ((\${#jobs[@]} < 100)) || settle "$1"
done
((\${#jobs[@]} == 0)) || settle "$1"
echo "tried $tried"
`

/** The command that runs it: nothing of the container but its network, nothing to write to, no privilege. */
export function probeArgs(container: string, image: string, project: string): string[] {
  return [
    ...['run', '--rm', '--interactive', '--init', '--pull', 'never', '--network', `container:${container}`],
    ...['--read-only', '--tmpfs', '/var/lib/mysql', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--user', '65534:65534', '--memory', '128m', '--cpus', '1', '--pids-limit', '400', '--log-driver', 'none'],
    ...['--label', `erp.probe=${project}`, '--entrypoint', 'bash', image, '-c', PROGRAM, 'probe', String(PATIENCE)],
  ]
}

/**
 * Try doors from a container's network; returns those that are open.
 * @throws Error where the probe did not run to its end: what was not tried is never taken for shut.
 */
export async function tryDoors(container: string, image: string, project: string, doors: Door[]): Promise<Door[]> {
  if (doors.length === 0) return []
  const input = doors.map(({ host, port }, number) => `${number} ${host} ${port}\n`).join('')
  const { stdout, stderr, code, timedOut } = await dockerAsk(probeArgs(container, image, project), {
    input,
    timeout: LIMIT,
    nothrow: true,
  })
  if (timedOut) throw new Error(`no end within ${LIMIT} s`)
  const tried = Number(/^tried (\d+)$/m.exec(stdout)?.[1] ?? -1)
  if (code !== 0 || tried !== doors.length) throw new Error(lastLines(stderr, 1) || `it ended with ${code}`)
  const open = new Set([...stdout.matchAll(/^open (\d+)$/gm)].map(([, number]) => Number(number)))
  return doors.filter((_, number) => open.has(number))
}

/** Where this machine listens on TCP, its loopback excepted, as /proc tells. */
export async function readListeners(): Promise<Listener[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8')))
  return tables.flatMap((table) => table.split('\n').slice(1)).flatMap(parseListener)
}

/** `0: 0100007F:0CEA 00000000:0000 0A …`: local address and port in hexadecimal, each four bytes in the machine's order. */
export function parseListener(line: string): Listener[] {
  const [, address = '', port = '', state] = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /.exec(line) ?? []
  if (state !== '0A') return []
  const number = Number.parseInt(port, 16)
  if (/^0+$/.test(address)) return [{ address: undefined, port: number }]
  const mapped = address.length === 8 ? address : /^0{16}FFFF0000([0-9A-F]{8})$/.exec(address)?.[1]
  if (!mapped) return [] // an address of IPv6 alone: bridges have none but their own
  const bytes = (mapped.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)).reverse()
  return bytes[0] === 127 ? [] : [{ address: bytes.join('.'), port: number }]
}
