/** The desk: text, fields, buttons and pills, and what is drawn. */
import { all, desk, type Pair } from './pair.ts'

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
const TILL = '.point-of-sale-app'

export const PAGES: Pair[] = [
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

export const DRAWN: Pair[] = [
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
