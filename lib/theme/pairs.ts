/**
 * What stands on what: every text and surface of the desk, the point of sale and the login page that a brand colours.
 * Selectors and variables are those that were seen to work on ERPNext v16 (docs/branding.md).
 */
import { BARS, SIDEBAR, STEPS } from './pairs/bars.ts'
import { COUNTER } from './pairs/counter.ts'
import { DRAWN, PAGES } from './pairs/page.ts'
import type { Pair } from './pairs/pair.ts'
import { SIGN_IN } from './pairs/sign-in.ts'

export const PAIRS: readonly Pair[] = [...PAGES, ...DRAWN, ...SIDEBAR, ...BARS, ...STEPS, ...COUNTER, ...SIGN_IN]

/** Variables that colour no text and nothing that it stands on. */
export const LINES: readonly string[] = [
  '--border-color',
  '--table-border-color',
  '--dark-border-color',
  '--sidebar-border-color',
  '--divider-color',
  '--gray-300',
  '--scrollbar-track-color',
  '--focus-default',
  '--checkbox-focus-shadow',
  '--shadow-base',
  '--theme-accent',
  '--theme-signature',
  '--theme-low',
  '--theme-out',
]
