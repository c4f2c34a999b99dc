/** Copies of the repository's brands for tests that change one: their files, and a mark by which a browser knows them apart. */
import { appendFileSync, cpSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { COMMON } from '../lib/theme/brand.ts'

export const BRANDING = resolve(import.meta.dirname, '../branding')

/** The folders of branding/ that are brands. */
export const brandNames = (): string[] => readdirSync(BRANDING).filter((name) => name !== COMMON)

/** A folder of brands of its own: all brands of the repository, and what they share. */
export function makeBrands(directory: string): string {
  for (const brand of brandNames()) writeBrand(directory, brand)
  return directory
}

/** Write a brand's folder and what the brands share anew; with a mark its pages have. */
export function writeBrand(directory: string, brand: string, mark?: string): void {
  for (const name of [COMMON, brand]) {
    rmSync(join(directory, name), { recursive: true, force: true })
    cpSync(join(BRANDING, name), join(directory, name), { recursive: true })
  }
  if (mark === undefined) return
  for (const sheet of ['theme.css', 'login.css'])
    appendFileSync(join(directory, brand, sheet), `html { --test-mark: ${mark}; }\n`)
}
