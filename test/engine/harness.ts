/** A stack for the tests of one file, on the real engine: named after this checkout, removed at the end, logs on failure. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, afterEach, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAuthority } from '../../rehearsal/authority.ts'
import { buildImages } from '../../rehearsal/images.ts'
import { docker, makeStack, type Stack } from '../../rehearsal/stack.ts'

const root = resolve(import.meta.dirname, '../..')
const checkout = createHash('sha256').update(root).digest('hex').slice(0, 6)

/** Everything that a test asks of its stack. */
export interface TestStack extends Stack {
  /** The container of a service: `dickson-db`. */
  container(service: string): string
  /** What `docker inspect` says of each container of a tenant: for "nothing was touched". */
  fingerprint(tenant: string): string
  /** Take a tenant's containers and volumes away, as a lost server does. */
  wipe(tenant: string): void
}

/**
 * Make the stack of a test file; call it once at the top of the file. `deployed`: tenants that are up before the first
 * test; with `core` among them also Traefik, with certificates of an authority of the stack's own. What an earlier, killed run left under the same name is removed first.
 */
export function useStack(name: string, deployed: string[] = [], more: Record<string, string> = {}): TestStack {
  const prefix = `test${checkout}-${name}-`
  const home = mkdtempSync(join(tmpdir(), 'erp-engine-'))
  const images: Record<string, string> = {}
  const stack = makeStack(home, prefix, images, more)
  let failed = false

  before(async () => {
    Object.assign(stack.env, await buildImages(() => {}))
    stack.remove()
    const made = await stack.script('generate-secrets')
    if (made.code !== 0) throw new Error(made.stderr)
    if (deployed.includes('core')) await startAuthority(stack, () => {})
    if (deployed.length === 0) return
    const up = await stack.script('deploy', deployed)
    if (up.code !== 0) throw new Error(up.stderr)
  })
  afterEach((context) => {
    failed ||= 'passed' in context && context.passed === false
  })
  after(() => {
    if (failed) printLogs(prefix)
    stack.remove()
  })

  return {
    ...stack,
    container: (service) => `${prefix}${service}`,
    fingerprint: (tenant) => fingerprint(prefix, tenant),
    wipe: (tenant) => {
      docker('rm', '--force', ...containers(prefix, `erp.tenant=${tenant}`))
      docker('volume', 'rm', ...docker('volume', 'ls', '-q', '--filter', `name=${prefix}${tenant}-`).split('\n'))
    },
  }
}

function containers(prefix: string, ...filters: string[]): string[] {
  const labels = [`com.docker.compose.project=${prefix}securenexus-erp`, ...filters]
  return docker('ps', '-aq', ...labels.flatMap((label) => ['--filter', `label=${label}`]))
    .split('\n')
    .filter(Boolean)
}

function fingerprint(prefix: string, tenant: string): string {
  const ids = containers(prefix, `erp.tenant=${tenant}`, 'com.docker.compose.oneoff=False').sort()
  if (ids.length === 0) return ''
  return docker('inspect', '--format', '{{.Name}} {{.Id}} {{.State.StartedAt}} {{.RestartCount}}', ...ids)
}

function printLogs(prefix: string): void {
  for (const id of containers(prefix)) {
    console.error(`--- ${docker('inspect', '--format', '{{.Name}} {{.State.Status}} {{.State.ExitCode}}', id)}`)
    console.error(docker('logs', '--tail', '30', id))
  }
}

/** Wait until something holds, or fail after `seconds`. */
export async function eventually(
  seconds: number,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(200)
  }
}

/** Look until all is well: on a busy machine a ping now and then takes longer than its second, which is red. */
export async function mustBeWell(look: () => Promise<{ code: number | null; stdout: string }>): Promise<void> {
  let said = ''
  await eventually(180, 'all is well', async () => {
    const { code, stdout } = await look()
    said = stdout
    return code === 0
  }).catch((error) => assert.fail(`${error.message}\n${said}`))
}

/** The host's id of the process in a container whose arguments begin with this. */
export function processOf(container: string, begins: string): number {
  const lines = docker('top', container, '-eo', 'pid,args').split('\n')
  const line = lines.find((text) =>
    text
      .trim()
      .replace(/^\d+\s+/, '')
      .startsWith(begins),
  )
  assert.ok(line, `${begins} runs in ${container}`)
  return Number.parseInt(line, 10)
}

/** What a container has written to stdout and stderr. */
export function logsOf(container: string): string {
  const { stdout, stderr } = spawnSync('docker', ['logs', container], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  return `${stdout}${stderr}`
}

/** Run docker compose on a stack's tenants by hand; returns its output, stderr included. */
export function compose(stack: Stack, ...args: string[]): string {
  const project = ['--project-name', `${stack.prefix}securenexus-erp`, '--profile', '*']
  const { stdout, stderr } = spawnSync('docker', ['compose', ...project, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...stack.env },
  })
  return `${stdout}${stderr}`
}

export { docker }

/** Run a container that only reads, and always says something: what a short one said the engine now and then loses (lib/docker.ts). */
export function dockerAsk(...args: string[]): string {
  for (let tries = 1; ; tries++) {
    const said = docker(...args)
    if (said !== '' || tries === 3) return said
  }
}

/** The secret files of a stack, by name. */
export function secretsOf({ home }: Stack): Record<string, string> {
  const directory = join(home, 'secrets')
  const files = readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')] as const)
  return Object.fromEntries(files)
}

/** What a Redis of a stack answers to one command: `erpnext-redis-cache`. */
export const redis = (stack: TestStack, service: string, command: string): string =>
  docker(
    ...['exec', stack.container(service), 'sh', '-c'],
    `printf 'auth %s\\n${command}\\n' "$(cat /run/secrets/redis_password)" | redis-cli`,
  )
