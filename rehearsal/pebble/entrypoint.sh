#!/bin/sh
# Starts the DNS stub and Pebble. Every name that is asked for has the address of TRAEFIK; every start is a new CA.
set -eu
cd /tmp
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 3650 -subj /CN=pebble \
  -addext 'subjectAltName=DNS:pebble,DNS:localhost' 2>/dev/null
cat >config.json <<END
{ "pebble": {
  "listenAddress": "0.0.0.0:14000", "managementListenAddress": "127.0.0.1:15000",
  "certificate": "/tmp/cert.pem", "privateKey": "/tmp/key.pem", "httpPort": 80, "tlsPort": 443,
  "profiles": { "default": { "description": "the only one", "validityPeriod": $((VALID_DAYS * 86400)) } }
} }
END
pebble-challtestsrv -defaultIPv4 "$TRAEFIK" -defaultIPv6 '' -dns01 :53 -management 127.0.0.1:8055 \
  -http01 '' -https01 '' -tlsalpn01 '' -doh '' &
export PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
exec pebble -config config.json -dnsserver 127.0.0.1:53
