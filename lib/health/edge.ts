/** The public hosts, each asked through the edge itself: certificate, DNS, redirects; a tenant's two also ping and realtime. */
import { judgeCertificate, type Verdict } from '../edge/certificate.ts'
import { checkDns } from '../edge/dns.ts'
import { coreHolders, proofOf } from '../edge/holders.ts'
import { type Edge, shakeHands, type Visitor, visit } from '../edge/hosts.ts'
import { type Asked, isProof } from '../edge/prove.ts'
import { edgeSettings } from '../edge/settings.ts'
import { OperatorError } from '../errors.ts'
import type { Answer } from '../http.ts'
import { deskOf, type Tenant, type Unit } from '../registry.ts'
import type { Finding, Probe } from './check.ts'
import type { Front } from './front.ts'
import { loginFinding } from './site.ts'

/** Seconds for one request. */
const LIMIT = 5

/** One of a tenant's two hosts, or of core's, which are called by their first label. */
export interface PublicHost {
  part: string
  name: string
  /** The command that brings it back. */
  remedy: string
}

const noTraefik = () => new OperatorError('Traefik does not run', { hint: 'npx zx scripts/deploy.ts core' })

/** A probe for each host; none where core was never deployed, which is told once, as core's own finding. */
export function hostProbes(tenant: Tenant, front: Promise<Front>, limit: number): Probe[] {
  const remedy = `npx zx scripts/deploy.ts ${tenant.name}`
  const hosts = { erp: tenant.site, pos: tenant.posHost }
  return Object.entries(hosts).map(([part, name]) => ({
    part,
    check: 'host',
    remedy,
    limit,
    run: async () => {
      const { deployed, edge, published } = await front
      if (!deployed) return []
      if (!edge) throw noTraefik()
      if (!published.includes(tenant.name)) throw new Error('not published to Traefik')
      const host = { part, name, remedy }
      return hostFindings(host, edge, tenant, (visitor) => secureFindings(tenant, host, visitor))
    },
  }))
}

/** The same for each host of core whose part was deployed: the sign-in service, Grafana, Uptime Kuma. */
export function coreHostProbes(core: Unit, front: Promise<Front>, limit: number): Probe[] {
  const { domain = '' } = edgeSettings(core.settings)
  return coreHolders(domain).flatMap(({ part, name: holder, hosts }) =>
    hosts.map((name) => {
      const host = {
        part: name.replace(`.${domain}`, ''),
        name,
        remedy: `npx zx scripts/deploy.ts core --only ${part}`,
      }
      const run = async () => {
        const { edge, published } = await front
        if (!published.includes(holder)) return []
        if (!edge) throw noTraefik()
        const asked = proofOf(name, domain)
        return hostFindings(host, edge, core, async (visitor) => [
          answerFinding(host, asked, await visitor.get(asked.path)),
        ])
      }
      return { part: host.part, check: 'host', remedy: host.remedy, limit, run }
    }),
  )
}

function answerFinding({ part, remedy }: PublicHost, asked: Asked, answer: Answer): Finding {
  const { status, milliseconds, error } = answer
  if (isProof(asked, answer)) return { part, check: 'answers', state: 'ok', is: `${Math.round(milliseconds)} ms` }
  return { part, check: 'answers', state: 'fail', is: error ?? `HTTP ${status}`, remedy }
}

/** Everything about one host. Without a certificate nothing can be asked by https: then that is its one failure. */
async function hostFindings(
  host: PublicHost,
  edge: Edge,
  { settings }: Unit,
  ask: (visitor: Visitor) => Promise<Finding[]>,
): Promise<Finding[]> {
  const visitor = visit(edge, host.name, LIMIT)
  try {
    const [certificate, ...others] = await Promise.all([
      shakeHands(edge, host.name, LIMIT).then((handshake) => judgeCertificate(host.name, handshake)),
      checkDns(host.name, edgeSettings(settings)).then((verdict) => ({
        part: host.part,
        check: 'DNS',
        ...verdict,
      })),
      visitor.getPlain('/x?y=1').then((answer) => redirectFinding(host, answer)),
    ])
    const secure = certificate.none ? [] : await ask(visitor)
    return [certificateFinding(host, certificate), ...secure, ...others]
  } finally {
    visitor.leave()
  }
}

function certificateFinding({ part, name }: PublicHost, { state, is, limit, remedy, expires }: Verdict): Finding {
  return {
    part,
    check: 'certificate',
    state,
    is,
    ...(limit && { limit }),
    ...(remedy && { remedy }),
    ...(expires !== undefined && {
      value: { name: 'erp_certificate_expiry_timestamp_seconds', value: expires / 1000, labels: { host: name } },
    }),
  }
}

function redirectFinding({ part, name }: PublicHost, { status, headers, error }: Answer): Finding {
  const right = [301, 308].includes(status) && headers.location === `https://${name}/x?y=1`
  if (right) return { part, check: 'http', state: 'ok', is: 'leads to https' }
  const is = error ?? `HTTP ${status} ${headers.location ?? ''}`.trim()
  return {
    part,
    check: 'http',
    state: 'fail',
    is,
    limit: `308 https://${name}`,
    remedy: 'npx zx scripts/deploy.ts core',
  }
}

async function secureFindings(tenant: Tenant, host: PublicHost, visitor: Visitor): Promise<Finding[]> {
  const ask = (path: string) => visitor.get(path)
  const own = [
    ask('/api/method/ping').then((answer) => pingFinding(tenant, host, answer)),
    realtimeFinding(tenant, host, visitor),
  ]
  const more =
    host.part === 'pos'
      ? ask('/?a=1').then((answer) => rootFinding(tenant, host, answer))
      : ask('/login').then((page) => loginFinding(tenant, page, ask, host.part))
  return Promise.all([...own, more])
}

function pingFinding(tenant: Tenant, { part }: PublicHost, { status, body, milliseconds, error }: Answer): Finding {
  if (status === 200 && body.includes('pong'))
    return { part, check: 'ping', state: 'ok', is: `${Math.round(milliseconds)} ms` }
  const remedy = `npx zx scripts/deploy.ts ${tenant.name}`
  return { part, check: 'ping', state: 'fail', is: error ?? `HTTP ${status}`, remedy }
}

/** A query must not break the way to the point of sale. */
function rootFinding(tenant: Tenant, { part, name: host }: PublicHost, answer: Answer): Finding {
  const path = `${deskOf(tenant)}/point-of-sale`
  const location = String(answer.headers.location ?? '')
  const leads = [301, 302, 307, 308].includes(answer.status) && location.split('/').slice(3).join('/') === path.slice(1)
  if (leads) return { part, check: 'root', state: 'ok', is: `leads to ${path}` }
  const is = answer.error ?? `HTTP ${answer.status} ${location}`.trim()
  return {
    part,
    check: 'root',
    state: 'fail',
    is,
    limit: `https://${host}${path}`,
    remedy: `npx zx scripts/deploy.ts ${tenant.name}`,
  }
}

/**
 * A bare handshake proves nothing, and with any cookie a socket connects as Guest. Connecting to the namespace needs
 * nginx, socketio, its way back through this host, the backend and redis-queue, and the right site.
 */
async function realtimeFinding(tenant: Tenant, { part }: PublicHost, visitor: Visitor): Promise<Finding> {
  const path = '/socket.io/?EIO=4&transport=polling'
  const open = await visitor.get(path, { headers: { Cookie: 'sid=x' } })
  const sid = /"sid":"([^"]+)"/.exec(open.body)?.[1]
  if (!sid) return broken(tenant, part, open.error ?? `no handshake: HTTP ${open.status}`)
  await visitor.get(`${path}&sid=${sid}`, { method: 'POST', body: `40/${tenant.site},` })
  const answer = await visitor.get(`${path}&sid=${sid}`)
  if (answer.body.startsWith(`40/${tenant.site},{"sid"`))
    return { part, check: 'realtime', state: 'ok', is: 'connects' }
  const refusal = /"message":"([^"]*)"/.exec(answer.body)?.[1]
  return broken(tenant, part, refusal ?? answer.error ?? `HTTP ${answer.status}`)
}

function broken({ name }: Tenant, part: string, is: string): Finding {
  const remedy = `npx zx scripts/tenant.ts ${name} restart socketio`
  return { part, check: 'realtime', state: 'fail', is, remedy }
}
