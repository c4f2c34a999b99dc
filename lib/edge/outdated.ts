/** Which of core's services run on files of before, or on a directory that is gone: Compose sees neither. */
import { chmod, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container } from '../containers.ts'
import type { Change } from '../deploy.ts'
import { docker, dockerExec } from '../docker.ts'
import { preconditionError } from '../errors.ts'
import { makeDirectory } from '../files.ts'
import type { Ground } from '../preflight.ts'
import type { Unit } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { isOutdated } from './traefik.ts'

/** What reads all its files, which are in core/<part>, at its start alone. */
const READ_ONCE = ['prometheus', 'alertmanager', 'syslog-ng', 'loki', 'grafana']

/** Where parts of core find a directory of state/core. */
const MOUNTED = { traefik: ['edge', '/srv/edge'], 'node-exporter': ['metrics', '/srv/metrics'] } as const
export type Reader = keyof typeof MOUNTED
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
 * copy, and a mount stays with the directory that it was made of. What cannot be asked is no reason to think so.
 */
async function readsAnother(core: Unit, part: Reader): Promise<boolean> {
  const [name, mount] = MOUNTED[part]
  const inode = ['stat', '-c', '%i', mount]
  const { code, stdout } = await dockerExec(core.container(part), inode, { timeout: 6, nothrow: true })
  const here = await stat(core.state(name), { bigint: true }).catch(() => undefined)
  return code === 0 && /^\d+$/.test(stdout.trim()) && stdout.trim() !== String(here?.ino)
}

/** The parts that run and read another. */
export async function blindParts(core: Unit, containers: Container[]): Promise<Reader[]> {
  const parts = READERS.filter((part) => running(core, containers, part))
  const found = await Promise.all(parts.map((part) => readsAnother(core, part)))
  return parts.filter((_, index) => found[index])
}

/** Restart them on what is here now, which their users must be able to read. @throws OperatorError (1), (3) */
export async function restartBlind(core: Unit, parts: Reader[], { step, warn }: Reporter): Promise<void> {
  if (parts.length === 0) return
  warn(`${core.state()} is not the directory that ${parts.join(' and ')} started with: it was lost, or put back`)
  for (const part of parts) await makeReadable(core.state(MOUNTED[part][0]))
  const names = parts.map((part) => core.container(part))
  await step(`Restart ${names.join(' and ')}`, () => docker(['restart', ...names], { timeout: 120 }))
}

async function makeReadable(directory: string): Promise<void> {
  await makeDirectory(directory)
  await chmod(directory, 0o755)
  for (const name of await readdir(directory)) await chmod(join(directory, name), 0o644)
}

/** Does nothing where Traefik does not run. @throws OperatorError (3) where it would not see what is published */
export async function refuseBlind(core: Unit): Promise<void> {
  if (!(await readsAnother(core, 'traefik'))) return
  throw preconditionError(
    `${core.state('edge')} is not the directory that Traefik looks at: state/ was lost, or put back; nothing was published`,
    'npx zx scripts/deploy.ts core restarts it and publishes all',
  )
}
