/**
 * A docker that keeps its state in files and answers as the real client does, as far as the scripts ask: engine, compose
 * with the services of compose.yml, containers, the site's programs. Its frontend really answers HTTP, on a loopback
 * address. It shows how the scripts behave; what the engine does is for the engine tier.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { parse } from 'yaml'
import tenants from '../../tenants.ts'
import { makeBrands } from '../brands.ts'
import { renderCompose } from '../rendered.ts'
import { root, temporary } from './harness.ts'

interface ComposeService {
  image: string
  restart?: string
  profiles: string[]
  networks?: string[] | Record<string, unknown>
}

const compose = parse(readFileSync(join(root, 'compose.yml'), 'utf8'), { merge: true, maxAliasCount: -1 })
const services = Object.entries(compose.services as Record<string, ComposeService>)
/** One address a test process: files run side by side. */
const ADDRESS = `127.${1 + (process.pid % 200)}.${1 + ((process.pid >> 8) % 200)}.7`

export interface FakeDocker {
  /** The program. */
  readonly path: string
  readonly env: { PATH: string; ERP_BRANDING: string }
  /** A file of its state: `made-dickson`, `up/dickson-db`. */
  state(name: string): string
  /** Names of the containers that were made. */
  containers(): string[]
  /** As after a complete deploy of a tenant. */
  deployed(tenant: keyof typeof tenants): FakeDocker
  /** As before anything was done. */
  reset(): void
  calls(): string[]
}

/** Make a fake docker; the frontend's server lives as long as the tests of the file. */
export function fakeDocker(): FakeDocker {
  const directory = temporary()
  const state = (name: string) => join(directory, name)
  for (const tenant of Object.keys(tenants)) writeFixtures(directory, tenant)
  writeFileSync(
    join(directory, 'everything'),
    JSON.stringify(renderCompose({ ERP_HOME: '/HOME', ERP_PREFIX: 'PREFIX-' }, '/ROOT')),
  )
  const path = join(directory, 'docker')
  writeFileSync(path, program(directory))
  chmodSync(path, 0o755)
  const fake: FakeDocker = {
    path,
    env: { PATH: `${directory}:${process.env.PATH}`, ERP_BRANDING: makeBrands(state('brands')) },
    state,
    containers: () => readdirSync(state('up')).sort(),
    deployed(tenant) {
      const { prefix } = tenants[tenant]
      const own = services.filter(([, { profiles }]) => profiles.includes(tenant))
      for (const [name] of own) writeFileSync(state(`up/${name}`), 'up\n')
      for (const file of [`made-${tenant}`, `scheduler-${tenant}`, `themed-${tenant}`]) writeFileSync(state(file), '')
      writeFileSync(state(`flushed-${prefix}`), 'sha256:1\n')
      return fake
    },
    reset() {
      rmSync(state('up'), { recursive: true, force: true })
      for (const name of readdirSync(directory).filter((name) =>
        /^(made|scheduler|flushed|volumes|repository|themed)/.test(name),
      ))
        rmSync(state(name))
      mkdirSync(state('up'))
      mkdirSync(state('jobs'), { recursive: true })
      writeFileSync(state('calls'), '')
    },
    calls: () => (existsSync(state('calls')) ? readFileSync(state('calls'), 'utf8').split('\n').filter(Boolean) : []),
  }
  fake.reset()
  return fake
}

/** Serve what the frontend answers; call it once at the top of a test file that deploys. */
export function useFrontend(): void {
  let server: Server
  before(
    () =>
      new Promise<void>((resolve) => {
        server = createServer(({ url = '' }, response) => {
          if (url.startsWith('/api/method/ping')) response.end('{"message":"pong"}')
          else if (url === '/login') response.end('<link href="/assets/login.css">')
          else response.end('0{"sid":"abc"}')
        }).listen(8080, ADDRESS, resolve)
      }),
  )
  after(() => server.close())
}

/** What compose renders of a tenant's profile, and the hash of each service. */
function writeFixtures(directory: string, tenant: string): void {
  const own = services.filter(([, { profiles }]) => profiles.includes(tenant))
  const plain = (image: string) => image.replace(/^\$\{\w+:-(.*)\}$/, '$1')
  const render = (chosen: typeof services) =>
    Object.fromEntries(
      chosen.map(([name, { image, restart }]) => [name, { image: plain(image), ...(restart && { restart }) }]),
    )
  const withJobs = services.filter(([, { profiles }]) =>
    profiles.some((one) => one === tenant || one === `${tenant}-jobs`),
  )
  writeFileSync(join(directory, `config-${tenant}`), JSON.stringify({ services: render(own) }))
  writeFileSync(join(directory, `config-${tenant}-jobs`), JSON.stringify({ services: render(withJobs) }))
  writeFileSync(
    join(directory, `hash-${tenant}`),
    own.map(([name, { restart }]) => `${name} hash-of-${name} ${restart === 'no' ? 'job' : 'service'}\n`).join(''),
  )
}

/** A theme that names nothing: whatever a page names is what it should. */
const MANIFEST = JSON.stringify({ id: '0123456789ab', brand: 'x', files: {}, css: [], js: [], head: '', fields: {} })
const SITE = '{"db_name": "_site", "erp_site_made": "x", "app_include_css": ["/files/theme-x-desk.0123456789ab.css"]}'
const QUEUES =
  '{"queues":{"short":{"length":0,"oldest":""}},"workers":{"rq:worker:w1":"b:short,b:default,b:long"},"channels":["rq:pubsub:w1"]}'

const program = (directory: string) => `#!/bin/bash
set -u
cd '${directory}'
printf '%s\\n' "\${*//$'\\n'/ }" >>calls
all=" $* "
declare -A tenant_of kind_of
for file in hash-*; do
  while read -r name _ kind; do tenant_of[$name]=\${file#hash-}; kind_of[$name]=$kind; done <"$file"
done
inspect() { # one container as JSON; its file holds: up, unhealthy, exited N …
  local name=$1 service=\${1#"\${ERP_PREFIX:-}"} status exit=0 health='"Health":{"Status":"healthy","Log":[{"Output":""}]},'
  read -r status exit <"up/$service"
  [[ $status == unhealthy ]] && health=\${health/healthy/unhealthy} && status=up
  [[ $status == up ]] && status=running
  [[ \${kind_of[$service]} == job ]] && { [[ $status == running ]] && status=exited; health=; }
  printf '{"Id":"%s","Name":"/%s","Image":"sha256:1","RestartCount":0,' "$name" "$name"
  printf '"Config":{"Labels":{"com.docker.compose.service":"%s","com.docker.compose.config-hash":"hash-of-%s"}},' "$service" "$service"
  printf '"State":{"Status":"%s","ExitCode":%d,%s"OOMKilled":false,"StartedAt":"2026-01-01T00:00:00Z"},' "$status" "\${exit:-0}" "$health"
  printf '"NetworkSettings":{"Networks":{"%s%s-edge":{"IPAddress":"${ADDRESS}"}}}}' "\${ERP_PREFIX:-}" "\${tenant_of[$service]}"
}
bench() { # common_site_config.json of a prefix, with its passwords of secrets/
  password() { cat "\${ERP_HOME:-}/secrets/$1_password.txt" 2>/dev/null || echo none; }
  printf '{"redis_cache":"redis://:%s@redis-cache:6379","redis_queue":"redis://:%s@redis-queue:6379"}' \\
    "$(password "$1_redis_cache")" "$(password "$1_redis_queue")"
}
redis() { # what redis-cli prints for one command
  local mark=flushed-\${service%-redis-*}
  case \${1,,} in
  auth) echo OK ;;
  ping) echo PONG ;;
  get) [[ -e $mark ]] && cat "$mark" || echo ;;
  flushall) rm -f "$mark"; echo OK ;;
  set) echo "\${2#* }" >"$mark"; echo OK ;;
  info) printf 'used_memory:1000000\\nmaxmemory:268435456\\nevicted_keys:0\\n' ;;
  eval) echo '${QUEUES}' ;;
  esac
}
restic() { # what a job is asked: keys that come by stdin, then restic itself
  local repository=repository-\${job%-backup-*}
  case " $* " in
  *' cat config '*) [[ -e $repository ]] && echo '{"id":"0123456789"}' || exit 10 ;;
  *' init '*) : >"$repository" ;;
  *' sh -c umask '*) cat >/dev/null ;;
  *'swap.sh state '*) printf 'data\\nincoming\\n' ;; # nothing was exchanged yet
  *) echo "fake restic does not know: $*" >&2; exit 125 ;;
  esac
}
theme() { # tenant/theme.py for one tenant: its theme is on, or is put on by a kept order
  IFS= read -r order
  local changed=; [[ -e themed-$1 ]] || changed='"app_include_css"'
  [[ $order == *'"dry":true'* ]] || : >"themed-$1"
  printf '{"generation":"0123456789ab","changed":[%s],"kept":[],"before":{},"manifest":%s}\\n' "$changed" '${MANIFEST}'
}
need() { [[ -e up/\${1#"\${ERP_PREFIX:-}"} ]] || { echo "Error response from daemon: No such container: $1" >&2; exit 1; }; }
profile=\${all#* --profile }; profile=\${profile%% *}

case "$all" in
*' version --format '*) echo 26.1.5 ;;
*' info --format '*) echo '{"ServerVersion":"26.1.5","DockerRootDir":"/","MemTotal":8589934592}' ;;
*' compose version --short '*) echo 2.26.1 ;;
*-jobs' config --format json '*) cat "config-$profile-jobs" ;;
*' --profile '\\*' config --format json '*)
  text=$(<everything); text=\${text//'/ROOT/'/"$3/"}; text=\${text//'/HOME/'/"$ERP_HOME/"}
  echo "\${text//'PREFIX-'/"\${ERP_PREFIX:-}"}" ;;
*' config --format json '*) cat "config-$profile" ;;
*' config --hash '*) cut -d' ' -f1,2 "hash-$profile" ;;
*' network inspect '*) echo '[]' ;;
*' volume ls '*) [[ -e volumes ]] && cat volumes ;;
*' image inspect '* | *' pull '*) ;;
*' ps -aq --filter status=created '*) ;; # each is started
*' update --cpus '*) ;;
*' ps -aq '*)
  tenant=\${all#*label=erp.tenant=}; tenant=\${tenant%% *}
  for name in up/*; do
    name=\${name#up/}; [[ \${tenant_of[$name]:-} == "$tenant" ]] && echo "\${ERP_PREFIX:-}$name"
  done ;;
*' container inspect '*)
  shift 2; comma=[
  for name; do printf %s "$comma"; inspect "$name"; comma=,; done
  echo ']' ;;
*' up --detach '*)
  for name; do
    [[ \${tenant_of[$name]:-} == "$profile" ]] && { echo up >"up/$name"; [[ $name == *-db ]] && echo "\${ERP_PREFIX:-}$name-data" >>volumes; }
  done ;;
*' stop '*) for name; do [[ -e up/$name ]] && echo 'exited 143' >"up/$name"; done ;;
*' restart '*) for name; do [[ -e up/$name ]] && echo up >"up/$name"; done ;;
*' run '*site.py*)
  IFS= read -r order
  [[ $order == *root_password* ]] || { echo 'no order' >&2; exit 1; }
  found=absent; [[ -e made-$profile ]] && found=complete
  : >"made-$profile"; echo "{\\"found\\":\\"$found\\",\\"detail\\":\\"\\",\\"mended_jobs\\":0,\\"schema\\":\\"_site\\"}" ;;
*' run '*theme.py*) theme "$profile" ;;
*' run '*' --entrypoint cat '*) echo '${SITE}' ;;
*' run --rm -T --interactive '*-backup' -c '* | *' run --rm -T --interactive '*-restore' -c '*) # a job that is held by its stdin
  name=\${all#* --name }; name=\${name%% *}; job=\${name#"\${ERP_PREFIX:-}"}
  echo up >"jobs/$job"; echo ready; cat >/dev/null; rm -f "jobs/$job" ;;
*' run '*__version__*) echo 'frappe/frappe/__init__.py:__version__ = "16.32.3"' ;;
*' run --rm --network none '*) echo data ;;
*' exec '*)
  shift
  while [[ $1 == -* ]]; do [[ $1 == --workdir ]] && shift; shift; done
  [[ -e jobs/\${1#"\${ERP_PREFIX:-}"} ]] && { job=\${1#"\${ERP_PREFIX:-}"}; shift; restic "$@" || exit; [[ \${3:-} == '"$@" && echo "$0"' ]] && echo "$4"; exit 0; }
  need "$1"; service=\${1#"\${ERP_PREFIX:-}"}; tenant=\${tenant_of[$service]}
  case "$all" in
  *' du -sk '*) cat database-size 2>/dev/null ;; # in KiB
  *' cat /home/'*/common_site_config.json*) bench "\${service%-*}" ;;
  *' cat /home/'*)
    [[ -e made-$tenant ]] || exit 1
    echo '{"erp_site_made": 1'; [[ -e scheduler-$tenant ]] && echo ', "erp_scheduler_enabled": 1'; echo '}' ;;
  *theme.py*) theme "$tenant" ;;
  *delete_session*) echo sid=0; cat >/dev/null ;; # a session that our stdin holds
  *enable_scheduler*) : >"scheduler-$tenant" ;;
  *common_site_config.json*) printf '%s\\n---\\n%s\\n---\\nassets\\napps.txt\\nfolder\\n' "$(bench "\${service%-*}")" '${SITE}' ;;
  *' mariadb '*'--batch '*) cat >/dev/null; printf '0\\t3\\t151\\t1\\tEurope/Dublin\\t%s\\t0\\t\\t\\n' "$(TZ=Europe/Dublin date '+%F %T')"
    if [[ $2 == sh ]]; then echo "$5"; fi ;; # what marks the end of an answer
  *redis-cli*)
    [[ $all == *'auth %s'* ]] && echo OK # the wrapper's own login
    while read -r word rest; do redis "$word" "$rest"; done ;;
  esac ;;
*' logs '*) echo "last words of \${*: -1}" ;;
*' top '*) printf 'PID STAT COMMAND\\n 12 Ss worker\\n' ;;
*) echo "fake docker does not know: $*" >&2; exit 125 ;;
esac
exit 0
`
