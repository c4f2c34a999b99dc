import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Ledger } from '../../lib/backup/ledger.ts'
import type { Finding, State } from '../../lib/health/check.ts'
import { FAMILIES, renderMetrics } from '../../lib/health/metrics.ts'
import type { HealthReport } from '../../lib/health/report.ts'
import { makeTenant } from '../../lib/registry.ts'
import { readSettings } from '../../lib/settings.ts'
import tenants from '../../tenants.ts'

const tenant = (env: Record<string, string> = {}) =>
  makeTenant('dickson', tenants.dickson, readSettings('/nonexistent', env))
const at = '2026-11-23T22:00:00.000Z'
const finding = (part: string, check: string, state: State = 'ok', more: Partial<Finding> = {}): Finding => ({
  part,
  check,
  state,
  is: 'so',
  ...more,
})
const WELL = [
  finding('db', 'connect'),
  finding('backend', 'ping', 'ok', { value: { name: 'erp_ping_seconds', value: 0.012 } }),
  finding('site', 'login page'),
]
const report = (findings: Finding[]): HealthReport => ({
  at,
  state: 'ok',
  seconds: 1.25,
  machine: [finding('engine', 'answers'), finding('disk', 'space', 'warn')],
  tenants: [{ tenant: 'dickson', title: 'D', state: 'ok', findings }],
})

/** The lines of samples, of a tenant that was asked for. */
function samples(findings: Finding[], ledger: Ledger | undefined = {}, env: Record<string, string> = {}): string[] {
  const text = renderMetrics(report(findings), [{ tenant: tenant(env), ledger }], [])
  return text.split('\n').filter((line) => !line.startsWith('#'))
}
const up = (findings: Finding[]) => samples(findings).find((line) => line.startsWith('erp_tenant_up'))

describe('the figures for Prometheus', () => {
  const text = renderMetrics(
    report([
      ...WELL,
      finding('worker', 'container', 'fail', {
        value: { name: 'erp_container_restarts_total', value: 3, labels: { part: 'worker', container: 'w-2' } },
      }),
      finding('worker', 'container'),
      finding('jobs', 'a', 'ok', { value: { name: 'erp_jobs_waiting', labels: { queue: 'short' }, value: 1 } }),
      finding('jobs', 'b', 'ok', { value: { name: 'erp_jobs_waiting', labels: { queue: 'long' }, value: Number.NaN } }),
    ]),
    [{ tenant: tenant(), ledger: {} }],
    [tenant(), makeTenant('byrne', tenants.byrne, readSettings('/repository', {}))],
  )

  it('name each tenant of the registry, so that one that was not asked for is missed', () => {
    for (const name of ['dickson', 'byrne'])
      assert.match(text, new RegExp(`^erp_tenant_registered\\{tenant="${name}"\\} 1$`, 'm'))
    assert.doesNotMatch(text, /erp_tenant_up\{tenant="byrne"/)
  })
  const lines = text.trimEnd().split('\n')
  const series = lines.filter((line) => !line.startsWith('#'))

  it('are lines of its text format: each series once, each family together under its meaning and type', () => {
    assert.ok(text.endsWith('\n'))
    const sample = /^[a-z_]+(\{[a-z_]+="[^"\\\n]+"(,[a-z_]+="[^"\\\n]+")*\})? -?[\d.]+(e[+-]?\d+)?$/
    for (const line of lines) assert.match(line, line.startsWith('#') ? /^# (HELP|TYPE) [a-z_]+ \S/ : sample)
    const names = series.map((line) => line.replace(/ \S+$/, ''))
    assert.equal(names.length, new Set(names).size, 'a series is there twice')
    const families = series.map((line) => line.replace(/[{ ].*/, ''))
    const runs = families.filter((name, index) => name !== families[index - 1])
    assert.deepEqual(runs, [...new Set(families)], 'a family is torn apart')
    for (const family of runs) {
      assert.equal(lines.filter((line) => line.startsWith(`# TYPE ${family} `)).length, 1, family)
      assert.equal(lines.filter((line) => line.startsWith(`# HELP ${family} `)).length, 1, family)
    }
  })

  it('take the worst of equals, and leave out what was not measured', () => {
    assert.ok(series.includes('erp_check_state{tenant="dickson",part="worker",check="container"} 2'))
    assert.ok(series.includes('erp_check_state{part="disk",check="space"} 1'))
    assert.ok(series.includes('erp_jobs_waiting{tenant="dickson",queue="short"} 1'))
    assert.ok(!text.includes('NaN') && !text.includes('"long"'))
  })

  it('count restarts for each container', () => {
    assert.ok(lines.includes('# TYPE erp_container_restarts_total counter'))
    assert.ok(series.includes('erp_container_restarts_total{tenant="dickson",part="worker",container="w-2"} 3'))
  })

  it('keep the conventions: our own prefix, base units, a total for what counts up', () => {
    for (const name of Object.keys(FAMILIES)) {
      assert.match(name, /^erp_[a-z_]+$/)
      assert.doesNotMatch(name, /_(ms|minutes|hours|days|kb|mib|percent|age)(_|$)(?!seconds)/)
    }
  })
})

describe('a tenant is up', () => {
  for (const [what, findings, expected] of [
    ['where all that users need answers', WELL, 1],
    [
      'where a ping is slow: that is a failed check, and an answer',
      WELL.map((one) => (one.part === 'backend' ? { ...one, state: 'fail' as const } : one)),
      1,
    ],
    ['where something else fails', [...WELL, finding('jobs', 'oldest long', 'fail')], 1],
    ['not where the database was not asked', WELL.slice(1), 0],
    ['not where the login page fails', [...WELL.slice(0, 2), finding('site', 'login page', 'fail')], 0],
    [
      'not where one public host has no certificate, so that nothing was asked there',
      [...WELL, finding('erp', 'ping'), finding('pos', 'certificate', 'fail')],
      0,
    ],
    ['not where nothing was found at all', [], 0],
  ] as [string, Finding[], number][]) {
    it(what, () => assert.equal(up(findings), `erp_tenant_up{tenant="dickson"} ${expected}`))
  }

  it('not where the engine does not answer, and its backups are told all the same', () => {
    const down = { ...report([]), tenants: [] }
    const ledger = { verified: { at, snapshot: 'a', databaseBytes: 5, addedBytes: 1 } }
    const text = renderMetrics(down, [{ tenant: tenant(), ledger }], [])
    assert.match(text, /^erp_tenant_up\{tenant="dickson"\} 0$/m)
    assert.match(text, /^erp_backup_last_verified_timestamp_seconds\{tenant="dickson"\} 1795471200$/m)
  })
})

describe('what is known of backups', () => {
  const ledger: Ledger = {
    repository: { id: 'r', location: 'x', at },
    verified: { at, snapshot: 'a', databaseBytes: 5, addedBytes: 1 },
    offsite: { at, snapshot: 'a' },
    checked: { at, part: 1, damaged: 'a pack is missing' },
    drilled: { at, snapshot: 'a', restoreSeconds: 12.5, passed: true },
  }
  const named = (lines: string[], name: string) => lines.find((line) => line.startsWith(name))?.split(' ')[1]

  it('is when, how long and whether it was well, beside the objectives', () => {
    const lines = samples(WELL, ledger)
    for (const [name, value] of [
      ['erp_backup_last_verified_timestamp_seconds', '1795471200'],
      ['erp_backup_last_offsite_timestamp_seconds', '1795471200'],
      ['erp_backup_repository_damaged', '1'],
      ['erp_backup_max_age_seconds', '93600'],
      ['erp_drill_last_timestamp_seconds', '1795471200'],
      ['erp_drill_restore_seconds', '12.5'],
      ['erp_drill_passed', '1'],
      ['erp_drill_max_age_seconds', '691200'],
    ] as const) {
      assert.equal(named(lines, name), value, name)
    }
  })

  it('has an objective for off-site copies only where one is wanted', () => {
    const name = 'erp_backup_offsite_max_age_seconds'
    assert.equal(named(samples(WELL), name), undefined)
    assert.equal(named(samples(WELL, {}, { BACKUP_OFFSITE_DICKSON: 'rest:https://host/x' }), name), '93600')
    const none = { BACKUP_OFFSITE_DICKSON: 'b2:bucket' }
    assert.equal(named(samples(WELL, {}, none), name), '93600', 'a location that is none is a failed check, no more')
  })

  it('is nothing but the objectives where there is no backup, or a ledger that nobody can read', () => {
    for (const none of [{}, undefined] as const) {
      const text = renderMetrics(report(WELL), [{ tenant: tenant(), ledger: none }], [])
      assert.doesNotMatch(text, /last_verified|drill_last|damaged/)
      assert.match(text, /^erp_backup_max_age_seconds/m)
    }
  })
})
