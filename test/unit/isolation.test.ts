import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { CORE, type Owner } from '../../lib/gate/rendered.ts'
import type { Finding } from '../../lib/health/check.ts'
import { type Door, doorsOf, type Listener } from '../../lib/health/doors.ts'
import type { Neighbour, Neighbourhood } from '../../lib/health/neighbours.ts'
import { parseListener, probeArgs, tryDoors } from '../../lib/health/probe.ts'
import { findingsOf, type Probed } from '../../lib/health/walls.ts'
import { stubDocker } from '../scripts/harness.ts'

const byrne: Owner = { name: 'byrne', prefix: 'erpnext' }
const dickson: Owner = { name: 'dickson', prefix: 'dickson' }

/** A running container: `dickson-db`, with one address a network. */
function neighbour(
  owner: Owner,
  part: string,
  ports: number[],
  addresses: Record<string, string>,
  more = {},
): Neighbour {
  const service = `${owner.prefix}-${part}`
  return {
    ...{ id: service, name: service, service, part, owner, image: 'x', names: [service], ports, published: [] },
    addresses: Object.fromEntries(Object.entries(addresses).map(([network, address]) => [network, [address]])),
    ...more,
  }
}

const db = neighbour(dickson, 'db', [3306], { 'dickson-internal': '10.1.0.2' })
const backend = neighbour(dickson, 'backend', [8000], { 'dickson-internal': '10.1.0.3', 'dickson-edge': '10.2.0.3' })
const theirs = neighbour(byrne, 'backend', [8000], { 'byrne-internal': '10.3.0.3', 'byrne-edge': '10.4.0.3' })
const theirDb = neighbour(byrne, 'db', [3306], { 'byrne-internal': '10.3.0.2' })
const traefik = neighbour(
  CORE,
  'traefik',
  [80, 443, 8080],
  { 'edge-public': '10.5.0.2', 'dickson-edge': '10.2.0.2', 'byrne-edge': '10.4.0.2' },
  { published: [80, 8443] },
)
const everybody = [db, backend, theirs, theirDb, traefik]

function place(network: string, home: Owner | undefined, members: Neighbour[], gateways: string[] = []): Neighbourhood {
  return { network, home, members: members.map(({ name, service, owner }) => ({ name, service, owner })), gateways }
}
const networks = [
  place('dickson-internal', dickson, [db, backend], ['10.1.0.1']),
  place('dickson-edge', dickson, [backend, traefik], ['10.2.0.1']),
  place('byrne-internal', byrne, [theirs, theirDb], ['10.3.0.1']),
  place('byrne-edge', byrne, [theirs, traefik], ['10.4.0.1']),
  place('edge-public', undefined, [traefik], ['10.5.0.1']),
]

const doors = (from: Neighbour, all = everybody, listeners: Listener[] = []) => doorsOf(from, all, networks, listeners)
const kindOf = (list: Door[]) => Object.fromEntries(list.map(({ host, port, kind }) => [`${host}:${port}`, kind]))

describe('the doors that a probe tries', () => {
  it("are every other tenant's, at each address and by name, and its own as the control", () => {
    assert.deepEqual(kindOf(doors(db, [db, backend, theirs, theirDb])), {
      '10.1.0.3:8000': 'control',
      'dickson-backend:8000': 'control',
      '10.3.0.3:8000': 'foreign',
      '10.4.0.3:8000': 'foreign',
      'erpnext-backend:8000': 'foreign',
      '10.3.0.2:3306': 'foreign',
      'erpnext-db:3306': 'foreign',
    })
  })

  it('except the public hosts: Traefik on its own edge, but not its API, and not elsewhere', () => {
    const kinds = kindOf(doors(backend, [backend, traefik]))
    const of = (...hosts: string[]) => hosts.map((host) => kinds[host])
    assert.deepEqual(of('10.2.0.2:80', '10.2.0.2:443', 'core-traefik:443'), ['control', 'control', 'control'])
    assert.deepEqual(of('10.2.0.2:8080', 'core-traefik:8080'), ['foreign', 'foreign'])
    assert.deepEqual(of('10.5.0.2:80', '10.4.0.2:443'), ['foreign', 'foreign'])
    assert.equal(kindOf(doors(db, [db, traefik]))['core-traefik:80'], 'foreign')
  })

  it('of Traefik are open on the edges alone', () => {
    const kinds = kindOf(doors(traefik))
    assert.deepEqual([kinds['10.2.0.3:8000'], kinds['10.4.0.3:8000']], ['control', 'control'])
    assert.deepEqual(
      [kinds['10.1.0.3:8000'], kinds['10.3.0.2:3306'], kinds['dickson-db:3306']],
      Array(3).fill('foreign'),
    )
  })

  it("of a network that was shared by hand stay the other's", () => {
    const guest = { ...db, addresses: { ...db.addresses, 'byrne-internal': ['10.3.0.9'] } }
    assert.equal(kindOf(doors(guest))['10.3.0.2:3306'], 'foreign')
    const onEdge = { ...backend, addresses: { ...backend.addresses, 'byrne-edge': ['10.4.0.9'] } }
    assert.equal(kindOf(doors(onEdge))['10.4.0.2:443'], 'foreign')
  })

  it('through its gateways are where the machine listens, at any address or at this one', () => {
    const listeners = [
      { address: undefined, port: 22 },
      { address: '10.1.0.1', port: 53 },
      { address: '192.0.2.1', port: 25 },
    ]
    const kinds = kindOf(doors(db, [db], listeners))
    assert.deepEqual(kinds, { '10.1.0.1:22': 'machine', '10.1.0.1:53': 'machine' })
  })

  it("through its gateways are also others' published ports, but not the public hosts", () => {
    const listeners = [80, 8443, 3306, 9000].map((port) => ({ address: undefined, port }))
    const published = { ...theirDb, published: [3306] }
    const kinds = kindOf(doors(db, [db, published, traefik, { ...backend, published: [9000] }], listeners))
    assert.equal(kinds['10.1.0.1:3306'], 'foreign')
    for (const port of [80, 8443, 9000]) assert.equal(kinds[`10.1.0.1:${port}`], undefined)
  })
})

/** What a probe found that ran as it should: its controls open, the rest shut. */
const probed = (from: Neighbour, change: Partial<Probed> = {}): Probed => {
  const all = doors(from)
  return { from, doors: all, open: all.filter(({ kind }) => kind === 'control'), ...change }
}
const judge = (probes: Probed[], around = networks, owner = dickson, running = everybody) =>
  findingsOf(owner, probes, running, around)
const bad = (findings: Finding[]) =>
  findings.filter(({ state }) => state !== 'ok').map(({ check, state, is }) => `${check} ${state}: ${is}`)

describe('the walls', () => {
  it('hold where every probe reaches its own and nothing else, and the figures say how much was tried', () => {
    const findings = judge([probed(db), probed(backend)])
    assert.deepEqual(bad(findings), [])
    assert.deepEqual(
      findings.map(({ check, is }) => `${check} ${is}`),
      [
        'probes 2 ran, each reaches its own',
        `doors ${[db, backend].flatMap((from) => doors(from)).filter(({ kind }) => kind === 'foreign').length} of others tried, all shut`,
        'networks 2, none shared with another',
        'machine no port of this machine answers inside',
      ],
    )
  })

  const controls = doors(db).filter(({ kind }) => kind === 'control')
  for (const [what, change, message] of [
    ['could not run', { open: [], error: 'No such container' }, /probes fail: .* could not run: No such container/],
    [
      'reaches nothing at all',
      { open: [] },
      /probes fail: .* none of its own services: what it finds shut proves nothing/,
    ],
    [
      'asks no DNS',
      { open: controls.filter(({ named }) => !named) },
      /probes fail: .* none of its own services by name/,
    ],
    ['reaches names alone', { open: controls.filter(({ named }) => named) }, /probes fail: .* by address/],
  ] as [string, Partial<Probed>, RegExp][]) {
    it(`are not proven by a probe that ${what}`, () => {
      const findings = judge([probed(backend), probed(db, change)])
      assert.match(bad(findings).join('\n'), message)
      assert.ok(findings.find(({ state }) => state === 'fail')?.remedy)
    })
  }

  it("fall where a door of another's is open: told once a container, with each door", () => {
    const open = doors(db).filter(({ host, kind }) => kind === 'control' || host.startsWith('10.3.'))
    const findings = judge([probed(backend), probed(db, { open })])
    assert.deepEqual(bad(findings), [
      'doors fail: dickson-db reaches erpnext-backend (byrne) at 10.3.0.3:8000, erpnext-db (byrne) at 10.3.0.2:3306',
    ])
    assert.equal(findings.find(({ check }) => check === 'doors')?.value?.value, 2)
  })

  it('are not proven towards a service of which nobody knows where it listens', () => {
    const unknown = { ...neighbour(byrne, 'new', [], {}), ports: undefined }
    assert.deepEqual(bad(judge([probed(db)], networks, dickson, [db, unknown])), [
      'doors fail: nobody knows where erpnext-new listens',
    ])
    assert.deepEqual(bad(judge([probed(db)], networks, byrne, [db, unknown])), [
      'probes warn: no container runs: nothing was tried',
      'doors warn: nobody else runs, so nothing was proven',
    ])
  })

  it('prove nothing where nobody else runs, and core that does not run has none', () => {
    const alone = probed(db, { doors: controls })
    assert.deepEqual(bad(judge([alone])), ['doors warn: nobody else runs, so nothing was proven'])
    assert.deepEqual(judge([alone], networks, CORE), [])
  })

  it('have a crack where the machine answers: one warning with its ports and the gateways', () => {
    const machine = [22, 111].map((port): Door => ({ host: '10.1.0.1', port, kind: 'machine', named: false, of: '' }))
    const open = [...controls, ...machine]
    assert.deepEqual(bad(judge([probed(db, { open }), probed(db, { open })])), [
      'machine warn: port 22, 111 of this machine answers inside, through 10.1.0.1',
    ])
  })
})

describe('two owners on one network', () => {
  const told = (owner: Owner, around: Neighbourhood[]) =>
    judge([probed(db), probed(theirDb), probed(traefik)], around, owner)
      .filter(({ check, state }) => check === 'networks' && state === 'fail')
      .map(({ is, remedy }) => `${is} → ${remedy}`)

  it('are told to both, and who must leave is the guest', () => {
    const around = [...networks.slice(1), place('dickson-internal', dickson, [db, backend, theirDb])]
    const leave = 'erpnext-db (byrne) is on dickson-internal → docker network disconnect dickson-internal erpnext-db'
    assert.deepEqual([told(dickson, around), told(byrne, around)], [[leave], [leave]])
  })

  it('on a network of neither must both leave', () => {
    const around = [...networks, place('office', undefined, [db, theirDb])]
    assert.deepEqual(told(dickson, around), [
      'dickson-db (dickson) is on office → docker network disconnect office dickson-db',
    ])
    assert.deepEqual(told(byrne, around), [
      'erpnext-db (byrne) is on office → docker network disconnect office erpnext-db',
    ])
  })

  it('a stranger is one too, and so is Traefik anywhere but on the edge', () => {
    const home = place('dickson-internal', dickson, [db, backend, traefik])
    home.members.push({ name: 'debug', service: '', owner: undefined })
    assert.deepEqual(told(dickson, [...networks.slice(1), home]), [
      'core-traefik (core) is on dickson-internal → docker network disconnect dickson-internal core-traefik',
      'debug (nobody here) is on dickson-internal → docker network disconnect dickson-internal debug',
    ])
  })

  it('another of core on the edge is one', () => {
    const other = neighbour(CORE, 'grafana', [], {})
    const around = [...networks, place('dickson-edge', dickson, [backend, traefik, other])]
    assert.match(told(CORE, around).join(), /^core-grafana \(core\) is on dickson-edge/)
  })
})

describe('a probe', () => {
  it('has nothing of the container but its network, no privilege, and nothing to write to', () => {
    const args = probeArgs('abc', 'image', 'project').join(' ')
    for (const part of [
      '--network container:abc',
      '--read-only',
      '--cap-drop ALL',
      '--security-opt no-new-privileges',
      '--rm',
      '--tmpfs /var/lib/mysql',
      '--user 65534:65534',
      '--pull never',
    ])
      assert.ok(args.includes(part), part)
    assert.doesNotMatch(args, /--volume|-v |--cap-add|--privileged|--env/)
  })

  const door = (port: number): Door => ({ host: '127.0.0.1', port, kind: 'foreign', named: false, of: '' })

  /** Run the probe's own program on this machine, or a docker that answers as told. */
  async function withDocker<T>(body: string, run: () => Promise<T>): Promise<T> {
    const path = process.env.PATH
    process.env.PATH = stubDocker(body).env.PATH
    try {
      return await run()
    } finally {
      process.env.PATH = path
    }
  }

  it('tells what is open among many doors that are shut', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    const here = 'while [[ $1 != -c ]]; do shift; done; exec bash "$@"'
    const many = [...Array.from({ length: 130 }, (_, index) => door(index + 1)), door(port)]
    try {
      const open = await withDocker(here, () => tryDoors('x', 'image', 'project', many))
      assert.ok(open.includes(many.at(-1) as Door))
      assert.ok(open.length < 10, 'a port that nobody listens on counts as open')
    } finally {
      server.close()
    }
  })

  for (const [what, body, message] of [
    ['cannot be started', 'echo "No such container: x" >&2; exit 125', /No such container: x/],
    ['says nothing', 'exit 0', /it ended with 0/],
    ['tried less than it was given', 'echo "tried 1"', /it ended with 0/],
    ['was killed at the end', 'echo "tried 2"; exit 137', /it ended with 137/],
  ] as const) {
    it(`that ${what} throws: what was not tried is never shut`, async () => {
      await assert.rejects(
        withDocker(body, () => tryDoors('x', 'image', 'project', [door(1), door(2)])),
        { message },
      )
    })
  }
})

describe('a line of /proc/net/tcp', () => {
  const line = (address: string, state = '0A') =>
    `   0: ${address}:0016 00000000:0000 ${state} 00000000:00000000 00:00000000`
  for (const [what, text, expected] of [
    ['any address', line('00000000'), [{ address: undefined, port: 22 }]],
    ['any address of IPv6', line('0'.repeat(32)), [{ address: undefined, port: 22 }]],
    ['one address', line('0100010A'), [{ address: '10.1.0.1', port: 22 }]],
    ['one address, mapped', line('0000000000000000FFFF00000100010A'), [{ address: '10.1.0.1', port: 22 }]],
    ['loopback', line('0100007F'), []],
    ['loopback, mapped', line('0000000000000000FFFF00000100007F'), []],
    ['loopback of IPv6', line('00000000000000000000000001000000'), []],
    ['a connection', line('00000000', '01'), []],
    ['the heading', '  sl  local_address rem_address   st', []],
  ] as [string, string, Listener[]][]) {
    it(`of ${what} is ${expected.length ? 'a listener' : 'none'}`, () =>
      assert.deepEqual(parseListener(text), expected))
  }
})
