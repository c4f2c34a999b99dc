/** Reads a tenant's blueprint as Authentik would, as far as the stand-in needs: one provider, one application, one group. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const scalar = (tag, resolve) => ({ tag, resolve })
const list = (tag) => ({ tag, collection: 'seq', resolve: (value) => value.toJSON() })
const customTags = [
  scalar('!File', (path) => readFileSync(path, 'utf8').trim()),
  scalar('!KeyOf', (id) => ({ keyOf: id })),
  list('!Find'),
]

/** The application of a blueprint below /blueprints. */
export function readBlueprint(path) {
  const { entries } = parse(readFileSync(`/blueprints/${path}`, 'utf8'), { customTags })
  const of = (model) => entries.find((entry) => entry.model === model)
  const whole = ({ identifiers, attrs }) => ({ ...identifiers, ...attrs })
  const provider = whole(of('authentik_providers_oauth2.oauth2provider'))
  const application = whole(of('authentik_core.application'))
  const group = entries.find(({ id }) => id === whole(of('authentik_policies.policybinding')).group.keyOf)
  return {
    slug: application.slug,
    group: whole(group).name,
    client_id: provider.client_id,
    client_secret: provider.client_secret,
    redirect_uris: provider.redirect_uris.map(({ url }) => url),
  }
}
