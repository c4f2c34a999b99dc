"""Writes what every process of the bench reads, proves it by reading it back, and links the image's assets.

Runs once before the application starts, as uid 1000, alone: the image's own entrypoint would relink the assets in
every container at once. Keys that somebody else put into common_site_config.json stay.
"""

import json
import os
import sys
from pathlib import Path

import certifi
from program import write_file

BENCH = Path("/home/frappe/frappe-bench")
SITES = BENCH / "sites"
COMMON_CONFIG = SITES / "common_site_config.json"
PRIVATE_CA = Path("/opt/acme-ca.pem")
CA_BUNDLE = BENCH / "config" / "ca-bundle.pem"
CHROMIUM = Path("/usr/bin/chromium-headless-shell")


def secret(name):
    """Return a mounted secret; an empty one is an error, since Redis would then take any client."""
    value = Path("/run/secrets", name).read_text()
    if not value.isalnum():
        sys.exit(f"configurator: secret {name} is empty or holds something other than letters and digits")
    return value


def wanted():
    """Return the keys that are ours."""
    queue = f"redis://:{secret('redis_queue_password')}@redis-queue:6379"
    keys = {
        "db_host": "db",
        "db_port": 3306,
        "redis_cache": f"redis://:{secret('redis_cache_password')}@redis-cache:6379",
        "redis_queue": queue,
        "redis_socketio": queue,
        "socketio_port": 9000,
    }
    return keys | ({"chromium_path": str(CHROMIUM)} if CHROMIUM.exists() else {})


def read_config():
    """Return the present keys; a file that is no JSON object is somebody's work and is not overwritten."""
    try:
        config = json.loads(COMMON_CONFIG.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        sys.exit(f"configurator: {COMMON_CONFIG} is not JSON: {error}")
    if not isinstance(config, dict):
        sys.exit(f"configurator: {COMMON_CONFIG} is not a JSON object")
    return config


def main():
    keys = wanted()
    config = read_config()
    merged = config | keys
    if merged != config or COMMON_CONFIG.stat().st_mode & 0o777 != 0o600:
        write_file(COMMON_CONFIG, (json.dumps(merged, indent=1, sort_keys=True) + "\n").encode(), 0o600)

    apps = "".join(f"{path.name}\n" for path in sorted((BENCH / "apps").iterdir()) if path.is_dir())
    write_file(SITES / "apps.txt", apps.encode(), 0o644)
    link_assets()
    write_file(CA_BUNDLE, (Path(certifi.where()).read_text() + private_certificates()).encode(), 0o644)

    config = read_config()
    wrong = [key for key, value in keys.items() if config.get(key) != value]
    if wrong or (SITES / "assets").resolve() != BENCH / "assets":
        sys.exit(f"configurator: not as written: {', '.join(wrong) or 'the assets link'}")
    print(f"configured: {len(keys)} keys, apps {' '.join(apps.split())}")


def private_certificates():
    """Return what the bench trusts besides the public CAs: requests takes one file, which replaces certifi's."""
    text = PRIVATE_CA.read_text()
    return text if "BEGIN CERTIFICATE" in text else ""


def link_assets():
    """Point sites/assets at the image's assets, without a moment in which it is missing."""
    assets = SITES / "assets"
    if assets.is_dir() and not assets.is_symlink():
        sys.exit(f"configurator: {assets} is a directory, not our link: move it away")
    beside = SITES / ".assets.partial"
    beside.unlink(missing_ok=True)
    beside.symlink_to(BENCH / "assets")
    os.replace(beside, assets)


main()
