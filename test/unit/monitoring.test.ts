import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { FAMILIES } from '../../lib/health/metrics.ts'
import { metricsOf, queriesOf, readAlerts, readDashboards } from '../monitoring.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const exported = (name: string) => !name.startsWith('erp_') || Object.hasOwn(FAMILIES, name)
const alerts = readAlerts()
const dashboards = readDashboards()

describe('every alert', () => {
  const tests = readdirSync(join(root, 'test/rules')).map((name) => parse(read(`test/rules/${name}`)))
  const cases = tests.flatMap(({ tests: all }) =>
    all.flatMap((one: { alert_rule_test: object[] }) => one.alert_rule_test),
  )
  const headings = [...read('docs/monitoring.md').matchAll(/^### (\w+)$/gm)].map(([, name = '']) => name)

  it('has a name of its own', () => {
    assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length)
    assert.ok(alerts.length > 15)
  })

  for (const { alert, expr, labels, annotations } of alerts) {
    it(`${alert} asks for what is exported, and has its severity and a summary`, () => {
      assert.deepEqual(
        metricsOf(expr).filter((name) => !exported(name)),
        [],
      )
      assert.match(labels.severity, /^(critical|warning|none)$/)
      assert.ok(annotations.summary)
    })

    it(`${alert} has a heading in the runbook`, () => {
      assert.equal(annotations.runbook, `docs/monitoring.md#${alert.toLowerCase()}`)
      assert.ok(headings.includes(alert))
    })

    it(`${alert} is tested where it fires and, if it can be still, where it does not`, () => {
      const own = cases.filter(({ alertname }: { alertname: string }) => alertname === alert)
      assert.ok(own.some(({ exp_alerts: expected }: { exp_alerts: object[] }) => expected.length > 0))
      const still = own.some(({ exp_alerts: expected }: { exp_alerts: object[] }) => expected.length === 0)
      assert.ok(still || alert === 'ErpWatchdog')
    })
  }

  it('is in the runbook, and nothing else is', () =>
    assert.deepEqual(headings.sort(), alerts.map(({ alert }) => alert).sort()))
})

describe('one message for one cause', () => {
  const { inhibit_rules: rules } = parse(read('core/alertmanager/alertmanager.yml'))
  const CHECKS = 'alertname = "ErpCheckFailed"'

  it('silences every check of a tenant only while it or the engine is down, else the check that has an alert of its own', () => {
    const silences = (rules as { source_matchers: string[]; target_matchers: string[] }[])
      .filter(({ target_matchers: targets }) => targets.some((target) => target.includes('ErpCheckFailed')))
      .map(({ source_matchers: [source = ''], target_matchers: targets }) => [source, targets.length > 1])
    const wide = silences.filter(([, narrow]) => !narrow).map(([source]) => source)
    assert.deepEqual(wide, ['alertname = "ErpEngineDown"', 'alertname = "ErpTenantDown"'])
    assert.equal(silences.length, 8)
    for (const { target_matchers: targets } of rules) if (targets.length > 1) assert.equal(targets[0], CHECKS)
  })
})

describe('the dashboards', () => {
  it('are three, each with a uid and a title of its own', () => {
    assert.equal(dashboards.length, 3)
    assert.equal(new Set(dashboards.map(({ uid }) => uid)).size, 3)
    assert.equal(new Set(dashboards.map(({ title }) => title)).size, 3)
  })

  for (const dashboard of dashboards) {
    it(`${dashboard.file} asks for what is exported, of a data source that is provisioned`, () => {
      const sources = parse(read('core/grafana/provisioning/datasources/erp.yml')).datasources
      const known = sources.map(({ type, uid }: { type: string; uid: string }) => `${type} ${uid}`)
      const queries = queriesOf(dashboard)
      assert.ok(queries.length >= 10)
      for (const { panel, expr } of queries) {
        assert.ok(metricsOf(expr).length > 0, `${panel}: ${expr}`)
        assert.deepEqual(
          metricsOf(expr).filter((name) => !exported(name)),
          [],
          panel,
        )
      }
      for (const { title, targets = [] } of dashboard.panels) {
        assert.ok(targets.length > 0, title)
        for (const { datasource } of targets) assert.ok(known.includes(`${datasource?.type} ${datasource?.uid}`), title)
      }
    })

    it(`${dashboard.file} has no two panels on one place, and none outside`, () => {
      const cells = dashboard.panels.flatMap(({ title, gridPos: { x, y, w, h } }) => {
        assert.ok(x >= 0 && x + w <= 24, title)
        return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`)
      })
      assert.equal(new Set(cells).size, cells.length)
    })
  }

  it('show every family that we export, but for those of the walls', () => {
    const shown = new Set(dashboards.flatMap(queriesOf).flatMap(({ expr }) => metricsOf(expr)))
    const used = new Set([...shown, ...alerts.flatMap(({ expr }) => metricsOf(expr))])
    const unused = Object.keys(FAMILIES).filter((name) => !used.has(name) && !name.startsWith('erp_isolation_'))
    assert.deepEqual(unused, [])
  })
})

describe('what a question names', () => {
  for (const [expr, names] of [
    ['time() - erp_a_seconds > on (tenant) erp_b_seconds', ['erp_a_seconds', 'erp_b_seconds']],
    ['max by (erp_x) (erp_check_state{part="erp_y"}) == 2', ['erp_check_state']],
    ['rate(traefik_service_requests_total{service=~"$tenant-.*"}[5m])', ['traefik_service_requests_total']],
    ['up == 0', ['up']],
    ['vector(1)', []],
  ] as const) {
    it(`is ${names.join(', ') || 'nothing'} in ${expr}`, () => assert.deepEqual(metricsOf(expr), names))
  }
})
