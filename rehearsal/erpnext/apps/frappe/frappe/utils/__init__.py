"""Time in the site's own zone, and where the bench is."""

import json
import os
from datetime import datetime
from zoneinfo import ZoneInfo

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

import frappe

DEFAULT_TIME_ZONE = 'Asia/Kolkata'


def now_datetime() -> datetime:
    """The site's local time. A new site has no zone yet and lives in India."""
    zone = frappe.get_system_settings('time_zone') or DEFAULT_TIME_ZONE
    return datetime.now(ZoneInfo(zone)).replace(tzinfo=None)


def get_bench_path() -> str:
    return os.path.realpath(os.path.join(os.path.dirname(frappe.__file__), '..', '..', '..'))


def get_bench_id() -> str:
    return frappe.get_conf().bench_id or get_bench_path().strip('/').replace('/', '-')


def get_sites() -> list[str]:
    """Direct children of sites/ that have a site_config.json."""
    sites_path = getattr(frappe.local, 'sites_path', '.')
    return sorted(
        name for name in os.listdir(sites_path) if os.path.exists(os.path.join(sites_path, name, 'site_config.json'))
    )


def get_assets_json() -> dict:
    """Bundle names and the hashed files that they stand for: read once, then kept in redis-cache for all sites.

    So an image with other hashes goes on naming the old files until redis-cache is flushed.
    """

    def read() -> dict:
        with open('assets/assets.json') as file:
            return json.load(file)

    return frappe.cache.get_value('assets_json', read, shared=True)


def set_request(path: str = '/') -> None:
    """Give this thread a request where none came in."""
    frappe.local.request = Request(EnvironBuilder(path=path).get_environ())
