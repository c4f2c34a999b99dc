import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fakeDocker, useFrontend } from './fake-docker.ts'
import { makeHome, plantLedger, script } from './harness.ts'

useFrontend()

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
})
