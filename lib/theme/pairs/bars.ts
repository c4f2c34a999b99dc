/** The sidebar, the navigation bars and the panel of first steps. */
import { all, desk, type Pair } from './pair.ts'

const BAR = '.page-head'
const BAR_BUTTON = ['.page-head .page-actions .btn-default', '.page-head .page-actions .btn-secondary']
const BAR_PRIMARY = '.page-head .page-actions .btn-primary'
const DESKTOP = '.desktop-wrapper .navbar-container'
const SIDE = ['.body-sidebar']

export const SIDEBAR: Pair[] = [
  ...all(
    'sidebar',
    [
      '--ink-gray-8',
      '--ink-gray-7',
      '--ink-gray-6',
      '--ink-gray-5',
      '--ink-gray-4',
      '--text-color',
      '--text-muted',
      '--text-light',
    ],
    ['--surface-menu-bar'],
    SIDE,
  ),
  ...all('notifications opened in the sidebar', ['--text-color', '--text-muted', '--text-light'], ['--bg-color'], SIDE),
  ...['--sidebar-hover-color', '--sidebar-active-color', '--btn-ghost-hover-bg'].flatMap((layer) =>
    [
      '--ink-gray-8',
      '--ink-gray-7',
      '--text-color',
      '--text-muted',
      ...(layer === '--sidebar-hover-color' ? ['--ink-gray-5', '--ink-gray-4'] : []),
    ].map((text) => desk('sidebar, row under the pointer or open', text, [layer, '--surface-menu-bar'], SIDE)),
  ),
  desk('address in the sidebar', 'color', '--surface-menu-bar', [
    ...SIDE,
    '.body-sidebar .avatar-name-email .text-secondary',
  ]),
  desk('arrow in the sidebar', '--icon-stroke', '--surface-menu-bar', SIDE, 3),
]

export const BARS: Pair[] = [
  ...['--ink-gray-9', '--ink-gray-7', '--ink-gray-5', '--ink-gray-4', '--icon-stroke'].map((text) =>
    desk('breadcrumb', text, `background@${BAR}`, [BAR, '.page-head .navbar-breadcrumbs']),
  ),
  desk(
    'button that opens the sidebar',
    '--icon-stroke',
    `background@${BAR}`,
    [BAR, '.page-head .page-title .sidebar-toggle-btn'],
    3,
  ),
  ...['--control-bg', '--btn-default-hover-bg'].flatMap((layer) =>
    ['--text-color', '--text-muted', '--icon-stroke'].map((text) =>
      desk('button on the bar', text, [layer, `background@${BAR}`], [BAR, BAR_BUTTON]),
    ),
  ),
  desk('primary action on the bar', '--neutral', '--btn-primary', [BAR, BAR_PRIMARY]),
  desk('primary action on the bar under the pointer', '--neutral', 'background-color', [
    BAR,
    [BAR_PRIMARY, '.btn.btn-primary:hover', '.page-head .page-actions .btn.btn-primary:hover'],
  ]),
  desk('primary action on the bar pressed', '--gray-100', '--invert-neutral', [
    BAR,
    [BAR_PRIMARY, '.btn.btn-primary:active', '.page-head .page-actions .btn.btn-primary:active'],
  ]),
  ...['--text-light', '--text-muted', '--icon-stroke'].map((text) =>
    desk(
      'search on the desktop’s bar',
      text,
      ['background-color', `background@${DESKTOP}`],
      [DESKTOP, '.desktop-wrapper .navbar-container .desktop-navbar-modal-search'],
    ),
  ),
  desk(
    'search on the desktop’s bar',
    'color',
    ['background-color', `background@${DESKTOP}`],
    [DESKTOP, '.desktop-wrapper .navbar-container .desktop-navbar-modal-search'],
  ),
  desk(
    'words of the search',
    'color',
    ['background-color@.desktop-wrapper .navbar-container .desktop-navbar-modal-search', `background@${DESKTOP}`],
    [
      DESKTOP,
      '.desktop-wrapper .navbar-container .desktop-navbar-modal-search',
      '.desktop-wrapper .navbar-container .desktop-search-wrapper span',
    ],
  ),
  desk(
    'bell on the desktop’s bar',
    '--icon-stroke',
    `background@${DESKTOP}`,
    [DESKTOP, '.desktop-wrapper .navbar-container .desktop-notifications > .dropdown > .btn-reset'],
    3,
  ),
]

const PANEL = '.user-onboarding .onb-panel'
const WORDS = `${PANEL} :is(.text-base, .onb-skip:hover)`
const STEP = `${PANEL} .onb-group:hover`
export const STEPS: Pair[] = [
  desk('first steps', 'color', `background-color@${PANEL}`, [PANEL, WORDS]),
  desk('first steps, under the pointer', 'color', `background@${STEP}`, [PANEL, STEP, WORDS]),
  desk('first steps, quiet words', 'color', `background-color@${PANEL}`, [
    PANEL,
    `${PANEL} :is(.onb-skip, .onb-title-steps)`,
  ]),
  desk('first steps', 'color', 'background-color', [PANEL]),
  desk('first steps, how far', 'color', 'background', [PANEL, `${PANEL} .onb-progress-badge`]),
  desk('first steps, all done', 'color', 'background', [PANEL, `${PANEL} .onb-progress-badge-complete`]),
]
