#!/bin/bash
# Starts MariaDB on /var/lib/mysql/data, and refuses what would lose data.
# Beside data/ a restore keeps incoming/ and previous/; ibdata1 here means a database that ran before us.
set -euo pipefail
cd /var/lib/mysql
unfinished=.first-start # made before the first start, removed by its last act

if [[ -e ibdata1 ]]; then
  echo "refused: this volume holds a database that is not ours (ibdata1 at its root)" >&2
  exit 78
fi
if [[ ! -d data/mysql && ( -e incoming || -e previous ) ]]; then
  echo "refused: data/ is missing beside incoming/ or previous/: a restore was interrupted" >&2
  exit 78
fi

# A first start that was killed leaves data/mysql without users, and MariaDB would take it for finished.
# It holds no tenant's data exactly when no schema exists beside the system's own.
if [[ -e $unfinished && -d data ]]; then
  others=$(find data -mindepth 1 -maxdepth 1 -type d ! -name mysql ! -name performance_schema ! -name sys ! -name '#*')
  if [[ -n $others ]]; then
    echo "refused: the first start did not finish, yet data/ holds a schema" >&2
    exit 78
  fi
  echo "The first start was interrupted: making the empty database again" >&2
  rm -rf data
fi

# The image's entrypoint turns the password's file into a variable of the server's environment, which shows in /proc.
# Only a first start needs it, and forgets it in its last act: the entrypoint reads this file as part of itself.
if [[ -d data/mysql ]]; then
  unset MARIADB_ROOT_PASSWORD_FILE
else
  touch "$unfinished"
  cat >/docker-entrypoint-initdb.d/finished.sh <<END
rm -f /var/lib/mysql/$unfinished
unset MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD
END
fi
exec docker-entrypoint.sh "$@"
