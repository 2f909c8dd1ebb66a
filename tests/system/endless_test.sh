#!/bin/sh
# Peers that send messages without an end are cut off on each socket; what they sent goes
# with them, and meanwhile others are served.
. "$(dirname "$0")/lib.sh"

# What is freed is to be seen as such.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=8
export ASAN_OPTIONS
start_daemon
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$daemon/status"; }
most=160000
case $bin in */asan) most=600000 ;; esac # which keeps what was freed
little() { [ "$(resident)" -le $((before + most)) ]; }
cut=0
is_cut() { [ "$(status_value cut)" -eq "$cut" ]; }

before=$(resident)
for peer in "$submit DEALER 1000000" "$replay DEALER 200000" "$feed SUB 1000"; do
    step "a message without an end to ${peer#* }"
    # shellcheck disable=SC2086 # words
    timeout 120 /usr/bin/python3 "$root/tests/servers/endless.py" $peer >"$work/endless" 2>&1 &
    endless=$!
    pids="$pids $endless"
    cut=$((cut + 1))
    story "Meanwhile ${peer#* }" economy >"$work/story.txt"
    expect 0 send "$work/story.txt"
    wait_for 60 is_cut || fail "it goes on: $(resident) KiB; $(cat "$work/endless")"
    wait_for 20 little || fail "$(resident) KiB, $before before"
    kill -KILL "$endless" 2>/dev/null || true # unless it has noticed
    wait "$endless" 2>/dev/null || true
    forget "$endless"
done
expect_line "$work/daemon.log" "sends a message without an end"
expect 0 send "$work/story.txt"
stop_daemon
