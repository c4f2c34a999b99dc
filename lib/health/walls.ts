/** What the probes and the networks say of the walls around an owner: pure, from what was tried and who is where. */
import { PUBLISHER } from '../gate/lists.ts'
import { CORE, type Owner } from '../gate/rendered.ts'
import type { Finding } from './check.ts'
import type { Door } from './doors.ts'
import type { Neighbour, Neighbourhood } from './neighbours.ts'

const part = 'isolation'
const TROUBLE = 'see docs/trouble.md#a-tenant-reaches-another'

/** What a probe from one container found. */
export interface Probed {
  from: Neighbour
  doors: Door[]
  open: Door[]
  /** Why it did not run. */
  error?: string
}

/** Everything that concerns one owner. Core that does not run has no walls. */
export function findingsOf(owner: Owner, all: Probed[], running: Neighbour[], networks: Neighbourhood[]): Finding[] {
  const probes = all.filter(({ from }) => from.owner === owner)
  if (owner === CORE && probes.length === 0) return []
  return [
    ...probeFindings(probes),
    ...doorFindings(probes, running),
    ...networkFindings(owner, networks),
    ...machineFindings(probes),
  ]
}

/** A probe proves something where it ran and reached what it must reach: its own, by address and by name. */
function probeFindings(probes: Probed[]): Finding[] {
  const check = 'probes'
  const value = { name: 'erp_isolation_probes', value: probes.length } as const
  const broken = probes.flatMap(({ from, open, error }): Finding[] => {
    const fault = error ? `could not run: ${error}` : controlFault(open)
    const is = `the probe from ${from.name} ${fault}`
    return fault ? [{ part, check, state: 'fail', is, remedy: 'see docs/trouble.md#an-isolation-probe-fails' }] : []
  })
  if (probes.length === 0) return [{ part, check, state: 'warn', is: 'no container runs: nothing was tried', value }]
  if (broken.length > 0) return broken.map((finding) => ({ ...finding, value }))
  return [{ part, check, state: 'ok', is: `${probes.length} ran, each reaches its own`, value }]
}

function controlFault(open: Door[]): string | undefined {
  const reached = open.filter(({ kind }) => kind === 'control')
  if (reached.length === 0) return 'reaches none of its own services: what it finds shut proves nothing'
  if (!reached.some(({ named }) => !named)) return 'reaches none of its own services by address'
  if (!reached.some(({ named }) => named)) return 'reaches none of its own services by name'
  return undefined
}

/** Others' doors that are open, one finding for each container that reaches them. */
function doorFindings(probes: Probed[], running: Neighbour[]): Finding[] {
  const check = 'doors'
  const foreign = ({ kind }: Door) => kind === 'foreign'
  const tried = probes.flatMap(({ doors, error }) => (error ? [] : doors.filter(foreign))).length
  const reached = probes
    .map(({ from, open }) => ({ from, doors: open.filter(foreign) }))
    .filter(({ doors }) => doors.length)
  const value = { name: 'erp_isolation_open_doors', value: reached.flatMap(({ doors }) => doors).length } as const
  const unknown = running
    .filter(({ ports, owner }) => ports === undefined && probes.some(({ from }) => from.owner !== owner))
    .map(
      ({ name }): Finding => ({
        part,
        check,
        state: 'fail',
        is: `nobody knows where ${name} listens`,
        remedy: 'see CONTRIBUTING.md#the-written-lists',
      }),
    )
  const open = reached.map(({ from, doors }): Finding => {
    const list = doors.map(({ of, host, port }) => `${of} at ${host}:${port}`).join(', ')
    return { part, check, state: 'fail', is: `${from.name} reaches ${list}`, remedy: TROUBLE, value }
  })
  if (unknown.length + open.length > 0) return [...open, ...unknown]
  if (tried > 0) return [{ part, check, state: 'ok', is: `${tried} of others tried, all shut`, value }]
  return [
    {
      part,
      check,
      state: 'warn',
      is: 'nobody else runs, so nothing was proven',
      remedy: 'deploy another tenant',
      value,
    },
  ]
}

/** Two owners on one network: the danger that no port shows. Told to both, with who must leave. */
function networkFindings(owner: Owner, networks: Neighbourhood[]): Finding[] {
  const check = 'networks'
  const joined = networks.filter(({ home, members }) => home === owner || members.some((one) => one.owner === owner))
  const guests = joined.flatMap((place) =>
    guestsOf(owner, place).map((guest) => ({ ...guest, network: place.network })),
  )
  if (guests.length === 0) return [{ part, check, state: 'ok', is: `${joined.length}, none shared with another` }]
  return guests.map(({ network, name, whose }) => ({
    part,
    check,
    state: 'fail',
    is: `${name} (${whose}) is on ${network}`,
    remedy: `docker network disconnect ${network} ${name}`,
  }))
}

/** Who is on a network and should not be: at home everybody else, abroad oneself. On the edge Traefik is at home. */
function guestsOf(owner: Owner, { network, home, members }: Neighbourhood): { name: string; whose: string }[] {
  const others = members.filter((one) => one.owner && one.owner !== owner)
  const wrong = members.filter(({ owner: whose, service }) => {
    if (home) return whose !== home && !(network.endsWith('-edge') && whose === CORE && service === PUBLISHER)
    return others.length > 0 && whose === owner
  })
  const concerned = home === owner ? wrong : wrong.filter((one) => one.owner === owner)
  return concerned.map((one) => ({ name: one.name, whose: one.owner?.name ?? 'nobody here' }))
}

/** Listeners of the machine that answer inside: not another tenant's, but nothing that a container needs. */
function machineFindings(probes: Probed[]): Finding[] {
  const check = 'machine'
  const heard = probes.flatMap(({ open }) => open.filter(({ kind }) => kind === 'machine'))
  const ports = [...new Set(heard.map(({ port }) => port))].sort((a, b) => a - b)
  const value = { name: 'erp_isolation_machine_ports', value: ports.length } as const
  if (ports.length === 0) return [{ part, check, state: 'ok', is: 'no port of this machine answers inside', value }]
  const gateways = [...new Set(heard.map(({ host }) => host))].sort()
  const is = `port ${ports.join(', ')} of this machine answers inside, through ${gateways.join(', ')}`
  return [{ part, check, state: 'warn', is, remedy: 'see docs/trouble.md#the-machine-answers-inside', value }]
}
