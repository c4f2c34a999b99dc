/** Copies of the repository's brands for tests that change one: their files, and a mark by which a browser knows them apart. */
import { appendFileSync, cpSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

const BRANDING = resolve(import.meta.dirname, '../branding')

/** A folder of brands of its own, `byrne` and `dickson` in it. */
export function makeBrands(directory: string): string {
  for (const brand of ['byrne', 'dickson']) writeBrand(directory, brand)
  return directory
}

/** Write a brand's folder anew; with a mark its pages have. */
export function writeBrand(directory: string, brand: string, mark?: string): void {
  const folder = join(directory, brand)
  rmSync(folder, { recursive: true, force: true })
  cpSync(join(BRANDING, brand), folder, { recursive: true })
  if (mark === undefined) return
  for (const sheet of ['theme.css', 'login.css'])
    appendFileSync(join(folder, sheet), `html { --test-mark: ${mark}; }\n`)
}
