/** Say whether tenants work: every check side by side, each with its figure, its limit and the remedy. */
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from '../lib/command.ts'
import { EXIT, shown } from '../lib/errors.ts'
import { writeMetrics } from '../lib/health/metrics.ts'
import { renderTable } from '../lib/health/render.ts'
import { checkHealth, type HealthReport, isEngineDown } from '../lib/health/report.ts'

command({
  name: 'healthcheck',
  summary:
    'Say whether tenants work: every check with its figure, its limit and the remedy. Warnings exit 0, a failure 1.',
  examples: [
    'healthcheck.ts',
    'healthcheck.ts dickson --json',
    'healthcheck.ts --isolation',
    'healthcheck.ts --quiet --metrics state/core/metrics/erp.prom',
  ],
  tenants: 'any',
  options: {
    isolation: { type: 'boolean', help: "also try from every container whether it reaches another tenant's" },
    metrics: { type: 'string', value: 'FILE', help: "also write Prometheus' text format there" },
    watch: { type: 'number', value: 'SECONDS', help: 'check again and again, until Ctrl-C' },
  },
  async run({ tenants, registry, core, options, json, terminal, print, signal }): Promise<HealthReport> {
    for (;;) {
      const found = await checkHealth({ tenants, registry, core, isolation: options.isolation })
      const report = options.metrics ? await writeMetrics(options.metrics, found, tenants, registry) : found
      if (!options.watch) return report
      print(
        json
          ? `${JSON.stringify(report)}\n`
          : `${terminal ? '\x1b[2J\x1b[H' : ''}${shown(`${report.at}\n${renderTable(report, terminal)}`)}\n`,
      )
      await sleep(options.watch * 1000, undefined, { signal }).catch(() => signal.throwIfAborted()) // with why
    }
  },
  render: renderTable,
  exitCode: (report) => (isEngineDown(report) ? EXIT.precondition : report.state === 'fail' ? EXIT.failed : EXIT.done),
})
