"""Puts a theme on a tenant's site, says what is there, and takes back what it has just put.

Reads one line of JSON on stdin: site, action and what the action needs. The closed stdin ends it, so that it dies with
the script that started it. One line of JSON with the outcome goes to stdout. Runs in the backend's image, in sites/,
with the bench's python; the volume with the generations is mounted at /srv/branding.

Actions:
  look      what the site has, and which generations are kept
  apply     keep the generation that came, or take one that is kept; publish its files; set what differs
  revert    set what an apply of this run has replaced

Every action begins by comparing what is there with what is wanted, and each change is whole or not made: killed anywhere
and run again it ends in the same state. The documents are not saved: saving an attachment makes a File record and a copy
of the file each time, and deleting such a record deletes the file (seen on ERPNext 16).
"""

import base64
import hashlib
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import frappe
from frappe.utils.synchronization import filelock
from frappe.website.utils import clear_website_cache
from program import THEME_FILE, Refused, answer, write_file

BRANDING = Path(sys.argv[1] if len(sys.argv) > 1 else "/srv/branding")
BEGIN, END = "<!-- securenexus-erp theme -->", "<!-- /securenexus-erp theme -->"
HEAD = re.compile(rf'(?:{re.escape(BEGIN)}|{re.escape(END)}|<link rel="stylesheet" href="/files/{THEME_FILE}">)\n?')
HEAD_FIELD = "Website Settings.head_html"
LISTS = ("app_include_css", "app_include_js")
MARK = "erp_theme"
#: What frappe and erpnext put there themselves; besides these everything below /assets/.
STOCK = ("", "Frappe", "ERPNext")
#: Open tabs keep asking for the files that they were loaded with.
KEEP_SECONDS = 7 * 86400
KEEP_GENERATIONS = 5


def run(order):
    if not BRANDING.is_dir() or not os.access(BRANDING, os.W_OK):
        raise Refused(f"{BRANDING} is not there for the backend: deploy the tenant first")
    return {"look": look, "apply": apply, "revert": revert}[order["action"]](order)


# --- the actions ---


def look(order):
    connect(order["site"])
    found = read(order["site"])
    return {
        "mark": found[MARK],
        "lists": {key: found[key] for key in LISTS},
        "generations": generations(),
        "manifest": manifest_of((found[MARK] or {}).get("generation")),
        "foreign": foreign(found),
    }


def apply(order):
    """What was changed, what was kept as somebody else's, and `before`: everything that revert needs."""
    site = order["site"]
    connect(site)
    before = read(site)
    mark = before[MARK] or {}
    manifest, mark, held = choose(order, mark)
    if held:
        return {"held": held, "generation": mark.get("generation"), "changed": [], "kept": []}
    wanted, kept = merge(before, manifest, mark)
    files = [name for name in manifest["files"] if not published(site, name, manifest)]
    changed = files + [key for key in wanted if wanted[key] != before[key]]
    outcome = {"generation": manifest["id"], "changed": changed, "kept": kept, "manifest": manifest}
    if order.get("dry"):
        return outcome
    for name in files:
        publish(site, name, manifest["id"])
    touch_leaving(site, before, manifest)
    try:
        write(site, before, wanted)
    except frappe.QueryDeadlockError:
        raise  # nothing was written: begin anew from what there is now
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}", "reverted": try_write(site, before)}
    removed = sweep(site, manifest, mark)
    configured = Path(site, "site_config.json").stat().st_mtime
    return {**outcome, "removed": removed, "before": before, "after": wanted, "configured": configured}


def revert(order):
    """Take back what an apply of this run has set; what somebody else has changed since stays theirs."""
    site, before, after = order["site"], order["before"], order["after"]
    connect(site)
    now = read(site)
    write(site, now, {key: earlier(key, before[key], after[key], now[key]) for key in after})
    return {}


def earlier(key, before, after, now):
    """A setting as it was; of what holds ours beside others', our part alone."""
    if now == after:
        return before
    if key in LISTS:
        others = [entry for entry in as_list(key, now) if not is_ours(entry)]
        return [entry for entry in as_list(key, before) if is_ours(entry)] + others or None
    if key == HEAD_FIELD:
        ours = "".join(part.group() for part in HEAD.finditer(before)).rstrip("\n")
        return "\n".join(part for part in (ours, HEAD.sub("", now)) if part)
    return now


def choose(order, mark):
    """The manifest that is wanted, the mark that says so, and whether an earlier rollback holds against it."""
    current, previous = mark.get("generation"), mark.get("previous")
    if order.get("rollback") and order.get("pending") and mark.get("rejected"):
        return load(current), mark, None  # an earlier rollback, which nobody has seen yet: it is finished
    if order.get("rollback"):
        if not previous:
            raise Refused("there is no earlier theme to go back to")
        return load(previous), {"generation": previous, "previous": current, "rejected": current}, None
    manifest = order["manifest"]
    if order.get("gently") and mark.get("rejected") == manifest["id"] != current:
        return None, mark, manifest["id"]
    if not order.get("dry"):
        store(order)
    if manifest["id"] == current and order.get("gently"):
        wanted = mark
    elif manifest["id"] == current:
        wanted = {"generation": current, "previous": previous}
    else:
        wanted = {"generation": manifest["id"], "previous": current}
    return manifest, wanted, None


# --- the generations, in the volume that the backup takes along ---


def store(order):
    """Keep what came: the files as published, and the brand's folder and common/ as they were. Whole, or not there."""
    for partial in BRANDING.glob(".*.partial"):
        shutil.rmtree(partial)
    target = BRANDING / "generations" / order["manifest"]["id"]
    if not damages(target.name):
        return
    shutil.rmtree(target, ignore_errors=True)
    partial = BRANDING / f".{target.name}.partial"
    (partial / "source").mkdir(parents=True)
    for name, content in order["content"].items():
        write_file(partial / name, base64.b64decode(content))
    for name, content in order["source"].items():
        path = partial / "source" / name
        path.parent.mkdir(exist_ok=True)  # common/theme.css
        write_file(path, base64.b64decode(content))
    write_file(partial / "manifest.json", json.dumps(order["manifest"], indent=1).encode())
    target.parent.mkdir(exist_ok=True)
    os.rename(partial, target)


def generations():
    """Ids, the newest first."""
    kept = [path for path in (BRANDING / "generations").glob("*") if (path / "manifest.json").is_file()]
    return [path.name for path in sorted(kept, key=lambda path: path.stat().st_mtime, reverse=True)]


def manifest_of(generation):
    path = BRANDING / "generations" / str(generation) / "manifest.json"
    return json.loads(path.read_text()) if generation and path.is_file() else None


def damages(generation):
    """What of a kept generation is not as its manifest says."""
    manifest = manifest_of(generation)
    if not manifest:
        return ["manifest.json"]
    folder = BRANDING / "generations" / generation
    return [name for name, digest in manifest["files"].items() if sha256_of(folder / name) != digest]


def load(generation):
    damaged = damages(generation)
    if damaged:
        raise Refused(f"{damaged[0]} of the theme {generation} is not what was kept: apply the brand again")
    return manifest_of(generation)


# --- what the site has, and what it is to have: both as a flat table of settings ---


def read(site):
    config = read_json(Path(site, "site_config.json"))
    found = {key: config.get(key) for key in (*LISTS, MARK)}
    for key in (HEAD_FIELD, *FIELDS):
        found[key] = frappe.db.get_single_value(*key.split("."), cache=False) or ""
    return found


FIELDS = (
    "Website Settings.app_name",
    "Website Settings.app_logo",
    "Website Settings.splash_image",
    "Website Settings.favicon",
    "Navbar Settings.app_logo",
)


def merge(before, manifest, mark):
    """The table as it is to be. Everything that is not ours stays; a field holds one value, so somebody's own stays instead."""
    ours = set(titles())
    wanted, kept = {}, []
    common = read_json(Path("common_site_config.json"))  # hidden by the site's own list: taken along
    for key, entries in zip(LISTS, (manifest["css"], manifest["js"])):
        there = common.get(key) if before[key] is None else before[key]
        others = [entry for entry in as_list(key, there) if not is_ours(entry)]
        wanted[key] = [*entries, *others] or None
    own = HEAD.sub("", before[HEAD_FIELD])
    wanted[HEAD_FIELD] = f"{BEGIN}\n{manifest['head']}\n{END}" + (f"\n{own}" if own.strip() else "")
    for key in FIELDS:
        value = before[key]
        if value in STOCK or value.startswith("/assets/") or is_ours(value) or value in ours:
            wanted[key] = manifest["fields"][key]
        elif value != manifest["fields"][key]:
            kept.append(f"{key}: {value}")
    wanted[MARK] = {key: value for key, value in mark.items() if value}
    return wanted, kept


def foreign(found):
    """What others have put beside ours."""
    entries = [entry for key in LISTS for entry in as_list(key, found[key]) if not is_ours(entry)]
    return entries + (["head_html"] if HEAD.sub("", found[HEAD_FIELD]).strip() else [])


def as_list(key, value):
    """A mere string takes the whole desk down: it becomes the list that was meant."""
    if value is None or isinstance(value, list):
        return value or []
    if isinstance(value, str):
        return [value]
    raise Refused(f"{key} in site_config.json is neither a list nor a string")


def is_ours(value):
    return isinstance(value, str) and re.fullmatch(f"/files/{THEME_FILE}", value) is not None


def titles():
    """Every name that one of our themes has given: also of one that was killed before it was marked."""
    return [(manifest_of(generation) or {}).get("fields", {}).get(FIELDS[0]) for generation in generations()]


def write(site, before, wanted):
    """The database first, then the file that names the new state: both are short, and each is whole."""
    fields = [key for key in wanted if "." in key and wanted[key] != before[key]]
    for key in fields:
        frappe.db.set_single_value(*key.split("."), wanted[key])
    if fields:
        frappe.db.commit()
        frappe.clear_cache()
        clear_website_cache()
    with filelock("site_config"):  # which bench set-config takes
        path = Path(site, "site_config.json")
        config = read_json(path)
        keys = [key for key in wanted if "." not in key and wanted[key] != config.get(key)]
        for key in keys:
            config.pop(key, None)
            if wanted[key] is not None:
                config[key] = wanted[key]
        if keys:
            write_file(path, json.dumps(config, indent=1, sort_keys=True).encode(), path.stat().st_mode & 0o777)


def try_write(site, before):
    try:
        frappe.db.rollback()
        write(site, read(site), before)
        return True
    except Exception:
        return False


# --- what browsers get ---


def published(site, name, manifest):
    path = Path(site, "public", "files", name)
    return path.is_file() and sha256_of(path) == manifest["files"][name]


def publish(site, name, generation):
    folder = Path(site, "public", "files")
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / name, (BRANDING / "generations" / generation / name).read_bytes())


def touch_leaving(site, before, manifest):
    """The time of a file that leaves says since when."""
    for name in set(re.findall(THEME_FILE, json.dumps(before))) - set(manifest["files"]):
        path = Path(site, "public", "files", name)
        if path.is_file():
            os.utime(path)


def sweep(site, manifest, mark):
    """Remove files that left long ago, what a killed run left behind, and old generations."""
    removed = []
    for path in Path(site, "public", "files").glob("theme-*"):
        old = path.stat().st_mtime < time.time() - KEEP_SECONDS
        if old and re.fullmatch(THEME_FILE, path.name) and path.name not in manifest["files"]:
            path.unlink()
            removed.append(path.name)
    for path in Path(site, "public", "files").glob(".theme-*.partial"):
        path.unlink()
    for generation in generations()[KEEP_GENERATIONS:]:
        if generation not in mark.values():
            shutil.rmtree(BRANDING / "generations" / generation)
    return removed


# --- files ---


def read_json(path):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Refused(f"{path.name} is not JSON") from error


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def connect(site):
    frappe.init(site, force=True)
    frappe.connect()


answer(run)
