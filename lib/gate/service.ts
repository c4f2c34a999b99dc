/** The rules that a service keeps or breaks by itself: privileges, limits, logs, health, image, ports. */
import { CAPABILITIES, PORTS, PUBLISHER, ROOTS, TWO_NUMBERS } from './lists.ts'
import { CORE, type Court, type Subject, when } from './rendered.ts'

const plain = (capabilities: string[] = []) => capabilities.map((name) => name.toUpperCase().replace(/^CAP_/, ''))

/** No privilege beyond the written list, and no way to gain one. */
export function privileges({ service, part }: Subject): string[] {
  const { cap_drop, cap_add, security_opt = [], devices, device_cgroup_rules, gpus, user = '', deploy } = service
  const lists = [devices, device_cgroup_rules, deploy?.resources?.reservations?.devices]
  const allowed = Object.keys(CAPABILITIES[part] ?? {})
  const hardening = /^no-new-privileges([:=]true)?$/
  return [
    ...when(JSON.stringify(service).includes('"privileged":true'), 'is privileged'),
    ...when(!plain(cap_drop).includes('ALL'), 'keeps capabilities: cap_drop lacks ALL'),
    ...plain(cap_add)
      .filter((name) => !allowed.includes(name))
      .map((name) => `adds the capability ${name}`),
    ...when(!security_opt.some((option) => hardening.test(option)), 'has no no-new-privileges'),
    ...security_opt.filter((option) => !hardening.test(option)).map((option) => `weakens itself by ${option}`),
    ...when(lists.some((list) => list?.length) || gpus !== undefined, 'has a device'),
    ...when(!/^[1-9]\d*(:\d+)?$/.test(user) && !(part in ROOTS), `runs as ${user || "its image's user"}`),
    ...when(service.read_only !== true, 'may write to its own root'),
  ]
}

/** Every namespace of its own. A network is a named one or none at all. */
export function namespaces({ service }: Subject): string[] {
  const used = (['pid', 'ipc', 'uts', 'userns_mode', 'cgroup'] as const).filter(
    (kind) => service[kind] && service[kind] !== 'private',
  )
  return [
    ...used.map((kind) => `shares a namespace: ${kind} ${service[kind]}`),
    ...when(!['none', undefined].includes(service.network_mode), `shares a namespace: network ${service.network_mode}`),
  ]
}

/** Memory, CPU and processes are limited, and so are the logs. What is zero or negative limits nothing. */
export function limits({ service }: Subject): string[] {
  const { memory, cpus, pids } = service.deploy?.resources?.limits ?? {}
  const limited = (value: unknown) => Number.parseFloat(String(value)) > 0
  const { driver, options = {} } = service.logging ?? {}
  const rotated = driver === 'json-file' && limited(options['max-size']) && limited(options['max-file'])
  return [
    ...when(!limited(service.mem_limit ?? memory), 'has no limit of memory'),
    ...when(!limited(service.cpus ?? cpus), 'has no limit of CPU'),
    ...when(!limited(service.pids_limit ?? pids), 'has no limit of processes'),
    ...when(!rotated, 'has no log rotation (json-file with max-size and max-file)'),
  ]
}

/** What keeps running proves that it works, and comes back by itself. One-shot jobs say `restart: "no"`. */
export function lasting({ service: { restart, healthcheck } }: Subject): string[] {
  if (restart === 'no') return []
  const test = healthcheck?.disable ? [] : (healthcheck?.test ?? [])
  return [
    ...when(test.length === 0 || test[0] === 'NONE', 'has no health check'),
    ...when(restart !== 'unless-stopped', 'restarts neither unless-stopped nor, as a job, "no"'),
  ]
}

/** `v1.2.3`, `11.8.9`, `8.6.7-alpine`. */
const PATCH = /^v?\d+\.\d+\.\d+([-.+_][\w.-]+)?$/
/** `17.11-alpine`: the minor release of a program of {@link TWO_NUMBERS}. */
const MINOR = /^\d+\.\d+(-[\w.-]+)?$/
/** A tag that is the hash of what is in the image: it can mean nothing else tomorrow. */
const HASH = /^[0-9a-f]{12,64}$/

/** An image that is the same tomorrow: a digest, a patch release, or a hash as its tag. */
export function image({ service: { image: name = '' } }: Subject): string[] {
  if (/@sha256:[0-9a-f]{64}$/.test(name)) return []
  const [, program = '', tag = ''] = /([^/:]+):([^:/]+)$/.exec(name) ?? []
  const patch = TWO_NUMBERS.includes(program) ? MINOR : PATCH
  return when(
    !patch.test(tag) && !HASH.test(tag),
    `image ${name || '(none)'} is not pinned: no patch release, no digest`,
  )
}

/** Only Traefik is reached from outside, at the two ports that the settings name. */
export function ports({ name, owner, service }: Subject, { settings: { env } }: Court): string[] {
  const allowed = PORTS.map(({ variable, fallback, target }) => `${env[variable] || fallback}:${target}/tcp`)
  const mayPublish = name === PUBLISHER && owner === CORE
  return (service.ports ?? [])
    .map(({ host_ip: address, published = '', target, protocol = 'tcp' }) => {
      return `${address ? `${address}:` : ''}${published}:${target}/${protocol}`
    })
    .filter((port) => !mayPublish || !allowed.includes(port))
    .map((port) => `publishes the port ${port}`)
}

/** It is somebody's, by label, name and profile: a service without a profile would start with every tenant. */
export function belonging({ name, owner, service }: Subject, { tenants, settings }: Court): string[] {
  const { profiles = [], labels, container_name: container } = service
  if (!owner) return [`belongs to nobody: its label erp.tenant is ${labels?.['erp.tenant'] ?? 'missing'}`]
  const others = [...tenants, CORE].filter((one) => one !== owner)
  const foreign = profiles.filter((profile) => others.some(({ name }) => [name, `${name}-jobs`].includes(profile)))
  return [
    ...when(!name.startsWith(`${owner.prefix}-`), `is ${owner.name}'s by its label, but not by its name`),
    ...when(
      container !== undefined && container !== `${settings.prefix}${name}`,
      `has the name ${container}, by which others may be asked`,
    ),
    ...when(profiles.length === 0, 'has no profile: it would start with every tenant'),
    ...foreign.map((profile) => `is in the profile ${profile}`),
  ]
}
