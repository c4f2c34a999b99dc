/** docker compose as values: argument lists that are built before anything runs, and the rendered configuration. */
import { docker, lastLines } from './docker.ts'
import { preconditionError } from './errors.ts'
import type { Unit } from './registry.ts'
import { isOlder } from './versions.ts'

const OLDEST = '2.24.4'

/** `docker compose …` for one tenant or core: its profile alone, so that no call can reach another's services. */
export function composeArgs({ settings, project, profile }: Unit, ...args: string[]): string[] {
  return ['compose', '--project-directory', settings.root, '--project-name', project, '--profile', profile, ...args]
}

/** What `up` does about a container that is there: replaces it where its configuration differs, never, or always. */
export type Recreate = 'changed' | 'never' | 'always'
const RECREATE = { changed: [], never: ['--no-recreate'], always: ['--force-recreate'] }

/**
 * Create and start services, with what they depend on. Never `--no-deps`: compose would leave the dependencies out of the
 * configuration's hash, and the next `up` by hand would recreate the containers.
 */
export function upArgs(unit: Unit, services: string[], workers: number, recreate: Recreate = 'changed'): string[] {
  const scale = services.includes(unit.service('worker')) ? ['--scale', `${unit.service('worker')}=${workers}`] : []
  const make = ['up', '--detach', '--no-build', ...RECREATE[recreate], '--pull', 'never']
  return composeArgs(unit, ...make, ...scale, ...services)
}

/** A one-off container of a service's image, removed when it ends. It takes no part in the service's health or aliases. */
export function runArgs(unit: Unit, service: string, [program = '', ...args]: string[]): string[] {
  return composeArgs(unit, 'run', '--rm', '-T', '--no-deps', '--entrypoint', program, service, ...args)
}

export const stopArgs = (unit: Unit, services: string[]) => composeArgs(unit, 'stop', ...services)

/** Compose's version. @throws OperatorError (3) where the plugin is missing or older than 2.24.4. */
export async function requireCompose(): Promise<void> {
  const result = await docker(['compose', 'version', '--short'], { timeout: 20, nothrow: true }) // the engine lives: a cold disk
  if (result.timedOut) throw preconditionError('docker compose does not answer (20 s)', 'is the machine overloaded?')
  const version = result.stdout.trim().replace(/^v/, '')
  const needs = `Docker Compose ${OLDEST} or newer is needed`
  if (result.code !== 0 || !/^\d+\.\d+/.test(version)) {
    throw preconditionError(
      `${needs}: the compose plugin does not answer`,
      'install the compose plugin: docker-compose-plugin, of Debian docker-compose, of Ubuntu docker-compose-v2',
    )
  }
  if (isOlder(version, OLDEST)) throw preconditionError(`${needs}: this is ${version}`, 'update the compose plugin')
}

/** A service of the rendered configuration, as far as we ask. */
export interface Service {
  name: string
  image: string
  /** One-shot jobs end; everything else keeps running. */
  oneShot: boolean
  /** The compose profiles that it is part of. */
  profiles: string[]
  /** The keys of the secrets that it reads. */
  secrets: string[]
  configHash: string
}

/** What compose renders of a tenant or of core. */
export interface Rendered {
  services: Service[]
  /** The fixed range of each network that has one, by its name: `10.213.2.0/24`. */
  subnets: Map<string, string>
}

interface Written {
  image: string
  restart?: string
  profiles?: string[]
  secrets?: { source: string }[]
}

interface WrittenNetwork {
  name: string
  ipam?: { config?: { subnet?: string }[] }
}

/** The services alone, as `renderUnit` says them. */
export const renderServices = async (unit: Unit, options: { hashes?: boolean; jobs?: boolean } = {}) =>
  (await renderUnit(unit, options)).services

/**
 * The services and networks of a tenant or of core as compose renders them; `hashes` adds the hash that their containers
 * would carry, `jobs` what runs on demand: backup and restore.
 * @throws OperatorError (3) where the configuration is not valid.
 */
export async function renderUnit(unit: Unit, { hashes: wanted = false, jobs = false } = {}): Promise<Rendered> {
  const profile = jobs ? ['--profile', `${unit.profile}-jobs`] : []
  const [json, hashes] = await Promise.all([
    docker(composeArgs(unit, ...profile, 'config', '--format', 'json'), { timeout: 30, nothrow: true }),
    wanted ? docker(composeArgs(unit, 'config', '--hash', '*'), { timeout: 30, nothrow: true }) : { stdout: '' },
  ])
  if (json.code !== 0) throw preconditionError(`compose.yml is not valid: ${lastLines(json.stderr, 3)}`)
  const hash = new Map(hashes.stdout.split('\n').map((line) => line.split(' ') as [string, string]))
  const rendered = JSON.parse(json.stdout) as {
    services: Record<string, Written>
    networks?: Record<string, WrittenNetwork>
  }
  const services = Object.entries(rendered.services).map(([name, { image, restart, profiles = [], secrets = [] }]) => ({
    name,
    image,
    oneShot: restart === 'no',
    profiles,
    secrets: secrets.map(({ source }) => source),
    configHash: hash.get(name) ?? '',
  }))
  const subnets = Object.values(rendered.networks ?? {}).flatMap(({ name, ipam }): [string, string][] => {
    const subnet = ipam?.config?.[0]?.subnet
    return subnet ? [[name, subnet]] : []
  })
  if (services.length > 0) return { services, subnets: new Map(subnets) }
  throw preconditionError(`compose.yml has no profile ${unit.profile}`, 'see docs/adding-a-tenant.md')
}
