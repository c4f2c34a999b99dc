#!/bin/sh
# Starts Redis with its password, which reaches neither an argument list nor an environment.
set -eu
umask 077
printf 'requirepass %s\nprotected-mode yes\ndir /data\n' "$(cat /run/secrets/redis_password)" > /tmp/redis.conf
exec redis-server /tmp/redis.conf "$@"
