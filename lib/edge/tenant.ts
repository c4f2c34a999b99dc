/** The rules for one tenant's file as a whole: both hosts are served, and nothing that they need is missing. */
import type { Fault } from './file.ts'
import type { Scope } from './routers.ts'
import { catches, type Rule, readRule } from './rule.ts'
import type { Middleware, Router } from './schema.ts'

interface Route {
  name: string
  router: Router
  rule: Rule
  middlewares: Middleware[]
}

/** Every fault of a tenant's file that no single router shows. */
export function tenantFaults(scope: Scope): Fault[] {
  const routes = routesOf(scope)
  const { file, tenant } = scope
  const hosts = [tenant.site, tenant.posHost]
  const about = (section: string, messages: string[]) =>
    messages.map((message) => file.fault(['http', section], message))
  return [
    ...about('routers', [
      ...hosts.flatMap((host) => hostFaults(scope, routes, host)),
      ...certificateFaults(scope, routes),
      ...rootFaults(scope, routes),
      ...priorityFaults(routes, hosts),
    ]),
    ...serviceFaults(scope),
    ...optionFaults(scope),
  ]
}

function routesOf({ file, shared }: Scope): Route[] {
  const middlewares = { ...shared?.content.middlewares, ...file.content.middlewares }
  return Object.entries(file.content.routers).flatMap(([name, router]) => {
    const rule = readRule(router.rule)
    const own = (router.middlewares ?? []).flatMap((one) => middlewares[one] ?? [])
    return rule ? [{ name, router, rule, middlewares: own }] : []
  })
}

/** What each host needs: a router for everything, realtime with its two headers, a limit on logins. */
function hostFaults({ tenant }: Scope, routes: Route[], host: string): string[] {
  const all = routes.some(({ rule }) => rule.matchers.length === 0 && rule.hosts.includes(host))
  const realtime = routes.some(({ rule, middlewares }) => {
    const headers = Object.assign({}, ...middlewares.map((one) => one.headers?.customRequestHeaders ?? {}))
    const right = headers.Host === tenant.site && headers['X-Forwarded-Proto'] === 'https'
    return right && catches(rule, host, 'PathPrefix', '/socket.io')
  })
  const limited = (path: string) =>
    routes.some(
      ({ rule, middlewares }) =>
        catches(rule, host, 'Path', path) && middlewares.some(({ rateLimit }) => (rateLimit?.average ?? 0) > 0),
    )
  const open = ['/login', '/api/method/login'].filter((path) => !limited(path))
  return [
    ...(all ? [] : [`no router for all of ${host}`]),
    ...(realtime
      ? []
      : [`no router for /socket.io of ${host} that sets Host: ${tenant.site}, X-Forwarded-Proto: https`]),
    ...open.map((path) => `no rate limit on ${path} of ${host}`),
  ]
}

/** One order at Let's Encrypt for both hosts: a second router that asks for one would spend its limits twice. */
function certificateFaults({ tenant }: Scope, routes: Route[]): string[] {
  const asking = routes.filter(({ router }) => router.tls?.certResolver || router.tls?.domains)
  const domains = asking.flatMap(({ router }) => router.tls?.domains ?? [])
  const names = domains.flatMap(({ main, sans = [] }) => [main, ...sans])
  const right = asking.length === 1 && asking[0]?.router.tls?.certResolver !== undefined && domains.length === 1
  if (right && names.join() === [tenant.site, tenant.posHost].join()) return []
  return [`one router, and only one, asks acme for a certificate of ${tenant.site} with ${tenant.posHost}`]
}

/** The address of the point of sale has changed with version 16. */
function rootFaults({ tenant }: Scope, routes: Route[]): string[] {
  const target = `${tenant.erpnextMajor >= 16 ? '/desk' : '/app'}/point-of-sale`
  const leads = routes
    .filter(({ rule }) => catches(rule, tenant.posHost, 'Path', '/'))
    .some(({ middlewares }) =>
      middlewares.some(({ redirectRegex }) => redirectRegex?.replacement.endsWith(`}${target}`)),
    )
  return leads ? [] : [`the root of ${tenant.posHost} does not lead to ${target}`]
}

/** Traefik would take the longer rule first: a narrow router wins by its priority alone, and a tie is nobody's plan. */
function priorityFaults(routes: Route[], hosts: string[]): string[] {
  return hosts.flatMap((host) => {
    const own = routes.filter(({ rule }) => rule.hosts.includes(host))
    const general = Math.max(0, ...own.filter(({ rule }) => rule.matchers.length === 0).map(priority))
    const low = own.filter((route) => route.rule.matchers.length > 0 && priority(route) <= general)
    const tied = own.filter((route) => own.find((other) => priority(other) === priority(route)) !== route)
    return [
      ...low.map(({ name }) => `${name} must have a priority above the router for all of ${host}`),
      ...tied.map(({ name }) => `${name} shares its priority with another router of ${host}`),
    ]
  })
}

const priority = ({ router }: Route) => router.priority

function serviceFaults({ file, tenant }: Scope): Fault[] {
  const own = `http://${tenant.service('frontend')}:8080`
  return Object.entries(file.content.services).flatMap(([name, { loadBalancer }]) =>
    loadBalancer.servers.every(({ url }) => url === own) && loadBalancer.servers.length > 0
      ? []
      : [
          file.fault(
            ['http', 'services', name, 'loadBalancer', 'servers'],
            `must be ${own}: the tenant's own frontend`,
          ),
        ],
  )
}

function optionFaults({ file }: Scope): Fault[] {
  return Object.entries(file.content.options).flatMap(([name, { minVersion = '', sniStrict }]) =>
    sniStrict && /^VersionTLS1[23]$/.test(minVersion)
      ? []
      : [
          file.fault(
            ['tls', 'options', name],
            'must have sniStrict: true and minVersion: VersionTLS12 or VersionTLS13',
          ),
        ],
  )
}
