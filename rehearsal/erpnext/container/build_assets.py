"""Writes the image's asset bundles, each named by a hash of its content and of the release, and assets.json."""

import base64
import hashlib
import json
import sys
from pathlib import Path

BUNDLES = {
    'website.bundle.css': 'body { font-family: sans-serif; background: var(--bg-light-gray, #f7f7f7); }',
    'login.bundle.css': '.form-signin { max-width: 20rem; margin: 4rem auto; background: #fff; }',
    'desk.bundle.css': ':root { --btn-primary: #171717; --surface-menu-bar: #f8f8f8; }',
    'frappe-web.bundle.js': 'window.frappe = window.frappe || {}',
    'desk.bundle.js': 'window.frappe = window.frappe || {}; frappe.pages = {}',
    'point-of-sale.bundle.js': 'window.erpnext = { PointOfSale: {} }',
}


def build(root: Path, release: str) -> None:
    names = {}
    for name, content in BUNDLES.items():
        app = 'erpnext' if name.startswith('point') else 'frappe'
        stem, kind = name.rsplit('.', 1)
        digest = base64.b32encode(hashlib.sha256(f'{release}{content}'.encode()).digest()).decode()[:8]
        target = root / app / 'dist' / kind / f'{stem}.{digest}.{kind}'
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content + '\n')
        names[name] = f'/assets/{target.relative_to(root)}'
    (root / 'assets.json').write_text(json.dumps(names, indent=1))


build(Path(sys.argv[1]), sys.argv[2])
