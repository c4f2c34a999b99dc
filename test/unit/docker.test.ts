import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { docker, inspect } from '../../lib/docker.ts'
import { useStubDocker } from '../scripts/harness.ts'

/** It repeats what it gets on stdin and then its arguments. */
useStubDocker(
  '[ "$1" = network ] && exit 1\n[ "$1" = torn ] && { printf "\\303"; sleep 0.2; printf "\\223"; exit; }\ncat; echo "$*"',
)

describe('a docker call', () => {
  for (const input of ['a password', ''])
    it(`ends its stdin after ${JSON.stringify(input)}`, async () => {
      const { code, stdout, timedOut } = await docker(['exec'], { input, timeout: 3, nothrow: true })
      assert.deepEqual([code, stdout, timedOut], [0, `${input}exec\n`, false])
    })

  it('has nothing on stdin where nothing is given', async () => {
    assert.equal((await docker(['ps'], { timeout: 3 })).stdout, 'ps\n')
  })

  it('tells a letter whose bytes come in two pieces as it is: series of a proof have such', async () => {
    assert.equal((await docker(['torn'], { timeout: 3 })).stdout, 'Ó')
  })

  it('that inspects nothing asks nothing, and one that tells nothing is a failure', async () => {
    assert.deepEqual(await inspect('network', [], 3), [])
    await assert.rejects(inspect('network', ['gone'], 3), { code: 1, message: /docker network inspect failed/ })
  })
})
