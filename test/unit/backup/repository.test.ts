import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { placeOf, readKeys, variableOf, withLogin } from '../../../lib/backup/repository.ts'
import { OperatorError } from '../../../lib/errors.ts'
import { makeTenant } from '../../../lib/registry.ts'
import { readSettings } from '../../../lib/settings.ts'
import tenants from '../../../tenants.ts'

const home = mkdtempSync(join(tmpdir(), 'erp-repository-'))
mkdirSync(join(home, 'secrets'), { mode: 0o700 })
after(() => rmSync(home, { recursive: true, force: true }))
const root = join(import.meta.dirname, '../../..')
const tenant = (env: Record<string, string> = {}) =>
  makeTenant('dickson', tenants.dickson, readSettings(root, { ERP_HOME: home, ...env }))
const at = (location: string) => placeOf(tenant({ BACKUP_REPOSITORY_DICKSON: location }), 'repository')
const refused = (message: RegExp) => (error: unknown) =>
  error instanceof OperatorError && error.code === 3 && message.test(error.message)

describe('where backups lie', () => {
  it('is backups/<tenant> where nothing is said, and nowhere off-site', () => {
    assert.equal(placeOf(tenant(), 'repository')?.directory, join(home, 'backups/dickson'))
    assert.equal(placeOf(tenant(), 'offsite'), undefined)
  })
  it('has a variable for each tenant and role', () => {
    assert.equal(
      variableOf(makeTenant('acme-uk', tenants.dickson, readSettings(root, {})), 'offsite'),
      'BACKUP_OFFSITE_ACME_UK',
    )
  })
  it('takes a path of this machine, mounted under its role', () => {
    assert.deepEqual(at('/mnt/disk'), {
      role: 'repository',
      location: '/mnt/disk',
      directory: '/mnt/disk',
      restic: '/repository',
    })
    assert.equal(at('./elsewhere')?.directory, join(home, 'elsewhere'))
  })
  for (const location of [
    's3:https://host/bucket/path',
    'rest:https://host:8000/dickson',
    'sftp:user@host:/srv/x',
    'sftp://user@host:2222//srv/x',
  ])
    it(`takes ${location}`, () => assert.deepEqual(at(location), { role: 'repository', location, restic: location }))
  for (const location of [
    'rest:https://user:word@host/x',
    'rest:https://token@host/x',
    'sftp://user:word@host//x',
    's3:https://a:b@host/c',
  ])
    it(`refuses the login in ${location}`, () => assert.throws(() => at(location), refused(/holds a login/)))
  for (const location of ['b2:bucket', 'backups', 'ftp://host/x', 'rest:', 'rest: x'])
    it(`refuses ${location}`, () => assert.throws(() => at(location), refused(/is none of/)))
})

describe('the keys of a remote repository', () => {
  const file = join(home, 'secrets/dickson_backup_environment.txt')
  const write = (text: string, mode = 0o400) => {
    rmSync(file, { force: true })
    writeFileSync(file, text)
    chmodSync(file, mode)
  }
  it('are none where there is no file', async () =>
    assert.deepEqual(await readKeys(tenant()), { files: {}, environment: {} }))
  it('become a credentials file for S3, and an environment holds the region alone', async () => {
    write('# keys\nAWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=a=b\nAWS_DEFAULT_REGION=eu\n')
    const { files, environment, login } = await readKeys(tenant())
    assert.match(files.aws ?? '', /^aws_secret_access_key = a=b$/m)
    assert.deepEqual([environment, login], [{ AWS_DEFAULT_REGION: 'eu' }, undefined])
  })
  it("become the login in a rest-server's repository file, escaped, and in no other's", async () => {
    write('RESTIC_REST_USERNAME=u\nRESTIC_REST_PASSWORD=p@/:\n')
    const keys = await readKeys(tenant())
    const place = at('rest:https://host/x')
    assert.equal(place && withLogin(place, keys), 'rest:https://u:p%40%2F%3A@host/x')
    assert.equal(withLogin({ role: 'offsite', location: '', restic: 'sftp://u@h//x' }, keys), 'sftp://u@h//x')
    assert.deepEqual(keys.environment, {})
  })
  it('are refused under an unknown name', async () => {
    write('RESTIC_PASSWORD=x\n')
    await assert.rejects(readKeys(tenant()), refused(/unknown RESTIC_PASSWORD/))
  })
  for (const broken of ['AWS_SECRET_ACCESS_KEY: a/b+c', 'AWS_SECRET_ACCESS_KEY=a\nb/c1d==', 'hunter2'])
    it(`are refused where a line is no setting, and the line is not told: ${broken}`, async () => {
      write(`${broken}\n`)
      await assert.rejects(readKeys(tenant()), refused(/: unknown a line that is no setting; known: AWS_/))
    })
  it('are refused where others can write the file, or it is a link', async () => {
    write('AWS_REGION=x\n', 0o622)
    await assert.rejects(readKeys(tenant()), refused(/can be written by others/))
    rmSync(file)
    symlinkSync('/etc/hostname', file)
    await assert.rejects(readKeys(tenant()), refused(/is not a plain file/))
    rmSync(file)
  })
})
