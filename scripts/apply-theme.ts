/** Put a tenant's brand on its site: check the files, publish and set them, see what browsers get. Or go back to the one before. */
import { command } from '../lib/command.ts'
import { askEngine } from '../lib/docker.ts'
import { usageError } from '../lib/errors.ts'
import type { Tenant } from '../lib/registry.ts'
import * as apply from '../lib/theme/apply.ts'
import { LARGEST } from '../lib/theme/files.ts'
import type { Applied } from '../lib/theme/site.ts'
import { prepareTheme } from '../lib/theme/theme.ts'

command({
  name: 'apply-theme',
  summary:
    "Put a tenant's brand on its site. Applied again it does nothing; what does not reach browsers is taken back.",
  examples: ['apply-theme.ts dickson', 'apply-theme.ts dickson --status', 'apply-theme.ts dickson --rollback'],
  tenants: 'one',
  changes: true,
  modes: ['rollback', 'status'],
  options: {
    rollback: { type: 'boolean', help: 'the theme before this one; a second time brings this one back' },
    status: { type: 'boolean', help: 'what is on, what can be gone back to, what differs from the brand' },
  },
  notes: [`At most ${kib('css')} KiB a style sheet, ${kib('js')} a script, ${kib('svg')} a drawing: docs/theme.md`],
  async run({ tenants, registry, core, options, dryRun, forEachTenant, ...reporter }) {
    const { rollback, status } = options
    const [named] = tenants
    if (!named) throw usageError('a tenant is missing')
    await askEngine()
    if (status) return statusOf(await apply.themeStatus(named))
    const [done] = await forEachTenant(async (tenant) => {
      const wanted = rollback
        ? ('earlier' as const)
        : await reporter.step('Check the brand', () => prepareTheme(tenant))
      await apply.requireBackend(tenant)
      if (dryRun) return resultOf(tenant, await apply.setTheme(tenant, wanted, { dry: true }), true)
      const applied = await reporter.step(rollback ? 'Put the earlier theme on' : 'Publish and set', () =>
        apply.setTheme(tenant, wanted),
      )
      await apply.seeTheme(tenant, applied, { core, registry }, reporter)
      return resultOf(tenant, applied, false)
    })
    return { dryRun, text: '', ...done }
  },
  render: ({ text }) => text,
})

function kib(kind: keyof typeof LARGEST): number {
  return LARGEST[kind] / 1024
}

function resultOf(tenant: Tenant, { generation, changed, kept, removed = [], manifest }: Applied, dry: boolean) {
  const what = `the theme ${generation} of ${manifest?.brand}`
  const list = changed.map((one) => `\n  ${one}`).join('')
  const text = changed.length === 0 ? `${what} is on; nothing had to be done` : `${what} is on`
  const would = changed.length === 0 ? 'nothing to do' : `would put ${what} on:${list}`
  return { tenant: tenant.name, generation, changed, kept, removed, text: `${tenant.name}: ${dry ? would : text}` }
}

function statusOf(status: apply.Status) {
  const { tenant, brand, generation, previous, rejected, others, differs } = status
  const lines = [
    generation ? `${tenant}: the theme ${generation} of ${brand} is on` : `${tenant}: no theme is on`,
    previous ? `  before it   ${previous}: --rollback` : '  before it   none',
    ...(rejected ? [`  taken back  ${rejected}: deploy.ts leaves it off`] : []),
    ...others.map((one) => `  not ours    ${one}`),
    ...differs.map((one) => `  differs     ${one}`),
  ]
  return { ...status, text: lines.join('\n') }
}
