/** The verbs that are measured and what an operator would type without them, each proving that it did what it should. */
import type { HealthReport } from '../lib/health/report.ts'
import { npxZx } from './process.ts'
import type { BenchStack } from './stack.ts'

type Env = Record<string, string>

/** `deploy.ts` with nothing to do. @throws Error where it had something to do */
export async function redeploy(stack: BenchStack, tenants: string[], env: Env = {}): Promise<number> {
  const { seconds, stdout } = await stack.run(npxZx('scripts/deploy.ts', ...tenants, '--json'), env)
  const done = JSON.parse(stdout) as { tenants: { changes: unknown[] }[] }
  if (done.tenants.some(({ changes }) => changes.length > 0)) throw new Error(`deploy found something to do: ${stdout}`)
  return seconds
}

/** A bare `docker compose up -d` of the same tenants, in one call. */
export async function bareUp(stack: BenchStack, tenants: string[], env: Env = {}): Promise<number> {
  const { seconds } = await stack.run(['docker', 'compose', ...profiles(tenants), 'up', '-d'], env)
  return seconds
}

/**
 * `healthcheck.ts`; its report comes along. Another load on the machine can make a ping slower than its limit: the time
 * that the checks took is true all the same, so that is told and counted.
 * @throws Error where anything else is wrong with a tenant
 */
export async function healthcheck(
  stack: BenchStack,
  env: Env = {},
): Promise<{ seconds: number; report: HealthReport }> {
  const { seconds, stdout } = await stack.run(npxZx('scripts/healthcheck.ts', '--json'), env, [0, 1])
  const report = JSON.parse(stdout) as HealthReport
  const failed = report.tenants.flatMap(({ tenant, findings }) =>
    findings.filter(({ state }) => state === 'fail').map((finding) => ({ tenant, ...finding })),
  )
  for (const { tenant, part, check, is } of failed) {
    const fault = `${tenant} ${part} ${check}: ${is}`
    if (check !== 'ping' && part !== 'backup') throw new Error(`unhealthy: ${fault}`)
    stack.say(`  ${fault}`)
  }
  return { seconds, report }
}

/** What looks at health without our script: the list of containers, and `bench doctor` in each tenant's backend. */
export async function healthByHand(
  stack: BenchStack,
  tenants: { name: string; prefix: string }[],
  env: Env = {},
): Promise<number> {
  const names = tenants.map(({ name }) => name)
  const doctors = tenants.map(({ prefix }) => `docker exec ${stack.container(`${prefix}-backend`)} bench doctor`)
  const lines = ['set -e', `docker compose ${profiles(names).join(' ')} ps`, ...doctors]
  const { seconds } = await stack.run(['bash', '-c', lines.join('\n')], env)
  return seconds
}

const profiles = (tenants: string[]) => ['--project-directory', '.', ...tenants.flatMap((name) => ['--profile', name])]
