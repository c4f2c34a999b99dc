"""`bench migrate`: patches that were not run, tables that are missing, versions."""

import json
import os
import socket
from urllib.parse import urlparse

import click
import redis

import frappe
from frappe.installer import sync_doctypes, update_versions
from frappe.schema import insert
from frappe.utils.scheduler import sync_jobs
from frappe.utils.synchronization import filelock


def migrate_site(site: str, skip_failing: bool, skip_search_index: bool) -> None:
    """Bring a site to this release. Needs the database and redis-cache; a patch that fails ends it."""
    with frappe.init_site(site):
        frappe.connect()
        with filelock('bench_migrate', timeout=1):
            require_services()
            frappe.clear_cache()
            apps = frappe.get_installed_apps()
            for app in apps:
                run_patches(app, skip_failing)
            for app in apps:
                sync_doctypes(app)
            sync_jobs()
            for app in apps:
                frappe.get_hooks(app).sync_fixtures()
            print('Updating installed applications...')
            update_versions()
            frappe.db.commit()
            with open(frappe.get_site_path('touched_tables.json'), 'w') as file:
                json.dump([], file)
            frappe.clear_cache()
            if not skip_search_index:
                queue_search_index()


def require_services() -> None:
    """A TCP connection to each, as frappe asks: no login is tried."""
    cache = urlparse(frappe.conf.redis_cache)
    addresses = {'mariadb': (frappe.conf.db_host, frappe.conf.db_port), 'redis_cache': (cache.hostname, cache.port)}
    down = [service for service, address in addresses.items() if not is_open(address)]
    for service in down:
        print(f'Service {service} is not running.')
    if down:
        print('\nCannot run bench migrate without the services running.')
        raise click.exceptions.Exit(1)


def is_open(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=10):
            return True
    except OSError:
        return False


def run_patches(app: str, skip_failing: bool) -> None:
    hooks = frappe.get_hooks(app)
    for patch in hooks.patches:
        if frappe.db.exists('Patch Log', {'patch': patch}):
            continue
        print(f'Executing {patch} in {frappe.local.site}')
        try:
            hooks.run_patch(patch)
        except Exception:
            if not skip_failing:
                raise
        insert('Patch Log', patch=patch)
        frappe.db.commit()


def queue_search_index() -> None:
    try:
        frappe.enqueue('frappe.migrate.build_search_index', queue='long')
        print(f'Queued rebuilding of search index for {frappe.local.site}')
    except redis.exceptions.ConnectionError:
        print('Redis queue is unreachable: Executing frappe.migrate.build_search_index synchronously')
        build_search_index()


def build_search_index() -> None:
    os.makedirs(frappe.get_site_path('indexes', 'web_routes'), exist_ok=True)
