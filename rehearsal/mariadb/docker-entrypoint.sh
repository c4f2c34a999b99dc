#!/bin/bash
# Starts mariadbd; an empty data directory is made first, on a server that nobody else can reach.
# Like the official image it takes <datadir>/mysql for a finished database: a first start that was killed half-way
# leaves a server without a root password, users and time zones.
set -eo pipefail
shopt -s nullglob

note() { printf '%s [Note] [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$*"; }
fail() {
  printf '%s [ERROR] [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$*" >&2
  exit 1
}

# setting NAME [DEFAULT]: the variable, or else the content of the file that NAME_FILE names, or else the default.
setting() {
  local file=$1_FILE
  if [[ -n ${!1:-} && -n ${!file:-} ]]; then fail "Both $1 and $file are set (but are exclusive)"; fi
  if [[ -n ${!file:-} ]]; then printf '%s' "$(<"${!file}")"; else printf '%s' "${!1:-$2}"; fi
}

# config NAME COMMAND…: what the server would use; only it knows its own defaults.
config() { "${@:2}" --verbose --help 2>/dev/null | awk -v name="$1" '/^[^ \t]/ && $1 == name && !seen++ { print $2 }'; }
escaped() { sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g" <<<"$1"; }
client() { mariadb --protocol=socket --user=root --socket="$socket" --skip-ssl --database=mysql "$@"; }

start_temporary_server() {
  "$@" --skip-networking --default-time-zone=SYSTEM --socket="$socket" --skip-slave-start \
    --loose-innodb-buffer-pool-load-at-startup=0 &
  server=$!
  note 'Waiting for server startup'
  for _ in {1..300}; do
    if client <<<'SELECT 1' &>/dev/null; then return; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  fail 'Unable to start server.'
}

stop_temporary_server() {
  kill "$server"
  wait "$server"
}

# The accounts of healthcheck.sh and the file in the data directory that holds their password.
health_accounts() {
  local password host
  password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
  for host in 127.0.0.1 ::1 localhost; do
    echo "CREATE USER IF NOT EXISTS healthcheck@'$host';"
    echo "SET PASSWORD FOR healthcheck@'$host' = PASSWORD('$password');"
    echo "GRANT ${MARIADB_HEALTHCHECK_GRANTS:-USAGE} ON *.* TO healthcheck@'$host';"
  done
  (
    umask 0077
    printf '[mariadb-client]\nport=%s\nsocket=%s\nuser=healthcheck\npassword=%s\n' \
      "$port" "$socket" "$password" >"$datadir/.my-healthcheck.cnf"
  )
}

accounts() {
  local password root_host
  password=$(escaped "$root_password")
  root_host=$(setting MARIADB_ROOT_HOST %)
  echo "DROP USER IF EXISTS root@127.0.0.1, root@'::1', root@'$(hostname)', ''@localhost, ''@'$(hostname)';"
  if [[ -n ${MARIADB_MYSQL_LOCALHOST_USER:-} ]]; then
    echo 'CREATE USER mysql@localhost IDENTIFIED VIA unix_socket;'
    if [[ -n ${MARIADB_MYSQL_LOCALHOST_GRANTS:-} ]]; then
      echo "GRANT $MARIADB_MYSQL_LOCALHOST_GRANTS ON *.* TO mysql@localhost;"
    fi
  fi
  health_accounts
  if [[ -n $root_host && $root_host != localhost ]]; then
    echo "CREATE USER root@'$root_host' IDENTIFIED BY '$password';"
    echo "GRANT ALL ON *.* TO root@'$root_host' WITH GRANT OPTION;"
  fi
  echo "SET PASSWORD FOR root@localhost = PASSWORD('$password');"
}

initialise() {
  root_password=$(setting MARIADB_ROOT_PASSWORD '')
  if [[ -z $root_password && -z ${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-} ]]; then
    fail 'Database is uninitialized and password option is not specified: MARIADB_ROOT_PASSWORD(_FILE)'
  fi
  note 'Initializing database files'
  mariadb-install-db --datadir="$datadir" --rpm --auth-root-authentication-method=normal "${@:2}" \
    --cross-bootstrap --skip-test-db --default-time-zone=SYSTEM --skip-log-bin
  note 'Starting temporary server'
  start_temporary_server "$@"
  if [[ -z ${MARIADB_INITDB_SKIP_TZINFO:-} ]]; then
    mariadb-tzinfo-to-sql --skip-write-binlog /usr/share/zoneinfo 2>/dev/null | client
  fi
  accounts | client --binary-mode
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    note "running $file"
    case $file in
      *.sh) if [[ -x $file ]]; then "$file"; else . "$file"; fi ;;
      *.sql) MYSQL_PWD=$root_password client <"$file" ;;
      *) note "ignoring $file" ;;
    esac
  done
  stop_temporary_server
  note 'MariaDB init process done. Ready for start up.'
}

# True for system tables of an older server, and where the health account's file is missing: a physical copy has none.
upgrade_is_due() {
  local info=$datadir/mariadb_upgrade_info ours theirs
  [[ -f $info && -f $datadir/.my-healthcheck.cnf ]] || return 0
  ours=$(mariadbd --version | sed -E 's/.* ([0-9]+\.[0-9]+)\..*/\1/')
  theirs=$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' "$info")
  [[ $theirs != "$ours" ]]
}

upgrade() {
  note 'Starting temporary server'
  start_temporary_server "$@" --skip-grant-tables
  if [[ -z ${MARIADB_DISABLE_UPGRADE_BACKUP:-} ]]; then
    local version
    version=$(cat "$datadir/mariadb_upgrade_info" 2>/dev/null || echo unknown_version)
    note "Backing up system database to system_mysql_backup_$version.sql.zst"
    mariadb-dump --socket="$socket" --skip-ssl --skip-lock-tables --databases mysql |
      zstd -q >"$datadir/system_mysql_backup_$version.sql.zst"
  fi
  note 'Starting mariadb-upgrade'
  mariadb-upgrade --socket="$socket" --skip-ssl --upgrade-system-tables
  { echo 'FLUSH PRIVILEGES;' && health_accounts; } | client
  stop_temporary_server
  note 'Finished mariadb-upgrade'
}

main() {
  if [[ ${1:0:1} == - ]]; then set -- mariadbd "$@"; fi
  if [[ $1 != mariadbd && $1 != mysqld ]] || [[ " $* " == *' --help '* || " $* " == *' --version '* ]]; then
    exec "$@"
  fi
  datadir=$(config datadir "$@")
  socket=$(config socket "$@")
  port=$(config port "$@")
  mkdir -p "$datadir"
  if [[ $(id -u) == 0 ]]; then
    note "Switching to dedicated user 'mysql'"
    find "$datadir" "${socket%/*}" ! -user mysql -exec chown mysql: '{}' +
    exec setpriv --reuid=mysql --regid=mysql --clear-groups -- "$0" "$@"
  fi
  if [[ ! -d $datadir/mysql ]]; then
    initialise "$@"
  elif [[ -n ${MARIADB_AUTO_UPGRADE:-} ]] && upgrade_is_due; then
    upgrade "$@"
  fi
  exec "$@"
}

main "$@"
