/** Certificates from a real ACME server: issued, renewed, refused, lost, damaged; and what healthcheck says of each. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import tenants from '../../tenants.ts'
import { docker, eventually, useStack } from './harness.ts'
import { ask, certificateOf } from './visitor.ts'

// Twenty days: healthcheck warns, and Traefik renews at its next start what has less than thirty left.
const stack = useStack('acme', ['core', 'dickson'], { REHEARSAL_VALID_DAYS: '20' })
const { site: ERP, posHost: POS } = tenants.dickson
const traefik = stack.container('core-traefik')
const pebble = stack.container('core-pebble')
const network = `${stack.prefix}edge-public`

const restart = () => docker('restart', traefik)
/** Something is done to Traefik's file of keys while it does not run: it saves a renewal whenever that arrives. */
const whileDown = (...command: string[]) => {
  docker('stop', traefik)
  inVolume(...command)
  docker('start', traefik)
}
const healthy = () =>
  eventually(20, 'Traefik is healthy', () => {
    return docker('inspect', '-f', '{{.State.Health.Status}}', traefik) === 'healthy'
  })
/** A command in Traefik's volume, also while it does not run. */
const inVolume = (...command: string[]) => {
  const volume = `${stack.container('core-acme-data')}:/srv/acme`
  const run = ['run', '--rm', '--network', 'none', '--user', '65532:65532', '--volume', volume, '--entrypoint']
  const [program = '', ...args] = command
  return docker(...run, program, stack.env.TRAEFIK_IMAGE ?? '', ...args)
}
const dns = (path: string, body: string) =>
  docker('exec', pebble, 'curl', '-fsS', '-d', body, `http://127.0.0.1:8055/${path}`)

async function serial(): Promise<string> {
  const certificate = await certificateOf(stack, ERP)
  return typeof certificate === 'string' ? '' : certificate.serialNumber
}

interface Finding {
  part: string
  check: string
  state: string
  is: string
}
async function finding(part: string, check: string): Promise<Finding | undefined> {
  const { stdout } = await stack.script('healthcheck', ['dickson', '--json'])
  const report = JSON.parse(stdout) as { tenants: { tenant: string; findings: Finding[] }[] }
  return report.tenants.flatMap(({ findings }) => findings).find((one) => one.part === part && one.check === check)
}

async function deploy(): Promise<{ stdout: string; stderr: string }> {
  const ran = await stack.script('deploy', ['dickson'])
  assert.equal(ran.code, 0, ran.stderr)
  return ran
}

describe('a certificate', () => {
  it('of twenty days is a warning with its days and its issuer', async () => {
    let is = ''
    await eventually(60, 'it is a warning', async () => {
      const found = await finding('erp', 'certificate')
      is = found?.is ?? ''
      return found?.state === 'warn'
    })
    assert.match(is, /^(19|20) days left, by Pebble Intermediate CA/)
  })

  it('is renewed when Traefik starts and it has less than thirty days', async () => {
    const before = await serial()
    restart()
    await eventually(30, 'a new certificate', async () => ![before, ''].includes(await serial()))
  })

  it('is ordered anew where the file of keys is lost', async () => {
    whileDown('rm', '/srv/acme/acme.json')
    await eventually(30, 'both hosts answer', async () => {
      const answers = await Promise.all(
        [ERP, POS].map((host) => ask(stack, host, '/api/method/ping').catch(() => undefined)),
      )
      return answers.every((answer) => answer?.status === 200)
    })
  })

  it('survives a file of keys that was too open: a start closes it', async () => {
    whileDown('chmod', '644', '/srv/acme/acme.json')
    await eventually(30, 'a certificate', async () => (await serial()) !== '')
    assert.equal(docker('exec', traefik, 'stat', '-c', '%a', '/srv/acme/acme.json'), '600')
  })

  it('is missing where that file is damaged, which is told, and the runbook brings it back', async () => {
    whileDown('sh', '-c', 'echo "{ not json" >/srv/acme/acme.json')
    await healthy()
    assert.equal(await serial(), '')
    await eventually(60, 'healthcheck tells that there is none', async () => {
      const found = await finding('erp', 'certificate')
      return found?.state === 'fail' && found.is === 'none was issued yet'
    })
    docker('exec', traefik, 'mv', '/srv/acme/acme.json', '/srv/acme/acme.json.bad')
    restart()
    await eventually(30, 'a certificate', async () => (await serial()) !== '')
  })

  it('that the authority could not issue at the start is asked for again by a deploy', async () => {
    inVolume('rm', '/srv/acme/acme.json')
    docker('network', 'disconnect', network, pebble)
    restart()
    await healthy()
    assert.equal(await serial(), '')
    const address = `${stack.env.REHEARSAL_SUBNET}.3`
    const back = spawnSync('docker', ['network', 'connect', '--ip', address, '--alias', 'pebble', network, pebble])
    assert.equal(back.status, 0, String(back.stderr))
    const { stdout } = await deploy()
    assert.match(stdout, /https:\/\/erp\.dickson-supplies\.com and https:\/\/pos\.dickson-supplies\.com are up/)
  })

  it('is not to be had while DNS leads elsewhere: a deploy says so at once, with the record, and works once it is right', async () => {
    dns('set-default-ipv4', `{"ip":"${stack.env.REHEARSAL_SUBNET}.3"}`)
    whileDown('rm', '/srv/acme/acme.json')
    await eventually(30, 'the order failed', () =>
      /Unable to obtain ACME certificate/.test(
        spawnSync('docker', ['logs', '--tail', '20', traefik], { encoding: 'utf8' }).stdout,
      ),
    )
    const bad = await deploy()
    assert.ok(bad.stderr.includes(`set ${ERP}. A ${stack.env.SERVER_IP}`), bad.stderr)
    assert.match(bad.stderr, /erp\.dickson-supplies\.com has no certificate yet: none was issued yet/)
    await eventually(
      60,
      'healthcheck says so',
      async () => (await finding('erp', 'certificate'))?.is === 'none was issued yet',
    )
    dns('set-default-ipv4', `{"ip":"${stack.env.SERVER_IP}"}`)
    const { stdout } = await deploy()
    assert.match(stdout, /are up/)
  })
})
