#!/bin/sh
# What newswired tells systemd: readiness, reloads, how it is, its end; and that the
# watchdog is answered only while every thread gets on.
. "$(dirname "$0")/lib.sh"

told() { grep -q -- "$1" "$work/notify" 2>/dev/null; }
count() { grep -c -- "$1" "$work/notify"; }
status_says() { grep 'STATUS=' "$work/notify" | tail -n 1 | grep -qE -- "$1"; }
more_than() { [ "$(count "$1")" -gt "$2" ]; }
# Stops a thread until go_on.
stop_thread() {
    mkfifo "$work/hold.$1"
    /usr/bin/python3 "$root/tests/servers/stop_thread.py" "$pid" "$1" <"$work/hold.$1" \
        >"$work/stopped.$1" 2>"$work/tracer.err" &
    tracer=$!
    exec 7>"$work/hold.$1"
    wait_for 10 grep -q stopped "$work/stopped.$1" && return
    code=0
    wait "$tracer" || code=$?
    [ "$code" -ne 77 ] || skip "a thread can't be stopped here: $(cat "$work/tracer.err")"
    fail "the thread $1 was not stopped: $(cat "$work/tracer.err")"
}
go_on() {
    exec 7>&-
    wait "$tracer"
}
drop() {
    story "$1" news >"$work/$1.txt"
    mv "$work/$1.txt" "$work/spool/incoming/"
}
# The watchdog was answered so far, and no more.
expect_no_answer() {
    answers=$(count WATCHDOG=1)
    sleep 3
    [ "$(count WATCHDOG=1)" -eq "$answers" ] || fail "the watchdog is answered while $1"
}

at_noon
step "it says that it is ready, and how it is"
write_config <<END
[spool]
rescan = 1s
[section "news"]
END
/usr/bin/python3 "$root/tests/servers/service_manager.py" --watchdog 1 "$work" \
    "$bin/newswired" --config "$config" >"$work/daemon.log" 2>&1 &
manager=$!
pids="$pids $manager"
wait_for 20 told READY=1 || fail "it was not ready"
pid=$(cat "$work/pid")
pids="$pids $pid"
wait_for 10 status_says '^STATUS=Taking articles in; 0 today, .* 0 readers' || fail "$(cat "$work/notify")"
wait_for 10 told WATCHDOG=1 || fail "the watchdog is not answered"

step "articles of today and readers are told"
feed=$(endpoint_of feed) replay=$(endpoint_of replay)
drop one
wait_for 10 test -f "$work/spool/accepted/one.txt" || fail "not taken: $(status_json)"
tail_wire --client county --quiet >"$work/tail" 2>&1 &
reader=$!
pids="$pids $reader"
wait_for 10 status_says '; 1 today, entry [1-9][0-9]* is the newest; 1 reader' || fail "$(tail -n 2 "$work/notify")"

step "a reload is told, by both ways; a bad config is not taken, and told too"
kill -HUP "$pid"
wait_for 10 told 'RELOADING=1 MONOTONIC_USEC=[1-9]' || fail "no RELOADING: $(cat "$work/notify")"
wait_for 10 more_than READY=1 1 || fail "no READY after it"
expect 0 "$bin/newswirectl" --control "$control" reload
wait_for 10 more_than READY=1 2 || fail "no READY after newswirectl reload"
cp "$config" "$work/good.conf"
printf '[service]\nlog_level = loud\n' >>"$config"
expect 65 "$bin/newswirectl" --control "$control" reload
expect_line "$work/err" "log_level: 'loud'"
wait_for 10 more_than READY=1 3 || fail "no READY after a reload that failed"
[ "$(count RELOADING=1)" -eq 3 ] || fail "$(count RELOADING=1) reloads"
cp "$work/good.conf" "$config"

step "level, sections, clients and limits change without a restart; what can't is named"
printf '[service]\nlog_level = debug\ndisk_patience = 1min\n[intake]\narticle_bytes = 2K\n[section "sport"]\n[feed]\nsend_high_water = 77\n[log]\nretain = 30d\n[replay]\nframe_bytes = 64K\n[submit]\nturn_messages = 9999\n' >>"$config"
expect 0 "$bin/newswirectl" --control "$control" reload
expect_no_line "$work/out" "next start"
"$bin/newswirectl" --control "$control" sections | grep -q '^sport' || fail "no section sport"
printf '[security]\nhandshake_timeout = 9s\n' >>"$config"
expect 0 "$bin/newswirectl" --control "$control" reload
expect_line "$work/out" "at the next start: [security] handshake_timeout"

step "the log's thread is stopped: nothing waits for it, so nothing is wrong"
stop_thread log
answers=$(count WATCHDOG=1)
wait_for 10 more_than WATCHDOG=1 "$((answers + 4))" || fail "the watchdog is not answered"

step "an article waits for it: that is told, and the watchdog is not answered"
drop two
wait_for 20 status_says "^STATUS=STUCK: the log's thread" || fail "$(tail -n 2 "$work/notify")"
expect_no_answer "the log's thread is stopped"
"$bin/newswirectl" --control "$control" status >"$work/status"
expect_line "$work/status" "the log's thread has not got on"
go_on
wait_for 20 test -f "$work/spool/accepted/two.txt" || fail "not taken"
wait_for 20 status_says '^STATUS=Taking' || fail "$(tail -n 2 "$work/notify")"
wait_for 10 more_than WATCHDOG=1 "$answers" || fail "the watchdog is not answered again"

step "the replay thread is stopped"
stop_thread replay
wait_for 20 status_says '^STATUS=STUCK: the replay thread' || fail "$(tail -n 2 "$work/notify")"
expect_no_answer "the replay thread is stopped"
go_on
wait_for 20 status_says '^STATUS=Taking' || fail "$(tail -n 2 "$work/notify")"

step "the whole process is stopped"
kill -STOP "$pid"
expect_no_answer "it is stopped"
kill -CONT "$pid"
answers=$(count WATCHDOG=1)
wait_for 10 more_than WATCHDOG=1 "$answers" || fail "the watchdog is not answered again"

step "the end is told"
end TERM "$manager"
[ "$code" -eq 0 ] || fail "it ended with $code"
forget "$pid"
told 'STOPPING=1' || fail "$(tail -n 3 "$work/notify")"
