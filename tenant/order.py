"""One order on stdin, one answer on stdout: how the scripts speak with a running site, in the bench's own python.

An order is a line of JSON with `site` and `verb`; secrets come in it, never as an argument. The closed stdin ends the
process, so that it dies with the script that started it; what was not committed by then was never done.
"""

import json
import os
import sys
import threading

import frappe


class Refused(Exception):
    """A precondition does not hold; nothing was changed."""


def serve(verbs):
    """Carry out one order as Administrator, in one transaction."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=die_with_parent, daemon=True).start()
    frappe.init(order["site"])
    frappe.connect()
    try:
        answer = verbs[order["verb"]](order)
        frappe.db.commit()
    except Refused as refusal:
        frappe.db.rollback()
        answer = {"refused": str(refusal)}
    print(json.dumps(answer, default=str), flush=True)
    os._exit(0)  # frappe leaves threads behind


def die_with_parent():
    """The script's end of stdin closes when it dies: end at once, whatever is running."""
    sys.stdin.read()
    os._exit(143)
