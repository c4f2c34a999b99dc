/** The hardening gate: reads the configuration that compose renders, and refuses what breaks the rules of CONTRIBUTING.md. */
import { composeArgs } from './compose.ts'
import { docker, lastLines } from './docker.ts'
import { preconditionError } from './errors.ts'
import { paths, secrets } from './gate/mounts.ts'
import { type Court, type Owner, type Rendered, type Subject, subjectsOf } from './gate/rendered.ts'
import { belonging, image, lasting, limits, namespaces, ports, privileges } from './gate/service.ts'
import { sharing } from './gate/sharing.ts'
import { secretValues } from './redact.ts'
import type { Tenant, Unit } from './registry.ts'

const RULES = [belonging, privileges, namespaces, limits, lasting, image, ports, paths, secrets]

/** A rule that a service breaks. */
export interface Fault {
  service: string
  rule: string
}

/** Every fault of a configuration, service by service. Pure, so that a test can show each rule. */
export function hardeningFaults(court: Court): Fault[] {
  const subjects = subjectsOf(court)
  const between = sharing(subjects, court)
  return subjects.flatMap((subject) => {
    const own = RULES.flatMap((rule) => rule(subject, court))
    const others = between.filter(({ service }) => service === subject.name).map(({ rule }) => rule)
    return [...new Set([...own, ...others])].map((rule) => ({ service: subject.name, rule }))
  })
}

/**
 * Refuse to start an owner's services where one of them breaks a rule. What only other tenants' services break is theirs.
 * @throws OperatorError (3) that lists every fault as `service: rule`; nothing was asked of the engine.
 */
export async function verifyHardening(owner: Unit, registry: Tenant[]): Promise<void> {
  const { settings } = owner
  const rendered = await renderEverything(owner)
  const court: Court = { rendered, tenants: registry, settings, secrets: secretValues(settings) }
  const concerned = subjectsOf(court).filter((subject) => concerns(subject, owner))
  const faults = hardeningFaults(court).filter(({ service }) => concerned.some(({ name }) => name === service))
  if (faults.length === 0) return
  throw preconditionError(
    `compose.yml breaks the rules: ${faults.map(({ service, rule }) => `${service}: ${rule}`).join('; ')}`,
    'nothing was started; see docs/trouble.md#the-configuration-is-refused',
  )
}

/** What starts with an owner: its own services, what its profile names, and what has no profile at all. */
const concerns = ({ owner, service: { profiles = [] } }: Subject, { name }: Owner) =>
  owner?.name === name || profiles.includes(name) || profiles.length === 0

/** Every profile's services: sharing is between tenants. */
async function renderEverything(unit: Unit): Promise<Rendered> {
  const args = composeArgs({ ...unit, profile: '*' }, 'config', '--format', 'json')
  const { code, stdout, stderr } = await docker(args, { timeout: 30, nothrow: true })
  if (code !== 0) throw preconditionError(`compose.yml is not valid: ${lastLines(stderr, 3)}`)
  return JSON.parse(stdout) as Rendered
}
