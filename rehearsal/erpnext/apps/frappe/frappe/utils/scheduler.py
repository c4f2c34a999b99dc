"""The scheduler: each tick it puts the jobs that are due into the queue. The worker writes when they ran."""

import os
import time
from datetime import UTC, datetime, timedelta

from croniter import croniter
from filelock import FileLock, Timeout

import frappe
from frappe.schema import insert
from frappe.utils import get_bench_path, get_sites, now_datetime
from frappe.utils.background_jobs import enqueue, is_job_enqueued

DEFAULT_TICK = 240
#: How long the real scheduler lives where it cannot write config/scheduler_process (seen; seconds).
LIFE_WITHOUT_LOCK = 25
CRON = {
    'All': '*/4 * * * *',
    'Hourly': '0 * * * *',
    'Hourly Long': '0 * * * *',
    'Daily': '0 0 * * *',
    'Daily Long': '0 0 * * *',
    'Weekly Long': '0 0 * * 0',
}


def start_scheduler() -> None:
    """Tick for ever. Ends at once where another scheduler of this bench holds the lock."""
    lock = FileLock(os.path.join(get_bench_path(), 'config', 'scheduler_process'))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return
    except OSError:
        time.sleep(LIFE_WITHOUT_LOCK)
        raise
    while True:
        time.sleep(seconds_to_next_tick())
        for site in get_sites():
            enqueue_events_for_site(site)


def is_schduler_process_running() -> bool:
    """Whether any process of this bench holds the lock (frappe's own spelling)."""
    lock = FileLock(os.path.join(get_bench_path(), 'config', 'scheduler_process'))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


def seconds_to_next_tick() -> float:
    """`scheduler_tick_interval` of common_site_config.json, or until the next multiple of four minutes."""
    tick = int(frappe.get_conf().scheduler_tick_interval or DEFAULT_TICK)
    if tick != DEFAULT_TICK:
        return tick
    now = datetime.now(UTC)
    return (now.replace(second=0, microsecond=0) + timedelta(minutes=4 - now.minute % 4) - now).total_seconds()


def enqueue_events_for_site(site: str) -> None:
    """Whatever fails here fails without a word, and the next tick tries again."""
    try:
        frappe.init(site)
        frappe.connect()
        if not is_scheduler_inactive():
            enqueue_events()
    except Exception:
        pass
    finally:
        frappe.destroy()


def enqueue_events() -> list[str]:
    """Queue what is due and not queued yet."""
    jobs = frappe.db.sql('select * from `tabScheduled Job Type` where stopped = 0', as_dict=True)
    due = [job for job in jobs if is_event_due(job) and not is_job_enqueued(f'scheduled_job||{job.name}')]
    for job in due:
        queue = 'long' if 'Long' in job.frequency else 'default'
        run = 'frappe.utils.scheduler.run_scheduled_job'
        enqueue(run, queue, job_id=f'scheduled_job||{job.name}', job_type=job.method, scheduled_job_type=job.name)
    return [job.method for job in due]


def is_event_due(job) -> bool:
    """Counted from the last execution, or else from the job's creation: one in the future is not due for long."""
    start = job.last_execution or job.creation
    return croniter(job.cron_format or CRON[job.frequency], start).get_next(datetime) <= now_datetime()


def run_scheduled_job(scheduled_job_type: str, job_type: str) -> None:
    """Run in the worker. The stand-in's jobs do nothing but leave their time, in the site's zone, at start and end."""
    if frappe.conf.maintenance_mode:
        raise frappe.InReadOnlyMode("Scheduled jobs can't run in maintenance mode.")
    for _ in ('Start', 'Complete'):
        frappe.db.set_value('Scheduled Job Type', scheduled_job_type, 'last_execution', now_datetime())
        frappe.db.commit()


def sync_jobs() -> None:
    """Enter the jobs of all installed apps that are not there yet, created now in the site's time."""
    for app in frappe.get_installed_apps():
        for frequency, methods in frappe.get_hooks(app).scheduler_events.items():
            if isinstance(methods, dict):
                for cron_format, cron_methods in methods.items():
                    sync_job(cron_methods, 'Cron', cron_format)
            else:
                sync_job(methods, frequency.replace('_', ' ').title(), None)


def sync_job(methods: list[str], frequency: str, cron_format: str | None) -> None:
    for method in methods:
        if not frappe.db.exists('Scheduled Job Type', {'method': method}):
            name = '.'.join(method.split('.')[-2:])
            log = frequency not in ('All', 'Cron')
            fields = {'frequency': frequency, 'cron_format': cron_format, 'create_log': log}
            insert('Scheduled Job Type', name=name, method=method, **fields)


def toggle_scheduler(enable: bool) -> None:
    frappe.db.set_single_value('System Settings', 'enable_scheduler', int(enable))


def enable_scheduler() -> None:
    toggle_scheduler(True)


def disable_scheduler() -> None:
    toggle_scheduler(False)


def is_scheduler_disabled(verbose: bool = True) -> bool:
    return bool(frappe.conf.disable_scheduler) or not frappe.get_system_settings('enable_scheduler')


def is_scheduler_inactive(verbose: bool = True) -> bool:
    """Maintenance and pause count as well."""
    return bool(frappe.conf.maintenance_mode or frappe.conf.pause_scheduler) or is_scheduler_disabled()
