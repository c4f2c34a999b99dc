#!/bin/bash
# Puts the link to the image's assets into the sites volume, then runs the command. Two containers at a time race here.
set -e
bench=/home/frappe/frappe-bench
echo 'Linking fresh assets to volume...'
rm -rf "$bench/sites/assets"
ln -s "$bench/assets" "$bench/sites/assets"
exec "$@"
