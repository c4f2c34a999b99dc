/**
 * A real OpenID provider (the library oidc-provider) laid out like Authentik: one set of endpoints for all clients, a
 * discovery document for each application. Clients come from `ak apply_blueprint` (blueprint.js); users from ACCOUNTS:
 * {"<login>": {"email", "email_verified", "groups"}}. FAULT_FILE makes it ill: `401`, `502`, `slow`, or
 * `echo`, which answers a token request with what it was sent.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { answerAsOutpost } from './outpost.js'

globalThis.navigator ??= { userAgent: 'Node.js' } // the library asks for it, Debian's Node has none
const { default: Provider } = await import('oidc-provider')

const { HOST, ACCOUNTS = '{}', STATE = '/data/clients.json', FAULT_FILE = '/data/fault' } = process.env
const base = `https://${HOST}/application/o`
const accounts = JSON.parse(ACCOUNTS)
/** By slug: {slug, group, client_id, client_secret, redirect_uris} and, where the outpost has it, external_host. */
const applications = new Map(existsSync(STATE) ? JSON.parse(readFileSync(STATE, 'utf8')) : [])
let provider = makeProvider()

function makeProvider() {
  const made = new Provider(`https://${HOST}`, {
    clients: [...applications.values()].map(({ client_id, client_secret, redirect_uris }) => ({
      client_id,
      client_secret,
      redirect_uris,
      token_endpoint_auth_method: 'client_secret_post',
    })),
    routes: {
      authorization: '/application/o/authorize/',
      token: '/application/o/token/',
      userinfo: '/application/o/userinfo/',
    },
    pkce: { required: () => false },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/if/flow/${interaction.uid}` },
    cookies: { keys: ['of a stand-in'] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: id, preferred_username: id, ...accounts[id] }),
    }),
    renderError: (context, { error, error_description: why }) => {
      context.type = 'html'
      context.body = `<h1>${error}</h1><p>${why}</p>`
    },
  })
  made.proxy = true
  return made
}

/** A change of clients: the library takes its own at its start alone. */
function apply(blueprint) {
  for (const application of blueprint) applications.set(application.slug, application)
  writeFileSync(STATE, JSON.stringify([...applications]))
  provider = makeProvider()
}

const fault = () => (existsSync(FAULT_FILE) ? readFileSync(FAULT_FILE, 'utf8').trim() : '')

createServer(async (request, response) => {
  const url = new URL(request.url, `https://${HOST}`)
  const send = (status, body, type = 'text/html') => response.writeHead(status, { 'Content-Type': type }).end(body)
  if (url.pathname.startsWith('/-/health/')) return send(200, 'ok')
  if (url.pathname === '/-/standin/apply') {
    apply(JSON.parse(await bodyOf(request)))
    return send(200, 'applied')
  }
  if (url.pathname.startsWith('/outpost.goauthentik.io'))
    return answerAsOutpost(request, response, url, { applications, authorize: `${base}/authorize/` })
  if (fault() === 'slow') return
  if (fault() === 'echo' && request.method === 'POST') return send(500, await bodyOf(request))
  if (/^\d+$/.test(fault())) return send(Number(fault()), 'out of order')
  const slug = /^\/application\/o\/([^/]+)\/\.well-known\/openid-configuration$/.exec(url.pathname)?.[1]
  if (slug) return applications.has(slug) ? send(200, discovery(slug), 'application/json') : send(404, 'not found')
  const uid = /^\/if\/flow\/([^/]+)$/.exec(url.pathname)?.[1]
  if (uid) return interact(request, response, send)
  return provider.callback()(request, response)
}).listen(9000)

const discovery = (slug) =>
  JSON.stringify({
    issuer: `${base}/${slug}/`,
    authorization_endpoint: `${base}/authorize/`,
    token_endpoint: `${base}/token/`,
    userinfo_endpoint: `${base}/userinfo/`,
  })

async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** The login page, and consent that is given at once; who is not in the application's group gets no further. */
async function interact(request, response, send) {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login' && request.method !== 'POST')
    return send(200, '<form method="post"><input name="login"><button>Continue</button></form>')
  const login = prompt.name === 'login' ? new URLSearchParams(await bodyOf(request)).get('login') : session.accountId
  const application = [...applications.values()].find(({ client_id }) => client_id === params.client_id)
  if (!accounts[login]?.groups.includes(application?.group)) return send(403, '<h1>Permission denied</h1>')
  if (prompt.name === 'login')
    return provider.interactionFinished(
      request,
      response,
      { login: { accountId: login } },
      { mergeWithLastSubmission: false },
    )
  const grant = new provider.Grant({ accountId: login, clientId: params.client_id })
  grant.addOIDCScope(params.scope)
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}
