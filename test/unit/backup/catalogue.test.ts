import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseBackup, readCatalogue } from '../../../lib/backup/catalogue.ts'
import { OperatorError } from '../../../lib/errors.ts'
import type { Snapshot } from '../../../lib/restic/snapshots.ts'

const id = (digit: string) => digit.repeat(64)
const snapshot = (digit: string, tags: string[], more: Partial<Snapshot> = {}): Snapshot => ({
  id: id(digit),
  time: `2026-01-0${digit}T01:00:00+01:00`,
  hostname: 'dickson',
  tags,
  ...more,
})

describe('the catalogue of a repository', () => {
  it('tells verified backups from those without a proof, and those that restores have made, in UTC', () => {
    const backups = readCatalogue(
      [snapshot('1', ['backup']), snapshot('2', ['backup', 'safety']), snapshot('3', ['proof', `of=${id('1')}`])],
      'dickson',
    )
    assert.deepEqual(backups, [
      { id: id('1'), at: '2026-01-01T00:00:00.000Z', original: id('1'), safety: false, proof: id('3') },
      { id: id('2'), at: '2026-01-02T00:00:00.000Z', original: id('2'), safety: true },
    ])
  })

  it('finds the proof of a copied backup by the id that the original had', () => {
    const [copied] = readCatalogue(
      [
        snapshot('4', ['backup'], { original: id('1') }),
        snapshot('5', ['proof', `of=${id('1')}`], { original: id('3') }),
      ],
      'dickson',
    )
    assert.equal(copied?.proof, id('5'))
  })

  it('finds no proof for what a repair has cut down: it has the old id as its original, and the proof has none', () => {
    const proof = snapshot('3', ['proof', `of=${id('1')}`])
    const [repaired] = readCatalogue([snapshot('4', ['backup'], { original: id('1') }), proof], 'dickson')
    assert.equal(repaired?.proof, undefined)
    const copied = { ...proof, original: id('6') }
    const [ofCopy] = readCatalogue([snapshot('4', ['backup'], { original: id('2') }), copied], 'dickson')
    assert.equal(ofCopy?.proof, undefined)
  })

  it('sees nothing of other hosts and of snapshots that are not ours', () => {
    const foreign = [
      snapshot('1', ['backup'], { hostname: 'dickson-old' }),
      snapshot('2', []),
      { ...snapshot('3', []), tags: undefined },
    ]
    assert.deepEqual(readCatalogue(foreign as Snapshot[], 'dickson'), [])
  })
})

describe('the backup that is asked for', () => {
  const LIST = 'restore.ts dickson --list'
  const [good, newer, unverified] = [
    { id: id('a'), at: '2026-01-01', original: id('a'), safety: false, proof: id('1') },
    { id: `${'a'.repeat(6)}${'b'.repeat(58)}`, at: '2026-01-02', original: '', safety: false, proof: id('2') },
    { id: id('c'), at: '2026-01-03', original: '', safety: false },
  ] as const
  const NOW = Date.parse('2026-01-04')
  const backups = [good, newer, unverified]
  const refused = (wanted: string, code: number, message: RegExp) =>
    assert.throws(
      () => chooseBackup(backups, wanted, LIST, NOW),
      (error) => error instanceof OperatorError && error.code === code && message.test(error.message),
    )

  it('latest is the newest verified one, not the newest', () =>
    assert.equal(chooseBackup(backups, 'latest', LIST, NOW), newer))
  it('the beginning of an id is enough where it is one alone', () =>
    assert.equal(chooseBackup(backups, 'aaaaaab', LIST, NOW), newer))
  const others = { safety: { ...newer, safety: true }, 'of a clock that was wrong': { ...newer, at: '2026-01-05' } }
  for (const [what, other] of Object.entries(others))
    it(`one that is ${what} is not the latest: it is named by its id`, () => {
      assert.equal(chooseBackup([good, other], 'latest', LIST, NOW), good)
      assert.equal(chooseBackup([good, other], 'aaaaaab', LIST, NOW), other)
      assert.throws(() => chooseBackup([other], 'latest', LIST, NOW), /no verified backup but[\s\S]*name it by its id/)
    })
  it('where there is none at all, the refusal says how they are listed', () =>
    assert.throws(() => chooseBackup([unverified], 'latest', LIST, NOW), {
      message: 'there is no verified backup',
      hint: LIST,
    }))
  it('an ambiguous beginning is refused with 3', () => refused('aaaaaa', 3, /the beginning of 2 backups/))
  it('an unverified one is refused with 3', () => refused('cccccccc', 3, /not verified/))
  it('an unknown one is refused with 3', () => refused('dddddddd', 3, /no backup dddddddd/))
  for (const wanted of ['', 'aaaaa', '../x', 'latest ', '/etc/passwd', 'AAAAAA'])
    it(`${JSON.stringify(wanted)} is refused with 2`, () => refused(wanted, 2, /is no snapshot/))
})
