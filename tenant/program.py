"""What the programs that run in the backend share: how they take an order and end, and how they write a file."""

import json
import os
import sys
import threading

# The published files of a theme (lib/theme/theme.ts names them)
THEME_FILE = r"theme-[a-z0-9-]+\.[0-9a-f]{12}\.(?:css|js|svg)"


class Refused(Exception):
    """A precondition does not hold; nothing was changed."""


def answer(work):
    """Read one line of JSON on stdin, do the work, print one line of JSON: its outcome, or why it was refused."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=die_with_parent, daemon=True).start()
    try:
        outcome = undisturbed(lambda: work(order))
    except Refused as refusal:
        outcome = {"refused": str(refusal)}
    print(json.dumps(outcome, default=str), flush=True)


def undisturbed(work, tries=3):
    """Do the work; do it anew, with a connection of its own, where another's write came between.

    MariaDB refuses (1020, since 11.6) to write a row that has changed since the transaction began to read, and ends one of
    two that wait for each other (1213). Frappe gives both one name, and nothing of the transaction is kept.
    """
    import frappe  # which reads the environment that its program has set before

    for _ in range(tries - 1):
        try:
            return work()
        except frappe.QueryDeadlockError:
            frappe.destroy()
    return work()


def die_with_parent():
    """The script's end of stdin closes when it dies: end at once, whatever is running."""
    sys.stdin.read()
    os._exit(143)


def write_file(path, content, mode=0o644):
    """To the disk beside its place, then renamed there: whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
