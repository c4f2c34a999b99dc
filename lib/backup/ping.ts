/** Tells a watcher (healthchecks.io, Uptime Kuma's push monitor) that a backup began, ended well or failed. */
import { lstat, readFile } from 'node:fs/promises'
import { messageOf, printable } from '../errors.ts'
import { learnSecret } from '../redact.ts'
import type { Tenant } from '../registry.ts'
import type { Reporter } from '../reporter.ts'

type Event = 'start' | 'finish' | 'fail'

/** Seconds. */
const LIMIT = 10

/** The request of an event. Kuma takes the last line in the query and knows no start; healthchecks.io all in the body. Pure. */
export function pingRequest(
  address: string,
  event: Event,
  message: string,
): { url: string; body?: string } | undefined {
  const url = new URL(address)
  if (/\/api\/push\//.test(url.pathname)) {
    if (event === 'start') return undefined
    url.searchParams.set('status', event === 'finish' ? 'up' : 'down')
    url.searchParams.set('msg', message.slice(message.lastIndexOf('\n') + 1).slice(0, 200))
    return { url: url.href }
  }
  const suffix = { start: '/start', finish: '', fail: '/fail' }[event]
  url.pathname = `${url.pathname.replace(/\/$/, '')}${suffix}`
  return { url: url.href, body: message }
}

/**
 * Tell the watcher named in secrets/<prefix>_ping_url.txt; does nothing where there is none.
 * @returns why it could not be told; the backup is none the worse for it
 */
async function ping(tenant: Tenant, event: Event, message: string): Promise<string | undefined> {
  const file = tenant.secret('ping_url')
  const stat = await lstat(file).catch(() => undefined)
  if (!stat) return undefined
  try {
    if (!stat.isFile() || (stat.mode & 0o022) !== 0) throw new Error('its file is a link, or can be written by others')
    const request = pingRequest(
      (await readFile(file, 'utf8')).trim(),
      event,
      message.split('\n').map(printable).join('\n').slice(-2000),
    )
    if (!request) return undefined
    const { url, body } = request
    learnSecret(url) // as fetch quotes it, which takes no login in it
    const answer = await fetch(url, {
      ...(body && { method: 'POST', body }),
      signal: AbortSignal.timeout(LIMIT * 1000),
    })
    if (answer.ok) return undefined
    throw new Error(`HTTP ${answer.status}`)
  } catch (error) {
    return `${tenant.name}: the watcher was not told (${event}): ${messageOf(error)}`
  }
}

/** Tell the tenant's watcher, or warn that it could not be told. */
async function tell(tenant: Tenant, { warn, redact }: Reporter, event: Event, lines: string[] = []): Promise<void> {
  const fault = await ping(tenant, event, redact(lines.join('\n')))
  if (fault) warn(fault)
}

/** Tell the tenant's watcher that a backup failed. @param steps what was done; nothing where none could even begin */
export const tellFailed = (tenant: Tenant, reporter: Reporter, error: unknown, steps: string[] = []): Promise<void> =>
  tell(tenant, reporter, 'fail', [...steps, messageOf(error).replaceAll('\n', ' ')])

/** Do the work between a start and a finish, or a fail, of the tenant's watcher, which gets the steps that were done too. */
export async function watched<T>(tenant: Tenant, reporter: Reporter, work: () => Promise<T>): Promise<T> {
  const { done } = reporter
  const before = done.length
  const lines = () => done.slice(before).map(({ title, seconds }) => `${title} (${seconds.toFixed(1)} s)`)
  await tell(tenant, reporter, 'start')
  try {
    const result = await work()
    await tell(tenant, reporter, 'finish', [...lines(), `${tenant.name}: backed up and verified`])
    return result
  } catch (error) {
    await tellFailed(tenant, reporter, error, lines())
    throw error
  }
}
