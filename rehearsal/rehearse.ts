/**
 * `npm run rehearse`: the whole stack on this machine, from nothing: Docker where it is missing, the images, both tenants
 * up and healthy. `-- --yes` does not ask; `-- --down` removes all of it and nothing else.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { $ } from 'zx/core'
import tenants from '../tenants.ts'
import { startAuthority } from './authority.ts'
import { prepareForBuilding, prepareHost } from './host.ts'
import { buildImages, MADE_BY } from './images.ts'
import { docker, HOME, makeStack, PREFIX, type Stack } from './stack.ts'

const ROOT = resolve(import.meta.dirname, '..')
const TENANTS = ['byrne', 'dickson']
const DOMAIN = 'operator.example'
const USAGE = 'npm run rehearse [-- --yes | --down]'

const say = (line: string) => console.error(line)
const flags = readFlags()
if (flags.help) console.log(USAGE)
else await (flags.down ? down() : rehearse(flags.yes === true)).catch(stop)

/** What the machine refuses is told in one line; nothing that was begun is lost, since a second run goes on. */
function stop(error: unknown): never {
  say(`\nThe rehearsal stopped: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
}

function readFlags() {
  try {
    const flag = { type: 'boolean' } as const
    return parseArgs({ options: { yes: flag, down: flag, help: flag } }).values
  } catch {
    console.error(USAGE)
    process.exit(2)
  }
}

async function rehearse(consent: boolean): Promise<void> {
  const begun = performance.now()
  await prepareHost(consent, say)
  const real = await registryAnswers()
  const images = real ? {} : await buildHere(consent)
  const stack = makeStack(HOME, PREFIX, images)
  mkdirSync(HOME, { recursive: true, mode: 0o700 })
  await prepareForBuilding(consent, say) // Pebble is built here in any case
  await startAuthority(stack, say)
  stack.env.CORE_DOMAIN = DOMAIN
  if (!real) stack.env.COMPOSE_FILE += `:${join(ROOT, 'rehearsal/unavailable.yml')}`
  const lines = Object.entries(stack.env).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(HOME, 'env'), lines.join(''), { mode: 0o600 })

  const runs = [
    ['generate-secrets'],
    ['deploy', 'core', '--only', 'edge'],
    ['deploy', 'core', '--only', 'monitoring'],
    ['deploy', ...TENANTS],
    ['backup', ...TENANTS],
    ['restore', 'dickson', '--drill'],
    ['healthcheck', '--metrics', join(HOME, 'state/core/metrics/erp.prom')],
  ]
  for (const args of runs) await mustPass(stack, args)
  tell(stack, real, Math.round((performance.now() - begun) / 1000))
}

/** Real images come from a registry where one answers: the pull of one small image, 20 s at most. */
async function registryAnswers(): Promise<boolean> {
  const pull = await $({
    quiet: true,
    nothrow: true,
    timeout: '20s',
    timeoutSignal: 'SIGKILL',
  })`docker pull -q hello-world`
  say(
    pull.exitCode === 0
      ? 'A registry answers: the real images are used'
      : 'No registry answers: building the images here',
  )
  return pull.exitCode === 0
}

async function buildHere(consent: boolean): Promise<Record<string, string>> {
  await prepareForBuilding(consent, say)
  return buildImages(say)
}

async function mustPass(stack: Stack, [name = '', ...args]: string[]): Promise<void> {
  say(`\n$ npx zx scripts/${name}.ts ${args.join(' ')}`)
  const { code } = await stack.script(name, args, { show: true })
  if (code !== 0) {
    say(`\nThe rehearsal stopped: ${name} ended with ${code}. Run it again to go on from here; ${USAGE}`)
    process.exit(code ?? 1)
  }
}

function tell({ env }: Stack, real: boolean, seconds: number): void {
  const hosts = Object.values(tenants).flatMap(({ site, posHost }) => [site, posHost])
  const standIn = `
ERPNext here is a stand-in that keeps its contract (rehearsal/CONTRACT.md), since no registry answered. MariaDB, Redis,
nginx, Traefik, Prometheus, Alertmanager, node exporter and syslog-ng are real. Not run: ${unavailable().join(', ')}.`
  say(`
Both tenants are up and healthy after ${seconds} s, behind Traefik with certificates of a local authority:
${hosts.map((host) => `  https://${host}/`).join('\n')}
${real ? '' : standIn}
For a browser on this machine: in /etc/hosts   ${env.SERVER_IP} ${hosts.join(' ')}
  and trust .rehearsal/${basename(env.ACME_CA_CERTIFICATE ?? '')}, or with curl: --cacert that file --connect-to ::${env.SERVER_IP}
To use the scripts on this stack:   set -a; . .rehearsal/env; set +a
  the Administrator's password is in .rehearsal/secrets/<prefix>_admin_password.txt
To stop it:                         npx zx scripts/tenant.ts --all stop
To remove all of it:                npm run rehearse -- --down`)
}

/** The services that no package has. */
function unavailable(): string[] {
  const text = readFileSync(join(ROOT, 'rehearsal/unavailable.yml'), 'utf8')
  return [...text.matchAll(/^ {2}(core-[a-z-]+):/gm)].map(([, name = '']) => name)
}

/** Containers, volumes, networks, images and files of the rehearsal; the packages that it installed stay. */
async function down(): Promise<void> {
  makeStack(HOME, PREFIX, {}).remove()
  const built = docker('images', '--format', '{{.Repository}}:{{.Tag}}', '--filter', `label=${MADE_BY}`)
  const images = built.split('\n').filter(Boolean)
  if (images.length > 0) docker('rmi', ...images)
  say(`Removed the containers, volumes, networks and files of the rehearsal, and ${images.length} images.`)
}
