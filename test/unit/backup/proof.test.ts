import assert from 'node:assert/strict'
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { fingerprint, type Manifest } from '../../../lib/backup/manifest.ts'
import { type Answers, judge, opens, parseProof, sha256 } from '../../../lib/backup/proof.ts'
import { OperatorError } from '../../../lib/errors.ts'

/** A token as python's cryptography.fernet writes it. */
function fernet(key: string, text: string): string {
  const [bytes, iv] = [Buffer.from(key, 'base64url'), randomBytes(16)]
  const cipher = createCipheriv('aes-128-cbc', bytes.subarray(16), iv)
  const head = Buffer.concat([Buffer.from([0x80]), Buffer.alloc(8), iv])
  const signed = Buffer.concat([head, cipher.update(text), cipher.final()])
  return Buffer.concat([signed, createHmac('sha256', bytes.subarray(0, 16)).update(signed).digest()]).toString(
    'base64url',
  )
}

describe("the site's encryption key", () => {
  const key = randomBytes(32).toString('base64url')
  it('opens the token of the Fernet specification', () =>
    assert.ok(
      opens(
        'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=',
        'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
      ),
    ))
  it('opens what it locked', () => assert.ok(opens(key, fernet(key, 'secret'))))
  it('does not open what another locked', () =>
    assert.ok(!opens(randomBytes(32).toString('base64url'), fernet(key, 'x'))))
  it('does not open what was changed', () => assert.ok(!opens(key, `${fernet(key, 'secret').slice(0, -6)}AAAAAA`)))
  for (const text of ['', 'gAAA', 'not a token at all'])
    it(`does not open ${JSON.stringify(text)}`, () => assert.ok(!opens(key, text)))
})

describe('the judgement of a booted copy', () => {
  const config = { db_name: '_a', encryption_key: 'k' }
  const manifest = { tenant: 'dickson', schema: '_a', keyFingerprint: fingerprint('k') } as Manifest
  const stored = { manifest: JSON.stringify(manifest), config }
  const good: Answers = {
    baseTables: 700,
    sequences: 5,
    doctypes: {},
    ledger: { debit: '5.00', credit: '5.00', difference: '0.00' },
    series: {},
    secrets: { stored: 2, opened: 2 },
  }
  const off = (difference: string): Answers => ({ ...good, ledger: { debit: '1', credit: '2', difference } })
  const live = (difference: string) => async () => [['9', '9', difference]]
  const refused = (message: RegExp, ...args: Parameters<typeof judge>) =>
    assert.rejects(
      judge(...args),
      (error) => error instanceof OperatorError && error.code === 1 && message.test(error.message),
    )

  it('passes a whole one without a remark', async () => assert.deepEqual(await judge(manifest, stored, good), []))
  it('passes one that has no secret to open', async () =>
    assert.deepEqual(await judge(manifest, stored, { ...good, secrets: { stored: 0, opened: 0 } }), []))
  it('refuses a copy without tables', () => refused(/no table of _a/, manifest, stored, { ...good, baseTables: 0 }))
  it('refuses another manifest in the snapshot', () =>
    refused(/another manifest/, manifest, { ...stored, manifest: '{}' }, good))
  it('refuses a key that is not the manifest’s', () =>
    refused(/encryption key changed/, manifest, { ...stored, config: { ...config, encryption_key: 'other' } }, good))
  it('refuses a key that opens nothing', () =>
    refused(/opens none/, manifest, stored, { ...good, secrets: { stored: 2, opened: 0 } }))
  it('remarks on a key that opens some: a lost one was replaced, and what was stored before is lost with it', async () => {
    const remarks = await judge(manifest, stored, { ...good, secrets: { stored: 9, opened: 1 } })
    assert.match(remarks.join(), /opens only 1 of the site's 9 stored secrets/)
  })
  it('only remarks on it where a restore saves what it replaces: it is what that mends', async () => {
    const remarks = await judge(manifest, stored, { ...good, secrets: { stored: 2, opened: 0 } }, { safety: true })
    assert.match(remarks.join(), /opens none/)
  })
  it('refuses a copy whose debit and credit differ where the live books balance', () =>
    refused(/debit less credit of the copy is 1.00/, manifest, stored, off('1.00'), { live: live('0.00') }))
  it('tells books that do not balance themselves from a torn copy', async () => {
    const remarks = await judge(manifest, stored, off('1.00'), { live: live('1.00') })
    assert.match(remarks.join(), /the books themselves do not balance: debit less credit is 1.00/)
  })
})

describe('a proof that is read back', () => {
  const proof = JSON.stringify({ format: 1, snapshot: 'abc', manifest: sha256('m') })
  const refused = (message: RegExp, ...args: Parameters<typeof parseProof>) =>
    assert.throws(() => parseProof(...args), message)
  it('counts for its snapshot and its manifest', () => assert.equal(parseProof(proof, 'abc', 'm').snapshot, 'abc'))
  it('does not count for another snapshot', () => refused(/names another snapshot/, proof, 'abd', 'm'))
  it('does not count for an altered manifest', () => refused(/manifest is not the one/, proof, 'abc', 'M'))
  it('does not count where it is no JSON', () => refused(/not readable/, 'x', 'abc', 'm'))
})
