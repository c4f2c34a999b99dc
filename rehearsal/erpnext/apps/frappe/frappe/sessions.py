"""Sessions of the web: rows of tabSessions, cached in redis-cache, named by the cookie `sid`."""

import json
from datetime import timedelta
from urllib.parse import unquote

import frappe
from frappe.utils import now_datetime

LIFETIME = timedelta(hours=170)
COOKIES = ('sid', 'system_user', 'full_name', 'user_id', 'user_lang')


def start(user: str) -> None:
    """Log a user in."""
    sid = frappe.generate_hash()
    frappe.local.session = frappe._dict(user=user, sid=sid, data=frappe._dict())
    frappe.db.sql(
        "insert into tabSessions (user, sid, sessiondata, lastupdate, status) values (%s, %s, %s, %s, 'Active')",
        [user, sid, '{}', now_datetime()],
    )
    frappe.db.commit()
    frappe.cache.hset('session', sid, dict(frappe.session))


def resume() -> None:
    """Find out whose cookie this is. One that is not known (any more) makes a guest and `session_expired`."""
    sid = unquote(frappe.request.cookies.get('sid', 'Guest'))
    if sid == 'Guest':
        return
    found = frappe.cache.hget('session', sid) or read(sid)
    if found:
        frappe.local.session = frappe._dict(found, data=frappe._dict(found['data']))
    else:
        frappe.response.session_expired = 1


def read(sid: str) -> dict | None:
    rows = frappe.db.sql(
        'select user, sessiondata from tabSessions where sid = %s and lastupdate > %s', [sid, now_datetime() - LIFETIME]
    )
    if not rows:
        return None
    found = {'user': rows[0][0], 'sid': sid, 'data': json.loads(rows[0][1] or '{}')}
    frappe.cache.hset('session', sid, found)
    return found


def get_csrf_token() -> str:
    """The session's token, made by the first page of the desk: until then no request needs it."""
    if not frappe.session.data.csrf_token:
        frappe.session.data.csrf_token = frappe.generate_hash()
        data = json.dumps(frappe.session.data)
        frappe.db.sql('update tabSessions set sessiondata = %s where sid = %s', [data, frappe.session.sid])
        frappe.db.commit()
        frappe.cache.hset('session', frappe.session.sid, dict(frappe.session))
    return frappe.session.data.csrf_token


def clear_sessions(user: str | None = None, force: bool = False) -> None:
    """End all sessions, or of one user: a hundred at a time, as the real one. `force` spares none of one's own."""
    where, values = ('user = %s', [user]) if user else ('1', [])
    for sid in frappe.db.sql(f'select sid from tabSessions where {where} limit 100', values, pluck=True):
        delete_session(sid)


def delete_session(sid: str) -> None:
    frappe.db.sql('delete from tabSessions where sid = %s', [sid])
    frappe.db.commit()
    frappe.cache.hdel('session', sid)


def set_cookies(response) -> None:
    """The five cookies of frappe. They are `Secure` only where gunicorn believes X-Forwarded-Proto."""
    secure = frappe.request.scheme == 'https'
    if frappe.response.session_expired or frappe.local.logged_out:
        for name in COOKIES:
            response.delete_cookie(name)
        return
    user = frappe.session.user
    values = {
        'system_user': 'no' if user == 'Guest' else 'yes',
        'full_name': user,
        'user_id': user,
        'user_lang': 'en',
    }
    response.set_cookie('sid', frappe.session.sid, max_age=LIFETIME, httponly=True, secure=secure, samesite='Lax')
    for name, value in values.items():
        response.set_cookie(name, value, secure=secure, samesite='Lax')
