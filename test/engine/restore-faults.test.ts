/** Backups that must not be restored, and restores that are stopped anywhere: the live books are the old ones or the new ones, whole. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Fault, failingAt, withInjector } from '../faults/injector.ts'
import { assertNothingLeft, repositoryOf } from './backups.ts'
import { docker, eventually, processOf, secretsOf, useStack } from './harness.ts'
import { assertRefused, type MarkedBooks, markBooks, restoreUnder } from './restores.ts'

const stack = useStack('restorefault', ['dickson', 'byrne'])
const repository = repositoryOf(stack)
const SITE = 'erp.dickson-supplies.com'
const restore = (args: string[], env: Record<string, string> = {}) =>
  stack.script('restore', ['dickson', '--confirm=dickson', ...args], { env })
/** The first backup, of one entry. */
const good = () => `--snapshot=${repository.verified()[0]}`
let marked: MarkedBooks

interface Spoil {
  /** Changes the restored snapshot in the current directory. */
  edit?: string
  /** What the new snapshot holds. */
  paths?: string
  /** jq over the proof; an empty one makes none. */
  proof?: string
  host?: string
}

const crafted: string[] = []

/** Make a backup by hand, as somebody with the password could, that is the good one but for this. Returns its id. */
function spoil({
  edit = ':',
  paths = `db sites/${SITE} assets manifest.json`,
  proof = '.',
  host = 'dickson',
}: Spoil): string {
  const script = `
    export RESTIC_REPOSITORY=/repository RESTIC_PASSWORD_FILE=/password
    r() { restic --no-cache --quiet "$@"; }
    good=${repository.verified()[0]}
    mkdir /x && cd /x && r restore --target /x $good
    proof=$(r dump $(restic --no-cache snapshots --json --tag proof,of=$good | jq -r '.[0].id') proof.json)
    ${edit}
    id=$(restic --no-cache backup --json --quiet --host ${host} --tag backup ${paths} | jq -r 'select(.message_type == "summary").snapshot_id')
    sha=$(sha256sum manifest.json 2>/dev/null | cut -d' ' -f1)
    [ -z '${proof}' ] || printf %s "$proof" | jq -c --arg id $id --arg sha "$sha" '.snapshot = $id | .manifest = $sha | ${proof || '.'}' |
      r backup --host ${host} --tag proof --tag of=$id --stdin --stdin-filename proof.json
    echo $id`
  const mounts = ['-v', `${repository.directory()}:/repository`, '-v', `${repository.password()}:/password:ro`]
  const { stdout, stderr } = spawnSync(
    'docker',
    [
      'run',
      '--rm',
      '--network',
      'none',
      ...mounts,
      '--entrypoint',
      'bash',
      stack.env.RESTIC_IMAGE ?? '',
      '-euc',
      script,
    ],
    { encoding: 'utf8' },
  )
  const id = stdout.trim().split('\n').at(-1) ?? ''
  assert.match(id, /^[0-9a-f]{64}$/, stderr)
  crafted.push(id)
  return id
}

const OTHER_RELEASE =
  /(was deployed|began this) with .*erpnext 16[.\d]+.*, and .*erpnext 99\.0\.0.* is configured; nothing was changed/

/** With an image of a newer release than the tenant runs. */
async function withOtherRelease(work: (image: string) => Promise<void>): Promise<void> {
  const [maker, other] = [`${stack.prefix}maker`, `${stack.prefix}other-release:99.0.0`]
  const change = `sed -i 's/^__version__ = .*/__version__ = "99.0.0"/' /home/frappe/frappe-bench/apps/erpnext/erpnext/__init__.py`
  docker('run', '--name', maker, '--user', '0', '--entrypoint', 'sh', stack.env.ERPNEXT_IMAGE ?? '', '-c', change)
  docker('commit', maker, other)
  docker('rm', maker)
  await work(other).finally(() => docker('rmi', other))
}

/** A shell with the tenant's volumes, as root of the server has them. */
function byRoot(script: string): void {
  const mounts = ['db', 'sites', 'assets'].flatMap((part) => ['-v', `${stack.prefix}dickson-${part}-data:/${part}`])
  docker('run', '--rm', ...mounts, '--user', '0', '--entrypoint', 'sh', stack.env.MARIADB_IMAGE ?? '', '-c', script)
}

const refused = (args: string[], code: number, message: RegExp, env: Record<string, string> = {}) =>
  assertRefused(stack, marked, () => restore(args, env), code, message)

describe('a backup is refused while the site serves on', () => {
  before(async () => {
    marked = await markBooks(stack)
    marked.books.python(
      'from frappe.utils.password import set_encrypted_password\nset_encrypted_password("User", "Administrator", "canary", "api_secret")',
    )
    const { code, stderr } = await stack.script('backup', ['dickson'])
    assert.equal(code, 0, stderr)
    await marked.book()
  })

  /** The backup that is as it should be: what was made by hand after it is newer. */
  const manifest = (filter: string) => `jq -c '${filter}' manifest.json >m && mv m manifest.json`
  const config = (filter: string) =>
    `jq '${filter}' sites/${SITE}/site_config.json >m && cat m >sites/${SITE}/site_config.json && rm m`
  const SPOILT: [what: string, spoil: Spoil, code: number, message: RegExp][] = [
    ['whose manifest is missing', { paths: `db sites/${SITE} assets` }, 1, /manifest\.json/],
    [
      'whose manifest was altered',
      { edit: manifest('.lsn = "1"'), proof: '.manifest = "00"' },
      1,
      /manifest is not the one that was proven/,
    ],
    ['whose proof is missing', { proof: '' }, 3, /is not verified/],
    ['whose proof names another', { proof: '.snapshot = "00"' }, 1, /its proof names another snapshot/],
    ['that lacks a part', { paths: `db sites/${SITE} manifest.json` }, 3, /\/assets is missing/],
    [
      'that holds a part more',
      { edit: 'mkdir etc', paths: `db sites/${SITE} assets manifest.json etc` },
      3,
      /\/etc is not ours/,
    ],
    [
      'that answers otherwise than its proof',
      { proof: '.answers.baseTables += 1' },
      1,
      /not what was proven: baseTables/,
    ],
    ["that is another tenant's", { edit: manifest('.tenant = "byrne"') }, 3, /backup of byrne, not of dickson/],
    ['whose site has no key', { edit: config('del(.encryption_key)') }, 3, /holds no encryption key/],
    [
      'whose site has another key than its manifest says',
      { edit: config('.encryption_key |= (.[1:] + .[:1])') },
      3,
      /holds another encryption key than its manifest says/,
    ],
    ['of a newer release', { edit: manifest('.apps.erpnext = "99.0.0"') }, 3, /newer than the image: erpnext is 99/],
  ]
  after(() => {
    if (crafted.length > 0) repository.restic('forget', '--quiet', ...crafted)
  })
  for (const [what, spoilt, code, message] of SPOILT) {
    it(what, async () => {
      const id = spoil(spoilt)
      await refused([`--snapshot=${id}`, '--without-backup'], code, message)
    })
  }

  it("that another tenant's host made, though it lies in this repository", async () => {
    const id = spoil({ host: 'byrne' })
    await refused([`--snapshot=${id}`], 3, /there is no backup/)
  })

  it('with one byte flipped', async () => {
    const data = join(repository.directory(), 'data')
    const packs = (readdirSync(data, { recursive: true }) as string[]).map((name) => join(data, name))
    const largest = packs
      .filter((path) => statSync(path).isFile())
      .sort((a, b) => statSync(b).size - statSync(a).size)[0]
    const file = openSync(largest ?? '', 'r+')
    const byte = Buffer.alloc(1)
    const middle = Math.floor(statSync(largest ?? '').size / 2)
    const write = (value: number) => writeSync(file, Buffer.from([value]), 0, 1, middle)
    readSync(file, byte, 0, 1, middle)
    const [was = 0] = byte
    write(was ^ 0xff)
    await refused([good(), '--without-backup'], 1, /restic restore failed/)
    write(was)
  })

  for (const torn of ['{"db_host": "db",}', '[]'])
    it(`while the configuration of its bench is ${torn}: nothing comes up on that`, async () => {
      marked.inBackend(`cp common_site_config.json kept; echo '${torn}' >common_site_config.json`)
      const now = marked.state()
      const { code, stderr } = await restore([good(), '--without-backup'])
      marked.inBackend('mv kept common_site_config.json')
      assert.equal(code, 3, stderr)
      assert.match(stderr, /common_site_config\.json in the volume \S+ is not usable JSON/)
      assert.deepEqual([marked.state(), marked.intent()], [now, false])
      const health = ['inspect', '--format', '{{.State.Health.Status}}', stack.container('dickson-scheduler')]
      await eventually(
        120,
        'the scheduler, which dies of such a file, runs again',
        () => docker(...health) === 'healthy',
      )
    })

  it('while another release is configured than the tenant runs: the way back would be migrated too', () =>
    withOtherRelease(async (ERPNEXT_IMAGE) => {
      await refused([good()], 3, OTHER_RELEASE, { ERPNEXT_IMAGE })
    }))

  for (const [what, at] of Object.entries({
    'could be made': 'copy-database.sh',
    'could be booted': '--skip-grant-tables',
    'could be called proven': '--tag proof',
  }))
    it(`before which no safety backup ${what}`, async () => {
      const earlier = repository.verified()
      const said = /the safety backup failed, nothing was changed/
      await failingAt(at, (env) => refused([good()], 3, said, env))
      assert.deepEqual(repository.verified(), earlier)
    })
})

describe('the repository of a restore', () => {
  it('cannot be written to: what the tenant itself writes lies beside it', () =>
    withInjector(undefined, async ({ env, calls }) => {
      const { code, stderr } = await stack.script('restore', ['dickson', '--dry-run'], {
        env: { ...stack.env, ...env },
      })
      assert.equal(code, 0, stderr)
      assert.ok(calls().some((call) => / run .*--volume \S+:\/repository:ro /.test(call)))
    }))
})

describe('a live database that hangs', () => {
  it('keeps no plan waiting: it says that nobody knows what would be lost', async () => {
    const server = processOf(stack.container('dickson-db'), 'mariadbd')
    process.kill(server, 'SIGSTOP')
    try {
      const begun = performance.now()
      const { code, stdout, stderr } = await stack.script('restore', ['dickson', '--dry-run'])
      assert.equal(code, 0, stderr)
      assert.match(stdout, /its database does not answer/)
      assert.ok(performance.now() - begun < 120_000)
    } finally {
      process.kill(server, 'SIGCONT')
    }
    await marked.book()
  })
})

describe('a live key that is not the backup’s', () => {
  it('is a warning: restoring is what mends it', async () => {
    const config = `${SITE}/site_config.json`
    marked.inBackend(`cp -p ${config} /tmp/kept; grep -v encryption_key /tmp/kept >${config}`)
    const { code, stderr } = await stack.script('restore', ['dickson', '--dry-run'])
    marked.inBackend(`cat /tmp/kept >${config}`)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /encryption key is missing, unlike the backup's/)
  })

  it('keeps no restore from saving what is there first', async () => {
    const config = `${SITE}/site_config.json`
    marked.inBackend(`cp -p ${config} /tmp/kept; sed 's/"encryption_key": "./&x/' /tmp/kept >${config}`)
    const before = repository.verified()
    const { code, stderr } = await restore([good()], { APP_MEMORY: '1100m' })
    assert.equal(code, 0, stderr)
    for (const name of ['dickson-backend', 'securenexus-erp-dickson-worker-1'])
      assert.equal(
        docker('inspect', '-f', '{{.HostConfig.Memory}}', stack.container(name)),
        String(1100 * 2 ** 20),
        name,
      )
    assert.match(stderr, /encryption key is another than the backup's/)
    assert.match(stderr, /dickson, as it is now: the encryption key opens none of the site's 1 stored secrets/)
    assert.equal(repository.verified().length, before.length + 1)
    assert.doesNotThrow(() => marked.inBackend(`cmp /tmp/kept ${config}`))
  })
})

describe('a restore that is stopped', () => {
  async function survives(fault: Fault, code: number | null, interrupted: boolean): Promise<string> {
    const survived = await restoreUnder(stack, marked, fault)
    const facts = { struck: survived.struck, code: survived.code, interrupted: survived.interrupted }
    assert.deepEqual(facts, { struck: true, code, interrupted }, survived.said)
    return survived.said
  }

  const EARLY: Record<string, Fault> = {
    'while the backup comes': { at: ' restore --no-lock', mode: 'kill-before' },
    'while what came is booted': { at: '--skip-grant-tables', mode: 'kill-before' },
    'before what an earlier restore kept is dropped': { at: 'swap.sh drop', mode: 'kill-before' },
  }
  for (const [when, fault] of Object.entries(EARLY))
    it(`${when} changes nothing, and holds nobody up`, async () => {
      await survives(fault, null, false)
    })

  const LATE: Record<string, Fault> = {
    'before the renames': { at: 'swap.sh swap', mode: 'kill-before' },
    'after the renames': { at: 'swap.sh swap', mode: 'kill-after' },
    'when the database is up': { at: 'redis-cache sh -c', mode: 'kill-before' },
    'while the application starts': { at: '--pull never dickson-backend', mode: 'kill-after' },
    'while worker and scheduler start': { at: '--scale dickson-worker=1', mode: 'kill-after' },
  }
  for (const [when, fault] of Object.entries(LATE))
    it(`${when} is finished by the next run, and holds every other verb up until then`, async () => {
      await survives(fault, null, true)
    })

  it('before anybody was stopped is not finished unasked: what was booked since would be gone', async () => {
    await withInjector({ at: 'stop ', mode: 'kill-before' }, async ({ env, struck }) => {
      const { code, stderr } = await restore([good(), '--without-backup'], env)
      assert.deepEqual([struck(), code, marked.intent()], [true, null, true], stderr)
    })
    await marked.book()
    const now = marked.state()
    const { code, stderr } = await restore([])
    assert.equal(code, 3, stderr)
    assert.match(stderr, /had exchanged nothing, and people work on/)
    assert.deepEqual([marked.state(), marked.intent()], [now, false])
  })

  it('is not finished on another release than it began with: what comes and what was there would be migrated', () =>
    withOtherRelease(async (ERPNEXT_IMAGE) => {
      await withInjector({ at: 'swap.sh swap', mode: 'kill-after' }, async ({ env, struck }) => {
        const { code, stderr } = await restore([good(), '--without-backup'], env)
        assert.deepEqual([struck(), code], [true, null], stderr)
      })
      docker('rm', '--force', stack.container('dickson-db')) // what was begun knows it by itself
      for (const way of [[], ['--undo']]) {
        const other = await restore(way, { ERPNEXT_IMAGE })
        assert.equal(other.code, 3, other.stderr)
        assert.match(other.stderr, OTHER_RELEASE)
      }
      const { code, stderr } = await restore([])
      assert.equal(code, 0, stderr)
      assert.deepEqual([marked.state(), marked.intent()], ['1 1', false])
    }))

  it('by a worker that does not start leaves the site open, and says what starts it', async () => {
    await survives({ at: '--scale dickson-worker=1', mode: 'fail' }, 4, false)
  })

  it('while it saves what is there changes nothing, and what it saved half is no backup', async () => {
    const [old, verified] = [marked.state(), repository.verified()]
    await withInjector({ at: '--tag safety', mode: 'kill-before' }, async ({ env, struck }) => {
      const { code, stderr } = await restore([good()], env)
      assert.deepEqual([struck(), code], [true, null], stderr)
    })
    await assertNothingLeft(stack, { killed: true })
    assert.deepEqual([marked.state(), marked.intent(), repository.verified()], [old, false, verified])
    assert.equal((await stack.script('backup', ['dickson'])).code, 0)
  })

  const BACKEND = '--pull never dickson-backend'

  it('whose way back does not come up either leaves two: to what was, and to what had come', async () => {
    const failBoth = async () => {
      await marked.book()
      const old = marked.state()
      await withInjector({ at: BACKEND, mode: 'fail', persistent: true }, async ({ env }) => {
        const { code, stderr } = await restore([good(), '--without-backup'], env)
        assert.equal(code, 4, stderr)
        assert.match(stderr, /goes on from here; with --undo to what had come; another --snapshot, or an --import, may/)
      })
      return old
    }
    const old = await failBoth()
    const back = await restore([])
    assert.equal(back.code, 1, back.stderr)
    assert.match(back.stderr, /dickson: the restore was taken back: the earlier state is there/)
    assert.deepEqual([marked.state(), marked.intent()], [old, false])
    await failBoth()
    const came = await restore(['--undo'])
    assert.equal(came.code, 0, came.stderr)
    assert.match(came.stderr, /what had come, and was taken back, would come back/)
    assert.deepEqual([marked.state(), marked.intent()], ['1 1', false])
    await failBoth()
    const third = await restore([good(), '--without-backup'])
    assert.equal(third.code, 0, `neither comes up: another backup may take their place: ${third.stderr}`)
    assert.deepEqual([marked.state(), marked.intent()], ['1 1', false])
  })

  it('on its way back goes on with that, and says so also where a worker does not start then', async () => {
    await marked.book()
    const old = marked.state()
    await withInjector({ at: BACKEND, mode: 'fail' }, async ({ env: failing }) => {
      await withInjector(
        { at: 'swap.sh turn', mode: 'kill-before' },
        async ({ env, struck }) => {
          const { code, stderr } = await restore([good(), '--without-backup'], env)
          assert.deepEqual([struck(), code], [true, null], stderr)
        },
        failing.PATH.split(':')[0],
      )
    })
    assert.equal((await stack.script('backup', ['dickson'])).code, 3)
    const { code, stderr } = await failingAt('--scale dickson-worker=1', (env) => restore([], env))
    assert.equal(code, 4, stderr)
    assert.match(stderr, /finishing the rollback of[\s\S]*the restore was taken back and the site answers, but/)
    assert.deepEqual([marked.state(), marked.intent()], [old, false])
    assert.equal((await stack.script('deploy', ['dickson'])).code, 0)
  })

  const OPEN: Record<string, Fault> = {
    'is open': { at: '--scale dickson-worker=1', mode: 'kill-before' },
    'opens, and nobody had written that down,': { at: BACKEND, mode: 'kill-after' },
  }
  for (const [when, fault] of Object.entries(OPEN))
    it(`once the site ${when} is finished without stopping it, and what was booked since stays, whatever fails then`, () =>
      staysOpen(fault))

  async function staysOpen(fault: Fault): Promise<void> {
    const background = '--scale dickson-worker=1'
    await withInjector(fault, async ({ env }) => {
      const killed = await restore(['--without-backup'], env)
      assert.equal(killed.code, null, killed.stderr)
    })
    assert.ok(marked.intent())
    await eventually(90, 'people work on', () =>
      marked.book().then(
        () => true,
        () => false,
      ),
    )
    const booked = marked.state()
    const since = () => docker('inspect', '--format', '{{.State.StartedAt}}', stack.container('dickson-backend'))
    const began = since()
    const release = { APP_MEMORY: '1100m' } // as a newer image would, it makes every container differ
    const { code, stderr } = await failingAt(background, (env) => restore([], { ...env, ...release }))
    assert.equal(code, 4, stderr)
    assert.match(stderr, /the data was exchanged, but [\s\S]*deploy\.ts dickson/)
    assert.deepEqual([marked.state(), since(), marked.intent()], [booked, began, false])
    assert.equal((await stack.script('deploy', ['dickson'])).code, 0)
  }

  it('once people may have been in goes back with leave alone', async () => {
    await marked.book()
    const old = marked.state()
    await withInjector({ at: BACKEND, mode: 'kill-after' }, async ({ env, struck }) => {
      const { code, stderr } = await restore([good(), '--without-backup'], env)
      assert.deepEqual([struck(), code], [true, null], stderr)
    })
    docker('stop', stack.container('dickson-frontend'))
    const failed = await failingAt(BACKEND, (env) => restore([], env))
    assert.equal(failed.code, 4, failed.stderr)
    assert.match(failed.stderr, /restore\.ts dickson goes on from here; with --undo to what was there/)
    const { code, stderr } = await restore(['--undo'])
    assert.equal(code, 0, stderr)
    assert.deepEqual([marked.state(), marked.intent()], [old, false])
  })

  it('by TERM while it is down says what finishes it', async () => {
    const said = await survives({ at: 'swap.sh swap', mode: 'term' }, 143, true)
    assert.match(said, /restore\.ts dickson finishes it/)
  })

  it('after what is there was saved is typed again, and brings the same backup, not what was saved', async () => {
    await marked.book()
    const stopped = await failingAt(' restore --no-lock', (env) => restore([], env))
    assert.equal(stopped.code, 1, stopped.stderr)
    const listed = await stack.script('restore', ['dickson', '--list'])
    assert.match(listed.stdout, /^\S+ +\S+ +verified, of what a restore replaced\n/)
    const { code, stderr } = await restore(['--without-backup'])
    assert.equal(code, 0, stderr)
    assert.equal(marked.state(), '1 1')
  })

  it('as an undo between its renames is finished by the next run', async () => {
    const now = marked.state()
    await withInjector({ at: 'swap.sh turn', mode: 'kill-after' }, async ({ env, struck }) => {
      const { code, stderr } = await restore(['--undo'], env)
      assert.deepEqual([struck(), code], [true, null], stderr)
    })
    assert.ok(marked.intent())
    await withInjector({ at: BACKEND, mode: 'kill-before' }, async ({ env }) => {
      assert.equal((await restore([], env)).code, null)
    })
    const typedAgain = await restore(['--undo'])
    assert.equal(typedAgain.code, 3, `an undo of the undo, where it was to be finished: ${typedAgain.stderr}`)
    assert.match(typedAgain.stderr, /npx zx scripts\/restore\.ts dickson$/m)
    const { code, stderr } = await restore([])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /finishing the undo of/)
    assert.notEqual(marked.state(), now)
    const again = await restore(['--undo'])
    assert.equal(again.code, 0, again.stderr)
    assert.equal(marked.state(), now, 'nothing of either was lost')
  })

  it('before its exchange has nothing to finish: an undo is typed again', async () => {
    const old = marked.state()
    const { code, stderr } = await failingAt('__version__', (env) => restore(['--undo'], env))
    assert.equal(code, 1, stderr)
    assert.doesNotMatch(stderr, /goes on from here|finishes it/)
    assert.ok(!marked.intent())
    assert.equal(marked.state(), old)
    const again = await restore(['--undo'])
    assert.equal(again.code, 0, again.stderr)
    assert.notEqual(marked.state(), old)
  })

  async function failsToStart(args: string[]): Promise<void> {
    const old = marked.state()
    const { code, stderr } = await failingAt('redis-cache sh -c', (env) => restore(args, env))
    assert.equal(code, 1, stderr)
    assert.match(stderr, /did not come up on what came; the earlier state is back/)
    assert.equal(marked.state(), old)
    assert.ok(!marked.intent())
  }

  it('by a start that fails goes back to what was there, and says so; so does an undo', async () => {
    await marked.book()
    await failsToStart(['--without-backup', `--snapshot=${repository.verified()[0]}`])
    await failsToStart(['--undo'])
  })

  it('in the midst of its exchange, when nobody knows of it any more, is refused; an undo brings the books back', async () => {
    await marked.book()
    const old = marked.state()
    assert.equal((await stack.script('tenant', ['dickson', 'stop'])).code, 0)
    byRoot('rm -rf /db/previous /sites/previous /assets/.previous && mv /db/data /db/previous')
    const { code, stderr } = await restore(['--without-backup'])
    assert.equal(code, 3, stderr)
    assert.match(stderr, /in the midst of its exchange[\s\S]*--undo brings back/)
    const given = await restore(['--drop-previous'])
    assert.equal(given.code, 3, given.stderr)
    assert.match(given.stderr, /what is kept may be all that there is/)
    const undone = await restore(['--undo'])
    assert.equal(undone.code, 0, undone.stderr)
    assert.equal(marked.state(), old)
  })
})

describe('what a restore has kept', () => {
  it('is given up for its room where somebody says so, and once', async () => {
    const { code, stderr } = await restore(['--without-backup', good()])
    assert.equal(code, 0, stderr)
    const kept = () => docker('exec', stack.container('dickson-db'), 'ls', '/var/lib/mysql').includes('previous')
    const told = await restore(['--drop-previous', '--dry-run'])
    assert.match(told.stdout, /replaced, of which there is no backup would be removed for good, \d+\.\d GiB/)
    assert.ok(kept())
    const untouched = [stack.fingerprint('dickson'), marked.state()]
    await withInjector({ at: 'swap.sh drop', mode: 'kill-after' }, async ({ env }) => {
      const { code } = await restore(['--drop-previous'], env)
      assert.equal(code, null)
    })
    byRoot('mkdir -p /db/.removed/x') // as it is left where that is killed half way
    const dropped = await restore(['--drop-previous'])
    assert.deepEqual([dropped.code, kept()], [0, false], dropped.stderr)
    assert.doesNotMatch(docker('exec', stack.container('dickson-db'), 'ls', '-A', '/var/lib/mysql'), /removed/)
    assert.deepEqual([stack.fingerprint('dickson'), marked.state()], untouched)
    const gone = await Promise.all([restore(['--drop-previous']).then(({ code }) => code)])
    assert.deepEqual(gone, [3])
    assert.equal((await restore(['--undo'])).code, 3)
  })
})

describe('of half a site', () => {
  const halves: [what: string, lose: () => void, refusal: RegExp][] = [
    [
      'whose folder is gone',
      () => byRoot(`rm -rf /sites/${SITE}`),
      /no backup can be made of what is there: .*site_config\.json is missing/,
    ],
    [
      'whose schema is gone',
      () => {
        const password = `MYSQL_PWD=${secretsOf(stack)['dickson_db_password.txt']}`
        const asRoot = ['exec', '-e', password, stack.container('dickson-db'), 'mariadb', '-uroot', '-Ne']
        docker(...asRoot, `drop database \`${docker(...asRoot, "show databases like '\\_%'")}\``)
      },
      /the safety backup failed, nothing was changed/,
    ],
  ]
  for (const [what, lose, refusal] of halves)
    it(`${what} no backup can be made, which the refusal leads out of`, async () => {
      lose()
      const told = await restore([good(), '--dry-run'])
      assert.equal(told.code, 0, told.stderr)
      assert.match(told.stdout, /lost {7}not known: /)
      const refused = await restore([good()])
      assert.equal(refused.code, 3, refused.stderr)
      assert.match(refused.stderr, refusal)
      assert.match(refused.stderr, /--without-backup/)
      assert.doesNotMatch(refused.stderr, /deploy\.ts/)
      const { code, stderr } = await restore([good(), '--without-backup'])
      assert.equal(code, 0, stderr)
      assert.equal(marked.state(), '1 1')
      await assertNothingLeft(stack)
    })
})

describe('a restore beside another verb', () => {
  it('lets one through; the others are told who holds the tenant', async () => {
    // a deploy has nothing to do and is short: it comes once another holds the tenant, which is longer than all start
    const long = [restore(['--without-backup']), restore(['--without-backup']), stack.script('backup', ['dickson'])]
    const lock = join(stack.home, 'state/dickson/lock')
    const since = statSync(lock).mtimeMs
    await eventually(60, 'one holds the tenant', () => statSync(lock).mtimeMs !== since)
    const both = await Promise.all([...long, stack.script('deploy', ['dickson'])])
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 75, 75, 75], both.map(({ stderr }) => stderr).join('\n'))
    assert.match(both.find(({ code }) => code === 75)?.stderr ?? '', /held by (restore|backup|deploy) \(pid \d+/)
  })
})
