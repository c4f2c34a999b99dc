/**
 * What stands on what: every text and surface of the desk, the point of sale and the login page that a brand colours.
 * Selectors and variables are those that were seen to work on ERPNext v16 (docs/branding.md).
 */

export interface Pair {
  /** What a person would call it. */
  where: string
  sheet: 'desk' | 'login'
  /** Elements from the outside in; each by every selector that it is styled by. Without any: the page itself. */
  at?: readonly (string | readonly string[])[]
  /** A variable of the innermost element, or one of its properties. */
  text: string
  /** Layers from the top down, the last one opaque: as `text`, or `property@selector` for one of the outer elements. */
  on: readonly string[]
  /** 4.5 for text; 3 for what is drawn: icons, frames, rings. */
  needs?: 3
}

const desk = (where: string, text: string, on: string | readonly string[], at: Pair['at'] = [], needs?: 3): Pair => ({
  where,
  sheet: 'desk',
  at,
  text,
  on: typeof on === 'string' ? [on] : on,
  ...(needs && { needs }),
})
const login = (where: string, text: string, on: string | readonly string[], at: Pair['at'] = [], needs?: 3): Pair => ({
  ...desk(where, text, on, at, needs),
  sheet: 'login',
})

/** Each text on each surface. */
const all = (where: string, texts: readonly string[], surfaces: readonly string[], at: Pair['at'] = []): Pair[] =>
  surfaces.flatMap((surface) => texts.map((text) => desk(where, text, surface, at)))

const PAGE = [
  '--text-color',
  '--heading-color',
  '--text-neutral',
  '--text-muted',
  '--text-light',
  '--ink-gray-5',
  '--ink-gray-4',
]
const PILLS = ['green', 'blue', 'orange', 'yellow', 'red', 'gray']
const AVATARS = ['blue', 'purple', 'green', 'dark-green', 'orange', 'yellow', 'red', 'pink', 'gray']
const BAR = '.page-head'
const BAR_BUTTON = ['.page-head .page-actions .btn-default', '.page-head .page-actions .btn-secondary']
const BAR_PRIMARY = '.page-head .page-actions .btn-primary'
const DESKTOP = '.desktop-wrapper .navbar-container'
const SIDE = ['.body-sidebar']
const TILL = '.point-of-sale-app'
const CARD = 'body[data-path="login"] section .page-card'

const PAGES: Pair[] = [
  ...all('page, cards and dialogs', PAGE, ['--bg-color', '--fg-color', '--card-bg', '--modal-bg', '--popover-bg']),
  ...all(
    'heads of lists and tables, rows under the pointer',
    ['--text-color', '--text-muted', '--text-light'],
    ['--subtle-fg', '--subtle-accent', '--highlight-color', '--fg-hover-color'],
  ),
  ...all(
    'menus',
    ['--text-color', '--text-muted'],
    ['--surface-modal', '--fg-color', '--sidebar-hover-color', '--awesomplete-hover-bg'],
  ),
  ...all(
    'fields and plain buttons',
    ['--text-color', '--text-light', '--text-muted'],
    ['--control-bg', '--btn-default-hover-bg'],
  ),
  ...all(
    'fields of a dialog',
    ['--text-color', '--text-light', '--text-muted'],
    ['--control-bg', '--input-disabled-bg'],
    ['.modal'],
  ),
  ...all(
    'fields of a row under edit',
    ['--text-color', '--text-light'],
    ['--control-bg', '--input-disabled-bg'],
    ['.grid-body .editable-row'],
  ),
  ...all(
    'fields of a row opened as a form',
    ['--text-color', '--text-light'],
    ['--control-bg', '--input-disabled-bg'],
    ['.form-in-grid'],
  ),
  desk('field that cannot be edited', '--disabled-text-color', '--disabled-control-bg'),
  desk('placeholder', '--gray-500', '--control-bg', ['.form-control']),
  desk('help below a field', '--gray-500', '--bg-color', ['.help-box']),
  desk('help below a field of a dialog', '--gray-500', '--modal-bg', ['.help-box']),
  desk('faintest text', '--gray-500', '--bg-color', ['.text-extra-muted']),
  desk('head of a child table', '--gray-600', '--subtle-fg', ['.grid-heading-row']),
  desk('heading in a menu', '--gray-600', '--fg-color', ['.dropdown-header']),
  desk('change below a figure', '--gray-600', '--card-bg', ['.number-widget-box .grey-stat']),
  ...['--primary', '--primary-color', '--brand-color'].map((text) =>
    desk('link and mark in the brand’s colour', text, '--bg-color'),
  ),
  desk('primary button', '--neutral', '--btn-primary'),
  desk('primary button under the pointer', '--neutral', 'background-color', ['.btn.btn-primary:hover']),
  desk('primary button pressed', '--gray-100', '--invert-neutral', ['.btn.btn-primary:active']),
  desk('chosen day', '--date-active-text', '--date-active-bg'),
  ...PILLS.map((colour) => desk(`${colour} pill`, `--text-on-${colour}`, `--bg-${colour}`)),
  ...AVATARS.map((colour) => desk(`initials, ${colour}`, `--${colour}-avatar-color`, `--${colour}-avatar-bg`)),
  ...['success', 'info', 'warning', 'danger'].flatMap((kind) =>
    all(`${kind} message`, ['--text-color', '--text-light'], [`--alert-bg-${kind}`]),
  ),
  ...all('plain message', ['--text-color', '--text-light'], ['--toast-bg']),
  ...['--bg-color', '--highlight-color', '--fg-color'].flatMap((surface) => [
    desk('negative amount in a list', 'color', surface, ['.list-row-col.text-right a[data-filter*=",=,-"]']),
    desk('negative amount in a report', 'color', surface, ['.dt-cell__content[title*="-"]:has(> div[style*="right"])']),
    desk('prescription in a list', 'color', surface, [
      '.list-row-col a[data-filter="item_group,=,{{prescription.itemGroup}}"]',
    ]),
    desk('nothing in stock', 'color', surface, ['.list-row-col.actual_qty a[data-filter="actual_qty,=,0"]']),
  ]),
  desk('prescription beside a form’s pill', 'color', 'background-color', ['.brand-rx-badge']),
]

const DRAWN: Pair[] = [
  ...['--bg-color', '--control-bg', '--btn-default-hover-bg'].map((surface) =>
    desk('icon', '--icon-stroke', surface, [], 3),
  ),
  desk('frame of what is chosen', '--border-primary', '--bg-color', [], 3),
  desk('progress', '--progress-bar-bg', '--bg-color', [], 3),
  desk('scroll bar', '--scrollbar-thumb-color', '--bg-color', [], 3),
  desk('tick of a checkbox', '--neutral', '--checkbox-gradient', [], 3),
  desk('frame of a checkbox', 'border-color', '--card-bg', ['input[type="checkbox"]'], 3),
  desk(
    'open tab’s line',
    'border-bottom-color',
    '--card-bg',
    ['.form-tabs-list .form-tabs .nav-item .nav-link.active'],
    3,
  ),
  desk('ring around what has the focus', '--theme-focus', '--bg-color', [], 3),
  desk('chosen way of payment', '--brand-color', '--fg-color', [TILL], 3),
]

const SIDEBAR: Pair[] = [
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

const BARS: Pair[] = [
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
const STEPS: Pair[] = [
  desk('first steps', 'color', `background-color@${PANEL}`, [PANEL, WORDS]),
  desk('first steps, under the pointer', 'color', `background@${STEP}`, [PANEL, STEP, WORDS]),
  desk('first steps, quiet words', 'color', `background-color@${PANEL}`, [
    PANEL,
    `${PANEL} :is(.onb-skip, .onb-title-steps, .onb-progress-text)`,
  ]),
  desk('first steps', 'color', 'background-color', [PANEL]),
  desk('first steps, how far', 'color', 'background', [PANEL, `${PANEL} .onb-progress-badge`]),
  desk('first steps, all done', 'color', 'background', [PANEL, `${PANEL} .onb-progress-badge-complete`]),
]

const RX =
  '#page-point-of-sale .items-container > .item-wrapper:is([data-item-code^="{{prescription.codePrefix}}"], .brand-rx)::before'
const RX_CARD =
  '#page-point-of-sale .items-container.show-item-image > .item-wrapper:is([data-item-code^="{{prescription.codePrefix}}"], .brand-rx) > .item-display'
const short = (colour: string) =>
  `#page-point-of-sale .items-container.show-item-image > .item-wrapper:has(.indicator-pill.${colour}) > .item-display::after`
const COUNTER: Pair[] = [
  ...all(
    'point of sale',
    ['--text-color', '--text-muted', '--gray-500', '--gray-600', '--red-500'],
    ['--fg-color'],
    [TILL],
  ),
  ...all(
    'point of sale, under the pointer',
    ['--text-muted', '--text-light'],
    ['--control-bg', '--gray-50', '--bg-light-gray'],
    [TILL],
  ),
  ...all('discount', ['--dark-green-500'], ['--green-100', '--fg-color'], [TILL]),
  desk('past order', '--text-muted', 'background', [
    TILL,
    '#page-point-of-sale .past-order-summary .order-summary-container',
  ]),
  ...[
    '#page-point-of-sale .checkout-btn[style*="--btn-primary"]:hover',
    '#page-point-of-sale .payment-container .submit-order-btn:hover',
  ].map((button) => desk('the way on, under the pointer', '--neutral', '--btn-primary', [TILL, button])),
  desk('behind the cards', '--text-color', 'background-color', ['body[data-route="point-of-sale"] .main-section']),
  desk('abbreviation of an item', 'color', '--control-bg', [
    TILL,
    '#page-point-of-sale .items-container.show-item-image > .item-wrapper > .item-display',
  ]),
  desk('price of an item', 'color', '--fg-color', [
    TILL,
    '#page-point-of-sale .items-container > .item-wrapper > .item-detail > .item-rate',
  ]),
  desk('℞ on a card', 'color', 'background-color', [TILL, RX]),
  desk('abbreviation of a prescription medicine', 'color', 'background-color', [TILL, RX_CARD]),
  desk('low stock', 'color', 'background-color', [TILL, short('orange')]),
  desk('out of stock', 'color', 'background-color', [TILL, short('red')]),
  desk('grand total', 'color', 'background-color', [
    TILL,
    '#page-point-of-sale .cart-totals-section > .grand-total-container',
  ]),
  ...['orange', 'red'].map((colour) =>
    desk(
      `frame of a card, ${colour}`,
      'border-color',
      '--fg-color',
      [TILL, `#page-point-of-sale .items-container > .item-wrapper:has(.indicator-pill.${colour})`],
      3,
    ),
  ),
  desk(
    'frame of a card under the pointer',
    'border-color',
    '--fg-color',
    [TILL, '#page-point-of-sale .items-container > .item-wrapper:is(:hover, :focus-visible)'],
    3,
  ),
]

const SIGN_IN: Pair[] = [
  login('title above the card', 'color', 'background@body[data-path="login"]', [
    'body[data-path="login"]',
    'body[data-path="login"] .page-card-head h4',
  ]),
  ...['--text-color', '--heading-color', '--text-muted', '--text-light'].map((text) =>
    login('card', text, 'background-color', [CARD]),
  ),
  login('card', 'color', 'background-color', [CARD]),
  ...['--text-color', '--text-muted', '--text-light'].map((text) => login('field', text, '--control-bg', [CARD])),
  login('quiet words', 'color', `background-color@${CARD}`, [CARD, 'body[data-path] .text-muted']),
  login('quiet words in a field', 'color', '--control-bg', [CARD, 'body[data-path] .text-muted']),
  login('forgotten password', 'color', `background-color@${CARD}`, [CARD, `${CARD} .forgot-password-message > a`]),
  login('button', '--neutral', '--btn-primary', [CARD]),
  login('button under the pointer', '--neutral', 'background-color', [CARD, `${CARD} .btn.btn-primary:hover`]),
  login('button pressed', '--gray-100', '--invert-neutral', [CARD, 'body .btn.btn-primary:active']),
  ...['', ':hover'].map((state) =>
    login('button of the sign-in service', 'color', 'background', [
      CARD,
      [`${CARD} .page-card-body .btn-login-option`, `${CARD} .page-card-body .btn-login-option${state}`],
    ]),
  ),
  ...['--primary', '--primary-color'].map((text) => login('link', text, 'background-color', [CARD])),
  login('ring around what has the focus', '--theme-focus', 'background-color', [CARD], 3),
  ...['--text-color', '--heading-color', '--text-muted'].map((text) =>
    login('messages, password, own account', text, 'background-color', [
      'body:is([data-path="404"], [data-path="message"], [data-path="update-password"], [data-path="me"])',
    ]),
  ),
]

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
  '--theme-signature',
  '--theme-low',
  '--theme-out',
]
