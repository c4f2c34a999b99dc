import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { OperatorError } from '../../lib/errors.ts'
import { userSql } from '../../lib/import/load.ts'
import { incomingConfig, parseHead, refusePartial, siteFolder } from '../../lib/import/plan.ts'
import { sortFiles } from '../../lib/import/source.ts'
import { configOf } from '../../lib/import/unpack.ts'
import { makeTenant } from '../../lib/registry.ts'
import { readSettings } from '../../lib/settings.ts'
import tenants from '../../tenants.ts'

describe('the files of a directory', () => {
  const KNOWN: [what: string, names: string[], kind: string, files: string[]][] = [
    [
      'an export',
      [
        'dickson-assets-20261125T101112Z.tar.zst',
        'dickson-erp-20261125T101112Z.sql.zst',
        'dickson-sites-20261125T101112Z.tar.zst',
      ],
      'dump',
      ['dickson-sites-20261125T101112Z.tar.zst'],
    ],
    ['a dump with tars', ['assets.tar.gz', 'erp.sql', 'notes.txt', 'sites.tgz'], 'dump', ['sites.tgz']],
    [
      '`bench backup` with files',
      ['database.sql.gz', 'files.tar', 'private-files.tar', 'site_config_backup.json'].map(
        (name) => `20261125_101112-a_b-${name}`,
      ),
      'bench',
      ['20261125_101112-a_b-files.tar', '20261125_101112-a_b-private-files.tar'],
    ],
    ['`bench backup` without', ['x-database.sql.gz', 'x-site_config_backup.json'], 'bench', []],
  ]
  for (const [what, names, kind, files] of KNOWN)
    it(`are known by their names: ${what}`, () => {
      const source = sortFiles('/d', names)
      assert.equal(source.kind, kind)
      assert.deepEqual(
        source.files,
        files.map((name) => `/d/${name}`),
      )
    })

  const REFUSED: [what: string, names: string[], message: RegExp][] = [
    ['nothing', [], /holds no dump/],
    ['two dumps', ['a.sql', 'b.sql.gz', 'sites.tar'], /2 files that may be the database: a\.sql, b\.sql\.gz/],
    ['no archive of the sites', ['a.sql'], /no archive of the sites/],
    ['bench backup without its configuration', ['x-database.sql.gz'], /without its key/],
    ['an encrypted backup', ['x-database-enc.sql.gz'], /is encrypted/],
    [
      'one archive of two, the other being copied',
      ['x-database.sql.gz', 'x-site_config_backup.json', 'x-files.tar', 'x-private-files.tar.part'],
      /holds x-files\.tar alone/,
    ],
    [
      'the public files missing',
      ['x-database.sql.gz', 'x-site_config_backup.json', 'x-private-files.tgz'],
      /holds x-private-files\.tgz alone/,
    ],
    [
      'files of two nights',
      ['20261124_010203-a-database.sql.gz', '20261124_010203-a-site_config_backup.json'].concat(
        ['files.tar', 'private-files.tar'].map((name) => `20261125_010203-a-${name}`),
      ),
      /several moments: 20261124_010203, 20261125_010203/,
    ],
    ['an export that is still being written', ['a.sql.zst.partial'], /holds no dump/],
  ]
  for (const [what, names, message] of REFUSED)
    it(`are refused: ${what}`, () => {
      assert.throws(() => sortFiles('/d', names), { code: 3, message })
    })
})

describe('a backup of some tables', () => {
  it('is refused by its name or by its first lines, as frappe refuses it', () => {
    const message = /partial backup: tables are missing/
    assert.throws(() => refusePartial('/d/x-partial-database.sql.gz', ''), { code: 3, message })
    assert.throws(() => refusePartial('/d/x.sql', '-- Partial Backup of Frappe Site a\n'), { code: 3, message })
    assert.doesNotThrow(() => refusePartial('/d/x-database.sql.gz', '-- Backup of Frappe Site a\n'))
  })
})

describe('the folder of a site in an archive', () => {
  const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', {}))
  const SITE = tenant.site
  const of = (...folders: string[]) => siteFolder(tenant, 'sites.tar', folders)

  it('is the one of this name, however deep, and not what a restore has kept', () => {
    assert.equal(of(SITE), SITE)
    assert.equal(of(`previous/${SITE}`, 'other.example', SITE), SITE)
    assert.equal(of(`var/lib/docker/volumes/x/_data/${SITE}`), `var/lib/docker/volumes/x/_data/${SITE}`)
    assert.equal(of(`previous/${SITE}`), `previous/${SITE}`, 'an archive that was made below such a folder')
  })

  it('is refused where there is none, or two of which nobody knows the right one', () => {
    assert.throws(() => of('other.example'), { code: 3, message: /holds other\.example; dickson has/ })
    assert.throws(() => of(`a/${SITE}`, `b/${SITE}`), { code: 3, message: /twice: a\/.* and b\// })
  })
})

describe('what an import makes of what it reads', () => {
  it('the head of an export, and of no other dump', () => {
    const text = '-- An export of securenexus-erp, to be read\n-- tenant: dickson\n-- apps: {"a":"1: 2"}\n'
    assert.deepEqual(parseHead(text), { tenant: 'dickson', apps: '{"a":"1: 2"}' })
    assert.deepEqual(parseHead('-- MariaDB dump 10.19\n-- tenant: dickson\n'), {})
  })

  it('a configuration without the addresses of another stack, and with our marks', () => {
    const config = { db_name: '_a', encryption_key: 'k', db_host: 'x', redis_cache: 'y', socketio_port: 1, own: true }
    const { erp_site_made, ...rest } = configOf(config)
    assert.match(String(erp_site_made), /^20\d\d-/)
    assert.deepEqual(rest, { db_name: '_a', encryption_key: 'k', own: true, erp_scheduler_enabled: 1 })
    assert.equal(configOf({ ...config, erp_site_made: 'then', erp_scheduler_enabled: 0 }).erp_site_made, 'then')
    assert.equal(configOf({ ...config, erp_scheduler_enabled: 0 }).erp_scheduler_enabled, 0)
  })

  it('a site that has no key gets one of its own', () => {
    const made = [0, 1].map(() => String(configOf({ db_name: '_a' }).encryption_key))
    for (const key of made) assert.match(key, /^[\w-]{43}=$/)
    assert.notEqual(made[0], made[1])
  })

  it('a configuration that is none is refused, and not shown', () => {
    const tenant = makeTenant('dickson', tenants.dickson, readSettings('/nonexistent', {}))
    const typed = '{"db_name": "a", "encryption_key": 1, "db_password": "hidden"}'
    for (const text of ['{ "db_password": "hidden", ', '[]', typed, '{"db_name": "a`b", "db_password": "hidden"}'])
      assert.throws(
        () => incomingConfig(tenant, text),
        (error: OperatorError) => error.code === 3 && !/hidden/.test(error.message),
      )
    assert.deepEqual(incomingConfig(tenant, '{"db_name": "_a", "own": 1}'), { db_name: '_a', own: 1 })
  })

  it('the account of the site, its name and password quoted', () => {
    assert.match(userSql({ db_name: '_a', db_password: "x'y\\z" }), /user '_a'@'%' identified by 'x\\'y\\\\z';/)
    assert.match(userSql({ db_name: '_a', db_user: "b'c", db_password: 'x' }), /user 'b\\'c'@'%'/)
    assert.match(userSql({ db_name: '_a', db_user: 'b', db_password: 'x' }), /on `_a`\.\* to 'b'@'%';/)
  })
})
