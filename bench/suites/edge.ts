/** What Traefik costs: requests through it and the frontend beside requests to the frontend alone, by wrk on this machine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAuthority } from '../../rehearsal/authority.ts'
import { prepareForBuilding, prepareHost, prepareProgram } from '../../rehearsal/host.ts'
import { buildImages } from '../../rehearsal/images.ts'
import { docker, makeStack, type Stack } from '../../rehearsal/stack.ts'
import { makeRow, median, type Row } from '../measure.ts'
import { run } from '../process.ts'
import type { Session } from '../stack.ts'

const SITE = 'erp.dickson-supplies.com'
const PREFIX = 'benchedge-'
const SECONDS = 4
const AGAINST = 'the frontend alone'

interface Load {
  perSecond: number
  /** Milliseconds. */
  p99: number
}

/** A stack with Traefik has networks of its own making, so it is made apart from the other suites'. */
export async function edge(session: Session): Promise<Row[]> {
  const { say } = session
  await prepareHost(false, say)
  await prepareForBuilding(false, say)
  await prepareProgram('wrk', false, say)
  const folder = mkdtempSync(join(tmpdir(), 'erp-bench-'))
  const home = join(folder, 'home')
  mkdirSync(home, { mode: 0o700 })
  const stack = makeStack(home, PREFIX, await buildImages(say))
  try {
    stack.remove()
    mkdirSync(home, { mode: 0o700, recursive: true })
    await mustRun(stack, 'generate-secrets')
    await startAuthority(stack, say)
    await mustRun(stack, 'deploy', 'core', 'dickson')
    return await measure(session, folder)
  } finally {
    say('Removing the containers, volumes and networks')
    stack.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function mustRun(stack: Stack, name: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await stack.script(name, args)
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`)
}

async function measure(session: Session, folder: string): Promise<Row[]> {
  const format = `{{(index .NetworkSettings.Networks "${PREFIX}dickson-edge").IPAddress}}`
  const frontend = `http://${docker('inspect', '--format', format, `${PREFIX}dickson-frontend`)}:8080`
  const port = docker('port', `${PREFIX}core-traefik`, '443').split(':').at(-1)
  const through = `https://${SITE}:${port}`
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, `127.0.0.1 localhost ${SITE}\n`) // wrk sends the name of its URL as SNI, and has no other way
  const page = await (await fetch(`${frontend}/login`)).text() // its own rate is limited by Traefik: an asset of it is not
  const paths = { ping: '/api/method/ping', asset: /"(\/assets\/[^"]+)"/.exec(page)?.[1] ?? '/login' }
  const rows: Row[] = []
  for (const [name, path] of Object.entries(paths)) {
    const ours: Load[] = []
    const alone: Load[] = []
    for (let round = 0; round < session.scale; round++) {
      for (const [base, loads] of round % 2 === 0
        ? ([
            [through, ours],
            [frontend, alone],
          ] as const)
        : ([
            [frontend, alone],
            [through, ours],
          ] as const))
        loads.push(await load(`${base}${path}`, hosts, session.signal))
      session.say(`  ${name}: round ${round + 1} of ${session.scale}`)
    }
    const middle = (loads: Load[], pick: (one: Load) => number) => median(loads.map(pick))
    const row = (what: string, pick: (one: Load) => number, unit: Row['unit']) =>
      makeRow(
        { name: `${name}, ${what}`, ours: middle(ours, pick), reference: middle(alone, pick), against: AGAINST },
        unit,
      )
    rows.push(row('requests a second', ({ perSecond }) => perSecond, '1/s'))
    rows.push(row('99th percentile', ({ p99 }) => p99 / 1000, 'ms'))
  }
  return rows
}

/** One load of eight connections, in a mount namespace where the host's name leads to loopback. */
async function load(url: string, hosts: string, signal: AbortSignal): Promise<Load> {
  const script =
    'mount --bind "$1" /etc/hosts && exec wrk --latency --threads 2 --connections 8 --duration "$2" --header "$3" "$4"'
  const host = `Host: ${SITE}`
  const { stdout } = await run(['unshare', '--mount', 'bash', '-c', script, 'bash', hosts, `${SECONDS}s`, host, url], {
    signal,
  })
  if (/Non-2xx/.test(stdout)) throw new Error(`${url}: ${stdout}`)
  const perSecond = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(stdout)?.[1])
  const [, value = '', unit = ''] = /^\s+99%\s+([\d.]+)(us|ms|s)/m.exec(stdout) ?? []
  return { perSecond, p99: Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN) }
}
