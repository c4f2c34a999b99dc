#!/bin/bash
# Copies the running database into /srv/staging and makes the copy bootable, while the server goes on writing.
# As the socket account, without a password. The closed stdin ends it, and everything that it started.
set -euo pipefail
ulimit -Sn "$(ulimit -Hn)" # it holds every table open: Docker 29 begins with 1024
staging=/srv/staging data=/var/lib/mysql/data

copy() {
  find "$staging" -mindepth 1 -delete
  # a log of 2 MiB would make the server write on; --parallel: 2 was fastest on two cores
  mariadb-backup --backup --user=mysql --parallel=2 --target-dir="$staging"
}
work() {
  copy || { echo "copying once more: a table changed under the first copy" >&2; copy; }
  mariadb-backup --prepare --use-memory=64M --target-dir="$staging"
  # without these the image starts the server twice at the next start, and upgrades the system tables: up to 20 s that a
  # restore would be down for longer (its docker-entrypoint.sh: _check_if_upgrade_is_needed)
  for file in mariadb_upgrade_info .my-healthcheck.cnf; do
    [[ ! -e $data/$file ]] || cp -p "$data/$file" "$staging"
  done
}

set -m # each job a process group of its own, so that it can be ended whole
work >&2 &
worker=$!
set +m
{ cat >/dev/null; kill -TERM -- -"$worker"; } <&0 2>/dev/null &
watcher=$!
wait "$worker"
kill "$watcher" 2>/dev/null || true

printf 'bytes %s\n' "$(du -sb "$staging" | cut -f1)"
sed -n 's/^to_lsn = /lsn /p' "$staging/mariadb_backup_checkpoints"
sed -n 's/^server_version = /server /p' "$staging/mariadb_backup_info"
