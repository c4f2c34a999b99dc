/** The rules for the file of a part of core: each of its hosts is served, over a certificate of its own. */
import type { Fault } from './file.ts'
import type { Scope } from './routers.ts'
import { routesOf, wholeFaults } from './whole.ts'

/** Every fault of a core file that no single router shows. */
export function coreFaults(scope: Scope): Fault[] {
  const { file, holder } = scope
  const routes = routesOf(scope)
  // One order a host: a name whose DNS is not set yet must not cost the others their certificate.
  const asking = routes.filter(({ router }) => router.tls?.certResolver)
  const unsure = holder.hosts.filter((host) => asking.filter(({ rule }) => rule.hosts.includes(host)).length !== 1)
  const wide = asking.filter(({ rule, router }) => rule.hosts.length !== 1 || router.tls?.domains)
  return [
    ...wholeFaults(scope, routes),
    ...[
      ...unsure.map((host) => `one router, and only one, asks acme for a certificate of ${host}`),
      ...wide.map(({ name }) => `${name} asks acme for more than its one host`),
    ].map((message) => file.fault(['http', 'routers'], message)),
  ]
}
