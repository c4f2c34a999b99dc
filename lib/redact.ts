/** Keeps secrets out of everything that is printed or written: one function that knows every secret's value. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from './settings.ts'

const learned = new Set<string>()

/**
 * Remember a secret that lives in no file of ours, such as a site's own database password. What a tenant wrote itself takes no
 * more than a word out of what is said of others.
 */
export function learnSecret(value: string): void {
  if (/^\S{8,}$/.test(value)) learned.add(value)
}

/** A function that replaces every secret of this installation in a text by [secret]. The files are read once, when first used. */
export function makeRedactor(settings: Settings): (text: string) => string {
  let files: string[] | undefined
  return (text) => {
    if (text.trim() === '') return text
    files ??= secretValues(settings).map(({ value }) => value)
    return [...files, ...learned].reduce((safe, value) => safe.replaceAll(value, '[secret]'), text)
  }
}

/** Settings that stand among secrets and are none: such a word is in paths and names that have nothing to do with it. */
const PLAIN = /^(?:RESTIC_REST_USERNAME|AWS_DEFAULT_REGION|AWS_REGION)=/

/**
 * Every value in the files of secrets/: each line, and what stands behind its `NAME=`. Longest first, so that a secret
 * which contains another is replaced whole.
 */
export function secretValues({ home }: Pick<Settings, 'home'>): { file: string; value: string }[] {
  const directory = join(home, 'secrets')
  return listDirectory(directory)
    .flatMap((file) => readLines(join(directory, file)).map((line) => ({ file, line })))
    .filter(({ line }) => !PLAIN.test(line))
    .flatMap(({ file, line }) =>
      [...new Set([line, line.replace(/^\w+=/, '')])].map((text) => ({ file, value: text.trim() })),
    )
    .filter(({ value }) => value.length >= 8)
    .sort((a, b) => b.value.length - a.value.length)
}

function listDirectory(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true })
    return entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.md')).map((entry) => entry.name)
  } catch {
    return [] // no secrets yet
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return [] // a file that cannot be read shows nothing either
  }
}
