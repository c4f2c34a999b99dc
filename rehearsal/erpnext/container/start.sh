#!/bin/bash
# The web application, with the settings that the real image's script has.
set -e
workers=${GUNICORN_WORKERS:-2}
threads=${GUNICORN_THREADS:-4}
echo "Booting Gunicorn with $workers workers and $threads threads..."
exec /home/frappe/frappe-bench/env/bin/gunicorn --chdir=/home/frappe/frappe-bench/sites --bind=0.0.0.0:8000 \
  --threads="$threads" --workers="$workers" --worker-class=gthread --worker-tmp-dir=/dev/shm \
  --timeout="${GUNICORN_TIMEOUT:-120}" --preload frappe.app:application
