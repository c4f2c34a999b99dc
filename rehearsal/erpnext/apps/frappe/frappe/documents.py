"""Documents, as far as the scripts use them: a Social Login Key, and a User with roles and the logins of its providers."""

import re

import frappe
from frappe.database import table
from frappe.schema import insert, require_doctype
from frappe.utils.password import get_decrypted_password, set_encrypted_password

#: Fields that hold rows of another doctype.
CHILDREN = {'User': {'roles': 'Has Role', 'social_logins': 'User Social Login'}}
#: Fields that are stored encrypted; the column holds stars.
PASSWORDS = {'Social Login Key': ('client_secret',)}
STANDARD = {'name', 'creation', 'modified', 'modified_by', 'owner', 'docstatus', 'idx'}
#: New users.
MOST_AN_HOUR = 60


class Document(frappe._dict):
    """A dict of fields with a doctype; what it was when it was read is forgotten."""

    def __init__(self, doctype: str, name: str | None = None):
        require_doctype(doctype)
        children = CHILDREN.get(doctype, {})
        super().__init__(doctype=doctype, **{field: [] for field in children})
        if name is None:
            return
        row = frappe.db.get_value(doctype, name, '*', as_dict=True)
        self.update(row or frappe.throw(f'{doctype} {name} not found', frappe.DoesNotExistError))
        for field, child in children.items():
            query = f'select * from {table(child)} where parent = %s order by idx'
            self[field] = frappe.db.sql(query, [name], as_dict=True)

    def append(self, field: str, row: dict) -> None:
        self[field].append(frappe._dict(row))

    def insert(self, ignore_permissions: bool = False):
        self.name = {'User': user_name, 'Social Login Key': key_name}[self.doctype](self)
        if self.doctype == 'User':
            throttle()
        return self._store(new=True)

    def save(self, ignore_permissions: bool = False):
        return self._store(new=False) if self.name else self.insert()

    def _store(self, new: bool):
        {'User': validate_user, 'Social Login Key': validate_key}[self.doctype](self)
        secrets = {field: self[field] for field in PASSWORDS.get(self.doctype, ()) if self.get(field)}
        known = {row[0] for row in frappe.db.sql(f'show columns from {table(self.doctype)}')} - STANDARD
        values = {field: self[field] for field in known if field in self and field not in secrets}
        if new:
            insert(self.doctype, name=self.name, **values)
        else:
            frappe.db.set_value(self.doctype, self.name, values)
        for field, value in secrets.items():
            if set(value) != {'*'}:
                set_encrypted_password(self.doctype, self.name, value, field)
            frappe.db.set_value(self.doctype, self.name, field, '*' * 8)
        for field, child in CHILDREN.get(self.doctype, {}).items():
            self._store_children(field, child)
        return self

    def _store_children(self, field: str, child: str) -> None:
        frappe.db.sql(f'delete from {table(child)} where parent = %s', [self.name])
        for index, row in enumerate(self[field], 1):
            own = {key: value for key, value in row.items() if key not in STANDARD}
            insert(child, **{**own, 'parent': self.name, 'parenttype': self.doctype, 'idx': index})


def user_name(user: Document) -> str:
    user.email = (user.email or '').strip().lower()
    return user.email


def key_name(key: Document) -> str:
    return frappe.scrub(key.provider_name)


def throttle() -> None:
    """Users made within an hour, whoever makes them."""
    recent = frappe.db.sql('select count(*) from tabUser where creation > %s', [hour_ago()])[0][0]
    if recent > int(frappe.local.conf.get('throttle_user_limit') or MOST_AN_HOUR):
        frappe.throw('Throttled')


def hour_ago():
    from datetime import timedelta

    from frappe.utils import now_datetime

    return now_datetime() - timedelta(hours=1)


def validate_user(user: Document) -> None:
    """Roles must exist; without one that opens the desk a user is a website user, and nobody says so."""
    if user.name not in ('Administrator', 'Guest') and not re.match(r'[^@\s]+@[^@\s]+\.[^@\s]+$', user.name):
        frappe.throw(f'{user.name} is not a valid Email Address', frappe.InvalidEmailAddressError)
    for row in user.roles:
        if not frappe.db.exists('Role', row.role):
            frappe.throw(f'Could not find Role: {row.role}', frappe.LinkValidationError)
    kept = [row for row in user.roles if row.role not in ('Employee', 'Employee Self Service')]
    user.roles = kept  # ERPNext's own hook: they come with an Employee record, which nobody has here
    desk = [row.role for row in user.roles if frappe.db.get_value('Role', row.role, 'desk_access')]
    user.user_type = 'System User' if desk else 'Website User'
    user.full_name = ' '.join(name for name in (user.first_name, user.last_name) if name)
    if not any(row.provider == 'frappe' for row in user.social_logins):
        user.append('social_logins', {'provider': 'frappe', 'userid': frappe.generate_hash(39)})


def validate_key(key: Document) -> None:
    for field in ('authorize_url', 'access_token_url', 'redirect_url'):
        if not key.get(field):
            frappe.throw(f'Please enter {field}')
    if key.enable_social_login and not (key.client_id and key.client_secret):
        frappe.throw('Please enter Client ID and Client Secret before social login is enabled')


def delete(doctype: str, name: str) -> None:
    frappe.db.sql(f'delete from {table(doctype)} where name = %s', [name])
    frappe.db.sql('delete from __Auth where doctype = %s and name = %s', [doctype, name])


def client_secret(name: str) -> str | None:
    return get_decrypted_password('Social Login Key', name, 'client_secret', raise_exception=False)
