import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, describe, it } from 'node:test'

const SWAP = resolve(import.meta.dirname, '../../../tenant/swap.sh')
const SITE = 'erp.example.com'

/** Volumes with old data and, beside it, what comes. */
function volumes({ live = true, incoming = true } = {}) {
  const out = mkdtempSync(join(tmpdir(), 'erp-swap-'))
  after(() => rmSync(out, { recursive: true, force: true }))
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(out, path)), { recursive: true })
    writeFileSync(join(out, path), text)
  }
  for (const part of ['db', 'sites', 'assets']) mkdirSync(join(out, part))
  if (live) {
    put('db/data/mysql/x', 'old')
    put(`sites/${SITE}/site_config.json`, 'old')
    for (const name of ['logo', '.hidden', 'with space', 'and\na line']) put(`assets/${name}`, 'old')
  }
  if (incoming) {
    put('db/incoming/mysql/x', 'new')
    put(`sites/incoming/${SITE}/site_config.json`, 'new')
    for (const name of ['logo', 'added']) put(`assets/.incoming/${name}`, 'new')
  }
  return out
}

/** Run an order; at the `failAt`-th change it makes, the whole script is killed before it (0: never). One `mv` may make many. */
function swap(out: string, order: string, failAt = 0) {
  const bin = mkdtempSync(join(tmpdir(), 'erp-bin-'))
  after(() => rmSync(bin, { recursive: true, force: true }))
  for (const program of ['mv', 'mkdir', 'rmdir', 'chown']) {
    const real = program === 'chown' ? 'true' : `/bin/${program} "$@"`
    const count = `echo x >>'${bin}/count'; [ "$(wc -l <'${bin}/count')" -ne ${failAt} ] || kill -KILL 0`
    const many = `if [ $# -gt 2 ]; then eval "to=\\\${$#}"; while [ $# -gt 1 ]; do mv "$1" "$to/"; shift; done; exit; fi`
    writeFileSync(join(bin, program), `#!/bin/sh\n${program === 'mv' ? many : ''}\n${count}\n${real}\n`)
    chmodSync(join(bin, program), 0o755)
  }
  const { status, stdout, stderr } = spawnSync('setsid', ['--fork', '--wait', 'sh', SWAP, order, SITE, out], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  })
  return { status, stdout, stderr }
}

const read = (out: string, path: string) => (existsSync(join(out, path)) ? readFileSync(join(out, path), 'utf8') : '')
const assets = (out: string, folder = '.') =>
  Object.fromEntries(
    readdirSync(join(out, 'assets', folder), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, read(out, join('assets', folder, name))]),
  )

const OLD = { logo: 'old', '.hidden': 'old', 'with space': 'old', 'and\na line': 'old' }
const NEW = { logo: 'new', added: 'new' }

function assertState(out: string, live: 'old' | 'new', kept: 'old' | 'new'): void {
  assert.equal(read(out, 'db/data/mysql/x'), live)
  assert.equal(read(out, `sites/${SITE}/site_config.json`), live)
  assert.deepEqual(assets(out), live === 'old' ? OLD : NEW)
  assert.equal(read(out, 'db/previous/mysql/x'), kept)
  assert.equal(read(out, `sites/previous/${SITE}/site_config.json`), kept)
  assert.deepEqual(assets(out, '.previous'), kept === 'old' ? OLD : NEW)
  assert.ok(!existsSync(join(out, 'db/incoming')))
  assert.ok(!existsSync(join(out, 'assets/.incoming')))
  assert.ok(!existsSync(join(out, 'assets/.arriving')))
}

describe('the exchange of data', () => {
  it('puts what comes in place of what is there, which is kept; a first start that died is forgotten', () => {
    const out = volumes()
    writeFileSync(join(out, 'db/.first-start'), '')
    assert.equal(swap(out, 'swap').status, 0)
    assertState(out, 'new', 'old')
    assert.ok(!existsSync(join(out, 'db/.first-start')), 'the database would refuse to start beside it')
    assert.equal(swap(out, 'state').stdout, 'data\nprevious\nsite\n')
  })

  it('killed anywhere has no database while it is half done: nothing starts on a mix, whoever has lost the intent', () => {
    for (let at = 1; at < 60; at++) {
      const out = volumes()
      if (swap(out, 'swap', at).status === 0) break
      const state = swap(out, 'state').stdout.split('\n')
      const begun = read(out, 'db/data/mysql/x') !== 'old' || read(out, `sites/${SITE}/site_config.json`) !== 'old'
      const ended = read(out, 'db/data/mysql/x') === 'new'
      assert.equal(state.includes('data'), !begun || ended, `after a kill at ${at}`)
      if (ended) assertState(out, 'new', 'old')
    }
  })

  it('killed before any of its changes and done again ends as one that was not killed', () => {
    let killed = 0
    for (let at = 1; at < 60; at++) {
      const out = volumes()
      const { status } = swap(out, 'swap', at)
      if (status === 0) break
      killed++
      assert.equal(swap(out, 'swap').status, 0, `after a kill at ${at}`)
      assertState(out, 'new', 'old')
    }
    assert.ok(killed >= 12, `${killed} kills`)
  })

  it('done again with nothing to do changes nothing', () => {
    const out = volumes()
    swap(out, 'swap')
    assert.equal(swap(out, 'swap').status, 0)
    assertState(out, 'new', 'old')
  })

  it('gathers a database of another stack first, and gives it back as it was, killed anywhere as well', () => {
    const names = (out: string) => readdirSync(join(out, 'db')).sort()
    for (let at = 0; at < 24; at++) {
      const out = volumes()
      rmSync(join(out, 'db/data'), { recursive: true })
      for (const name of ['ibdata1', 'aria_log.1', '.my-own.cnf']) writeFileSync(join(out, 'db', name), 'old')
      mkdirSync(join(out, 'db/mysql'))
      writeFileSync(join(out, 'db/mysql/x'), 'old')
      for (const name of ['common_site_config.json', 'apps.txt']) writeFileSync(join(out, 'sites', name), 'old')
      mkdirSync(join(out, 'sites/assets/frappe'), { recursive: true })
      swap(out, 'swap', at)
      assert.equal(swap(out, 'swap').status, 0)
      assertState(out, 'new', 'old')
      assert.ok(!existsSync(join(out, 'sites/assets')), 'where the configurator puts its link')
      writeFileSync(join(out, 'sites/common_site_config.json'), 'ours')
      symlinkSync('/home', join(out, 'sites/assets'))
      assert.deepEqual(names(out), ['data', 'previous'])
      swap(out, 'release', at)
      assert.equal(swap(out, 'release').status, 0, `after a kill at ${at}`)
      assert.deepEqual(names(out), ['.my-own.cnf', 'aria_log.1', 'ibdata1', 'mysql'])
      assert.equal(read(out, 'db/mysql/x'), 'old')
      assert.equal(read(out, `sites/${SITE}/site_config.json`), 'old')
      assert.deepEqual(assets(out), OLD)
      assert.ok(!existsSync(join(out, 'assets/.previous')))
      for (const name of ['common_site_config.json', 'apps.txt']) assert.equal(read(out, `sites/${name}`), 'old')
      assert.deepEqual(readdirSync(join(out, 'sites/assets')), ['frappe'])
      assert.ok(!existsSync(join(out, 'sites/previous')))
    }
  })

  it('is undone by turn and swap, killed anywhere as well, and an undo is undone the same way', () => {
    for (const at of [0, 1, 2, 3, 4, 6, 8, 11]) {
      const out = volumes()
      swap(out, 'swap')
      swap(out, 'turn', at)
      assert.equal(swap(out, 'turn').status, 0)
      swap(out, 'swap', at)
      assert.equal(swap(out, 'swap').status, 0)
      assertState(out, 'old', 'new')
    }
  })

  it('on empty volumes keeps nothing, so that there is nothing to go back to', () => {
    const out = volumes({ live: false })
    assert.equal(swap(out, 'swap').status, 0)
    assert.equal(read(out, 'db/data/mysql/x'), 'new')
    assert.equal(swap(out, 'state').stdout, 'data\nsite\n')
  })

  it('tells that something waits also where its database was exchanged already: that is half an exchange', () => {
    const out = volumes()
    rmSync(join(out, 'db/incoming'), { recursive: true })
    assert.match(swap(out, 'state').stdout, /^incoming$/m)
    rmSync(join(out, 'sites/incoming'), { recursive: true })
    assert.match(swap(out, 'state').stdout, /^incoming$/m)
    rmSync(join(out, 'assets/.incoming'), { recursive: true })
    assert.doesNotMatch(swap(out, 'state').stdout, /^incoming$/m)
  })

  it('keeps a folder that had no database, and tells it: there is something to remove, and no undo', () => {
    const out = volumes()
    rmSync(join(out, 'db/data'), { recursive: true })
    assert.equal(swap(out, 'state').stdout, 'incoming\nsite\n')
    assert.equal(swap(out, 'swap').status, 0)
    assert.equal(swap(out, 'state').stdout, 'data\nsite\nfiles\n')
    assert.equal(read(out, `sites/previous/${SITE}/site_config.json`), 'old')
    assert.equal(swap(out, 'drop').status, 0)
    assert.equal(swap(out, 'state').stdout, 'data\nsite\n')
  })

  it('never puts one database into another', () => {
    const out = volumes()
    mkdirSync(join(out, 'db/previous/mysql'), { recursive: true })
    const { status, stderr } = swap(out, 'swap')
    assert.equal(status, 1)
    assert.match(stderr, /db\/previous is in the way/)
    assert.equal(read(out, 'db/data/mysql/x'), 'old')
  })

  it('keeps a site that was missing as missing, so that an undo mixes nothing', () => {
    const out = volumes()
    rmSync(join(out, 'sites', SITE), { recursive: true })
    swap(out, 'swap')
    swap(out, 'turn')
    swap(out, 'swap')
    assert.equal(read(out, 'db/data/mysql/x'), 'old')
    assert.deepEqual(readdirSync(join(out, 'sites', SITE)), [])
  })

  it('gives what came to those who use it, and touches nobody else', {
    skip: process.getuid?.() !== 0 && 'only root gives files away',
  }, () => {
    const out = volumes()
    const owners = (path: string) => {
      const { uid, gid } = statSync(join(out, path))
      return `${uid}:${gid}`
    }
    const { status, stderr } = spawnSync('sh', [SWAP, 'own', SITE, out], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.equal(owners('db/incoming/mysql/x'), '999:999')
    assert.equal(owners(`sites/incoming/${SITE}/site_config.json`), '1000:1000')
    assert.equal(owners('assets/.incoming/logo'), '1000:1000')
    assert.equal(owners('db/data/mysql/x'), '0:0')
    assert.equal(owners(`sites/${SITE}/site_config.json`), '0:0')
  })

  it('says of when what is kept is, as it was marked, and removes the mark with it', () => {
    const mark = (out: string) => spawnSync('sh', [SWAP, 'mark', SITE, out, '2026-05-01T10:11:12.000Z'])
    const out = volumes()
    swap(out, 'swap')
    mark(out)
    assert.match(swap(out, 'state').stdout, /^kept 2026-05-01T10:11:12\.000Z$/m)
    for (const order of ['turn', 'drop']) {
      const other = volumes()
      swap(other, 'swap')
      mark(other)
      swap(other, order)
      if (order === 'turn') swap(other, 'swap')
      assert.doesNotMatch(swap(other, 'state').stdout, /kept/, `after ${order} it is something else, or nothing`)
    }
  })

  it('frees what jobs had locked: nothing runs while data is exchanged', () => {
    const out = volumes()
    mkdirSync(join(out, 'sites/incoming', SITE, 'locks'))
    writeFileSync(join(out, 'sites/incoming', SITE, 'locks/a.lock'), '')
    swap(out, 'swap')
    assert.deepEqual(readdirSync(join(out, 'sites', SITE, 'locks')), [])
  })

  it('clean and drop remove what is theirs and no data', () => {
    const out = volumes()
    assert.equal(swap(out, 'clean').status, 0)
    assert.equal(swap(out, 'state').stdout, 'data\nsite\n')
    const done = volumes()
    swap(done, 'swap')
    assert.equal(swap(done, 'drop').status, 0)
    assert.equal(swap(done, 'state').stdout, 'data\nsite\n')
    assert.equal(read(done, 'db/data/mysql/x'), 'new')
    assert.deepEqual(assets(done), NEW)
  })

  it('tells a database that is not ours', () => {
    const out = volumes({ incoming: false })
    writeFileSync(join(out, 'db/ibdata1'), '')
    assert.match(swap(out, 'state').stdout, /foreign/)
  })
})
