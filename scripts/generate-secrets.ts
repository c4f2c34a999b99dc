/** Make the passwords that are missing, keep the rest, and say which. Each tenant's are its own. */
import { command } from '../lib/command.ts'
import { generateSecrets } from '../lib/secrets.ts'

command({
  name: 'generate-secrets',
  summary: 'Make the passwords that are missing in secrets/, keep the rest, and say which.',
  examples: ['generate-secrets.ts', 'generate-secrets.ts dickson', 'generate-secrets.ts core'],
  tenants: 'any',
  core: true,
  changes: true,
  options: {
    anew: {
      type: 'boolean',
      help: "also a database's where data lies under a lost one: before a restore or a takeover",
    },
  },
  notes: ['A file that exists is never overwritten. No password is ever shown.'],
  async run({ tenants, core, coreIsMeant, settings, options, dryRun, exclusively }) {
    const units = [...tenants, ...(coreIsMeant ? [core] : [])]
    const generate = () => generateSecrets(units, settings, { dryRun, anew: options.anew })
    return { dryRun, files: dryRun ? await generate() : await exclusively('secrets.lock', 'secrets', generate) }
  },
  render({ files, dryRun }) {
    const made = files.filter((file) => file.made).map(({ file }) => file)
    const kept = files.length - made.length
    const list = made.map((file) => `  ${file}`)
    const backups = made.filter((file) => file.endsWith('_backup_password.txt'))
    return [
      `${dryRun ? 'would make' : 'made'} ${made.length}, kept ${kept}`,
      ...list,
      ...(backups.length > 0 && !dryRun
        ? [`Keep a copy of ${backups.join(' and ')} off this server: without it no backup can ever be opened.`]
        : []),
    ].join('\n')
  },
})
