"""Background jobs in redis-queue, by rq: the same queues, keys and limits as frappe's."""

from uuid import uuid4

import redis
from rq import Queue, Worker
from rq.worker import WorkerStatus  # noqa: F401 (keeps rq's worker module loaded before it forks)

import frappe
from frappe.utils import get_bench_id

QUEUES = {'short': 300, 'default': 300, 'long': 1500}
MAX_QUEUED_JOBS = 500
FAILURE_TTL = 7 * 24 * 60 * 60
RESULT_TTL = 10 * 60

_connection = None


def get_redis_conn() -> redis.Redis:
    global _connection
    if _connection is None:
        _connection = redis.Redis.from_url(frappe.get_conf().redis_queue)
    return _connection


def get_queue(name: str) -> Queue:
    return Queue(f'{get_bench_id()}:{name}', connection=get_redis_conn())


def enqueue(method: str, queue: str = 'default', timeout: int | None = None, job_id: str | None = None, **kwargs):
    """Put a call into a queue under the id `<site>||<job_id or uuid>`."""
    target = get_queue(queue)
    if target.count >= MAX_QUEUED_JOBS:
        frappe.throw(
            f'Too many queued background jobs ({MAX_QUEUED_JOBS}). Please retry after some time.',
            frappe.QueueOverloaded,
        )
    return target.enqueue_call(
        'frappe.utils.background_jobs.execute_job',
        kwargs={'site': frappe.local.site, 'user': frappe.session.user, 'method': method, 'kwargs': kwargs},
        timeout=timeout or QUEUES.get(queue, 300),
        job_id=f'{frappe.local.site}||{job_id or uuid4()}',
        failure_ttl=FAILURE_TTL,
        result_ttl=RESULT_TTL,
    )


def is_job_enqueued(job_id: str) -> bool:
    job = get_queue('default').fetch_job(f'{frappe.local.site}||{job_id}')
    return bool(job) and job.get_status() in ('queued', 'started')


def execute_job(site: str, user: str, method: str, kwargs: dict) -> None:
    """Run in the worker: one site, one transaction."""
    frappe.init(site, force=True)
    frappe.connect()
    frappe.session.user = user
    try:
        frappe.get_attr(method)(**kwargs)
        frappe.db.commit()
    except Exception:
        frappe.db.rollback()
        raise
    finally:
        frappe.destroy()


def start_worker(queue: str | None, quiet: bool, burst: bool) -> None:
    """Serve queues until a signal comes. A wrong password ends the process with exit code 1."""
    with frappe.init_site():
        names = [name.strip() for name in queue.split(',')] if queue else list(QUEUES)
        queues = [get_queue(name) for name in names]
        connection = get_redis_conn()
    Worker(queues, connection=connection).work(burst=burst, logging_level='WARNING' if quiet else 'INFO')
