#!/bin/sh
# A disk that does not answer: newswired waits for it, says so and serves readers, and
# the watchdog is answered; only when its patience is over it calls itself stuck. What was
# sent meanwhile is not lost.
. "$(dirname "$0")/disk_lib.sh"

command -v fsfreeze >/dev/null || skip "fsfreeze is missing: it comes with util-linux"
mount_disk loop
let_go() { fsfreeze -u "$work/disk" 2>/dev/null || true; }

at_noon
write_config <<END
[service]
disk_patience = 20s
[log]
free_bytes = 0
[section "news"]
END
start_managed
story One news >"$work/one.txt"
story Two news >"$work/two.txt"
expect 0 send "$work/one.txt"

step "the disk answers no more"
fsfreeze -f "$work/disk" || skip "this file system can't be frozen"
send --timeout 60 "$work/two.txt" >"$work/ack" 2>&1 &
sender=$!
pids="$pids $sender"
wait_for 20 status_says '^STATUS=DEGRADED: the disk has not answered for [0-9]+ s' ||
    fail "$(grep STATUS= "$work/notify" | tail -n 1)"
"$bin/newswirectl" --control "$control" status >"$work/status"
grep -q '^degraded .*the disk has not answered' "$work/status" || fail "$(cat "$work/status")"

step "readers are served, the watchdog is answered, and nothing is acknowledged"
whole_wire >"$work/wire"
[ "$(wc -l <"$work/wire")" -eq 1 ] || fail "$(wc -l <"$work/wire") entries"
before=$(answers)
wait_for 5 answered_again || fail "the watchdog is not answered"
[ ! -s "$work/ack" ] || fail "the sender was told: $(cat "$work/ack")"

step "its patience is over"
wait_for 60 status_says "^STATUS=STUCK: the log's thread .*the disk does not answer" ||
    fail "$(grep STATUS= "$work/notify" | tail -n 1)"
before=$(answers)
sleep 3
[ "$(answers)" -eq "$before" ] || fail "the watchdog is answered still"

step "the disk answers again"
fsfreeze -u "$work/disk"
wait "$sender" || fail "the article was not taken: $(cat "$work/ack")"
forget "$sender"
wait_for 20 status_says '^STATUS=Taking articles in; 2 today' || fail "$(grep STATUS= "$work/notify" | tail -n 1)"
wait_for 10 answered_again || fail "the watchdog is not answered again"
whole_wire >"$work/wire"
[ "$(wc -l <"$work/wire")" -eq 2 ] || fail "$(wc -l <"$work/wire") entries"
end TERM "$manager"
[ "$code" -eq 0 ] || fail "it ended with $code"
