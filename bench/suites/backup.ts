/** Backups beside the usual way: mysqldump of all databases and tar czf of the volumes, each night in full. */
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { makeRow, median, type Row } from '../measure.ts'
import { npxZx, ROOT } from '../process.ts'
import { type BenchStack, deployTenants, type Session, withStack } from '../stack.ts'
import { type Cost, costOf } from '../watch.ts'

/** Which hundredth of the rows a day changes: people work with what is new; the other is the worst that a copy can meet. */
const DAYS = ['newest', 'newest', 'scattered'] as const
/** The goal: MiB, whatever the size. */
const MEMORY = 300
const SITE = 'erp.dickson-supplies.com'
const AGAINST = 'mysqldump and tar czf'
/** The step of backup.ts that the usual way lacks, which proves nothing. */
const PROOF = 'Boot the copy and ask it, check a seventh of the repository'
/** Large tables of which a night changes a hundredth. */
const CHANGING = ['GL Entry', 'Sales Invoice', 'Stock Ledger Entry', 'Payment Ledger Entry', 'Version', 'Comment']

interface Night {
  ours: Cost
  proof: number
  usual: Cost
  addedBytes: number
  usualBytes: number
}

export function backup(session: Session): Promise<Row[]> {
  return withStack(session, async (stack) => {
    await deployTenants(stack, ['dickson'])
    await fill(stack, session.scale)
    const first = await night(stack)
    const told = ({ ours, usual }: Night) => `${ours.seconds.toFixed(1)} s beside ${usual.seconds.toFixed(1)} s`
    session.say(`  first backup: ${told(first)}`)
    const nights: Night[] = []
    for (const [index, rows] of DAYS.entries()) {
      await work(stack, index + 1, rows)
      const one = await night(stack)
      nights.push(one)
      session.say(`  night ${index + 1} of ${DAYS.length}: ${told(one)}`)
    }
    const restored = await restore(stack)
    const [writer, quiet] = await slowestWrites(stack)
    return [
      ...rowsOf(first, nights),
      makeRow({ name: 'restore', ...restored, against: AGAINST, goal: 0.2 }),
      makeRow(
        { name: 'slowest write during the copy', ours: writer, reference: quiet, against: 'without a backup' },
        'ms',
      ),
    ]
  })
}

function rowsOf(first: Night, all: Night[]): Row[] {
  const nights = all.filter((_, index) => DAYS[index] === 'newest')
  const scattered = all.filter((_, index) => DAYS[index] === 'scattered')
  const middle = (pick: (night: Night) => number, of = nights) => median(of.map(pick))
  const row = (name: string, ours: number, reference: number, goal?: number, unit: Row['unit'] = 's') =>
    makeRow({ name, ours, reference, against: AGAINST, ...(goal !== undefined && { goal }) }, unit)
  const usual = middle((night) => night.usual.seconds)
  const mib = 2 ** 20
  const memory = Math.max(...all.map(({ ours }) => ours.memory))
  return [
    row('first', first.ours.seconds - first.proof, first.usual.seconds),
    row(
      'nightly',
      middle(({ ours, proof }) => ours.seconds - proof),
      usual,
      0.2,
    ),
    row(
      'nightly-proven',
      middle(({ ours }) => ours.seconds),
      usual,
      0.25,
    ),
    row(
      'nightly-bytes',
      middle((one) => one.addedBytes / mib),
      middle((one) => one.usualBytes / mib),
      0.05,
      'MiB',
    ),
    row(
      'scattered-proven',
      middle(({ ours }) => ours.seconds, scattered),
      middle(({ usual }) => usual.seconds, scattered),
    ),
    row(
      'scattered-bytes',
      middle((one) => one.addedBytes / mib, scattered),
      middle((one) => one.usualBytes / mib, scattered),
      undefined,
      'MiB',
    ),
    row(
      'cpu',
      middle(({ ours }) => ours.cpu),
      middle((one) => one.usual.cpu),
    ),
    row('memory', memory, Math.max(...all.map((one) => one.usual.memory)), undefined, 'MiB'),
    makeRow(
      {
        name: 'memory-limit',
        ours: memory,
        reference: MEMORY,
        against: 'the goal',
        goal: 1,
      },
      'MiB',
    ),
  ]
}

const shell = (stack: BenchStack, script: string, ...args: string[]) =>
  stack.run(['bash', '-euo', 'pipefail', '-c', script, 'bash', ...args])
const asRoot = (stack: BenchStack, program: string) =>
  `docker exec -i ${stack.container('dickson-db')} sh -c 'MYSQL_PWD="$(cat /run/secrets/db_password)" ${program}'`

/** Data of an ERPNext that has been worked with, into the site's own schema and folder. */
async function fill(stack: BenchStack, scale: number): Promise<void> {
  stack.say(`  making the data of scale ${scale}`)
  const python = `docker run --rm -i --label ${stack.label} --network none --user 0:0 --entrypoint python3`
  const schema = await schemaOf(stack)
  const data = join(ROOT, 'bench/data')
  await shell(
    stack,
    `${python} "$ERPNEXT_IMAGE" - ${scale} <${data}/database.py | ${asRoot(stack, `mariadb -uroot ${schema}`)}`,
  )
  const volumes = `-v ${stack.container('dickson-sites-data')}:/sites -v ${stack.container('dickson-assets-data')}:/assets`
  await shell(
    stack,
    `${python.replace('--rm', `--rm ${volumes}`)} "$ERPNEXT_IMAGE" - ${SITE} ${scale} <${data}/files.py`,
  )
  // As after years: a table of a minute ago has no first page on the disk, and mariadb-backup waits 10 ms for each of 600.
  await stack.run(npxZx('scripts/tenant.ts', 'dickson', 'restart', 'db'))
}

async function schemaOf(stack: BenchStack): Promise<string> {
  const list = ['docker', 'exec', stack.container('dickson-db'), 'mariadb', '-Ne', "show databases like '\\_%'"]
  return (await stack.run(list)).stdout.trim()
}

/** A day's work: a hundredth of the rows and twenty files. */
async function work(stack: BenchStack, day: number, rows: (typeof DAYS)[number]): Promise<void> {
  const sql = CHANGING.map((doctype) => {
    const table = `\`tab${doctype}\``
    const age = 'timestampdiff(second, min(creation), max(creation))'
    const since = `(select max(creation) - interval ${age} div 100 second as since from ${table}) as edge`
    const where = rows === 'newest' ? 'creation > since' : `crc32(name) % 100 = ${day}`
    return `update ${table} join ${since} set modified_by='day ${day}', modified=now(6) where ${where};`
  }).join('\n')
  await shell(stack, `echo "$1" | ${asRoot(stack, `mariadb -uroot ${await schemaOf(stack)}`)}`, sql)
  const files = `cd /home/frappe/frappe-bench/sites/${SITE}/private/files && for i in $(seq 20); do head -c 200000 /dev/urandom >day${day}-$i.pdf; done`
  await stack.run(['docker', 'exec', stack.container('dickson-backend'), 'bash', '-c', files])
}

/** What was written before is on the disk: neither way waits for the other's. */
const settle = (stack: BenchStack) => stack.run(['sync'])

/** Both ways, one after the other. */
async function night(stack: BenchStack): Promise<Night> {
  await settle(stack)
  let told = { steps: [] as { title: string; seconds: number }[], addedBytes: 0 }
  const ours = await costOf(async () => {
    const { stdout } = await stack.run(npxZx('scripts/backup.ts', 'dickson', '--json'))
    told = JSON.parse(stdout).tenants[0]
  })
  stack.say(told.steps.map(({ title, seconds }) => `    ${seconds.toFixed(1).padStart(6)} s ${title}`).join('\n'))
  stack.say(`    ${ours.seconds.toFixed(1).padStart(6)} s in all, ${ours.memory.toFixed(0)} MiB`)
  const proof = told.steps.find(({ title }) => title === PROOF)?.seconds
  if (proof === undefined) throw new Error(`backup.ts has no step "${PROOF}"`)
  const folder = join(stack.folder, 'usual')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  await settle(stack)
  const usual = await costOf(() => theUsualWay(stack, folder))
  const usualBytes = ['erp.sql', 'sites.tar.gz', 'assets.tar.gz'].reduce(
    (sum, name) => sum + statSync(join(folder, name)).size,
    0,
  )
  return { ours, proof, usual, addedBytes: told.addedBytes, usualBytes }
}

async function theUsualWay(stack: BenchStack, folder: string): Promise<void> {
  await shell(stack, `${asRoot(stack, 'mariadb-dump -uroot --all-databases')} >${folder}/erp.sql`)
  for (const part of ['sites', 'assets']) {
    const mounts = `-v ${stack.container(`dickson-${part}-data`)}:/data:ro -v ${folder}:/backup`
    await shell(
      stack,
      `docker run --rm --label ${stack.label} --network none ${mounts} --user 0:0 --entrypoint tar "$MARIADB_IMAGE" czf /backup/${part}.tar.gz -C /data .`,
    )
  }
}

/** From the newest backup of each kind to a database that answers and files that are there. */
async function restore(stack: BenchStack): Promise<{ ours: number; reference: number }> {
  const name = stack.container('restored')
  const volumes = `${name}-db ${name}-files`
  // labelled like the stack, with which they are removed where this run is killed
  const make = `for volume in ${volumes}; do docker volume create --label ${stack.label} $volume >/dev/null; done`
  const clean = `docker rm -f ${name} >/dev/null; docker volume rm ${volumes} >/dev/null`
  const server = `docker run -d --name ${name} --label ${stack.label} --network none --user 999:999 -v ${name}-db:/var/lib/mysql`
  const ask = `docker exec ${name} mariadb -uroot -Ne "select count(*) from \\\`$1\\\`.\\\`tabGL Entry\\\`"`
  const answers = `for try in $(seq 600); do ${ask} >/dev/null 2>&1 && exit 0; sleep 0.2; done; docker logs ${name} >&2; exit 1`
  const home = join(stack.folder, 'home')
  const { verified } = JSON.parse(readFileSync(join(home, 'state/dickson/ledger.json'), 'utf8'))
  const restic = `docker run --rm --label ${stack.label} --network none -v ${home}/backups/dickson:/r -v ${home}/secrets/dickson_backup_password.txt:/p:ro -v ${name}-db:/out/db -v ${name}-files:/out/files "$RESTIC_IMAGE" --no-cache -r /r -p /p restore`
  const schema = await schemaOf(stack)
  await shell(stack, make)
  await settle(stack)
  const ours = await shell(
    stack,
    [
      `${restic} ${verified.snapshot}:/db --target /out/db/data >/dev/null`,
      `docker run --rm --label ${stack.label} --network none -v ${name}-db:/out --user 0:0 --entrypoint chown "$MARIADB_IMAGE" 999:999 /out /out/data`,
      `${restic} ${verified.snapshot}:/sites --target /out/files >/dev/null`,
      `${restic} ${verified.snapshot}:/assets --target /out/files/assets >/dev/null`,
      `${server} --entrypoint mariadbd "$MARIADB_IMAGE" --datadir=/var/lib/mysql/data --skip-grant-tables --skip-networking >/dev/null`,
      answers,
    ].join('\n'),
    schema,
  )
  await shell(stack, `${clean}\n${make}`)
  await settle(stack)
  const untar = (part: string) =>
    `docker run --rm --label ${stack.label} --network none -v ${stack.folder}/usual:/backup:ro -v ${name}-files:/out --user 0:0 --entrypoint tar "$MARIADB_IMAGE" xzf /backup/${part}.tar.gz -C /out`
  const usual = await shell(
    stack,
    [
      `${server} -e MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1 -e MARIADB_INITDB_SKIP_TZINFO=1 "$MARIADB_IMAGE" mariadbd >/dev/null`,
      `until [ "$(docker exec ${name} mariadb -uroot -Ne 'select @@skip_networking' 2>/dev/null)" = 0 ]; do sleep 0.2; done`,
      `docker exec -i ${name} mariadb -uroot <${stack.folder}/usual/erp.sql`,
      untar('sites'),
      untar('assets'),
      answers,
    ].join('\n'),
    schema,
  )
  await shell(stack, clean)
  return { ours: ours.seconds, reference: usual.seconds }
}

/** Commits one small row after another until its stdin ends; prints the slowest, in milliseconds, and how many there were. */
const WRITER = `
import sys, threading, time
import frappe
frappe.init('${SITE}'); frappe.connect()
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
slowest = count = 0
while not over.is_set():
    begun = time.monotonic()
    frappe.db.sql("update tabSeries set current = current + 1 where name = 'bench-writer'"); frappe.db.commit()
    slowest = max(slowest, time.monotonic() - begun); count += 1; time.sleep(0.02)
print(slowest * 1000, count)
`

/** The slowest write while a backup runs, and in as much time without one; in seconds. */
async function slowestWrites(stack: BenchStack): Promise<[during: number, without: number]> {
  await shell(
    stack,
    `echo "replace into tabSeries (name, current) values ('bench-writer', 0)" | ${asRoot(stack, `mariadb -uroot ${await schemaOf(stack)}`)}`,
  )
  const python = `docker exec -i --workdir /home/frappe/frappe-bench/sites ${stack.container('dickson-backend')} ../env/bin/python -c "$1"`
  // its stdin is held by the braces: the backup's own stdout is another
  const during = await shell(stack, `{ npx zx scripts/backup.ts dickson >/dev/null; echo; } | ${python}`, WRITER)
  const without = await shell(stack, `sleep ${Math.ceil(during.seconds)} | ${python}`, WRITER)
  const seconds = ({ stdout }: { stdout: string }) => {
    const [slowest = 0, count = 0] = stdout.trim().split(' ').map(Number)
    if (count < 10 * during.seconds) throw new Error(`${count} writes in ${during.seconds} s are no measure`)
    return slowest / 1000
  }
  return [seconds(during), seconds(without)]
}
