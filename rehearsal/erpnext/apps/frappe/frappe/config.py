"""site_config.json over common_site_config.json over the defaults, with frappe's environment variables on top."""

import json
import os
import time

import frappe

CACHE_SECONDS = 60
_cached: dict[str, tuple[float, dict]] = {}


def get_site_config(sites_path: str | None = None, site_path: str | None = None, cached: bool = False):
    """The site's settings. `cached` (web requests): up to 60 s old, in the memory of each web worker."""
    sites_path = sites_path or getattr(frappe.local, 'sites_path', '.')
    site_path = site_path or getattr(frappe.local, 'site_path', '')
    if not cached:
        return _read(sites_path, site_path)
    expires, config = _cached.get(site_path, (0, None))
    if expires < time.monotonic():
        config = _read(sites_path, site_path)
        _cached[site_path] = (time.monotonic() + CACHE_SECONDS, config)
    return config.copy()


def get_conf():
    """The settings at hand; without a site those of common_site_config.json."""
    if hasattr(frappe.local, 'conf'):
        return frappe.local.conf
    with frappe.init_site():
        return frappe.local.conf


def clear_site_config_cache() -> None:
    _cached.clear()


def _read(sites_path: str, site_path: str):
    config = frappe._dict(_json(os.path.join(sites_path, 'common_site_config.json')) or {})
    if os.path.basename(site_path):
        own = _json(os.path.join(site_path, 'site_config.json'))
        if own is None and not frappe.local.flags.new_site:
            raise frappe.IncorrectSitePath(f'{os.path.basename(site_path)} does not exist.')
        config.update(own or {})
    environment = os.environ.get
    config.redis_queue = environment('FRAPPE_REDIS_QUEUE') or config.redis_queue or 'redis://127.0.0.1:11311'
    config.redis_cache = environment('FRAPPE_REDIS_CACHE') or config.redis_cache or 'redis://127.0.0.1:13311'
    config.db_type = config.db_type or 'mariadb'
    config.db_host = environment('FRAPPE_DB_HOST') or config.db_host or '127.0.0.1'
    config.db_port = int(environment('FRAPPE_DB_PORT') or config.db_port or 3306)
    config.db_user = config.db_user or config.db_name
    return config


def _json(path: str):
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError:
        return None
