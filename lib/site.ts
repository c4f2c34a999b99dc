/** The site itself: made once, its scheduler switched on once, its cache emptied when another image had filled it. */
import { runArgs } from './compose.ts'
import { tenantContainers } from './containers.ts'
import { docker, dockerAsk, dockerExec, lastLines } from './docker.ts'
import { OperatorError, orElse, preconditionError } from './errors.ts'
import { PYTHON } from './frappe.ts'
import { hasFutureJobs } from './health/database.ts'
import { QUEUE_KEY, QUEUES, RUNNING_KEY } from './health/redis.ts'
import { REDIS, type RedisPart, type Tenant } from './registry.ts'
import { readSecret, renewedPassword } from './secrets.ts'

const SITES = '/home/frappe/frappe-bench/sites'
/** Our marks in site_config.json: the site is whole (written by tenant/site.py), its scheduler was switched on once. */
export const SITE_KEY = 'erp_site_made'
export const SCHEDULER_KEY = 'erp_scheduler_enabled'
/** Marks in redis-cache which image filled it. */
const CACHE_KEY = 'erp:image'

/** How a site was found, and what was mended. */
export interface SiteOutcome {
  found: 'absent' | 'empty' | 'half' | 'complete'
  detail: string
  mended_jobs: number
  /** The site's database. */
  schema: string
}

/**
 * Make the site once, or finish what an interrupted run left (tenant/site.py tells the states).
 * @throws OperatorError (3) for data that is not ours or a root password that does not fit; (1) where frappe failed.
 */
export async function makeSite(tenant: Tenant, note: (text: string) => void): Promise<SiteOutcome> {
  const order = {
    site: tenant.site,
    apps: tenant.apps,
    time_zone: tenant.timeZone,
    country: tenant.country,
    language: tenant.language,
    root_password: await readSecret(tenant.secret('db_password')),
    admin_password: await readSecret(tenant.secret('admin_password')),
  }
  const args = runArgs(tenant, tenant.service('backend'), [PYTHON, '/opt/erp/site.py'])
  const run = await docker(args, {
    input: `${JSON.stringify(order)}\n`,
    holdStdin: true,
    timeout: 1800,
    nothrow: true,
    onStderr: note,
  })
  const answer = run.stdout.trim().split('\n').at(-1) ?? ''
  if (run.code !== 0 || !answer.startsWith('{')) {
    const killed = run.code === 137 ? 'it was killed, probably for memory (APP_MEMORY)' : `it ended with ${run.code}`
    throw new OperatorError(
      `${tenant.name}: the site was not made: ${lastLines(run.stderr || run.stdout, 3) || killed}`,
      {
        hint: `npx zx scripts/deploy.ts ${tenant.name} goes on from here`,
      },
    )
  }
  const outcome = JSON.parse(answer) as SiteOutcome & { refused?: string }
  if (outcome.refused)
    throw preconditionError(`${tenant.name}: ${outcome.refused}`, 'see docs/trouble.md#the-site-is-refused')
  return outcome
}

/** What a running backend's site_config.json shows of an earlier deploy; nothing where there is no such container or file. */
export async function readMarks(tenant: Tenant): Promise<{ made: boolean; scheduler: boolean; schema: string }> {
  const file = `${SITES}/${tenant.site}/site_config.json`
  const { stdout } = await dockerExec(tenant.container('backend'), ['cat', file], { nothrow: true, timeout: 10 })
  const schema = /"db_name": *"(\w+)"/.exec(stdout)?.[1] ?? ''
  return { made: stdout.includes(`"${SITE_KEY}"`), scheduler: stdout.includes(`"${SCHEDULER_KEY}"`), schema }
}

/** Which Redis the application still opens with a password that was renewed in secrets/ since. */
export async function renewedRedis(tenant: Tenant): Promise<string[]> {
  const read = ['cat', `${SITES}/common_site_config.json`]
  const { stdout } = await dockerExec(tenant.container('backend'), read, { nothrow: true, timeout: 10 })
  const parts = REDIS.map(async (part) => {
    const used = new RegExp(`redis://:([^@"]*)@${part}:`).exec(stdout)?.[1]
    return used !== undefined && (await renewedPassword(tenant, part, used)) ? [part] : []
  })
  return (await Promise.all(parts)).flat()
}

/**
 * A site that an interrupted deploy has left unfinished serves nobody: who puts work into it makes the next deploy refuse it.
 * @throws OperatorError (3) where a site is there without our mark
 */
export async function refuseHalfMade(tenant: Tenant): Promise<void> {
  const file = `${SITES}/${tenant.site}/site_config.json`
  const args = runArgs(tenant, tenant.service('backend'), ['cat', file])
  const { stdout } = await dockerAsk(args, { nothrow: true, timeout: 60 })
  if (!stdout.includes('"db_name"') || stdout.includes(`"${SITE_KEY}"`)) return // one that cannot be read does not come up
  throw preconditionError(
    `${tenant.name}: the site ${tenant.site} was never finished; nothing was started`,
    `npx zx scripts/deploy.ts ${tenant.name}`,
  )
}

/** What is left to do for the site itself; an empty list where an earlier deploy has done all of it. */
export async function unfinishedWork(tenant: Tenant): Promise<string[]> {
  const { made, scheduler, schema } = await readMarks(tenant)
  if (!made) return ['the site']
  const future = await hasFutureJobs(tenant, schema)
  return [...(scheduler ? [] : ['the scheduler']), ...(future ? ['scheduled jobs created in the future'] : [])]
}

/** Commands for a Redis; its answers, one each. The password goes by stdin, as everything does. */
async function askRedis(tenant: Tenant, part: string, ...commands: string[]): Promise<string[]> {
  const script = '{ printf "auth %s\\n" "$(cat /run/secrets/redis_password)"; cat; } | redis-cli'
  const input = `${commands.join('\n')}\n`
  const { stdout } = await dockerExec(tenant.container(part), ['sh', '-c', script], { input, timeout: 20 })
  return stdout.split('\n').slice(1)
}

/** Which image filled redis-cache, which it is now, and whether they differ: until it is emptied, a deploy has not ended. */
export async function cacheOf(tenant: Tenant): Promise<{ image: string; filledBy: string; stale: boolean }> {
  const containers = await tenantContainers(tenant)
  const image = containers.find(({ service }) => service === tenant.service('backend'))?.image ?? ''
  const [filledBy = ''] = await askRedis(tenant, 'redis-cache', `get ${CACHE_KEY}`)
  return { image, filledBy, stale: filledBy !== image }
}

/** Empty a Redis, and go on in it with other commands. @throws OperatorError (1) */
export async function flush(tenant: Tenant, part: RedisPart, ...then: string[]): Promise<void> {
  const [flushed] = await askRedis(tenant, part, 'flushall', ...then)
  if (flushed !== 'OK') throw new OperatorError(`${tenant.name}: ${part} was not emptied: ${flushed}`)
}

/** Empty redis-cache of what another image put there: it shares `assets_json`, and pages would come without their CSS. */
export const emptyCache = (tenant: Tenant, image: string) => flush(tenant, 'redis-cache', `set ${CACHE_KEY} ${image}`)

/** Empty both Redis: after a change of the data, what they hold belongs to the data that went. */
export async function flushBoth(tenant: Tenant): Promise<void> {
  for (const part of REDIS) await flush(tenant, part)
}

/** Background jobs that wait or run (RQ's StartedJobRegistry); nothing where the queue does not answer. */
export async function pendingJobs(tenant: Tenant): Promise<number> {
  const lengths = QUEUES.flatMap((name) => [`llen ${QUEUE_KEY}${name}`, `zcard ${RUNNING_KEY}${name}`])
  const answers = await orElse(askRedis(tenant, 'redis-queue', ...lengths), [])
  return answers.reduce((sum, length) => sum + (Number(length) || 0), 0)
}

/** Switch the scheduler on for the first time, and note it. From then on, whether it runs is the administrators' decision. */
export async function enableScheduler(tenant: Tenant): Promise<void> {
  const code = [
    'import sys, frappe',
    'sys.path.insert(0, "/opt/erp")',
    'from frappe.installer import update_site_config',
    'from frappe.utils.scheduler import enable_scheduler',
    'from program import undisturbed',
    'def enable():',
    '    frappe.init(sys.argv[1]); frappe.connect(); enable_scheduler(); frappe.db.commit()',
    'undisturbed(enable)',
    `update_site_config("${SCHEDULER_KEY}", 1)`,
  ].join('\n')
  await dockerExec(tenant.container('backend'), [PYTHON, '-c', code, tenant.site], { timeout: 60 })
}
