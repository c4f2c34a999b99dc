"""Passwords: hashes of users, and secrets that the site's encryption_key opens."""

from cryptography.fernet import Fernet, InvalidToken
from passlib.context import CryptContext

import frappe

passlibctx = CryptContext(schemes=['pbkdf2_sha256'])
SELECT = 'select password from __Auth where doctype = %s and name = %s and fieldname = %s and encrypted = %s'
REPLACE = 'replace into __Auth (doctype, name, fieldname, password, encrypted) values (%s, %s, %s, %s, %s)'


def get_decrypted_password(doctype, name, fieldname='password', raise_exception=True):
    """A stored secret. Raises ValidationError where it is missing or the key is another one; or else None."""
    rows = frappe.db.sql(SELECT, [doctype, name, fieldname, 1])
    try:
        if not rows:
            frappe.throw(f'Password not found for {doctype} {name} {fieldname}')
        return Fernet(get_encryption_key()).decrypt(rows[0][0].encode()).decode()
    except InvalidToken as error:
        if raise_exception:
            raise frappe.ValidationError(
                f'Failed to decrypt key {doctype}.{name}.{fieldname}<br><br>'
                'Encryption key is invalid! Please check site_config.json'
            ) from error
    except frappe.ValidationError:
        if raise_exception:
            raise
    return None


def set_encrypted_password(doctype, name, pwd, fieldname='password'):
    secret = Fernet(get_encryption_key()).encrypt(pwd.encode()).decode()
    frappe.db.sql(REPLACE, [doctype, name, fieldname, secret, 1])


def update_password(user, pwd, doctype='User', fieldname='password', logout_all_sessions=False):
    frappe.db.sql(REPLACE, [doctype, user, fieldname, passlibctx.hash(pwd), 0])
    if logout_all_sessions:
        from frappe.sessions import clear_sessions

        clear_sessions(user)


def check_password(user: str, pwd: str) -> str:
    """The user's name as it is stored. Raises AuthenticationError."""
    rows = frappe.db.sql(SELECT.replace('select password', 'select name, password'), ['User', user, 'password', 0])
    if not rows or not passlibctx.verify(pwd, rows[0][1]):
        frappe.throw('Incorrect User or Password', frappe.AuthenticationError)
    return rows[0][0]


def get_encryption_key() -> str:
    """The site's key. A missing one is made and written to site_config.json without a word, even by a mere read."""
    if not frappe.conf.encryption_key:
        from frappe.installer import update_site_config

        update_site_config('encryption_key', Fernet.generate_key().decode())
    return frappe.conf.encryption_key
