import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Ledger } from '../../../lib/backup/ledger.ts'
import { backupFindings } from '../../../lib/health/backup.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const home = mkdtempSync(join(tmpdir(), 'erp-ledger-'))
after(() => rmSync(home, { recursive: true, force: true }))
mkdirSync(join(home, 'state/dickson'), { recursive: true })
mkdirSync(join(home, 'backups/dickson'), { recursive: true })
const root = join(import.meta.dirname, '../../..')
const NOW = Date.parse('2026-05-20T12:00:00Z')
const ago = (hours: number) => new Date(NOW - hours * 3600_000).toISOString()
const good = {
  repository: { id: 'r', location: 'x', at: ago(500) },
  backup: { at: ago(9), snapshot: 'a' },
  verified: { at: ago(9), snapshot: 'a', databaseBytes: 1, addedBytes: 1 },
  offsite: { at: ago(8), snapshot: 'a' },
  offsiteChecked: { at: ago(8), part: 3 },
  checked: { at: ago(9), part: 3 },
  drilled: { at: ago(48), snapshot: 'a', restoreSeconds: 12, passed: true },
} satisfies Ledger

/** The finding of one check, as `state: is`. */
async function finding(check: string, ledger: Ledger, env: Record<string, string> = {}): Promise<string> {
  writeFileSync(join(home, 'state/dickson/ledger.json'), JSON.stringify(ledger))
  const tenant = makeTenant('dickson', tenants.dickson, readSettings(root, { ERP_HOME: home, ...env }))
  const found = (await backupFindings(tenant, NOW)).find((one) => one.check === check)
  if (found && found.state !== 'ok') assert.ok(found.remedy, 'what is not well names its remedy')
  return found ? `${found.state}: ${found.is}` : 'none'
}

describe('the ledger against the objectives', () => {
  const { repository, verified, drilled } = good
  const rest: Ledger = { repository }
  const OFFSITE = { BACKUP_OFFSITE_DICKSON: 'rest:https://host/x' }
  const sizes = (from: number, to: number) => [
    { at: ago(240), bytes: from },
    { at: ago(0), bytes: to },
  ]
  const table: [what: string, check: string, ledger: Ledger, is: RegExp, env?: Record<string, string>][] = [
    ['a backup of this night is well', 'verified', good, /^ok: 9 h ago$/],
    ['none at all is red', 'verified', {}, /^fail: no backup was ever verified/],
    [
      'one that is older than the objective is red',
      'verified',
      { ...good, verified: { ...verified, at: ago(27) } },
      /^fail: 27 h ago/,
    ],
    [
      'one that is nearly too old is a warning',
      'verified',
      { ...good, verified: { ...verified, at: ago(25) } },
      /^warn: 25 h ago/,
    ],
    [
      'a later one without a proof is a warning',
      'verified',
      { ...good, backup: { at: ago(1), snapshot: 'b' } },
      /^warn: 9 h ago; a later one was not proven/,
    ],
    [
      'one that was stored and never proven is red, where it is the only one',
      'verified',
      { repository, backup: good.backup },
      /^fail: no backup was ever verified/,
    ],
    [
      'one that a wrong clock made is red: it would be young for a year',
      'verified',
      { ...good, verified: { ...verified, at: ago(-9000) } },
      /^fail: in the future: the clock was wrong/,
    ],
    [
      'a check of the future is red',
      'repository',
      { ...good, checked: { at: ago(-9000), part: 3 } },
      /^fail: checked 2027/,
    ],
    ['no off-site copy is no matter where none is wanted', 'off-site', rest, /^none$/],
    [
      'an off-site copy that was never made is red',
      'off-site',
      { ...rest, verified },
      /^fail: nothing was ever copied/,
      OFFSITE,
    ],
    [
      'an off-site copy that is too old is red',
      'off-site',
      { ...good, offsite: { at: ago(30), snapshot: 'a' } },
      /^fail: 30 h ago/,
      OFFSITE,
    ],
    ['a fresh off-site copy is well', 'off-site', good, /^ok: 8 h ago/, OFFSITE],
    [
      'a damaged repository is red',
      'repository',
      { ...good, checked: { at: ago(1), part: 1, damaged: 'pack x' } },
      /^fail: pack x/,
    ],
    ['one that was never checked is a warning', 'repository', rest, /^warn: was never checked/],
    [
      'one that was not checked for three days is a warning',
      'repository',
      { ...good, checked: { at: ago(73), part: 3 } },
      /^warn: checked 2026-05-17 11:00/,
    ],
    [
      'one that was not checked for a week is red, whatever backups say',
      'repository',
      { ...good, checked: { at: ago(169), part: 3 } },
      /^fail: checked 2026-05-13/,
    ],
    ['a drill within the objective is well', 'drill', good, /^ok: 2 days|48 h ago, restored in 12 s/],
    [
      'a drill that failed is red',
      'drill',
      { ...good, drilled: { ...drilled, passed: false, message: 'rows differ' } },
      /^fail: failed: rows differ/,
    ],
    [
      'a drill that is overdue is red',
      'drill',
      { ...good, drilled: { ...drilled, at: ago(9 * 24) } },
      /^fail: 9 days ago/,
    ],
    [
      'a drill slower than the objective is a warning',
      'drill',
      { ...good, drilled: { ...drilled, restoreSeconds: 100 } },
      /^warn: .*restored in 100 s/,
    ],
    [
      'no drill yet on a new tenant is a warning',
      'drill',
      { repository: { id: 'r', location: 'x', at: ago(24) } },
      /^warn: never/,
    ],
    ['no drill ever on an old tenant is red', 'drill', rest, /^fail: never/],
    ['no drill and no repository is red', 'drill', {}, /^fail: never/],
    ['a repository that does not grow has a size and no end', 'disk', { ...good, sizes: sizes(100, 50) }, /^none$/],
    ['one that grows slowly is well', 'disk', { ...good, sizes: sizes(1, 1000) }, /^ok: not within ten years/],
    ['one that fills the disk this week is red', 'disk', { ...good, sizes: sizes(0, 1e15) }, /^fail: full in 0 days/],
  ]
  for (const [what, check, ledger, is, env] of table)
    it(what, async () => assert.match(await finding(check, ledger, env), is))
  it('a repository here that is gone is red before the night, and so is a disk that is nearly full', async () => {
    const directory = join(home, 'backups/dickson')
    const ledger: Ledger = { ...good, repository: { ...repository, location: directory } }
    assert.match(await finding('place', ledger), /^fail: .*backups\/dickson holds no repository$/)
    writeFileSync(join(directory, 'config'), '')
    assert.match(await finding('place', ledger), /^(ok|warn|fail): its disk is \d+ % used$/)
    assert.equal(await finding('place', good), 'none')
    rmSync(join(directory, 'config'))
    symlinkSync('config', join(directory, 'config')) // as a disk that fails: it is there and cannot be looked at
    assert.match(await finding('place', ledger), /^fail: .*backups\/dickson cannot be read \(ELOOP\)$/)
  })
  it('a disk that is gone whole leaves the other findings', async () => {
    const env = { BACKUP_REPOSITORY_DICKSON: '/gone/disk/dickson' }
    const ledger: Ledger = {
      ...good,
      repository: { ...repository, location: '/gone/disk/dickson' },
      sizes: sizes(1, 1000),
    }
    assert.match(await finding('place', ledger, env), /^fail: \/gone\/disk\/dickson holds no repository$/)
    assert.match(await finding('size', ledger, env), /^ok/)
  })
  it('an off-site repository that is damaged is red, however new its copies are', async () => {
    const damaged = { ...good, offsiteChecked: { at: ago(8), part: 1, damaged: 'pack 1 is cut short' } }
    assert.equal(await finding('off-site', damaged, OFFSITE), 'fail: pack 1 is cut short')
    const unread = { ...good, offsiteChecked: { at: ago(8 * 24), part: 1 } }
    assert.equal(await finding('off-site', unread, OFFSITE), 'warn: 8 h ago; not checked there of late')
  })
  it('a ledger that is no JSON is a failure of its own', async () => {
    writeFileSync(join(home, 'state/dickson/ledger.json'), '{')
    const tenant = makeTenant('dickson', tenants.dickson, readSettings(root, { ERP_HOME: home }))
    await assert.rejects(backupFindings(tenant, NOW), /ledger\.json cannot be read/)
    writeFileSync(join(home, 'state/dickson/ledger.json'), 'null')
    await assert.rejects(backupFindings(tenant, NOW), /ledger\.json cannot be read: it is no object/)
  })
})
