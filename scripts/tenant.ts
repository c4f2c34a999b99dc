/** Manage one tenant's services: start, stop, look, and reach bench and the database. */
import { command } from '../lib/command.ts'
import { askEngine } from '../lib/docker.ts'
import { quoted, usageError } from '../lib/errors.ts'
import * as manage from '../lib/tenant.ts'

const VERBS = ['start', 'stop', 'restart', 'status', 'logs', 'bench', 'db', 'clear-cache', 'scale'] as const
/** What each verb takes behind it: [fewest, most] words. */
const WORDS: Partial<Record<string, readonly [number, number]>> = { restart: [0, 20], logs: [0, 20], scale: [1, 1] }
const HELP = 'npx zx scripts/tenant.ts --help'

command({
  name: 'tenant',
  summary: 'Manage the services of a tenant. No verb touches another tenant.',
  examples: [
    'tenant.ts dickson status',
    'tenant.ts dickson restart worker',
    'tenant.ts dickson bench -- list-apps',
    'tenant.ts --all stop',
  ],
  tenants: 'one',
  all: true,
  changes: true,
  words: '<verb> [part…]',
  options: {
    follow: { type: 'boolean', help: 'logs: go on until Ctrl-C' },
    tail: { type: 'number', value: 'LINES', default: 100, help: 'logs: how many lines of each service' },
  },
  notes: [
    'Verbs:',
    '  start, stop, restart [part…]   all services, or parts such as backend or worker',
    '  status                         the containers and their health',
    '  logs [part…]                   the last lines, or --follow',
    '  bench -- ARGS                  a bench command for the site',
    '  db [-- ARGS]                   a MariaDB client; reads only, by the socket account',
    '  clear-cache                    empty redis-cache and the caches of Frappe',
    '  scale N                        the number of workers',
  ],
  async run(context) {
    const { tenants, registry, words, passed, options, forEachTenant, terminal, dryRun, json } = context
    const [verb = '', ...parts] = words
    checkWords(verb, parts, passed, tenants.length, json)
    await askEngine()
    if (dryRun && verb !== 'status' && verb !== 'logs') {
      const commands = await forEachTenant((tenant) => manage.planned(tenant, verb, parts, { passed, terminal }))
      return { verb, rows: [], commands }
    }
    const [only] = tenants
    switch (verb) {
      case 'status':
        return { verb, rows: (await Promise.all(tenants.map(manage.status))).flat(), commands: [] }
      case 'logs':
        if (only) await manage.logs(only, parts, options.tail, options.follow, context)
        break
      case 'bench':
      case 'db':
        if (only) await manage.attach(only, verb, { passed, terminal }, context)
        break
      default:
        await forEachTenant((tenant) => {
          if (verb === 'start') return manage.start(tenant, registry, context)
          if (verb === 'stop') return manage.stop(tenant, context)
          if (verb === 'restart') return manage.restart(tenant, registry, parts, context)
          if (verb === 'scale') return manage.scale(tenant, registry, Number(parts[0]), context)
          return manage.clearCache(tenant, context)
        })
    }
    return { verb, rows: [], commands: [] }
  },
  render({ verb, rows, commands }) {
    if (commands.length > 0) return commands.join('\n')
    if (verb !== 'status') return ''
    if (rows.length === 0) return 'no containers: nothing was deployed yet'
    const width = Math.max(...rows.map(({ container }) => container.length))
    return rows
      .map(({ container, state, health, since }) =>
        [
          container.padEnd(width),
          state.padEnd(10),
          (health === 'none' ? '' : health).padEnd(9),
          since.slice(0, 19),
        ].join('  '),
      )
      .join('\n')
  },
})

function checkWords(verb: string, parts: string[], passed: string[], tenants: number, json: boolean): void {
  const refuse = (when: boolean, message: string) => {
    if (when) throw usageError(message, HELP)
  }
  const [fewest, most] = WORDS[verb] ?? [0, 0]
  const passes = verb === 'bench' || verb === 'db'
  refuse(verb === '', `a verb is missing; known: ${VERBS.join(', ')}`)
  refuse(!VERBS.some((known) => known === verb), `unknown verb ${quoted(verb)}; known: ${VERBS.join(', ')}`)
  refuse(
    parts.length < fewest || parts.length > most,
    most === 0
      ? `${verb} takes nothing behind it, not ${quoted(parts[0] ?? '')}`
      : `${verb} takes ${fewest} to ${most} words`,
  )
  refuse(verb === 'scale' && !/^[1-9]\d?$/.test(parts[0] ?? ''), 'scale takes a number from 1 to 99')
  refuse(passed.length > 0 && !passes, `${verb} passes nothing on behind --`)
  refuse(verb === 'bench' && passed.length === 0, 'bench needs its arguments behind --')
  refuse(json && (passes || verb === 'logs'), `${verb} has no JSON of its own`)
  refuse(tenants > 1 && (passes || verb === 'logs'), `${verb} is for one tenant`)
}
