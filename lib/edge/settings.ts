/** What an operator decides about the edge in `.env`: read and checked, every fault at once. */

import { Resolver } from 'node:dns'
import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { resolve } from 'node:path'
import { preconditionError } from '../errors.ts'
import { HOST, type Tenant } from '../registry.ts'
import type { Settings } from '../settings.ts'
import { coreHosts } from './holders.ts'

/** Let's Encrypt's own, when nothing else is said. */
export const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory'

export interface EdgeSettings {
  email: string
  caServer: string
  /** PEM certificates of a private CA; empty for a public one. */
  ca: string
  /** The operator's own domain, below which core's services have their hosts; core is Traefik alone without it. */
  domain: string | undefined
  /** Where the hosts should lead. */
  serverIp: string | undefined
  /** The name server that DNS is asked of; the machine's own where nothing is said. */
  dnsServer: string | undefined
}

/** Read what concerns the edge. A private CA's file that cannot be read is empty here; edgeSettingFaults says so. */
export function edgeSettings({ env, root }: Settings): EdgeSettings {
  return {
    email: env.ACME_EMAIL ?? '',
    caServer: env.ACME_CA_SERVER || LETS_ENCRYPT,
    ca: env.ACME_CA_CERTIFICATE ? readText(resolve(root, env.ACME_CA_CERTIFICATE)) : '',
    domain: env.CORE_DOMAIN || undefined,
    serverIp: env.SERVER_IP || undefined,
    dnsServer: env.DNS_SERVER || undefined,
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** The variable of a tenant's edge network, or of core's: the first three numbers of its addresses. */
export const subnetVariable = ({ name }: Pick<Tenant, 'name'>) =>
  `EDGE_SUBNET_${name.toUpperCase().replaceAll('-', '_')}`

/** Every fault of these settings, each with its variable. Pure but for the CA's file. */
export function edgeSettingFaults(settings: Settings, registry: readonly Tenant[]): string[] {
  const { env } = settings
  const { email, caServer, ca, domain, serverIp, dnsServer } = edgeSettings(settings)
  const isMail = /^[^\s@|&]+@[^\s@|&]+\.[^\s@|&]+$/.test(email)
  const subnets = [{ name: 'core' }, ...registry].map((tenant) => ({
    name: subnetVariable(tenant),
    value: env[subnetVariable(tenant)],
  }))
  const given = subnets.filter(({ value }) => value)
  return [
    ...(email === '' && caServer === LETS_ENCRYPT ? ["ACME_EMAIL is missing: Let's Encrypt warns there"] : []),
    ...(email !== '' && !isMail ? ['ACME_EMAIL is no mail address'] : []),
    ...(/^https:\/\/[^\s|&]+$/.test(caServer) ? [] : ['ACME_CA_SERVER must be an https URL']),
    ...(env.ACME_CA_CERTIFICATE && !ca.includes('BEGIN CERTIFICATE')
      ? [`ACME_CA_CERTIFICATE: ${env.ACME_CA_CERTIFICATE} holds no PEM certificate`]
      : []),
    ...(domain === undefined || HOST.test(domain) ? [] : ['CORE_DOMAIN must be a domain in lower case']),
    ...coreHosts(domain)
      .filter((host) => registry.some(({ site, posHost }) => [site, posHost].includes(host)))
      .map((host) => `CORE_DOMAIN makes ${host} core's, but it is a tenant's`),
    ...(serverIp === undefined || isIPv4(serverIp) ? [] : ['SERVER_IP must be an IPv4 address']),
    ...(dnsServer === undefined || isDnsServer(dnsServer)
      ? []
      : ['DNS_SERVER must be an address, or an address, a colon and a port']),
    ...['HTTP_PORT', 'HTTPS_PORT']
      .filter((name) => env[name] && !isPort(env[name]))
      .map((name) => `${name} ${PORT_FORM}`),
    ...given.filter(({ value = '' }) => !isIPv4(`${value}.0`)).map(({ name }) => `${name} ${SUBNET_FORM}`),
    ...given
      .filter(({ value }, index) => given.findIndex((other) => other.value === value) < index)
      .map(({ name }) => `${name} is another network's too`),
  ]
}

/** Whether Node can ask it: an address, `address:port` or `[address]:port`. */
export function isDnsServer(text: string): boolean {
  try {
    new Resolver().setServers([text])
    return true
  } catch {
    return false
  }
}

const PORT_FORM = 'must be a port, or an address, a colon and a port'
const SUBNET_FORM = 'must be the first three numbers of a network, such as 10.213.2'

function isPort(text = ''): boolean {
  const { address, port } = parsePort(text)
  return (address === undefined || isIPv4(address)) && Number.isInteger(port) && port >= 0 && port < 65_536
}

/** HTTP_PORT and HTTPS_PORT as Compose reads them: `443`, or `192.0.2.7:443`. Port 0 is any that is free. */
export function parsePort(text: string): { address: string | undefined; port: number } {
  const [port = '', address] = text.split(':').reverse()
  return { address, port: /^\d{1,5}$/.test(port) ? Number(port) : Number.NaN }
}

/** @throws OperatorError (3) */
export function verifyEdgeSettings(settings: Settings, registry: readonly Tenant[]): void {
  const faults = edgeSettingFaults(settings, registry)
  if (faults.length > 0) throw preconditionError(faults.join('; '), 'correct .env; .env.example tells each of them')
}
