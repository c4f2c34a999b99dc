/** Compares what DNS says of a host with this server's addresses, and names the very record to set. */
import { Resolver } from 'node:dns/promises'
import { type EdgeSettings, isDnsServer } from './settings.ts'

/** What DNS answered for one kind of record: addresses, or why there are none. */
export interface Records {
  addresses: string[]
  /** `ENOTFOUND`, `ENODATA`, `ETIMEOUT` … */
  error?: string
}

export interface DnsVerdict {
  state: 'ok' | 'warn' | 'fail'
  is: string
  remedy?: string
}

type Addresses = Pick<EdgeSettings, 'serverIp'>

/** Milliseconds for both questions: silent name servers are asked one after the other, each for longer. */
const LIMIT = 3000

/** Ask for a host's A and AAAA records, and judge them. At most 3 s. */
export async function checkDns(host: string, settings: EdgeSettings): Promise<DnsVerdict> {
  if (!settings.serverIp) return judgeDns(host, { addresses: [] }, { addresses: [] }, settings)
  const resolver = new Resolver({ timeout: 1500, tries: 2 })
  if (settings.dnsServer && !isDnsServer(settings.dnsServer))
    return { state: 'warn', is: 'not compared: DNS_SERVER is no address', remedy: 'correct DNS_SERVER in .env' }
  if (settings.dnsServer) resolver.setServers([settings.dnsServer])
  const ask = (question: Promise<string[]>): Promise<Records> =>
    question.then(
      (addresses) => ({ addresses }),
      ({ code, message }: NodeJS.ErrnoException) => ({
        addresses: [],
        error: code === 'ECANCELLED' ? 'ETIMEOUT' : (code ?? message),
      }),
    )
  const limit = setTimeout(() => resolver.cancel(), LIMIT)
  const [a, aaaa] = await Promise.all([ask(resolver.resolve4(host)), ask(resolver.resolve6(host))])
  clearTimeout(limit)
  return judgeDns(host, a, aaaa, settings)
}

const NONE = ['ENOTFOUND', 'ENODATA']

/**
 * Pure, so that a test can show each case. No AAAA record may be there: Docker hands an IPv6 client on from its bridge's own
 * address, so that all of them would be one client to the limits on logins.
 */
export function judgeDns(host: string, a: Records, aaaa: Records, { serverIp }: Addresses): DnsVerdict {
  if (!serverIp) return { state: 'warn', is: 'not compared: SERVER_IP is not set', remedy: 'set SERVER_IP in .env' }
  const unasked = ({ error }: Records) => error !== undefined && !NONE.includes(error)
  const mute = ({ error }: Records): DnsVerdict => ({
    state: 'warn',
    is: `cannot be asked: ${error}`,
    remedy: 'see /etc/resolv.conf, or DNS_SERVER in .env',
  })
  if (unasked(a)) return mute(a)
  const set = `set ${host}. A ${serverIp}`
  if (a.addresses.length === 0) return { state: 'fail', is: 'DNS has no A record', remedy: set }
  if (a.addresses.some((address) => address !== serverIp)) {
    return { state: 'fail', is: `DNS says ${a.addresses.join(', ')}, this host is ${serverIp}`, remedy: set }
  }
  if (aaaa.addresses.length > 0) {
    const is = `DNS says ${aaaa.addresses.join(', ')}: nobody answers there by IPv6`
    return { state: 'fail', is, remedy: `remove ${host}. AAAA` }
  }
  return unasked(aaaa) ? mute(aaaa) : { state: 'ok', is: a.addresses.join(', ') }
}
