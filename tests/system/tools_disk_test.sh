#!/bin/sh
# The disk of the ledger and of the archive fills up: it is said, nothing is lost, and
# both go on when there is room again.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

[ "$(id -u)" -eq 0 ] || skip "mounting a small file system wants root"
mkdir "$work/disk"
mount -t tmpfs -o size=1m tmpfs "$work/disk" 2>/dev/null || skip "a tmpfs can't be mounted here"
cleanup() { umount -l "$work/disk" 2>/dev/null || true; }
archive=$work/disk/archive.db

start_daemon
start_outlet daily
write_forward_config <<END
[outlet "daily"]
url = http://127.0.0.1:$port/in
private_addresses = yes
format = json
END
sed -i "s|^ledger = .*|ledger = $work/disk/ledger.db|" "$conf"
"$bin/newswire-forward" run --config "$conf" 2>>"$work/forward.log" &
forwarder=$!
pids="$pids $forwarder"
has_place() { [ "$(sqlite3 -readonly "$work/disk/ledger.db" 'SELECT count(*) FROM wire')" = 1 ]; }
wait_for 20 has_place || fail "the forwarder did not start: $(cat "$work/forward.log")"

step "it fills up: the forwarder says so and waits"
i=0
while [ $i -lt 20 ]; do
    i=$((i + 1))
    briefs_page "p$i" 100 | sed "s/^Page: .*/Page: $i/" >"$work/page.txt"
    expect 0 send "$work/page.txt"
done
wait_for 30 grep -q "the ledger can't be written, nothing moves" "$work/forward.log" || fail "$(cat "$work/forward.log")"
kill -0 "$forwarder" || fail "the forwarder ended"

step "the archive ends with an error that names its file, and keeps what it had"
code=0
timeout 60 "$bin/newswire-archive" run --archive "$archive" --feed "$feed" --replay "$replay" --until-head 2>"$work/err" || code=$?
[ "$code" -eq 74 ] || fail "exit code $code: $(cat "$work/err")"
grep -q "$archive: .*full" "$work/err" || fail "$(cat "$work/err")"

step "there is room again: both have everything"
mount -o remount,size=64m "$work/disk"
all_arrived() { [ "$(grep -o '"uri": "[^"]*"' "$work/daily/log" | sort -u | wc -l)" -eq 2000 ]; }
wait_for 60 all_arrived || fail "$(grep -o '"uri": "[^"]*"' "$work/daily/log" | sort -u | wc -l) of 2000 arrived; $(tail -n 3 "$work/forward.log")"
grep -q "the ledger is written again" "$work/forward.log" || fail "$(cat "$work/forward.log")"
end TERM "$forwarder"
[ "$code" -eq 0 ] || fail "the forwarder ended with $code"
keep_all
expect 0 ask verify
expect_line "$work/out" "2000 entries"
stop_daemon
