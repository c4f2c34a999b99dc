/** A deploy that finds nothing to do beside a bare `docker compose --profile dickson up -d`. */
import { interleave, makeRow, type Row } from '../measure.ts'
import { deployTenants, type Session, withStack } from '../stack.ts'
import { bareUp, redeploy as deployAgain } from '../verbs.ts'

const TENANTS = ['dickson']
const GOAL = 1.5

export function redeploy(session: Session): Promise<Row[]> {
  return withStack(session, async (stack) => {
    await deployTenants(stack, TENANTS)
    const samples = { ours: () => deployAgain(stack, TENANTS), reference: () => bareUp(stack, TENANTS) }
    const medians = await interleave(session.scale, samples, session.say)
    const against = 'docker compose --profile dickson up -d'
    return [makeRow({ name: 'deploy.ts dickson, nothing to do', ...medians, against, goal: GOAL })]
  })
}
