/** One HTTP request with a time limit, whose failure is an answer and no exception. */
import { request } from 'node:http'
import { type Agent, request as requestTls } from 'node:https'

export interface Answer {
  /** 0 where nothing answered. */
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
  milliseconds: number
  /** Why nothing answered. */
  error?: string
}

interface Options {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
  /** Seconds. */
  timeout: number
  /** For https: where to connect, whatever DNS says, and whom to trust. */
  agent?: Agent
}

/** What an answer may have, in bytes: a tenant's own files are asked for, whatever their size. */
const LARGEST = 32 * 2 ** 20

/** GET (or POST) a URL. Redirects are not followed. */
export function get(url: string, { method = 'GET', headers = {}, body, timeout, agent }: Options): Promise<Answer> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const answer = (part: Partial<Answer>) =>
      resolve({ status: 0, headers: {}, body: '', milliseconds: performance.now() - begun, ...part })
    const limit = AbortSignal.timeout(timeout * 1000)
    const [start, by] = url.startsWith('https:') ? [requestTls, agent ?? false] : [request, false as const]
    const call = start(url, { method, headers, signal: limit, agent: by }, (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > LARGEST) response.destroy(new Error(`more than ${LARGEST / 2 ** 20} MiB`))
      })
      response.on('end', () =>
        answer({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      )
      response.on('error', (error) => answer({ error: error.message }))
    })
    call.on('error', (error: NodeJS.ErrnoException) =>
      answer({ error: limit.aborted ? `no HTTP answer in ${timeout} s` : (error.code ?? error.message) }),
    )
    call.end(body)
  })
}
