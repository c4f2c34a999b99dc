/** Checks the machine and all tenants side by side. */
import { statfs } from 'node:fs/promises'
import { renderServices } from '../compose.ts'
import { type Container, tenantContainers } from '../containers.ts'
import { addressOf } from '../deploy.ts'
import { askEngine } from '../docker.ts'
import { messageOf, type OperatorError } from '../errors.ts'
import { CORE, type Owner } from '../gate/rendered.ts'
import { learnSecret } from '../redact.ts'
import type { Tenant, Unit } from '../registry.ts'
import { readIntent } from '../restore/intent.ts'
import { backupFindings } from './backup.ts'
import { DISK, type Finding, grade, type Probe, runProbes, type State, usedShare, worst } from './check.ts'
import { containerFindings, stoppedProcesses } from './containers.ts'
import { coreFindings } from './core.ts'
import { databaseFindings } from './database.ts'
import { hostProbes } from './edge.ts'
import { type Front, lookAtCore } from './front.ts'
import { checkIsolation } from './isolation.ts'
import { cacheFindings, queueFindings } from './redis.ts'
import { type BenchConfig, configFindings, frontendFindings, readBenchConfig } from './site.ts'
import { themeFindings } from './theme.ts'

/** Seconds that any one check may take. */
const LIMIT = 6

/** What healthcheck.ts found. `--json` prints it as it is; docs/health.md describes it. */
export interface HealthReport {
  /** UTC, ISO 8601. */
  at: string
  state: State
  seconds: number
  machine: Finding[]
  tenants: { tenant: string; title: string; state: State; findings: Finding[] }[]
}

/** What is checked: some tenants, and core, which stands before all of the registry. */
export interface Scope {
  tenants: Tenant[]
  registry: Tenant[]
  core: Unit
  /** The walls between all tenants are tried as well. */
  isolation: boolean
}

/** Check the machine, core and these tenants. An engine that does not answer within 5 s is the report's one finding. */
export async function checkHealth({ tenants, registry, core, isolation }: Scope): Promise<HealthReport> {
  const begun = performance.now()
  const engine = await askEngine().catch((error) => error as OperatorError)
  if (engine instanceof Error) return engineDown(engine, begun)
  const front = lookAtCore(core, registry)
  const [machine, ...checked] = await Promise.all([
    runProbes([
      {
        part: 'disk',
        check: 'space',
        remedy: 'see docs/trouble.md#the-disk-is-full',
        limit: LIMIT,
        run: () => diskFindings(engine.dataRoot),
      },
    ]),
    ...tenants.map(async (tenant) => ({ tenant, findings: await checkTenant(tenant, front) })),
    coreFindings(core, registry, front, LIMIT).then((findings) => ({ tenant: core, findings })),
  ])
  if (checked.some(({ findings }) => worst(findings) === 'fail')) {
    const now = await askEngine().catch((error) => error as OperatorError) // it may have hung meanwhile
    if (now instanceof Error) return engineDown(now, begun)
  }
  // Afterwards: the probes would make the sites slower than their limits.
  const walls = isolation ? await isolationFindings(tenants, registry) : new Map<Owner, Finding[]>()
  const rows = checked.map(({ tenant, findings }) => {
    const all = [...findings, ...(walls.get(tenant === core ? CORE : tenant) ?? [])]
    return { tenant: tenant.name, title: tenant.title, state: worst(all), findings: all }
  })
  const ok: Finding = { part: 'engine', check: 'answers', state: 'ok', is: engine.version }
  const all = [ok, ...machine]
  return {
    at: new Date().toISOString(),
    state: worst([...all, ...rows.flatMap(({ findings }) => findings)]),
    seconds: Math.round(performance.now() - begun) / 1000,
    machine: all,
    tenants: rows,
  }
}

/** Core's walls are tried where every tenant's are. What cannot be tried is a failure. */
async function isolationFindings(tenants: Tenant[], registry: Tenant[]): Promise<Map<Owner, Finding[]>> {
  const owners = tenants.length === registry.length ? [...tenants, CORE] : tenants
  return checkIsolation(owners, registry).catch((error) => {
    const failed = { part: 'isolation', check: 'probes', state: 'fail' as const, is: messageOf(error) }
    return new Map(owners.map((owner) => [owner, [{ ...failed, remedy: 'docker ps' }]]))
  })
}

/** True where the engine did not answer, so that nothing else was asked. */
export const isEngineDown = ({ machine }: HealthReport) => machine[0]?.state === 'fail'

function engineDown({ message, hint = '' }: OperatorError, begun: number): HealthReport {
  const finding: Finding = { part: 'engine', check: 'answers', state: 'fail', is: message, remedy: hint }
  const took = Math.round(performance.now() - begun) / 1000
  return { at: new Date().toISOString(), state: 'fail', seconds: took, machine: [finding], tenants: [] }
}

async function diskFindings(directory: string): Promise<Finding[]> {
  const disk = await statfs(directory)
  const free = disk.bavail * disk.bsize
  const used = usedShare(disk)
  const state = grade(used, DISK.warn, DISK.fail)
  return [
    {
      part: 'disk',
      check: 'space',
      state,
      is: `${Math.round(used * 100)} % used`,
      limit: `< ${DISK.fail * 100} %`,
      value: { name: 'erp_disk_used_ratio', value: used },
      ...(state !== 'ok' && { remedy: 'see docs/trouble.md#the-disk-is-full' }),
    },
    {
      part: 'disk',
      check: 'free',
      state: 'ok',
      is: `${Math.round(free / 2 ** 30)} GiB`,
      value: { name: 'erp_disk_free_bytes', value: free },
    },
  ]
}

/** What cannot even be begun for one tenant is that tenant's failed finding: the others are told all the same. */
async function checkTenant(tenant: Tenant, front: Promise<Front>): Promise<Finding[]> {
  const remedy = `npx zx scripts/deploy.ts ${tenant.name} --dry-run`
  const intent = `mv ${tenant.state('restore.json')} elsewhere; where the site does not answer: npx zx scripts/restore.ts ${tenant.name} --undo`
  const own = await runProbes([
    { part: 'restore', check: 'finished', remedy: intent, limit: LIMIT, run: () => restoreFindings(tenant) },
    { part: 'compose', check: 'configuration', remedy, limit: LIMIT + 1, run: () => checkServices(tenant) },
    { part: 'backup', check: 'ledger', remedy: 'mount', limit: LIMIT, run: () => backupFindings(tenant) },
  ])
  const hosts = await runProbes(hostProbes(tenant, front, LIMIT)) // afterwards: they would slow the ping that is timed
  return [...own, ...hosts]
}

/** Nothing is said where no restore was begun. One that is not finished is told first: it holds all other verbs up. */
async function restoreFindings(tenant: Tenant): Promise<Finding[]> {
  const intent = await readIntent(tenant)
  if (!intent) return []
  const is = `the ${intent.verb} of ${intent.at} was interrupted`
  return [{ part: 'restore', check: 'finished', state: 'fail', is, remedy: `npx zx scripts/restore.ts ${tenant.name}` }]
}

async function checkServices(tenant: Tenant): Promise<Finding[]> {
  const [services, containers] = await Promise.all([renderServices(tenant), tenantContainers(tenant, 3)])
  const config = readBenchConfig(tenant, readers(tenant, containers)).then((found) => {
    for (const url of [found.redisCache, found.redisQueue]) learnSecret(/:([^:@]*)@/.exec(url)?.[1] ?? '')
    return found
  })
  config.catch(() => {}) // told by every probe that needs it
  const probe = (part: string, check: string, run: () => Promise<Finding[]>): Probe => ({
    part,
    check,
    remedy: `npx zx scripts/tenant.ts ${tenant.name} logs ${part === 'site' ? 'backend' : part}`,
    limit: LIMIT,
    run,
  })
  const configured = (use: (config: BenchConfig) => Finding[] | Promise<Finding[]>) => () => config.then(use)
  const [own, ...rest] = await Promise.all([
    containerFindings(tenant, services, containers),
    runProbes([
      probe(
        'db',
        'connect',
        configured(({ schema }) => databaseFindings(tenant, schema, LIMIT - 1)),
      ),
      probe(
        'redis-cache',
        'password',
        configured(({ redisCache }) => cacheFindings(tenant, redisCache)),
      ),
      probe(
        'redis-queue',
        'password',
        configured(({ redisQueue }) => queueFindings(tenant, redisQueue)),
      ),
      probe(
        'site',
        'configuration',
        configured((found) => configFindings(tenant, found)),
      ),
      probe(
        'site',
        'theme',
        configured((found) => themeFindings(tenant, found, frontend(tenant, containers))),
      ),
      probe('backend', 'ping', () => frontendFindings(tenant, frontend(tenant, containers))),
      probe('worker', 'process', () => stoppedProcesses(tenant, containers)),
    ]),
  ])
  return groupByPart([...own, ...rest.flat()])
}

/** What concerns one part stands together, parts in the order in which they first appear. */
function groupByPart(findings: Finding[]): Finding[] {
  const parts = [...new Set(findings.map(({ part }) => part))]
  return parts.flatMap((part) => findings.filter((finding) => finding.part === part))
}

/** Containers that can read the sites volume, the backend first: a paused one refuses, the next one answers. */
function readers(tenant: Tenant, containers: Container[]): string[] {
  const order = ['backend', 'scheduler', 'socketio', 'worker'].map((part) => tenant.service(part))
  const running = containers.filter(({ service, status }) => order.includes(service) && status === 'running')
  return running.sort((a, b) => order.indexOf(a.service) - order.indexOf(b.service)).map(({ name }) => name)
}

function frontend(tenant: Tenant, containers: Container[]): string {
  const address = addressOf(tenant, containers)
  if (!address) throw new Error('the frontend has no address: it does not run')
  return address
}
