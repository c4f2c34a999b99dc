"""Logging in and out. Bad logins are counted by user and by address, and either of the two is locked for a minute.

The two managers are what `bench browse` makes a session with, in this order: a request, cookies, a login.
"""

import frappe
from frappe import sessions
from frappe.utils.password import check_password

#: From the twelfth attempt on: the eleven before were answered with 401.
MOST = 11
SECONDS = 60


def login() -> str:
    """Start a session, or 401; 500 while the user or the address is locked, whatever the password is."""
    if frappe.get_system_settings('disable_user_pass_login'):
        frappe.response.message = 'Login with username and password is not allowed.'
        frappe.throw(frappe.response.message, frappe.AuthenticationError)
    user = frappe.form_dict.usr or ''
    keys = [f'login_failed_count|{name}' for name in (user, address())]
    counts = [frappe.cache.get_value(key) or 0 for key in keys]
    if max(counts) >= MOST:
        frappe.throw(
            f'Your account has been locked and will resume after {SECONDS} seconds', frappe.SecurityException
        )
    try:
        name = check_password(user, frappe.form_dict.pwd or '')
    except frappe.AuthenticationError:
        for key, count in zip(keys, counts):
            frappe.cache.set_value(key, count + 1, expires=SECONDS)
        frappe.response.message = 'Invalid login credentials'
        raise
    frappe.cache.delete_value(keys[0])
    sessions.start(name)
    frappe.response.update(home_page='/desk', full_name=name)
    return 'Logged In'


def address() -> str:
    """The client, as nginx tells it."""
    return frappe.request.headers.get('X-Forwarded-For', frappe.request.remote_addr or '').split(',')[0].strip()


def logout() -> str | None:
    if frappe.request.method != 'POST':
        frappe.throw('Not permitted', frappe.PermissionError)
    sessions.delete_session(frappe.session.sid)
    frappe.local.logged_out = True
    frappe.response.home_page = '/login'
    return None


def get_logged_user() -> str:
    return frappe.session.user


class CookieManager:
    """Collects the cookies of a response; the sessions here set their own."""


class LoginManager:
    """Needs frappe.local.request and frappe.local.cookie_manager, as the real one does; begins as a guest."""

    def __init__(self):
        assert frappe.local.request.path and frappe.local.cookie_manager
        self.user = 'Guest'

    def login_as(self, user: str) -> None:
        self.user = user
        sessions.start(user)
