/** Repositories on other machines: restic's rest-server in append-only mode and SFTP, both the real programs. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildRemote } from '../../rehearsal/images.ts'
import { ledgerOf } from './backups.ts'
import { docker, eventually, useStack } from './harness.ts'
import { assertRefused, markBooks } from './restores.ts'

const stack = useStack('remote', ['dickson'])
const [user, word] = ['keeper', 'rest-word-5f0c2a91d7']
const server = () => stack.container('vault')
/** On the machine itself, which every way out leads to: the tenant's own, and that of a drill. */
const ADDRESS = docker('network', 'inspect', 'bridge', '--format', '{{range .IPAM.Config}}{{.Gateway}}{{end}}')
const [sshPort, restPort] = [await freePort(), await freePort()]
const REST = `rest:http://${ADDRESS}:${restPort}/dickson`
const SFTP = `sftp://keeper@${ADDRESS}:${sshPort}//srv/backups/sftp`
const keys = mkdtempSync(join(tmpdir(), 'erp-remote-'))

const secret = (name: string) => join(stack.home, 'secrets', `dickson_backup_${name}`)
const backup = (env: Record<string, string>, ...args: string[]) => stack.script('backup', ['dickson', ...args], { env })
const ledger = () => ledgerOf(stack)

const inVault = (script: string) => docker('exec', server(), 'sh', '-c', script)

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, ADDRESS)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A door to one of the server's, which breaks off each connection that has brought this many bytes. */
async function breakingDoor(to: number, most: number) {
  let broke = 0
  const open = new Set<Socket>()
  const server = createServer((inside) => {
    const outside = connect(to, ADDRESS)
    let brought = 0
    outside.on('data', (data) => {
      brought += data.length
      if (brought < most) return void inside.write(data)
      broke++
      inside.destroy()
    })
    inside.on('data', (data) => outside.write(data))
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      open.add(one)
      one
        .on('error', () => {})
        .on('close', () => {
          open.delete(one)
          other.destroy()
        })
    }
  }).listen(0, ADDRESS)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    broke: () => broke,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** Run restic on the server itself, as its own operator does; append-only is the business of the door, not of the house. */
function restic(repository: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const input = readFileSync(join(stack.home, 'secrets/dickson_backup_password.txt'), 'utf8')
  const run = [
    'run',
    '--rm',
    '-i',
    '--volumes-from',
    server(),
    '--network',
    `container:${server()}`,
    '--entrypoint',
    'sh',
  ]
  const script = `cat >/tmp/password; restic --no-cache --password-file /tmp/password --repo '${repository}' "$@"`
  return spawnSync('docker', [...run, stack.env.RESTIC_IMAGE ?? '', '-c', script, 'sh', ...args], {
    encoding: 'utf8',
    input,
  })
}

interface Snapshot {
  id: string
  original?: string
  tags: string[]
}
/** What a short container said the engine now and then loses: dockerAsk() in lib/docker.ts. */
function snapshots(repository: string): Snapshot[] {
  const ask = () => restic(repository, 'snapshots', '--json').stdout
  return JSON.parse(ask() || ask())
}

describe('backups on another machine', () => {
  before(async () => {
    const image = await buildRemote(() => {})
    const keygen = [
      'run',
      '--rm',
      '--volume',
      `${keys}:/keys`,
      '--entrypoint',
      'ssh-keygen',
      stack.env.RESTIC_IMAGE ?? '',
    ]
    docker(...keygen, '-q', '-t', 'ed25519', '-N', '', '-f', '/keys/id')
    const listen = ['-e', `SSH_LISTEN=${ADDRESS}:${sshPort}`, '-e', `REST_LISTEN=${ADDRESS}:${restPort}`]
    const network = ['--network', 'host', ...listen]
    const label = ['--label', `com.docker.compose.project=${stack.prefix}securenexus-erp`]
    const env = ['-e', `LOGIN=${user}:${word}`, '-e', `PUBLIC_KEY=${readFileSync(join(keys, 'id.pub'), 'utf8').trim()}`]
    docker('run', '--detach', '--name', server(), '--volume', '/srv/backups', ...network, ...label, ...env, image)
    await eventually(
      20,
      'both doors are open',
      () => docker('exec', server(), 'sh', '-c', `ssh-keyscan -p ${sshPort} ${ADDRESS} 2>/dev/null`) !== '',
    )
    writeFileSync(secret('environment.txt'), `RESTIC_REST_USERNAME=${user}\nRESTIC_REST_PASSWORD=${word}\n`, {
      mode: 0o400,
    })
    writeFileSync(secret('ssh_key'), readFileSync(join(keys, 'id')), { mode: 0o400 })
    const hostKey = docker('exec', server(), 'cat', '/etc/ssh/ssh_host_ed25519_key.pub')
      .split(' ')
      .slice(0, 2)
      .join(' ')
    writeFileSync(secret('known_hosts'), `[${ADDRESS}]:${sshPort} ${hostKey}\n`, { mode: 0o400 })
  })
  after(() => rmSync(keys, { recursive: true, force: true }))

  describe('an off-site copy on an append-only rest-server', () => {
    const env = { BACKUP_OFFSITE_DICKSON: REST }

    it('is no success until it was made on purpose; the backup here is verified all the same', async () => {
      const { code, stderr } = await backup(env)
      assert.equal(code, 1, stderr)
      assert.match(stderr, /verified here, but not off-site: .*rest:http:\/\/\S+\/dickson was never made/)
      assert.ok(ledger().verified)
    })

    it('receives each verified backup with its proof, and says nothing of its login', async () => {
      const { code, stdout, stderr } = await backup(env, '--init')
      assert.equal(code, 0, stderr)
      assert.ok(!`${stdout}${stderr}`.includes(word))
      const all = snapshots('/srv/backups/rest/dickson')
      const data = all.filter(({ tags }) => tags.includes('backup')).at(-1)
      assert.equal(data?.original, ledger().verified.snapshot)
      assert.ok(all.some(({ tags }) => tags.includes('proof') && tags.includes(`of=${data?.original}`)))
      assert.equal(ledger().offsite.snapshot, ledger().verified.snapshot)
    })

    it('catches up on what it missed while it was away, and a failed copy is no success', async () => {
      docker('stop', '--time', '0', server())
      const earlier = ledger().verified.snapshot
      const missed = await backup(env)
      assert.equal(missed.code, 1, missed.stderr)
      assert.notEqual(ledger().verified.snapshot, earlier, 'its absence costs no backup here')
      docker('start', server())
      await eventually(
        20,
        'the server is back',
        () => restic('/srv/backups/rest/dickson', 'cat', 'config').status === 0,
      )
      const { code, stderr } = await backup(env)
      assert.equal(code, 0, stderr)
      assert.ok(snapshots('/srv/backups/rest/dickson').filter(({ tags }) => tags.includes('backup')).length >= 2)
    })

    it('is where a restore can come from, when the backups here are gone', async () => {
      const restore = (...args: string[]) => stack.script('restore', ['dickson', '--offsite', ...args], { env })
      const there = snapshots('/srv/backups/rest/dickson').filter(({ tags }) => tags.includes('backup'))
      const listed = await restore('--list', '--json')
      const { backups } = JSON.parse(listed.stdout) as { backups: { id: string; verified: boolean }[] }
      assert.deepEqual(backups.map(({ id }) => id).sort(), there.map(({ id }) => id).sort())
      const here = join(stack.home, 'backups/dickson')
      renameSync(here, `${here}.away`)
      const { code, stdout, stderr } = await restore('--confirm=dickson', '--without-backup')
      renameSync(`${here}.away`, here)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /dickson: restored/)
      assert.ok(!`${stdout}${stderr}`.includes(word))
    })

    it('is red from the night on in which it is cut short there, and well again once it is mended', async () => {
      const pack = inVault('find /srv/backups/rest/dickson/data -type f -size +100k | sort | head -n 1')
      inVault(`cp -p ${pack} /tmp/whole; truncate -s 1000 ${pack}`)
      const hurt = await backup(env)
      assert.equal(hurt.code, 1, hurt.stderr)
      assert.match(hurt.stderr, /backed up here and copied off-site, but .*restic check failed/)
      assert.ok(ledger().offsiteChecked.damaged)
      const health = await stack.script('healthcheck', ['dickson', '--json'], { env })
      assert.match(health.stdout, /"check": "off-site",\s+"limit": "[^"]*",\s+"state": "fail"/)
      inVault(`cat /tmp/whole >${pack}`)
      const { code, stderr } = await backup(env)
      assert.equal(code, 0, stderr)
      assert.equal(ledger().offsiteChecked.damaged, undefined)
    })

    it('cannot be emptied by who has broken into this server: it has every key and may still remove nothing', async () => {
      const before = snapshots('/srv/backups/rest/dickson')
      const door = REST.replace('://', `://${user}:${word}@`)
      const { stdout, stderr } = restic(door, 'forget', before[0]?.id ?? '')
      assert.match(`${stdout}${stderr}`, /403|unable to remove|Forbidden/)
      assert.deepEqual(snapshots('/srv/backups/rest/dickson'), before)
    })

    it('a wrong login is told, and nothing is stored', async () => {
      const file = secret('environment.txt')
      const right = readFileSync(file, 'utf8')
      writeFileSync(file, right.replace(word, 'another-word-123'))
      const { code, stderr } = await backup(env)
      writeFileSync(file, right)
      assert.equal(code, 1, stderr)
      assert.match(stderr, /rest:http:\/\/\S+\/dickson.*(401|Unauthorized)/s)
    })
  })

  describe('a repository on an append-only rest-server', () => {
    it('takes backups; that old ones cannot be removed is told, and no failure', async () => {
      const env = { BACKUP_REPOSITORY_DICKSON: REST.replace('dickson', 'first') }
      const [first, ...more] = ['--keep-daily', '1', '--keep-weekly', '1', '--keep-monthly', '1']
      assert.equal((await backup(env, '--init')).code, 0)
      // an old, unverified one that retention wants to remove
      restic(
        '/srv/backups/rest/first',
        'backup',
        '--host',
        'dickson',
        '--tag',
        'backup',
        '--time',
        '2020-01-01 00:00:00',
        '/etc/hostname',
      )
      const known = ledger() // it was there then: of what is older nobody knows whether it was proven
      const repository = { ...known.repository, at: '2019-01-01T00:00:00Z' }
      writeFileSync(join(stack.home, 'state/dickson/ledger.json'), JSON.stringify({ ...known, repository }))
      const { code, stderr } = await backup(env, first ?? '', ...more)
      assert.equal(code, 0, stderr)
      assert.match(stderr, /not all that retention lets go was removed/)
    })
  })

  describe('a repository behind SFTP', () => {
    const env = { BACKUP_REPOSITORY_DICKSON: SFTP }

    it('takes a backup by key, and nothing is left in this machine’s own place', async () => {
      const { code, stderr } = await backup(env, '--init')
      assert.equal(code, 0, stderr)
      assert.equal(snapshots('/srv/backups/sftp').length, 2)
      assert.ok(existsSync(join(stack.home, 'backups/dickson/config')), 'the earlier repository stays as it was')
    })

    it('that breaks off in the midst of a restore replaces nothing, and says that it broke off', async () => {
      const marked = await markBooks(stack)
      const door = await breakingDoor(sshPort, 512 * 1024)
      const known = readFileSync(secret('known_hosts'), 'utf8')
      writeFileSync(secret('known_hosts'), `${known}${known.replace(`:${sshPort} `, `:${door.port} `)}`)
      const through = { BACKUP_REPOSITORY_DICKSON: SFTP.replace(`:${sshPort}/`, `:${door.port}/`) }
      const restore = () =>
        stack.script('restore', ['dickson', '--confirm=dickson', '--without-backup'], { env: through })
      await assertRefused(stack, marked, restore, 1, /restic restore failed.*(EOF|ssh|connection)/is)
      assert.ok(door.broke() > 0)
      door.close()
      writeFileSync(secret('known_hosts'), known)
    })

    it('a drill brings it up in its scratch stack, from there and with that key', async () => {
      const { code, stdout, stderr } = await stack.script('restore', ['dickson', '--drill'], { env })
      assert.equal(code, 0, stderr)
      const { drilled, verified } = ledger()
      assert.equal(drilled.passed, true)
      assert.equal(drilled.snapshot, verified.snapshot)
      assert.match(stdout, /became a site that answers/)
    })

    it('is not spoken to where its host key is another one', async () => {
      const right = readFileSync(secret('known_hosts'), 'utf8')
      const other = readFileSync(join(keys, 'id.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
      writeFileSync(secret('known_hosts'), `[${ADDRESS}]:${sshPort} ${other}\n`)
      const { code, stderr } = await backup(env)
      writeFileSync(secret('known_hosts'), right)
      assert.equal(code, 1, stderr)
      // restic passes on what ssh said only where it is quick enough; the question is ours
      assert.match(stderr, /unable to start the sftp session.*\n.*host key of secrets\/dickson_backup_known_hosts/)
      assert.equal(snapshots('/srv/backups/sftp').length, 2)
    })

    it('a key that others can write is refused with 3', async () => {
      chmodSync(secret('ssh_key'), 0o622)
      const { code, stderr } = await backup(env)
      chmodSync(secret('ssh_key'), 0o400)
      assert.equal(code, 3, stderr)
      assert.match(stderr, /dickson_backup_ssh_key can be written by others/)
    })
  })
})
