/** The point of sale. */
import { all, desk, type Pair } from './pair.ts'

const TILL = '.point-of-sale-app'

const RX =
  '#page-point-of-sale .items-container > .item-wrapper:is([data-item-code^="{{prescription.codePrefix}}"], .brand-rx)::before'
const RX_CARD =
  '#page-point-of-sale .items-container.show-item-image > .item-wrapper:is([data-item-code^="{{prescription.codePrefix}}"], .brand-rx) > .item-display'
const short = (colour: string) =>
  `#page-point-of-sale .items-container.show-item-image > .item-wrapper:has(.indicator-pill.${colour}) > .item-display::after`
export const COUNTER: Pair[] = [
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
