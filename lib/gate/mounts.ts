/** The rules of what a service sees of the host: its paths, and the secrets, which it reads from files alone. */
import { basename, dirname, join, resolve } from 'node:path'
import { hostPaths, maySeeSecret } from './lists.ts'
import { type Court, type Mount, type Subject, when } from './rendered.ts'

const SOCKET = /(docker|containerd|podman)\.sock$/
const isBelow = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`)

/** Every path of the host is on the written list; only repositories are written to. */
export function paths(subject: Subject, court: Court): string[] {
  const { service } = subject
  const { rendered } = court
  const mounts = service.volumes ?? []
  const configs = (service.configs ?? []).map(({ source }) => rendered.configs?.[source]?.file)
  const files = configs.flatMap((file): Mount[] =>
    file ? [{ type: 'bind', source: file, target: '', read_only: true }] : [],
  )
  const strange = mounts.filter(({ type }) => !['bind', 'volume', 'tmpfs'].includes(type))
  return [
    ...when(service.use_api_socket === true, 'mounts the Docker socket'),
    ...[...mounts, ...files].filter(({ type }) => type === 'bind').flatMap((mount) => bind(mount, subject, court)),
    ...strange.map(({ type, target }) => `mounts a ${type} at ${target}`),
    ...(service.volumes_from ?? []).map((other) => `takes the volumes of ${other}`),
  ]
}

function bind({ source = '', read_only = false }: Mount, subject: Subject, court: Court): string[] {
  const path = resolve(source)
  if (SOCKET.test(path)) return ['mounts the Docker socket']
  const secrets = join(court.settings.home, 'secrets')
  if (isBelow(path, secrets)) return secretFile(path, subject, court, read_only)
  const allowed = hostPaths(subject, court).find((one) => (one.exact ? path === one.path : isBelow(path, one.path)))
  if (!allowed) return [`mounts the host path ${path}`]
  return when(!read_only && !allowed.writable, `writes to the host path ${path}`)
}

/** One file of secrets/, which must be its own. */
function secretFile(path: string, subject: Subject, { settings, tenants }: Court, readOnly = true): string[] {
  const name = basename(path)
  if (dirname(path) !== join(settings.home, 'secrets')) return [`takes a secret from ${path}, not from secrets/`]
  return [
    ...when(!maySeeSecret(subject, name, tenants), `reads secrets/${name}, which is another's`),
    ...when(!readOnly, `writes to secrets/${name}`),
  ]
}

/** What names a secret; a value that names its file is none: `/run/secrets/x`, `file:///run/secrets/x`, `$__file{…}`. */
const SECRET_NAME = /PASSW(OR)?D|PWD|SECRET|TOKEN|KEY/i
const REFERENCE = /^(file:\/\/|\$__file\{)?\/run\/secrets\/[\w.-]+\}?$/

/** A secret comes as a file of secrets/, and its value stands nowhere in the configuration. */
export function secrets(subject: Subject, court: Court): string[] {
  const { service } = subject
  const named = Object.entries(service.environment ?? {}).filter(
    ([name, value]) => SECRET_NAME.test(name) && !name.endsWith('_FILE') && value && !REFERENCE.test(dollars(value)),
  )
  const files = (service.secrets ?? []).flatMap(({ source }) => {
    const file = court.rendered.secrets?.[source]?.file
    return file ? secretFile(resolve(file), subject, court) : [`takes the secret ${source} from no file`]
  })
  return [
    ...files,
    ...named.map(([name]) => `environment ${name} is a literal: let it name a file below /run/secrets`),
    ...values(subject, court),
  ]
}

/** Where a secret's own value stands: environment, command, labels, health check, an inline config … */
function values({ service }: Subject, court: Court): string[] {
  const inline = (service.configs ?? []).map(({ source }) => court.rendered.configs?.[source]?.content)
  const places = Object.entries({ ...service, configs: inline })
  return places.flatMap(([place, value]) => {
    const texts = textsOf(value)
    const found = court.secrets.find((secret) => texts.some((text) => text.includes(secret.value)))
    return found ? [`${place} holds the value of secrets/${found.file}`] : []
  })
}

/** Compose renders a dollar twice. */
const dollars = (text: string) => text.replaceAll('$$', '$')

/** Every string in a value, also the names of its fields. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [dollars(value)]
  if (typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [dollars(name), ...textsOf(inner)])
}
