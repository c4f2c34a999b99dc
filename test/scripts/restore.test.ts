import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fakeDocker, useFrontend } from './fake-docker.ts'
import { makeHome, script, shell, stubDocker } from './harness.ts'

useFrontend()

/** A home in which a restore of dickson was killed after it had begun to exchange the data. */
function interrupted() {
  const made = makeHome()
  const file = join(made.home, 'state/dickson/restore.json')
  const intent = { verb: 'restore', stage: 'swap', at: '2026-11-25T10:00:00.000Z', snapshot: 'abc', snapshots: ['abc'] }
  writeFileSync(file, JSON.stringify(intent))
  return { ...made, file }
}

describe('consent to a restore', () => {
  it('is not given by a piped y, and docker is not asked', async () => {
    const docker = stubDocker('exit 0')
    const { code, stderr } = await shell('yes dickson | zx scripts/restore.ts dickson', { env: docker.env })
    assert.equal(code, 2, stderr)
    assert.match(stderr, /without a terminal it needs --confirm=dickson/)
    assert.deepEqual(docker.calls(), [])
  })
})

describe('while a restore is not finished', { concurrency: 4 }, () => {
  const VERBS: [name: string, args: string[]][] = [
    ['deploy', ['dickson']],
    ['backup', ['dickson']],
    ['tenant', ['dickson', 'stop']],
    ['restore', ['dickson', '--undo', '--confirm=dickson']],
    ['restore', ['dickson', '--drill']],
  ]
  for (const [name, args] of VERBS) {
    it(`${name} ${args.join(' ')} ends with 3 and names what finishes it`, async () => {
      const { home, file } = interrupted()
      const docker = fakeDocker().deployed('dickson')
      const { code, stderr } = await script(name, args, { env: { ...docker.env, ERP_HOME: home } })
      assert.equal(code, 3, stderr)
      assert.match(stderr, /dickson: a restore was interrupted.*\n.*restore\.ts dickson/)
      assert.ok(existsSync(file))
    })
  }

  it('the other tenant is not held up', async () => {
    const { home } = interrupted()
    const docker = fakeDocker().deployed('byrne')
    const { code, stderr } = await script('tenant', ['byrne', 'stop'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 0, stderr)
  })

  it('--dry-run says that it would be finished', async () => {
    const { home } = interrupted()
    const env = { ...fakeDocker().deployed('dickson').env, ERP_HOME: home }
    const { code, stdout, stderr } = await script('restore', ['dickson', '--dry-run'], { env })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /would finish the restore of 2026-11-25/)
  })

  it('healthcheck reports it as a failure with its remedy', async () => {
    const { home } = interrupted()
    const env = { ...fakeDocker().deployed('dickson').env, ERP_HOME: home }
    const { code, stdout } = await script('healthcheck', ['dickson', '--json'], { env })
    assert.equal(code, 1)
    type Row = { tenant: string; findings: { part: string; state: string; remedy?: string }[] }
    const row = (JSON.parse(stdout).tenants as Row[]).find(({ tenant }) => tenant === 'dickson')
    const found = row?.findings.find(({ part }) => part === 'restore')
    assert.equal(found?.state, 'fail')
    assert.match(found?.remedy ?? '', /restore\.ts dickson/)
  })

  it('a file that says nothing readable holds every verb up as well', async () => {
    const { home, file } = interrupted()
    writeFileSync(file, '{ torn')
    const env = { ...fakeDocker().deployed('dickson').env, ERP_HOME: home }
    const { code, stderr } = await script('tenant', ['dickson', 'stop'], { env })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /restore\.json cannot be read/)
  })
})
