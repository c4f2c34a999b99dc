"""A company and its journal: enough to have documents, naming series and a ledger that must balance."""

import frappe
from frappe.schema import insert
from frappe.utils import now_datetime


def insert_company(doc) -> str:
    """A company and two accounts of its chart."""
    abbr = doc.abbr or doc.company_name[:2].upper()
    fields = {'abbr': abbr, 'default_currency': doc.default_currency or 'USD', 'country': doc.country}
    name = insert('Company', name=doc.company_name, company_name=doc.company_name, **fields)
    for account, kind in (('Cash', 'Asset'), ('Sales', 'Income')):
        insert('Account', name=f'{account} - {abbr}', account_name=account, company=name, root_type=kind)
    return name


def insert_journal_entry(doc) -> str:
    """A journal entry; with docstatus 1 it is submitted, and every line becomes an entry of the general ledger."""
    lines = [frappe._dict(line) for line in doc.accounts or []]
    require_link('Company', doc.company)
    for line in lines:
        require_link('Account', line.account)
    debit = sum(float(line.debit_in_account_currency or 0) for line in lines)
    credit = sum(float(line.credit_in_account_currency or 0) for line in lines)
    if not lines or abs(debit - credit) > 0.005:
        frappe.throw(f'Total Debit must be equal to Total Credit. The difference is {debit - credit:.2f}')
    posting_date = doc.posting_date or now_datetime().date()
    series = 'ACC-JV-.YYYY.-'
    name = next_in_series(f'ACC-JV-{str(posting_date)[:4]}-')
    common = {'posting_date': posting_date, 'company': doc.company}
    totals = {'total_debit': debit, 'total_credit': credit, 'docstatus': 1 if doc.docstatus else 0}
    insert('Journal Entry', name=name, naming_series=series, voucher_type='Journal Entry', **common, **totals)
    for index, line in enumerate(lines, 1):
        amounts = [float(line.debit_in_account_currency or 0), float(line.credit_in_account_currency or 0)]
        insert(
            'Journal Entry Account',
            parent=name,
            idx=index,
            account=line.account,
            debit_in_account_currency=amounts[0],
            credit_in_account_currency=amounts[1],
        )
        if doc.docstatus:
            voucher = {'voucher_type': 'Journal Entry', 'voucher_no': name, 'docstatus': 1}
            insert('GL Entry', account=line.account, debit=amounts[0], credit=amounts[1], **voucher, **common)
    return name


def next_in_series(prefix: str) -> str:
    """The next number of a naming series, which tabSeries remembers. Its row is locked until the commit."""
    frappe.db.sql(
        'insert into tabSeries (name, current) values (%s, 1) on duplicate key update current = current + 1', [prefix]
    )
    current = frappe.db.sql('select current from tabSeries where name = %s', [prefix])[0][0]
    return f'{prefix}{current:05d}'


def require_link(doctype: str, name: str | None) -> None:
    if not name or not frappe.db.exists(doctype, name):
        frappe.throw(f'Could not find {doctype}: {name}', frappe.LinkValidationError)
