/** Shows what was found as a table for people. */
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
