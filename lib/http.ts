/** One HTTP request with a time limit, whose failure is an answer and no exception. */
import { request } from 'node:http'

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
}

/** GET (or POST) a URL of plain HTTP. Redirects are not followed. */
export function get(url: string, { method = 'GET', headers = {}, body, timeout }: Options): Promise<Answer> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const answer = (part: Partial<Answer>) =>
      resolve({ status: 0, headers: {}, body: '', milliseconds: performance.now() - begun, ...part })
    const limit = AbortSignal.timeout(timeout * 1000)
    const call = request(url, { method, headers, signal: limit, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
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
