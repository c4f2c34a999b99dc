"""The website's caches."""

import frappe


def clear_website_cache(path: str | None = None) -> None:
    """Forget what is cached for pages that guests see."""
    frappe.cache.delete_keys('website_')
