/** healthcheck.ts over two tenants: beside a look by hand, and held against its goal of two seconds. */
import registry from '../../tenants.ts'
import { interleave, makeRow, median, type Row } from '../measure.ts'
import { deployTenants, type Session, withStack } from '../stack.ts'
import { healthByHand, healthcheck } from '../verbs.ts'

/** Seconds. */
const GOAL = 2

export function health(session: Session): Promise<Row[]> {
  const tenants = Object.entries(registry).map(([name, { prefix }]) => ({ name, prefix }))
  return withStack(session, async (stack) => {
    const names = tenants.map(({ name }) => name)
    await deployTenants(stack, names)
    const inside: number[] = []
    const ours = async () => {
      const { seconds, report } = await healthcheck(stack)
      inside.push(report.seconds)
      return seconds
    }
    const samples = { ours, reference: () => healthByHand(stack, tenants) }
    const medians = await interleave(session.scale, samples, session.say)
    const name = `healthcheck.ts, ${names.length} tenants`
    const limit = { reference: GOAL, against: 'the goal, in seconds', goal: 1 }
    return [
      makeRow({ name: `${name}: its checks`, ours: median(inside.slice(1)), ...limit }),
      makeRow({ name: `${name}: as started by npx`, ours: medians.ours, ...limit }),
      makeRow({ name: `${name}: beside a look by hand`, ...medians, against: 'compose ps, and bench doctor in each' }),
    ]
  })
}
