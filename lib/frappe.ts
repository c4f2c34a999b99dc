/** Speaks with a running site: one order by stdin to a program of tenant/, one answer back (tenant/order.py). */
import { dockerExec, lastLines } from './docker.ts'
import { OperatorError, preconditionError } from './errors.ts'
import type { Tenant } from './registry.ts'

/** The programs that take an order; tenant/order.py carries it. */
const PROGRAMS = { sso: '/opt/erp/sso.py', users: '/opt/erp/users.py' } as const
const PYTHON = '/home/frappe/frappe-bench/env/bin/python'

/**
 * Have a verb of `tenant/<program>.py` done in the tenant's backend, in one transaction. Secrets travel by stdin.
 * @throws OperatorError (3) where it refuses or the backend does not run; (1) where it fails: nothing was committed.
 */
export async function askSite<T>(
  tenant: Tenant,
  program: keyof typeof PROGRAMS,
  verb: string,
  order: object = {},
): Promise<T> {
  const input = `${JSON.stringify({ ...order, verb, site: tenant.site })}\n`
  const command = [PYTHON, PROGRAMS[program]]
  const options = { input, holdStdin: true, timeout: 120, nothrow: true }
  const { code, stdout, stderr } = await dockerExec(tenant.container('backend'), command, options)
  if (code !== 0 && /No such container|is not running|is paused/.test(stderr)) {
    const hint = `npx zx scripts/tenant.ts ${tenant.name} start`
    throw preconditionError(`${tenant.name}: the backend does not run: ${lastLines(stderr, 1)}`, hint)
  }
  const answer = stdout.trim().split('\n').at(-1) ?? ''
  if (code !== 0 || !answer.startsWith('{'))
    throw new OperatorError(`${tenant.name}: ERPNext did not do it: ${lastLines(stderr || stdout, 2)}`)
  const found = JSON.parse(answer) as T & { refused?: string }
  if (found.refused) throw preconditionError(`${tenant.name}: ${found.refused}`)
  return found
}
