"""A stand-in for frappe: the part of its Python interface that this project's scripts use, and no more.

Written for the rehearsal; none of it is frappe's code. What it keeps to is listed in rehearsal/CONTRACT.md.
"""

import importlib
import json
import os
import re
import secrets
from datetime import date, datetime, timedelta
from decimal import Decimal

from werkzeug.local import Local, release_local

from frappe.exceptions import (
    AuthenticationError,
    CSRFTokenError,
    DoesNotExistError,
    DuplicateEntryError,
    IncorrectSitePath,
    InvalidEmailAddressError,
    InReadOnlyMode,
    LinkValidationError,
    PermissionError,
    QueryDeadlockError,
    QueueOverloaded,
    SecurityException,
    SessionStopped,
    SignupDisabledError,
    SiteNotSpecifiedError,
    ValidationError,
)

__version__ = '16.32.0'

SITE_NAME = re.compile(r'^[A-Za-z0-9][A-Za-z0-9_.-]*$')


class _dict(dict):
    """A dict whose keys are attributes too; a missing one is None."""

    __getattr__ = dict.get
    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__

    def copy(self):
        return _dict(self)


local = Local()
conf = local('conf')
db = local('db')
flags = local('flags')
form_dict = local('form_dict')
request = local('request')
response = local('response')
session = local('session')

from frappe.cache import Cache  # noqa: E402 (needs what stands above)
from frappe.config import get_conf, get_site_config  # noqa: E402
from frappe.realtime import publish_realtime  # noqa: E402

cache = Cache()


def init(site: str, sites_path: str = '.', new_site: bool = False, force: bool = False) -> None:
    """Bind this thread to a site. Does nothing where it is bound already, unless forced."""
    if getattr(local, 'initialised', False) and not force:
        return
    if site and not SITE_NAME.match(site):
        raise ValueError(f'Invalid site name `{site}`')
    local.site = site
    local.sites_path = sites_path
    local.site_path = os.path.join(sites_path, site)
    local.flags = _dict(new_site=new_site)
    local.session = _dict(user='Guest', sid='Guest', data=_dict())
    local.form_dict = _dict()
    local.response = _dict()
    local.conf = get_site_config(sites_path, local.site_path, cached=bool(request))
    local.initialised = True


def connect(set_admin_as_user: bool = True) -> None:
    """Choose the site's database. The connection is made by the first query."""
    from frappe.database import get_db

    assert conf.db_name, 'site must be fully initialized, db_name missing'
    assert conf.db_password, 'site must be fully initialized, db_password missing'
    local.db = get_db(conf.db_host, conf.db_port, conf.db_user, conf.db_password, conf.db_name)
    if set_admin_as_user:
        session.user = 'Administrator'


def destroy() -> None:
    """Close the connection and forget the site."""
    if db:
        db.close()
    release_local(local)


class init_site:
    """`with init_site(site):` binds and releases; without a site it only reads common_site_config.json."""

    def __init__(self, site: str | None = None):
        self.site = site or ''

    def __enter__(self):
        init(self.site)
        return local

    def __exit__(self, *_):
        destroy()


def get_all_apps() -> list[str]:
    """The apps of the bench: sites/apps.txt with frappe first."""
    with open(os.path.join(getattr(local, 'sites_path', '.'), 'apps.txt')) as file:
        apps = file.read().split()
    return ['frappe', *(app for app in apps if app != 'frappe')]


def get_installed_apps() -> list[str]:
    """The apps of the site, as its database says. An app stands here before its installation is finished."""
    if flags.in_install_db:
        return []
    if not db:
        connect()
    return json.loads(db.get_global('installed_apps') or '[]')


def clear_cache() -> None:
    """Forget what is cached for this site. Keys that sites share, like assets_json, stay."""
    cache.delete_keys('')


def get_system_settings(key: str):
    """One value of System Settings, through redis-cache."""
    settings = cache.get_value('system_settings', lambda: db.get_singles('System Settings'))
    return settings.get(key)


def get_site_path(*parts: str) -> str:
    return os.path.join(local.site_path, *parts)


def get_attr(path: str):
    """The object that a dotted path names."""
    module, _, name = path.rpartition('.')
    return getattr(importlib.import_module(module), name)


def get_hooks(app: str):
    """An app's hooks module: modules, doctypes, patches, scheduler_events and its functions."""
    return importlib.import_module(f'{app}.hooks')


def enqueue(method: str, queue: str = 'default', timeout: int | None = None, job_id: str | None = None, **kwargs):
    """Put a call into a background queue. Raises QueueOverloaded once 500 jobs wait there."""
    from frappe.utils.background_jobs import enqueue

    return enqueue(method, queue, timeout, job_id, **kwargs)


def generate_hash(length: int = 56) -> str:
    return secrets.token_hex(length)[:length]


def throw(message: str, exception: type[Exception] = ValidationError):
    raise exception(message)


def as_json(value, indent: int | None = 1) -> str:
    def default(item):
        if isinstance(item, (datetime, date, timedelta)):
            return str(item)
        if isinstance(item, Decimal):
            return float(item)
        raise TypeError(f'{type(item).__name__} is not JSON serialisable')

    separators = (',', ': ') if indent else (',', ':')
    return json.dumps(value, indent=indent, separators=separators, sort_keys=True, default=default)


def new_doc(doctype: str):
    from frappe.documents import Document

    return Document(doctype)


def get_doc(doctype: str, name: str):
    """A document as it is stored. Raises DoesNotExistError."""
    from frappe.documents import Document

    return Document(doctype, name)


def delete_doc(doctype: str, name: str, ignore_permissions: bool = False, ignore_missing: bool = True) -> None:
    from frappe.documents import delete

    delete(doctype, name)


def scrub(text: str) -> str:
    return text.replace(' ', '_').replace('-', '_').lower()


def ping() -> str:
    return 'pong'
