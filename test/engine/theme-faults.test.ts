/** A theme under faults at every step, behind the real edge: the desk stays up, and the next run converges. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { withInjector } from '../faults/injector.ts'
import { start } from '../scripts/harness.ts'
import { docker, eventually } from './harness.ts'
import { SITE, useThemedStack } from './themes.ts'
import { ask } from './visitor.ts'

const { stack, theme, put, inBackend, config, deskSheet, sql, python, single, live } = useThemedStack('themefaults')

/** A run under a fault, and what must hold after it and after a plain run. */
async function applyUnder(at: string, mode: 'kill-before' | 'kill-after' | 'fail'): Promise<void> {
  await withInjector({ at, mode }, async (injector) => {
    put(`${mode}-${at.slice(0, 5)}`.replace('.', '-'))
    const ran = await start('apply-theme', ['dickson'], { env: { ...stack.env, ...injector.env }, timeout: 200 }).done
    assert.ok(injector.struck(), ran.stderr)
    assert.equal(ran.code, mode === 'fail' ? 1 : null, ran.stderr)
    const programs = () => inBackend('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "')
    await eventually(20, 'no program of it is left', () => !/theme\.py|delete_session\(/.test(programs()))
    assert.equal((await ask(stack, SITE, '/api/method/ping')).status, 200)
    assert.ok(Array.isArray(config().app_include_css))
    const again = await theme()
    assert.equal(again.code, 0, again.stderr)
    assert.equal(
      live()
        .files.split('\n')
        .filter((name) => name.startsWith('.')).length,
      0,
    )
  })
}

describe('a fault', () => {
  it('begins anew where an administrator wrote what it had read already, and keeps what that one wrote', async () => {
    put('disturbed')
    const query = "update tabSingles set value = concat(value, '<meta name=own>') where field = 'head_html'"
    const code = `frappe.db.sql(${JSON.stringify(query)}); print('holds', flush=True); sys.stdin.readline(); frappe.db.commit()`
    const other = spawn('docker', ['exec', '-i', ...python(code)], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(other.stdout, 'data')
    const applying = theme()
    const waits = () => sql("select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'")
    await eventually(60, 'the theme waits for the administrator', () => waits() === '1')
    other.stdin.end('\n')
    assert.equal((await once(other, 'exit'))[0], 0)
    const { code: ended, stderr } = await applying
    assert.equal(ended, 0, stderr)
    assert.match(single('Website Settings', 'head_html'), /securenexus-erp theme -->(.|\n)*<meta name=own>/)
    assert.doesNotMatch((await theme('--status')).stdout, /differs/)
  })

  for (const [mode, at] of [
    ['kill-before', 'theme.py'],
    ['kill-after', 'theme.py'],
    ['kill-after', 'delete_session'],
    ['fail', 'theme.py'],
  ] as const) {
    it(`${mode} at ${at}: the desk stays up, and the next run converges`, async () => {
      await applyUnder(at, mode)
    })
  }

  it('what does not reach browsers is taken back, and said: exit 1', async () => {
    const was = live()
    put('fifth')
    docker('pause', stack.container('core-traefik'))
    const { code, stderr } = await theme()
    docker('unpause', stack.container('core-traefik'))
    assert.equal(code, 1, stderr)
    assert.match(stderr, /browsers do not get the theme: .*; what was there before is back/)
    const { files: _, ...now } = live()
    const { files: __, ...before } = was
    assert.deepEqual(now, before)
    assert.match((await theme('--status')).stdout, /differs/)
  })

  it('healthcheck is red for a theme file that is gone, and names the way back', async () => {
    const path = deskSheet()
    inBackend(`rm ${SITE}/public${path}`)
    await eventually(60, 'healthcheck is red, with the way back', async () => {
      const { stdout } = await stack.script('healthcheck', ['dickson', '--json'])
      const findings: { check: string; state: string; remedy?: string }[] =
        JSON.parse(stdout).tenants[0]?.findings ?? []
      const found = findings.find(({ check }) => check === 'theme')
      return found?.state === 'fail' && found.remedy === 'npx zx scripts/apply-theme.ts dickson'
    })
    const { code } = await theme()
    assert.equal(code, 0)
    const now = deskSheet() // the brand's folder has changed since
    const { body } = await ask(stack, SITE, now)
    assert.ok(now.includes(createHash('sha256').update(body).digest('hex').slice(0, 12)))
  })

  it('no session of ours is left', () => {
    assert.equal(sql('select count(*) from tabSessions'), '0')
  })
})
