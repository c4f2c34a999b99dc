"""What `bench browse` does to make a session: a request, a cookie manager, a login manager, in this order."""

import frappe
from frappe import sessions


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
