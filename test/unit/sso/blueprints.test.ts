/**
 * Authentik's blueprints: read as YAML with its tags, held against the fields of its models as its published schema
 * (blueprints/schema.json of goauthentik/authentik) and serializers have them, and against the registry. The mapping is run.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { makeTenant, type TenantSpec } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import { clientOf } from '../../../lib/sso/client.ts'
import tenants from '../../../tenants.ts'

const root = join(import.meta.dirname, '../../..')
const folder = join(root, 'core/authentik/blueprints')
const settings = readSettings(root, { CORE_DOMAIN: 'operator.example' })
const registry = Object.entries<TenantSpec>(tenants).map(([name, spec]) => makeTenant(name, spec, settings))

/** What a tag stands for, as far as we ask. */
interface Tagged {
  tag: '!KeyOf' | '!Find' | '!File' | '!Env' | '!Format'
  value: unknown
}
const scalar = (tag: string) => ({ tag, resolve: (value: string) => ({ tag, value }) })
const customTags = [
  scalar('!KeyOf'),
  scalar('!File'),
  scalar('!Env'),
  ...['!Find', '!Format'].map((tag) => ({
    tag,
    collection: 'seq' as const,
    resolve: (value: { toJSON(): unknown }) => ({ tag, value: value.toJSON() }),
  })),
]

interface Entry {
  model: string
  id?: string
  identifiers: Record<string, unknown>
  attrs?: Record<string, unknown>
}
const read = (name: string) =>
  parse(readFileSync(join(folder, name), 'utf8'), { customTags: customTags as never }) as {
    version: number
    metadata: { name: string }
    entries: Entry[]
  }

/** Models and the fields that ours may use; each is in the schema of Authentik, and a further one is looked up there first. */
const FIELDS: Record<string, string[]> = {
  'authentik_core.group': ['name'],
  'authentik_providers_oauth2.scopemapping': ['name', 'scope_name', 'description', 'expression'],
  'authentik_providers_oauth2.oauth2provider': [
    ...[
      'name',
      'grant_types',
      'client_type',
      'client_id',
      'client_secret',
      'redirect_uris',
      'authorization_flow',
      'invalidation_flow',
    ],
    ...['signing_key', 'property_mappings', 'issuer_mode', 'sub_mode', 'access_code_validity', 'access_token_validity'],
  ],
  // grant_types is no field of it: its serializer sets what its outpost needs (set_oauth_defaults).
  'authentik_providers_proxy.proxyprovider': [
    ...['name', 'mode', 'external_host', 'intercept_header_auth', 'authorization_flow', 'invalidation_flow'],
  ],
  'authentik_outposts.outpost': ['managed', 'type', 'providers', 'config'],
  'authentik_core.application': ['slug', 'name', 'provider', 'meta_launch_url', 'policy_engine_mode'],
  'authentik_policies.policybinding': ['target', 'order', 'group', 'enabled'],
}
const CHOICES: Record<string, string[]> = {
  client_type: ['confidential', 'public'],
  issuer_mode: ['global', 'per_provider'],
  sub_mode: ['hashed_user_id', 'user_id', 'user_uuid', 'user_username', 'user_email', 'user_upn'],
  policy_engine_mode: ['all', 'any'],
  mode: ['proxy', 'forward_single', 'forward_domain'],
  type: ['proxy', 'ldap', 'radius', 'rac'],
}

/** The entries that these fields refer to. */
const keysIn = (fields: Record<string, unknown>) =>
  Object.values(fields)
    .flat()
    .filter((value): value is Tagged => (value as Tagged | null)?.tag === '!KeyOf')
    .map(({ value }) => value)

describe("Authentik's blueprints", () => {
  const names = [...registry.map(({ name }) => name), 'operators']

  it('are one for each tenant and one for operators, under the only ending that Authentik finds', () => {
    assert.deepEqual(readdirSync(folder).sort(), names.map((name) => `${name}.yaml`).sort())
  })

  it('operators: Grafana at its own address, which only who is an operator may use, and which asks once more', () => {
    const { entries } = read('operators.yaml')
    const one = (model: string) => entries.find((entry) => entry.model === model)
    const provider = one('authentik_providers_oauth2.oauth2provider')?.attrs
    assert.deepEqual(provider?.redirect_uris, [
      {
        matching_mode: 'strict',
        url: {
          tag: '!Format',
          value: ['https://grafana.%s/login/generic_oauth', { tag: '!Env', value: 'CORE_DOMAIN' }],
        },
      },
    ])
    assert.deepEqual(one('authentik_core.group')?.identifiers, { name: 'operators' })
    assert.deepEqual(one('authentik_policies.policybinding')?.attrs?.group, { tag: '!KeyOf', value: 'group' })
    const grafana = readFileSync(join(root, 'core/grafana/grafana.ini'), 'utf8')
    assert.match(grafana, new RegExp(`^client_id = ${provider?.client_id}$`, 'm'))
    assert.match(grafana, /^allowed_groups = operators$/m)
    const { expression } = one('authentik_providers_oauth2.scopemapping')?.attrs ?? {}
    const groups = (member: boolean) => {
      const body = String(expression).replace(/^/gm, '    ')
      const code = `import json
from types import SimpleNamespace
request = SimpleNamespace(user=SimpleNamespace(name='A', username='a'))
def ak_is_group_member(user, name): return ${member ? 'True' : 'False'} and name == 'operators'
def mapping(request):
${body}
print(json.dumps(mapping(request)['groups']))`
      return JSON.parse(execFileSync('python3', ['-c', code]).toString())
    }
    assert.deepEqual([groups(true), groups(false)], [['operators'], []])
  })

  it('operators: Uptime Kuma at its own address, behind the embedded outpost, for who is an operator', () => {
    const { entries } = read('operators.yaml')
    const provider = entries.find(({ model }) => model === 'authentik_providers_proxy.proxyprovider')
    const host = (label: string) => ({
      tag: '!Format',
      value: [`https://${label}.%s`, { tag: '!Env', value: 'CORE_DOMAIN' }],
    })
    assert.deepEqual(provider?.attrs?.external_host, host('status'))
    assert.deepEqual([provider?.attrs?.mode, provider?.attrs?.intercept_header_auth], ['forward_single', false])
    const outpost = entries.find(({ model }) => model === 'authentik_outposts.outpost')
    assert.deepEqual(outpost?.identifiers, { managed: 'goauthentik.io/outposts/embedded' })
    assert.deepEqual(outpost?.attrs, {
      type: 'proxy',
      providers: [{ tag: '!KeyOf', value: provider?.id }],
      config: { authentik_host: host('auth') },
    })
  })

  it('operators: every application is bound to their group', () => {
    const { entries } = read('operators.yaml')
    const of = (model: string) => entries.filter((entry) => entry.model === model)
    const bound = of('authentik_policies.policybinding').map(({ identifiers, attrs }) => {
      assert.deepEqual([attrs?.group, attrs?.enabled], [{ tag: '!KeyOf', value: 'group' }, true])
      return (identifiers.target as Tagged).value
    })
    assert.deepEqual(
      bound,
      of('authentik_core.application').map(({ id }) => id),
    )
    assert.equal(bound.length, 2)
  })

  for (const name of names) {
    const { version, entries } = read(`${name}.yaml`)
    it(`${name}: every entry is of a known model, with known fields and choices, and refers to what stands before it`, () => {
      assert.equal(version, 1)
      const before = new Set<unknown>()
      for (const { model, id, identifiers, attrs = {} } of entries) {
        const fields = { ...identifiers, ...attrs }
        assert.deepEqual(
          Object.keys(fields).filter((field) => !FIELDS[model]?.includes(field)),
          [],
          model,
        )
        const strange = Object.keys(CHOICES).filter(
          (name) => name in fields && !CHOICES[name]?.includes(`${fields[name]}`),
        )
        assert.deepEqual(strange, [], model)
        assert.deepEqual(
          keysIn(fields).filter((name) => !before.has(name)),
          [],
          model,
        )
        if (id) before.add(id)
      }
    })
  }

  for (const tenant of registry) {
    const { entries } = read(`${tenant.name}.yaml`)
    const one = (model: string) => {
      const found = entries.filter((entry) => entry.model === model)
      assert.equal(found.length, 1, model)
      return { ...found[0]?.identifiers, ...found[0]?.attrs } as Record<string, unknown>
    }

    it(`${tenant.name}: the client is that of configure-sso, with exactly its own two redirects, strictly compared`, () => {
      const client = clientOf(tenant)
      const provider = one('authentik_providers_oauth2.oauth2provider')
      assert.equal(provider.client_type, 'confidential')
      assert.deepEqual(provider.grant_types, ['authorization_code'])
      assert.equal(provider.client_id, client.id)
      assert.deepEqual(provider.client_secret, {
        tag: '!File',
        value: `/run/secrets/${tenant.prefix}_oidc_client_secret`,
      })
      assert.deepEqual(
        provider.redirect_uris,
        client.redirects.map(({ uri }) => ({ matching_mode: 'strict', url: uri })),
      )
      assert.equal(provider.issuer_mode, 'per_provider')
      assert.equal(client.issuer.split('/').at(-2), one('authentik_core.application').slug)
    })

    it(`${tenant.name}: its application is bound to its own group alone`, () => {
      assert.equal(one('authentik_core.group').name, tenant.name)
      assert.deepEqual(one('authentik_policies.policybinding'), {
        target: { tag: '!KeyOf', value: 'application' },
        order: 0,
        group: { tag: '!KeyOf', value: 'group' },
        enabled: true,
      })
    })

    describe(`${tenant.name}: what ERPNext learns of a user`, () => {
      const { expression } = one('authentik_providers_oauth2.scopemapping')
      const claims = (attributes: object, email: string) => {
        const body = String(expression).replace(/^/gm, '    ')
        const code = `import json, sys
from types import SimpleNamespace
given = json.load(sys.stdin)
request = SimpleNamespace(user=SimpleNamespace(**given))
def mapping(request):
${body}
print(json.dumps(mapping(request)))`
        return JSON.parse(
          execFileSync('python3', ['-c', code], { input: JSON.stringify({ attributes, email }) }).toString(),
        )
      }

      it('is the address that an administrator wrote down, as a verified one', () => {
        const { email, email_verified } = claims({ erp_email: ' Mary@Dickson.example ' }, 'other@x.example')
        assert.deepEqual([email, email_verified], ['mary@dickson.example', true])
      })
      for (const [what, attributes] of [
        ["the account's own address, which its user may have changed unverified", {}],
        ['Administrator', { erp_email: 'Administrator' }],
        ['Guest', { erp_email: 'GUEST' }],
        ["the Administrator's own address", { erp_email: 'admin@example.com' }],
        ['nothing', { erp_email: null }],
        ['no address', { erp_email: 'mary@dickson' }],
        ['two addresses', { erp_email: 'a@b.example@c.example' }],
        ['an address with a space', { erp_email: 'a@b.example administrator' }],
      ] as const) {
        it(`is never ${what}`, () => assert.deepEqual(claims(attributes, 'victim@dickson.example'), {}))
      }
    })
  }
})
