/** The rule between services: no network and no volume leads from one tenant to another, or to what we did not make. */
import { EDGE_PARTS, PUBLISHER } from './lists.ts'
import { CORE, type Court, type Owner, type Resource, type Subject, when } from './rendered.ts'

/** What a service uses, by its real name: two keys of compose.yml may lead to one volume. */
interface Use {
  kind: 'network' | 'volume'
  name: string
  resource: Resource
  subject: Subject
  /** Names that it takes in a network, besides its own. */
  aliases: string[]
}

/** The faults of every service in what it shares with others. */
export function sharing(subjects: Subject[], court: Court): { service: string; rule: string }[] {
  const uses = subjects.flatMap((subject) => usesOf(subject, court))
  return uses.flatMap((use) => {
    const users = uses.filter(({ kind, name }) => kind === use.kind && name === use.name).map(({ subject }) => subject)
    return [...strange(use), ...shared(use, users, court)].map((rule) => ({ service: use.subject.name, rule }))
  })
}

function usesOf(subject: Subject, { rendered }: Court): Use[] {
  const { networks = {}, volumes = [], hostname } = subject.service
  const host = hostname ? [hostname] : [] // which Docker answers for as well
  const use = (kind: Use['kind'], key: string, resource: Resource = {}, aliases: string[] = []): Use => ({
    kind,
    name: resource.name ?? key,
    resource,
    subject,
    aliases,
  })
  const sources = volumes.flatMap(({ type, source }) => (type === 'volume' && source ? [source] : []))
  return [
    ...Object.entries(networks).map(([key, at]) =>
      use('network', key, rendered.networks?.[key], [...(at?.aliases ?? []), ...host]),
    ),
    ...sources.map((key) => use('volume', key, rendered.volumes?.[key])),
  ]
}

/** Options of a bridge: the size of its packets, and the name by which a firewall knows it. */
const HARMLESS = ['com.docker.network.driver.mtu', 'com.docker.network.bridge.name']

/** Networks with a way out; every other is internal. */
const OUT = /(?:^|-)(?:egress|edge-public)$/

function strange({ kind, name, resource: { external, driver, driver_opts = {}, internal } }: Use): string[] {
  const options = Object.keys(driver_opts).some((option) => kind === 'volume' || !HARMLESS.includes(option))
  return [
    ...when(external === true, `${kind} ${name} is external: others may use it`),
    ...when(kind === 'volume' && options, `volume ${name} has driver_opts, which may lead to a path of the host`),
    ...when(
      kind === 'network' && (options || !['bridge', undefined].includes(driver)),
      `network ${name} is no plain bridge: it may reach the host's network`,
    ),
    ...when(kind === 'network' && internal !== true && !OUT.test(name), `network ${name} has a way out: not internal`),
  ]
}

function shared({ kind, name, subject, aliases }: Use, users: Subject[], { tenants, settings }: Court): string[] {
  const edgeOf = [...tenants, CORE].find((one) => kind === 'network' && name === `${settings.prefix}${one.name}-edge`)
  // Traefik stands in every edge network, and asks for a tenant's frontend by its name alone
  const named = edgeOf && aliases.length > 0 && subject.name !== PUBLISHER
  const names = when(named === true, `takes other names in ${name}: ${aliases.join(', ')}`)
  if (edgeOf && edgeOf !== CORE)
    return [
      ...names,
      ...when(!mayJoinEdge(subject, edgeOf), `joins ${name}, which is for Traefik and ${EDGE_PARTS.join(', ')}`),
    ]
  const owners = [...new Set(users.map(({ owner }) => owner?.name ?? 'nobody'))].sort()
  return [...names, ...when(owners.length > 1, `${kind} ${name} is shared by ${owners.join(' and ')}`)]
}

const mayJoinEdge = ({ name, owner, part }: Subject, host: Owner) =>
  owner === CORE ? name === PUBLISHER : owner?.name === host.name && EDGE_PARTS.includes(part)
