"""Healthy: this container's worker has a live connection to the queue (rq's own heartbeat is minutes late).

A live worker is subscribed to its own channel, and the subscription ends with its process (its connection's name does
not survive a restart of the queue). Run with -S: it starts at once.
"""

import json
import socket
import sys
from urllib.parse import urlparse

COMMON_CONFIG = "/home/frappe/frappe-bench/sites/common_site_config.json"


def clients(address):
    """Yield (own IP, CLIENT LIST of the queue as lines)."""
    with socket.create_connection((address.hostname, address.port or 6379), timeout=3) as connection:
        stream = connection.makefile("rb")
        for words in (("AUTH", address.password or ""), ("CLIENT", "LIST")):
            encoded = [word.encode() for word in words]
            request = b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded)
            connection.sendall(request)
            reply = stream.readline().decode().rstrip()
            if reply.startswith("-"):
                sys.exit(f"queue: {reply[1:]}")
        return connection.getsockname()[0], stream.read(int(reply[1:])).decode().splitlines()


with open(COMMON_CONFIG) as file:
    own_ip, lines = clients(urlparse(json.load(file)["redis_queue"]))
fields = [dict(pair.split("=", 1) for pair in line.split(" ") if "=" in pair) for line in lines]
alive = [f for f in fields if f["addr"].rsplit(":", 1)[0] == own_ip and f["cmd"].endswith("subscribe")]
if not alive:
    sys.exit("no worker of this container is connected to the queue")
