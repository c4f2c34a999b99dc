/**
 * Makes this machine able to run containers: Docker Engine, Compose and Buildx from the distribution where they are
 * missing, started where no init system does it. Debian 13 and Ubuntu 24.04 have them new enough; Debian 12 gets
 * Debian 13's by a pinned copy of its own apt entry.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import prompts from 'prompts'
import { $ } from 'zx/core'

const apt = $({ env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, quiet: true })
const look = $({ quiet: true, nothrow: true })
const PIN = '/etc/apt/preferences.d/securenexus-trixie'
const SOURCES = '/etc/apt/sources.list.d/securenexus-trixie.sources'

/** Install and start what is missing. `consent`: do not ask. Throws with the next step where it cannot go on. */
export async function prepareHost(consent: boolean, say: (line: string) => void): Promise<void> {
  const missing = await missingPackages()
  if (missing.length > 0) {
    if (process.getuid?.() !== 0) throw new Error('installing packages needs root: run this as root')
    await askFirst(`Install ${missing.join(', ')} from this machine's own package sources?`, consent)
    say(`Installing ${missing.join(', ')}`)
    await install(missing)
  }
  if (await engineAnswers()) return
  say('Starting Docker Engine')
  await startEngine()
}

/** True where the engine answers within 10 s. */
async function engineAnswers(): Promise<boolean> {
  const { exitCode } = await look({ timeout: '10s' })`docker version --format {{.Server.Version}}`
  return exitCode === 0
}

async function missingPackages(): Promise<string[]> {
  const { id, release } = await distribution()
  const missing: string[] = []
  const engine = existsSync('/usr/sbin/dockerd') || existsSync('/usr/bin/dockerd') || (await engineAnswers())
  if (!engine) missing.push('docker.io')
  if (!existsSync('/usr/bin/docker') && (await look`command -v docker`).exitCode !== 0) missing.push('docker-cli')
  if ((await look`docker compose version`).exitCode !== 0) {
    missing.push(id === 'ubuntu' ? 'docker-compose-v2' : 'docker-compose')
  }
  if ((await look`docker buildx version`).exitCode !== 0) missing.push('docker-buildx')
  if (id === 'ubuntu') return missing.filter((name) => name !== 'docker-cli')
  if (id === 'debian' && release === '12' && missing.includes('docker.io')) missing.push('docker-cli')
  return [...new Set(missing)]
}

/** What only building the images needs: the program, and the package of the distribution that has it. */
const BUILDERS = { mmdebstrap: 'mmdebstrap', pip3: 'python3-pip', go: 'golang-go' }

/** Packages that only building the images needs. Debian 12's Go is too old for Pebble, and comes from Debian 13. */
export async function prepareForBuilding(consent: boolean, say: (line: string) => void): Promise<void> {
  const found = await Promise.all(
    Object.entries(BUILDERS).map(async ([program, name]) =>
      (await look`command -v ${program}`).exitCode === 0 ? [] : [name],
    ),
  )
  const packages = found.flat()
  if (packages.length === 0) return
  await askFirst(`Install ${packages.join(', ')}, which make the images that cannot be pulled?`, consent)
  say(`Installing ${packages.join(', ')}`)
  const { id, release } = await distribution()
  const newer = id === 'debian' && release === '12' && packages.includes('golang-go')
  if (newer) await addTrixie()
  await apt`apt-get update -qq`
  await apt`apt-get install -yqq --no-install-recommends ${newer ? ['-t', 'trixie'] : []} ${packages}`
}

/** A program of the distribution that only tests or benchmarks need, such as a browser: its package has its name. */
export async function prepareProgram(name: string, consent: boolean, say: (line: string) => void): Promise<void> {
  if ((await look`command -v ${name}`).exitCode === 0) return
  await askFirst(`Install ${name}, which the tests and benchmarks use?`, consent)
  say(`Installing ${name}`)
  await apt`apt-get update -qq`
  await apt`apt-get install -yqq --no-install-recommends ${name}`
}

async function distribution(): Promise<{ id: string; release: string }> {
  const text = await readFile('/etc/os-release', 'utf8')
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(text)?.[1] ?? ''
  return { id: field('ID'), release: field('VERSION_ID') }
}

async function install(packages: string[]): Promise<void> {
  const { id, release } = await distribution()
  const old = id === 'debian' && release === '12'
  if (old) await addTrixie()
  await apt`apt-get update -qq`
  await apt`apt-get install -yqq --no-install-recommends ${old ? ['-t', 'trixie'] : []} ${packages} iptables`
}

/** Debian 12 only: Debian 13 beside it at priority 100, so that nothing moves that nobody asked for. */
async function addTrixie(): Promise<void> {
  await writeFile(SOURCES, await trixieSources())
  await writeFile(PIN, 'Package: *\nPin: release n=trixie*\nPin-Priority: 100\n')
}

/** This machine's own Debian entries with the suite changed to trixie (deb822). No mirror is named by us. */
export async function trixieSources(): Promise<string> {
  const directory = '/etc/apt/sources.list.d/'
  const files = (await readdir(directory)).filter((name) => name.endsWith('.sources')).map((name) => directory + name)
  const texts = await Promise.all(files.filter((name) => name !== SOURCES).map((name) => readFile(name, 'utf8')))
  const stanzas = texts
    .flatMap((text) => text.split(/\n\s*\n/))
    .filter((stanza) => /^Suites:.*\b(bookworm|trixie)(\s|-security|$)/m.test(stanza))
  const lines = existsSync('/etc/apt/sources.list') ? await readFile('/etc/apt/sources.list', 'utf8') : ''
  const single = [
    ...lines.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+((?:bookworm|trixie)(?:-security)?)\s+(.*)$/gm),
  ].map(([, uri, suite, components]) => `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: ${components}`)
  const all = [...stanzas, ...single].map((stanza) =>
    stanza
      .replace(/^#.*\n/gm, '')
      .replace(/bookworm/g, 'trixie')
      .trim(),
  )
  if (all.length === 0) throw new Error('no Debian package source was found under /etc/apt')
  return `${all.join('\n\n')}\n`
}

/** Docker's own pools hold about thirty networks; three files of tests at once need more. It takes what no route has. */
const POOLS = ['10.201.0.0/16', '172.20.0.0/14', '192.168.0.0/16'].flatMap((base) => [
  '--default-address-pool',
  `base=${base},size=26`,
])

async function startEngine(): Promise<void> {
  const pools = existsSync('/etc/docker/daemon.json') ? [] : POOLS // a setting in both places is refused
  if (existsSync('/run/systemd/system')) await $({ quiet: true })`systemctl enable --now docker`
  else await look`setsid --fork dockerd ${pools} >>/var/log/dockerd.log 2>&1 </dev/null`
  for (let tries = 0; tries < 60; tries++) {
    if (await engineAnswers()) return
    await sleep(1000)
  }
  throw new Error('Docker Engine did not start within 60 s: see /var/log/dockerd.log')
}

/** Consent: `--yes`, CI=true, or a typed y on a terminal. */
async function askFirst(question: string, consent: boolean): Promise<void> {
  if (consent || process.env.CI === 'true') return
  if (!process.stdin.isTTY) throw new Error(`${question} There is no terminal to ask on: say --yes`)
  const { yes } = await prompts({ type: 'confirm', name: 'yes', message: question, initial: true })
  if (!yes) throw new Error('stopped: nothing was installed')
}
