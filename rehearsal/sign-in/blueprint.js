/** Reads a blueprint as Authentik would, as far as the stand-in needs: its applications, each with a provider and a group. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const scalar = (tag, resolve) => ({ tag, resolve })
const list = (tag, make = (items) => items) => ({ tag, collection: 'seq', resolve: (value) => make(value.toJSON()) })
const customTags = [
  scalar('!File', (path) => readFileSync(path, 'utf8').trim()),
  scalar('!KeyOf', (id) => ({ keyOf: id })),
  scalar('!Env', (name) => process.env[name]),
  list('!Find'),
  list('!Format', ([text, ...values]) => values.reduce((whole, value) => whole.replace('%s', value), text)),
]

/** The applications of a blueprint below /blueprints. */
export function readBlueprint(path) {
  const { entries } = parse(readFileSync(`/blueprints/${path}`, 'utf8'), { customTags })
  const of = (model) => entries.filter((entry) => entry.model === model)
  const whole = ({ identifiers, attrs }) => ({ ...identifiers, ...attrs })
  const named = ({ keyOf }) => entries.find(({ id }) => id === keyOf)
  const bindings = of('authentik_policies.policybinding').map(whole)
  const onOutpost = of('authentik_outposts.outpost').flatMap((outpost) => whole(outpost).providers)
  return of('authentik_core.application').map((application) => {
    const { slug, provider } = whole(application)
    const { group } = bindings.find(({ target }) => target.keyOf === application.id)
    const proxied = onOutpost.some(({ keyOf }) => keyOf === provider.keyOf)
    return { slug, group: whole(named(group)).name, ...client(whole(named(provider)), proxied) }
  })
}

/** A proxy provider's client is its outpost's own: Authentik makes it up. */
function client({ client_id, client_secret, redirect_uris, external_host }, proxied) {
  if (client_id) return { client_id, client_secret, redirect_uris: redirect_uris.map(({ url }) => url) }
  return {
    client_id: randomUUID(),
    client_secret: randomUUID(),
    redirect_uris: [`${external_host}/outpost.goauthentik.io/callback?X-authentik-auth-callback=true`],
    ...(proxied && { external_host }),
  }
}
