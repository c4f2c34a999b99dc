/** What holds after every fault, whatever it was (the tests of each verb say what it must have done besides). */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestRepository } from './backups.ts'
import { docker, redis, secretsOf, type TestStack } from './harness.ts'

const SITES = '/home/frappe/frappe-bench/sites'
const REDIS = ['erpnext-redis-cache', 'erpnext-redis-queue']

/**
 * Look at a stack of which `dickson` is about to be struck, and at `byrne` beside it; both serve.
 * @returns looks again, at what was said too: no earlier byte of the repository is gone, byrne was not touched, no secret
 * shows or has changed, and the site is as open, and its scheduler as awake, as before
 */
export function invariantsOf(stack: TestStack, repository: TestRepository): (said: string) => void {
  for (const service of REDIS) assert.match(redis(stack, service, 'set planted 1'), /OK$/)
  const now = () => ({
    byrne: stack.fingerprint('byrne'),
    rows: rowsOf(stack.container('erpnext-db')),
    planted: REDIS.map((service) => redis(stack, service, 'exists planted')),
    secrets: secretsOf(stack),
    switches: switchesOf(stack),
  })
  const [before, stored] = [now(), filesOf(repository)]
  assert.notEqual(before.byrne, '', 'byrne runs, or nothing of it could be seen')
  assert.match(before.rows, /^\d+$/)
  for (const answer of before.planted) assert.match(answer, /1$/)
  return (said) => {
    assert.deepEqual(now(), before)
    const left = filesOf(repository)
    assert.deepEqual(
      stored.filter((file) => !left.includes(file)),
      [],
    )
    const journal = readFileSync(join(stack.home, 'state/dickson/journal.jsonl'), 'utf8')
    for (const [name, value] of Object.entries(before.secrets))
      assert.ok(!`${said}${journal}`.includes(value), `${name} shows`)
  }
}

/** Path and size of what a repository holds; the names of its packs and snapshots are sums of their content. */
function filesOf(repository: TestRepository): string[] {
  const directory = repository.directory()
  const names = ['config', 'keys', 'data', 'snapshots'].flatMap((part) => {
    const path = join(directory, part)
    if (statSync(path).isFile()) return [part]
    return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(part, name))
  })
  return names.map((name) => {
    const stat = statSync(join(directory, name))
    return `${name} ${stat.isFile() ? stat.size : 'directory'}`
  })
}

function rowsOf(db: string): string {
  const [schema] = docker('exec', db, 'mariadb', '-Ne', "show databases like '\\_%'").split('\n')
  return docker('exec', db, 'mariadb', '-Ne', 'select count(*) from tabUser', schema ?? '')
}

function switchesOf(stack: TestStack): unknown[] {
  const files = ['common_site_config.json', 'erp.dickson-supplies.com/site_config.json']
  return files.map((file) => {
    const config = JSON.parse(docker('exec', stack.container('dickson-backend'), 'cat', `${SITES}/${file}`))
    return [config.maintenance_mode, config.pause_scheduler]
  })
}
