/** The rules for one tenant's file as a whole: both hosts are served, and nothing that they need is missing. */

import { deskOf, type Tenant } from '../registry.ts'
import type { Fault } from './file.ts'
import type { Scope } from './routers.ts'
import { catches } from './rule.ts'
import { type Route, routesOf, wholeFaults } from './whole.ts'

/** A tenant's file before the rules. */
export type TenantScope = Scope & { tenant: Tenant }

/** Every fault of a tenant's file that no single router shows. */
export function tenantFaults(scope: TenantScope): Fault[] {
  const routes = routesOf(scope)
  const { file, holder } = scope
  const messages = [
    ...holder.hosts.flatMap((host) => hostFaults(scope, routes, host)),
    ...certificateFaults(scope, routes),
    ...rootFaults(scope, routes),
  ]
  return [...wholeFaults(scope, routes), ...messages.map((message) => file.fault(['http', 'routers'], message))]
}

/** What each host needs: realtime with its two headers, a limit on logins. */
function hostFaults({ tenant }: TenantScope, routes: Route[], host: string): string[] {
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
    ...(realtime
      ? []
      : [`no router for /socket.io of ${host} that sets Host: ${tenant.site}, X-Forwarded-Proto: https`]),
    ...open.map((path) => `no rate limit on ${path} of ${host}`),
  ]
}

/** One order at Let's Encrypt for both hosts: a second router that asks for one would spend its limits twice. */
function certificateFaults({ tenant }: TenantScope, routes: Route[]): string[] {
  const asking = routes.filter(({ router }) => router.tls?.certResolver || router.tls?.domains)
  const domains = asking.flatMap(({ router }) => router.tls?.domains ?? [])
  const names = domains.flatMap(({ main, sans = [] }) => [main, ...sans])
  const right = asking.length === 1 && asking[0]?.router.tls?.certResolver !== undefined && domains.length === 1
  if (right && names.join() === [tenant.site, tenant.posHost].join()) return []
  return [`one router, and only one, asks acme for a certificate of ${tenant.site} with ${tenant.posHost}`]
}

function rootFaults({ tenant }: TenantScope, routes: Route[]): string[] {
  const target = `${deskOf(tenant)}/point-of-sale`
  const leads = routes
    .filter(({ rule }) => catches(rule, tenant.posHost, 'Path', '/'))
    .some(({ middlewares }) =>
      middlewares.some(({ redirectRegex }) => redirectRegex?.replacement.endsWith(`}${target}`)),
    )
  return leads ? [] : [`the root of ${tenant.posHost} does not lead to ${target}`]
}
