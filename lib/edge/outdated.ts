/** Which of core's services run on files of before, or on a directory that is gone: Compose sees neither. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container } from '../containers.ts'
import type { Change } from '../deploy.ts'
import { docker, dockerExec } from '../docker.ts'
import { makeDirectory } from '../files.ts'
import type { Ground } from '../preflight.ts'
import type { Unit } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { isOutdated } from './traefik.ts'

/** What reads all its files, which are in core/<part>, at its start alone. */
const READ_ONCE = ['prometheus', 'alertmanager', 'syslog-ng', 'loki', 'grafana']

/** Where parts of core find a directory of state/core. */
const MOUNTED = { traefik: ['edge', '/srv/edge'], 'node-exporter': ['metrics', '/srv/metrics'] } as const
type Reader = keyof typeof MOUNTED
const READERS: readonly Reader[] = ['traefik', 'node-exporter']

/** Services that run on files of before, besides those that are to be changed anyhow. */
export async function outdatedServices(
  core: Unit,
  { services, containers }: Ground,
  changes: Change[],
): Promise<string[]> {
  const runs = (part: string) => {
    const name = core.service(part)
    if (!services.some((one) => one.name === name) || changes.some(({ service }) => service === name)) return undefined
    return running(core, containers, part)
  }
  const older = READ_ONCE.map(async (part) => {
    const container = runs(part)
    const written = container ? await lastWritten(join(core.settings.root, 'core', part)) : 0
    return container && written > Date.parse(container.startedAt) ? [container.service] : []
  })
  const traefik = runs('traefik')
  return [...(await Promise.all(older)).flat(), ...(traefik && (await isOutdated(core)) ? [traefik.service] : [])]
}

const running = (core: Unit, containers: Container[], part: string) =>
  containers.find(({ service, status }) => service === core.service(part) && status === 'running')

/** When the newest of a directory's files was written, in milliseconds since 1970. */
async function lastWritten(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Math.max(...(await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs))))
}

/**
 * Whether a running part of core reads another directory than the one that is here: state/ was lost, or put back from a
 * copy, and a mount stays with the directory that it was made of.
 */
export async function readsAnother(core: Unit, part: Reader): Promise<boolean> {
  const [name, mount] = MOUNTED[part]
  const file = `.${randomBytes(6).toString('hex')}`
  const here = join(core.state(name), file)
  await makeDirectory(core.state())
  await mkdir(core.state(name), { recursive: true, mode: 0o755 })
  await writeFile(here, '')
  try {
    const look = ['test', '-e', `${mount}/${file}`]
    const { code } = await dockerExec(core.container(part), look, { timeout: 6, nothrow: true })
    return code === 1
  } finally {
    await rm(here, { force: true })
  }
}

/** Restart what reads a directory that is gone, and say which services that were. @throws OperatorError (1) */
export async function restartBlind(core: Unit, containers: Container[], { step, warn }: Reporter): Promise<string[]> {
  const parts = READERS.filter((part) => running(core, containers, part))
  const found = await Promise.all(parts.map((part) => readsAnother(core, part)))
  const blind = parts.filter((_, index) => found[index])
  if (blind.length === 0) return []
  warn(`${core.state()} is not the directory that ${blind.join(' and ')} started with: it was lost, or put back`)
  const names = blind.map((part) => core.container(part))
  await step(`Restart ${names.join(' and ')}`, () => docker(['restart', ...names], { timeout: 120 }))
  return blind.map((part) => core.service(part))
}
