import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compose, docker, useStack } from './harness.ts'

const stack = useStack('deploy')
const deploy = (...args: string[]) => stack.script('deploy', args)
const oneShots = /-(volumes|configurator) /

describe('deploy', () => {
  it('brings a tenant up from nothing, with the scheduler on and its own time zone', async () => {
    const { code, stdout, stderr } = await deploy('dickson')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /dickson: erp\.dickson-supplies\.com is up/)
    const settings = docker(
      'exec',
      stack.container('dickson-db'),
      'sh',
      '-c',
      `mariadb -Ne "select value from $(mariadb -Ne "show databases like '\\_%'").tabSingles where field in ('enable_scheduler', 'time_zone')"`,
    )
    assert.match(settings, /^1$/m)
    assert.match(settings, /^Europe\/Dublin$/m)
  })

  it('run again recreates, restarts and starts nothing, and says so', async () => {
    const before = stack.fingerprint('dickson')
    const { code, stdout, stderr } = await deploy('dickson')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /nothing had to be done/)
    assert.equal(stack.fingerprint('dickson'), before)
  })

  it('brings up a second tenant without touching the first', async () => {
    const before = stack.fingerprint('dickson')
    const { code, stderr } = await deploy('byrne')
    assert.equal(code, 0, stderr)
    assert.equal(stack.fingerprint('dickson'), before)
  })

  it('makes containers that `docker compose up` by hand finds as they should be', () => {
    const long = (text: string) => text.split('\n').filter((line) => !oneShots.test(line))
    const before = long(stack.fingerprint('dickson'))
    const said = compose(stack, 'up', '--detach', 'dickson-frontend', 'dickson-worker', 'dickson-scheduler')
    assert.deepEqual(long(stack.fingerprint('dickson')), before, said)
    assert.ok(before.length >= 8)
  })
})
