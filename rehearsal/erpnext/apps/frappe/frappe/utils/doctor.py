"""What `bench doctor` prints, and whether jobs are waiting."""

from collections import Counter

import redis
from rq import Worker

import frappe
from frappe.utils import get_sites
from frappe.utils.background_jobs import QUEUES, get_queue, get_redis_conn
from frappe.utils.scheduler import is_scheduler_disabled, is_scheduler_inactive


def get_workers() -> list[Worker]:
    """Workers whose key has not expired yet: a killed one counts for up to eight minutes."""
    return Worker.all(connection=get_redis_conn())


def any_job_pending(site: str) -> bool:
    for name in QUEUES:
        queue = get_queue(name)
        if any(job.startswith(site) for job in [*queue.get_job_ids(), *queue.started_job_registry.get_job_ids()]):
            return True
    return False


def doctor(site: str | None = None) -> None:
    """Print the state of scheduler, workers and queues. A queue that cannot be reached is a line of text, no error."""
    try:
        with frappe.init_site(site):
            workers = len(get_workers())
            waiting = {name: methods_waiting(name, site) for name in QUEUES}
    except redis.exceptions.ConnectionError as error:
        print(error)
        return
    print('-----Checking scheduler status-----')
    for name in [site] if site else get_sites():
        frappe.init(name)
        frappe.connect()
        print_scheduler_state(name)
        frappe.destroy()
    print('Workers online:', workers)
    print(f'-----{site} Jobs-----')
    for name, methods in waiting.items():
        if methods:
            print('Queue:', name)
            print('Number of Jobs: ', methods.total())
            print('Methods:')
            for method, count in methods.items():
                print(f'{method} : {count}')
            print('------------')


def print_scheduler_state(site: str) -> None:
    if is_scheduler_disabled():
        print('Scheduler disabled for', site)
    if frappe.conf.maintenance_mode:
        print('Maintenance mode on for', site)
    if frappe.conf.pause_scheduler:
        print('Scheduler paused for', site)
    if is_scheduler_inactive():
        print('Scheduler inactive for', site)


def methods_waiting(queue: str, site: str | None) -> Counter:
    jobs = get_queue(queue).jobs
    return Counter(job.kwargs['method'] for job in jobs if not site or job.kwargs['site'] == site)
