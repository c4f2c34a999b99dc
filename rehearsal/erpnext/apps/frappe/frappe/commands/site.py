"""Commands that make, change and drop a site."""

import getpass
import os
import shutil
import sys
import traceback

import click

import frappe
from frappe.commands import for_each_site, pass_context
from frappe.utils import get_bench_path
from frappe.utils.synchronization import filelock


@click.command('new-site')
@click.argument('site')
@click.option('--db-name', help='Database name')
@click.option('--db-password', help='Database password')
@click.option('--db-type', default='mariadb', type=click.Choice(['mariadb']))
@click.option('--db-host', help='Database Host')
@click.option('--db-port', type=int, help='Database Port')
@click.option('--db-user', help='Database user if you already have one')
@click.option('--db-root-username', '--mariadb-root-username', help='Root username, Default is "root"')
@click.option('--db-root-password', '--mariadb-root-password', help='Root password')
@click.option('--mariadb-user-host-login-scope', help="Where the site's database user may log in from")
@click.option('--admin-password', help='Administrator password for new site')
@click.option('--verbose', is_flag=True, default=False, help='Verbose')
@click.option('--force', is_flag=True, default=False, help='Force restore if site/database already exists')
@click.option('--source-sql', '--source_sql', help='Initiate database with a SQL file')
@click.option('--install-app', multiple=True, help='Install app after installation')
@click.option('--set-default', is_flag=True, default=False, help='Set the new site as default site')
def new_site(site, install_app, set_default, **options):
    """Create a new site"""
    from frappe.installer import _new_site, update_site_config

    frappe.init(site, new_site=True)
    try:
        _new_site(site=site, install_apps=install_app, **options)
        if set_default:
            update_site_config('default_site', site, site_config_path='./common_site_config.json')
    except Exception:
        traceback.print_exc()
        sys.exit(1)


@click.command('drop-site')
@click.argument('site')
@click.option('--db-root-username', '--mariadb-root-username', '--root-login', help='Root username')
@click.option('--db-root-password', '--mariadb-root-password', '--root-password', help='Root password')
@click.option('--archived-sites-path')
@click.option('--no-backup', is_flag=True, default=False)
@click.option('--force', is_flag=True, default=False, help='Force drop-site even if an error is encountered')
def drop_site(site, db_root_username, db_root_password, archived_sites_path, no_backup, force):
    """Remove a site from database and filesystem."""
    _drop_site(site, db_root_username, db_root_password, archived_sites_path, force, no_backup)


def _drop_site(
    site, db_root_username=None, db_root_password=None, archived_sites_path=None, force=False, no_backup=False
):
    """Drop the database and its user, then move the folder to the archive: in this order, whatever the archive says."""
    from frappe.database.mariadb.setup_db import drop_user_and_database

    frappe.init(site)
    frappe.connect()
    if not no_backup and not force:
        click.echo(f"Error: The operation has stopped because backup of {site}'s database failed.")
        click.echo('Reason: the stand-in takes no backups\n')
        click.echo(f"Hint: Use 'bench drop-site {site} --force' to force the removal of {site}")
        sys.exit(1)
    click.secho('Dropping site database and user', fg='green')
    frappe.flags.root_login = db_root_username
    frappe.flags.root_password = db_root_password
    drop_user_and_database(frappe.conf.db_name, frappe.conf.db_user)
    archive = os.path.realpath(archived_sites_path or os.path.join(get_bench_path(), 'archived', 'sites'))
    click.secho(f'Moving site to archive under {archive}', fg='green')
    os.makedirs(archive, exist_ok=True)
    shutil.move(frappe.get_site_path(), free_name(os.path.join(archive, site)))
    frappe.destroy()


def free_name(path: str) -> str:
    count = 0
    while os.path.exists(path + str(count or '')):
        count += 1
    return path + str(count or '')


@click.command('install-app')
@click.argument('apps', nargs=-1)
@click.option('--force', is_flag=True, default=False)
@pass_context
def install_app(context, apps, force):
    """Install a new app to site, supports multiple apps"""
    from frappe.installer import install_app as _install_app

    if not context.sites:
        raise frappe.SiteNotSpecifiedError
    exit_code = 0
    for site in context.sites:
        frappe.init(site)
        frappe.connect()
        with filelock('install_app', timeout=1):
            for app in apps:
                try:
                    _install_app(app, verbose=context.verbose, force=force)
                except Exception as error:
                    print(f'An error occurred while installing {app}: {error}\n{traceback.format_exc()}')
                    exit_code = 1
        frappe.destroy()
    sys.exit(exit_code)


@click.command('list-apps')
@click.option('--format', '-f', 'output', type=click.Choice(['text', 'json']), default='text')
@pass_context
def list_apps(context, output):
    """List apps in site."""
    from frappe.schema import require_doctype

    summary = {}
    for site in context.sites:
        frappe.init(site)
        frappe.connect()
        require_doctype('Installed Applications')
        require_doctype('Installed Application')
        apps = frappe.db.sql('select * from `tabInstalled Application` order by idx', as_dict=True)
        summary[site] = [app.app_name for app in apps]
        if output == 'text':
            print('\n'.join(f'{app.app_name:7} {app.app_version} {app.git_branch}' for app in apps))
        frappe.destroy()
    if output == 'json':
        click.echo(frappe.as_json(summary))


@click.command('migrate')
@click.option('--skip-failing', is_flag=True, help='Skip patches that fail to run')
@click.option('--skip-search-index', is_flag=True, help='Skip search indexing for web documents')
@pass_context
def migrate(context, skip_failing, skip_search_index):
    """Run patches, sync schema and rebuild files/translations"""
    from frappe.migrate import migrate_site

    if not context.sites:
        raise frappe.SiteNotSpecifiedError
    for site in context.sites:
        click.secho(f'Migrating {site}', fg='green')
        migrate_site(site, skip_failing, skip_search_index)


@click.command('set-admin-password')
@click.argument('admin-password', required=False)
@click.option('--logout-all-sessions', is_flag=True, default=False, help='Log out from all sessions')
@for_each_site
def set_admin_password(site, admin_password, logout_all_sessions):
    """Set Administrator password for a site"""
    from frappe.utils.password import update_password

    while not admin_password:
        admin_password = getpass.getpass(f"Administrator's password for {site}: ")
    update_password('Administrator', admin_password, logout_all_sessions=logout_all_sessions)
    frappe.db.commit()
