"""Rows that are written later: they wait in redis-cache until the scheduler's job writes them."""

import json

import frappe
from frappe.schema import insert

PREFIX = 'insert_queue_for_'


def deferred_insert(doctype: str, records: list[dict]) -> None:
    frappe.cache.connection.rpush(frappe.cache.key(PREFIX + doctype), json.dumps(records))


def save_to_db() -> None:
    for key in frappe.cache.connection.keys(frappe.cache.key(PREFIX) + '*'):
        doctype = key.decode().split(PREFIX)[1]
        while rows := frappe.cache.connection.lpop(key):
            for row in json.loads(rows):
                insert(doctype, **row)
    frappe.db.commit()
