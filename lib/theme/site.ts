/** What the backend is told about a theme, and what it answers: tenant/theme.py does the work, by one order on its stdin. */
import { runArgs } from '../compose.ts'
import { docker, lastLines } from '../docker.ts'
import { EXIT, OperatorError, preconditionError } from '../errors.ts'
import { PYTHON } from '../frappe.ts'
import type { Tenant } from '../registry.ts'
import type { Manifest, Theme } from './theme.ts'

const PROGRAM = [PYTHON, '/opt/erp/theme.py']
/** Seconds. */
const LIMIT = 300

/** Settings as they were before an apply: what revert brings back. */
export type Before = Record<string, unknown>

/** What an apply did, or would do. */
export interface Applied {
  generation: string
  /** Files and settings that were not as the theme has them. */
  changed: string[]
  /** Fields that somebody else has set, as `Website Settings.app_logo: /files/own.png`. */
  kept: string[]
  /** Files that left long ago. */
  removed?: string[]
  manifest?: Manifest
  before?: Before
  /** The same as they were set. */
  after?: Before
  /** When site_config.json was last changed, in seconds since 1970. */
  configured?: number
  /** Why nothing was done, where a deploy goes on without it. */
  failed?: OperatorError
}

/** What `look` tells. */
export interface Look {
  mark: { generation: string; previous?: string; rejected?: string } | null
  /** Kept, the newest first. */
  generations: string[]
  manifest: Manifest | null
  /** What others have put beside ours. */
  foreign: string[]
}

type Order =
  | { action: 'look' }
  | { action: 'revert'; before: Before; after: Before }
  | { action: 'apply'; rollback: true; dry: boolean; pending: boolean }
  | ({ action: 'apply'; dry: boolean; gently: boolean } & Theme)

/** In the running backend, or in a container of its own where that is still to be started. */
export type Where = 'backend' | 'apart'

/**
 * Give an order. Killed, it ends with us; given again it goes on.
 * @throws OperatorError (3) where it is refused, (1) where it failed and the earlier state is there, (4) where it may not be
 */
export async function orderTheme<T>(tenant: Tenant, order: Order, where: Where = 'backend'): Promise<T> {
  const line = JSON.stringify({ site: tenant.site, ...encoded(order) })
  const args =
    where === 'apart'
      ? runArgs(tenant, tenant.service('backend'), PROGRAM)
      : ['exec', '-i', tenant.container('backend'), ...PROGRAM]
  const result = await docker(args, { input: `${line}\n`, holdStdin: true, timeout: LIMIT, nothrow: true })
  const answer = result.stdout.trim().split('\n').at(-1) ?? ''
  const hint = `npx zx scripts/apply-theme.ts ${tenant.name} goes on from here`
  if (result.code !== 0 || !answer.startsWith('{')) {
    const why = result.timedOut
      ? `no end within ${LIMIT} s`
      : lastLines(result.stderr, 1) || `it ended with ${result.code}`
    const apart = result.timedOut || result.code > 1 // 1: it stopped by itself, before anything was switched
    const code = apart ? EXIT.changed : EXIT.failed
    throw new OperatorError(`${tenant.name}: the theme was not applied: ${why}`, { code, hint })
  }
  const outcome = JSON.parse(answer) as T & { refused?: string; failed?: string; reverted?: boolean }
  if (outcome.refused) throw preconditionError(`${tenant.name}: ${outcome.refused}; nothing was changed`)
  if (outcome.failed) {
    const [code, state] = outcome.reverted
      ? [EXIT.failed, 'the earlier theme is back']
      : [EXIT.changed, 'a part of it is set']
    throw new OperatorError(`${tenant.name}: the theme was not applied, ${state}: ${outcome.failed}`, { code, hint })
  }
  return outcome
}

function encoded(order: Order): object {
  if (!('content' in order)) return order
  const base64 = (texts: Record<string, string>) =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]))
  return { ...order, content: base64(order.content), source: base64(order.source) }
}
