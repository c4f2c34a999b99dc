/** Both Redis, asked with the very password that the application uses; workers and jobs as the queue itself sees them. */
import { dockerExec, lastLines } from '../docker.ts'
import type { RedisPart, Tenant } from '../registry.ts'
import { renewedPassword } from '../secrets.ts'
import { type Finding, grade } from './check.ts'

export const QUEUES = ['short', 'default', 'long'] as const
/** RQ's key of a queue, from Frappe's bench id (frappe/utils/__init__.py, get_bench_id). */
export const QUEUE_KEY = 'rq:queue:home-frappe-frappe-bench:'
export const RUNNING_KEY = 'rq:wip:home-frappe-frappe-bench:'
/** Seconds that a job may wait. */
const JOB_AGE = { warn: 300, fail: 900 }
/** Frappe refuses new jobs at 500 waiting in a queue (rehearsal/CONTRACT.md, D). */
const JOB_COUNT = { warn: 100, fail: 500 }
/** Share of maxmemory. */
const MEMORY = { warn: 0.85, fail: 0.98 }

/** For each queue: its length and the older of its two ends' enqueued_at; for each worker that is registered: its queues. */
const LUA = `
local out = {queues = {}, workers = {}, channels = redis.call('PUBSUB', 'CHANNELS', 'rq:pubsub:*')}
for _, name in ipairs({'short', 'default', 'long'}) do
  local key = '${QUEUE_KEY}' .. name
  local oldest = ''
  for _, index in ipairs({0, -1}) do
    local id = redis.call('LINDEX', key, index)
    local at = id and redis.call('HGET', 'rq:job:' .. id, 'enqueued_at')
    if at and (oldest == '' or at < oldest) then oldest = at end
  end
  out.queues[name] = {length = redis.call('LLEN', key), oldest = oldest}
end
for _, key in ipairs(redis.call('SMEMBERS', 'rq:workers')) do
  out.workers[key] = redis.call('HGET', key, 'queues') or ''
end
return cjson.encode(out)`.replaceAll('\n', ' ')

/** redis-cache: a wrong password there breaks nothing that is visible, only makes everything slow. */
export async function cacheFindings(tenant: Tenant, url: string): Promise<Finding[]> {
  const answer = await ask(tenant, 'redis-cache', url, ['PING', 'INFO memory'])
  return [await passwordFinding(tenant, 'redis-cache', url, answer)]
}

/** redis-queue: password, memory and evictions, live workers by queue, how many jobs wait and how long. */
export async function queueFindings(tenant: Tenant, url: string): Promise<Finding[]> {
  const answer = await ask(tenant, 'redis-queue', url, ['PING', 'INFO memory', 'INFO stats', `EVAL "${LUA}" 0`])
  const password = await passwordFinding(tenant, 'redis-queue', url, answer)
  if (!isAccepted(answer)) return [password]
  const line = answer.split('\n').find((text) => text.startsWith('{')) ?? ''
  const { queues, workers, channels } = JSON.parse(line) as {
    queues: Record<string, { length: number; oldest: string }>
    workers: Record<string, string>
    /** An empty list where there are none: Lua's empty table is an object. */
    channels: string[] | Record<string, never>
  }
  return [
    password,
    memoryFinding(tenant, answer),
    ...workerFindings(tenant, Object.values(channels), workers),
    ...QUEUES.flatMap((name) => jobFindings(tenant, name, queues[name] ?? { length: 0, oldest: '' }, Date.now())),
  ]
}

/** One exec: the application's password by AUTH on stdin, then the questions. */
async function ask(tenant: Tenant, part: string, url: string, questions: string[]): Promise<string> {
  const password = new URL(url).password
  const input = [`AUTH ${password}`, ...questions, ''].join('\n')
  const result = await dockerExec(tenant.container(part), ['redis-cli'], { input, timeout: 5, nothrow: true })
  if (result.code !== 0) throw new Error(`${part}: ${lastLines(result.stderr, 1) || 'no answer in 5 s'}`)
  return result.stdout
}

const isAccepted = (answer: string) => /^PONG$/m.test(answer)

async function passwordFinding(tenant: Tenant, part: RedisPart, url: string, answer: string): Promise<Finding> {
  const remedy = `npx zx scripts/tenant.ts ${tenant.name} restart`
  const finding = (state: Finding['state'], is: string) => ({ part, check: 'password', state, is })
  if (!isAccepted(answer)) {
    const refused = /WRONGPASS|NOAUTH/.test(answer)
    return { ...finding('fail', refused ? "the application's password is refused" : 'no PONG'), remedy }
  }
  const renewed = await renewedPassword(tenant, part, new URL(url).password)
  if (renewed) return { ...finding('fail', `the old one is in use, secrets/${renewed} was renewed`), remedy }
  return finding('ok', 'accepted')
}

const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`

function memoryFinding(tenant: Tenant, info: string): Finding {
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  const [used, most, evicted] = [field('used_memory'), field('maxmemory'), field('evicted_keys')]
  const state = evicted > 0 ? 'fail' : most > 0 ? grade(used / most, MEMORY.warn, MEMORY.fail) : 'warn'
  return {
    part: 'redis-queue',
    check: 'memory',
    state,
    is: `${mib(used)} of ${most > 0 ? mib(most) : 'no limit'} used, ${evicted} keys evicted`,
    limit: `< ${MEMORY.fail * 100} %, 0 evicted`,
    value: { name: 'erp_redis_queue_memory_bytes', value: used },
    ...(state !== 'ok' && {
      remedy: `npx zx scripts/${most > 0 ? `tenant.ts ${tenant.name} logs worker` : `deploy.ts ${tenant.name}`}`,
    }),
  }
}

/**
 * Workers by the queue's own subscriptions: each live worker listens on a channel of its name. Its registered heartbeat is
 * up to eight minutes late and stays after it was killed (rehearsal/CONTRACT.md, D); its connection's name is lost when it reconnects.
 */
function workerFindings(tenant: Tenant, channels: string[], registered: Record<string, string>): Finding[] {
  const live = channels
    .map((channel) => channel.replace('rq:pubsub:', 'rq:worker:'))
    .flatMap((key) => (registered[key] ?? '').split(',').map((queue) => queue.split(':').at(-1)))
  return QUEUES.map((queue) => {
    const count = live.filter((name) => name === queue).length
    return {
      part: 'worker',
      check: `live on ${queue}`,
      state: count > 0 ? 'ok' : 'fail',
      is: String(count),
      limit: '≥ 1',
      value: { name: 'erp_workers_connected', labels: { queue }, value: count },
      ...(count === 0 && { remedy: `npx zx scripts/tenant.ts ${tenant.name} restart worker` }),
    }
  })
}

function jobFindings(
  tenant: Tenant,
  queue: string,
  { length, oldest }: { length: number; oldest: string },
  now: number,
): Finding[] {
  const age = oldest === '' ? 0 : Math.max(0, (now - Date.parse(oldest)) / 1000)
  const remedy = { remedy: `npx zx scripts/tenant.ts ${tenant.name} logs worker` }
  const ageState = grade(age, JOB_AGE.warn, JOB_AGE.fail)
  const countState = grade(length, JOB_COUNT.warn, JOB_COUNT.fail)
  return [
    {
      part: 'jobs',
      check: `oldest ${queue}`,
      state: ageState,
      is: `${Math.round(age)} s`,
      limit: `< ${JOB_AGE.fail} s`,
      value: { name: 'erp_oldest_job_age_seconds', labels: { queue }, value: age },
      ...(ageState !== 'ok' && remedy),
    },
    {
      part: 'jobs',
      check: `waiting ${queue}`,
      state: countState,
      is: String(length),
      limit: `< ${JOB_COUNT.fail}`,
      value: { name: 'erp_jobs_waiting', labels: { queue }, value: length },
      ...(countState !== 'ok' && remedy),
    },
  ]
}
