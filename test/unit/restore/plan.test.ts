import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fingerprint, type Manifest } from '../../../lib/backup/manifest.ts'
import type { Answers, Proof } from '../../../lib/backup/proof.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { compare } from '../../../lib/restore/incoming.ts'
import { nextStage, rollbackOf } from '../../../lib/restore/intent.ts'
import {
  losses,
  openAgain,
  refuseForeign,
  refuseKey,
  refuseTenant,
  renderLoss,
  renderPlan,
} from '../../../lib/restore/plan.ts'
import { scratchTenant } from '../../../lib/restore/scratch.ts'
import { needsMigration, refuseNewer } from '../../../lib/versions.ts'
import specs from '../../../tenants.ts'

const settings = { root: '/erp', home: '/erp', prefix: 'p-', registry: '', env: { ERP_PREFIX: 'p-' } }
const dickson = makeTenant('dickson', specs.dickson, settings)
const manifest: Manifest = {
  format: 1,
  tenant: 'dickson',
  site: 'erp.dickson-supplies.com',
  schema: '_abc',
  at: '2026-11-25T10:00:00.000Z',
  images: { erpnext: 'e', mariadb: 'm' },
  apps: { frappe: '16.32.0', erpnext: '16.32.3' },
  server: '11.8.9',
  lsn: '1',
  databaseBytes: 1,
  keyFingerprint: fingerprint('the key'),
}
const answers: Answers = {
  baseTables: 10,
  sequences: 5,
  doctypes: { User: { rows: 2, newest: 'Guest' }, 'Journal Entry': { rows: 3, newest: 'JV-3' } },
  ledger: { debit: '1', credit: '1', difference: '0' },
  series: { 'JV-': '3' },
  secrets: { stored: 1, opened: 1 },
}
const proof = { tenant: 'dickson', at: '2026-11-25T10:00:10.000Z', answers } as Proof
const throwsWith = (code: number, message: RegExp) => (error: unknown) =>
  (error as { code: number }).code === code && message.test((error as Error).message)

describe('a backup is refused before anything is touched', () => {
  it("that is another tenant's, by manifest or by proof, naming both", () => {
    const named = throwsWith(3, /backup of byrne, not of dickson/)
    assert.throws(() => refuseTenant(dickson, { ...manifest, tenant: 'byrne' }, proof), named)
    assert.throws(() => refuseTenant(dickson, manifest, { ...proof, tenant: 'byrne' }), named)
    refuseTenant(dickson, manifest, proof)
  })

  it("that lies in another tenant's repository, naming both", () => {
    const place = { role: 'repository', location: '/backups', restic: '/repository' } as const
    const snapshot = (hostname: string) => ({ id: 'a', time: '', hostname, tags: ['backup'] })
    const named = throwsWith(3, /\/backups holds backups of byrne, not of dickson/)
    assert.throws(() => refuseForeign({ tenant: dickson, place }, [snapshot('byrne')]), named)
    refuseForeign({ tenant: dickson, place }, [snapshot('byrne'), snapshot('dickson')])
  })

  it('that is of another site', () => {
    assert.throws(() => refuseTenant(dickson, { ...manifest, site: 'x.y' }, proof), throwsWith(3, /of the site x\.y/))
  })

  it("whose site has no key, another key or another schema than the manifest's", () => {
    assert.throws(() => refuseKey(dickson, manifest, { db_name: '_abc' }), throwsWith(3, /holds no encryption key/))
    const other = { db_name: '_abc', encryption_key: 'made anew' }
    assert.throws(() => refuseKey(dickson, manifest, other), throwsWith(3, /another encryption key/))
    const schema = { db_name: '_other', encryption_key: 'the key' }
    assert.throws(() => refuseKey(dickson, manifest, schema), throwsWith(3, /another schema/))
    refuseKey(dickson, manifest, { db_name: '_abc', encryption_key: 'the key' })
  })

  it("whose apps are newer than the image's, or not in it", () => {
    const image = { frappe: '16.32.0', erpnext: '16.32.2' }
    assert.throws(
      () => refuseNewer(dickson, manifest.apps, image),
      throwsWith(3, /erpnext is 16\.32\.3 .* and 16\.32\.2/),
    )
    assert.throws(() => refuseNewer(dickson, manifest.apps, { frappe: '17.0.0' }), throwsWith(3, /not in the image/))
    refuseNewer(dickson, manifest.apps, { frappe: '16.32.0', erpnext: '16.40.0' })
  })

  it('that answers otherwise than its proof, saying what differs', () => {
    compare(dickson, answers, structuredClone(answers))
    const torn = { ...answers, series: { 'JV-': '2' } }
    assert.throws(() => compare(dickson, answers, torn), throwsWith(1, /series \{"JV-":\["3","2"\]\}/))
  })
})

describe('a migration', () => {
  it('is needed where an app of the data is older than the image, and only then', () => {
    assert.equal(needsMigration({ erpnext: '16.30.0' }, { erpnext: '16.32.3' }), true)
    assert.equal(needsMigration({ erpnext: '16.32.3' }, { erpnext: '16.32.3' }), false)
  })
})

describe('the plan', () => {
  const live: Answers = {
    ...answers,
    doctypes: {
      User: { rows: 2, newest: '' },
      'Journal Entry': { rows: 5, newest: '' },
      ToDo: { rows: 1, newest: '' },
    },
    series: { 'JV-': '5', 'SI-': '1' },
  }

  const BOTH = { hasData: true, hasSite: true }

  it('counts documents and numbers that were given out since', () => {
    assert.deepEqual(losses(live, answers), {
      documents: { 'Journal Entry': 2, ToDo: 1 },
      numbers: { 'JV-': { from: 4, to: 5 }, 'SI-': { from: 1, to: 1 } },
    })
    assert.deepEqual(losses(answers, live), { documents: {}, numbers: {} })
  })

  it('tells them, and says so where no live database answers', () => {
    const choice = {
      backup: { id: 'abcdef0123', at: '', original: '', safety: false },
      manifest,
      proof,
      config: {},
      bytes: 1,
    }
    assert.match(
      renderPlan(dickson, choice, losses(live, answers), BOTH),
      /2 Journal Entry, 1 ToDo[\s\S]*again: JV-4 to 5, SI-1 to 1/,
    )
    assert.match(renderPlan(dickson, choice, undefined, BOTH), /not known/)
    const none = { hasData: false, hasSite: false }
    assert.match(renderPlan(dickson, choice, undefined, none), /lost +nothing/)
  })

  it('tells that a folder without a database is not nothing, and what goes to make room', () => {
    const files = renderLoss(undefined, { hasData: false, hasSite: true }).join('\n')
    assert.match(files, /lost +not known: there is no database[\s\S]*kept +that folder/)
    const at = '2026-05-01T10:11:12.000Z'
    const saved = renderLoss(undefined, { ...BOTH, keeps: { at, saved: '2026-05-01T09:00:00.000Z' } }).at(-1)
    const has = 'which a backup has as it was at 2026-05-01T09:00Z'
    assert.equal(saved, `  gone       for good: what the restore of 2026-05-01T10:11Z replaced, ${has}`)
    const unsaved = renderLoss(undefined, { ...BOTH, keeps: { at } }).at(-1)
    assert.match(unsaved ?? '', /replaced, of which there is no backup$/)
  })
})

describe('who could sign in and was shut out since', () => {
  const [said] = openAgain({ name: 'dickson' }, ['a@b.c', 'x@y; rm -rf /', '-f'])
  it('is offered to be shut out again, but for names that a shell would obey', () =>
    assert.match(said ?? '', /^3 users .*; 1 of them: npx zx scripts\/users\.ts dickson disable a@b\.c$/))
  it('has no command where no name can be typed', () =>
    assert.match(openAgain({ name: 'dickson' }, ["o'brien@x.ie"])[0] ?? '', /^1 users .* were closed since$/))
  it('is nobody at most times', () => assert.deepEqual(openAgain({ name: 'dickson' }, []), []))
})

describe('an intent', () => {
  const intent = { verb: 'restore', stage: 'swap', at: '', snapshots: ['a'] } as const

  it('turns into its own undo where what came does not start; so does an undo, a rollback does not', () => {
    assert.deepEqual(rollbackOf({ ...intent, snapshots: ['a'] }), { ...intent, verb: 'rollback', stage: 'turn' })
    assert.equal(rollbackOf({ ...intent, verb: 'undo', snapshots: [] })?.stage, 'turn')
    assert.equal(rollbackOf({ ...intent, verb: 'rollback', snapshots: [] }), undefined)
  })

  it('goes from turn to swap and ends there', () => {
    assert.equal(nextStage({ ...intent, stage: 'turn', snapshots: [] }), 'swap')
    assert.equal(nextStage({ ...intent, snapshots: [] }), undefined)
  })
})

describe('the scratch stack', () => {
  const scratch = scratchTenant(dickson)

  it("has names of its own, and the tenant's secrets and state", () => {
    assert.equal(scratch.volume('db-data'), 'p-drill-dickson-db-data')
    assert.notEqual(scratch.project, dickson.project)
    assert.equal(scratch.secret('db_password'), dickson.secret('db_password'))
    assert.equal(scratch.state('ledger.json'), dickson.state('ledger.json'))
    assert.equal(scratch.settings.env.ERP_PREFIX, 'p-drill-')
  })

  it('is compose.yml with drill.yml on top, or what COMPOSE_FILE names', () => {
    assert.equal(scratch.settings.env.COMPOSE_FILE, '/erp/compose.yml:/erp/drill.yml')
    const env = { ...settings.env, COMPOSE_FILE: 'a.yml:b.yml' }
    const other = scratchTenant(makeTenant('dickson', specs.dickson, { ...settings, env }))
    assert.equal(other.settings.env.COMPOSE_FILE, 'a.yml:b.yml:/erp/drill.yml')
  })

  it('has what an operator puts over compose.yml in the way that is Compose’s own', () => {
    const root = mkdtempSync(join(tmpdir(), 'erp-override-'))
    writeFileSync(join(root, 'compose.override.yml'), '')
    const other = scratchTenant(makeTenant('dickson', specs.dickson, { ...settings, root }))
    const files = ['compose.yml', 'compose.override.yml', 'drill.yml'].map((name) => join(root, name))
    assert.equal(other.settings.env.COMPOSE_FILE, files.join(':'))
    rmSync(root, { recursive: true })
  })
})
