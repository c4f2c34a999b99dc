/** The theme as the desk gets it: both lists are lists, and every file of ours that they name is there. */
import { get } from '../http.ts'
import type { Tenant } from '../registry.ts'
import type { Finding } from './check.ts'
import type { BenchConfig } from './site.ts'

/** Seconds for one file. */
const LIMIT = 5

/** Ask for every file through the frontend. @param address of the frontend */
export async function themeFindings(tenant: Tenant, { includes }: BenchConfig, address: string): Promise<Finding[]> {
  const part = { part: 'site', check: 'theme' }
  const remedy = `npx zx scripts/apply-theme.ts ${tenant.name}`
  const fail = (is: string): Finding[] => [{ ...part, state: 'fail', is, remedy }]
  const wrong = Object.entries(includes).find(([, value]) => value !== undefined && !Array.isArray(value))
  if (wrong) return fail(`${wrong[0]} in site_config is no list: the desk is down`)
  const paths = Object.values(includes).flat().map(String)
  const ours = paths.filter((path) => path.startsWith('/files/theme-'))
  if (ours.length === 0) return [{ ...part, state: 'warn', is: 'none is on', remedy }]
  const answers = await Promise.all(
    ours.map((path) => get(`http://${address}:8080${path}`, { headers: { Host: tenant.site }, timeout: LIMIT })),
  )
  const broken = answers.findIndex(({ status }) => status !== 200)
  if (broken < 0) return [{ ...part, state: 'ok', is: `${ours.length} files` }]
  return fail(`${ours[broken]}: ${answers[broken]?.error ?? `HTTP ${answers[broken]?.status}`}`)
}
