/** Asks the sign-in service through the edge, as a browser and as ERPNext do: before anything is written, and after. */
import { setTimeout as sleep } from 'node:timers/promises'
import { tenantContainers } from '../containers.ts'
import { edgeOf, type Visitor, visit } from '../edge/hosts.ts'
import { OperatorError, orElse, preconditionError } from '../errors.ts'
import type { Answer } from '../http.ts'
import type { Tenant, Unit } from '../registry.ts'
import { authorizeFaults, type Client, findButton, SCOPES } from './client.ts'

/** Seconds for one request. */
const LIMIT = 8
const HINT = 'npx zx scripts/deploy.ts core --only sso, and docs/sso.md#when-something-is-red'

/** Opens a visitor at a host of the edge. */
export type Visit = (host: string) => Visitor

/** @throws OperatorError (3) where Traefik does not run */
export async function visitorsOf(core: Unit): Promise<Visit> {
  const edge = edgeOf(core, await tenantContainers(core))
  if (!edge)
    throw preconditionError('Traefik does not run: no public host can be asked', 'npx zx scripts/deploy.ts core')
  return (host) => visit(edge, host, LIMIT)
}

async function once<T>(visitor: Visitor, ask: (visitor: Visitor) => Promise<T>): Promise<T> {
  return ask(visitor).finally(visitor.leave)
}

const told = ({ error, status }: Answer) => error ?? `HTTP ${status}`

/**
 * Wait for the issuer's discovery document, and hold it against what we shall write.
 * @param patience seconds
 * @param make what makes the client where Authentik answers and has none: it applies its blueprints once, in no order, and does
 * not try again for an hour where one named what another had not made yet
 * @throws OperatorError (3); nothing was changed
 */
export async function awaitIssuer(
  client: Client,
  open: Visit,
  patience: number,
  make: () => Promise<unknown>,
): Promise<void> {
  const end = Date.now() + patience * 1000
  for (;;) {
    const fault = await discoveryFault(client, open)
    if (!fault) return
    if (fault.endsWith('HTTP 404')) await orElse(make(), undefined) // told below, where it does not help
    if (Date.now() > end) throw preconditionError(`${client.host}: ${fault}; nothing was changed`, HINT)
    await sleep(1000)
  }
}

async function discoveryFault(client: Client, open: Visit): Promise<string | undefined> {
  const answer = await once(open(client.host), (visitor) => visitor.get(new URL(client.discovery).pathname))
  if (answer.status !== 200) return `the discovery document is not there: ${told(answer)}`
  const found = readJson(answer.body)
  const wanted: Record<string, string> = {
    issuer: client.issuer,
    authorization_endpoint: client.authorize,
    token_endpoint: client.token,
    userinfo_endpoint: client.userinfo,
  }
  const first = Object.entries(wanted).find(([name, value]) => found[name] !== value)
  return first && `its ${first[0]} is ${String(found[first[0]] ?? 'missing')}, not ${first[1]}`
}

function readJson(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

/** What the sign-in service says of a secret. */
export type SecretVerdict = 'right' | 'wrong'

/**
 * Try a secret with a code that nobody has: `invalid_grant` says that the client was believed, `invalid_client` that not.
 * @throws OperatorError (3) where the answer is neither
 */
export async function trySecret(client: Client, open: Visit, secret: string): Promise<SecretVerdict> {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: 'not-a-code',
    redirect_uri: client.redirects[0]?.uri ?? '',
    client_id: client.id,
    client_secret: secret,
  }).toString()
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const path = new URL(client.token).pathname
  const answer = await once(open(client.host), (visitor) => visitor.get(path, { method: 'POST', headers, body }))
  const { error } = readJson(answer.body)
  if (error === 'invalid_grant') return 'right'
  if (error === 'invalid_client') return 'wrong'
  throw preconditionError(`${client.host}: the secret cannot be tried: ${told(answer)}`, HINT)
}

/** Whether the sign-in service knows the client with this redirect: it leads to its login page then. */
async function redirectFault(url: URL, open: Visit): Promise<string | undefined> {
  const answer = await once(open(url.host), (visitor) => visitor.get(`${url.pathname}${url.search}`))
  const location = String(answer.headers.location ?? '')
  if (![301, 302, 303].includes(answer.status)) return `${url.host} refuses the client or its redirect: ${told(answer)}`
  return /[?&]error=/.test(location) ? `${url.host} answers with an error: ${location.slice(0, 200)}` : undefined
}

/** The authorize URL as Frappe would make it for one of its hosts. */
function authorizeUrl({ authorize, id }: Client, uri: string): URL {
  const url = new URL(authorize)
  const query = { client_id: id, redirect_uri: uri, response_type: 'code', scope: SCOPES, state: 'x' }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url
}

/**
 * See that the sign-in service knows the client, its secret and both redirects, and that the site reaches it.
 * @throws OperatorError (3) with every fault; nothing was changed
 */
export async function verifyProvider(tenant: Tenant, client: Client, open: Visit, secret: string): Promise<void> {
  const redirects = await Promise.all(client.redirects.map(({ uri }) => redirectFault(authorizeUrl(client, uri), open)))
  const faults = redirects.filter((fault) => fault !== undefined)
  if (faults.length > 0)
    throw preconditionError(`${tenant.name}: ${faults.join('; ')}`, 'the blueprint was not applied: docs/sso.md')
  if ((await trySecret(client, open, secret)) === 'right') return
  throw preconditionError(
    `${tenant.name}: ${client.host} has another secret for ${client.id} than secrets/`,
    `npx zx scripts/configure-sso.ts ${tenant.name} --rotate-secret`,
  )
}

/** One host as it is. */
export interface ReadBack {
  host: string
  /** Why nobody can sign in through it; nothing where all is well. */
  fault?: string
}

/** Read the real authorize URL at each host's login page, hold it against ours, and follow it. */
export async function readBack(client: Client, open: Visit): Promise<ReadBack[]> {
  return Promise.all(
    client.redirects.map(async ({ host, uri }) => {
      const page = await once(open(host), (visitor) => visitor.get('/login'))
      if (page.status !== 200) return { host, fault: `its login page does not answer: ${told(page)}` }
      const url = findButton(page.body)
      if (!url) return { host, fault: 'its login page has no button for single sign-on' }
      const faults = authorizeFaults(url, client, uri)
      const fault = faults.length > 0 ? faults.join('; ') : await redirectFault(url, open)
      return { host, ...(fault && { fault }) }
    }),
  )
}

/** @throws OperatorError (1) that names every host that is not well */
export async function verifyHosts(client: Client, open: Visit): Promise<void> {
  const bad = (await readBack(client, open)).flatMap(({ host, fault }) => (fault ? [`${host}: ${fault}`] : []))
  if (bad.length > 0) throw new OperatorError(bad.join('; '))
}
