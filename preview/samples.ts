/** What the pages show: made-up documents of an accountant's and of a pharmacy's day. */
import type { Icon, Sidebar } from './html.ts'

export interface Row {
  name: string
  cells: readonly (readonly [field: string, value: string])[]
  /** An amount, as Frappe formats it, in the last column. */
  amount?: readonly [field: string, raw: string, shown: string]
  pill: readonly [colour: string, label: string]
  ago: string
}

export interface Item {
  code: string
  name: string
  group: string
  rate: string
  /** null: no stock is kept. */
  stock: number | null
}

export interface Sample {
  sidebar: Omit<Sidebar, 'active'>
  list: {
    doctype: string
    crumbs: readonly string[]
    subject: string
    columns: readonly (readonly [field: string, label: string])[]
    amount?: string
    rows: readonly Row[]
  }
  form: {
    crumbs: readonly string[]
    pill: readonly [colour: string, label: string]
    tabs: readonly string[]
    left: readonly (readonly [field: string, label: string, value: string, type: string])[]
    right: readonly (readonly [field: string, label: string, value: string, type: string])[]
    table: {
      label: string
      heads: readonly (readonly [label: string, type: string])[]
      rows: readonly (readonly string[])[]
    }
  }
  report: {
    title: string
    crumbs: readonly string[]
    heads: readonly (readonly [label: string, right: boolean])[]
    rows: readonly (readonly string[])[]
    bold: readonly number[]
  }
  cards: readonly (readonly [label: string, value: string, change: string])[]
  shortcuts: readonly string[]
  links: readonly (readonly [title: string, icon: Icon, links: readonly string[]])[]
  items: readonly Item[]
  cart: readonly (readonly [code: string, name: string, quantity: string, rate: string, amount?: string])[]
  totals: readonly [net: string, tax: string, grand: string]
}

const accounts: Sample = {
  sidebar: {
    title: 'Accounting',
    company: 'SecureNexus Global',
    items: [
      ['Home', 'home'],
      ['Sales Invoice', 'book'],
      ['Purchase Invoice', 'list'],
      ['Payment Entry', 'box'],
      ['Journal Entry', 'book'],
    ],
    section: 'Reports',
    below: [
      ['General Ledger', 'list'],
      ['Profit and Loss', 'chart'],
      ['Balance Sheet', 'chart'],
    ],
    user: ['CB', 'Ciara Byrne', 'ciara@byrne-accounts.org'],
  },
  list: {
    doctype: 'Sales Invoice',
    crumbs: ['Accounting', 'Sales Invoice'],
    subject: 'Title',
    amount: 'Grand Total',
    columns: [
      ['customer', 'Customer'],
      ['posting_date', 'Date'],
    ],
    rows: [
      {
        name: 'Northside Joinery',
        cells: [
          ['customer', 'Northside Joinery'],
          ['posting_date', '24-11-2026'],
        ],
        amount: ['grand_total', '4920', '€ 4,920.00'],
        pill: ['green', 'Paid'],
        ago: '2 h',
      },
      {
        name: 'Liffey Print Works',
        cells: [
          ['customer', 'Liffey Print Works'],
          ['posting_date', '23-11-2026'],
        ],
        amount: ['grand_total', '1187.5', '€ 1,187.50'],
        pill: ['orange', 'Unpaid'],
        ago: '1 d',
      },
      {
        name: 'Hanlon & Daughters',
        cells: [
          ['customer', 'Hanlon & Daughters'],
          ['posting_date', '21-11-2026'],
        ],
        amount: ['grand_total', '-320', '€ -320.00'],
        pill: ['gray', 'Return'],
        ago: '3 d',
      },
      {
        name: 'Kilmore Foods',
        cells: [
          ['customer', 'Kilmore Foods'],
          ['posting_date', '19-11-2026'],
        ],
        amount: ['grand_total', '18240', '€ 18,240.00'],
        pill: ['red', 'Overdue'],
        ago: '5 d',
      },
      {
        name: 'Rowan Architects',
        cells: [
          ['customer', 'Rowan Architects'],
          ['posting_date', '18-11-2026'],
        ],
        amount: ['grand_total', '7311.11', '€ 7,311.11'],
        pill: ['green', 'Paid'],
        ago: '6 d',
      },
      {
        name: 'Ballyfermot Motors',
        cells: [
          ['customer', 'Ballyfermot Motors'],
          ['posting_date', '17-11-2026'],
        ],
        amount: ['grand_total', '642', '€ 642.00'],
        pill: ['red', 'Draft'],
        ago: '1 w',
      },
      {
        name: 'Clontarf Yoga',
        cells: [
          ['customer', 'Clontarf Yoga'],
          ['posting_date', '14-11-2026'],
        ],
        amount: ['grand_total', '980', '€ 980.00'],
        pill: ['blue', 'Submitted'],
        ago: '1 w',
      },
      {
        name: 'Mulligan Haulage',
        cells: [
          ['customer', 'Mulligan Haulage'],
          ['posting_date', '12-11-2026'],
        ],
        amount: ['grand_total', '-74.2', '€ -74.20'],
        pill: ['yellow', 'Partly Paid'],
        ago: '2 w',
      },
    ],
  },
  form: {
    crumbs: ['Accounting', 'Sales Invoice', 'ACC-SINV-2026-00412'],
    pill: ['orange', 'Unpaid'],
    tabs: ['Details', 'Payments', 'Address & Contact', 'Terms'],
    left: [
      ['customer', 'Customer', 'Liffey Print Works', 'Link'],
      ['posting_date', 'Date', '23-11-2026', 'Date'],
      ['company', 'Company', 'SecureNexus Global', 'Link'],
    ],
    right: [
      ['due_date', 'Payment Due Date', '23-12-2026', 'Date'],
      ['grand_total', 'Grand Total', '€ 1,187.50', 'Currency'],
      ['outstanding_amount', 'Outstanding Amount', '€ 1,187.50', 'Currency'],
    ],
    table: {
      label: 'Items',
      heads: [
        ['Item', 'Link'],
        ['Quantity', 'Float'],
        ['Rate', 'Currency'],
        ['Amount', 'Currency'],
      ],
      rows: [
        ['Bookkeeping, monthly', '1.000', '€ 850.00', '€ 850.00'],
        ['Payroll run', '3.000', '€ 140.00', '€ 420.00'],
        ['Loyalty discount', '1.000', '€ -82.50', '€ -82.50'],
      ],
    },
  },
  report: {
    title: 'Profit and Loss Statement',
    crumbs: ['Accounting', 'Profit and Loss Statement'],
    heads: [
      ['Account', false],
      ['Q1', true],
      ['Q2', true],
      ['Q3', true],
      ['Total', true],
    ],
    bold: [3, 8, 9],
    rows: [
      ['Sales', '€ 41,220.00', '€ 44,980.50', '€ 39,310.00', '€ 125,510.50'],
      ['Service', '€ 12,400.00', '€ 11,150.00', '€ 14,020.00', '€ 37,570.00'],
      ['Returns', '€ -1,204.00', '€ -310.00', '€ -2,018.40', '€ -3,532.40'],
      ['Total Income', '€ 52,416.00', '€ 55,820.50', '€ 51,311.60', '€ 159,548.10'],
      ['Salaries', '€ 28,000.00', '€ 28,000.00', '€ 29,400.00', '€ 85,400.00'],
      ['Rent', '€ 6,600.00', '€ 6,600.00', '€ 6,600.00', '€ 19,800.00'],
      ['Software', '€ 1,911.11', '€ 2,027.71', '€ 2,118.18', '€ 6,057.00'],
      ['Legal', '€ 0.00', '€ 14,311.00', '€ 22,950.00', '€ 37,261.00'],
      ['Total Expense', '€ 36,511.11', '€ 50,938.71', '€ 61,068.18', '€ 148,518.00'],
      ['Profit', '€ 15,904.89', '€ 4,881.79', '€ -9,756.58', '€ 11,030.10'],
    ],
  },
  cards: [
    ['Total Income', '€ 159,548', '4.2 %'],
    ['Outstanding', '€ 21,911', '1.1 %'],
    ['Overdue', '€ 18,240', '0.4 %'],
    ['Bank', '€ 64,120', '2.0 %'],
  ],
  shortcuts: ['Chart of Accounts', 'Sales Invoice', 'Bank Reconciliation'],
  links: [
    ['Receivables', 'book', ['Sales Invoice', 'Payment Entry', 'Dunning', 'Customer']],
    ['Payables', 'list', ['Purchase Invoice', 'Supplier', 'Payment Order']],
    ['Statements', 'chart', ['Trial Balance', 'Balance Sheet', 'Cash Flow']],
  ],
  items: [
    { code: 'BOOK-M', name: 'Bookkeeping', group: 'Services', rate: '€ 850 / Month', stock: null },
    { code: 'PAY-R', name: 'Payroll run', group: 'Services', rate: '€ 140 / Nos', stock: null },
    { code: 'TILL-RL', name: 'Till rolls, 20', group: 'Products', rate: '€ 18.50 / Box', stock: 64 },
    { code: 'LEDG-A4', name: 'Ledger, A4', group: 'Products', rate: '€ 24 / Nos', stock: 7 },
    { code: 'STAMP', name: 'Company stamp', group: 'Products', rate: '€ 39 / Nos', stock: 0 },
    { code: 'VAT-R', name: 'VAT return', group: 'Services', rate: '€ 210 / Nos', stock: null },
  ],
  cart: [
    ['LEDG-A4', 'Ledger, A4', '2 Nos', '€ 24.00', '€ 48.00'],
    ['TILL-RL', 'Till rolls, 20', '1 Box', '€ 18.50'],
  ],
  totals: ['€ 66.50', '€ 15.30', '€ 81.80'],
}

const pharmacy: Sample = {
  sidebar: {
    title: 'Stock',
    company: 'Dickson Pharmaceutical',
    items: [
      ['Home', 'home'],
      ['Item', 'box'],
      ['Stock Entry', 'list'],
      ['Delivery Note', 'book'],
      ['Supplier', 'people'],
    ],
    section: 'Reports',
    below: [
      ['Stock Balance', 'chart'],
      ['Stock Projected Qty', 'chart'],
      ['Batch Expiry', 'list'],
    ],
    user: ['AD', 'Aoife Dickson', 'aoife@dickson-supplies.com'],
  },
  list: {
    doctype: 'Item',
    crumbs: ['Stock', 'Item'],
    subject: 'Item Name',
    columns: [
      ['item_group', 'Item Group'],
      ['stock_uom', 'Default Unit'],
    ],
    rows: [
      {
        name: 'Amoxicillin 500 mg',
        cells: [
          ['item_group', 'Prescription'],
          ['stock_uom', 'Box'],
        ],
        pill: ['green', 'Enabled'],
        ago: '2 h',
      },
      {
        name: 'Ibuprofen 400 mg',
        cells: [
          ['item_group', 'Over the Counter'],
          ['stock_uom', 'Box'],
        ],
        pill: ['green', 'Enabled'],
        ago: '5 h',
      },
      {
        name: 'Metformin 850 mg',
        cells: [
          ['item_group', 'Prescription'],
          ['stock_uom', 'Box'],
        ],
        pill: ['blue', 'Enabled'],
        ago: '1 d',
      },
      {
        name: 'Nitrile gloves M',
        cells: [
          ['item_group', 'Consumables'],
          ['stock_uom', 'Box'],
        ],
        pill: ['green', 'Enabled'],
        ago: '2 d',
      },
      {
        name: 'Salbutamol inhaler',
        cells: [
          ['item_group', 'Prescription'],
          ['stock_uom', 'Nos'],
        ],
        pill: ['green', 'Enabled'],
        ago: '2 d',
      },
      {
        name: 'Vitamin D3 25 µg',
        cells: [
          ['item_group', 'Over the Counter'],
          ['stock_uom', 'Nos'],
        ],
        pill: ['gray', 'Disabled'],
        ago: '4 d',
      },
      {
        name: 'Surgical mask IIR',
        cells: [
          ['item_group', 'Consumables'],
          ['stock_uom', 'Box'],
        ],
        pill: ['orange', 'Template'],
        ago: '1 w',
      },
      {
        name: 'Warfarin 3 mg',
        cells: [
          ['item_group', 'Prescription'],
          ['stock_uom', 'Box'],
        ],
        pill: ['red', 'Expired'],
        ago: '1 w',
      },
    ],
  },
  form: {
    crumbs: ['Stock', 'Item', 'Amoxicillin 500 mg'],
    pill: ['blue', 'Enabled'],
    tabs: ['Details', 'Inventory', 'Accounting', 'Purchasing'],
    left: [
      ['item_code', 'Item Code', 'RX-AMOX-500', 'Data'],
      ['item_group', 'Item Group', 'Prescription', 'Link'],
      ['stock_uom', 'Default Unit of Measure', 'Box', 'Link'],
    ],
    right: [
      ['valuation_rate', 'Valuation Rate', '€ 3.18', 'Currency'],
      ['standard_rate', 'Standard Selling Rate', '€ 6.40', 'Currency'],
      ['shelf_life_in_days', 'Shelf Life In Days', '720', 'Int'],
    ],
    table: {
      label: 'Barcodes',
      heads: [
        ['Barcode', 'Data'],
        ['Type', 'Select'],
        ['Units', 'Float'],
        ['Price', 'Currency'],
      ],
      rows: [
        ['5391500012345', 'EAN', '1.000', '€ 6.40'],
        ['5391500012352', 'EAN', '10.000', '€ 61.00'],
      ],
    },
  },
  report: {
    title: 'Stock Balance',
    crumbs: ['Stock', 'Stock Balance'],
    heads: [
      ['Item', false],
      ['Opening', true],
      ['In', true],
      ['Out', true],
      ['Balance', true],
    ],
    bold: [],
    rows: [
      ['Amoxicillin 500 mg', '120.000', '200.000', '174.000', '146.000'],
      ['Ibuprofen 400 mg', '88.000', '0.000', '80.000', '8.000'],
      ['Metformin 850 mg', '64.000', '40.000', '104.000', '0.000'],
      ['Nitrile gloves M', '310.000', '0.000', '44.000', '266.000'],
      ['Salbutamol inhaler', '20.000', '60.000', '31.000', '49.000'],
      ['Surgical mask IIR', '12.000', '0.000', '14.000', '-2.000'],
      ['Vitamin D3 25 µg', '41.000', '24.000', '9.000', '56.000'],
      ['Warfarin 3 mg', '18.000', '0.000', '6.000', '12.000'],
    ],
  },
  cards: [
    ['Stock Value', '€ 84,310', '1.8 %'],
    ['Below Reorder', '6', '2.0 %'],
    ['Expiring in 90 Days', '14', '0.7 %'],
    ['Sales Today', '€ 2,114', '3.9 %'],
  ],
  shortcuts: ['Point of Sale', 'Item', 'Stock Balance'],
  links: [
    ['Dispensing', 'book', ['Item', 'Batch', 'Serial No', 'Item Group']],
    ['Purchasing', 'list', ['Material Request', 'Purchase Order', 'Supplier']],
    ['Stock', 'chart', ['Stock Balance', 'Stock Ledger', 'Stock Ageing']],
  ],
  items: [
    { code: 'RX-AMOX-500', name: 'Amoxicillin 500…', group: 'Prescription', rate: '€ 6.40 / Box', stock: 146 },
    { code: 'OTC-IBU-400', name: 'Ibuprofen 400 mg', group: 'Over the Counter', rate: '€ 4.95 / Box', stock: 8 },
    { code: 'RX-METF-850', name: 'Metformin 850 mg', group: 'Prescription', rate: '€ 5.10 / Box', stock: 0 },
    { code: 'CON-GLOVE-M', name: 'Nitrile gloves M', group: 'Consumables', rate: '€ 9.80 / Box', stock: 266 },
    { code: 'RX-SALB', name: 'Salbutamol inhal…', group: 'Prescription', rate: '€ 7.25 / Nos', stock: 49 },
    { code: 'CON-MASK', name: 'Surgical mask IIR', group: 'Consumables', rate: '€ 12 / Box', stock: 0 },
    { code: 'OTC-VITD', name: 'Vitamin D3 25 µg', group: 'Over the Counter', rate: '€ 8.50 / Nos', stock: 56 },
    { code: 'SVC-BP', name: 'Blood pressure c…', group: 'Services', rate: '€ 10 / Nos', stock: null },
    { code: 'WARF-3', name: 'Warfarin 3 mg', group: 'Prescription', rate: '€ 3.90 / Box', stock: 12 },
  ],
  cart: [
    ['RX-AMOX-500', 'Amoxicillin 500 mg', '2 Box', '€ 6.40', '€ 12.80'],
    ['OTC-IBU-400', 'Ibuprofen 400 mg', '1 Box', '€ 4.95'],
    ['OTC-VITD', 'Vitamin D3 25 µg', '1 Nos', '€ 8.50'],
  ],
  totals: ['€ 26.25', '€ 1.96', '€ 28.21'],
}

/** The documents for a brand: a pharmacy's where it marks prescriptions. */
export const sampleOf = (brand: { prescription?: unknown }): Sample => (brand.prescription ? pharmacy : accounts)
