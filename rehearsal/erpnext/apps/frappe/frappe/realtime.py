"""Events for browsers: published on redis-queue, handed on by socketio.js."""

from contextlib import suppress

import redis

import frappe

SECRET_KEY = 'socketio_auth_secret'


def publish_realtime(event: str, message: dict | None = None, room: str | None = None, user: str | None = None) -> None:
    """Send an event to a room, to a user, or (default) to all desk users of the site."""
    from frappe.utils.background_jobs import get_redis_conn

    room = room or (f'user:{user}' if user else 'all')
    body = {'event': event, 'message': message or {}, 'room': room, 'namespace': frappe.local.site}
    with suppress(redis.exceptions.ConnectionError):
        get_redis_conn().publish('events', frappe.as_json(body, indent=None))


def get_socketio_secret() -> str:
    """What socketio.js proves itself with, made once and kept in redis-queue."""
    from frappe.utils.background_jobs import get_redis_conn

    connection = get_redis_conn()
    connection.set(SECRET_KEY, frappe.generate_hash(32), nx=True)
    return connection.get(SECRET_KEY).decode()


def get_user_info() -> dict:
    """Whose cookie this is; nothing for a caller without the secret."""
    if frappe.request.headers.get('X-Frappe-Socket-Secret') != get_socketio_secret():
        return {}
    user = frappe.session.user
    return {
        'user': user,
        'user_type': frappe.db.get_value('User', user, 'user_type'),
        'installed_apps': frappe.get_installed_apps(),
    }


def has_permission() -> bool:
    """Whether the session may follow a document: any logged-in one."""
    if frappe.session.user == 'Guest':
        frappe.throw('Insufficient Permission', frappe.PermissionError)
    return True
