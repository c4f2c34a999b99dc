"""Makes sites, installs apps on them and writes their configuration."""

import json
import os
import shutil
import sys

import click

import frappe
from frappe.config import clear_site_config_cache
from frappe.database.mariadb.setup_db import setup_database
from frappe.schema import create_framework_tables, insert, require_doctype, sync_doctype
from frappe.standin import pause_at
from frappe.utils.scheduler import is_scheduler_disabled, sync_jobs, toggle_scheduler
from frappe.utils.synchronization import filelock

SITE_FOLDERS = ('public/files', 'private/backups', 'private/files', 'locks', 'logs')


def _new_site(
    db_name,
    site,
    db_root_username=None,
    db_root_password=None,
    admin_password=None,
    verbose=False,
    install_apps=None,
    source_sql=None,
    force=False,
    db_password=None,
    db_type=None,
    db_host=None,
    db_port=None,
    db_user=None,
    mariadb_user_host_login_scope=None,
):
    """Make a site. Whatever fails leaves everything made so far; nothing in the database marks the end."""
    if source_sql:
        raise NotImplementedError('the stand-in restores no SQL')
    if not force and os.path.exists(site):
        print(f'Site {site} already exists, use `--force` to proceed anyway')
        sys.exit(1)
    frappe.init(site)
    shutil.rmtree(frappe.get_site_path('locks'), ignore_errors=True)
    for folder in SITE_FOLDERS:
        os.makedirs(frappe.get_site_path(folder), exist_ok=True)
    with filelock('bench_new_site', timeout=1):
        optional = {'db_type': db_type, 'db_host': db_host, 'db_port': db_port}
        make_site_config(db_name, db_password, db_user, {key: value for key, value in optional.items() if value})
        frappe.flags.root_login = db_root_username
        frappe.flags.root_password = db_root_password
        frappe.flags.in_install_db = True
        setup_database(force, verbose, mariadb_user_host_login_scope)
        frappe.connect()
        create_framework_tables()
        pause_at('created-database')
        frappe.conf.admin_password = frappe.conf.admin_password or admin_password
        frappe.flags.in_install_db = False
        for app in ['frappe', *(frappe.conf.install_apps or []), *(install_apps or [])]:
            install_app(app, verbose=verbose)
        toggle_scheduler(False)
        frappe.db.commit()
    print('*** Scheduler is', 'disabled' if is_scheduler_disabled() else 'enabled', '***')


def make_site_config(db_name, db_password, db_user, optional: dict) -> None:
    """Write site_config.json (0644) where there is none, and start again from it."""
    site = frappe.local.site
    path = frappe.get_site_path('site_config.json')
    if not os.path.exists(path):
        db_name = db_name or f'_{frappe.generate_hash(16)}'
        login = {'db_name': db_name, 'db_user': db_user or db_name, 'db_password': db_password or frappe.generate_hash(16)}
        write_json(path, {'db_type': 'mariadb', **login, **optional})
    frappe.destroy()
    frappe.init(site)


def install_app(name, verbose=False, set_as_patched=True, force=False):
    """Install an app. Without `force` an app that stands in installed_apps is taken for finished, whatever it lacks."""
    frappe.clear_cache()
    if name not in frappe.get_all_apps():
        raise Exception(f'App {name} not in apps.txt')
    if not force and name in frappe.get_installed_apps():
        click.secho(f'App {name} already installed', fg='yellow')
        return
    print(f'\nInstalling {name}...')
    hooks = frappe.get_hooks(name)
    if name != 'frappe':
        add_module_defs(name, ignore_if_duplicate=force)
    sync_doctypes(name)
    if name == 'frappe':
        add_module_defs(name, ignore_if_duplicate=True)
    add_to_installed_apps(name)
    if set_as_patched:
        for patch in hooks.patches:
            if not frappe.db.exists('Patch Log', {'patch': patch}):
                insert('Patch Log', patch=patch)
        frappe.db.commit()
    hooks.after_install()
    sync_jobs()
    hooks.sync_fixtures()
    frappe.db.commit()
    frappe.clear_cache()


def add_module_defs(app: str, ignore_if_duplicate: bool) -> None:
    for module in frappe.get_hooks(app).modules:
        try:
            insert('Module Def', name=module, module_name=module, app_name=app)
        except frappe.DuplicateEntryError:
            if not ignore_if_duplicate:
                raise


def sync_doctypes(app: str) -> None:
    """Make what is missing of an app's tables. Each is committed by itself, as MariaDB does with definitions."""
    hooks = frappe.get_hooks(app)
    for sequence in hooks.sequences:
        frappe.db.sql(f'create sequence if not exists `{sequence}`')
    for doctype, (module, fields) in hooks.doctypes.items():
        if doctype == hooks.half:
            frappe.db.commit()
            pause_at(f'mid-{app}')
        sync_doctype(doctype, fields, module)
    frappe.db.commit()
    print(f'Updating DocTypes for {app:<20}: [{"=" * 40}] 100%')


def add_to_installed_apps(app: str) -> None:
    """First into installed_apps, then into Installed Application: a kill between the two looks finished to bench."""
    apps = frappe.get_installed_apps()
    if app not in apps:
        frappe.db.set_global('installed_apps', json.dumps([*apps, app]))
        frappe.db.commit()
        pause_at(f'late-{app}')
    update_versions()
    frappe.db.commit()


def update_versions() -> None:
    """Rewrite Installed Application, which list-apps reads."""
    require_doctype('Installed Applications')
    frappe.db.sql('delete from `tabInstalled Application`')
    for index, app in enumerate(frappe.get_installed_apps(), 1):
        version = frappe.get_attr(f'{app}.__version__')
        fields = {'app_name': app, 'app_version': version, 'git_branch': 'UNVERSIONED'}
        insert('Installed Application', parent='Installed Applications', idx=index, has_setup_wizard=1, **fields)


def update_site_config(key, value, validate=True, site_config_path=None):
    """Set one key of a configuration file. Texts that look like numbers and booleans become them, "None" deletes."""
    path = site_config_path or frappe.get_site_path('site_config.json')
    with filelock('site_config', is_global='common_site_config' in path):
        with open(path) as file:
            config = json.load(file)
        value = {'0': 0, '1': 1, 'false': False, 'true': True}.get(value, value) if isinstance(value, str) else value
        if value == 'None':
            config.pop(key, None)
        else:
            config[key] = value
        write_json(path, config)
        clear_site_config_cache()
    if hasattr(frappe.local, 'conf'):
        frappe.local.conf[key] = value


def write_json(path: str, content: dict) -> None:
    with open(path, 'w') as file:
        json.dump(content, file, indent=1, sort_keys=True)
