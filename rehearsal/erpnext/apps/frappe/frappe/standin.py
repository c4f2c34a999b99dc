"""The one thing that the real frappe does not have."""

import time

import frappe


def pause_at(stage: str) -> None:
    """Wait here for ever where `standin_pause_at` in common_site_config.json names the stage: a test then kills us."""
    if frappe.conf.standin_pause_at == stage:
        print(f'standin: waiting at {stage}', flush=True)
        while True:
            time.sleep(3600)
