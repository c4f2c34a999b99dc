"""Commands about background work."""

import sys
import time

import click

import frappe
from frappe.commands import for_each_site, get_site, pass_context


@click.command('scheduler')
@click.option('--site', help='site name')
@click.argument('state', type=click.Choice(['pause', 'resume', 'disable', 'enable', 'status']))
@click.option('--format', '-f', 'output', default='text', type=click.Choice(['json', 'text']), help='Output format')
@click.option('--verbose', '-v', is_flag=True, help='Verbose output')
@pass_context
def scheduler(context, state, output, verbose, site):
    """Control scheduler state."""
    from frappe.installer import update_site_config
    from frappe.utils.scheduler import is_scheduler_inactive, toggle_scheduler

    site = get_site(context, site)
    with frappe.init_site(site):
        if state in ('pause', 'resume'):
            update_site_config('pause_scheduler', state == 'pause')
        else:
            frappe.connect()
        if state in ('enable', 'disable'):
            toggle_scheduler(state == 'enable')
            frappe.db.commit()
        status = f'{state}d'
        if state == 'status':
            status = 'disabled' if is_scheduler_inactive(verbose) else 'enabled'
    text = '{{"status": "{}", "site": "{}"}}' if output == 'json' else 'Scheduler is {} for site {}'
    print(text.format(status, site))


@click.command('enable-scheduler')
@for_each_site
def enable_scheduler(site):
    """Enable scheduler"""
    from frappe.utils.scheduler import enable_scheduler

    enable_scheduler()
    frappe.db.commit()
    print('Enabled for', site)


@click.command('disable-scheduler')
@for_each_site
def disable_scheduler(site):
    """Disable scheduler"""
    from frappe.utils.scheduler import disable_scheduler

    disable_scheduler()
    frappe.db.commit()
    print('Disabled for', site)


@click.command('set-maintenance-mode')
@click.option('--site', help='site name')
@click.argument('state', type=click.Choice(['on', 'off']))
@pass_context
def set_maintenance_mode(context, state, site):
    """Put the site in maintenance mode for upgrades."""
    from frappe.installer import update_site_config

    with frappe.init_site(get_site(context, site)):
        update_site_config('maintenance_mode', 1 if state == 'on' else 0)


@click.command('ready-for-migration')
@click.option('--site', help='site name')
@pass_context
def ready_for_migration(context, site):
    """Whether the site's background jobs are done: looked at three times within three seconds."""
    from frappe.utils.doctor import any_job_pending

    site = get_site(context, site)
    pending = False
    with frappe.init_site(site):
        for _ in range(3):
            pending |= any_job_pending(site)
            time.sleep(1)
    if pending:
        print(f'NOT READY for migration: site {site} has pending background jobs')
        sys.exit(1)
    print(f'READY for migration: site {site} does not have any background jobs')


@click.command('doctor')
@click.option('--site', help='site name')
@pass_context
def doctor(context, site):
    """Get diagnostic info about background workers"""
    from frappe.utils.doctor import doctor

    doctor(get_site(context, site, raise_err=False))


@click.command('schedule')
def schedule():
    """Start scheduler process which is responsible for enqueueing the scheduled job types."""
    from frappe.utils.scheduler import start_scheduler

    start_scheduler()


@click.command('worker')
@click.option('--queue', help='Queues to consume from, separated by commas. Default: all')
@click.option('--quiet', is_flag=True, default=False, help='Hide Log Outputs')
@click.option('--burst', is_flag=True, default=False, help='Run Worker in Burst mode.')
def worker(queue, quiet, burst):
    """Start a background worker"""
    from frappe.utils.background_jobs import start_worker

    start_worker(queue, quiet, burst)
