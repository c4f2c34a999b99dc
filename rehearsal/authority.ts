/** A certificate authority and a DNS for one stack: Pebble, beside its Traefik, trusted by nobody else. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { $ } from 'zx/core'
import { buildImages } from './images.ts'
import { docker, type Stack } from './stack.ts'

const ROOT = resolve(import.meta.dirname, '..')
const EDGE = join(ROOT, 'rehearsal/edge.yml')

/**
 * Start the authority of a stack, and let its Traefik and its tenants know it. Each start of Pebble is a new authority:
 * its file has another name then, so that a deploy makes anew what must trust it.
 */
export async function startAuthority(stack: Stack, say: (line: string) => void): Promise<void> {
  const { env, home, prefix } = stack
  Object.assign(env, await buildImages(say, { only: ['pebble'] }), {
    COMPOSE_FILE: `${env.COMPOSE_FILE ?? join(ROOT, 'compose.yml')}:${EDGE}`,
    ACME_CA_SERVER: 'https://pebble:14000/dir',
    SERVER_IP: `${env.REHEARSAL_SUBNET}.2`,
    DNS_SERVER: `${env.REHEARSAL_SUBNET}.3`,
  })
  const run = $({ cwd: ROOT, env: { ...process.env, ...env }, quiet: true })
  await run`docker compose --project-directory ${ROOT} --profile edge up --detach --wait core-pebble`
  const { stdout } = await run`docker exec ${prefix}core-pebble trust.sh`
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const file = join(home, `ca-${createHash('sha256').update(stdout).digest('hex').slice(0, 8)}.pem`)
  if (!existsSync(file)) {
    docker('rm', '--force', `${prefix}core-traefik`)
    docker('volume', 'rm', '--force', `${prefix}core-acme-data`) // what another authority issued
    writeFileSync(file, stdout, { mode: 0o644 })
  }
  env.ACME_CA_CERTIFICATE = file
}
