import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeTenant } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import { authorizeFaults, clientOf, findButton, keyFields } from '../../../lib/sso/client.ts'
import { awaitIssuer, type Visit } from '../../../lib/sso/provider.ts'
import tenants from '../../../tenants.ts'

const root = join(import.meta.dirname, '../../..')
const tenantIn = (env: Record<string, string>) => makeTenant('dickson', tenants.dickson, readSettings(root, env))
const client = clientOf(tenantIn({ CORE_DOMAIN: 'operator.example' }))
const [erp = { host: '', uri: '' }, pos = { host: '', uri: '' }] = client.redirects
const url = (change: Record<string, string> = {}, base = client.authorize) => {
  const query = {
    redirect_uri: erp.uri,
    client_id: client.id,
    scope: 'openid email profile',
    response_type: 'code',
    ...change,
  }
  return new URL(`${base}?${new URLSearchParams(query)}`)
}

describe('the wait for the sign-in service', () => {
  const found = {
    issuer: client.issuer,
    authorization_endpoint: client.authorize,
    token_endpoint: client.token,
    userinfo_endpoint: client.userinfo,
  }
  /** A service whose client is there once it was made. */
  const service = (answersWithout: number) => {
    const made = { times: 0 }
    const answer = () =>
      made.times > 0 ? { status: 200, body: JSON.stringify(found) } : { status: answersWithout, body: '' }
    const open = () => ({ get: async () => answer(), leave: () => {} }) as unknown as ReturnType<Visit>
    return { made, open, make: async () => void made.times++ }
  }

  it('has the client made where it answers and has none', async () => {
    const { made, open, make } = service(404)
    await awaitIssuer(client, open, 5, make)
    assert.equal(made.times, 1)
  })

  it('makes nothing while it does not answer yet', async () => {
    const { made, open, make } = service(502)
    await assert.rejects(awaitIssuer(client, open, 0, make), /the discovery document is not there: HTTP 502/)
    assert.equal(made.times, 0)
  })
})

describe("a tenant's client", () => {
  it('has absolute addresses at the sign-in service, and a redirect for each host', () => {
    assert.equal(client.issuer, 'https://auth.operator.example/application/o/dickson/')
    assert.equal(client.id, 'dickson-erp')
    assert.deepEqual(
      [erp.uri, pos.uri],
      ['erp', 'pos'].map(
        (host) => `https://${host}.dickson-supplies.com/api/method/frappe.integrations.oauth2_logins.custom/authentik`,
      ),
    )
  })

  it('is refused without a domain', () => assert.throws(() => clientOf(tenantIn({})), /CORE_DOMAIN is not set/))

  it('has a key whose redirect is relative, so that each host leads back to itself, and denies sign-ups', () => {
    const fields = keyFields(client, false)
    assert.equal(fields.redirect_url, erp.uri.slice('https://erp.dickson-supplies.com'.length))
    assert.deepEqual([fields.sign_ups, fields.custom_base_url], ['Deny', 0])
    assert.equal(keyFields(client, true).sign_ups, 'Allow')
  })
})

describe('the authorize URL that Frappe shows', () => {
  it('is well as it should be', () => assert.deepEqual(authorizeFaults(url(), client, erp.uri), []))

  const cases: [what: string, wrong: URL, message: RegExp][] = [
    ['another host to come back to', url({ redirect_uri: pos.uri }), /redirect_uri is https:\/\/pos/],
    ['plain http', url({ redirect_uri: erp.uri.replace('https', 'http') }), /redirect_uri is http:/],
    ['another client', url({ client_id: 'erpnext-erp' }), /client_id is erpnext-erp/],
    ['fewer scopes', url({ scope: 'openid' }), /scope is openid/],
    ['another service', url({}, 'https://evil.example/authorize/'), /leads to https:\/\/evil\.example/],
    ['a doubled slash', url({}, 'https://auth.operator.example//application/o/authorize/'), /leads to/],
  ]
  for (const [what, wrong, message] of cases) {
    it(`is refused for ${what}`, () => assert.match(authorizeFaults(wrong, client, erp.uri).join(), message))
  }
})

describe('the button of a login page', () => {
  const href = url().href
  it('is found whatever the order of its attributes, escaped or not', () => {
    for (const html of [
      `<a href="${href}" class="btn btn-authentik">`,
      `<a class="btn btn-login-option btn-authentik"\n href="${href.replaceAll('&', '&amp;')}">`,
    ])
      assert.equal(findButton(html)?.href, href)
  })
  it('is not that of another provider, and not there without one', () => {
    for (const html of [`<a href="${href}" class="btn btn-authentik2">`, '<a href="x" class="btn-authentik">', ''])
      assert.equal(findButton(html), undefined)
  })
})
