/** A session of the desk made inside the backend (what `bench browse` does): no password is needed, and it does not outlive us. */
import { once } from 'node:events'
import { PYTHON } from './frappe.ts'
import { hold, lineOf } from './jobs.ts'
import { learnSecret } from './redact.ts'
import type { Tenant } from './registry.ts'

/** Seconds until it must be there, and until it must be gone. */
const LIMIT = 60

/** The end of stdin ends the session: also where the script was killed. */
const PROGRAM = [
  'import sys, frappe',
  'from frappe.auth import CookieManager, LoginManager',
  'from frappe.sessions import delete_session',
  'from frappe.utils import set_request',
  'frappe.init(sys.argv[1]); frappe.connect(); set_request(path="/")',
  'frappe.local.cookie_manager = CookieManager()',
  'frappe.local.login_manager = LoginManager()',
  'frappe.local.login_manager.login_as("Administrator"); frappe.db.commit()',
  'print("sid=" + frappe.session.sid, flush=True)',
  'sys.stdin.read()',
  'delete_session(frappe.session.sid); frappe.db.commit()',
].join('\n')

/**
 * Be the Administrator while `work` is done; it gets the value of the header `Cookie`.
 * @throws OperatorError (1) where the backend makes no session
 */
export async function withSession<T>(tenant: Tenant, work: (cookie: string) => Promise<T>): Promise<T> {
  const child = hold(['exec', '-i', tenant.container('backend'), PYTHON, '-c', PROGRAM, tenant.site])
  const ended = once(child, 'close')
  try {
    const failed = `${tenant.name}: the backend makes no session`
    const sid = (await lineOf(child, LIMIT, failed, (line) => line.startsWith('sid='))).slice('sid='.length)
    learnSecret(sid)
    return await work(`sid=${sid}`)
  } finally {
    const patience = setTimeout(() => child.kill('SIGKILL'), LIMIT * 1000)
    child.stdin?.end()
    await ended
    clearTimeout(patience)
  }
}
