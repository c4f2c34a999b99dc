"""What erpnext brings to a site. The real one has some 470 tables, 42 jobs and 475 patches; these stand for them."""

import frappe
from erpnext.accounts import insert_company, insert_journal_entry
from frappe.schema import insert, require_doctype

modules = ['Accounts', 'Stock', 'Selling', 'Buying', 'Setup']

#: In the order in which they are made. An installation killed half-way has those before `half`, so no Company.
doctypes = {
    'Account': ('Accounts', 'account_name company root_type is_group:check'),
    'GL Entry': (
        'Accounts',
        'posting_date:date account company voucher_type voucher_no debit:currency credit:currency is_cancelled:check',
    ),
    'Journal Entry': (
        'Accounts',
        'naming_series voucher_type posting_date:date company total_debit:currency total_credit:currency '
        'user_remark:text',
    ),
    'Journal Entry Account': (
        'Accounts',
        'parent account debit_in_account_currency:currency credit_in_account_currency:currency',
    ),
    'Sales Invoice': ('Accounts', 'naming_series customer company posting_date:date grand_total:currency status'),
    'Payment Entry': ('Accounts', 'naming_series party company posting_date:date paid_amount:currency'),
    'POS Profile': ('Accounts', 'company warehouse disabled:check'),
    'Item': ('Stock', 'item_code item_name item_group stock_uom disabled:check'),
    'Bin': ('Stock', 'item_code warehouse actual_qty:currency valuation_rate:currency'),
    'Warehouse': ('Stock', 'warehouse_name company'),
    'Stock Ledger Entry': ('Stock', 'item_code warehouse posting_date:date actual_qty:currency voucher_no'),
    'Customer': ('Selling', 'customer_name customer_group'),
    'Supplier': ('Buying', 'supplier_name supplier_group'),
    'Company': ('Setup', 'company_name abbr default_currency country'),
    'Incoterm': ('Setup', 'code title description:text'),
    'Global Defaults': ('Setup', None),
}
half = 'Bin'
sequences = ['bisect_nodes_id_seq', 'bom_update_batch_id_seq', 'ledger_health_id_seq', 'stock_entry_type_id_seq']

RENAME = 'erpnext.patches.v10_0.rename_production_orders'
patches = [RENAME, *(f'erpnext.patches.v{version}_0.step_{number}' for version in (13, 14, 15, 16) for number in range(1, 9))]

scheduler_events = {
    'cron': {'0/15 * * * *': ['erpnext.manufacturing.doctype.bom_update_log.resume_bom_cost_update_jobs']},
    'hourly': ['erpnext.projects.doctype.project.project.project_status_update_reminder'],
    'daily': ['erpnext.support.doctype.issue.issue.auto_close_tickets', 'erpnext.stock.reorder_item.reorder_item'],
    'daily_long': ['erpnext.accounts.utils.run_ledger_health_checks'],
}

#: Doctypes whose insertion is more than one row.
controllers = {'Company': insert_company, 'Journal Entry': insert_journal_entry}

INCOTERMS = {
    'EXW': 'Ex Works',
    'FCA': 'Free Carrier',
    'FAS': 'Free Alongside Ship',
    'FOB': 'Free On Board',
    'CPT': 'Carriage Paid To',
    'CIP': 'Carriage and Insurance Paid to',
    'CFR': 'Cost and Freight',
    'CIF': 'Cost, Insurance and Freight',
    'DAP': 'Delivered At Place',
    'DPU': 'Delivered at Place Unloaded',
    'DDP': 'Delivered Duty Paid',
}


def run_patch(patch: str) -> None:
    """Patches of a site that was never installed whole meet doctypes that this release no longer has."""
    if patch == RENAME:
        require_doctype('Production Order')


def after_install() -> None:
    frappe.db.set_single_value('Global Defaults', 'default_currency', 'USD')


def sync_fixtures() -> None:
    for code, title in INCOTERMS.items():
        if not frappe.db.exists('Incoterm', code):
            insert('Incoterm', name=code, code=code, title=title)
