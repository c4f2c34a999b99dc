/** Checks dynamic files together, before Traefik can see them: one bad file would be every tenant's outage. */
import { preconditionError } from '../errors.ts'
import type { Tenant } from '../registry.ts'
import { coreFaults } from './core.ts'
import { type DynamicFile, type Fault, readDynamic, type Source } from './file.ts'
import { coreHolders, tenantHolder } from './holders.ts'
import { routerFaults, standingFaults, takenFaults } from './routers.ts'
import { tenantFaults } from './tenant.ts'

export const SHARED = 'shared'
const SECTIONS = ['routers', 'middlewares', 'services'] as const

/** Who may have hosts: every tenant, and core below the operator's domain. */
export interface Holders {
  tenants: readonly Tenant[]
  domain: string | undefined
}

/**
 * Every fault of these files. A file of nobody's, as of a tenant that was removed, only must not match what is another's. Pure.
 * @param publishing the names of the files that are to be published; nothing where all are judged alike
 */
export function edgeFaults(sources: Source[], { tenants, domain }: Holders, publishing?: readonly string[]): Fault[] {
  const read = sources.map(readDynamic)
  const broken = read.flatMap((one) => (Array.isArray(one) ? one : []))
  const files = read.flatMap((one) => (Array.isArray(one) ? [] : [one]))
  const shared = files.find(({ name }) => name === SHARED)
  const holders = [...tenants.map(tenantHolder), ...coreHolders(domain)]
  const theirs = holders.filter(({ name }) => !publishing || publishing.includes(name))
  return [
    ...broken,
    ...files.flatMap(nameFaults),
    ...(shared ? sharedFaults(shared) : []),
    ...files.flatMap((file) => {
      const holder = holders.find(({ name }) => name === file.name)
      if (!holder) return file === shared ? [] : takenFaults(file, theirs, 'deploy core, which takes this file away')
      const scope = { file, holder, holders, shared }
      if (publishing && !publishing.includes(file.name)) return standingFaults(scope, theirs)
      const tenant = tenants.find(({ name }) => name === file.name)
      return [...routerFaults(scope), ...(tenant ? tenantFaults({ ...scope, tenant }) : coreFaults(scope))]
    }),
    ...doubles(files),
  ]
}

/** A name tells whose it is: two of the same name in two files would put one of them out of work. */
function nameFaults(file: DynamicFile): Fault[] {
  const carries = (name: string) => name.startsWith(`${file.name}-`)
  const named = SECTIONS.flatMap((section) =>
    Object.keys(file.content[section])
      .filter((name) => !carries(name))
      .map((name) => file.fault(['http', section, name], `must begin with ${file.name}-`)),
  )
  const options = Object.keys(file.content.options).filter(
    (name) => !carries(name) && name !== file.name && !(file.name === SHARED && name === 'default'),
  )
  return [...named, ...options.map((name) => file.fault(['tls', 'options', name], `must be called ${file.name}`))]
}

/** The API's router proves that the directory was loaded; a name that no tenant has gets no handshake. */
function sharedFaults(file: DynamicFile): Fault[] {
  const { routers, options } = file.content
  const strange = Object.entries(routers).filter(([, { entryPoints }]) => entryPoints.join() !== 'api')
  const api = Object.values(routers).some(
    ({ service, rule }) => service === 'api@internal' && rule === 'PathPrefix(`/api`)',
  )
  const strict = options.default?.sniStrict === true && /^VersionTLS1[23]$/.test(options.default.minVersion ?? '')
  return [
    ...strange.map(([name]) =>
      file.fault(['http', 'routers', name], 'must have entryPoints: [api]: hosts are tenants'),
    ),
    ...(api ? [] : [file.fault(['http', 'routers'], 'no router PathPrefix(`/api`) for api@internal')]),
    ...(strict
      ? []
      : [file.fault(['tls', 'options'], 'default must have sniStrict: true and minVersion: VersionTLS12')]),
  ]
}

/** A tenant whose name begins with another's and a dash could still define the other's names. */
function doubles(files: DynamicFile[]): Fault[] {
  return SECTIONS.flatMap((section) => {
    const all = files.flatMap((file) => Object.keys(file.content[section]).map((name) => ({ file, name })))
    return all.flatMap(({ file, name }, index) => {
      const first = all.findIndex((one) => one.name === name)
      return first < index ? [file.fault(['http', section, name], `is also defined in ${all[first]?.file.path}`)] : []
    })
  })
}

/** @throws OperatorError (3) that lists every fault as `file:line: message`. */
export function verifyEdge(sources: Source[], holders: Holders, publishing?: readonly string[]): void {
  const faults = edgeFaults(sources, holders, publishing)
  if (faults.length === 0) return
  const lines = faults.map(({ path, line, message }) => `\n  ${path}:${line}: ${message}`)
  throw preconditionError(`the edge's files are refused:${lines.join('')}`, 'nothing was published; see docs/edge.md')
}
