import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { registryFaults, type TenantSpec } from '../../lib/registry.ts'
import tenants from '../../tenants.ts'

const { byrne, dickson } = tenants

/** Every key of a tenant with its path, those of its groups included. */
const paths = Object.entries(dickson).flatMap(([key, value]) =>
  typeof value === 'object' && !Array.isArray(value) ? Object.keys(value).map((inner) => [key, inner]) : [[key]],
)

function withValue([key = '', inner]: string[], value: unknown): TenantSpec {
  const outer = dickson as unknown as Record<string, object>
  return { ...dickson, [key]: inner ? { ...outer[key], [inner]: value } : value } as TenantSpec
}

describe('a value that is missing or of the wrong kind in the registry', () => {
  for (const path of paths) {
    for (const value of [undefined, null, '', 0, -1, Number.NaN, [], {}, ['x']]) {
      const shown = value === undefined || Number.isNaN(value) ? String(value) : JSON.stringify(value)
      it(`${path.join('.')} = ${shown} is a fault with its path`, () => {
        const faults = registryFaults({ byrne, dickson: withValue(path, value) })
        assert.match(faults.join('\n'), new RegExp(`^dickson\\.${path.join('\\.')}: `, 'm'))
      })
    }
  }

  for (const apps of [
    ['erpnext', undefined],
    ['erpnext', null],
    ['erpnext', 1],
    ['erpnext', 'a b'],
    ['erpnext', '--force'],
  ]) {
    it(`apps = ${JSON.stringify(apps)} is a fault`, () => {
      const faults = registryFaults({ byrne, dickson: withValue(['apps'], apps) })
      assert.match(faults.join('\n'), /^dickson\.apps: /m)
    })
  }

  for (const spec of [undefined, null, 'x', 1, []]) {
    it(`a tenant that is ${JSON.stringify(spec)} is a fault`, () => {
      assert.match(registryFaults({ byrne, dickson: spec as unknown as TenantSpec }).join('\n'), /^dickson/m)
    })
  }

  for (const name of ['core', 'Dickson', 'a', '1a', 'a_b', 'x'.repeat(40), '../x', 'a b']) {
    it(`a tenant called ${JSON.stringify(name)} is a fault`, () => {
      assert.match(registryFaults({ [name]: dickson }).join('\n'), /must be 2 to 31/)
    })
  }

  it('two tenants with one prefix are a fault', () => {
    assert.match(
      registryFaults({ byrne, dickson: withValue(['prefix'], byrne.prefix) }).join(),
      /dickson\.prefix: also used/,
    )
  })

  it('a registry without a tenant is a fault', () => assert.deepEqual(registryFaults({}), ['no tenant']))
})
