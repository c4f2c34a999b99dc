"""A site's Social Login Key, and the settings that let nobody in but through it.

Verbs: `look` asks, changes nothing · `prepare` sees to the site's encryption key · `write` makes or changes the key · `restore` puts an earlier one back · `remove` takes
it away and opens password login · `require` and `release` close and open password login, mail links and resets by mail ·
`sweep` removes the rows of Error Log that hold a secret.
"""

import json
import os
import time

import frappe
import requests
from frappe.deferred_insert import save_to_db
from frappe.utils.password import get_decrypted_password, get_encryption_key
from order import serve
from program import Refused

DOCTYPE = "Social Login Key"
NAME = "authentik"
FIELDS = (
    "enable_social_login",
    "social_login_provider",
    "provider_name",
    "client_id",
    "base_url",
    "custom_base_url",
    "authorize_url",
    "access_token_url",
    "redirect_url",
    "api_endpoint",
    "api_endpoint_args",
    "auth_url_data",
    "user_id_property",
    "sign_ups",
)
PASSWORD_OFF = "disable_user_pass_login"
MAIL_LINK = "login_with_email_link"
#: Seconds for which the link of a password reset works: it signs in whatever PASSWORD_OFF says (frappe/frappe#27125).
RESET = "reset_password_link_expiry_duration"
#: The doors when they are closed: no mail arrives within a second, and 0 would be without end.
CLOSED = {PASSWORD_OFF: 1, MAIL_LINK: 0, RESET: 1}
#: Where stands what a setting was before `require`; its presence says that we closed the doors.
BEFORE = {MAIL_LINK: "erp_mail_link_before", RESET: "erp_reset_before"}


def look(order):
    """Return the key without its secret, what would make it useless, and who has signed in through it."""
    config = frappe.conf
    return {
        "key": fields(),
        "secret_fits": secret() == order["secret"],
        "host_name": config.get("host_name"),
        "overridden": bool(config.get(f"{NAME}_login")),
        "shared": shared("host_name", f"{NAME}_login"),
        "password_off": bool(setting(PASSWORD_OFF)),
        "mail_link": bool(setting(MAIL_LINK)),
        "reset_link": setting(RESET) != CLOSED[RESET],
        "managers": managers(),
        "reach": reach(order["discovery"]),
    }


def shared(*keys):
    """Return those that stand in the bench's configuration and not in the site's own."""
    with open(os.path.join(frappe.local.sites_path, "common_site_config.json")) as bench:
        common = json.load(bench)
    with open(frappe.get_site_path("site_config.json")) as own:
        site = json.load(own)
    return [key for key in keys if key in common and key not in site]


def reach(url):
    """Ask as the site itself will: its trust, its way out, but with a time limit, which Frappe's own call lacks."""
    try:
        answer = requests.get(url, timeout=8, allow_redirects=False)
        return {"status": answer.status_code}
    except (requests.RequestException, OSError) as error:
        return {"status": 0, "error": f"{type(error).__name__}: {error}"[:300]}


def fields():
    if not frappe.db.exists(DOCTYPE, NAME):
        return None
    document = frappe.get_doc(DOCTYPE, NAME)
    return {field: document.get(field) for field in FIELDS}


def secret():
    try:
        return get_decrypted_password(DOCTYPE, NAME, "client_secret", raise_exception=False)
    except frappe.ValidationError:  # another encryption key: it is asked for nothing but to be compared or replaced
        return None


def setting(name):
    return int(frappe.db.get_single_value("System Settings", name) or 0)


def managers():
    """Return enabled System Managers who have signed in through the key."""
    signed = {row[0] for row in frappe.db.sql("select parent from `tabUser Social Login` where provider = %s", [NAME])}
    roles = frappe.db.sql("select parent from `tabHas Role` where role = 'System Manager'")
    users = sorted(signed & {row[0] for row in roles})
    return [user for user in users if frappe.db.get_value("User", user, "enabled")]


def prepare(_order):
    """Make the encryption key where the site has none yet; return the age of its configuration in seconds.

    The site's processes read that again after a minute. One that has not seen the key would make another at its next look
    at a secret, without a word, and what was encrypted meanwhile could never be read again.
    """
    get_encryption_key()
    return {"age": time.time() - os.stat(frappe.get_site_path("site_config.json")).st_mtime}


def write(order):
    """Make the key as wanted; return what was there before. One of another client is somebody's work."""
    before = fields()
    if before and before["client_id"] != order["fields"]["client_id"]:
        raise Refused(f"the Social Login Key {NAME} belongs to the client {before['client_id']}, not to these scripts")
    old = secret() if before else None
    if before == order["fields"] and old == order["secret"]:
        return {"changed": False}
    put(order["fields"], order["secret"])
    return {"changed": True, "before": before, "secret": old}


def put(values, client_secret):
    document = frappe.get_doc(DOCTYPE, NAME) if frappe.db.exists(DOCTYPE, NAME) else frappe.new_doc(DOCTYPE)
    document.update({**values, "client_secret": client_secret})
    document.save(ignore_permissions=True)
    frappe.clear_cache()


def restore(order):
    if order["before"] is None:
        delete()
    else:
        put(order["before"], order["secret"])
    return {}


def remove(order):
    """Take the key away. First the doors are opened: without a key nobody could come in. One of another client stays."""
    found = fields()
    opened = release(None)["opened"]
    if found and found["client_id"] != order["client"]:
        return {"removed": False, "opened": opened, "foreign": found["client_id"]}
    if found:
        delete()
    return {"removed": found is not None, "opened": opened}


def delete():
    frappe.delete_doc(DOCTYPE, NAME, ignore_permissions=True, ignore_missing=True)
    frappe.clear_cache()


def require(_order):
    """Close the doors. What they were is kept in the site's defaults, which a backup holds."""
    if all(setting(name) == value for name, value in CLOSED.items()):
        return {"changed": False}
    for name, before in BEFORE.items():
        if frappe.db.get_global(before) is None:
            frappe.db.set_global(before, str(setting(name)))
    for name, value in CLOSED.items():
        change(name, value)
    return {"changed": True}


def release(_order):
    """Open password login; mail links and resets become what they were."""
    opened = bool(setting(PASSWORD_OFF))
    if opened:
        change(PASSWORD_OFF, 0)
    for name, before in BEFORE.items():
        value = frappe.db.get_global(before)
        if value is not None:
            change(name, int(value))
            frappe.db.set_global(before, None)
    return {"opened": opened}


def change(name, value):
    frappe.db.set_single_value("System Settings", name, value)
    frappe.clear_cache()


def sweep(order):
    """Remove the rows that hold one of these secrets: a failed exchange leaves its traceback with local variables."""
    save_to_db()  # they wait in redis-cache until the scheduler writes them
    frappe.db.commit()
    removed = 0
    for value in order["secrets"]:
        rows = frappe.db.sql("select name from `tabError Log` where instr(error, %s)", [value])
        for (name,) in rows:
            frappe.db.sql("delete from `tabError Log` where name = %s", [name])
        removed += len(rows)
    return {"removed": removed}


if __name__ == "__main__":
    serve(look, prepare, write, restore, remove, require, release, sweep)
