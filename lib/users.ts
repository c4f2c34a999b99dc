/** The users of a tenant: who is to be added is checked as a whole, here and by the site, before anybody is. */
import { readFile } from 'node:fs/promises'
import { type CsvRow, parseCsv } from './csv.ts'
import { messageOf, preconditionError, quoted } from './errors.ts'
import { askSite } from './frappe.ts'
import type { Tenant } from './registry.ts'

/** Somebody to be added. */
export interface NewUser {
  email: string
  first_name: string
  last_name: string
  roles: string[]
}

/** A user as the site has it. */
export interface User {
  email: string
  name: string
  /** May open the desk. */
  desk: boolean
  enabled: boolean
  /** Has signed in through Authentik. */
  sso: boolean
  last_active: string | null
  roles: string[]
}

const HEADER = ['email', 'first_name', 'last_name', 'roles'] as const
const ADDRESS = /^[^\s@,;"<>]+@[^\s@,;"<>]+\.[^\s@,;"<>]+$/

/** Roles as they are typed: `Sales User, Accounts User`; in a file a semicolon divides them too. */
export const splitRoles = (text: string) => [
  ...new Set(
    text
      .split(/[,;]/)
      .map((role) => role.trim())
      .filter(Boolean),
  ),
]

/**
 * Read a CSV file of users, its first line the header `email,first_name,last_name,roles`.
 * @throws OperatorError (3) with every fault and its line
 */
export async function readUsers(file: string): Promise<NewUser[]> {
  const bytes = await readFile(file).catch((error) => {
    throw preconditionError(`${file} cannot be read: ${messageOf(error)}`)
  })
  const text = decoded(file, bytes)
  const { users, faults } = usersOf(text)
  if (faults.length > 0) throw preconditionError(`${file}: ${faults.join('; ')}`, 'correct the file; nobody was added')
  return users
}

function decoded(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw preconditionError(`${file} is not UTF-8`, 'save it as "CSV UTF-8"; nobody was added', error)
  }
}

/** The users of such a text, or everything that is wrong with it. Pure. */
export function usersOf(text: string): { users: NewUser[]; faults: string[] } {
  const rows = rowsOf(text)
  if (typeof rows === 'string') return { users: [], faults: [rows] }
  const [header, ...body] = rows
  const names = header?.cells.map((cell) => cell.trim().toLowerCase()) ?? []
  if (names.join() !== HEADER.join()) {
    return { users: [], faults: [`line 1 must be ${HEADER.join(',')}, not ${quoted(names.join())}`] }
  }
  if (body.length === 0) return { users: [], faults: ['it names nobody'] }
  const read = body.map(({ line, cells }) => ({ line, count: cells.length, user: userOf(cells) }))
  const first = new Map<string, number>()
  const faults = read.flatMap(({ line, count, user }) => {
    const twin = first.get(user.email)
    if (twin === undefined) first.set(user.email, line)
    return [
      ...(count === HEADER.length ? faultsOf(user) : [`${count} fields instead of ${HEADER.length}`]),
      ...(twin !== undefined && user.email !== '' ? [`${user.email} stands in line ${twin} already`] : []),
    ].map((fault) => `line ${line}: ${fault}`)
  })
  return { users: read.map(({ user }) => user), faults }
}

function rowsOf(text: string): CsvRow[] | string {
  try {
    return parseCsv(text)
  } catch (error) {
    return messageOf(error)
  }
}

/** Somebody, by the cells of a row of that file. */
export const userOf = ([email = '', first = '', last = '', roles = '']: string[]): NewUser => ({
  email: email.trim().toLowerCase(),
  first_name: first.trim(),
  last_name: last.trim(),
  roles: splitRoles(roles),
})

/** What is wrong with somebody as such, whatever the site says. */
export function faultsOf({ email, first_name, roles }: NewUser): string[] {
  return [
    ...(ADDRESS.test(email) ? [] : [`${quoted(email)} is no mail address`]),
    ...(first_name === '' ? ['the first name is missing'] : []),
    ...(roles.length === 0 ? ['a role is missing: Frappe would make a website user without a word'] : []),
  ]
}

interface Judged {
  faults: { email: string; fault: string }[]
  limit: number
  recent: number
  beyond: boolean
}

/**
 * Ask the site about all of them.
 * @returns what to say about Frappe's limit, where they exceed it
 * @throws OperatorError (3) with every fault; nobody was added
 */
export async function checkUsers(tenant: Tenant, users: NewUser[]): Promise<string | undefined> {
  const { faults, limit, recent, beyond } = await askSite<Judged>(tenant, 'users', 'check', { users }, patience(users))
  if (faults.length > 0) {
    const told = faults.map(({ email, fault }) => `${email}: ${fault}`).join('; ')
    throw preconditionError(`${tenant.name}: ${told}`, 'nobody was added')
  }
  if (!beyond) return undefined
  return `Frappe takes ${limit} new users an hour and has had ${recent}: for this run alone that limit is lifted`
}

/** Seconds: Frappe takes up to a quarter of one for each, on a busy machine four times as long. */
const patience = (users: NewUser[]) => 60 + users.length

/** Add all of them, or none, in one transaction. @throws OperatorError (3) or (1) */
export const addUsers = (tenant: Tenant, users: NewUser[]) =>
  askSite(tenant, 'users', 'add', { users }, patience(users))

/** Every user of the site but Frappe's own two. */
export const listUsers = async (tenant: Tenant) => (await askSite<{ users: User[] }>(tenant, 'users', 'look')).users

/**
 * Close accounts and end their sessions at once.
 * @param dry only see whether they are there
 * @returns how many sessions were ended
 * @throws OperatorError (3) for somebody who is not there; nobody was disabled
 */
export const disableUsers = async (tenant: Tenant, emails: string[], dry: boolean) =>
  (await askSite<{ sessions: number }>(tenant, 'users', 'disable', { emails, dry })).sessions

/** A user in one line. */
export function describe({ email, name, desk, enabled, sso, last_active: seen, roles }: User): string {
  const state = enabled ? (desk ? 'desk' : 'website') : 'disabled'
  const marks = [sso && 'SSO', seen && `seen ${seen.slice(0, 16)}`].filter(Boolean).join(', ')
  return `${email}  ${name}  ${state}${marks && `  (${marks})`}  ${roles.join(', ')}`
}
