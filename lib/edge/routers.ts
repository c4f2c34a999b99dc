/** The rules for one file's routers, each by itself: what it may match, and to whom it may lead. */
import type { DynamicFile, Fault } from './file.ts'
import type { Holder } from './holders.ts'
import { RULE_FORM, readRule } from './rule.ts'
import type { Router } from './schema.ts'

/** A file before the rules: with its holder, all holders, and what every file may refer to. */
export interface Scope {
  file: DynamicFile
  holder: Holder
  holders: readonly Holder[]
  shared: DynamicFile | undefined
}

/** Every fault of a file's routers taken one by one. */
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

/**
 * The faults of a file that stays as it was published while others are: it must not stand in their way, and still find what
 * it refers to. What else has changed for it, such as a host of next week's, is its own deploy's matter.
 * @param theirs the holders of those files
 */
export function standingFaults({ file, shared }: Pick<Scope, 'file' | 'shared'>, theirs: readonly Holder[]): Fault[] {
  const lost = Object.entries(file.content.routers).flatMap(([name, router]) =>
    referenceFaults(router, { file, shared }).map(([field, message]) =>
      file.fault(['http', 'routers', name, field], message),
    ),
  )
  return [...takenFaults(file, theirs, `deploy ${file.name} first, or core, which publishes all`), ...lost]
}

/** Where a file's routers match what is another's. @param remedy what mends it */
export function takenFaults(file: DynamicFile, theirs: readonly Holder[], remedy: string): Fault[] {
  return Object.entries(file.content.routers).flatMap(([name, { rule }]) => {
    const fault = (message: string) => file.fault(['http', 'routers', name, 'rule'], message)
    const read = readRule(rule)
    if (!read) return [fault(RULE_FORM)] // it may match every host
    return read.hosts.flatMap((host) => {
      const owner = theirs.find(({ hosts }) => hosts.includes(host))
      return owner ? [fault(`${host} is ${owner.name}'s by now: ${remedy}`)] : []
    })
  })
}

/** A host belongs to one holder by the registry and CORE_DOMAIN: so it can stand in no other's file. */
function hostFaults({ rule }: Router, { holder, holders }: Scope): string[] {
  const read = readRule(rule)
  if (!read) return [RULE_FORM]
  const strange = read.hosts.filter((host) => !holder.hosts.includes(host))
  return strange.map((host) => {
    const owner = holders.find(({ hosts }) => hosts.includes(host))
    if (owner) return `${host} belongs to ${owner.name}`
    return `${host} is none of the hosts that the settings have for ${holder.name} (${holder.hosts.join(', ')})`
  })
}

function referenceFaults(
  { service, middlewares = [] }: Router,
  { file, shared }: Pick<Scope, 'file' | 'shared'>,
): [string, string][] {
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

function tlsFaults({ tls }: Router, { file, holder }: Scope): string[] {
  if (tls?.options !== holder.name) return [`options must be ${holder.name}: a swapped Host would be answered`]
  const { certResolver = 'acme' } = tls
  return [
    ...(Object.hasOwn(file.content.options, holder.name) ? [] : [`no TLS options ${holder.name} in this file`]),
    ...(certResolver === 'acme' ? [] : [`certResolver ${certResolver} is not in traefik.yml`]),
  ]
}
