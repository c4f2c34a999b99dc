/** The point of sale: items and cart, and taking a payment. */
import { desk, each, icon, pageHead, text } from './html.ts'
import type { Item, Sample } from './samples.ts'

const stockPill = ({ stock }: Item) => {
  const colour = stock === null ? '' : stock > 10 ? 'green' : stock <= 0 ? 'red' : 'orange'
  return `<div class="item-qty-pill"><span class="indicator-pill whitespace-nowrap ${colour}">${stock ?? ''}</span></div>`
}

const initials = (name: string) =>
  name
    .split(' ')
    .map((word) => word[0])
    .slice(0, 2)
    .join('')
    .toUpperCase()

const card = (item: Item) => `
<div class="item-wrapper" data-item-code="${escape(item.code)}" data-uom="Box" data-rate="6.4" title="${text(item.name)}">
  ${stockPill(item)}<div class="item-display abbr">${initials(item.name)}</div>
  <div class="item-detail"><div class="item-name">${text(item.name)}</div><div class="item-rate">${item.rate}</div></div></div>`

const head = pageHead({
  crumbs: ['Point of Sale'],
  actions: `<div class="custom-actions"><button class="btn btn-default ellipsis">Recent Orders</button></div><div class="standard-actions flex"><div class="menu-btn-group"><button type="button" class="btn btn-default icon-btn menu-more-button"><span><span class="menu-btn-group-label">${icon('dots')}</span></span></button></div><button class="btn btn-primary btn-sm primary-action"><span>New Invoice</span></button></div>`,
})

const itemsSection = ({ items }: Sample, shown: boolean) => `
<section class="items-selector" style="display:${shown ? 'flex' : 'none'}"><div class="filter-section"><div class="label">All Items</div>
  <div class="search-field"><div class="frappe-control"><div class="form-group"><input type="text" class="form-control" placeholder="Search by item code, serial number or barcode"></div></div></div>
  <div class="item-group-field"><div class="frappe-control"><div class="form-group"><input type="text" class="form-control" placeholder="Select item group"></div></div></div></div>
  <div class="items-container show-item-image">${each(items, card)}</div></section>`

const cartRow = ([, name, quantity, rate, amount]: Sample['cart'][number], index: number) => `
<div class="cart-item-wrapper" data-row-name="r${index}"><div class="item-image item-abbr">${initials(name)}</div><div class="item-name-desc"><div class="item-name">${name}</div></div>
  <div class="item-qty-rate"><div class="item-qty"><span>${quantity}</span></div><div class="item-rate-amount">${amount ? `<div class="item-rate">${amount}</div><div class="item-amount">${rate}</div>` : `<div class="item-rate">${rate}</div>`}</div></div></div><div class="seperator"></div>`

const cartSection = ({ cart, totals }: Sample, paying: boolean) => `
<section class="customer-cart-container"><div class="customer-section"><div class="customer-details"><div class="customer-display"><div class="customer-image customer-abbr">WC</div><div class="customer-name-desc"><div class="customer-name">Walk-in Customer</div><div class="customer-desc">Click to add email / phone</div></div><div class="reset-customer-btn">${icon('close')}</div></div></div></div>
<div class="cart-container"><div class="abs-cart-container"><div class="cart-label">Item Cart</div><div class="cart-header"><div class="name-header">Item</div><div class="qty-header">Quantity</div><div class="rate-amount-header">Amount</div></div>
  <div class="cart-items-section">${each(cart, cartRow)}</div>
  <div class="cart-totals-section"><div class="add-discount-wrapper" style="display:${paying ? 'none' : 'flex'}">Add Discount</div><div class="item-qty-total-container"><div>Total Quantity</div><div>${cart.length + 1}</div></div>
    <div class="net-total-container"><div>Net Total</div><div>${totals[0]}</div></div><div class="taxes-container" style="display:flex"><div class="tax-row"><div class="tax-label">VAT 23 %</div><div class="tax-value">${totals[1]}</div></div></div>
    <div class="grand-total-container"><div>Grand Total</div><div>${totals[2]}</div></div>
    ${paying ? '<div class="edit-cart-btn" style="display:flex">Edit Cart</div>' : '<div class="checkout-btn" style="background-color: var(--btn-primary); display: flex; color: var(--neutral);">Checkout</div>'}</div>
</div></div></section>`

const keys = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '.', '0', 'Delete']
const paymentSection = ({ totals }: Sample) => `
<section class="payment-container" style="display:flex"><div class="payment-split-container"><div class="payment-container-left"><div class="section-label payment-section">Payment Method</div><div class="payment-modes">
  ${each(['Cash', 'Card', 'Voucher'], (mode, index) => `<div class="payment-mode-wrapper"><div class="mode-of-payment ${index === 1 ? 'border-primary' : ''}" data-mode="${mode.toLowerCase()}" data-payment-type="Bank">${mode}<div class="pay-amount">${index === 1 ? totals[2] : ''}</div></div></div>`)}</div></div>
  <div class="payment-container-right"><div class="fields-numpad-container"><div class="number-pad"><div class="numpad-container">${each(keys, (key) => `<div class="numpad-btn" data-button-value="${key}">${key}</div>`)}</div></div></div></div></div>
  <div class="totals-section"><div class="totals"><div class="col"><div class="total-label">Grand Total</div><div class="value">${totals[2]}</div></div><div class="seperator-y"></div><div class="col"><div class="total-label">Paid Amount</div><div class="value">${totals[2]}</div></div><div class="seperator-y"></div><div class="col"><div class="total-label">Change Amount</div><div class="value">€ 0.00</div></div></div></div>
  <div class="submit-order-btn">Complete Order</div></section>`

const page = (body: string) =>
  desk({
    name: 'till',
    route: 'point-of-sale',
    head,
    body: `<div class="layout-main"><div class="layout-main-section-wrapper"><div class="layout-main-section"><div class="point-of-sale-app">${body}</div></div></div></div>`,
    sidebar: '',
  })

export const till = (sample: Sample) => page(itemsSection(sample, true) + cartSection(sample, false))
export const payment = (sample: Sample) => page(paymentSection(sample) + cartSection(sample, true))
