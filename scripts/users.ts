/** The users of one tenant: add them with their roles, all or none; list them; disable them with their sessions. */
import { command } from '../lib/command.ts'
import { askEngine } from '../lib/docker.ts'
import { quoted, usageError } from '../lib/errors.ts'
import * as accounts from '../lib/users.ts'

const HELP = 'npx zx scripts/users.ts --help'

command({
  name: 'users',
  summary: 'Add, list and disable the users of a tenant. Nobody gets a password here: they sign in through Authentik.',
  examples: [
    'users.ts dickson add mary@example.org --first-name Mary --roles "Sales User,Accounts User"',
    'users.ts dickson add --csv staff.csv --dry-run',
    'users.ts dickson list',
    'users.ts dickson disable mary@example.org',
  ],
  tenants: 'one',
  changes: true,
  words: '<add|list|disable> [address…]',
  options: {
    'first-name': { type: 'string', value: 'NAME', help: 'add: the first name' },
    'last-name': { type: 'string', value: 'NAME', help: 'add: the last name' },
    roles: { type: 'string', value: 'ROLES', help: 'add: roles, divided by commas; at least one that opens the desk' },
    csv: { type: 'string', value: 'FILE', help: 'add: everybody of a file, header email,first_name,last_name,roles' },
  },
  notes: ['In a file a semicolon divides roles. All rows are checked before anybody is added.'],
  async run({ tenants, words, passed, options, forEachTenant, dryRun, step, warn }) {
    const [verb = '', ...emails] = words
    if (passed.length > 0) throw usageError(`${verb} passes nothing on behind --`, HELP)
    const wanted = verb === 'add' ? await whom(emails, options) : []
    const [only] = tenants
    switch (verb) {
      case 'add':
        await askEngine()
        await forEachTenant(async (tenant) => {
          const limit = await step(`Check ${wanted.length} users`, () => accounts.checkUsers(tenant, wanted))
          if (limit) warn(limit)
          if (!dryRun) await step(`Add ${wanted.length} users`, () => accounts.addUsers(tenant, wanted))
        })
        return { added: wanted, dryRun }
      case 'list':
        if (emails.length > 0) throw usageError('list takes nothing behind it', HELP)
        await askEngine()
        return { users: only ? await accounts.listUsers(only) : [] }
      case 'disable': {
        if (emails.length === 0) throw usageError('disable needs an address', HELP)
        await askEngine()
        const ended = await forEachTenant((tenant) =>
          step(dryRun ? 'Look for the accounts' : 'Close accounts, end sessions', () =>
            accounts.disableUsers(tenant, emails, dryRun),
          ),
        )
        return { disabled: emails, sessions: ended[0] ?? 0, dryRun }
      }
      default:
        throw usageError(`unknown verb ${quoted(verb)}; known: add, list, disable`, HELP)
    }
  },
  render(result) {
    const would = 'dryRun' in result && result.dryRun ? 'would be ' : ''
    if (result.users) return result.users.map(accounts.describe).join('\n')
    if (result.added)
      return result.added.map(({ email, roles }) => `${email}: ${would}added as ${roles.join(', ')}`).join('\n')
    const sessions = `${result.sessions} session${result.sessions === 1 ? '' : 's'} ended`
    return `${result.disabled.join(', ')}: ${would}disabled${would ? '' : `, ${sessions}`}`
  },
})

type Given = Partial<Record<'first-name' | 'last-name' | 'roles' | 'csv', string | undefined>>

/** Whom the arguments mean: one person, or everybody of a file. */
async function whom(emails: string[], given: Given): Promise<accounts.NewUser[]> {
  const { csv, roles = '', 'first-name': first = '', 'last-name': last = '' } = given
  if (csv !== undefined) {
    if (emails.length > 0 || roles || first || last) throw usageError('--csv says everything by itself', HELP)
    return accounts.readUsers(csv)
  }
  const [email] = emails
  if (!email || emails.length > 1) throw usageError('add needs one address, or --csv FILE', HELP)
  const user = accounts.userOf([email, first, last, roles])
  const faults = accounts.faultsOf(user)
  if (faults.length > 0) throw usageError(faults.join('; '), HELP)
  return [user]
}
