/** Opens a tenant's repositories inside a job: the one that was used before, or a new one where that is asked for. */
import { isFailure, OperatorError, preconditionError } from '../errors.ts'
import { freeBytes, makeDirectory } from '../files.ts'
import { type Job, type JobPart, withJob } from '../jobs.ts'
import { pullJobImage } from '../preflight.ts'
import type { Tenant } from '../registry.ts'
import { type Repository, reach } from '../restic/client.ts'
import { initRepository, repositoryId } from '../restic/repository.ts'
import { type Known, type Ledger, readLedger, updateLedger } from './ledger.ts'
import { type Place, placeOf, type Role, readKeys, variableOf } from './repository.ts'

/** A job's container with the tenant's repositories. */
export interface Opened {
  job: Job
  repository: Repository
  /** Opens the off-site repository, where there is one: only then, so that its absence never costs a backup here. */
  offsite?: () => Promise<Repository>
}

/** How they are opened. */
interface Opening {
  /** Make repositories that are not there and never were. */
  init?: boolean
  /** Open this one alone, as `repository`; the other may be missing. */
  only?: Role
}

/**
 * Start a job, open the repository and do the work.
 * @throws OperatorError (3) for a wrong password, a repository that is missing, gone, or not the one of before.
 */
export async function withRepositories<T>(
  tenant: Tenant,
  part: JobPart,
  { init = false, only }: Opening,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const [place, away] = [placeOf(tenant, only ?? 'repository'), only ? undefined : placeOf(tenant, 'offsite')]
  if (!place)
    throw preconditionError(
      `${tenant.name}: ${variableOf(tenant, 'offsite')} names no repository`,
      'name it in .env: docs/backup.md#where-backups-go',
    )
  const [keys, ledger] = await Promise.all([readKeys(tenant), readLedger(tenant)])
  const makes = (one: Place) => init && !knownAs(one, ledger)
  let unmade: unknown // thrown when it is opened: it must not cost the backup here
  const elsewhere = await mountOf(away, part, makes).catch((error) => {
    unmade = error
    return undefined
  })
  const here = await mountOf(place, part, makes)
  const mounts = [here, elsewhere].filter((mount) => mount !== undefined)
  if (place.directory && !here) throw gone(tenant, place, ledger, part)
  return withJob(tenant, part, mounts, async (job) => {
    const repository = await reach(tenant, job, place, keys)
    await open(repository, ledger, makes(place), part)
    const offsite =
      away &&
      (async () => {
        if (unmade) throw unmade
        if (bare(away) === bare(place)) throw oneAndTheSame(tenant)
        if (away.directory && !elsewhere) throw gone(tenant, away, ledger, part)
        const second = await reach(tenant, job, away, keys)
        await open(second, ledger, makes(away), part, repository)
        return second
      })
    return work({ job, repository, ...(offsite && { offsite }) })
  })
}

const bare = ({ location }: Place) => location.replace(/\/+$/, '')

/** As after a disaster, where the off-site copy has become the repository: every night would find its backup "there". */
export function oneAndTheSame(tenant: Tenant): OperatorError {
  const [here, away] = [variableOf(tenant, 'repository'), variableOf(tenant, 'offsite')]
  return preconditionError(
    `nothing would be off-site: ${here} and ${away} name one repository`,
    `give ${away} another place, or take it out of .env until there is one`,
  )
}

/**
 * A directory of this machine, made first where that is asked for: Docker would make a missing one open to all. A restore
 * reads: it writes as root beside what the tenant's own programs can turn into links.
 */
async function mountOf(
  place: Place | undefined,
  part: JobPart,
  makes: (place: Place) => boolean,
): Promise<string | undefined> {
  if (!place?.directory) return undefined
  const { directory, restic } = place
  const isThere = (await freeBytes(directory)) !== undefined
  if (!isThere && !makes(place)) return undefined
  if (!isThere) await makeDirectory(directory)
  return `${directory}:${restic}${part === 'restore' ? ':ro' : ''}`
}

/**
 * Make a new tenant's repositories, so that its first night has them. One that was made before is not made again.
 * @returns why there is no off-site one, where one is wanted
 * @throws OperatorError where the one here cannot be made, or is gone; the tenant is none the worse for it
 */
export async function ensureRepository(
  tenant: Tenant,
  note: (text: string) => void,
): Promise<OperatorError | undefined> {
  await pullJobImage(tenant, note)
  return withRepositories(tenant, 'backup', { init: true }, async ({ offsite }) => {
    try {
      await offsite?.()
      return undefined
    } catch (error) {
      if (!isFailure(error)) throw error
      return error
    }
  })
}

/** True where each of the tenant's repositories was seen at the place that it has now. */
export async function hasRepository(tenant: Tenant): Promise<boolean> {
  const ledger = await readLedger(tenant)
  const places = [placeOf(tenant, 'repository'), placeOf(tenant, 'offsite')].filter((place) => place !== undefined)
  return places.every((place) => knownAs(place, ledger) !== undefined)
}

const entryOf = ({ role }: Place) => (role === 'offsite' ? 'offsiteRepository' : 'repository')

/** A place counts as known also after the repository was elsewhere for a time: its disk may not be mounted. */
function knownAs(place: Place, ledger: Ledger): Known | undefined {
  const { repository, offsiteRepository, earlierRepositories = [] } = ledger
  return [repository, offsiteRepository, ...earlierRepositories].find((known) => known?.location === place.location)
}

/** Write down where it is now, and where it was. */
async function remember({ tenant, place }: Repository, id: string): Promise<void> {
  const ledger = await readLedger(tenant) // the other repository may just have been written down
  const was = ledger[entryOf(place)]
  if (was?.id === id && was.location === place.location) return
  const { at } = knownAs(place, ledger) ?? { at: new Date().toISOString() }
  const others = [...(ledger.earlierRepositories ?? []), was].filter((known) => known !== undefined)
  const earlierRepositories = others.filter(({ location }) => location !== place.location)
  await updateLedger(tenant, { [entryOf(place)]: { id, location: place.location, at }, earlierRepositories })
}

/** A repository that existed and is gone is never made anew. */
async function open(
  repository: Repository,
  ledger: Ledger,
  init: boolean,
  part: JobPart,
  like?: Repository,
): Promise<void> {
  const { tenant, place } = repository
  const known = knownAs(place, ledger)
  const found = await repositoryId(repository)
  if (found === undefined && !init) throw gone(tenant, place, ledger, part)
  if (found !== undefined && known && known.id !== found) {
    throw preconditionError(
      `${tenant.name}: the ${place.role} ${place.location} is another one than before (${found.slice(0, 8)}, not ${known.id.slice(0, 8)})`,
      `put the old one back, or move ${tenant.state('ledger.json')} away to accept this one`,
    )
  }
  if (found === undefined) await initRepository(repository, like)
  const id = found ?? (await repositoryId(repository))
  if (!id) throw new OperatorError(`${tenant.name}: the ${place.role} ${place.location} was not made`)
  await remember(repository, id)
}

function gone(tenant: Tenant, place: Place, ledger: Ledger, part: JobPart): OperatorError {
  const where = `${tenant.name}: the ${place.role} ${place.location}`
  const known = knownAs(place, ledger) !== undefined
  if (part === 'restore') {
    const other = `npx zx scripts/restore.ts ${tenant.name} --list${place.role === 'offsite' ? '' : ' --offsite'}`
    if (known) return preconditionError(`${where} existed and is gone`, `bring it back; or: ${other}`)
    return preconditionError(`${where} is not there`, `put the backups there; or: ${other}`)
  }
  const init = `npx zx scripts/backup.ts ${tenant.name} --init`
  if (known) {
    const ledger = tenant.state('ledger.json')
    return preconditionError(
      `${where} existed and is gone`,
      `bring it back; to begin anew: move ${ledger} away, then ${init}`,
    )
  }
  return preconditionError(`${where} was never made`, init)
}
