#!/bin/bash
# Authentik reads its settings from files (file://), but for the password with which its first start makes `akadmin`. That
# comes into the worker's own environment here, so that it shows neither in compose.yml nor in `docker inspect`.
set -eu
AUTHENTIK_BOOTSTRAP_PASSWORD=$(cat /run/secrets/authentik_bootstrap_password)
export AUTHENTIK_BOOTSTRAP_PASSWORD
exec dumb-init -- ak worker
