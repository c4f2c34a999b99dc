import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { docker, dockerAsk, dockerToFile, inspect } from '../../lib/docker.ts'
import { query } from '../../lib/mariadb.ts'
import { temporary, useStubDocker } from '../scripts/harness.ts'

/** It repeats what it gets on stdin and then its arguments; `mute FILE N` says nothing N times, and counts in the file. */
useStubDocker(
  [
    '[ "$1" = network ] && exit 1',
    '[ "$1" = torn ] && { printf "\\303"; sleep 0.2; printf "\\223"; exit; }',
    '[ "$1" = mute ] && { echo >>"$2"; [ "$(wc -l <"$2")" -gt "$3" ] && echo said; exit 0; }',
    'cat; echo "$*"',
  ].join('\n'),
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

  it('whose output the engine lost is asked again, three times at most', async () => {
    for (const [lost, calls, stdout] of [
      [0, 1, 'said\n'],
      [2, 3, 'said\n'],
      [9, 3, ''],
    ] as const) {
      const count = join(temporary(), 'count')
      assert.equal((await dockerAsk(['mute', count, String(lost)], { timeout: 3 })).stdout, stdout)
      assert.equal(readFileSync(count, 'utf8').length, calls)
    }
  })

  it('that fills a file with nothing has failed: an archive is never empty', async () => {
    const directory = temporary()
    const [mute, end] = [['mute', join(directory, 'count'), '1'], Buffer.from('end\n')]
    await assert.rejects(dockerToFile(mute, join(directory, 'archive'), end), { code: 1, message: /it wrote nothing/ })
    await assert.rejects(dockerToFile(['torn'], join(directory, 'torn'), end), {
      code: 1,
      message: /its end did not come/,
    })
    await dockerToFile(['the', 'end'], join(directory, 'whole'), end)
    assert.equal(readFileSync(join(directory, 'whole'), 'utf8'), 'the end\n')
  })
})

describe('an answer of a database', () => {
  it('that lost its end on the way is none, though the program ended well', async () => {
    const lost = query('torn', 'select 1') // the stub says what it gets, and no more
    await assert.rejects(lost, { code: 1, message: /its answer was cut short/ })
  })
})
