import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { parseCsv } from '../../lib/csv.ts'
import { readUsers, splitRoles, usersOf } from '../../lib/users.ts'

const HEADER = 'email,first_name,last_name,roles\n'

describe('a CSV file', () => {
  it('may have quotes, commas and line ends inside fields, a mark at its start, and Windows line ends', () => {
    const rows = parseCsv('\uFEFFa,"b, ""c""\nd"\r\n\r\ne,\r\n')
    assert.deepEqual(rows, [
      { line: 1, cells: ['a', 'b, "c"\nd'] },
      { line: 4, cells: ['e', ''] },
    ])
  })

  for (const [what, text, line] of [
    ['a quote that is not closed', 'a,b\nc,"d', 2],
    ['a quote inside a bare field', 'a\nb"c"', 2],
    ['something behind a quoted field', '"a"b', 1],
  ] as const) {
    it(`is refused for ${what}, with its line`, () => assert.throws(() => parseCsv(text), new RegExp(`line ${line}`)))
  }
})

describe('users from a file', () => {
  it('are refused where it is not UTF-8: a broken name would be theirs for good', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'erp-users-'))
    after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'staff.csv')
    writeFileSync(file, Buffer.from(`${HEADER}m@x.example,M\xfcller,,R\n`, 'latin1'))
    await assert.rejects(readUsers(file), { code: 3, message: /staff\.csv is not UTF-8/ })
    writeFileSync(file, `${HEADER}m@x.example,Müller,,R\n`)
    assert.equal((await readUsers(file))[0]?.first_name, 'Müller')
  })

  it('are read with every role once, addresses in lower case', () => {
    const { users, faults } = usersOf(`${HEADER}Mary@X.example, Mary ,O'Neil,Sales User; Accounts User;Sales User\n`)
    assert.deepEqual(faults, [])
    assert.deepEqual(users, [
      { email: 'mary@x.example', first_name: 'Mary', last_name: "O'Neil", roles: ['Sales User', 'Accounts User'] },
    ])
  })

  it('may have their roles divided by commas inside quotes', () => {
    assert.deepEqual(usersOf(`${HEADER}a@b.example,A,,"One,Two"`).users[0]?.roles, ['One', 'Two'])
    assert.deepEqual(splitRoles(' , ;'), [])
  })

  const cases: [what: string, text: string, message: RegExp][] = [
    ['no header', 'a@b.example,A,B,Role\n', /line 1 must be email,first_name,last_name,roles/],
    ['another header', 'mail,first_name,last_name,roles\n', /line 1 must be/],
    ['nobody', HEADER, /names nobody/],
    ['nothing at all', '', /line 1 must be/],
    ['an address that is none', `${HEADER}mary,Mary,,Role\n`, /line 2: "mary" is no mail address/],
    ['Administrator as an address', `${HEADER}Administrator,A,,Role\n`, /line 2: "administrator" is no mail address/],
    ['no first name', `${HEADER}a@b.example,,X,Role\n`, /line 2: the first name is missing/],
    ['no role', `${HEADER}a@b.example,A,X, ;\n`, /line 2: a role is missing/],
    ['one field too few', `${HEADER}a@b.example,A,Role\n`, /line 2: 3 fields instead of 4/],
    ['one address twice', `${HEADER}a@b.example,A,,R\n\nA@B.example,B,,R\n`, /line 4: a@b.example stands in line 2/],
  ]
  for (const [what, text, message] of cases) {
    it(`are refused for ${what}`, () => assert.match(usersOf(text).faults.join('\n'), message))
  }

  it('are refused with all faults at once', () => {
    assert.equal(usersOf(`${HEADER}x,A,,R\na@b.example,,,R\na@b.example,A,,\n`).faults.length, 4)
  })
})
