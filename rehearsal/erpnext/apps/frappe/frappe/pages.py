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
<html lang="en"{theme}>
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
<img class="app-logo" src="{logo}">
<h4>Login to {app_name}</h4>
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
        return page('Login', 'login', login_form(), website_head(['website.bundle.css', 'login.bundle.css']), WEB_SCRIPTS)
    return error(404, website_head(['website.bundle.css']))


LOGO = '/assets/frappe/images/frappe-framework-logo.svg'
FAVICON = '/assets/frappe/images/frappe-favicon.svg'
WEB_SCRIPTS = ['frappe-web.bundle.js']


def setting(field: str, default: str = '') -> str:
    """A field of Website Settings; a logo may also stand in Navbar Settings."""
    found = frappe.db.get_single_value('Website Settings', field)
    if not found and field == 'app_logo':
        found = frappe.db.get_single_value('Navbar Settings', field)
    return found or default


def app_name() -> str:
    return setting('app_name') or frappe.db.get_single_value('System Settings', 'app_name') or 'Frappe'


def website_head(bundles: list[str]) -> list[str]:
    """head_html stands before every style sheet; it is shown on the website's pages alone."""
    icon = f'<link rel="shortcut icon" href="{escape(setting("favicon", FAVICON))}" type="image/x-icon">'
    return [icon, setting('head_html'), *links(bundles)]


def login_form() -> str:
    closed = frappe.get_system_settings('disable_user_pass_login')
    providers = ''.join(PROVIDER.format(**one) for one in oauth.providers(frappe.form_dict.get('redirect-to')))
    logo, name = escape(setting('app_logo', LOGO)), escape(app_name())
    return LOGIN.format(logo=logo, app_name=name, password='' if closed else PASSWORD, providers=providers)


def desk(path: str) -> Response:
    """The desk is one page for all its routes. A guest is sent to the login page and back."""
    if frappe.session.user == 'Guest':
        return redirect(f'/login?redirect-to={quote(path, safe="")}', 301)
    if frappe.db.get_value('User', frappe.session.user, 'user_type') == 'Website User':
        return error(403)
    boot = json.dumps({'sitename': frappe.local.site, 'user': {'name': frappe.session.user}, 'socketio_port': 9000})
    token = get_csrf_token()
    logo = escape(frappe.db.get_single_value('Navbar Settings', 'app_logo') or LOGO)
    body = (
        f'<div class="desktop-wrapper"><header class="navbar-container"><img id="brand-logo" src="{logo}"></header></div>'
        f'<div id="body"></div>\n<script>frappe = {{boot: {boot}}}; frappe.csrf_token = "{token}";</script>'
    )
    # A list of the bundles and a string cannot be added: then the desk is down, as on the real one.
    styles = ['desk.bundle.css'] + (frappe.conf.app_include_css or [])
    scripts = ['desk.bundle.js', 'point-of-sale.bundle.js'] + (frappe.conf.app_include_js or [])
    icon = escape(setting('favicon', FAVICON))
    icons = [f'<link rel="{kind}" href="{icon}" type="image/x-icon">' for kind in ('shortcut icon', 'icon')]
    response = page(app_name(), path.lstrip('/'), body, icons + links(styles), scripts, ' data-theme="light"')
    preload = [f'<{url(name)}>; rel=preload; as=style' for name in styles]
    response.headers['Link'] = ', '.join(preload + [f'<{url(name)}>; rel=preload; as=script' for name in scripts])
    return response


def url(name: str) -> str:
    """A bundle by its hash; anything else is a path as it stands."""
    return get_assets_json().get(name, name)


def links(styles: list[str]) -> list[str]:
    return [f'<link type="text/css" rel="stylesheet" href="{url(name)}">' for name in styles]


def page(title: str, path: str, body: str, head: list[str], scripts: list[str], theme: str = '') -> Response:
    tags = '\n'.join(f'<script type="text/javascript" src="{url(name)}"></script>' for name in scripts)
    styles = '\n'.join(head)
    html = PAGE.format(title=escape(title), path=escape(path), body=body, styles=styles, scripts=tags, theme=theme)
    return Response(html, mimetype='text/html')


def error(status: int, head: list[str] = []) -> Response:
    """A plain page without assets, so that it can be shown whatever is broken. A 404 may be cached for 5 minutes."""
    title = TITLES.get(status, 'Server Error')
    path = '404' if status == 404 else 'error'
    styles = '\n'.join(head)
    html = PAGE.format(title=title, path=path, body=f'<h3>{title}</h3>', styles=styles, scripts='', theme='')
    headers = {'Cache-Control': 'private,max-age=300'} if status == 404 else {}
    return Response(html, status=status, mimetype='text/html', headers=headers)
