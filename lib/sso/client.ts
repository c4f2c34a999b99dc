/** What a tenant is to the sign-in service: its client, its addresses, and the Social Login Key that follows from them. */
import { edgeSettings } from '../edge/settings.ts'
import { preconditionError } from '../errors.ts'
import type { Tenant } from '../registry.ts'

/** The document's name in Frappe, which the callback's path ends in. */
const KEY = 'authentik'
const CALLBACK = `/api/method/frappe.integrations.oauth2_logins.custom/${KEY}`
export const SCOPES = 'openid email profile'

/** A tenant's client at Authentik; its blueprint has the same values. */
export interface Client {
  /** The sign-in service's host. */
  host: string
  id: string
  issuer: string
  authorize: string
  token: string
  userinfo: string
  discovery: string
  /** Exactly these; strictly compared by Authentik. */
  redirects: { host: string; uri: string }[]
}

/** The client's id, known without a sign-in service too. */
export const clientId = ({ prefix }: Tenant) => `${prefix}-erp`

/** @throws OperatorError (3) without CORE_DOMAIN */
export function clientOf(tenant: Tenant): Client {
  const { name, site, posHost, settings } = tenant
  const { domain } = edgeSettings(settings)
  if (!domain) throw preconditionError('CORE_DOMAIN is not set: there is no sign-in service', 'see docs/sso.md')
  const host = `auth.${domain}`
  const base = `https://${host}/application/o`
  return {
    host,
    id: clientId(tenant),
    issuer: `${base}/${name}/`,
    authorize: `${base}/authorize/`,
    token: `${base}/token/`,
    userinfo: `${base}/userinfo/`,
    discovery: `${base}/${name}/.well-known/openid-configuration`,
    redirects: [site, posHost].map((one) => ({ host: one, uri: `https://${one}${CALLBACK}` })),
  }
}

/** The fields of the Social Login Key, as tenant/sso.py compares them. */
export type KeyFields = Record<string, string | number | null>

/**
 * The key as it should be. Its addresses are absolute, since Frappe would glue relative ones to base_url without a look at
 * the slashes; the redirect is relative, so that each host leads back to itself (rehearsal/CONTRACT.md, Sign-in).
 */
export function keyFields({ host, id, authorize, token, userinfo }: Client, signUps: boolean): KeyFields {
  return {
    enable_social_login: 1,
    social_login_provider: 'Custom',
    provider_name: 'Authentik',
    client_id: id,
    base_url: `https://${host}`,
    custom_base_url: 0,
    authorize_url: authorize,
    access_token_url: token,
    redirect_url: CALLBACK,
    api_endpoint: userinfo,
    api_endpoint_args: null,
    auth_url_data: JSON.stringify({ response_type: 'code', scope: SCOPES }),
    user_id_property: 'sub',
    sign_ups: signUps ? 'Allow' : 'Deny',
  }
}

/** What is wrong with an authorize URL that Frappe shows at one of its hosts; nothing where it is exactly ours. Pure. */
export function authorizeFaults(url: URL, { authorize, id }: Client, uri: string): string[] {
  const has = (name: string) => url.searchParams.get(name) ?? '(none)'
  const must = (name: string, right: string) => (has(name) === right ? [] : [`${name} is ${has(name)}, not ${right}`])
  const at = `${url.origin}${url.pathname}`
  return [
    ...(at === authorize ? [] : [`it leads to ${at}, not to ${authorize}`]),
    ...must('redirect_uri', uri),
    ...must('client_id', id),
    ...must('scope', SCOPES),
    ...must('response_type', 'code'),
  ]
}

/** The address behind the button of a login page; nothing where there is no button. Pure. */
export function findButton(html: string): URL | undefined {
  const tag = [...html.matchAll(/<a\b[^>]*>/g)].find(([text]) => new RegExp(`[\\s"]btn-${KEY}[\\s"]`).test(text))?.[0]
  const href = /href="([^"]*)"/.exec(tag ?? '')?.[1]
  return href ? tryUrl(plain(href)) : undefined
}

/** Attributes may be escaped. */
const plain = (text: string) => text.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=').replaceAll('&#43;', '+')

function tryUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
