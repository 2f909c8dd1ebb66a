#!/bin/sh
# A file system of 1 MiB fills up: intake is refused with a reason, readers are
# served, and intake goes on when there is room again.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip "mounting a small file system wants root"
mkdir "$work/disk"
mount -t tmpfs -o size=1m tmpfs "$work/disk" 2>/dev/null || skip "a tmpfs can't be mounted here"
is_degraded() { status_json | grep -q '"health":{"state":"degraded"'; }
cleanup() { umount -l "$work/disk" 2>/dev/null || true; }

log_directory=$work/disk/log
write_config <<END
[log]
free_bytes = 0
[section "briefs"]
END
start_daemon
step "it fills up"
i=0
code=0
while [ $i -lt 60 ] && [ $code -eq 0 ]; do
    i=$((i + 1))
    briefs_page "p$i" 100 | sed "s/^Page: .*/Page: $i/" >"$work/page.txt"
    send --timeout 1 --section briefs "$work/page.txt" >>"$work/acks" 2>"$work/err" || code=$?
done
[ $code -ne 0 ] || fail "60 pages fit into 1 MiB"
[ $code -eq 75 ] || [ $code -eq 69 ] || fail "exit code $code: $(cat "$work/err")"
cat "$work/acks" "$work/err" | grep -qiE 'disk|space|room' || fail "no word of the disk: $(tail -3 "$work/err")"
status_json | grep -qiE 'disk|space|room' || fail "status does not say it: $(status_json)"
wait_for 10 is_degraded || fail "it does not call itself degraded: $(status_json)"

step "readers are served, with all that was acknowledged"
grep -c '^accepted' "$work/acks" >"$work/accepted"
whole_wire >"$work/wire"
[ "$(wc -l <"$work/wire")" -ge "$(cat "$work/accepted")" ] ||
    fail "$(wc -l <"$work/wire") entries for $(cat "$work/accepted") acknowledged"
in_order "$work/wire"

step "it survives a kill while full"
kill_daemon
start_daemon
whole_wire >"$work/again"
in_order "$work/again"
[ "$(wc -l <"$work/again")" -ge "$(cat "$work/accepted")" ] || fail "acknowledged ones are gone"

step "with room again, intake goes on by itself"
mount -o remount,size=4m "$work/disk"
story "After the flood" briefs >"$work/story.txt"
expect 0 send --timeout 20 "$work/story.txt"
grep -q '^accepted' "$work/out" || fail "$(cat "$work/out")"
stop_daemon
