"""Signing in through a Social Login Key: the button of the login page, and the callback.

What the real one does without is left out here too: no PKCE, no nonce, no look at the id_token, no time limit, no look at
`email_verified`, and a token in the state that is bound to nothing (rehearsal/CONTRACT.md, Sign-in).
"""

import base64
import json
import traceback
from urllib.parse import urlencode

import requests
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

import frappe
from frappe import pages, sessions
from frappe.deferred_insert import deferred_insert
from frappe.documents import client_secret

CALLBACK = '/api/method/frappe.integrations.oauth2_logins.custom/'


def get_url(path: str = '') -> str:
    """An absolute URL of this site: `host_name` where it is set, or else the host that was asked."""
    base = frappe.conf.host_name or f'{frappe.request.scheme}://{frappe.request.host}'
    return path if path.startswith('http') else base + path


def keys(name: str) -> dict:
    """site_config wins over the document."""
    if own := frappe.conf.get(f'{name}_login'):
        return own
    return {
        'client_id': frappe.db.get_value('Social Login Key', name, 'client_id'),
        'client_secret': client_secret(name),
    }


def providers(redirect_to: str | None) -> list[dict]:
    """The buttons: of each enabled key whose secret can be read."""
    found = frappe.db.sql('select * from `tabSocial Login Key` where enable_social_login = 1 order by name', as_dict=True)
    return [
        {'name': key.name, 'title': key.provider_name, 'url': authorize_url(key, redirect_to)}
        for key in found
        if client_secret(key.name) and key.client_id and key.base_url
    ]


def authorize_url(key, redirect_to: str | None) -> str:
    state = {'site': get_url(), 'token': frappe.generate_hash(), 'redirect_to': redirect_to and get_url(redirect_to)}
    query = {
        'redirect_uri': get_url(key.redirect_url),
        'state': base64.b64encode(json.dumps(state).encode()).decode(),
        **json.loads(key.auth_url_data or '{}'),
        'client_id': keys(key.name)['client_id'],
    }
    return f'{key.authorize_url}?{urlencode(query)}'


def callback(name: str) -> Response:
    key = frappe.db.get_value('Social Login Key', name, '*', as_dict=True)
    if not key:
        return Response('{}', mimetype='application/json')
    info = exchange(key, frappe.form_dict['code'])
    state = json.loads(base64.b64decode(frappe.form_dict.state))
    if not state['token']:
        frappe.throw('Token is missing')
    return sign_in(key, info, state)


def exchange(key, code: str) -> dict:
    """The code for a token, the token for claims. What fails is logged with its local variables, the secret among them."""
    login = keys(key.name)
    data = {'code': code, 'redirect_uri': get_url(key.redirect_url), 'grant_type': 'authorization_code', **login}
    try:
        token = requests.post(key.access_token_url, data=data).json()
        headers = {'Authorization': f'Bearer {token["access_token"]}'}
        return requests.get(key.api_endpoint, headers=headers).json()
    except Exception:
        error = f'{traceback.format_exc()}\nlocals: {data}'
        deferred_insert('Error Log', [{'method': 'oauth2_logins.custom', 'error': error}])
        raise


def sign_in(key, info: dict, state: dict) -> Response:
    user = info['email'].lower()
    found = frappe.db.get_value('User', user, '*', as_dict=True)
    if not found and key.sign_ups != 'Allow':
        return pages.error(403)
    document = frappe.get_doc('User', found.name) if found else new_user(user, info)
    if not document.enabled:
        return pages.page('Not Allowed', 'message', f'<p>User {user} is disabled</p>', [], [])
    if not any(row.provider == key.name for row in document.social_logins):
        document.append('social_logins', {'provider': key.name, 'userid': info[key.user_id_property or 'sub']})
        document.save(ignore_permissions=True)
    sessions.start(document.name)
    return redirect(state['redirect_to'] or '/desk', 302)


def new_user(user: str, info: dict):
    document = frappe.new_doc('User')
    document.update({'email': user, 'first_name': info.get('name') or user, 'enabled': 1})
    return document.insert(ignore_permissions=True)
