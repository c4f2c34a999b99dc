/**
 * Publishes dynamic files: checked together, written beside and renamed into the directory that Traefik watches, and put
 * back when Traefik does not take them. A file `published.yml` beside them carries a mark that Traefik shows in its API:
 * so it is known which state of the directory it has loaded.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { isRunning } from '../containers.ts'
import { messageOf, OperatorError, preconditionError } from '../errors.ts'
import { makeDirectory, writeAtomically } from '../files.ts'
import type { Tenant, Unit } from '../registry.ts'
import { SHARED, verifyEdge } from './check.ts'
import type { Source } from './file.ts'
import { coreHolders, DOMAIN } from './holders.ts'
import { refuseBlind } from './outdated.ts'
import { edgeSettings } from './settings.ts'
import { awaitTaken } from './traefik.ts'

const MARK = 'published'

/** What stands in a directory of dynamic files. */
type Files = Map<string, Source>

export interface Order {
  core: Unit
  registry: readonly Tenant[]
  /** Whose files are published, besides the shared one. */
  names: readonly string[]
  /** Take out the files of those who are no longer there. */
  tidy?: boolean
  /** Give a new mark where nothing changed: Traefik then asks again for the certificates that it lacks. */
  again?: boolean
}

/** What publishing would write and remove, by name. */
export interface Plan {
  before: Files
  after: Files
  changed: string[]
}

/** The directory that Traefik watches. */
const publishedDirectory = (core: Unit) => core.state('edge')

/** The files in it, but for the mark. */
export const publishedFiles = async (core: Unit): Promise<Source[]> => [
  ...(await readFiles(publishedDirectory(core), core.settings.home)).values(),
]

/** The names of those among these holders whose files are published. */
export async function publishedNames(core: Unit, holders: readonly { name: string }[]): Promise<string[]> {
  const files = await readFiles(publishedDirectory(core), core.settings.home)
  return holders.map(({ name }) => name).filter((name) => files.has(name))
}

/**
 * Check what the directory would hold.
 * @throws OperatorError (3) with every fault as `file:line: message`; nothing was written.
 */
export async function planPublishing({ core, registry, names, tidy = false }: Order): Promise<Plan> {
  const { root, home } = core.settings
  const { domain } = edgeSettings(core.settings)
  const holders = { tenants: registry, domain }
  const owners = [...registry, ...coreHolders(domain)]
  const before = await readFiles(publishedDirectory(core), home)
  const written = await readFiles(join(root, 'core/traefik/dynamic'), root)
  const sources: Files = new Map(
    [...written].map(([name, one]) => [name, { ...one, text: one.text.replaceAll(DOMAIN, domain ?? DOMAIN) }]),
  )
  const known = (name: string) => name === SHARED || owners.some((owner) => owner.name === name)
  const after: Files = new Map([...before].filter(([name]) => !tidy || known(name)))
  for (const name of [SHARED, ...names]) {
    const source = sources.get(name)
    if (!source) throw preconditionError(`core/traefik/dynamic/${name}.yml is missing`, 'see docs/adding-a-tenant.md')
    after.set(name, source)
  }
  const published = await isAsPublished(core)
  verifyEdge([...after.values()], holders, published ? [SHARED, ...names] : undefined)
  if (!published) refuseChanged(after, [SHARED, ...names], sources)
  const all = new Set([...before.keys(), ...after.keys()])
  return { before, after, changed: [...all].filter((name) => before.get(name)?.text !== after.get(name)?.text).sort() }
}

/**
 * One that was changed by hand would be taken for published from now on, though it keeps the rules.
 * @throws OperatorError (3) that names it
 */
function refuseChanged(after: Files, publishing: string[], sources: Files): void {
  const changed = [...after.values()].filter(({ name, text }) => {
    const source = sources.get(name)
    return !publishing.includes(name) && source !== undefined && source.text !== text
  })
  if (changed.length === 0) return
  throw preconditionError(
    `not as it was published: ${changed.map(({ path }) => path).join(', ')}; nothing was changed`,
    'npx zx scripts/deploy.ts core publishes every file as the repository has it',
  )
}

/**
 * Publish, and see that Traefik, where it runs, has taken it; call it under core's lock.
 * @returns the names whose files changed
 * @throws OperatorError (3) where the check refuses; (1) where Traefik does, and what was there before is back.
 */
export async function publish(order: Order): Promise<string[]> {
  const { core, again = false } = order
  const { before, after, changed } = await planPublishing(order)
  const mark = await readMark(core)
  const fresh = !again && changed.length === 0 && mark?.startsWith(digest(after))
  const running = await isRunning(core, 'traefik')
  if (running && !fresh) await refuseBlind(core)
  const now = fresh && mark ? mark : await write(core, before, after)
  if (!running) return changed
  try {
    await awaitTaken(core, now)
  } catch (error) {
    if (changed.length === 0) {
      await refuseBlind(core)
      throw error
    }
    await write(core, after, before)
    throw new OperatorError(`${messageOf(error)}; the files before were put back`, {
      hint: (error instanceof OperatorError && error.hint) || 'correct the file and deploy again',
      cause: error,
    })
  }
  return changed
}

/** Write what differs, remove what is gone, and last the mark. Returns it. */
async function write(core: Unit, before: Files, after: Files): Promise<string> {
  const directory = publishedDirectory(core)
  await makeDirectory(core.state())
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o755) // Traefik's user reads it through the mount
  for (const [name, { text }] of after) {
    if (before.get(name)?.text !== text) await writeAtomically(join(directory, `${name}.yml`), text, 0o644)
  }
  for (const name of before.keys()) {
    if (!after.has(name)) await rm(join(directory, `${name}.yml`), { force: true })
  }
  const mark = `${digest(after)}-${Date.now().toString(36)}`
  const text = `# Which state of this directory Traefik has loaded: lib/edge asks its API for this name.
http: { middlewares: { ${MARK}-${mark}: { stripPrefix: { prefixes: [/] } } } }\n`
  await writeAtomically(join(directory, `${MARK}.yml`), text, 0o644)
  return mark
}

/** The mark in the directory; it begins with the digest of the files that were published with it. */
export async function readMark(core: Unit): Promise<string | undefined> {
  const text = await readFile(join(publishedDirectory(core), `${MARK}.yml`), 'utf8').catch(() => '')
  return new RegExp(`${MARK}-([0-9a-z-]+)`).exec(text)?.[1]
}

/** Whether the directory holds what was published, and nothing was written there by hand. */
export async function isAsPublished(core: Unit): Promise<boolean> {
  const files = await readFiles(publishedDirectory(core), core.settings.home)
  return (await readMark(core))?.startsWith(`${digest(files)}-`) ?? false
}

function digest(files: Files): string {
  const texts = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { text }]) => [name, text])
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 12)
}

async function readFiles(directory: string, from: string): Promise<Files> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort()
  const sources = await Promise.all(
    names.map(async (name): Promise<Source> => {
      const path = join(directory, name)
      return { name: name.replace(/\.ya?ml$/, ''), path: relative(from, path), text: await readFile(path, 'utf8') }
    }),
  )
  return new Map(sources.filter(({ name }) => name !== MARK).map((source) => [source.name, source]))
}
