/**
 * What stands for Authentik's embedded outpost, as far as Traefik's forwardAuth meets it: a client of the provider beside it,
 * with a cookie at each host. As in Authentik's source it knows a host by X-Forwarded-Host, and lets pass unasked what
 * begins with its own path.
 */
import { randomUUID } from 'node:crypto'

const PREFIX = '/outpost.goauthentik.io'
const TOKEN = 'http://127.0.0.1:9000/application/o/token/'
const USERINFO = 'http://127.0.0.1:9000/application/o/userinfo/'
const COOKIE = 'authentik_proxy'
/** Cookie → login. */
const sessions = new Map()

/** Answer a request below its path. @param authorize where a browser signs in */
export async function answerAsOutpost({ headers }, response, url, { applications, authorize }) {
  const host = headers['x-forwarded-host'] ?? headers.host
  const send = (status, more = {}) => response.writeHead(status, more).end()
  const application = [...applications.values()].find(({ external_host }) => external_host === `https://${host}`)
  if (!application) return send(404)
  if (url.pathname === `${PREFIX}/callback`) return send(302, await entered(url, application))
  if (url.pathname !== `${PREFIX}/auth/traefik`) return send(404)
  const cookie = new RegExp(`${COOKIE}=([\\w-]+)`).exec(headers.cookie ?? '')?.[1]
  const login = sessions.get(cookie)
  if (login) return send(200, { 'X-authentik-username': login })
  if (headers['x-forwarded-uri'].startsWith(PREFIX)) return send(200)
  const query = { client_id: application.client_id, redirect_uri: application.redirect_uris[0] }
  const search = new URLSearchParams({ ...query, response_type: 'code', scope: 'openid profile', state: randomUUID() })
  return send(302, { Location: `${authorize}?${search}` })
}

/** Who comes back with a code gets a cookie. */
async function entered(url, { client_id, client_secret, redirect_uris: [redirect_uri] }) {
  const query = { grant_type: 'authorization_code', code: url.searchParams.get('code') ?? '' }
  const body = new URLSearchParams({ ...query, redirect_uri, client_id, client_secret })
  const { access_token } = await (await fetch(TOKEN, { method: 'POST', body })).json()
  if (!access_token) return { Location: '/' }
  const person = await fetch(USERINFO, { headers: { Authorization: `Bearer ${access_token}` } })
  const cookie = randomUUID()
  sessions.set(cookie, (await person.json()).preferred_username)
  return { Location: '/', 'Set-Cookie': `${COOKIE}=${cookie}; Path=/; Secure; HttpOnly; SameSite=Lax` }
}
