#!/bin/bash
# Healthy: the scheduler's process lives, is not stopped, and woke within the last ten minutes (it ticks every four).
# A sleeping process that wakes gains a voluntary context switch; the count at its last change is kept in /tmp.
set -euo pipefail
seen=/tmp/scheduler-seen
limit=600 # seconds

pid=
for process in /proc/[0-9]*; do
  [[ $process == "/proc/$$" ]] && continue
  if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q 'bench_helper frappe schedule'; then
    [[ $(cat "$process/comm") == docker-init || $(cat "$process/comm") == tini ]] && continue
    pid=${process#/proc/}
    break
  fi
done
[[ -n $pid ]] || { echo "no scheduler process"; exit 1; }

state=$(awk '/^State:/ {print $2}' "/proc/$pid/status")
[[ $state != T && $state != Z ]] || { echo "scheduler process is in state $state"; exit 1; }

switches="$pid $(awk '/^voluntary_ctxt_switches/ {print $2}' "/proc/$pid/status")"
if [[ ! -e $seen || $(<"$seen") != "$switches" ]]; then
  echo "$switches" >"$seen"
fi
age=$(($(date +%s) - $(date -r "$seen" +%s)))
((age < limit)) || { echo "scheduler has not woken for $age s"; exit 1; }
