/** The figures for Prometheus: every family with its meaning, and the text that node exporter's textfile collector reads. */
import { dirname } from 'node:path'
import { type Ledger, readLedger } from '../backup/ledger.ts'
import { variableOf } from '../backup/repository.ts'
import { messageOf } from '../errors.ts'
import { writeAtomically } from '../files.ts'
import type { Tenant } from '../registry.ts'
import type { Finding, State } from './check.ts'
import type { HealthReport } from './report.ts'

/** Every family that we export. A rule or a panel that names another is refused by a test. */
export const FAMILIES = {
  erp_healthcheck_timestamp_seconds: 'When healthcheck.ts wrote this file, as seconds since 1970.',
  erp_healthcheck_duration_seconds: 'How long healthcheck.ts looked.',
  erp_check_state: 'What one check found: 0 well, 1 a warning, 2 a failure.',
  erp_tenant_registered: '1 for each tenant of the registry, whether it was asked for or not.',
  erp_tenant_up: '1 where a user can work: database, login page and both public hosts answer; otherwise 0.',
  erp_ping_seconds: 'How long the backend took for one ping.',
  erp_container_restarts_total: 'How often Docker has restarted this container since it was made.',
  erp_workers_connected: 'Workers that listen on a queue.',
  erp_jobs_waiting: 'Jobs that wait in a queue.',
  erp_oldest_job_age_seconds: 'How long the oldest job of a queue has waited; 0 where none waits.',
  erp_scheduler_last_run_timestamp_seconds: 'When a scheduled job last ran, as seconds since 1970.',
  erp_db_connections: 'Connections that the database has.',
  erp_redis_queue_memory_bytes: "Memory that the queue's Redis uses for data.",
  erp_certificate_expiry_timestamp_seconds: 'When the certificate of a public host ends, as seconds since 1970.',
  erp_disk_used_ratio: "Share of the engine's disk in use, as df counts.",
  erp_disk_free_bytes: "What is free on the engine's disk.",
  erp_backup_max_age_seconds: 'Objective: how old the last verified backup may be.',
  erp_backup_last_verified_timestamp_seconds: 'When the last backup that was proven was made, as seconds since 1970.',
  erp_backup_offsite_max_age_seconds: 'Objective, where an off-site copy is wanted: how old it may be.',
  erp_backup_last_offsite_timestamp_seconds: 'When a backup was last copied off-site, as seconds since 1970.',
  erp_backup_last_check_timestamp_seconds: 'When the repository was last checked, as seconds since 1970.',
  erp_backup_repository_created_timestamp_seconds: 'When the repository was first seen, as seconds since 1970.',
  erp_backup_repository_damaged: '1 where the last check found the repository damaged; otherwise 0.',
  erp_backup_repository_bytes: 'What the repository holds.',
  erp_backup_database_bytes: 'Size of the database in the last verified backup.',
  erp_backup_disk_full_seconds: "Time until the repository's disk is full, if it grows on as it did.",
  erp_drill_max_age_seconds: 'Objective: how long ago the last restore drill may be.',
  erp_drill_last_timestamp_seconds: 'When the last restore drill ended, as seconds since 1970.',
  erp_drill_passed: '1 where the last restore drill passed; otherwise 0.',
  erp_drill_restore_seconds: 'From nothing to a site that answers, in the last restore drill.',
  erp_drill_restore_max_seconds: 'Objective: how long a restore may take.',
  erp_isolation_probes: 'Probes of the last look at the walls (--isolation).',
  erp_isolation_open_doors: "Doors of another tenant's that were open.",
  erp_isolation_machine_ports: "Ports of the machine itself that answer at a network's gateway.",
} as const satisfies Record<string, string>

export type MetricName = keyof typeof FAMILIES

/** One figure, in the unit of its name. */
export interface Figure {
  name: MetricName
  value: number
  labels?: Record<string, string>
}

/** A tenant that was asked for, with what is known of its backups: both without the engine. */
export interface Known {
  tenant: Tenant
  /** Nothing where it cannot be read, which is a failed check of its own. */
  ledger: Ledger | undefined
}

/** What is known of these tenants whether the engine answers or not. */
const readKnown = (tenants: Tenant[]): Promise<Known[]> =>
  Promise.all(tenants.map(async (tenant) => ({ tenant, ledger: await readLedger(tenant).catch(() => undefined) })))

const LEVEL: Record<State, number> = { ok: 0, warn: 1, fail: 2 }

/**
 * Prometheus' text format, written also where the engine does not answer: then each tenant that was asked for is down.
 * @param registry all tenants: one that was not asked for is missed
 */
export function renderMetrics(report: HealthReport, known: Known[], registry: Tenant[]): string {
  const about = (tenant: string, findings: Finding[]): Figure[] =>
    findings.flatMap(({ part, check, state, value }) => [
      { name: 'erp_check_state', value: LEVEL[state], labels: { tenant, part, check } },
      ...(value ? [{ ...value, labels: { tenant, ...value.labels } }] : []),
    ])
  return renderFigures([
    { name: 'erp_healthcheck_timestamp_seconds', value: seconds(report.at) },
    { name: 'erp_healthcheck_duration_seconds', value: report.seconds },
    ...registry.map(({ name }): Figure => ({ name: 'erp_tenant_registered', value: 1, labels: { tenant: name } })),
    ...about('', report.machine),
    ...report.tenants.flatMap(({ tenant, findings }) => about(tenant, findings)),
    ...known.flatMap(({ tenant, ledger }) => {
      const findings = report.tenants.find((one) => one.tenant === tenant.name)?.findings ?? []
      const up: Figure = { name: 'erp_tenant_up', value: Number(isUp(findings)) }
      const figures = [up, ...objectives(tenant), ...(ledger ? ledgerFigures(ledger) : [])]
      return figures.map((figure) => ({ ...figure, labels: { tenant: tenant.name } }))
    }),
  ])
}

/** A slow answer is one, which its figure shows. What was not asked did not answer. */
function isUp(findings: Finding[]): boolean {
  const answers = (part: string, check: string) =>
    findings.some((one) => one.part === part && one.check === check && (one.state !== 'fail' || one.value))
  const asked = (part: string) => findings.some((one) => one.part === part)
  return (
    answers('db', 'connect') &&
    answers('backend', 'ping') &&
    answers('site', 'login page') &&
    ['erp', 'pos'].every((host) => !asked(host) || answers(host, 'ping'))
  )
}

const HOUR = 3600
const seconds = (at: string) => Math.round(Date.parse(at) / 1000)

/** Also where the location is none, which is a failed check: the other tenants' figures are written all the same. */
const wantsOffsite = (tenant: Tenant) => Boolean(tenant.settings.env[variableOf(tenant, 'offsite')])

function objectives(tenant: Tenant): Figure[] {
  const { maxBackupAgeHours, maxDrillAgeDays, restoreSeconds } = tenant.objectives
  const age = maxBackupAgeHours * HOUR
  return [
    { name: 'erp_backup_max_age_seconds', value: age },
    ...(wantsOffsite(tenant) ? [{ name: 'erp_backup_offsite_max_age_seconds', value: age } as const] : []),
    { name: 'erp_drill_max_age_seconds', value: maxDrillAgeDays * 24 * HOUR },
    { name: 'erp_drill_restore_max_seconds', value: restoreSeconds },
  ]
}

function ledgerFigures({ repository, verified, offsite, checked, drilled }: Ledger): Figure[] {
  const when = (name: MetricName, at: string | undefined): Figure[] => (at ? [{ name, value: seconds(at) }] : [])
  const figures: Figure[] = [
    ...when('erp_backup_repository_created_timestamp_seconds', repository?.at),
    ...when('erp_backup_last_verified_timestamp_seconds', verified?.at),
    ...when('erp_backup_last_offsite_timestamp_seconds', offsite?.at),
    ...when('erp_backup_last_check_timestamp_seconds', checked?.at),
    ...when('erp_drill_last_timestamp_seconds', drilled?.at),
  ]
  if (verified) figures.push({ name: 'erp_backup_database_bytes', value: verified.databaseBytes })
  if (checked) figures.push({ name: 'erp_backup_repository_damaged', value: Number(checked.damaged !== undefined) })
  if (drilled) figures.push({ name: 'erp_drill_passed', value: Number(drilled.passed) })
  if (drilled?.passed) figures.push({ name: 'erp_drill_restore_seconds', value: drilled.restoreSeconds })
  return figures
}

/**
 * Write the figures; where that cannot be done, the report says so.
 * @param tenants those that were asked
 */
export async function writeMetrics(
  file: string,
  report: HealthReport,
  tenants: Tenant[],
  registry: Tenant[],
): Promise<HealthReport> {
  try {
    await writeAtomically(file, renderMetrics(report, await readKnown(tenants), registry), 0o644)
    return report
  } catch (error) {
    const remedy = `ls -ld ${dirname(file)}: docs/trouble.md#state-is-lost`
    const finding: Finding = { part: 'metrics', check: 'written', state: 'fail', is: messageOf(error), remedy }
    return { ...report, state: 'fail', machine: [...report.machine, finding] }
  }
}

/**
 * Each family together with its meaning, one line a series: of several containers of a service the worst counts, since
 * node exporter drops a whole file for one series that stands twice. What is no number was not measured.
 */
function renderFigures(figures: Figure[]): string {
  const series = new Map<string, Figure>()
  for (const figure of figures.filter(({ value }) => Number.isFinite(value))) {
    const key = figure.name + braces(figure.labels)
    if (figure.value >= (series.get(key)?.value ?? figure.value)) series.set(key, figure)
  }
  const families = [...new Set([...series.values()].map(({ name }) => name))]
  return families
    .flatMap((name) => [
      `# HELP ${name} ${FAMILIES[name]}`,
      `# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`,
      ...[...series].filter(([, figure]) => figure.name === name).map(([key, { value }]) => `${key} ${value}`),
    ])
    .join('\n')
    .concat('\n')
}

function braces(labels: Record<string, string> = {}): string {
  const known = Object.entries(labels).filter(([, value]) => value !== '')
  return known.length === 0 ? '' : `{${known.map(([name, value]) => `${name}="${value}"`).join(',')}}`
}
