/** Asks a public host through the edge itself: connected to the published port by address, with the host as SNI. */
import { Agent } from 'node:https'
import { connect, type PeerCertificate, rootCertificates } from 'node:tls'
import type { Container } from '../containers.ts'
import { type Answer, get } from '../http.ts'
import type { Unit } from '../registry.ts'
import { edgeSettings } from './settings.ts'

/** Where Traefik's ports are published on this machine. */
export interface Edge {
  address: string
  http: number
  https: number
  /** PEM certificates that are trusted besides the public ones. */
  ca: string
}

/** The published ports of Traefik, where it runs. */
export function edgeOf(core: Unit, containers: Container[]): Edge | undefined {
  const traefik = containers.find(({ service }) => service === core.service('traefik'))
  const http = traefik?.ports['80/tcp']
  const https = traefik?.ports['443/tcp']
  if (!http || !https) return undefined
  const everywhere = ['', '0.0.0.0', '::'].includes(https.address)
  const address = everywhere ? '127.0.0.1' : https.address
  return { address, http: http.port, https: https.port, ca: edgeSettings(core.settings).ca }
}

/** A browser at one host: it keeps its connections, and trusts what a browser trusts and the private CA. */
export interface Visitor {
  get(
    path: string,
    options?: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string },
  ): Promise<Answer>
  /** Plain http. */
  getPlain(path: string): Promise<Answer>
  leave(): void
}

/** @param timeout seconds for each request */
export function visit(edge: Edge, host: string, timeout: number): Visitor {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 4,
    servername: host,
    host: edge.address,
    port: edge.https,
    ca: trusted(edge),
    lookup: (_name, options, done) => {
      if (options.all) done(null, [{ address: edge.address, family: 4 }])
      else done(null, edge.address, 4)
    },
  })
  return {
    get: (path, options = {}) =>
      get(`https://${host}:${edge.https}${path}`, {
        ...options,
        headers: { Host: host, ...options.headers },
        timeout,
        agent,
      }),
    getPlain: (path) => get(`http://${edge.address}:${edge.http}${path}`, { headers: { Host: host }, timeout }),
    leave: () => agent.destroy(),
  }
}

const trusted = ({ ca }: Edge) => (ca === '' ? undefined : [...rootCertificates, ca])

/** What a TLS handshake with a host showed. */
export interface Handshake {
  /** Empty where there was none. */
  certificate?: PeerCertificate
  /** Why the certificate is not to be trusted. */
  distrust?: string
  /** Why there was no handshake. */
  error?: string
}

/** Shake hands with a host at the edge; a certificate that is not trusted is told, not refused. @param timeout seconds */
export function shakeHands(edge: Edge, host: string, timeout: number): Promise<Handshake> {
  const { address, https } = edge
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port: https,
      servername: host,
      ca: trusted(edge),
      rejectUnauthorized: false,
    })
    const end = (handshake: Handshake) => {
      socket.destroy()
      resolve(handshake)
    }
    socket.setTimeout(timeout * 1000, () => end({ error: `no handshake in ${timeout} s` }))
    socket.on('error', (error: NodeJS.ErrnoException) => end({ error: error.code ?? error.message }))
    socket.on('secureConnect', () => {
      const { authorizationError } = socket
      const distrust =
        authorizationError &&
        String(authorizationError instanceof Error ? authorizationError.message : authorizationError)
      end({ certificate: socket.getPeerCertificate(), ...(distrust && { distrust }) })
    })
  })
}
