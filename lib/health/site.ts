/** The site as a browser meets it: ping with its time, the login page with every asset it names, socket.io; and its flags. */

import { dockerExec, lastLines } from '../docker.ts'
import { OperatorError } from '../errors.ts'
import { type Answer, get } from '../http.ts'
import type { Tenant } from '../registry.ts'
import { SITE_KEY } from '../site.ts'
import type { Finding } from './check.ts'

/** Seconds. A ping slower than one second is a fault: redis-cache is gone, or the database hangs (rehearsal/CONTRACT.md, E). */
const PING = { limit: 5, slow: 1 }
const SITES = '/home/frappe/frappe-bench/sites'
/** The script's exit code where a file is there and cannot be read. */
const UNREADABLE = 9

/** What the application itself is configured with: read from the volume, through any container that has it. */
export interface BenchConfig {
  redisCache: string
  redisQueue: string
  schema: string
  /** Keys that stop something, as found. */
  flags: string[]
  assetsLink: boolean
  /** `apps.txt`, without which nothing of Frappe starts. */
  appsList: boolean
  siteFolder: boolean
  /** A deploy has finished the site, or an import has brought it. */
  made: boolean
  /** `app_include_css` and `app_include_js` as they stand. */
  includes: Record<string, unknown>
}

/**
 * Read the bench's configuration by one exec in the first container that answers.
 * @throws Error where none of them does.
 */
export async function readBenchConfig(tenant: Tenant, containers: string[]): Promise<BenchConfig> {
  const script = `cd ${SITES}
    for it in common_site_config.json "$1/site_config.json"; do
      [ ! -e "$it" ] || [ -r "$it" ] || { echo "sites/$it" >&2; exit ${UNREADABLE}; }
    done
    cat common_site_config.json 2>/dev/null || echo '{}'
    echo; echo ---
    cat "$1/site_config.json" 2>/dev/null || echo '{}'
    echo; echo ---
    test -e assets/assets.json -o -d assets/frappe && echo assets
    test -s apps.txt && echo apps.txt
    test -d "$1" -a -f "$1/site_config.json" && echo folder; true`
  for (const container of containers) {
    const result = await dockerExec(container, ['bash', '-c', script, 'bash', tenant.site], {
      nothrow: true,
      timeout: 4,
    })
    if (result.code === 0) return parseBenchConfig(result.stdout)
    if (result.code === UNREADABLE)
      throw new OperatorError(`${lastLines(result.stderr, 1)} cannot be read by the application`, {
        hint: `in the volume ${tenant.volume('sites-data')} it must belong to 1000:1000`,
      })
  }
  throw new Error("no container of the application can read the site's configuration")
}

function parseBenchConfig(text: string): BenchConfig {
  const [common = '{}', site = '{}', tests = ''] = text.split('\n---\n')
  const config = { ...parseObject(common, 'common_site_config.json'), ...parseObject(site, 'site_config.json') }
  const on = (key: string) => ![undefined, null, 0, false, '', '0'].includes(config[key] as never)
  return {
    redisCache: String(config.redis_cache ?? ''),
    redisQueue: String(config.redis_queue ?? ''),
    schema: String(config.db_name ?? ''),
    flags: ['maintenance_mode', 'pause_scheduler', 'disable_scheduler', 'developer_mode'].filter(on),
    assetsLink: tests.includes('assets'),
    appsList: tests.includes('apps.txt'),
    siteFolder: tests.includes('folder'),
    made: SITE_KEY in config,
    includes: { app_include_css: config.app_include_css, app_include_js: config.app_include_js },
  }
}

/** Node quotes the text around a fault of JSON, and these files hold passwords: the message names the file alone. */
function parseObject(text: string, file: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${file} is not JSON`)
  }
}

/** The findings that follow from the configuration alone. */
export function configFindings(tenant: Tenant, config: BenchConfig): Finding[] {
  const part = 'site'
  const bench = `npx zx scripts/tenant.ts ${tenant.name} bench --`
  const deploy = `npx zx scripts/deploy.ts ${tenant.name}`
  return [
    folderFinding(tenant, config, deploy),
    config.assetsLink && config.appsList
      ? { part, check: 'assets link', state: 'ok', is: 'there' }
      : {
          part,
          check: 'assets link',
          state: 'fail',
          is: config.assetsLink ? 'sites/apps.txt is gone or empty' : 'sites/assets leads nowhere',
          remedy: `docker restart ${tenant.container('configurator')}, then ${deploy}`,
        },
    config.flags.length === 0
      ? { part, check: 'flags', state: 'ok', is: 'none set' }
      : {
          part,
          check: 'flags',
          state: 'fail',
          is: `${config.flags.join(', ')} set in site_config`,
          remedy: remedyOf(config.flags, bench),
        },
  ]
}

function folderFinding(tenant: Tenant, { siteFolder, made }: BenchConfig, deploy: string): Finding {
  const fail = { part: 'site', check: 'folder', state: 'fail' as const }
  if (!siteFolder)
    return {
      ...fail,
      is: `sites/${tenant.site} or its site_config.json is missing`,
      remedy: `npx zx scripts/restore.ts ${tenant.name} --dry-run`,
    }
  if (!made) return { ...fail, is: 'the site was never finished', remedy: deploy }
  return { part: 'site', check: 'folder', state: 'ok', is: 'there' }
}

function remedyOf(flags: string[], bench: string): string {
  if (flags.includes('maintenance_mode')) return `${bench} set-maintenance-mode off`
  if (flags.includes('pause_scheduler')) return `${bench} scheduler resume`
  return `${bench} set-config ${flags[0]} 0`
}

/** Ping, login page with its assets, and socket.io's handshake, side by side through the frontend. */
export async function frontendFindings(tenant: Tenant, address: string): Promise<Finding[]> {
  const ask = (path: string) =>
    get(`http://${address}:8080${path}`, { headers: { Host: tenant.site }, timeout: PING.limit })
  const [ping, login, handshake] = await Promise.all([
    ask('/api/method/ping'),
    ask('/login').then((page) => loginFinding(tenant, page, ask)),
    ask('/socket.io/?EIO=4&transport=polling'),
  ])
  return [pingFinding(tenant, ping), login, handshakeFinding(tenant, handshake)]
}

function pingFinding(tenant: Tenant, { status, body, milliseconds, error }: Answer): Finding {
  const part = { part: 'backend', check: 'ping', limit: `< ${PING.slow} s` }
  const remedy = `npx zx scripts/tenant.ts ${tenant.name} logs backend`
  if (status === 0) return { ...part, state: 'fail', is: `backend: ${error}`, remedy }
  if (status !== 200 || !body.includes('pong')) return { ...part, state: 'fail', is: `HTTP ${status}`, remedy }
  const value = { name: 'erp_ping_seconds', value: milliseconds / 1000 } as const
  const is = `${Math.round(milliseconds)} ms`
  if (milliseconds < PING.slow * 1000) return { ...part, state: 'ok', is, value }
  return { ...part, state: 'fail', is: `${is}, too slow: redis-cache or the database`, remedy, value }
}

/** The login page with every asset that it names. @param part `site`, or the public host that was asked */
export async function loginFinding(
  tenant: Tenant,
  page: Answer,
  ask: (path: string) => Promise<Answer>,
  where = 'site',
): Promise<Finding> {
  const part = { part: where, check: 'login page' }
  const remedy = `npx zx scripts/deploy.ts ${tenant.name}`
  if (page.status !== 200) return { ...part, state: 'fail', is: page.error ?? `HTTP ${page.status}`, remedy }
  const named = page.body.matchAll(/(?:href|src)="(\/(?:assets\/|files\/theme-)[^"]+)"/g)
  const paths = [...new Set([...named].map(([, path]) => path ?? ''))]
  if (paths.length === 0) return { ...part, state: 'fail', is: 'it names no asset', remedy }
  const answers = await Promise.all(paths.map(async (path) => ({ path, status: (await ask(path)).status })))
  const [broken] = answers.filter(({ status }) => status !== 200)
  if (!broken) return { ...part, state: 'ok', is: `200 with ${paths.length} assets` }
  const is = `${broken.path}: HTTP ${broken.status}: pages come without their style`
  const mend = broken.path.startsWith('/files/')
    ? `apply-theme.ts ${tenant.name}`
    : `tenant.ts ${tenant.name} clear-cache`
  return { ...part, state: 'fail', is, remedy: `npx zx scripts/${mend}` }
}

function handshakeFinding(tenant: Tenant, { status, body, error }: Answer): Finding {
  const part = { part: 'socketio', check: 'handshake' }
  if (status === 200 && body.includes('"sid"')) return { ...part, state: 'ok', is: 'answers' }
  return {
    ...part,
    state: 'fail',
    is: error ?? `HTTP ${status}`,
    remedy: `npx zx scripts/tenant.ts ${tenant.name} restart socketio`,
  }
}
