"""The web application that gunicorn runs: `frappe.app:application`."""

import json
import mimetypes
import os
import sys
import traceback

from werkzeug.exceptions import Forbidden, HTTPException, NotFound
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

import frappe
from frappe import auth, oauth, pages, resource, sessions
from frappe.realtime import get_user_info, has_permission

UNSAFE = {'POST', 'PUT', 'DELETE', 'PATCH'}


def application(environ, start_response):
    return ClosingIterator(answer(environ, start_response), [frappe.destroy])


@Request.application
def answer(request: Request) -> Response:
    frappe.destroy()
    frappe.local.request = request
    try:
        begin(request)
        response = route(request)
        if request.method in UNSAFE:
            frappe.db.commit()
    except HTTPException as error:
        return error.get_response(request.environ)
    except Exception as error:
        response = report(request, error)
    response.headers.setdefault('Cache-Control', 'no-store,no-cache,must-revalidate,max-age=0')
    if getattr(frappe.local, 'initialised', False):
        sessions.set_cookies(response)
    return response


def begin(request: Request) -> None:
    """Find the site by header or host, refuse during maintenance, find the session, ask for its token."""
    frappe.init(request.headers.get('X-Frappe-Site-Name') or request.host.split(':')[0])
    frappe.local.logged_out = False
    frappe.connect(set_admin_as_user=False)
    if frappe.conf.maintenance_mode:
        raise frappe.SessionStopped('Session Stopped')
    frappe.local.form_dict = frappe._dict(request.args.to_dict(), **request.form.to_dict())
    if request.is_json and isinstance(body := request.get_json(silent=True), dict):
        frappe.form_dict.update(body)
    frappe.get_system_settings('language')
    sessions.resume()
    if not frappe.db.get_value('User', frappe.session.user, 'enabled'):
        frappe.throw(f'User {frappe.session.user} is disabled', frappe.AuthenticationError)
    token = frappe.session.data.csrf_token
    if token and request.method in UNSAFE and request.headers.get('X-Frappe-CSRF-Token') != token:
        frappe.throw('Invalid Request', frappe.CSRFTokenError)


#: /api/method/<name>: the function, and whether a guest may call it.
METHODS = {
    'ping': (frappe.ping, True),
    'login': (auth.login, True),
    'logout': (auth.logout, False),
    'frappe.auth.get_logged_user': (auth.get_logged_user, False),
    'frappe.realtime.get_user_info': (get_user_info, True),
    'frappe.realtime.has_permission': (has_permission, True),
}


def route(request: Request) -> Response:
    path = request.path
    if path.startswith(oauth.CALLBACK):
        return oauth.callback(path.removeprefix(oauth.CALLBACK))
    if path.startswith('/api/method/'):
        return call(path.removeprefix('/api/method/'))
    if path.startswith('/api/resource/'):
        return as_response({'data': resource.handle(request, path.removeprefix('/api/resource/'))})
    if path.startswith('/private/files/'):
        return private_file(path)
    if path.startswith('/api/') or request.method not in ('GET', 'HEAD', 'POST'):
        raise NotFound
    return pages.render(path)


def call(name: str) -> Response:
    function, guest_allowed = METHODS.get(name, (None, True))
    if not function:
        frappe.throw(f'Failed to get method for command {name}')
    if frappe.session.user == 'Guest' and not guest_allowed:
        frappe.throw('Login to access', frappe.PermissionError)
    message = function()
    if message is not None:
        frappe.response.message = message
    return as_response(dict(frappe.response))


def private_file(path: str) -> Response:
    """nginx sends it (X-Accel-Redirect) once we say that the session may have it."""
    if frappe.session.user == 'Guest' or not frappe.db.exists('File', {'file_url': path}):
        raise Forbidden("You don't have permission to access this file")
    if not frappe.request.headers.get('X-Use-X-Accel-Redirect'):
        with open(frappe.get_site_path(path.lstrip('/')), 'rb') as file:
            return Response(file.read(), mimetype=mimetypes.guess_type(path)[0])
    response = Response(mimetype=mimetypes.guess_type(os.path.basename(path))[0] or 'application/octet-stream')
    response.headers['X-Accel-Redirect'] = f'/protected{path}'
    response.headers['Cache-Control'] = 'private,max-age=3600,stale-while-revalidate=86400'
    return response


def as_response(content: dict, status: int = 200) -> Response:
    return Response(frappe.as_json(content, indent=None), status=status, mimetype='application/json')


def report(request: Request, error: Exception) -> Response:
    """An error as JSON for programs, as a page for people. Nobody but the log sees a traceback."""
    status = getattr(error, 'http_status_code', 500)
    if status >= 500 and not isinstance(error, frappe.SessionStopped):
        traceback.print_exc(file=sys.stderr)
    accept = request.headers.get('Accept', '')
    if 'application/json' in accept or (request.path.startswith('/api/') and not accept.startswith('text')):
        content = dict(getattr(frappe.local, 'response', None) or {}, exc_type=type(error).__name__)
        if status < 500:
            content['_server_messages'] = json.dumps([json.dumps({'message': str(error)})])
        return as_response(content, status)
    return pages.error(status)
