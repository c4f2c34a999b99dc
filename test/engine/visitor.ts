/** What a client on the network sees of a stack's public hosts: Node for TLS, curl in a container for a client address. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect, type PeerCertificate } from 'node:tls'
import { docker, type TestStack } from './harness.ts'

export interface Seen {
  status: number
  headers: Record<string, string | string[] | undefined>
  /** Names of headers as often as they were sent. */
  names: string[]
  body: string
}

interface Question {
  headers?: Record<string, string>
  method?: string
  body?: string
}

/** The port on loopback where Traefik's https is published. */
export const httpsPort = (stack: TestStack) =>
  Number(docker('port', stack.container('core-traefik'), '443').split(':').at(-1))
const authority = (stack: TestStack) => readFileSync(stack.env.ACME_CA_CERTIFICATE ?? '')

/** Ask a host through the edge; its certificate must be the authority's, or the promise is rejected. */
export function ask(stack: TestStack, host: string, path: string, question: Question = {}): Promise<Seen> {
  const { headers = {}, method = 'GET', body } = question
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: httpsPort(stack), servername: host, path, method, ca: authority(stack) }
    const call = request(
      { ...options, headers: { Host: host, ...headers }, agent: false, timeout: 10_000 },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (data) => {
          text += data
        })
        answer.on('end', () => {
          const names = answer.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, names, body: text })
        })
      },
    )
    call.on('timeout', () => call.destroy(new Error('no answer in 10 s')))
    call.on('error', reject)
    call.end(body)
  })
}

/** The certificate of a host, trusted or not; the error of the handshake where there is none. */
export function certificateOf(stack: TestStack, host: string): Promise<PeerCertificate | string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port: httpsPort(stack), servername: host, rejectUnauthorized: false }
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

/** A client with an address of its own, in the public network beside Traefik. */
export interface Client {
  address: string
  /** Of its first process, on this machine: its network namespace. */
  pid: number
  /** curl a host through Traefik; the status and the body. */
  curl(host: string, path: string, ...options: string[]): { status: number; body: string }
  leave(): void
}

/** Traefik's address in the public network. */
export const edgeAddress = (stack: TestStack) => `${stack.env.REHEARSAL_SUBNET}.2`

export function makeClient(stack: TestStack, name: string): Client {
  const container = stack.container(`client-${name}`)
  const network = `${stack.prefix}edge-public`
  const image = stack.env.ERPNEXT_IMAGE ?? ''
  docker(
    'run',
    '--detach',
    '--rm',
    '--init',
    '--name',
    container,
    '--network',
    network,
    '--entrypoint',
    'sleep',
    image,
    'infinity',
  )
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  return {
    address: docker('inspect', '--format', format, container),
    pid: Number(docker('inspect', '--format', '{{.State.Pid}}', container)),
    curl: (host, path, ...options) => {
      const resolve = ['--resolve', `${host}:443:${edgeAddress(stack)}`]
      const args = ['exec', container, 'curl', '-sk', '-m', '10', '-w', '\n%{http_code}', ...resolve, ...options]
      const { stdout } = spawnSync('docker', [...args, `https://${host}${path}`], { encoding: 'utf8' })
      const lines = stdout.split('\n')
      return { status: Number(lines.at(-1)), body: lines.slice(0, -1).join('\n') }
    },
    leave: () => void docker('rm', '--force', container),
  }
}
