/** The rules of routers that our files may use: hosts first, so that no router can take another tenant's requests. */

/** A rule, read. */
export interface Rule {
  hosts: string[]
  /** What narrows it: all requests of its hosts where there is none. Any one of them is enough. */
  matchers: Matcher[]
}

export interface Matcher {
  name: string
  value: string
}

const HOST = 'Host\\(`[^`]*`\\)'
const MATCHER = '(?:Path|PathPrefix|PathRegexp|Method|ClientIP)\\(`[^`]*`\\)'
const either = (one: string) => `(?:${one}|\\(${one}(?: \\|\\| ${one})+\\))`
const RULE = new RegExp(`^(?<hosts>${either(HOST)})(?: && (?<rest>${either(MATCHER)}))?$`)

/** Why a rule is refused. */
export const RULE_FORM =
  'must be Host(`…`), or (Host(`…`) || Host(`…`)), alone or before && and one matcher or (a || b)'

/** A rule of the form that we allow, or nothing. `&&` binds tighter than `||`: hence the brackets. */
export function readRule(text: string): Rule | undefined {
  const found = RULE.exec(text)?.groups
  if (!found) return undefined
  const read = (part = '') =>
    [...part.matchAll(/(\w+)\(`([^`]*)`\)/g)].map(([, name = '', value = '']) => ({ name, value }))
  return { hosts: read(found.hosts).map(({ value }) => value), matchers: read(found.rest) }
}

/** Whether a rule catches this path of a host by name. */
export const catches = ({ hosts, matchers }: Rule, host: string, name: string, value: string) =>
  hosts.includes(host) && matchers.some((matcher) => matcher.name === name && matcher.value === value)
