/** The rules that every dynamic file keeps as a whole, whoever holds it. */
import type { Fault } from './file.ts'
import type { Scope } from './routers.ts'
import { type Rule, readRule } from './rule.ts'
import type { Middleware, Router } from './schema.ts'

/** A router with its rule and middlewares read. */
export interface Route {
  name: string
  router: Router
  rule: Rule
  middlewares: Middleware[]
}

/** The routers of a file whose rules can be read; the others are faults already. */
export function routesOf({ file, shared }: Scope): Route[] {
  const middlewares = { ...shared?.content.middlewares, ...file.content.middlewares }
  return Object.entries(file.content.routers).flatMap(([name, router]) => {
    const rule = readRule(router.rule)
    const own = (router.middlewares ?? []).flatMap((one) => middlewares[one] ?? [])
    return rule ? [{ name, router, rule, middlewares: own }] : []
  })
}

/** Every fault that no single router shows and that every holder's file is free of. */
export function wholeFaults(scope: Scope, routes: Route[]): Fault[] {
  const { file, holder } = scope
  const all = (host: string) => routes.some(({ rule }) => rule.matchers.length === 0 && rule.hosts.includes(host))
  const open = holder.hosts.filter((host) => !all(host)).map((host) => `no router for all of ${host}`)
  const messages = [...open, ...priorityFaults(routes, holder.hosts)]
  return [
    ...messages.map((message) => file.fault(['http', 'routers'], message)),
    ...serviceFaults(scope),
    ...askerFaults(scope),
    ...optionFaults(scope),
  ]
}

/** Traefik would take the longer rule first: a narrow router wins by its priority alone, and a tie is nobody's plan. */
function priorityFaults(routes: Route[], hosts: readonly string[]): string[] {
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

function serviceFaults({ file, holder }: Scope): Fault[] {
  return Object.entries(file.content.services).flatMap(([name, { loadBalancer }]) =>
    loadBalancer.servers.every(({ url }) => holder.backends.includes(url)) && loadBalancer.servers.length > 0
      ? []
      : [
          file.fault(
            ['http', 'services', name, 'loadBalancer', 'servers'],
            `must be ${holder.backends.join(' or ')}: what belongs to ${holder.name}`,
          ),
        ],
  )
}

/** Who is asked whether a request may pass is what belongs to the holder. */
function askerFaults({ file, holder }: Scope): Fault[] {
  return Object.entries(file.content.middlewares).flatMap(([name, { forwardAuth }]) =>
    !forwardAuth || holder.backends.some((url) => forwardAuth.address.startsWith(`${url}/`))
      ? []
      : [
          file.fault(
            ['http', 'middlewares', name, 'forwardAuth', 'address'],
            `must be below ${holder.backends.join(' or ')}: what belongs to ${holder.name}`,
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
