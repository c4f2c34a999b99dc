/** The proof of a backup: its copy was booted and answered. What it said is kept beside the snapshot. */
import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { OperatorError } from '../errors.ts'
import type { Ask } from '../mariadb.ts'
import { fingerprint, type Manifest, type SiteConfig } from './manifest.ts'

/** Documents whose number and newest name say whether the books are there. */
const KEY_DOCTYPES = [
  ...['User', 'Company', 'Account', 'Customer', 'Supplier', 'Item', 'File', 'ToDo', 'Communication'],
  ...['Sales Invoice', 'POS Invoice', 'Purchase Invoice', 'Payment Entry', 'Journal Entry', 'GL Entry'],
  ...['Sales Order', 'Purchase Order', 'Delivery Note', 'Purchase Receipt', 'Stock Entry', 'Stock Ledger Entry'],
]

/** What a database answered. Equal answers mean equal books. */
export interface Answers {
  baseTables: number
  sequences: number
  /** Rows and the newest document by doctype. */
  doctypes: Record<string, { rows: number; newest: string }>
  /** Sums over `tabGL Entry`, as the database writes them. */
  ledger: { debit: string; credit: string; difference: string }
  /** The last number given out, by series. */
  series: Record<string, string>
  /** Stored secrets, and how many of them the site's key opened. */
  secrets: { stored: number; opened: number }
}

export interface Proof {
  format: number
  tenant: string
  /** The full id of the snapshot that is proven. */
  snapshot: string
  /** SHA-256 of its manifest.json. */
  manifest: string
  /** UTC, ISO 8601. */
  at: string
  answers: Answers
  /** What is true of the books themselves, and no fault of the copy. */
  remarks: string[]
  /** Mails that waited to be sent; older proofs do not say. */
  mails?: number
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** One number for all answers: an export carries it. */
export function digestOf(answers: Answers): string {
  const series = Object.fromEntries(Object.entries(answers.series).sort())
  return sha256(JSON.stringify({ ...answers, series }))
}

/** Ask a database about the books of a site, by three clients at once: what takes long are the counts. */
export async function askBooks(ask: Ask, schema: string, key: string | undefined): Promise<Answers> {
  const tables = await ask(
    `select table_name, table_type from information_schema.tables where table_schema='${schema}'`,
  )
  const count = (wanted: string) => tables.filter(([, type]) => type === wanted).length
  const present = new Set(tables.map(([name = '']) => name))
  const doctypes = KEY_DOCTYPES.filter((doctype) => present.has(`tab${doctype}`))
  const others = async () => ({
    ledger: present.has('tabGL Entry') ? await askLedger(ask, schema) : { debit: '0', credit: '0', difference: '0' },
    series: await askSeries(ask, schema),
    secrets: await askSecrets(ask, schema, key),
  })
  const half = Math.ceil(doctypes.length / 2)
  const [some, more, told] = await Promise.all([
    askDoctypes(ask, schema, doctypes.slice(0, half)),
    askDoctypes(ask, schema, doctypes.slice(half)),
    others(),
  ])
  return { baseTables: count('BASE TABLE'), sequences: count('SEQUENCE'), doctypes: { ...some, ...more }, ...told }
}

/** In one batch: a round trip for each of twenty doctypes would take longer than the counting. */
async function askDoctypes(ask: Ask, schema: string, doctypes: string[]): Promise<Answers['doctypes']> {
  if (doctypes.length === 0) return {}
  const one = (doctype: string) => {
    const table = `\`${schema}\`.\`tab${doctype}\``
    return `select '${doctype}', count(*), ifnull((select name from ${table} order by creation desc, name desc limit 1), '') from ${table}`
  }
  const rows = await ask(`${doctypes.map(one).join(' union all ')}`)
  return Object.fromEntries(rows.map(([name = '', count, newest = '']) => [name, { rows: Number(count), newest }]))
}

/** Mails that frappe sends at the next chance (email/queue.py). */
export async function askMails(ask: Ask, schema: string): Promise<number> {
  const table = await ask(
    `select 1 from information_schema.tables where table_schema='${schema}' and table_name='tabEmail Queue'`,
  )
  if (table.length === 0) return 0
  const states = "'Not Sent', 'Sending', 'Partially Sent'"
  const [[count = '0'] = []] = await ask(
    `select count(*) from \`${schema}\`.\`tabEmail Queue\` where status in (${states})`,
  )
  return Number(count)
}

/** Who may sign in, or may not. */
export const askUsers = async (ask: Ask, schema: string, enabled: boolean): Promise<string[]> =>
  (await ask(`select name from \`${schema}\`.tabUser where enabled = ${enabled ? 1 : 0}`)).map(([name = '']) => name)

async function askSeries(ask: Ask, schema: string): Promise<Answers['series']> {
  const rows = await ask(`select name, current from \`${schema}\`.tabSeries`)
  return Object.fromEntries(rows.map(([name = '', current = '']) => [name, current]))
}

/** Stored secrets are Fernet tokens under the site's key (frappe/utils/password.py). */
async function askSecrets(ask: Ask, schema: string, key: string | undefined): Promise<Answers['secrets']> {
  const tokens = await ask(`select password from \`${schema}\`.__Auth where encrypted=1 limit 200`)
  const opened = tokens.filter(([token = '']) => key !== undefined && opens(key, token))
  return { stored: tokens.length, opened: opened.length }
}

/** True where a Fernet key opens a token: version 128, time, IV, AES-128-CBC, HMAC-SHA256 (the Fernet specification). */
export function opens(key: string, token: string): boolean {
  const [keys, bytes] = [Buffer.from(key, 'base64url'), Buffer.from(token, 'base64url')]
  if (keys.length !== 32 || bytes.length < 73 || bytes[0] !== 0x80) return false
  const signed = bytes.subarray(0, -32)
  const mac = createHmac('sha256', keys.subarray(0, 16)).update(signed).digest()
  if (!timingSafeEqual(mac, bytes.subarray(-32))) return false
  try {
    const cipher = createDecipheriv('aes-128-cbc', keys.subarray(16), signed.subarray(9, 25))
    cipher.update(signed.subarray(25))
    cipher.final()
    return true
  } catch {
    return false
  }
}

/**
 * Judge what the booted copy answered.
 * @param live asks the running database, to tell books that do not balance from a copy that is torn
 * @param safety it saves what a restore replaces: a lost key is what that mends
 * @returns what is true of the books themselves
 * @throws OperatorError (1) that says why the copy proves nothing.
 */
export async function judge(
  manifest: Manifest,
  stored: { manifest: string; config: SiteConfig },
  answers: Answers,
  { live, safety = false }: { live?: Ask; safety?: boolean } = {},
): Promise<string[]> {
  const fail = (why: string, hint?: string) =>
    new OperatorError(`${manifest.tenant}: the backup is not proven: ${why}`, { hint })
  if (stored.manifest !== JSON.stringify(manifest)) throw fail('the snapshot holds another manifest')
  if (fingerprint(stored.config.encryption_key) !== manifest.keyFingerprint)
    throw fail("the site's encryption key changed while it was copied")
  if (answers.baseTables === 0) throw fail(`the copy has no table of ${manifest.schema}`)
  const { opened } = answers.secrets
  const lost = unopened(answers)
  if (lost[0] && opened === 0 && !safety)
    throw fail(lost[0], 'an earlier backup has the key: docs/backup.md#the-encryption-key-is-another-one')
  const { difference } = answers.ledger
  if (Number(difference) === 0) return lost
  const now = live && (await askLedger(live, manifest.schema)).difference
  if (now === difference) return [...lost, `the books themselves do not balance: debit less credit is ${difference}`]
  throw fail(`debit less credit of the copy is ${difference}`)
}

/** A site that lost its key has made itself another, which opens what was stored since: the rest is lost with the old one. */
export function unopened({ secrets: { stored, opened } }: Answers): string[] {
  if (opened === stored) return []
  return [`the encryption key opens ${opened === 0 ? 'none' : `only ${opened}`} of the site's ${stored} stored secrets`]
}

/** Debit, credit, and debit less credit to the cent, as the database computes it. */
async function askLedger(ask: Ask, schema: string): Promise<Answers['ledger']> {
  const sums = 'ifnull(sum(debit), 0), ifnull(sum(credit), 0), ifnull(round(sum(debit) - sum(credit), 2), 0)'
  const [[debit = '', credit = '', difference = ''] = []] = await ask(
    `select ${sums} from \`${schema}\`.\`tabGL Entry\``,
  )
  return { debit, credit, difference }
}

/** @throws OperatorError (1) where the text is no proof of this snapshot. */
export function parseProof(text: string, snapshot: string, manifest: string): Proof {
  const fail = (why: string) => new OperatorError(`snapshot ${snapshot.slice(0, 8)} is not verified: ${why}`)
  let proof: Proof
  try {
    proof = JSON.parse(text)
  } catch {
    throw fail('its proof is not readable')
  }
  if (proof?.snapshot !== snapshot) throw fail('its proof names another snapshot')
  if (proof.manifest !== sha256(manifest)) throw fail('its manifest is not the one that was proven')
  return proof
}
