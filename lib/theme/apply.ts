/** Applies a theme as one transaction: checked, published and set, seen with a browser's eyes; or the earlier one is back. */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { tenantContainers } from '../containers.ts'
import { EXIT, isFailure, messageOf, OperatorError, preconditionError } from '../errors.ts'
import { makeDirectory, writeAtomically } from '../files.ts'
import type { Tenant, Unit } from '../registry.ts'
import type { Reporter } from '../reporter.ts'
import { doorsOf, glanceAtTheme, proveTheme } from './prove.ts'
import { type Applied, type Look, orderTheme, type Where } from './site.ts'
import { prepareTheme, type Theme } from './theme.ts'

/** What stands around a tenant: how a browser comes in. */
export interface Front {
  core: Unit
  registry: Tenant[]
}

/** What to put on: the brand as it is in its folder, or the theme before the one that is on. */
export type Wanted = Theme | 'earlier'

/**
 * Publish and set, without looking. `gently`: a theme that an operator rolled back from stays off.
 * @throws OperatorError (3), (1) or (4) as orderTheme
 */
export async function setTheme(
  tenant: Tenant,
  wanted: Wanted,
  { where = 'backend', dry = false, gently = false }: { where?: Where; dry?: boolean; gently?: boolean } = {},
): Promise<Applied> {
  if (wanted === 'earlier') {
    const seen = await readSeen(tenant)
    const { mark } = await orderTheme<Look>(tenant, { action: 'look' }, where)
    const pending = seen.leaving !== undefined && mark?.rejected === seen.leaving
    if (!dry && !pending && mark) await writeSeen(tenant, { ...seen, leaving: mark.generation })
    return orderTheme(tenant, { action: 'apply', rollback: true, dry, pending }, where)
  }
  return orderTheme(tenant, { action: 'apply', dry, gently, ...wanted }, where)
}

/** A deploy goes on without a theme, and ends with why there is none: people can work. */
export function tryTheme(tenant: Tenant, theme: Theme, where: Where = 'backend'): Promise<Applied> {
  return setTheme(tenant, theme, { where, gently: true }).catch((error) => {
    if (!isFailure(error)) throw error
    return { generation: theme.manifest.id, changed: [], kept: [], failed: error }
  })
}

/**
 * See that browsers get what was set; what was proven before and has not changed is only glanced at.
 * @param open whether the public hosts answer; else the site is asked at its frontend
 * @throws OperatorError (1): the earlier theme is back where there was another; (4) where that failed as well
 */
export async function seeTheme(
  tenant: Tenant,
  applied: Applied,
  front: Front,
  { step, warn }: Reporter,
  { glance = true, open = true } = {},
): Promise<void> {
  for (const field of applied.kept)
    warn(`${tenant.name}: ${field}: set by hand, it stays; empty it to take the brand's`)
  const { manifest, before, after, changed, failed, configured } = applied
  if (failed) throw failed
  if (!manifest) return
  const proven = changed.length === 0 && (await readSeen(tenant)).generation === manifest.id
  if (proven && !glance) return
  try {
    await step('See what browsers get', async (note) => {
      const doors = await doorsOf(tenant, front.core, open ? front.registry : [])
      if (proven) return glanceAtTheme(tenant, manifest, doors)
      await proveTheme(tenant, manifest, doors, await configAge(tenant, configured), note)
      await writeSeen(tenant, { generation: manifest.id })
    })
  } catch (error) {
    if (!isFailure(error) || !before || !after || changed.length === 0) throw error
    await orderTheme(tenant, { action: 'revert', before, after }).catch((failed) => {
      throw new OperatorError(`${error.message}; and it could not be taken back: ${messageOf(failed)}`, {
        code: EXIT.changed,
        hint: `npx zx scripts/apply-theme.ts ${tenant.name}`,
        cause: error,
      })
    })
    throw new OperatorError(`${error.message}; what was there before is back`, {
      hint: `npx zx scripts/healthcheck.ts ${tenant.name}`,
      cause: error,
    })
  }
}

/** Seconds for which a web worker may have kept older settings: none of those that began after the last change has any. */
async function configAge(tenant: Tenant, configured = 0): Promise<number> {
  const backend = (await tenantContainers(tenant)).find(({ service }) => service === tenant.service('backend'))
  const began = backend ? Date.parse(backend.startedAt) / 1000 : 0
  return began > configured ? Number.POSITIVE_INFINITY : Date.now() / 1000 - configured
}

/** After other verbs have changed what the site is: whatever fails is told, and holds nothing up. */
export async function themeAgain(tenant: Tenant, front: Front, reporter: Reporter): Promise<void> {
  try {
    const theme = await prepareTheme(tenant)
    const applied = await reporter.step('Put the current theme on', () => setTheme(tenant, theme, { gently: true }))
    await seeTheme(tenant, applied, front, reporter, { glance: false })
  } catch (error) {
    if (!isFailure(error)) throw error
    reporter.warn(`${error.message}; then npx zx scripts/apply-theme.ts ${tenant.name}`)
  }
}

/** @throws OperatorError (3) where the site does not run: a theme is put on what somebody can look at. */
export async function requireBackend(tenant: Tenant): Promise<void> {
  const containers = await tenantContainers(tenant)
  const running = (part: string) =>
    containers.some(({ service, status }) => service === tenant.service(part) && status === 'running')
  const stopped = ['db', 'backend', 'frontend'].find((part) => !running(part))
  if (stopped)
    throw preconditionError(
      `${tenant.name}: ${tenant.service(stopped)} does not run; nothing was changed`,
      `npx zx scripts/deploy.ts ${tenant.name}`,
    )
}

/** What is on, what can be gone back to, and whether it is what the brand's folder says. */
export async function themeStatus(tenant: Tenant): Promise<Status> {
  await requireBackend(tenant)
  const { mark, manifest, generations, foreign } = await orderTheme<Look>(tenant, { action: 'look' })
  const brand = await prepareTheme(tenant).then(
    (theme) => setTheme(tenant, theme, { dry: true }),
    (error) => messageOf(error),
  )
  const differs = typeof brand === 'string' ? [brand] : brand.changed
  return {
    tenant: tenant.name,
    brand: manifest?.brand ?? null,
    generation: mark?.generation ?? null,
    previous: mark?.previous ?? null,
    rejected: mark?.rejected ?? null,
    generations,
    others: [...foreign, ...(typeof brand === 'string' ? [] : brand.kept)],
    differs,
  }
}

/** What `apply-theme.ts --status` tells. */
export interface Status {
  tenant: string
  brand: string | null
  generation: string | null
  /** What --rollback would put on. */
  previous: string | null
  /** What was rolled back from: a deploy leaves it off. */
  rejected: string | null
  generations: string[]
  /** Entries, HTML and fields of somebody else. */
  others: string[]
  /** What an apply would change, or why the brand would be refused. */
  differs: string[]
}

const seenFile = (tenant: Tenant) => tenant.state('theme.json')

interface Seen {
  /** The theme that browsers were last seen to get. */
  generation?: string
  /** A rollback from this one has begun, and nobody has seen what came of it: typed again it is finished, and goes to no other. */
  leaving?: string
}

async function readSeen(tenant: Tenant): Promise<Seen> {
  try {
    return JSON.parse(await readFile(seenFile(tenant), 'utf8')) as Seen
  } catch {
    return {} // none, or a torn one: it is proven again
  }
}

async function writeSeen(tenant: Tenant, seen: Seen): Promise<void> {
  await makeDirectory(dirname(seenFile(tenant)))
  const text = `${JSON.stringify({ ...seen, at: new Date().toISOString() })}\n`
  await writeAtomically(seenFile(tenant), text, 0o600)
}
