#!/bin/sh
# Traefik takes its static settings from one source alone: the file, in which this puts what .env decides.
set -eu

# deploy.ts core compares these with what the repository holds now.
mkdir -p /tmp/started && cp /opt/erp/entrypoint.sh /opt/erp/traefik.yml /tmp/started/
sed -e "s|ACME_EMAIL|$ACME_EMAIL|" -e "s|ACME_CA_SERVER|$ACME_CA_SERVER|" \
  -e "s|METRICS_ADDRESS|$METRICS_ADDRESS|" /opt/erp/traefik.yml >/tmp/traefik.yml

# Traefik refuses a file of keys that others could read; a restored volume may bring it so.
[ ! -e /srv/acme/acme.json ] || chmod 600 /srv/acme/acme.json

# lego, the ACME client in Traefik, trusts the public CAs and this one.
if grep -q 'BEGIN CERTIFICATE' /opt/acme-ca.pem; then
  export LEGO_CA_CERTIFICATES=/opt/acme-ca.pem LEGO_CA_SYSTEM_CERT_POOL=true
fi
exec traefik --configfile=/tmp/traefik.yml
