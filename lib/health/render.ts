/** Shows what was found: a table for people, Prometheus' text format for node exporter. */
import type { Finding, State } from './check.ts'
import type { HealthReport } from './report.ts'

const MARK: Record<State, [sign: string, colour: number]> = { ok: ['✔', 32], warn: ['⚠', 33], fail: ['✖', 31] }

/** The table for people: everything that is not well with its remedy, and one line for what is. */
export function renderTable(report: HealthReport, colour: boolean): string {
  const groups = [{ title: 'Machine', findings: report.machine }, ...report.tenants.map(titled)]
  const lines = groups.flatMap(({ title, findings }) => ['', title, ...rows(findings, colour)])
  const count = (state: State) => allFindings(report).filter((finding) => finding.state === state).length
  const sum = `${count('ok')} ok, ${count('warn')} to watch, ${count('fail')} failed, in ${report.seconds.toFixed(1)} s`
  return [...lines, '', sum].join('\n').trim()
}

const titled = ({ tenant, title, findings }: HealthReport['tenants'][number]) => ({
  title: `${title} (${tenant})`,
  findings,
})
const allFindings = ({ machine, tenants }: HealthReport) => [...machine, ...tenants.flatMap(({ findings }) => findings)]

/** What is well about a part stands in one line; what is not has a line of its own, with its limit and its remedy. */
function rows(findings: Finding[], colour: boolean): string[] {
  const width = Math.max(...findings.map(({ part }) => part.length))
  const parts = [...new Set(findings.map(({ part }) => part))]
  return parts.flatMap((part) => {
    const own = findings.filter((finding) => finding.part === part)
    const well = own.filter(({ state }) => state === 'ok').map(({ check, is }) => `${check} ${is}`)
    const lines = own.filter(({ state }) => state !== 'ok').flatMap((finding) => problem(finding, width, colour))
    return well.length > 0 ? [`  ${mark('ok', colour)} ${part.padEnd(width)}  ${well.join(' · ')}`, ...lines] : lines
  })
}

function problem({ part, check, state, is, limit, remedy }: Finding, width: number, colour: boolean): string[] {
  const against = limit ? ` (limit ${limit})` : ''
  const line = `  ${mark(state, colour)} ${part.padEnd(width)}  ${check}: ${is}${against}`
  return remedy ? [line, `      → ${remedy}`] : [line]
}

function mark(state: State, colour: boolean): string {
  const [sign, code] = MARK[state]
  return colour ? `\x1b[${code}m${sign}\x1b[0m` : sign
}

const LEVEL: Record<State, number> = { ok: 0, warn: 1, fail: 2 }

interface Sample {
  family: string
  labels: string
  value: number
}

/**
 * Prometheus' text format: every check's state, and the figures behind some. One line a series: of several containers of
 * a service the worst counts, since node exporter drops a whole file for one series that stands twice.
 */
export function renderMetrics(report: HealthReport): string {
  const all = [
    ...report.machine.map((finding) => ({ tenant: '', finding })),
    ...report.tenants.flatMap(({ tenant, findings }) => findings.map((finding) => ({ tenant, finding }))),
  ]
  const states = all.map(({ tenant, finding: { part, check, state } }) => ({
    family: 'erp_check_state',
    labels: labels({ tenant, part, check }),
    value: LEVEL[state],
  }))
  const figures = all.flatMap(({ tenant, finding: { value } }) =>
    value ? [{ family: value.name, labels: labels({ tenant, ...value.labels }), value: value.value }] : [],
  )
  const at = {
    family: 'erp_healthcheck_timestamp_seconds',
    labels: '',
    value: Math.round(Date.parse(report.at) / 1000),
  }
  const samples = worstOfEach([...states, ...figures, at])
  const families = [...new Set(samples.map(({ family }) => family))]
  return families
    .flatMap((family) => [`# TYPE ${family} gauge`, ...samples.filter((sample) => sample.family === family).map(line)])
    .join('\n')
    .concat('\n')
}

function worstOfEach(samples: Sample[]): Sample[] {
  const series = new Map<string, Sample>()
  for (const sample of samples) {
    const key = sample.family + sample.labels
    if (sample.value >= (series.get(key)?.value ?? 0)) series.set(key, sample)
  }
  return [...series.values()]
}

function labels(pairs: Record<string, string>): string {
  const known = Object.entries(pairs).filter(([, value]) => value !== '')
  return known.length === 0 ? '' : `{${known.map(([name, value]) => `${name}="${value}"`).join(',')}}`
}

const line = ({ family, labels: braces, value }: Sample) => `${family}${braces} ${value}`
