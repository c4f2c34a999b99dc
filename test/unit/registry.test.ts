import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findTenant, makeTenant, registryFaults, type TenantSpec } from '../../lib/registry.ts'
import { readSettings } from '../../lib/settings.ts'
import tenants from '../../tenants.ts'

const settings = readSettings(process.cwd(), { ERP_PREFIX: 'x-', ERP_HOME: '/nowhere' })
const { byrne, dickson } = tenants
const broken = (change: object) => registryFaults({ byrne, dickson: { ...dickson, ...change } as TenantSpec })

describe('the registry', () => {
  it('accepts the tenants of this repository', () => {
    assert.deepEqual(registryFaults(tenants), [])
  })

  it('reports all faults at once, each with its path', () => {
    assert.deepEqual(broken({ posHost: byrne.posHost, timeZone: 'Dublin', erpnextMajor: 14 }), [
      'dickson.erpnextMajor: must be 15 or 16',
      'dickson.timeZone: must be an IANA time zone such as Europe/Dublin',
      'dickson.posHost: also used by byrne.posHost',
    ])
  })

  for (const [path, change] of [
    ['prefix', { prefix: 'Dickson' }],
    ['prefix', { prefix: 'core' }],
    ['brand', { brand: 'common' }],
    ['site', { site: 'localhost' }],
    ['posHost', { posHost: '*.dickson.com' }],
    ['apps', { apps: ['hrms'] }],
    ['language', { language: undefined }],
    ['retention.keepDaily', { retention: { keepDaily: 0, keepWeekly: 4, keepMonthly: 12 } }],
    ['objectives.restoreSeconds', { objectives: {} }],
    ['signUps', { signUps: 'no' }],
  ] as const) {
    it(`refuses a tenant whose ${path} is ${JSON.stringify(change)}`, () => {
      assert.match(broken(change).join('\n'), new RegExp(`^dickson\\.${path}:`, 'm'))
    })
  }

  it("refuses a prefix that begins with another's and a dash, since their volumes would mix", () => {
    assert.match(broken({ prefix: 'erpnext-db' }).join(), /dickson\.prefix: begins with byrne's prefix/)
  })

  it('derives every name from the prefix of the installation and of the tenant', () => {
    const tenant = makeTenant('byrne', byrne, settings)
    assert.equal(tenant.container('db'), 'x-erpnext-db')
    assert.equal(tenant.service('db'), 'erpnext-db')
    assert.equal(tenant.volume('db-data'), 'x-erpnext-db-data')
    assert.equal(tenant.secret('db_password'), '/nowhere/secrets/erpnext_db_password.txt')
    assert.equal(tenant.state('lock'), '/nowhere/state/byrne/lock')
  })

  it('lists the known tenants and suggests the nearest for an unknown one', () => {
    const known = [makeTenant('byrne', byrne, settings), makeTenant('dickson', dickson, settings)]
    assert.throws(() => findTenant(known, 'dikson'), {
      message: /known: byrne, dickson/,
      hint: 'did you mean dickson?',
      code: 2,
    })
  })
})
