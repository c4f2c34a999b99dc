/** Works with a stack's site as a user does: signs in through the frontend, inserts documents, keeps a secret. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { docker, type TestStack } from './harness.ts'

export interface Books {
  /** Insert a document; returns its name. Throws where the site refuses. */
  insert(doctype: string, document: object): Promise<string>
  /** A submitted journal entry of this amount: two ledger entries and the next number. */
  bookEntry(amount: number): Promise<string>
  /** Ask the database by the socket account; rows of columns. */
  sql(query: string): string[][]
  /** Run python in the backend, connected to the site. Returns what it prints. */
  python(code: string): string
  /** GET a path of the frontend with the session. */
  get(path: string): Promise<Response>
}

const COMPANY = { company_name: 'Test Ltd', abbr: 'TL', default_currency: 'EUR' }

/** Sign in as Administrator; the company is made where it is missing. */
export async function openBooks(
  stack: TestStack,
  prefix = 'dickson',
  site = 'erp.dickson-supplies.com',
): Promise<Books> {
  const format = `{{(index .NetworkSettings.Networks "${stack.prefix}${prefix === 'erpnext' ? 'byrne' : prefix}-edge").IPAddress}}`
  const base = `http://${docker('inspect', '--format', format, stack.container(`${prefix}-frontend`))}:8080`
  const password = readFileSync(join(stack.home, 'secrets', `${prefix}_admin_password.txt`), 'utf8')
  const login = await fetch(`${base}/api/method/login`, {
    method: 'POST',
    body: new URLSearchParams({ usr: 'Administrator', pwd: password }),
  })
  const sid = /sid=([0-9a-f]{56})/.exec(login.headers.get('set-cookie') ?? '')?.[1]
  if (!sid) throw new Error(`no session: HTTP ${login.status}`)
  const headers: Record<string, string> = { Cookie: `sid=${sid}` }
  const desk = await (await fetch(`${base}/desk`, { headers })).text()
  headers['X-Frappe-CSRF-Token'] = /csrf_token = "([0-9a-f]{56})"/.exec(desk)?.[1] ?? ''
  headers['Content-Type'] = 'application/json'

  async function insert(doctype: string, document: object): Promise<string> {
    const url = `${base}/api/resource/${encodeURIComponent(doctype)}`
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(document) })
    if (answer.status !== 200) throw new Error(`${doctype}: HTTP ${answer.status}: ${await answer.text()}`)
    return ((await answer.json()) as { data: { name: string } }).data.name
  }
  const books: Books = {
    insert,
    bookEntry: (amount) =>
      insert('Journal Entry', {
        docstatus: 1,
        company: COMPANY.company_name,
        posting_date: '2026-11-01',
        accounts: [
          { account: 'Cash - TL', debit_in_account_currency: amount },
          { account: 'Sales - TL', credit_in_account_currency: amount },
        ],
      }),
    sql: (query) => {
      const db = stack.container(`${prefix}-db`)
      const schema = docker('exec', db, 'mariadb', '-Ne', "show databases like '\\_%'")
      const answer = docker('exec', db, 'mariadb', '-N', '--batch', '-e', query, schema)
      return answer
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('\t'))
    },
    python: (code) =>
      docker(
        ...['exec', '--workdir', '/home/frappe/frappe-bench/sites', stack.container(`${prefix}-backend`)],
        ...['/home/frappe/frappe-bench/env/bin/python', '-c'],
        `import frappe; frappe.init(${JSON.stringify(site)}); frappe.connect()\n${code}\nfrappe.db.commit()`,
      ),
    get: (path) => fetch(`${base}${path}`, { headers }),
  }
  if (books.sql('select name from tabCompany').length === 0) await insert('Company', COMPANY)
  return books
}
