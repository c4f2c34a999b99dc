#!/bin/sh
# Install the dependencies where they are missing or older than the lock file, then run a TypeScript file with node.
# npm puts --import=#typescript into NODE_OPTIONS, which cannot be met before `npm ci`: hence the shell.
set -eu
unset NODE_OPTIONS
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund
exec node --import='#typescript' "$@"
