/** `npm run rehearse`, as a newcomer types it: it is the first thing that they see of us, to its last line. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { after, describe, it } from 'node:test'
import { HOME, makeStack, PREFIX } from '../../rehearsal/stack.ts'

describe('the rehearsal', () => {
  const inUse = existsSync(HOME) // by whoever works in this checkout: it stays
  after(() => {
    if (!inUse) makeStack(HOME, PREFIX, {}).remove()
  })

  it('brings both tenants up and backs them up, restores one apart, and says how to go on', () => {
    const { status, stdout, stderr } = spawnSync('npm', ['run', 'rehearse', '--', '--yes'], {
      cwd: resolve(import.meta.dirname, '../..'),
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
    })
    assert.equal(status, 0, `${stdout}${stderr}`)
    assert.match(stdout, / ok, \d to watch, 0 failed/)
    assert.match(stdout, /dickson: .* became a site that answers/)
    assert.match(stderr, /Both tenants are up and healthy after \d+ s/)
    assert.match(stderr, /https:\/\/pos\.dickson-supplies\.com\/\n/)
    assert.match(stderr, /Not run: core-/)
  })
})
