"""Tables out of field lists. A doctype is one string: `field` (text of 140 characters) or `field:type`."""

import frappe
from frappe.utils import now_datetime

TYPES = {
    'data': 'varchar(140)',
    'text': 'longtext',
    'int': 'int(11) not null default 0',
    'check': 'tinyint(4) not null default 0',
    'currency': 'decimal(21,9) not null default 0',
    'date': 'date',
    'datetime': 'datetime(6)',
}
STANDARD = (
    '`name` varchar(140) primary key, `creation` datetime(6), `modified` datetime(6), `modified_by` varchar(140), '
    '`owner` varchar(140), `docstatus` tinyint(4) not null default 0, `idx` int(8) not null default 0'
)
#: Frequently rewritten or searched by text: the three tables of a site that are not InnoDB.
MYISAM = {'Error Log', 'Data Import Log', '__global_search'}

#: What a database has before the first app is installed: 13 tables.
FRAMEWORK = {
    'DocType': 'module issingle:check istable:check',
    'DocField': 'parent fieldname fieldtype options:text',
    'DocPerm': 'parent role',
    'DocType Action': 'parent label',
    'DocType Link': 'parent link_doctype',
    'DefaultValue': 'parent parenttype defkey defvalue:text',
    'File': 'file_name file_url:text is_private:check file_size:int content_hash',
}
FRAMEWORK_SQL = (
    'create table if not exists tabSeries (name varchar(100) primary key, current int(10) not null default 0)',
    'create table if not exists tabSessions (user varchar(255), sid varchar(255) primary key, sessiondata longtext, '
    'ipaddress varchar(16), lastupdate datetime(6), status varchar(20))',
    'create table if not exists tabSingles (doctype varchar(255), field varchar(255), value longtext, '
    'key singles_doctype_field_index (doctype, field))',
    'create table if not exists __Auth (doctype varchar(140), name varchar(255), fieldname varchar(140), '
    'password text, encrypted tinyint(4) not null default 0, primary key (doctype, name, fieldname))',
    'create table if not exists __global_search (doctype varchar(100), name varchar(255), content text, '
    'unique key doctype_name (doctype, name)) engine=MyISAM',
    'create table if not exists __UserSettings (user varchar(180), doctype varchar(180), data text, '
    'unique key user (user, doctype))',
)


def create_framework_tables() -> None:
    for statement in FRAMEWORK_SQL:
        frappe.db.sql(statement)
    for doctype, fields in FRAMEWORK.items():
        create_table(doctype, fields)


def sync_doctype(doctype: str, fields: str | None, module: str) -> None:
    """Make a doctype's table where it is missing and enter it in tabDocType. `None` for fields: a single, no table."""
    if fields is not None:
        create_table(doctype, fields)
    now = now_datetime()
    frappe.db.sql(
        'insert into tabDocType (name, creation, modified, owner, module, issingle) values (%s, %s, %s, %s, %s, %s) '
        'on duplicate key update module = values(module)',
        [doctype, now, now, 'Administrator', module, fields is None],
    )


def create_table(doctype: str, fields: str) -> None:
    columns = [STANDARD]
    for field in fields.split():
        name, _, kind = field.partition(':')
        columns.append(f'`{name}` {TYPES[kind or "data"]}')
    engine = 'MyISAM' if doctype in MYISAM else 'InnoDB'
    frappe.db.sql(f'create table if not exists `tab{doctype}` ({", ".join(columns)}) engine={engine}')


def require_doctype(doctype: str):
    """The doctype's row. Raises DoesNotExistError where it is not installed."""
    row = frappe.db.get_value('DocType', doctype, '*', as_dict=True)
    return row or frappe.throw(f'DocType {doctype} not found', frappe.DoesNotExistError)


def insert(doctype: str, **values) -> str:
    """Insert one row as the current user and return its name. Raises DuplicateEntryError for a taken name."""
    from MySQLdb import IntegrityError

    now = now_datetime()
    user = frappe.session.user
    row = {'name': frappe.generate_hash(10), 'creation': now, 'modified': now, 'owner': user, 'modified_by': user}
    row.update(values)
    columns, marks = ', '.join(f'`{name}`' for name in row), ', '.join(['%s'] * len(row))
    try:
        frappe.db.sql(f'insert into `tab{doctype}` ({columns}) values ({marks})', list(row.values()))
    except IntegrityError as error:
        raise frappe.DuplicateEntryError(doctype, row['name'], error) from error
    return row['name']
