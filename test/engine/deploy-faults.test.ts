/** Faults injected into a deploy on the real engine: what it says, what it leaves, and that the next run needs no hand. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildImages } from '../../rehearsal/images.ts'
import { compose, docker, dockerAsk, eventually, logsOf, redis, useStack } from './harness.ts'

const stack = useStack('faults')
const deploy = (args: string[] = [], env: Record<string, string> = {}) =>
  stack.script('deploy', ['dickson', ...args], { env })
const inspect = (service: string, format: string) => docker('inspect', '--format', format, stack.container(service))
const inSites = (code: string) =>
  compose(stack, 'run', '--rm', '-T', '--no-deps', '--entrypoint', 'bash', 'dickson-backend', '-ec', code)

describe('the first start of a database', () => {
  it('that was killed half-way is made again by itself', async () => {
    const first = deploy(['--timeout', '20'])
    const db = stack.container('dickson-db')
    await eventually(60, 'the temporary server of the first start runs', () => logsOf(db).includes('emporary server'))
    docker('kill', db)
    assert.equal((await first).code, 1)
    assert.match(
      dockerAsk(
        'run',
        '--rm',
        '-v',
        `${stack.prefix}dickson-db-data:/v:ro`,
        '--entrypoint',
        'ls',
        stack.env.MARIADB_IMAGE ?? '',
        '-A',
        '/v',
      ),
      /\.first-start/,
    )

    const { code, stderr } = await deploy()
    assert.equal(code, 0, stderr)
    assert.match(logsOf(db), /making the empty database again/)
  })
})

describe('a deploy that cannot succeed', () => {
  it('leaves what runs untouched where an image cannot be had', async () => {
    const before = stack.fingerprint('dickson')
    const { code, stderr } = await deploy([], { ERPNEXT_IMAGE: 'securenexus-rehearsal/absent:1.0.0' })
    assert.equal(code, 3, stderr)
    assert.match(stderr, /image securenexus-rehearsal\/absent:1\.0\.0 cannot be pulled/)
    assert.equal(stack.fingerprint('dickson'), before)
  })

  it('reports a configurator that fails with its last lines, and does not start the backend', async () => {
    compose(stack, 'rm', '--force', '--stop', 'dickson-backend', 'dickson-configurator')
    inSites('cp common_site_config.json kept.json; echo "{ broken" > common_site_config.json')
    const { code, stderr } = await deploy()
    assert.equal(code, 1)
    assert.match(stderr, /dickson-configurator.*ExitCode 1/)
    assert.match(stderr, /common_site_config\.json is not JSON/)
    assert.equal(inspect('dickson-backend', '{{.State.Status}}'), '')
    inSites('mv kept.json common_site_config.json')
    assert.equal((await deploy()).code, 0)
  })

  it('waits for a database that hangs to its time limit and not longer', async () => {
    docker('pause', stack.container('dickson-db'))
    docker('rm', '--force', stack.container('dickson-backend'))
    const begun = Date.now()
    const { code, stderr } = await deploy(['--timeout', '6'])
    assert.equal(code, 1, stderr)
    assert.ok(Date.now() - begun < 40_000)
    assert.match(stderr, /dickson-db/)
    docker('unpause', stack.container('dickson-db'))
    assert.equal((await deploy()).code, 0)
  })

  it('says of a service that is killed for memory what killed it', async () => {
    await eventually(240, 'Docker has noticed why it was killed', async () => {
      const { code, stderr } = await deploy(['--timeout', '60'], { DB_MEMORY: '48m' })
      assert.equal(code, 1, stderr)
      return /dickson-db does not stay up \(ExitCode \d+, RestartCount \d+, OOMKilled\)/.test(stderr)
    })
    const { code: after, stderr: said } = await deploy()
    assert.equal(after, 0, said)
  })

  it('says so where the making of the site is killed for memory', async () => {
    docker('rm', '--force', stack.container('dickson-backend'))
    const { code, stderr } = await deploy(['--timeout', '60'], { APP_MEMORY: '24m' })
    assert.equal(code, 1)
    assert.match(stderr, /the site was not made: it was killed, probably for memory \(APP_MEMORY\)/)
    assert.equal((await deploy()).code, 0)
  })
})

describe('a deploy beside another', () => {
  it('of another tenant: both are done', async () => {
    const [byrne, dickson] = await Promise.all([stack.script('deploy', ['byrne']), deploy()])
    assert.equal(byrne.code, 0, byrne.stderr)
    assert.equal(dickson.code, 0, dickson.stderr)
  })

  it('of the same tenant is refused with 75 and names the holder', async () => {
    docker('rm', '--force', stack.container('dickson-backend'))
    const both = await Promise.all([deploy(), deploy(), deploy()])
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 75, 75])
    assert.match(both.find(({ code }) => code === 75)?.stderr ?? '', /held by deploy \(pid \d+, since 2/)
  })
})

describe('a changed image', () => {
  it('is taken without a trace of the old one in the pages, and the data stays', async () => {
    const byrne = stack.fingerprint('byrne')
    const db = inspect('dickson-db', '{{.Id}} {{.State.StartedAt}}')
    const images = await buildImages(() => {}, { variant: 'next' })
    const { code, stderr } = await deploy([], { ERPNEXT_IMAGE: images.ERPNEXT_IMAGE ?? '' })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /redis-cache was emptied/)
    assert.doesNotMatch(stderr, /older release/)
    assert.equal(inspect('dickson-db', '{{.Id}} {{.State.StartedAt}}'), db)
    assert.equal(stack.fingerprint('byrne'), byrne)
    await eventually(60, 'the login page is well', async () => {
      const { stdout } = await stack.script('healthcheck', ['dickson', '--json'])
      const findings: { check: string; state: string }[] = JSON.parse(stdout).tenants[0]?.findings ?? []
      return findings.find(({ check }) => check === 'login page')?.state === 'ok'
    })
  })

  it('of a newer release says that the data is not brought up by it', async () => {
    const older = "update `tabInstalled Application` set app_version = '16.30.0' where app_name = 'erpnext'"
    const schema = docker('exec', stack.container('dickson-db'), 'mariadb', '-Ne', "show databases like '\\_%'")
    docker(
      'exec',
      '--user',
      '0',
      stack.container('dickson-db'),
      'sh',
      '-c',
      `MYSQL_PWD="$(cat /run/secrets/db_password)" mariadb -uroot ${schema} -e "$1"`,
      'sh',
      older,
    )
    const { code, stderr } = await deploy()
    assert.equal(code, 0, stderr)
    assert.match(stderr, /older release than its image: npx zx scripts\/tenant\.ts dickson bench -- migrate/)
  })

  it('is told of once more where the run that started it did not come to its end', async () => {
    redis(stack, 'dickson-redis-cache', 'set erp:image another')
    const { code, stderr } = await deploy()
    assert.equal(code, 0, stderr)
    assert.match(stderr, /older release than its image/)
    assert.doesNotMatch((await deploy()).stderr, /older release/)
  })
})
