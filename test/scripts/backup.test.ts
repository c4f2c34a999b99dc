import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fakeDocker, useFrontend } from './fake-docker.ts'
import { makeHome, plantLedger, script, stubDocker, temporary } from './harness.ts'

useFrontend()

describe('a repository on a share whose server went away', () => {
  it('holds nobody: 3 in a bound, and nothing is begun', async () => {
    const [docker, { home }, programs] = [fakeDocker().deployed('dickson'), makeHome(), temporary()]
    plantLedger(home, 'dickson')
    writeFileSync(join(programs, 'df'), '#!/bin/sh\ntrap "" TERM\nexec sleep 300\n', { mode: 0o755 })
    const env = { ...docker.env, ERP_HOME: home, PATH: `${programs}:${docker.env.PATH}` }
    const { code, stderr } = await script('backup', ['dickson'], { env, timeout: 60 })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /backups\/dickson does not answer \(20 s\)/)
    assert.ok(!docker.calls().some((call) => call.includes('-backup') && call.includes(' run ')))
  })
})

describe('a backup of a database that has grown', () => {
  it('is refused where the disk has no room for its copy, whatever was known of its size: 3, and nothing is begun', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome()]
    plantLedger(home, 'dickson')
    writeFileSync(join(dirname(docker.path), 'database-size'), `${2 ** 40}\n`)
    const { code, stderr } = await script('backup', ['dickson'], { env: { ...docker.env, ERP_HOME: home } })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /a copy of the database needs \d+\.\d GiB, \/ has \d+\.\d GiB/)
    assert.ok(!docker.calls().some((call) => call.includes('-backup') && call.includes(' run ')))
  })

  it('first gives up what killed runs have left, and the undo of last month where a backup has it too', async () => {
    const [docker, { home }] = [fakeDocker().deployed('dickson'), makeHome()]
    const size = join(dirname(docker.path), 'database-size')
    const at = '2026-01-01T00:00:00Z'
    const ledger = (saved: boolean, damaged: boolean) => {
      const checked = { at: '2026-01-09T00:00:00Z', part: 1, damaged: 'pack' }
      const restored = { at, verb: 'restore', kept: true, ...(saved && { saved: at }), snapshots: [] }
      writeFileSync(
        join(home, 'state/dickson/ledger.json'),
        JSON.stringify({ incoming: '2026-01-01', restored, ...(damaged && { checked }) }),
      )
      writeFileSync(size, `${2 ** 40}\n`)
    }
    const orders = (calls: string[]) => calls.flatMap((call) => /swap\.sh (clean|drop)/.exec(call)?.[1] ?? [])
    for (const [saved, damaged, marked, removed] of [
      [false, false, at, ['clean']],
      [true, true, at, ['clean']],
      [true, false, '2026-01-09T00:00:00Z', ['clean']], // of another restore than the ledger knows
      [true, false, at, ['clean', 'drop']],
    ] as const) {
      ledger(saved, damaged)
      const stub = stubDocker(
        `case "$*" in *'echo ready;'*) echo ready; cat >/dev/null ;; *'swap.sh state'*) printf 'kept ${marked}\\nend of the answer\\n' ;; *'swap.sh '*) ;; *'find /srv/staging'*) ;; *) exec '${docker.path}' "$@" ;; esac`,
      )
      const { stderr } = await script('backup', ['dickson'], { env: { ...docker.env, ...stub.env, ERP_HOME: home } })
      assert.match(stderr, /a copy of the database needs/)
      assert.ok(stub.calls().some((call) => call.includes('find /srv/staging -mindepth 1 -delete')))
      assert.deepEqual(orders(stub.calls()), removed)
    }
  })
})
