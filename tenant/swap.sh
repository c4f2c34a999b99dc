#!/bin/sh
# Exchanges a tenant's data for what a restore has put beside it, by renames alone. Runs in the restore job: /out holds
# its volumes. Each order goes on where a killed one was, and does nothing where all of it was done.
#
#   swap    the data becomes previous, incoming becomes the data
#           (a database that ran before us lies at the root of its volume, and is gathered into previous first)
#   release what was gathered goes back to where its own stack finds it, and so does its site and the bench's configuration
#   turn    previous becomes incoming, so that a swap brings back what the last one replaced
#   make    make room for what comes, owned as it must be
#   own     give what came to those who use it, whoever owned it where it was saved
#   clean   remove what an unfinished restore has left beside the data
#   drop    remove previous
#   mark    note of when what is kept is: its word is compared with the ledger's, which may be older or lost
#   state   say what is there: data, site, incoming, previous (files: of the site alone), removed (a drop that was killed),
#           foreign, kept <word>
set -eu
order=$1 site=$2 out=${3:-/out} word=${4:-}

into='mv "$@" "$0"' # for `sh -c` behind -exec: a directory, then what goes there; all that POSIX has of mv

move() { # from to, both below $out; the target must not be there: mv would put one into the other
  [ ! -e "$out/$2" ] || { echo "$2 is in the way" >&2; exit 1; }
  mkdir -p "$(dirname "$out/$2")"
  mv "$out/$1" "$out/$2"
}

exchange_site() {
  [ -e "$out/sites/incoming/$site" ] || return 0
  if [ -e "$out/sites/$site" ]; then
    move "sites/$site" "sites/previous/$site"
  elif [ -e "$out/db/previous" ] && [ ! -e "$out/sites/previous/$site" ]; then
    mkdir -p "$out/sites/previous/$site" # what was missing is missing again after an undo
  fi
  move "sites/incoming/$site" "sites/$site"
}

# What the configurator writes anew beside the sites: the old stack needs its own again.
keep_bench() {
  mkdir -p "$out/sites/previous/.bench"
  for name in common_site_config.json apps.txt; do
    [ ! -e "$out/sites/$name" ] || cp -a "$out/sites/$name" "$out/sites/previous/.bench/"
  done
  # a mount point of that stack, or its programs' files: where a link of ours goes
  [ -L "$out/sites/assets" ] || [ ! -d "$out/sites/assets" ] || move sites/assets sites/previous/.bench/assets
}

give_bench() {
  [ -e "$out/sites/previous/.bench" ] || return 0
  for name in common_site_config.json apps.txt assets; do
    [ -e "$out/sites/previous/.bench/$name" ] || continue
    rm -rf "${out:?}/sites/$name"
    mv "$out/sites/previous/.bench/$name" "$out/sites/$name"
  done
  rmdir "$out/sites/previous/.bench"
}

# ibdata1 moves last: while it is at the root, a killed run goes on here.
gather() {
  keep_bench
  mkdir -p "$out/db/previous"
  find "$out/db" -mindepth 1 -maxdepth 1 ! -name ibdata1 ! -name data ! -name incoming ! -name previous ! -name .removed \
    -exec sh -c "$into" "$out/db/previous" {} + # find fails with it, as it would not with ';'
  mv "$out/db/ibdata1" "$out/db/previous/"
}

entries() { # what is done (-exec …) with all in a directory of assets, but for what is ours: a backup leaves that out
  directory=$1
  shift
  find "$directory" -mindepth 1 -maxdepth 1 ! -name .incoming ! -name .arriving ! -name .previous ! -name .removed "$@"
}

# The brand's files lie at the root of their volume: .arriving says that all of the old ones are out of the way.
exchange_assets() {
  if [ -e "$out/assets/.incoming" ]; then
    mkdir -p "$out/assets/.previous"
    entries "$out/assets" -exec sh -c "$into" "$out/assets/.previous" {} +
    mv "$out/assets/.incoming" "$out/assets/.arriving"
  fi
  arrive
}

arrive() {
  [ -e "$out/assets/.arriving" ] || return 0
  entries "$out/assets/.arriving" -exec sh -c "$into" "$out/assets" {} +
  rmdir "$out/assets/.arriving"
}

case $order in
swap)
  [ ! -e "$out/db/ibdata1" ] || gather
  # what comes is whole: a first start that died before it says nothing of it (tenant/db-entrypoint.sh)
  [ ! -e "$out/db/incoming" ] || rm -f "$out/db/.first-start"
  # the database goes first and comes last: half an exchange has none, and nothing starts on it
  [ ! -e "$out/db/incoming" ] || [ ! -e "$out/db/data" ] || move db/data db/previous
  exchange_site
  exchange_assets
  [ ! -e "$out/db/incoming" ] || move db/incoming db/data
  rm -f "$out/sites/$site/locks/"*.lock # nothing runs that holds one
  chown 999:999 "$out/db" # a volume that the job was the first to mount belongs to root
  chown 1000:1000 "$out/sites" "$out/assets"
  ;;
turn)
  rm -f "$out/sites/previous/.kept" # what is kept from here on is something else
  [ ! -e "$out/db/previous" ] || move db/previous db/incoming
  [ ! -e "$out/sites/previous/$site" ] || move "sites/previous/$site" "sites/incoming/$site"
  [ ! -e "$out/assets/.previous" ] || move assets/.previous assets/.incoming
  # before the next order is written down, perhaps on another disk
  sync "$out/db" "$out/sites" "$out/assets" || sync # of all disks, where it knows no files
  ;;
release)
  rm -rf "$out"/*/.removed
  [ ! -e "$out/db/data" ] || move db/data db/.removed
  if [ -e "$out/db/previous" ]; then
    find "$out/db/previous" -mindepth 1 -maxdepth 1 -exec sh -c "$into" "$out/db" {} +
    rmdir "$out/db/previous"
  fi
  if [ -e "$out/sites/previous/$site" ]; then
    [ ! -e "$out/sites/$site" ] || move "sites/$site" sites/.removed
    move "sites/previous/$site" "sites/$site"
  fi
  if [ -e "$out/assets/.previous" ]; then
    entries "$out/assets" -exec rm -rf {} +
    mv "$out/assets/.previous" "$out/assets/.arriving"
  fi
  arrive
  give_bench
  rmdir "$out/sites/previous" "$out/sites/incoming" 2>/dev/null || true
  rm -rf "$out"/*/.removed
  ;;
make)
  mkdir -p "$out/db/incoming" "$out/sites/incoming/$site" "$out/assets/.incoming"
  chown 999:999 "$out/db/incoming"
  chown 1000:1000 "$out/sites/incoming" "$out/sites/incoming/$site" "$out/assets/.incoming"
  ;;
own)
  find "$out/db/incoming" ! -user 999 -exec chown -h 999:999 {} +
  find "$out/sites/incoming" "$out/assets/.incoming" ! -user 1000 -exec chown -h 1000:1000 {} +
  ;;
clean)
  rm -rf "$out/db/incoming" "$out/sites/incoming" "$out/assets/.incoming" "$out/assets/.arriving" "$out"/*/.removed
  ;;
drop) # renamed first: half of it is never taken for something to go back to
  rm -rf "$out"/*/.removed
  [ ! -e "$out/db/previous" ] || move db/previous db/.removed
  [ ! -e "$out/sites/previous" ] || move sites/previous sites/.removed
  [ ! -e "$out/assets/.previous" ] || move assets/.previous assets/.removed
  rm -rf "$out"/*/.removed
  ;;
mark)
  mkdir -p "$out/sites/previous"
  printf '%s\n' "$word" >"$out/sites/previous/.kept"
  ;;
state)
  [ ! -e "$out/sites/previous/.kept" ] || echo "kept $(sed 1q "$out/sites/previous/.kept")"
  [ ! -e "$out/db/data/mysql" ] || echo data
  for coming in db/incoming "sites/incoming/$site" assets/.incoming assets/.arriving; do # any: one alone is half an exchange
    [ ! -e "$out/$coming" ] || { echo incoming; break; }
  done
  [ ! -e "$out/db/previous/mysql" ] || echo previous
  [ ! -e "$out/sites/$site" ] || echo site
  [ -e "$out/db/previous/mysql" ] || [ ! -e "$out/sites/previous/$site" ] || echo files
  for gone in "$out"/*/.removed; do
    [ ! -e "$gone" ] || { echo removed; break; }
  done
  [ ! -e "$out/db/ibdata1" ] || echo foreign
  ;;
*)
  echo "unknown order $order" >&2
  exit 2
  ;;
esac
