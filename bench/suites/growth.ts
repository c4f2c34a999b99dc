/** Redeploy and healthcheck as tenants are added, and what one more of them costs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import model from '../../tenants.ts'
import { interleave, makeRow, type Row } from '../measure.ts'
import { ROOT } from '../process.ts'
import { type BenchStack, deployTenants, type Session, subnet, withStack, writeFile } from '../stack.ts'
import { renderTable } from '../table.ts'
import { composeOf, registryOf, tenantNames } from '../tenants.ts'
import { bareUp, healthByHand, healthcheck, redeploy } from '../verbs.ts'

const SIZES = [2, 5, 10]
const ROUNDS = 3
/** What is measured at each size. */
const VERBS = {
  one: { name: 'deploy.ts of one tenant', against: 'docker compose up -d of it' },
  all: { name: 'deploy.ts --all', against: 'docker compose up -d of all' },
  health: { name: 'healthcheck.ts', against: 'compose ps, and bench doctor in each' },
} as const
type Verb = keyof typeof VERBS
const verbs = Object.keys(VERBS) as Verb[]

interface Size {
  tenants: number
  figures: Record<Verb, { ours: number; reference: number }>
}

export function growth(session: Session): Promise<Row[]> {
  const counts = [...SIZES.filter((size) => size < session.scale), session.scale]
  return withStack(session, async (stack) => {
    const sizes: Size[] = []
    for (const tenants of counts) {
      const names = tenantNames(tenants)
      const env = writeFiles(stack, names)
      session.say(`${tenants} tenants`)
      await deployTenants(stack, names.slice(sizes.at(-1)?.tenants ?? 0), env)
      const size = { tenants, figures: await measure(stack, names, env) }
      sizes.push(size)
      session.say(renderTable(rowsOf(size)))
    }
    return [...sizes.flatMap(rowsOf), ...oneMore(sizes)]
  })
}

/** A registry and a compose file of these tenants, as the variables that name them. */
function writeFiles(stack: BenchStack, names: string[]): Record<string, string> {
  const compose = readFileSync(join(ROOT, 'compose.yml'), 'utf8')
  const count = names.length
  return {
    ERP_TENANTS: writeFile(stack, `tenants-${count}.mts`, registryOf(model.dickson, names)),
    COMPOSE_FILE: writeFile(stack, `compose-${count}.json`, composeOf(compose, names, subnet)),
  }
}

async function measure(stack: BenchStack, names: string[], env: Record<string, string>): Promise<Size['figures']> {
  const first = names.slice(0, 1)
  const tenants = names.map((name) => ({ name, prefix: name }))
  const samples = {
    one: () => redeploy(stack, first, env),
    oneByHand: () => bareUp(stack, first, env),
    all: () => redeploy(stack, ['--all'], env),
    allByHand: () => bareUp(stack, names, env),
    health: async () => (await healthcheck(stack, env)).seconds,
    healthByHand: () => healthByHand(stack, tenants, env),
  }
  const medians = await interleave(ROUNDS, samples, stack.say)
  return {
    one: { ours: medians.one, reference: medians.oneByHand },
    all: { ours: medians.all, reference: medians.allByHand },
    health: { ours: medians.health, reference: medians.healthByHand },
  }
}

const rowsOf = ({ tenants, figures }: Size): Row[] =>
  verbs.map((verb) => {
    const { name, against } = VERBS[verb]
    return makeRow({ name: `${tenants} tenants: ${name}`, ...figures[verb], against })
  })

/** The slope between the smallest and the largest size. */
function oneMore(sizes: Size[]): Row[] {
  const [small, large] = [sizes[0], sizes.at(-1)]
  if (!small || !large || small === large) return []
  return verbs.map((verb) => {
    const { name, against } = VERBS[verb]
    const slope = (side: 'ours' | 'reference') =>
      (large.figures[verb][side] - small.figures[verb][side]) / (large.tenants - small.tenants)
    return makeRow({ name: `one more tenant: ${name}`, ours: slope('ours'), reference: slope('reference'), against })
  })
}
