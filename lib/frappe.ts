/** Speaks with a running site: one order to a program of tenant/, one answer back (tenant/order.py). */
import { setTimeout as sleep } from 'node:timers/promises'
import { $ } from 'zx/core'
import { giveOrder } from './order.ts'
import type { Tenant } from './registry.ts'

/** The programs that take an order; tenant/order.py carries it. */
const PROGRAMS = { sso: '/opt/erp/sso.py', users: '/opt/erp/users.py' } as const
/** The bench's own, with frappe in it. */
export const PYTHON = '/home/frappe/frappe-bench/env/bin/python'

/**
 * Have a verb of `tenant/<program>.py` done in the tenant's backend, in one transaction. Secrets travel by stdin.
 * @param timeout seconds
 * @throws OperatorError (3) where it refuses or the backend does not run; (1) where it fails: nothing was committed.
 */
export function askSite<T>(
  { name, site, container }: Tenant,
  program: keyof typeof PROGRAMS,
  verb: string,
  order: object = {},
  timeout?: number,
): Promise<T> {
  const taker = { owner: name, name: 'the backend', remedy: `npx zx scripts/tenant.ts ${name} start` }
  return giveOrder<T>(container('backend'), [PYTHON, PROGRAMS[program]], { ...order, verb, site }, taker, timeout)
}

/** Seconds after which every process of a site has read its configuration again (a web worker keeps it for 60: rehearsal/CONTRACT.md, Theme). */
const CONFIG_CACHE = 65

/**
 * Wait until every process of a site works by its configuration as it is.
 * @param age seconds since site_config.json was changed; negative where its time lies in the future
 */
export async function untilConfigIsRead(age: number, note: (text: string) => void): Promise<void> {
  const wait = Math.min(CONFIG_CACHE, Math.ceil(CONFIG_CACHE - age))
  if (wait <= 0) return
  note(`site_config.json has just changed: ${wait} s until every process has read it`)
  await sleep(wait * 1000, undefined, $.signal && { signal: $.signal })
}
