/** A stack of its own on this engine: a home, a name prefix and images, so that it never touches another stack. */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
/** The stack that `npm run rehearse` makes of this checkout. */
export const [HOME, PREFIX] = [join(ROOT, '.rehearsal'), 'rehearsal-']

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

export interface Stack {
  readonly home: string
  readonly prefix: string
  /** What every command of this stack needs in its environment. */
  readonly env: Record<string, string>
  /** Run `scripts/<name>.ts` as a process. `show`: its output goes to ours as it comes. */
  script(name: string, args?: string[], options?: { show?: boolean; env?: Record<string, string> }): Promise<Ran>
  /** Remove its containers, volumes, networks and home, and nothing else. */
  remove(): void
}

/** Name a stack; nothing is made until a script runs. `images` are the variables that compose.yml reads. */
export function makeStack(
  home: string,
  prefix: string,
  images: Record<string, string>,
  more: Record<string, string> = {},
): Stack {
  const env = { ...images, ERP_HOME: home, ERP_PREFIX: prefix, ...networkOf(prefix), ...more }
  return {
    home,
    prefix,
    env,
    script: (name, args = [], { show = false, env: extra = {} } = {}) => {
      const zx = join(ROOT, 'node_modules/zx/build/cli.js')
      const child = spawn(process.execPath, ['--import=#typescript', zx, `scripts/${name}.ts`, ...args], {
        cwd: ROOT,
        env: { ...process.env, NODE_OPTIONS: '', ...env, ...extra },
        stdio: show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
      })
      return collect(child)
    },
    remove: () => removeProject(prefix, home),
  }
}

/** Networks of its own, from its name, and published ports on loopback that are free: stacks run side by side. */
function networkOf(prefix: string): Record<string, string> {
  const [first = 0, second = 0] = createHash('sha256').update(prefix).digest()
  const subnet = (index: number) => `10.${128 + (first % 64)}.${(second % 64) * 4 + index}`
  return {
    EDGE_SUBNET_BYRNE: subnet(0),
    EDGE_SUBNET_DICKSON: subnet(1),
    REHEARSAL_SUBNET: subnet(2),
    EDGE_SUBNET_CORE: subnet(3),
    HTTP_PORT: '127.0.0.1:0',
    HTTPS_PORT: '127.0.0.1:0',
  }
}

function collect(child: ReturnType<typeof spawn>): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => {
    stdout += data
  })
  child.stderr?.on('data', (data) => {
    stderr += data
  })
  return new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr })))
}

/** Run docker and return its output; a failure is an empty answer. */
export function docker(...args: string[]): string {
  const { stdout } = spawnSync('docker', args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  return (stdout ?? '').trim()
}

function removeProject(prefix: string, home: string): void {
  const mine = ['--filter', `label=com.docker.compose.project=${prefix}securenexus-erp`]
  const list = (...args: string[]) =>
    docker(...args, ...mine)
      .split('\n')
      .filter(Boolean)
  const containers = list('ps', '-aq')
  if (containers.length > 0) docker('rm', '--force', '--volumes', ...containers)
  const volumes = list('volume', 'ls', '-q')
  if (volumes.length > 0) docker('volume', 'rm', '--force', ...volumes)
  const networks = list('network', 'ls', '-q')
  if (networks.length > 0) docker('network', 'rm', ...networks)
  rmSync(home, { recursive: true, force: true })
}
