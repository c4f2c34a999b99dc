/** Tells a person on stderr what happens: a spinner on a terminal, plain lines with the time taken elsewhere. */

import { printable, shown } from './errors.ts'

export interface Reporter {
  /** Do one step under the words that the operator reads. `note` says what is being waited for. */
  step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>
  /** One line that is no step. */
  say(line: string): void
  warn(line: string): void
  /** Without any secret: for what leaves by another way than this. */
  redact(text: string): string
  /** The steps that ended well, in order, with the seconds they took. */
  readonly done: StepTime[]
}

export interface StepTime {
  title: string
  seconds: number
}

interface Options {
  write: (text: string) => void
  /** Applied to everything that is shown. */
  redact: (text: string) => string
  /** Nothing but warnings and errors: cron mails what is printed. */
  quiet: boolean
  /** A terminal that redraws lines. */
  terminal: boolean
  colour: boolean
}

/** Make the reporter of one run. */
export function makeReporter({ write, redact, quiet, terminal, colour }: Options): Reporter {
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)
  const line = (text: string) => write(`${shown(redact(text))}\n`)
  const warn = (text: string) => line(`${paint(33, '⚠')} ${text}`)
  const say = (text: string) => {
    if (!quiet) line(text)
  }

  const done: StepTime[] = []
  async function step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const started = performance.now()
    const result = await told(title, work)
    done.push({ title, seconds: Math.round(performance.now() - started) / 1000 })
    return result
  }

  async function told<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    if (quiet) return work(() => {})
    const spinner = terminal ? await startSpinner(title, colour) : undefined
    const begun = performance.now()
    const took = () => paint(2, `(${seconds(performance.now() - begun)})`)
    try {
      const result = await work((text) => {
        if (spinner) spinner.text = redact(printable(`${title}: ${text}`))
      })
      spinner?.stop()
      line(`${paint(32, '✔')} ${title} ${took()}`)
      return result
    } catch (error) {
      spinner?.stop()
      line(`${paint(31, '✖')} ${title} ${took()}`)
      throw error
    }
  }

  return { step, say, warn, redact, done }
}

/** ora knows NO_COLOR only through its own libraries, and not in every part. */
async function startSpinner(text: string, colour: boolean) {
  const { default: ora } = await import('ora')
  return ora({ text, discardStdin: false, ...(!colour && { color: false }) }).start()
}

/** Milliseconds as a person reads them: `0.4 s`, `12 s`, `2 min 5 s`. */
function seconds(milliseconds: number): string {
  const value = milliseconds / 1000
  if (value < 10) return `${value.toFixed(1)} s`
  if (value < 120) return `${Math.round(value)} s`
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`
}
