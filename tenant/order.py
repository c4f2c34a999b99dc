"""How the scripts speak with a running site: an order names a `site` and a `verb`, which is carried out in one transaction."""

import os

import frappe
from program import answer


def serve(*verbs):
    """Carry out one order as Administrator. What was not committed when the process ends was never done."""
    answer(lambda order: perform(verbs, order))
    os._exit(0)  # frappe leaves threads behind


def perform(verbs, order):
    frappe.init(order["site"])
    frappe.connect()
    outcome = {verb.__name__: verb for verb in verbs}[order["verb"]](order)
    frappe.db.commit()
    return outcome
