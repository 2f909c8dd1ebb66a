#!/bin/sh
# Peers that send messages without an end are cut off on each socket; what they sent goes
# with them, and meanwhile others are served.
. "$(dirname "$0")/lib.sh"

# What is freed is to be seen as such.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=8
export ASAN_OPTIONS
start_daemon
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$daemon/status"; }
little() { [ "$(resident)" -le $((before + 160000)) ]; }
# More than that it can't have taken before it was cut off: it is looked at five times a second.
most=4000000000

before=$(resident)
for peer in "$submit DEALER 1000000" "$replay DEALER 200000" "$feed SUB 1000"; do
    step "a message without an end to ${peer#* }"
    # shellcheck disable=SC2086 # words
    timeout 120 /usr/bin/python3 "$root/tests/servers/endless.py" $peer "$most" >"$work/endless" 2>&1 &
    endless=$!
    pids="$pids $endless"
    story "Meanwhile ${peer#* }" economy >"$work/story.txt"
    expect 0 send "$work/story.txt"
    wait "$endless" || fail "$(cat "$work/endless")"
    forget "$endless"
    expect_line "$work/endless" "cut off after"
    wait_for 10 little || fail "$(resident) KiB, $before before"
done
expect_line "$work/daemon.log" "sends a message without an end"
[ "$(status_value cut)" -eq 3 ] || fail "$(status_json)"
expect 0 send "$work/story.txt"
stop_daemon
