/** The rules for one tenant's routers, each by itself: what it may match, and to whom it may lead. */
import type { Tenant } from '../registry.ts'
import type { DynamicFile, Fault } from './file.ts'
import { RULE_FORM, readRule } from './rule.ts'
import type { Router } from './schema.ts'

/** A file before the rules: with its tenant, all tenants, and what every file may refer to. */
export interface Scope {
  file: DynamicFile
  tenant: Tenant
  tenants: readonly Tenant[]
  shared: DynamicFile | undefined
}

/** Every fault of a tenant's routers taken one by one. */
export function routerFaults(scope: Scope): Fault[] {
  return Object.entries(scope.file.content.routers).flatMap(([name, router]) => {
    const fault = (field: string, message: string) => scope.file.fault(['http', 'routers', name, field], message)
    return [
      ...hostFaults(router, scope).map((message) => fault('rule', message)),
      ...referenceFaults(router, scope).map(([field, message]) => fault(field, message)),
      ...tlsFaults(router, scope).map((message) => fault('tls', message)),
      ...(router.priority > 0 ? [] : [fault('priority', 'must be above 0')]),
      ...(router.entryPoints.join() === 'websecure' ? [] : [fault('entryPoints', 'must be [websecure]')]),
    ]
  })
}

/** A host belongs to this tenant by the registry: so it can stand in no other tenant's file. */
function hostFaults({ rule }: Router, { tenant, tenants }: Scope): string[] {
  const read = readRule(rule)
  if (!read) return [RULE_FORM]
  const strange = read.hosts.filter((host) => ![tenant.site, tenant.posHost].includes(host))
  return strange.map((host) => {
    const owner = tenants.find(({ site, posHost }) => [site, posHost].includes(host))
    if (owner) return `${host} belongs to ${owner.name}`
    return `${host} is none of the hosts that the registry has for ${tenant.name} (${tenant.site}, ${tenant.posHost})`
  })
}

function referenceFaults({ service, middlewares = [] }: Router, { file, shared }: Scope): [string, string][] {
  const known = (name: string) =>
    Object.hasOwn(file.content.middlewares, name) || Object.hasOwn(shared?.content.middlewares ?? {}, name)
  return [
    ...(Object.hasOwn(file.content.services, service)
      ? []
      : [['service', `no service ${service} in this file`] as [string, string]]),
    ...middlewares
      .filter((name) => !known(name))
      .map((name): [string, string] => ['middlewares', `no middleware ${name} in this file or in shared.yml`]),
  ]
}

function tlsFaults({ tls }: Router, { file, tenant }: Scope): string[] {
  if (tls?.options !== tenant.name) return [`options must be ${tenant.name}: a swapped Host would be answered`]
  const { certResolver = 'acme' } = tls
  return [
    ...(Object.hasOwn(file.content.options, tenant.name) ? [] : [`no TLS options ${tenant.name} in this file`]),
    ...(certResolver === 'acme' ? [] : [`certResolver ${certResolver} is not in traefik.yml`]),
  ]
}
