"""Makes a tenant's site once, or finishes what an interrupted run left, and never touches what holds documents.

Reads one line of JSON on stdin: site, apps, time_zone, country, language, root_password, admin_password.
The closed stdin ends it, so that it dies with the script that started it. Progress goes to
stderr, one line of JSON with the outcome to stdout. Runs in the backend's image, in sites/, with the bench's python.

States (rehearsal/CONTRACT.md, B; what is borrowed from frappe: installer._new_site, install_app, commands.site._drop_site):
  absent    no folder, no configuration, and no schema whose they could be
  empty     a configuration, but no schema, or a schema without any app's tables and with no user of its own
  half      app tables without our marker, and no company or submitted document
  complete  our marker, and every app of the registry installed
  foreign   data that did not come from us
"""

import json
import logging
import os
import re
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

# read when frappe is imported: with log files it could not connect before the site has a folder for them
os.environ["FRAPPE_STREAM_LOGGING"] = "1"
logging.disable(logging.WARNING)  # or each CREATE would show, that of the site's user with its password

import frappe
import frappe.utils
from frappe.commands.site import _drop_site
from frappe.database.mariadb.setup_db import get_root_connection
from frappe.installer import _new_site, install_app
from frappe.utils.password import get_encryption_key
from program import THEME_FILE, Refused, answer, write_file

MARKER = "erp_site_made"
SYSTEM_USERS = {"Administrator", "Guest"}


def run(order):
    site = order["site"]
    prove_root_login(site, order["root_password"])
    state = classify(site, order)
    outcome = {"found": state["name"], "detail": state.get("detail", "")}
    if state["name"] == "foreign":
        raise Refused(state["detail"])
    if state["name"] == "empty":
        say("removing the empty remains of an interrupted run")
        remove_empty(site, order["root_password"])
    if state["name"] in ("absent", "empty"):
        say("making the site")
        make(site, order)
    elif state["name"] == "half":
        finish(site, order["apps"])
    if state["name"] != "complete":
        localise(site, order)
        make_key(site)
        write_marker(site)
    outcome["mended_jobs"] = mend_future_jobs(site)
    outcome["schema"] = read_config(site)["db_name"]
    return outcome


def say(text):
    print(text, file=sys.stderr, flush=True)


# --- what is there ---


def prove_root_login(site, password):
    """A wrong root password would leave a half-made site: prove it first."""
    open_bench(site, password)
    try:
        get_root_connection().sql("select 1")
    except Exception as error:
        if getattr(error, "args", [None])[0] in (1045, 1698):  # the latter where no password would do
            raise Refused("the database refuses the root password of the secret file") from error
        raise


def open_bench(site, password=None):
    frappe.init(site, new_site=True, force=True)
    if password:
        frappe.flags.root_login, frappe.flags.root_password = "root", password


def root_sql(query, values=()):
    return get_root_connection().sql(query, values)


def classify(site, order):
    folder = Path(site)
    config = read_config(site)
    if config is None and (lost := schemas_with_tables()):
        return {"name": "foreign", "detail": f"the database holds {', '.join(lost)}, but there is no site {site}"}
    if not folder.exists():
        return {"name": "absent"}
    if config is None:
        return foreign_files(folder) or {"name": "empty", "detail": "a folder without site_config.json"}
    tables = schema_tables(config.get("db_name", ""))
    if MARKER in config:
        return classify_made(site, order["apps"], config, tables)
    if not tables:
        return foreign_files(folder) or {"name": "empty", "detail": "no database"}
    evidence = documents(config["db_name"], tables)
    if evidence:
        return {"name": "foreign", "detail": f"the site {site} holds data that these scripts did not make: {evidence}"}
    if "tabCompany" not in tables:
        return foreign_files(folder) or {"name": "empty", "detail": f"{len(tables)} tables, no app"}
    return {"name": "half", "detail": f"{len(tables)} tables, never finished"}


def classify_made(site, apps, config, tables):
    """Our marker is there: the database must be as well, and the apps."""
    if not tables:
        raise Refused(f"the site {site} was made, but its database {config.get('db_name')} is gone: restore a backup")
    rows = root_sql(f"select defvalue from `{config['db_name']}`.tabDefaultValue where defkey='installed_apps'")
    installed = json.loads(rows[0][0]) if rows else []
    missing = [app for app in apps if app not in installed]
    if missing:
        raise Refused(f"the site {site} lacks {', '.join(missing)}: install it with bench after a backup")
    return {"name": "complete"}


def read_config(site):
    path = Path(site, "site_config.json")
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Refused(f"{path} is not JSON: {error}") from error


def schema_tables(name):
    return {row[0] for row in root_sql("select table_name from information_schema.tables where table_schema=%s", (name,))}


def schemas_with_tables():
    """A site has its folder and configuration before its schema, and loses the schema first: one alone is somebody's books."""
    rows = root_sql(
        "select distinct table_schema from information_schema.tables"
        " where table_schema not in ('mysql', 'sys', 'information_schema', 'performance_schema') order by 1"
    )
    return [row[0] for row in rows]


def documents(schema, tables):
    """What shows that people work with this site; an empty string where nothing does."""
    if "tabCompany" in tables:
        companies = root_sql(f"select count(*) from `{schema}`.tabCompany")[0][0]
        if companies:
            return f"{companies} companies"
    if "tabUser" in tables:
        users = {row[0] for row in root_sql(f"select name from `{schema}`.tabUser")} - SYSTEM_USERS
        if users:
            return f"{len(users)} users"
    for table in sorted(tables & {"tabGL Entry", "tabSales Invoice", "tabPurchase Invoice", "tabJournal Entry", "tabStock Entry"}):
        if root_sql(f"select exists(select 1 from `{schema}`.`{table}` where docstatus=1)")[0][0]:
            return f"submitted documents in {table}"
    return ""


def foreign_files(folder):
    """Uploaded files beside a missing database are somebody's: such a folder is never removed. A theme's are ours."""
    for kind in ("public", "private"):
        found = (folder / kind / "files").rglob("*")
        files = [path for path in found if path.is_file() and not re.fullmatch(THEME_FILE, path.name)]
        if files:
            return {"name": "foreign", "detail": f"the folder of {folder} holds {len(files)} uploaded files but no finished site"}
    return None


# --- what is done about it ---


def make(site, order):
    open_bench(site)
    with quiet():
        _new_site(
            None,
            site,
            db_root_username="root",
            db_root_password=order["root_password"],
            admin_password=order["admin_password"],
            install_apps=order["apps"],
            mariadb_user_host_login_scope="%",
        )


def remove_empty(site, password):
    """Remove the schema, the user and the folder of a site that was proven to hold nothing."""
    archive = Path(".removed").resolve()  # the default lies outside the volume, on a read-only root
    if read_config(site) is None:
        shutil.rmtree(site)
    else:
        frappe.init(site, force=True)
        with quiet():
            _drop_site(site, "root", password, archived_sites_path=str(archive), force=True, no_backup=True)
    shutil.rmtree(archive, ignore_errors=True)


def finish(site, apps):
    """Install every app again by force: nothing else mends an installation that was killed (rehearsal/CONTRACT.md, B)."""
    connect(site)
    for app in apps:
        say(f"finishing the installation of {app}")
        with quiet():
            install_app(app, set_as_patched=True, force=True)
        frappe.db.commit()


def localise(site, order):
    """A new site lives in Asia/Kolkata: give it its time zone before the scheduler runs."""
    connect(site)
    for field in ("time_zone", "country", "language"):
        frappe.db.set_single_value("System Settings", field, order[field])
        frappe.db.set_default(field, order[field])  # what saving the document does beside it
    frappe.db.commit()
    frappe.clear_cache()


def mend_future_jobs(site):
    """Jobs created (or last run) in the future are never due, while the scheduler says it is enabled. Returns how many."""
    connect(site)
    now = frappe.utils.now_datetime()
    count = 0
    for field, where in (("creation", "last_execution is null and creation > %s"), ("last_execution", "last_execution > %s")):
        count += frappe.db.sql(f"select count(*) from `tabScheduled Job Type` where {where}", (now,))[0][0]
        frappe.db.sql(f"update `tabScheduled Job Type` set {field}=%s where {where}", (now, now))
    frappe.db.commit()
    return count


def make_key(site):
    """Frappe makes the key at the first secret: several web workers, with a configuration of up to a minute ago, several keys."""
    connect(site)
    get_encryption_key()


def write_marker(site):
    """The last act: nothing in the database marks the end of an installation."""
    path = Path(site, "site_config.json")
    config = json.loads(path.read_text())
    config[MARKER] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    write_file(path, json.dumps(config, indent=1, sort_keys=True).encode(), 0o600)


def connect(site):
    frappe.destroy()
    frappe.init(site, force=True)
    frappe.connect()


class quiet:
    """What frappe prints goes to stderr: stdout carries the outcome alone."""

    def __enter__(self):
        self.stdout, sys.stdout = sys.stdout, sys.stderr

    def __exit__(self, *_):
        sys.stdout = self.stdout


answer(run)
