"""Locks between processes: files in the site's locks/ or in the bench's config/."""

import os
from contextlib import contextmanager

from filelock import FileLock, Timeout

import frappe
from frappe.exceptions import LockTimeoutError
from frappe.utils import get_bench_path


@contextmanager
def filelock(lock_name: str, *, timeout: float = 30, is_global: bool = False):
    """Hold `<lock_name>.lock`. Raises LockTimeoutError after `timeout` seconds."""
    folder = os.path.join(get_bench_path(), 'config') if is_global else frappe.get_site_path('locks')
    path = os.path.abspath(os.path.join(folder, f'{lock_name}.lock'))
    try:
        with FileLock(path, timeout=timeout):
            yield
    except Timeout as error:
        message = f'Failed to aquire lock: {lock_name}. Lock may be held by another process.'
        raise LockTimeoutError(f'{message} You can manually remove the lock if you think it is safe: {path}') from error
