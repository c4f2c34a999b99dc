/** The fields that a dynamic file may have: Traefik loads none of its files while one holds a field that it does not know. */

/** What may stand at a place of a file. */
export type Shape =
  | { kind: 'text' | 'number' | 'boolean' }
  | { kind: 'list'; of: Shape }
  /** Names are free, each of them has the same shape. */
  | { kind: 'named'; of: Shape }
  | { kind: 'fields'; of: Record<string, Shape>; needs: readonly string[] }

const text: Shape = { kind: 'text' }
const number: Shape = { kind: 'number' }
const boolean: Shape = { kind: 'boolean' }
const list = (of: Shape): Shape => ({ kind: 'list', of })
const named = (of: Shape): Shape => ({ kind: 'named', of })
const fields = (of: Record<string, Shape>, ...needs: string[]): Shape => ({ kind: 'fields', of, needs })

const router = fields(
  {
    rule: text,
    priority: number,
    entryPoints: list(text),
    middlewares: list(text),
    service: text,
    tls: fields({ certResolver: text, options: text, domains: list(fields({ main: text, sans: list(text) }, 'main')) }),
  },
  'rule',
  'priority',
  'entryPoints',
  'service',
)

/** The middlewares that our files may use. A further one needs its fields here, as Traefik's reference spells them. */
const middleware = fields({
  headers: fields({
    customRequestHeaders: named(text),
    customResponseHeaders: named(text),
    stsSeconds: number,
    stsIncludeSubdomains: boolean,
    stsPreload: boolean,
    contentTypeNosniff: boolean,
    customFrameOptionsValue: text,
    contentSecurityPolicy: text,
    permissionsPolicy: text,
    referrerPolicy: text,
  }),
  redirectRegex: fields({ regex: text, replacement: text, permanent: boolean }, 'regex', 'replacement'),
  rateLimit: fields({ average: number, period: text, burst: number }, 'average'),
  inFlightReq: fields({ amount: number }, 'amount'),
  forwardAuth: fields({ address: text, authResponseHeadersRegex: text }, 'address'),
  ipAllowList: fields({ sourceRange: list(text) }, 'sourceRange'),
})

const service = fields(
  { loadBalancer: fields({ servers: list(fields({ url: text }, 'url')), passHostHeader: boolean }, 'servers') },
  'loadBalancer',
)

const tlsOptions = fields({
  minVersion: text,
  maxVersion: text,
  cipherSuites: list(text),
  curvePreferences: list(text),
  sniStrict: boolean,
})

/** A whole file. */
export const DYNAMIC: Shape = fields({
  http: fields({ routers: named(router), middlewares: named(middleware), services: named(service) }),
  tls: fields({ options: named(tlsOptions) }),
})

export interface Router {
  rule: string
  priority: number
  entryPoints: string[]
  middlewares?: string[]
  service: string
  tls?: { certResolver?: string; options?: string; domains?: { main: string; sans?: string[] }[] }
}

export interface Middleware {
  headers?: { customRequestHeaders?: Record<string, string> }
  redirectRegex?: { regex: string; replacement: string }
  rateLimit?: { average: number }
  forwardAuth?: { address: string }
}

/** What a file that keeps the schema holds, as far as the rules ask. */
export interface Dynamic {
  routers: Record<string, Router>
  middlewares: Record<string, Middleware>
  services: Record<string, { loadBalancer: { servers: { url: string }[] } }>
  options: Record<string, { minVersion?: string; sniStrict?: boolean }>
}
