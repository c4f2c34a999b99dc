/** Reads back what a browser gets of a theme: each file, the login page and the desk, on connections of their own. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { tenantContainers } from '../containers.ts'
import { addressOf } from '../deploy.ts'
import { edgeOf, visit } from '../edge/hosts.ts'
import { publishedNames } from '../edge/publish.ts'
import { OperatorError } from '../errors.ts'
import { untilConfigIsRead } from '../frappe.ts'
import { type Answer, get } from '../http.ts'
import { deskOf, type Tenant, type Unit } from '../registry.ts'
import { withSession } from '../session.ts'
import type { Manifest } from './theme.ts'

/** Seconds for each page. */
const PATIENCE = 30
const LIMIT = 30
/** Answers in a row, over all hosts. The login page takes ten at once from an address: others need some as well. */
const ROW = 6
const PAUSE = 1000
const TYPES: Record<string, RegExp> = {
  css: /^text\/css/,
  js: /^(?:text|application)\/javascript/,
  svg: /^image\/svg\+xml/,
}
const OURS = /(?:href|src)="\/files\/(theme-[a-z0-9-]+\.[0-9a-f]{12}\.(?:css|js))"/g

/** Where a browser comes in. Each call is a connection of its own. */
export interface Door {
  /** `https://erp…`, for messages. */
  name: string
  ask(path: string, headers?: Record<string, string>): Promise<Answer>
}

/** Both hosts through Traefik where they are published, else the site through its frontend. */
export async function doorsOf(tenant: Tenant, core: Unit, registry: Tenant[]): Promise<Door[]> {
  const edge = edgeOf(core, await tenantContainers(core))
  if (edge && (await publishedNames(core, registry)).includes(tenant.name)) {
    return [tenant.site, tenant.posHost].map((host) => ({
      name: `https://${host}`,
      ask: (path, headers = {}) => {
        const visitor = visit(edge, host, LIMIT)
        return visitor.get(path, { headers }).finally(visitor.leave)
      },
    }))
  }
  const url = `http://${addressOf(tenant, await tenantContainers(tenant))}:8080`
  const ask: Door['ask'] = (path, headers) =>
    get(`${url}${path}`, { headers: { Host: tenant.site, ...headers }, timeout: LIMIT })
  return [{ name: `${tenant.site} at its frontend`, ask }]
}

/**
 * See the theme with a browser's eyes: every file at every door, the login page and the desk several times in a row. The
 * desk only once no web worker can have the list of before: they share the requests by no rule, and one that answers ten
 * in a row says nothing of the other.
 * @param age seconds since site_config.json was changed
 * @throws OperatorError (1) with what a browser gets instead
 */
export async function proveTheme(
  tenant: Tenant,
  manifest: Manifest,
  doors: Door[],
  age: number,
  note: (text: string) => void,
): Promise<void> {
  const begun = Date.now()
  await proveFiles(tenant, manifest, doors)
  const look = async (path: string, wanted: string[], headers: Record<string, string> = {}) => {
    const end = Date.now() + PATIENCE * 1000
    const late = await untilInARow(doors, end, note, async (door) =>
      pageFault(door, path, await door.ask(path, headers), wanted),
    )
    if (late) throw unproven(tenant, late)
  }
  await look('/login', namesIn(manifest.head))
  await untilConfigIsRead(age + (Date.now() - begun) / 1000, note)
  await withSession(tenant, (Cookie) => look(deskOf(tenant), [...manifest.css, ...manifest.js].map(nameOf), { Cookie }))
}

/** The same in a second, where it was proven before: the files and the login page once. @throws OperatorError (1) */
export async function glanceAtTheme(tenant: Tenant, manifest: Manifest, doors: Door[]): Promise<void> {
  await proveFiles(tenant, manifest, doors)
  for (const door of doors) {
    const fault = pageFault(door, '/login', await door.ask('/login'), namesIn(manifest.head))
    if (fault && !fault.busy) throw unproven(tenant, fault.is)
  }
}

const nameOf = (url: string) => url.replace('/files/', '')
const namesIn = (html: string) => [...html.matchAll(OURS)].map(([, name]) => name ?? '')
const unproven = (tenant: Tenant, is: string) =>
  new OperatorError(`${tenant.name}: browsers do not get the theme: ${is}`)

async function proveFiles(tenant: Tenant, { files }: Manifest, doors: Door[]): Promise<void> {
  for (const door of doors) {
    for (const [name, hash] of Object.entries(files)) {
      const is = fileFault(name, hash, await door.ask(`/files/${name}`))
      if (is) throw unproven(tenant, `${door.name}/files/${name}: ${is}`)
    }
  }
}

function fileFault(name: string, hash: string, { status, headers, body, error }: Answer): string | undefined {
  const type = String(headers['content-type'])
  if (status !== 200) return error ?? `HTTP ${status}`
  if (!TYPES[name.slice(name.lastIndexOf('.') + 1)]?.test(type)) return type
  return createHash('sha256').update(body).digest('hex') === hash ? undefined : 'other content'
}

interface PageFault {
  is: string
  /** The limit on logins answered: it says nothing about the theme. */
  busy: boolean
}

/** What a page lacks, or still has of another theme. */
function pageFault(door: Door, path: string, answer: Answer, wanted: string[]): PageFault | undefined {
  const { status, body, error } = answer
  const fault = (is: string) => ({ is: `${door.name}${path}: ${is}`, busy: status === 429 })
  if (status !== 200) return fault(error ?? `HTTP ${status}`)
  const named = namesIn(body)
  const missing = wanted.find((name) => !named.includes(name))
  const old = named.find((name) => !wanted.includes(name))
  const twice = named.find((name, index) => named.indexOf(name) < index)
  if (missing) return fault(`it does not name ${missing}`)
  if (old) return fault(`it still names ${old}`)
  return twice ? fault(`it names ${twice} twice`) : undefined
}

/** Ask one door after the other until enough answers in a row were good; the last fault where time is up. */
async function untilInARow(
  doors: Door[],
  end: number,
  note: (text: string) => void,
  look: (door: Door) => Promise<PageFault | undefined>,
): Promise<string | undefined> {
  for (let good = 0, asked = 0; good < ROW; asked++) {
    const fault = await look(doors[asked % doors.length] as Door)
    if (fault && Date.now() > end) return fault.is
    if (!fault) good++
    else if (!fault.busy) good = 0
    if (fault) note(fault.is)
    if (fault) await sleep(fault.busy ? 2 * PAUSE : PAUSE)
  }
  return undefined
}
