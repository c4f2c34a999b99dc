"""/api/resource/<doctype>[/<name>]: read any table of the site, insert the few doctypes that a test needs."""

import hashlib
import json
from urllib.parse import unquote

import frappe
from frappe.database import conditions, table
from frappe.schema import insert, require_doctype

PAGE = 20


def handle(request, path: str):
    doctype, _, name = unquote(path).partition('/')
    if frappe.session.user == 'Guest':
        frappe.throw(f'User Guest does not have doctype access for document {doctype}', frappe.PermissionError)
    require_doctype(doctype)
    if request.method == 'POST':
        return read(doctype, create(doctype, frappe.form_dict))
    return read(doctype, name) if name else listing(doctype)


def read(doctype: str, name: str) -> dict:
    row = frappe.db.get_value(doctype, name, '*', as_dict=True)
    if not row:
        frappe.throw(f'{doctype} {name} not found', frappe.DoesNotExistError)
    return dict(row, doctype=doctype)


def listing(doctype: str) -> list[dict]:
    """Fields, filters (a dict or [field, "=", value] lists) and limit as frappe's query has them."""
    given = frappe.form_dict
    fields = json.loads(given.fields or '["name"]')
    filters = json.loads(given.filters or '{}')
    if isinstance(filters, list):
        filters = {entry[-3]: entry[-1] for entry in filters}
    known = {row[0] for row in frappe.db.sql(f'show columns from {table(doctype)}')}
    if unknown := ({*fields, *filters} - known - {'*'}):
        frappe.throw(f'Field not permitted in query: {", ".join(sorted(unknown))}')
    where, values = conditions(filters)
    columns = ', '.join('*' if field == '*' else f'`{field}`' for field in fields)
    limit = int(given.limit_page_length or given.limit or PAGE)
    end = f' limit {limit}' if limit else ''
    query = f'select {columns} from {table(doctype)} where {where} order by modified desc{end}'
    return frappe.db.sql(query, values, as_dict=True)


def create(doctype: str, doc) -> str:
    for app in frappe.get_installed_apps():
        if controller := getattr(frappe.get_hooks(app), 'controllers', {}).get(doctype):
            return controller(doc)
    if doctype == 'ToDo':
        return insert('ToDo', description=doc.description, status=doc.status or 'Open', priority='Medium')
    if doctype == 'Note':
        return insert('Note', name=doc.title, title=doc.title, content=doc.content)
    if doctype == 'File':
        return create_file(doc)
    return frappe.throw(f'the stand-in inserts no {doctype}')


def create_file(doc) -> str:
    """Content goes below the site's public/ or private/ files, its row into tabFile."""
    content = (doc.content or '').encode()
    private = bool(int(doc.is_private or 0))
    name = doc.file_name.rsplit('/', 1)[-1]
    with open(frappe.get_site_path('private' if private else 'public', 'files', name), 'wb') as file:
        file.write(content)
    url = f'/private/files/{name}' if private else f'/files/{name}'
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return insert('File', file_name=name, file_url=url, is_private=private, file_size=len(content), content_hash=digest)
