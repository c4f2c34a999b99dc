/** Asks public hosts through the edge until they answer, and says of each that does not whether a certificate is all it lacks. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../http.ts'
import type { Unit } from '../registry.ts'
import { judgeCertificate } from './certificate.ts'
import { checkDns, type DnsVerdict } from './dns.ts'
import { type Edge, shakeHands, visit } from './hosts.ts'
import { edgeSettings } from './settings.ts'

/** Seconds: an order at Let's Encrypt takes a few, and nginx may just have been started. */
const PATIENCE = 30
const LIMIT = 5

/** A host that does not answer as it should. */
export interface Silent {
  host: string
  lacks: 'certificate' | 'answer'
  is: string
}

/** What DNS says of these hosts where that is not well, before Let's Encrypt's limits are spent. */
export async function dnsTroubles(hosts: string[], { settings }: Unit): Promise<(DnsVerdict & { host: string })[]> {
  const edge = edgeSettings(settings)
  const verdicts = await Promise.all(hosts.map(async (host) => ({ host, ...(await checkDns(host, edge)) })))
  return verdicts.filter(({ state }) => state !== 'ok')
}

/** The same as lines for the operator, each with the record to set. */
export async function dnsWarnings(hosts: string[], core: Unit): Promise<string[]> {
  const lines = (await dnsTroubles(hosts, core)).map(({ host, is, remedy }) => `${host}: ${is}: ${remedy}`)
  return edgeSettings(core.settings).serverIp ? lines : ['SERVER_IP is not set in .env: DNS was not compared']
}

/** A host, and what shows that its service answers through Traefik. */
export interface Asked {
  host: string
  path: string
  /** What the body holds; nothing where any answer but Traefik's own 404 and 50x will do. */
  says?: string
  /** With which status it says that; 200 where nothing is said. */
  status?: number
}

/** Ask hosts until they answer or time is up. Those whose DNS leads elsewhere get no certificate: no wait. */
export async function proveHosts(hosts: Asked[], edge: Edge, wait: boolean): Promise<Silent[]> {
  const end = Date.now() + (wait ? PATIENCE * 1000 : 0)
  for (;;) {
    const answers = await Promise.all(hosts.map((asked) => silence(asked, edge)))
    const silent = answers.filter((answer) => answer !== undefined)
    if (silent.length === 0 || Date.now() > end) return silent
    await sleep(500)
  }
}

async function silence(asked: Asked, edge: Edge): Promise<Silent | undefined> {
  const { host, path } = asked
  const verdict = judgeCertificate(host, await shakeHands(edge, host, LIMIT))
  if (verdict.none) return { host, lacks: 'certificate', is: verdict.is }
  const visitor = visit(edge, host, LIMIT)
  const answer = await visitor.get(path).finally(visitor.leave)
  if (isProof(asked, answer)) return undefined
  return { host, lacks: 'answer', is: answer.error ?? `HTTP ${answer.status}` }
}

/** Whether an answer shows that what stands behind a host works. Pure. */
export function isProof({ says, status: right = 200 }: Asked, { status, body }: Answer): boolean {
  const well = says === undefined ? status >= 200 && status < 500 && status !== 404 : status === right
  return well && body.includes(says ?? '')
}
