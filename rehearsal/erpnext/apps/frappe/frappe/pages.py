"""The pages that a browser sees: login, desk, errors. They name the bundles by the hashes of the image's assets."""

import json
from html import escape
from urllib.parse import quote

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

import frappe
from frappe import oauth
from frappe.sessions import get_csrf_token
from frappe.utils import get_assets_json

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="frappe">
<title>{title}</title>
{styles}
</head>
<body data-path="{path}">
{body}
{scripts}
</body>
</html>
"""

LOGIN = """<form class="form-signin form-login" role="form">
<h4>Login to Frappe</h4>
{password}{providers}
</form>"""

PASSWORD = """<input type="text" id="login_email" placeholder="jane@example.com" autocomplete="username" required>
<input type="password" id="login_password" autocomplete="current-password" required>
<button class="btn btn-primary btn-login" type="submit">Login</button>
"""

#: The real page does not escape the address.
PROVIDER = '<a href="{url}" class="btn btn-block btn-default btn-sm btn-login-option btn-{name}">Login with {title}</a>'

TITLES = {401: 'Session Expired', 403: 'Not Permitted', 404: 'Not Found', 503: 'Updating'}


def render(path: str) -> Response:
    if path == '/app' or path.startswith('/app/'):
        return redirect('/desk' + path.removeprefix('/app'), 301)
    if path == '/desk' or path.startswith('/desk/'):
        return desk(path)
    if path in ('/', '/login'):
        return page('Login', 'login', login_form(), ['website.bundle.css', 'login.bundle.css'], ['frappe-web.bundle.js'])
    return error(404)


def login_form() -> str:
    closed = frappe.get_system_settings('disable_user_pass_login')
    providers = ''.join(PROVIDER.format(**one) for one in oauth.providers(frappe.form_dict.get('redirect-to')))
    return LOGIN.format(password='' if closed else PASSWORD, providers=providers)


def desk(path: str) -> Response:
    """The desk is one page for all its routes. A guest is sent to the login page and back."""
    if frappe.session.user == 'Guest':
        return redirect(f'/login?redirect-to={quote(path, safe="")}', 301)
    if frappe.db.get_value('User', frappe.session.user, 'user_type') == 'Website User':
        return error(403)
    boot = json.dumps({'sitename': frappe.local.site, 'user': {'name': frappe.session.user}, 'socketio_port': 9000})
    token = get_csrf_token()
    body = f'<div id="body"></div>\n<script>frappe = {{boot: {boot}}}; frappe.csrf_token = "{token}";</script>'
    return page('Desk', path.lstrip('/'), body, ['desk.bundle.css'], ['desk.bundle.js', 'point-of-sale.bundle.js'])


def page(title: str, path: str, body: str, styles: list[str], scripts: list[str]) -> Response:
    assets = get_assets_json()
    links = '\n'.join(f'<link type="text/css" rel="stylesheet" href="{assets[name]}">' for name in styles)
    tags = '\n'.join(f'<script type="text/javascript" src="{assets[name]}"></script>' for name in scripts)
    html = PAGE.format(title=title, path=escape(path), body=body, styles=links, scripts=tags)
    return Response(html, mimetype='text/html')


def error(status: int) -> Response:
    """A plain page without assets, so that it can be shown whatever is broken. A 404 may be cached for 5 minutes."""
    title = TITLES.get(status, 'Server Error')
    html = PAGE.format(title=title, path='error', body=f'<h3>{title}</h3>', styles='', scripts='')
    headers = {'Cache-Control': 'private,max-age=300'} if status == 404 else {}
    return Response(html, status=status, mimetype='text/html', headers=headers)
