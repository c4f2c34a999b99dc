/** Puts the files that came into incoming/ of the volumes, owned as the application needs them, with a configuration of ours. */
import { randomBytes } from 'node:crypto'
import { OF_ITS_STACK } from '../backup/manifest.ts'
import { lastLines } from '../docker.ts'
import { OperatorError } from '../errors.ts'
import { HOLD, type Job, jobName, withContainer } from '../jobs.ts'
import type { Tenant } from '../registry.ts'
import { SCHEDULER_KEY, SITE_KEY } from '../site.ts'
import type { Incoming } from './plan.ts'
import { decompressor } from './source.ts'

const HOUR = 3600
const WRITER = '--init --network none --user 0:0 --cap-drop ALL --read-only --memory 1g'.split(' ')
const CAPABILITIES = ['CHOWN', 'FOWNER', 'DAC_OVERRIDE'].flatMap((name) => ['--cap-add', name])
const RAW = '/out/sites/incoming/.raw'
/** What a site has besides, whatever came. */
const FOLDERS = ['public/files', 'private/files', 'private/backups', 'locks', 'logs'].join(',')

/** An archive ends with two blocks of zeros; one that was cut short between two files is no error to tar. */
const pourInto = (folder: string) => `
  mkfifo /tmp/end; tail -c 1024 /tmp/end | tr -d '\\0' | wc -c >/tmp/rest & "$@" | tee /tmp/end | tar --numeric-owner -x -C ${folder}
  wait $!; rm /tmp/end; [ "$(cat /tmp/rest)" = 0 ] || { echo 'the archive is cut short' >&2; exit 1; }`

/** What restores of ours had kept beside the brand: it would be in the way of the exchange. */
export const WITHOUT_REMAINS = 'rm -rf /out/assets/.incoming/.{previous,incoming,arriving,removed}'

const SCRIPTS = {
  /** An archive, apart. */
  unpack: `set -euo pipefail; rm -rf ${RAW} /tmp/end; mkdir ${RAW}; ${pourInto(RAW)}`,
  /** The site's folder out of an archive of the volume. */
  site: `set -euo pipefail; rm -rf "/out/sites/incoming/$1"; mv "${RAW}/$2" "/out/sites/incoming/$1"
    common="${RAW}/$(dirname "$2")/common_site_config.json"; [ ! -f "$common" ] || [ -L "$common" ] || mv "$common" /out/sites/incoming/
    rm -rf ${RAW}`,
  /** public/files or private/files out of a tar of \`bench backup\`, whatever its site was called. */
  files: `set -euo pipefail; found=
    for part in public private; do
      from=$(find ${RAW} -maxdepth 4 -type d -path "*/$part/files" | head -n 1); [ -n "$from" ] || continue; found=1
      mkdir -p "/out/sites/incoming/$1/$part"; mv "$from" "/out/sites/incoming/$1/$part/"
    done
    rm -rf ${RAW}; [ -n "$found" ] || { echo 'it holds neither public/files nor private/files' >&2; exit 1; }`,
  assets: `set -euo pipefail; rm -rf /tmp/end; ${pourInto('/out/assets/.incoming')}; ${WITHOUT_REMAINS}`,
  /** A link would lead the application, or us, to what lies elsewhere: such as its configuration to every visitor. */
  config: `set -euo pipefail; umask 077; cd "/out/sites/incoming/$1"
    link=$(find . -type l -printf '%P\\n' -quit); [ -z "$link" ] || { echo "a link, where a file must be: $link" >&2; exit 1; }
    mkdir -p {${FOLDERS}}; cat >site_config.json; chown -hR 1000:1000 .; [ ! -d /out/assets/.incoming ] || chown -hR 1000:1000 /out/assets/.incoming; sync`,
}

/** @throws OperatorError (1) where an archive is damaged; the live data is untouched. */
export async function unpackFiles(tenant: Tenant, image: string, incoming: Incoming): Promise<void> {
  const mounts = [`${tenant.volume('sites-data')}:/out/sites`, `${tenant.volume('assets-data')}:/out/assets`]
  await withWriter(tenant, image, mounts, async (job) => {
    const { kind, files, assets } = incoming.source
    const out =
      kind === 'bench'
        ? [SCRIPTS.files, 'bash', tenant.site]
        : [SCRIPTS.site, 'bash', tenant.site, incoming.folder ?? '']
    for (const file of files) {
      await pour(job, SCRIPTS.unpack, file)
      const { code, stderr } = await job.exec(['bash', '-c', ...out], { timeout: HOUR, nothrow: true })
      if (code !== 0) throw new OperatorError(`${file} was not unpacked: ${lastLines(stderr, 1)}`)
    }
    if (assets) await pour(job, SCRIPTS.assets, assets)
    await writeConfig(tenant, job, incoming.config)
  })
}

async function pour(job: Job, script: string, file: string): Promise<void> {
  const command = ['bash', '-c', script, 'bash', ...(await decompressor(file))]
  const { code, stderr } = await job.exec(command, { inputFile: file, timeout: 6 * HOUR, nothrow: true })
  if (code !== 0) throw new OperatorError(`${file} was not unpacked: ${lastLines(stderr, 1)}`)
}

/**
 * A container of MariaDB's image, which brings tar, the decompressors and GNU's tools, that may write what belongs to others.
 * @param mounts `volume:/path`
 */
export function withWriter<T>(
  tenant: Tenant,
  image: string,
  mounts: string[],
  work: (job: Job) => Promise<T>,
): Promise<T> {
  const name = jobName(tenant, 'import-files')
  const tmpfs = ['--tmpfs', '/tmp:size=64m', '--tmpfs', '/var/lib/mysql']
  const volumes = [...mounts.flatMap((mount) => ['--volume', mount]), ...tmpfs]
  const run = ['run', '--rm', '-i', '--name', name, ...WRITER, ...CAPABILITIES, ...volumes, '--entrypoint', 'bash']
  return withContainer([...run, image, '-c', HOLD], name, 60, work)
}

/** Write the site's configuration, give everything that came to the application, and have it on the disk. */
export async function writeConfig(tenant: Tenant, job: Job, config: Incoming['config']): Promise<void> {
  const input = `${JSON.stringify(configOf(config), null, 1)}\n`
  const options = { input, timeout: HOUR, nothrow: true }
  const { code, stderr } = await job.exec(['bash', '-c', SCRIPTS.config, 'bash', tenant.site], options)
  if (code !== 0) throw new OperatorError(`${tenant.name}: what came is refused: ${lastLines(stderr, 1)}`)
}

/**
 * The configuration as it came, without what another stack decided, and with our marks: the site is whole, and whether its
 * scheduler runs was decided where it comes from. A site without a key, which has stored no secret yet, gets one: each of its
 * web workers would make its own, and the last one written would be the site's.
 */
export function configOf(config: Incoming['config']): Record<string, unknown> {
  const kept = Object.entries(config).filter(([name]) => !OF_ITS_STACK.test(name))
  return {
    ...Object.fromEntries(kept),
    encryption_key: config.encryption_key || `${randomBytes(32).toString('base64url')}=`, // as Fernet has it: padded
    [SITE_KEY]: config[SITE_KEY] ?? new Date().toISOString(),
    [SCHEDULER_KEY]: config[SCHEDULER_KEY] ?? 1,
  }
}
