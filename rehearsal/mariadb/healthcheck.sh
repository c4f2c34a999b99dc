#!/bin/bash
# healthcheck.sh [--su-mysql] [--datadir=DIR] [--defaults-extra-file=FILE] --connect --innodb_initialized
# Every named test must hold. As in the official image --connect only proves that a port listens: "Access denied" counts.
set -eo pipefail
datadir=/var/lib/mysql
defaults=
connected=

ask() { mariadb ${defaults:+--defaults-extra-file="$defaults"} --skip-ssl -BN "$@"; }

connect() {
  local answer
  answer=$(ask --host=localhost --protocol=tcp -e 'select @@skip_networking' 2>&1) || true
  case $answer in
    0 | 'ERROR 1'???' (28000)'* | 'ERROR 1820'* | 'ERROR 4151'* | 'ERROR 1226'*) connected=1 ;;
    *) return 1 ;;
  esac
}

innodb_initialized() {
  local query="select 1 from information_schema.engines where engine='innodb' and support in ('YES','DEFAULT')"
  [[ $(ask --protocol=socket -e "$query") == 1 ]]
}

[[ $# -gt 0 ]] || { echo 'At least one argument required' >&2; exit 1; }
[[ ! -f $datadir/.my-healthcheck.cnf ]] || defaults=$datadir/.my-healthcheck.cnf
while [[ $# -gt 0 ]]; do
  case $1 in
    --su-mysql) exec setpriv --reuid=mysql --regid=mysql --clear-groups -- "$0" "${@:2}" ;;
    --datadir=*) datadir=${1#*=} ;;
    --defaults-extra-file=*) defaults=${1#*=} ;;
    --no-defaults) defaults= ;;
    --connect | --innodb_initialized) "${1#--}" || { echo "healthcheck ${1#--} failed" >&2; exit 1; } ;;
    *) echo "healthcheck unknown option or test '$1'" >&2; exit 1 ;;
  esac
  shift
done
[[ -n $connected ]] || connect
