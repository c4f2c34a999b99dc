/** A fault at one docker call of a deploy from nothing, the seven invariants after it, and the plain run that must mend it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compose, docker, eventually, secretsOf, type TestStack } from '../engine/harness.ts'
import { type Ran, start } from '../scripts/harness.ts'
import { type Fault, withInjector } from './injector.ts'

const CODES: Partial<Record<Fault['mode'], (number | null)[]>> = {
  fail: [0, 1, 3],
  'kill-before': [null],
  'kill-after': [null],
  term: [143],
  interrupt: [130],
  hang: [1, 3],
}

export interface Outcome {
  /** False where the deploy made fewer calls than the fault waited for. */
  struck: boolean
  calls: string[]
}

/**
 * Take `dickson` back to nothing, deploy it under a fault, check what must hold, deploy it plainly.
 * `byrne` runs beside it and must not be touched.
 */
export async function deployUnder(stack: TestStack, fault: Fault): Promise<Outcome> {
  removeTenant(stack, 'dickson')
  const byrne = stack.fingerprint('byrne')
  const secrets = secretsOf(stack)
  return withInjector(fault, async (injector) => {
    const env = { ...stack.env, ...injector.env }
    const limit = fault.mode === 'hang' ? ['--timeout', '40'] : []
    const running = start('deploy', ['dickson', ...limit], { env, timeout: 240 })
    const ran = await running.done
    if (injector.struck()) await holdAfterFault(stack, fault, ran, running.family)
    assert.equal(stack.fingerprint('byrne'), byrne, 'the other tenant was touched')
    assert.deepEqual(secretsOf(stack), secrets, 'secrets were changed')

    const again = await stack.script('deploy', ['dickson'])
    assert.equal(again.code, 0, again.stderr)
    assertWhole(stack)
    assertNoSecret(stack, [ran, { ...again }])
    return { struck: injector.struck(), calls: injector.calls() }
  })
}

async function holdAfterFault(stack: TestStack, fault: Fault, ran: Ran, family: () => number[]): Promise<void> {
  assert.ok(CODES[fault.mode]?.includes(ran.code), `${fault.mode} at ${fault.at}: exit ${ran.code}\n${ran.stderr}`)
  await eventually(60, `no process of the deploy is left (${fault.mode} at ${fault.at})`, () => family().length === 0)
  await eventually(60, 'no one-off container is left', () => oneOffs(stack) === '')
}

const project = (stack: TestStack) => `label=com.docker.compose.project=${stack.prefix}securenexus-erp`

const oneOffs = (stack: TestStack) =>
  docker('ps', '-aq', '--filter', project(stack), '--filter', 'label=com.docker.compose.oneoff=True')

function removeTenant(stack: TestStack, tenant: string): void {
  const list = (...args: string[]) =>
    docker(...args, '--filter', project(stack))
      .split('\n')
      .filter(Boolean)
  const containers = list('ps', '-aq', '--filter', `label=erp.tenant=${tenant}`)
  if (containers.length > 0) docker('rm', '--force', ...containers)
  const volumes = list('volume', 'ls', '-q', '--filter', `name=${stack.prefix}${tenant}-`)
  if (volumes.length > 0) docker('volume', 'rm', ...volumes)
}

/** What an untouched run reaches: one schema, every table, both apps, the scheduler on, everything healthy. */
function assertWhole(stack: TestStack): void {
  const sql = (query: string) => docker('exec', stack.container('dickson-db'), 'mariadb', '-Ne', query)
  const schemas = sql("show databases like '\\_%'").split('\n').filter(Boolean)
  assert.equal(schemas.length, 1)
  assert.equal(sql(`select value from \`${schemas[0]}\`.tabSingles where field = 'enable_scheduler'`), '1')
  const count = "select count(*) from information_schema.innodb_sys_tables where name like '\\_%/%'"
  const other = docker('exec', stack.container('erpnext-db'), 'mariadb', '-Ne', count)
  assert.equal(sql(count), other, 'not the tables of an untouched run')
  assert.equal(compose(stack, 'ps', '--quiet', '--status', 'running').split('\n').filter(Boolean).length, 16)
}

/** No secret in what was printed, in the journal, in `docker inspect` or in a log. */
function assertNoSecret(stack: TestStack, runs: { stdout: string; stderr: string }[]): void {
  const ids = docker('ps', '-aq', '--filter', project(stack)).split('\n').filter(Boolean)
  const journal = readFileSync(join(stack.home, 'state/dickson/journal.jsonl'), 'utf8')
  const texts = [
    ...runs.flatMap(({ stdout, stderr }) => [stdout, stderr]),
    journal,
    docker('inspect', ...ids),
    compose(stack, 'logs', '--no-color'),
  ]
  for (const [name, value] of Object.entries(secretsOf(stack)))
    assert.ok(!texts.some((text) => text.includes(value)), `a secret was shown: ${name}`)
}
