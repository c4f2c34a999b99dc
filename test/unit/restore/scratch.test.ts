import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeTenant } from '../../../lib/registry.ts'
import { withScratch } from '../../../lib/restore/scratch.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'
import { temporary, useStubDocker } from '../../scripts/harness.ts'

const folder = temporary()
const volumes = join(folder, 'volumes')
/** It knows volumes alone, and removes none while there is a file `held`. */
useStubDocker(`case "$1 $2" in
  'volume ls') [[ ! -e '${folder}/silent' ]] && cat '${volumes}' ;;
  'volume rm') shift 3; for name; do [[ -e '${folder}/held' ]] || sed -i "/^$name$/d" '${volumes}'; done ;;
esac`)

const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', { ...process.env, ERP_HOME: folder }))
const [SCRATCH, LIVE] = ['drill-dickson-db-data', 'dickson-db-data']
const make = (...names: string[]) => writeFileSync(volumes, names.map((name) => `${name}\n`).join(''))

describe('a scratch stack', () => {
  it('is removed before the work and after it, and nothing else is', async () => {
    make(LIVE, SCRATCH)
    const found = await withScratch(tenant, async () => {
      const found = readFileSync(volumes, 'utf8')
      make(LIVE, SCRATCH)
      return found
    })
    assert.equal(found, `${LIVE}\n`)
    assert.equal(readFileSync(volumes, 'utf8'), `${LIVE}\n`)
  })

  it('that was not removed is no success: it holds the books', async () => {
    make(LIVE)
    const work = async () => {
      make(LIVE, SCRATCH)
      writeFileSync(join(folder, 'held'), '')
    }
    const failed = { code: 1, message: /not all of the scratch stack was removed: drill-dickson-db-data/ }
    await assert.rejects(withScratch(tenant, work), failed)
    await assert.rejects(
      withScratch(tenant, () => assert.fail()),
      failed,
      'nothing is done on what is left',
    )
    rmSync(join(folder, 'held'))
    await assert.doesNotReject(withScratch(tenant, async () => {}))
  })

  it('of which nobody knows whether it is there is not taken for removed', async () => {
    make(LIVE)
    const work = async () => writeFileSync(join(folder, 'silent'), '')
    await assert.rejects(withScratch(tenant, work), { code: 1, message: /docker volume ls -q failed/ })
    rmSync(join(folder, 'silent'))
  })

  it('of work that fails is removed, and that work is what failed', async () => {
    make(LIVE)
    const work = async () => {
      make(LIVE, SCRATCH)
      throw new Error('the desk does not open')
    }
    await assert.rejects(withScratch(tenant, work), /^Error: the desk does not open$/)
    assert.equal(readFileSync(volumes, 'utf8'), `${LIVE}\n`)
  })
})
