/** The two kinds of error: an OperatorError has a way out and is told in two lines; anything else is a bug. */

/** The exit codes of every script. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  precondition: 3,
  changed: 4,
  bug: 70,
  locked: 75,
} as const

/** The exit codes as `--help` tells them. */
export const EXIT_STATUS = [
  '0 done',
  '1 failed; what was there is intact, and the same command goes on',
  '2 usage',
  '3 a precondition is not met, nothing was changed',
  '4 failed and state was changed: the message gives the next command',
  '70 a bug in these scripts',
  '75 another verb holds the tenant, try later',
  '129/130/143 stopped by a signal',
]

interface ErrorOptions {
  /** The next command to type. */
  hint?: string | undefined
  /** One of EXIT; 1 (failed, earlier state intact) where nothing is said. */
  code?: number
  cause?: unknown
}

/** A failure that the operator can act on: one line of what happened, and the next command as a hint. */
export class OperatorError extends Error {
  readonly hint: string | undefined
  readonly code: number

  constructor(message: string, { hint, code = EXIT.failed, cause }: ErrorOptions = {}) {
    super(message, { cause })
    this.name = 'OperatorError'
    this.hint = hint
    this.code = code
  }
}

/** A wrong argument: exit 2. */
export function usageError(message: string, hint?: string): OperatorError {
  return new OperatorError(message, { code: EXIT.usage, hint })
}

/** What must hold before a verb changes anything does not: exit 3. */
export function preconditionError(message: string, hint?: string, cause?: unknown): OperatorError {
  return new OperatorError(message, { code: EXIT.precondition, cause, hint })
}

/** An error that we know and that may be told or mended; a signal, whose code is above 128, ends everything. */
export const isFailure = (error: unknown): error is OperatorError => error instanceof OperatorError && error.code <= 128

/** What work gives, or this where it fails, which is an answer too; a bug or a signal is none. */
export const orElse = <T, U>(work: Promise<T>, instead: U): Promise<T | U> =>
  work.catch((error) => {
    if (!isFailure(error)) throw error
    return instead
  })

/** What says that nothing was changed. */
const REFUSALS: number[] = [EXIT.precondition, EXIT.locked]

/**
 * Work that begins where something was changed already: what refuses to go on then is a failure (1), and told as one.
 * @param what stands before its message
 */
export async function afterChange<T>(work: Promise<T>, what = ''): Promise<T> {
  return work.catch((error) => {
    if (!(error instanceof OperatorError && REFUSALS.includes(error.code))) throw error
    throw new OperatorError(`${what}${error.message}`, { cause: error, hint: error.hint })
  })
}

/** An argument as a message may show it: quoted, short, and with nothing in it that a terminal would obey. */
export function quoted(text: string): string {
  return `"${printable(text.length > 40 ? `${text.slice(0, 40)}…` : text)}"`
}

/** Control characters, also the eight-bit ones, as escapes. */
export function printable(text: string): string {
  return text.replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** What a terminal may get: control characters as escapes, but for line ends, tabs and our own few colours. */
export function shown(text: string): string {
  return text.replace(CONTROL, (part, ours?: string) => ours ?? printable(part))
}
const ESCAPE = '\x1b'
const CONTROL = new RegExp(`(${ESCAPE}\\[(?:0|2|31|32|33)m|[\\n\\t])|\\p{C}`, 'gu')

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
