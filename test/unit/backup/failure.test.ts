/** What a failed run of restic is told as, and what helps. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Role } from '../../../lib/backup/repository.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { failure, hasVanished } from '../../../lib/restic/failure.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const tenant = makeTenant('dickson', tenants.dickson, readSettings('/repository', {}))

function failed(stderr: string, { role = 'repository' as Role, code = 1, timedOut = false } = {}) {
  const place = { role, location: 'sftp:x', restic: 'sftp:x' } as const
  const job = { name: 'job', exec: () => assert.fail('nothing is asked') }
  const repository = { tenant, place, job, flags: [], environment: {} }
  return failure(repository, ['cat'], { code, stdout: '', stderr, timedOut })
}

describe('a failed run of restic', () => {
  const SFTP = 'Fatal: unable to open repository: unable to start the sftp session, error: unexpected EOF'
  it('asks for host key and key where sftp does not start, also where ssh said nothing', () => {
    const { message, hint } = failed(`${SFTP}\n`)
    assert.match(message, /restic cat failed \(1\): Fatal: unable to open/)
    assert.match(hint ?? '', /host key of secrets\/dickson_backup_known_hosts, .* take dickson_backup_ssh_key/)
  })
  it('tells what ssh said, and that a host key has changed though only a part of its banner came', () => {
    assert.match(failed(`subprocess ssh: Permission denied\n${SFTP}\n`).message, /unexpected EOF; subprocess ssh: Perm/)
    const banner = failed(`subprocess ssh: @@@@@@@@@@\n${SFTP}\n`).message
    assert.match(banner, /Host key verification failed: it is another key/)
  })
  it('names what makes room here, and there', () => {
    const full = 'Fatal: write /r/data: no space left on device'
    assert.match(failed(full).hint ?? '', /backup\.ts dickson --prune/)
    const away = failed(full, { role: 'offsite' }).hint ?? ''
    assert.match(away, /there/)
    assert.doesNotMatch(away, /--prune/)
  })
  it('says what helps against a repository that was made half-way', () => {
    const half = 'Fatal: create key in repository at sftp:x failed: repository already contains keys'
    assert.match(failed(half).hint ?? '', /docs\/backup\.md#a-repository-that-was-made-half-way/)
  })
  it('names whose a directory must be that root may not write, and not for a file that cannot be backed up', () => {
    const lock = 'Fatal: Save(<lock/0b4f>) failed: open /repository/locks/0b4f-tmp-1: permission denied'
    assert.match(failed(lock).hint ?? '', /chown -R root: /)
    assert.equal(failed('open /in/sites/x/private/files/a: permission denied').hint, undefined)
  })
  it('is 3 for a wrong password, for no repository and for a lock, 1 for anything else', () => {
    const codes = [12, 10, 11, 1].map((code) => failed('Fatal: x', { code }).code)
    assert.deepEqual(codes, [3, 3, 3, 1])
    assert.match(failed('', { timedOut: true }).message, /did not end in time/)
  })
})

describe('a backup that missed files', () => {
  const missed = (...errors: string[]) =>
    errors
      .map((message) => JSON.stringify({ message_type: 'error', error: { message }, during: 'archival', item: '/x' }))
      .join('\n')
  it('is made once more where all of them were gone when it came to them, and only then', () => {
    const gone = 'llistxattr /x: no such file or directory'
    assert.ok(hasVanished(missed(gone, gone)))
    assert.ok(!hasVanished(missed(gone, 'open /x: permission denied')))
    assert.ok(!hasVanished('Fatal: no such file or directory'))
  })
})
