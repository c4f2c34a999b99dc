/** The database in one batch by the socket account: it answers, can be written to, has room, and knows the scheduler's truth. */
import { readLedger } from '../backup/ledger.ts'
import { dockerExec, lastLines } from '../docker.ts'
import type { Tenant } from '../registry.ts'
import { type Finding, grade } from './check.ts'

/** Minutes since a scheduled job last ran; it ticks every four. */
const SCHEDULER = { warn: 10, fail: 15 }
/** Share of max_connections. */
const CONNECTIONS = { warn: 0.7, fail: 0.9 }

interface Answers {
  readOnly: string
  connected: number
  most: number
  enabled: string
  timeZone: string
  lastExecution: string
  /** Of the jobs that never ran: how many, and when the first and the last of them were created. */
  neverRan: number
  firstCreated: string
  lastCreated: string
}

/**
 * @param schema the site's own, from its site_config.json
 * @param limit seconds
 */
export async function databaseFindings(tenant: Tenant, schema: string, limit: number): Promise<Finding[]> {
  const begun = performance.now()
  const answers = await ask(tenant, schema, limit)
  const took = performance.now() - begun
  const share = answers.connected / answers.most
  return [
    { part: 'db', check: 'connect', state: 'ok', is: `${Math.round(took)} ms` },
    answers.readOnly === '0'
      ? { part: 'db', check: 'writable', state: 'ok', is: 'yes' }
      : {
          part: 'db',
          check: 'writable',
          state: 'fail',
          is: 'read_only is on',
          remedy: `docker restart ${tenant.container('db')}`,
        },
    {
      part: 'db',
      check: 'connections',
      state: grade(share, CONNECTIONS.warn, CONNECTIONS.fail),
      is: `${answers.connected} of ${answers.most}`,
      limit: `< ${CONNECTIONS.fail * 100} %`,
      value: { name: 'erp_db_connections', value: answers.connected },
      ...(share >= CONNECTIONS.warn && {
        remedy: `npx zx scripts/tenant.ts ${tenant.name} db -- -e "show full processlist"`,
      }),
    },
    schedulerFinding(tenant, answers, new Date(), await broughtAt(tenant)),
  ]
}

/** When a restore last brought the data, in milliseconds since 1970; 0 where none has. */
const broughtAt = (tenant: Tenant): Promise<number> =>
  readLedger(tenant).then(
    ({ restored }) => Date.parse(restored?.at ?? '') || 0,
    () => 0,
  )

/** True where scheduled jobs were created in the future, and so are never due; false also where nobody can be asked. */
export async function hasFutureJobs(tenant: Tenant, schema: string): Promise<boolean> {
  const answers = await ask(tenant, schema, 10).catch(() => undefined)
  return answers !== undefined && inFuture(answers, siteNow(answers, new Date())) !== undefined
}

/** What makes jobs never due: they were created in the future, or last ran there, as after a change of the time zone. */
function inFuture({ neverRan, lastCreated, lastExecution }: Answers, now: number): string | undefined {
  const later = (text: string) => text !== '' && siteTime(text) > now + MINUTE
  if (neverRan > 0 && later(lastCreated))
    return `${neverRan} jobs never ran and were created in the future, up to ${lastCreated}`
  return later(lastExecution) ? `the last run, ${lastExecution}, lies in the future` : undefined
}

const siteNow = ({ timeZone }: Answers, now: Date) => wallClock(now, timeZone || 'Asia/Kolkata')

async function ask(tenant: Tenant, schema: string, limit: number): Promise<Answers> {
  if (!/^\w+$/.test(schema)) throw new Error(`site_config.json has no usable db_name`)
  const single = (field: string) =>
    `(select value from \`${schema}\`.tabSingles where doctype='System Settings' and field='${field}')`
  const jobs = `\`${schema}\`.\`tabScheduled Job Type\``
  const sql = `select @@read_only, (select count(*) from information_schema.processlist), @@max_connections,
    ifnull(${single('enable_scheduler')}, '0'), ifnull(${single('time_zone')}, ''),
    ifnull((select max(last_execution) from ${jobs}), ''),
    (select count(*) from ${jobs} where last_execution is null),
    ifnull((select min(creation) from ${jobs} where last_execution is null), ''),
    ifnull((select max(creation) from ${jobs} where last_execution is null), '')`
  const result = await dockerExec(tenant.container('db'), ['mariadb', '--batch', '--skip-column-names'], {
    input: sql,
    timeout: limit,
    nothrow: true,
  })
  if (result.code !== 0) throw new Error(lastLines(result.stderr, 1) || `no answer in ${limit} s`)
  const [
    readOnly = '',
    connected,
    most,
    enabled = '',
    timeZone = '',
    lastExecution = '',
    neverRan,
    firstCreated = '',
    lastCreated = '',
  ] = result.stdout.replace(/\n$/, '').split('\t')
  return {
    readOnly,
    connected: Number(connected),
    most: Number(most),
    enabled,
    timeZone,
    lastExecution,
    neverRan: Number(neverRan),
    firstCreated,
    lastCreated,
  }
}

/**
 * The scheduler's truth is when a job last ran: set by the worker, so it proves scheduler, queue and worker. The database
 * keeps it in the site's own time zone. Jobs that were created in the future are never due, while all says "enabled".
 */
function schedulerFinding(tenant: Tenant, answers: Answers, now: Date, brought: number): Finding {
  const part = { part: 'scheduler', check: 'last run' }
  const bench = `npx zx scripts/tenant.ts ${tenant.name} bench -- scheduler`
  if (answers.enabled !== '1') {
    return {
      part: 'scheduler',
      check: 'enabled',
      state: 'fail',
      is: 'enable_scheduler is off',
      remedy: `${bench} enable`,
    }
  }
  const clock = siteNow(answers, now)
  const limit = `< ${SCHEDULER.fail} min`
  const future = inFuture(answers, clock)
  if (future) return { ...part, state: 'fail', is: future, limit, remedy: `npx zx scripts/deploy.ts ${tenant.name}` }
  const never = answers.lastExecution === ''
  const minutes = Math.max(0, (clock - siteTime(never ? answers.firstCreated : answers.lastExecution)) / MINUTE)
  const here = (now.getTime() - brought) / MINUTE
  const came = here >= 0 && here < minutes
  const state = grade(came ? here : minutes, SCHEDULER.warn, SCHEDULER.fail)
  return {
    ...part,
    state,
    is:
      (never ? `never, ${Math.round(minutes)} min after the site was made` : `${Math.round(minutes)} min ago`) +
      (came ? `, in data that a restore brought ${Math.round(here)} min ago` : ''),
    limit,
    ...(!never && {
      value: {
        name: 'erp_scheduler_last_run_timestamp_seconds',
        value: Math.round(now.getTime() / 1000 - minutes * 60),
      },
    }),
    ...(state !== 'ok' && { remedy: `npx zx scripts/tenant.ts ${tenant.name} restart scheduler` }),
  }
}

const MINUTE = 60_000

/** A DATETIME of the site as wallClock counts it. */
const siteTime = (text: string) => Date.parse(`${text.replace(' ', 'T').slice(0, 19)}Z`)

/** The wall clock of a time zone as if it were UTC, in milliseconds: comparable with what the site writes. */
export function wallClock(now: Date, timeZone: string): number {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(now)
  return Date.parse(`${text.replace(' ', 'T')}Z`)
}
