#!/bin/sh
# What newswire-archive and newswire-forward tell systemd: a sentence on how they are.
. "$(dirname "$0")/lib.sh"

# tell NAME COMMAND...: runs it as systemd would; what it tells is in $work/NAME/notify.
tell() {
    name=$1
    shift
    mkdir "$work/$name"
    exec /usr/bin/python3 "$root/tests/servers/service_manager.py" "$work/$name" "$@"
}
says() { grep 'STATUS=' "$work/$1/notify" | tail -n 1 | grep -qE -- "$2"; }
expect_status() { # NAME REGULAR-EXPRESSION
    wait_for 30 says "$1" "$2" || fail "$1 says: $(grep STATUS= "$work/$1/notify" | tail -n 1), not $2"
}
put() {
    story "$1" news >"$work/story.txt"
    expect 0 send "$work/story.txt"
}

write_config <<END
[section "news"]
END
start_daemon
cat >"$work/forward.conf" <<END
[forward]
ledger = $work/ledger.db
[outlet "folder"]
url = file://$work/outlet
[outlet "gone"]
url = http://127.0.0.1:1/in
private_addresses = yes
END
mkdir "$work/outlet"
tell archive "$bin/newswire-archive" run --archive "$archive" --feed "$feed" --replay "$replay" --quiet \
    >"$work/archive.out" 2>&1 &
archiver=$!
pids="$pids $archiver"
tell forward "$bin/newswire-forward" run --config "$work/forward.conf" --feed "$feed" --replay "$replay" \
    --quiet >"$work/forward.out" 2>&1 &
forwarder=$!
pids="$pids $forwarder"

step "they are up to date"
expect_status archive '^STATUS=Up to date, at entry 0; 0 kept since the start'
expect_status forward '^STATUS=Up to date, at entry 0; 2 outlets; 0 articles wait$'
grep -q READY=1 "$work/archive/notify" || fail "the archive is not ready"

step "an article is kept; an outlet that is gone is told"
put One
expect_status archive '^STATUS=Up to date, at entry 1; 1 kept since the start$'
expect_status forward '^STATUS=Up to date, at entry 1; 2 outlets; 1 article waits; gone failing for 0 min$'
"$bin/newswire-forward" park --config "$work/forward.conf" gone >/dev/null
expect_status forward '; 0 articles wait, 1 is parked; gone failing'

step "the daemon is gone, and comes back"
stop_daemon
expect_status archive "^STATUS=No newswired at $feed for [0-9]+ s; all up to entry 1 is here; 1 kept"
expect_status forward "^STATUS=No newswired at $feed for [0-9]+ s; all up to entry 1 is here; 2 outlets"
start_daemon
put Two
expect_status archive '^STATUS=Up to date, at entry 2; 2 kept since the start$'

step "their end is told"
for pid in $archiver $forwarder; do
    end TERM "$pid"
    [ "$code" -eq 0 ] || fail "it ended with $code: $(cat "$work/archive.out" "$work/forward.out")"
done
grep -q STOPPING=1 "$work/archive/notify" || fail "the archive did not tell"
grep -q STOPPING=1 "$work/forward/notify" || fail "the forwarder did not tell"
