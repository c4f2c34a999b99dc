#!/bin/sh
# Prints what to trust: Pebble's own certificate, and the root of those that it issues.
set -eu
cat /tmp/cert.pem
curl -fsS --cacert /tmp/cert.pem https://localhost:15000/roots/0
