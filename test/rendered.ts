/**
 * compose.yml as `docker compose config` renders it, as far as the gate asks, for tests without Docker. An engine test
 * holds it against what compose really renders.
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import type { Mount, Rendered, RenderedService } from '../lib/gate/rendered.ts'

interface Written extends Omit<RenderedService, 'volumes' | 'networks' | 'ports' | 'secrets'> {
  volumes?: (string | Mount)[]
  networks?: string[] | Record<string, { aliases?: string[] } | null>
  ports?: (string | object)[]
  secrets?: (string | { source: string })[]
}

const ROOT = resolve(import.meta.dirname, '..')

/** Render the repository's compose.yml with these variables, as if it lay in `root`. */
export function renderCompose(env: Record<string, string> = {}, root = ROOT): Rendered {
  const text = interpolate(readFileSync(join(ROOT, 'compose.yml'), 'utf8'), env)
  const { services, networks, volumes, secrets = {}, configs = {} } = parse(text, { merge: true, maxAliasCount: -1 })
  const rendered = Object.entries<Written>(services).map(([name, service]) => [name, render(service, root)])
  const files = (section: Record<string, { file: string }>) =>
    Object.fromEntries(Object.entries(section).map(([key, { file }]) => [key, { file: resolve(root, file) }]))
  return {
    services: Object.fromEntries(rendered),
    networks,
    volumes,
    secrets: files(secrets),
    configs: files(configs),
  }
}

/** `${NAME}` and `${NAME:-default}`, the innermost first; `$$` stays as it is. */
function interpolate(text: string, env: Record<string, string>): string {
  const replaced = text.replace(
    /(?<!\$)\$\{(\w+)(?::?-([^${}]*))?\}/g,
    (_, name, fallback = '') => env[name] || fallback,
  )
  return replaced === text ? text : interpolate(replaced, env)
}

function render({ volumes, networks, ports, secrets, ...service }: Written, root: string): RenderedService {
  return {
    ...service,
    ...(service.mem_limit && { mem_limit: bytes(String(service.mem_limit)) }),
    ...(volumes && { volumes: volumes.map((mount) => (typeof mount === 'string' ? longMount(mount, root) : mount)) }),
    ...(networks && {
      networks: Array.isArray(networks) ? Object.fromEntries(networks.map((key) => [key, null])) : networks,
    }),
    ...(ports && { ports: ports.map((port) => (typeof port === 'string' ? longPort(port) : (port as never))) }),
    ...(secrets && { secrets: secrets.map((one) => (typeof one === 'string' ? { source: one } : one)) }),
  }
}

function longMount(text: string, root: string): Mount {
  const [source = '', target = '', options = ''] = text.split(':')
  const bound = /^[./]/.test(source)
  return {
    type: bound ? 'bind' : 'volume',
    source: bound ? resolve(root, source) : source,
    target,
    ...(options.split(',').includes('ro') && { read_only: true }),
  }
}

function longPort(text: string) {
  const [port = '', protocol = 'tcp'] = text.split('/')
  const parts = port.split(':')
  const address = parts.at(-3)
  return { ...(address && { host_ip: address }), target: Number(parts.at(-1)), published: parts.at(-2) ?? '', protocol }
}

function bytes(text: string): string {
  const [, number = '', unit = ''] = /^(\d+)([kmg]?)b?$/i.exec(text) ?? []
  return String(Number(number) * 1024 ** (['', 'k', 'm', 'g'].indexOf(unit.toLowerCase()) || 0))
}
