/** What the rules and dashboards ask Prometheus, taken out of their files. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'

const ROOT = resolve(import.meta.dirname, '..')
const DASHBOARDS = join(ROOT, 'core/grafana/dashboards')
const RULES = join(ROOT, 'core/prometheus/rules')

export interface Alert {
  alert: string
  expr: string
  for?: string
  labels: { severity: string }
  annotations: { summary: string; runbook: string }
}

/** One question of a panel. */
export interface Query {
  dashboard: string
  panel: string
  expr: string
}

interface Panel {
  title: string
  type: string
  datasource?: { type: string; uid: string }
  targets?: { expr: string; datasource?: { type: string; uid: string } }[]
  panels?: Panel[]
  gridPos: { x: number; y: number; w: number; h: number }
}

export interface Dashboard {
  file: string
  uid: string
  title: string
  panels: Panel[]
  templating: { list: { name: string; definition: string }[] }
  annotations: { list: { expr?: string }[] }
}

export const readAlerts = (): Alert[] =>
  readdirSync(RULES).flatMap((name) =>
    (parse(readFileSync(join(RULES, name), 'utf8')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
      ({ rules }) => rules,
    ),
  )

export const readDashboards = (): Dashboard[] =>
  readdirSync(DASHBOARDS).map((file) => ({ file, ...JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) }))

/** Every question that a dashboard asks Prometheus, with `$tenant` as it stands. */
export function queriesOf({ file, panels }: Dashboard): Query[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets
      .filter(({ datasource }) => datasource?.type === 'prometheus')
      .map(({ expr }) => ({ dashboard: file, panel: title, expr })),
  )
}

/** The metrics that a question names: what stands before a brace, a bracket or an end, and is no function or keyword. */
export function metricsOf(expr: string): string[] {
  const bare = expr
    .replace(/"[^"]*"/g, '""')
    .replace(/\{[^}]*\}/g, '{}')
    .replace(/\b(by|on|without) *\([^)]*\)/g, '')
  const words = [...bare.matchAll(/[a-zA-Z_:][a-zA-Z0-9_:]*(?! *\()/g)].map(([word]) => word)
  const known = words.filter((word) => /^(erp|node|traefik|alertmanager|prometheus|up|ALERTS)(_|$)/.test(word))
  return [...new Set(known)]
}
