/**
 * The rules and dashboards on the real programs: each fault is made, healthcheck writes its figures, and the alert is seen
 * active in a real Prometheus and delivered by a real Alertmanager. The rules are the repository's but for their waiting
 * times, which are seconds here; test/rules/ has the real ones.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildImages } from '../../rehearsal/images.ts'
import { metricsOf, queriesOf, readAlerts, readDashboards } from '../monitoring.ts'
import { plantLedger } from '../scripts/harness.ts'
import { compose, docker, eventually, useStack } from './harness.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'erp-monitoring-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const MONITORS = ['core-node-exporter', 'core-prometheus', 'core-alertmanager', 'core-syslog-ng']

describe('the rules, with their real times', () => {
  let image = ''
  before(async () => {
    image = (await buildImages(console.error, { only: ['monitoring'] })).PROMETHEUS_IMAGE ?? ''
  })
  const run = (program: string, ...args: string[]) => {
    const mount = `${root}:/repository:ro`
    const options = ['run', '--rm', '--network', 'none', '--volume', mount, '--workdir', '/repository']
    const { status, stdout, stderr } = spawnSync('docker', [...options, '--entrypoint', program, image, ...args], {
      encoding: 'utf8',
      timeout: 120_000,
    })
    assert.equal(status, 0, stdout + stderr)
  }

  it('are rules, in a configuration that Prometheus takes', () => {
    run('promtool', 'check', 'config', 'core/prometheus/prometheus.yml')
  })

  for (const name of readdirSync(join(root, 'test/rules'))) {
    it(`fire when they should and not before: ${name}`, () => run('promtool', 'test', 'rules', `test/rules/${name}`))
  }
})

const stack = useStack('monitoring', ['core', 'dickson'], {
  REHEARSAL_VALID_DAYS: '5',
  BACKUP_OFFSITE_DICKSON: join(folder, 'offsite'),
})
const metrics = () => join(stack.home, 'state/core/metrics/erp.prom')
const ledger = () => join(stack.home, 'state/dickson/ledger.json')

/** Look at dickson as the timer does. */
async function look(env: Record<string, string> = {}): Promise<number | null> {
  return (await stack.script('healthcheck', ['dickson', '--metrics', metrics()], { env })).code
}

/** Look until dickson is well but for its certificates of five days, and its scheduler has run: on a busy machine, late. */
async function lookUntilWell(): Promise<void> {
  let red: string[] = []
  await eventually(360, 'dickson is well', async () => {
    await look()
    const lines = readFileSync(metrics(), 'utf8').split('\n')
    red = lines.filter((line) => /^erp_check_state.* 2$/.test(line) && !line.includes('check="certificate"'))
    return red.length === 0 && lines.some((line) => line.startsWith('erp_scheduler_last_run'))
  }).catch((error) => assert.fail(`${error.message}: ${red.join('\n')}`))
}

/** Look until a check of each of these parts is red. */
async function lookUntilRed(...parts: string[]): Promise<void> {
  await eventually(120, `${parts.join(', ')} are red`, async () => {
    assert.equal(await look(), 1)
    const text = readFileSync(metrics(), 'utf8')
    return parts.every((part) => new RegExp(`^erp_check_state.*part="${part}".* 2$`, 'm').test(text))
  })
}

/** Ask a program of core over HTTP, inside its own container. */
function ask<T>(service: string, url: string): T {
  const text = docker('exec', stack.container(service), 'wget', '-qO', '-', url)
  return (text === '' ? {} : JSON.parse(text)) as T
}

/** What Loki is sent: labels, and pairs of a moment in nanoseconds and a line. */
interface Stream {
  stream: Record<string, string>
  values: [string, string][]
}

interface Answer {
  data?: { result?: { metric: Record<string, string>; value: [number, string] }[] }
}

/** Ask Prometheus now. */
const query = (expr: string) =>
  ask<Answer>('core-prometheus', `http://127.0.0.1:9090/api/v1/query?query=${encodeURIComponent(expr)}`).data?.result ??
  []

/** The names of what fires about dickson, about core's machine, or about nobody. */
const firing = () => new Set(query('ALERTS{alertstate="firing"}').map(({ metric }) => metric.alertname ?? ''))

async function mustFire(...names: string[]): Promise<void> {
  let missing = names
  await eventually(90, 'they fire', () => {
    const now = firing()
    missing = names.filter((name) => !now.has(name))
    return missing.length === 0
  }).catch(() => assert.fail(`silent: ${missing.join(', ')}; firing: ${[...firing()].join(', ')}`))
  for (const name of names) seen.add(name)
}

async function mustEnd(...names: string[]): Promise<void> {
  await eventually(90, `${names.join(', ')} end`, () => {
    const now = firing()
    return now.has('ErpWatchdog') && names.every((name) => !now.has(name)) // else nobody was asked
  })
}

/** Every alert that was seen to fire, and every one that was delivered. */
const seen = new Set<string>()
const hooked = new Set<string>()
let mails = ''

/** Write a ledger that knows more than the planted one. */
function changeLedger(change: Record<string, object>): void {
  plantLedger(stack.home, 'dickson')
  writeFileSync(ledger(), JSON.stringify({ ...JSON.parse(readFileSync(ledger(), 'utf8')), ...change }))
}

/** A copy of Prometheus' and Alertmanager's files in which nothing waits; returns an overlay that mounts it. */
function impatient(): string {
  const copy = (name: string) => join(folder, name)
  for (const name of ['prometheus', 'alertmanager']) {
    cpSync(join(root, 'core', name), copy(name), { recursive: true })
  }
  const change = (file: string, pairs: [RegExp, string][]) => {
    const path = join(folder, file)
    writeFileSync(
      path,
      pairs.reduce((text, [from, to]) => text.replace(from, to), readFileSync(path, 'utf8')),
    )
  }
  change('prometheus/prometheus.yml', [[/_interval: 30s/g, '_interval: 1s']])
  change('alertmanager/alertmanager.yml', [
    [/group_wait: 30s/, 'group_wait: 1s'],
    [/group_interval: \d+m/g, 'group_interval: 10s'],
  ])
  change('prometheus/rules/erp.yml', [
    [/for: \d+[mh]/g, 'for: 1s'],
    [/offset 1h/, 'offset 15s'],
    [/free_bytes\[1d\]/, 'free_bytes[1m]'],
    [/offset 12h/, 'offset 5s'],
  ])
  const overlay = join(folder, 'impatient.yml')
  const services = {
    'core-prometheus': { volumes: [`${copy('prometheus')}:/etc/prometheus:ro`] },
    'core-alertmanager': { volumes: [`${copy('alertmanager')}:/opt/erp:ro`] },
  }
  writeFileSync(overlay, JSON.stringify({ services }))
  return overlay
}

const listening = (server: Server) =>
  new Promise<number>((done) => server.listen(0, () => done((server.address() as AddressInfo).port)))

const hook = createHttpServer((request, response) => {
  let body = ''
  request.on('data', (data) => {
    body += data
  })
  request.on('end', () => {
    const { alerts } = JSON.parse(body) as { alerts: { labels: { alertname: string }; status: string }[] }
    for (const { labels, status } of alerts) hooked.add(`${request.url} ${labels.alertname} ${status}`)
    response.end()
  })
})

/** As much of SMTP as a mail needs. */
const mailServer = createServer((socket) => {
  let letter = false
  socket.on('error', () => {})
  socket.write('220 mail\r\n')
  socket.on('data', (data) => {
    const text = data.toString()
    if (letter) mails += text
    if (letter && /\r\n\.\r\n$/.test(text)) letter = false
    else if (letter) return
    if (/^QUIT/i.test(text)) socket.end('221 bye\r\n')
    else if (/^DATA/i.test(text)) {
      letter = true
      socket.write('354 go\r\n')
    } else socket.write('250 ok\r\n')
  })
})
after(() => {
  hook.closeAllConnections()
  hook.close()
  mailServer.close()
})

describe('monitoring', () => {
  before(async () => {
    stack.env.CORE_DOMAIN = 'operator.example'
    stack.env.COMPOSE_FILE += `:${join(root, 'rehearsal/unavailable.yml')}`
    plantLedger(stack.home, 'dickson')
    const { code, stderr } = await stack.script('deploy', ['core', '--only', 'monitoring'])
    assert.equal(code, 0, stderr)
  })

  it('comes up by deploy.ts, healthy and by the rules of hardening, and a second time changes nothing', async () => {
    for (const name of MONITORS) {
      assert.equal(docker('inspect', '-f', '{{.State.Health.Status}}', stack.container(name)), 'healthy', name)
    }
    const { code, stdout } = await stack.script('deploy', ['core', '--only', 'monitoring'])
    assert.equal(code, 0)
    assert.match(stdout, /nothing had to be done/)
  })

  it('is restarted on files that are newer than it, and on nothing else', async () => {
    const before = stack.fingerprint('core')
    const [file, now] = [join(root, 'core/prometheus/rules/erp.yml'), new Date()]
    utimesSync(file, now, now)
    const { code, stderr, stdout } = await stack.script('deploy', ['core', '--only', 'monitoring'])
    assert.equal(code, 0, stderr)
    assert.doesNotMatch(stdout, /nothing had to be done/)
    const of = (text: string) => text.split('\n').filter((line) => !/core-(prometheus|monitoring-volumes) /.test(line)) // a job
    assert.deepEqual(of(stack.fingerprint('core')), of(before))
    const started = (text: string) => text.split('\n').find((line) => line.includes('core-prometheus '))
    assert.notEqual(started(stack.fingerprint('core')), started(before))
  })

  it("reaches its four sources, Traefik's on core's own network alone", async () => {
    await eventually(60, 'all are up', () => query('up == 1').length === 4)
    const traefik = docker('inspect', '-f', '{{json .NetworkSettings.Networks}}', stack.container('core-traefik'))
    const addresses = Object.entries(JSON.parse(traefik) as Record<string, { IPAddress: string }>)
    const open = addresses.filter(([, { IPAddress }]) => {
      const { status } = spawnSync('timeout', ['3', 'bash', '-c', `</dev/tcp/${IPAddress}/8082`])
      return status === 0
    })
    assert.deepEqual(
      open.map(([network]) => network),
      [`${stack.prefix}core-edge`],
    )
  })

  it('is taken by amtool, with every way to tell somebody', () => {
    docker('exec', stack.container('core-alertmanager'), 'amtool', 'check-config', '/tmp/alertmanager.yml')
    const all = [
      'ALERT_MAIL_TO=a@example.org',
      'ALERT_SMTP_USER=u',
      'ALERT_WEBHOOK_URL=http://x/',
      'ALERT_HEARTBEAT_URL=http://y/',
    ]
    const script = 'sh /opt/erp/entrypoint.sh --version >/dev/null; amtool check-config /tmp/alertmanager.yml'
    const given = [...all, 'ALERT_MAIL_FROM=b@example.org', 'ALERT_SMTP_HOST=h:25', 'ALERT_SMTP_TLS=true']
    const { status, stdout, stderr } = spawnSync(
      'docker',
      [
        ...['run', '--rm', '--network', 'none', '--tmpfs', '/tmp', '--volume', `${root}/core/alertmanager:/opt/erp:ro`],
        ...given.flatMap((pair) => ['--env', pair]),
        ...['--entrypoint', 'sh', stack.env.ALERTMANAGER_IMAGE ?? '', '-ec', script],
      ],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stdout + stderr)
    assert.match(stdout, /SUCCESS[\s\S]*2 receivers/)
  })

  it('gets figures that promtool finds no fault with', async () => {
    await look()
    const { status, stdout, stderr } = spawnSync(
      'docker',
      ['exec', '-i', stack.container('core-prometheus'), 'promtool', 'check', 'metrics'],
      { input: readFileSync(metrics(), 'utf8'), encoding: 'utf8' },
    )
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  })

  it("brings a line of a tenant's container to Loki under the tenant's label, escaped as it was, and no stranger's", async () => {
    const listen = [
      'import http.server',
      'class Push(http.server.BaseHTTPRequestHandler):',
      '  def do_POST(self):',
      "    print(self.path, self.rfile.read(int(self.headers['content-length'])).decode(), flush=True)",
      '    self.send_response(204); self.end_headers()',
      '  def log_message(self, *_): pass',
      "http.server.HTTPServer(('', 3100), Push).serve_forever()",
    ].join('\n')
    const place = ['--network', `${stack.prefix}core-internal`, '--network-alias', 'core-loki']
    const label = `com.docker.compose.project=${stack.prefix}securenexus-erp`
    const image = stack.env.ERPNEXT_IMAGE ?? ''
    const loki = docker('run', '-d', '--label', label, ...place, '--entrypoint', 'python3', image, '-uc', listen)
    const stranger = docker('run', '-d', '--label', label, '--entrypoint', 'echo', image, 'a line of a stranger')
    const line = 'A "quoted" \\ line of the pharmacy: 5 €'
    const written = spawnSync(
      'docker',
      ['exec', '-i', stack.container('dickson-db'), 'sh', '-c', 'cat >/proc/1/fd/1'],
      {
        input: `${line}\n`,
        encoding: 'utf8',
      },
    )
    assert.equal(written.status, 0, written.stderr)
    const entries = () =>
      docker('logs', loki)
        .split('\n')
        .filter((push) => push.startsWith('/loki/api/v1/push ') && push.endsWith(']]}]}')) // a long one comes in pieces
        .flatMap((push) => (JSON.parse(push.slice(push.indexOf(' '))) as { streams: Stream[] }).streams)
    const mine = () => entries().filter(({ values }) => values[0]?.[1] === line)
    const cores = () => entries().some(({ stream: { tenant } }) => tenant === 'core')
    await eventually(90, 'it arrives, and lines of core', () => mine().length > 0 && cores())
    const [{ stream: labels, values } = { stream: {}, values: [] }, ...more] = mine()
    assert.deepEqual(labels, { tenant: 'dickson', service: 'dickson-db', stream: 'stdout' })
    assert.ok(Math.abs(Number(values[0]?.[0]) / 1e6 - Date.now()) < 120_000, 'the moment at which it was written')
    assert.equal(more.length, 0, 'it came twice')
    assert.ok(!docker('logs', loki).includes('a line of a stranger'))
    docker('rm', '--force', loki, stranger)
  })

  describe('with rules that do not wait', () => {
    before(async () => {
      const [port, smtp] = [await listening(hook), await listening(mailServer)]
      const gateway = docker(
        'network',
        'inspect',
        '-f',
        '{{(index .IPAM.Config 0).Gateway}}',
        `${stack.prefix}core-egress`,
      )
      Object.assign(stack.env, {
        COMPOSE_FILE: `${stack.env.COMPOSE_FILE}:${impatient()}`,
        ALERT_WEBHOOK_URL: `http://${gateway}:${port}/hook`,
        ALERT_HEARTBEAT_URL: `http://${gateway}:${port}/heartbeat`,
        ALERT_MAIL_TO: 'admin@example.org',
        ALERT_SMTP_HOST: `${gateway}:${smtp}`,
        ALERT_SMTP_TLS: 'false',
      })
      const up = compose(stack, 'up', '--detach', '--wait', '--no-deps', 'core-prometheus', 'core-alertmanager')
      assert.match(up, /Healthy/)
      changeLedger({
        offsite: { at: new Date().toISOString(), snapshot: 'a' },
        sizes: [
          { at: new Date(Date.now() - 10 * 86_400_000).toISOString(), bytes: 1 },
          { at: new Date().toISOString(), bytes: 1000 },
        ],
      })
      await lookUntilWell()
    })

    it('says of a healthy tenant nothing but that its certificates end in five days, and that nobody looks at the other', async () => {
      await mustFire('ErpWatchdog', 'ErpCertificateEnds', 'ErpCertificateEndsSoon', 'ErpTenantUnwatched')
      const unwatched = query('ALERTS{alertname="ErpTenantUnwatched",alertstate="firing"}')
      assert.deepEqual(
        unwatched.map(({ metric }) => metric.tenant),
        ['byrne'],
      )
      await mustEnd('ErpTenantDown', 'ErpBackupTooOld', 'ErpOffsiteTooOld', 'ErpWorkerDead', 'ErpSchedulerDead')
      const isUp = () => query('erp_tenant_up{tenant="dickson"}')[0]?.value[1] === '1' // a late scrape makes it stale for one
      await eventually(30, 'dickson is up', isUp)
      const known = /^Erp(Watchdog|TenantUnwatched|CertificateEnds(Soon)?|CheckFailed|DiskFull)$/ // a minute's forecast is of noise
      let others = ['nobody was asked']
      await eventually(30, 'nothing else fires', () => {
        const now = [...firing()]
        if (now.includes('ErpWatchdog')) others = now.filter((name) => !known.test(name))
        return others.length === 0
      }).catch((error) => assert.fail(`${error.message}: ${others.join(', ')}`))
      let red: (string | undefined)[] = []
      await eventually(30, 'the certificates alone are red', () => {
        red = [...new Set(query('erp_check_state == 2').map(({ metric }) => metric.check))]
        return red.length === 1 && red[0] === 'certificate'
      }).catch((error) => assert.fail(`${error.message}: ${red.join(', ')}`))
    })

    it('answers every question of every panel, and knows every metric that a rule names', async () => {
      const table: string[] = []
      for (const { dashboard, panel, expr } of readDashboards().flatMap(queriesOf)) {
        let result = query(expr.replaceAll('$tenant', 'dickson'))
        await eventually(30, `${dashboard}, ${panel}: ${expr} returns something`, () => {
          if (result.length === 0) result = query(expr.replaceAll('$tenant', 'dickson'))
          return result.length > 0
        })
        table.push([dashboard, panel, result.map(({ value }) => value[1]).join(' ')].join(' | '))
      }
      console.error(table.join('\n'))
      const names = new Set(readAlerts().flatMap(({ expr }) => metricsOf(expr)))
      for (const name of names) await eventually(30, `${name} is known`, () => query(`count(${name})`).length > 0)
    })

    it('fires for a dead worker, a dead scheduler, a red check, old backups and drills, a full disk, restarts', async () => {
      for (let died = 1; died <= 3; died++) {
        const cache = stack.container('dickson-redis-cache')
        let pid = 0 // as long as it restarts; killing that would be our own group
        await eventually(30, 'it runs', () => {
          pid = Number(docker('inspect', '-f', '{{.State.Pid}}', cache))
          return pid > 1
        })
        process.kill(pid, 'SIGKILL')
        await eventually(30, 'it is back', () => docker('inspect', '-f', '{{.RestartCount}}', cache) === String(died))
      }
      docker('stop', '--time', '1', `${stack.prefix}securenexus-erp-dickson-worker-1`)
      docker('stop', '--time', '1', stack.container('dickson-scheduler'))
      docker('stop', '--time', '1', stack.container('dickson-socketio'))
      const old = new Date(Date.now() - 30 * 86_400_000).toISOString()
      changeLedger({
        verified: { at: old, snapshot: 'a', databaseBytes: 1, addedBytes: 1 },
        offsite: { at: old, snapshot: 'a' },
        checked: { at: old, part: 1, damaged: 'a pack is missing' },
        drilled: { at: old, snapshot: 'a', restoreSeconds: 10, passed: false, message: 'no' },
        sizes: [
          { at: old, bytes: 1 },
          { at: new Date().toISOString(), bytes: 1e14 },
        ],
      })
      await lookUntilRed('worker', 'scheduler', 'socketio')
      await mustFire('ErpWorkerDead', 'ErpSchedulerDead', 'ErpCheckFailed', 'ErpContainerRestarts')
      await mustFire('ErpBackupTooOld', 'ErpOffsiteTooOld', 'ErpRepositoryDamaged')
      await mustFire('ErpDrillTooOld', 'ErpDrillFailed', 'ErpBackupDiskFull')
      await eventually(
        30,
        'it names the part',
        () => query('ALERTS{alertname="ErpCheckFailed",part="socketio"}').length > 0,
      )
    })

    it('fires for a tenant that is down, and for backups that were never made', async () => {
      docker('pause', stack.container('dickson-db'))
      writeFileSync(ledger(), '{}')
      try {
        assert.equal(await look(), 1)
      } finally {
        docker('unpause', stack.container('dickson-db'))
      }
      await mustFire('ErpTenantDown')
      const tooOld = () => query('ALERTS{alertname="ErpBackupTooOld",tenant="dickson"}').length > 0
      await eventually(30, 'backups are too old', tooOld)
    })

    it('ends when all is well again', async () => {
      for (const name of ['dickson-scheduler', 'dickson-socketio']) docker('start', stack.container(name))
      docker('start', `${stack.prefix}securenexus-erp-dickson-worker-1`)
      assert.equal((await stack.script('deploy', ['dickson'])).code, 0)
      changeLedger({ offsite: { at: new Date().toISOString(), snapshot: 'a' } })
      await lookUntilWell()
      await mustEnd('ErpTenantDown', 'ErpWorkerDead', 'ErpSchedulerDead', 'ErpBackupTooOld', 'ErpDrillFailed')
    })

    it('fires for an engine that does not answer, and takes every tenant for down', async () => {
      assert.equal(await look({ DOCKER_HOST: `unix://${folder}/none.sock` }), 3)
      await mustFire('ErpEngineDown', 'ErpTenantDown')
      await lookUntilWell()
      await mustEnd('ErpEngineDown', 'ErpTenantDown')
    })

    it('fires for a disk that fills, by the figures that healthcheck would write then', async () => {
      const text = readFileSync(metrics(), 'utf8')
      writeFileSync(metrics(), text.replace(/^erp_disk_free_bytes .*$/m, 'erp_disk_free_bytes 60e9'))
      await new Promise((done) => setTimeout(done, 65_000)) // the window holds nothing else then
      await mustEnd('ErpDiskFull')
      for (let free = 60; free > 0 && !firing().has('ErpDiskFull'); free -= 1) {
        writeFileSync(metrics(), text.replace(/^erp_disk_free_bytes .*$/m, `erp_disk_free_bytes ${free}e9`))
        await new Promise((done) => setTimeout(done, 1000))
      }
      await mustFire('ErpDiskFull')
    })

    it('fires for figures that are old, that cannot be read, and that are not there', async () => {
      await lookUntilWell()
      const text = readFileSync(metrics(), 'utf8')
      const old = Math.round(Date.now() / 1000) - 1000
      writeFileSync(metrics(), text.replace(/^(erp_healthcheck_timestamp_seconds) .*$/m, `$1 ${old}`))
      await mustFire('ErpMetricsStale')
      writeFileSync(metrics(), 'erp_tenant_up{oops 1\n')
      await mustFire('ErpTextfileUnreadable')
      rmSync(metrics())
      await mustFire('ErpMetricsAbsent')
      await lookUntilWell()
      await mustEnd('ErpMetricsAbsent', 'ErpMetricsStale', 'ErpTextfileUnreadable')
    })

    it('fires for what Prometheus does not reach', async () => {
      docker('stop', '--time', '1', stack.container('core-node-exporter'))
      await mustFire('ErpTargetDown')
      docker('start', stack.container('core-node-exporter'))
      await mustEnd('ErpTargetDown')
    })

    it('reaches people: by webhook and by mail, also when it is over, the watchdog by its own way alone', async () => {
      const told = ['ErpTenantDown firing', 'ErpTenantDown resolved', 'ErpWorkerDead firing', 'ErpBackupTooOld firing']
      await eventually(150, 'all was told', () => told.every((what) => hooked.has(`/hook ${what}`)))
      assert.ok(hooked.has('/heartbeat ErpWatchdog firing'))
      assert.ok(![...hooked].some((what) => what.startsWith('/hook ErpWatchdog')))
      assert.match(mails, /Subject: \[firing\] ErpTenantDown dickson/)
      assert.match(mails, /dickson is down: nobody can work there/)
    })

    it('fires when nobody can be reached', async () => {
      hook.closeAllConnections()
      hook.close()
      docker(
        'exec',
        stack.container('core-alertmanager'),
        'amtool',
        '--alertmanager.url=http://127.0.0.1:9093',
        'alert',
        'add',
        'ErpTest',
      )
      await eventually(90, 'a delivery fails', () => query('alertmanager_notifications_failed_total > 0').length > 0)
      await mustFire('ErpNotificationsFail')
    })

    it('has fired for every rule there is', () => {
      const silent = readAlerts()
        .map(({ alert }) => alert)
        .filter((name) => !seen.has(name))
      assert.deepEqual(silent, [])
    })
  })
})
