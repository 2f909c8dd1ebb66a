#!/bin/sh
# A disk turns read-only, as ext4 does after an error: that is degraded and said, readers
# are served, the watchdog is answered and nothing ends; after the disk is mended all is there.
. "$(dirname "$0")/disk_lib.sh"

mount_disk loop,errors=remount-ro
put() {
    story "$1" news >"$work/story.txt"
    send --timeout 3 "$work/story.txt"
}

write_config <<END
[log]
free_bytes = 0
[section "news"]
END
start_managed
expect 0 put One
expect 0 put Two

step "it turns read-only"
mount -o remount,abort "$work/disk" || skip "this file system can't be made to fail"
code=0
put Three >"$work/out" 2>"$work/err" || code=$?
[ "$code" -eq 75 ] || [ "$code" -eq 69 ] || fail "exit code $code: $(cat "$work/out" "$work/err")"
cat "$work/out" "$work/err" | grep -q 'Read-only file system' || fail "no reason: $(cat "$work/out" "$work/err")"

step "that is degraded, and said"
wait_for 10 status_says "STATUS=DEGRADED: .*Read-only file system.*readers are served" ||
    fail "$(grep STATUS= "$work/notify" | tail -n 1)"
[ "$(status_json | grep -o '"health":{"state":"[a-z]*')" = '"health":{"state":"degraded' ] || fail "$(status_json)"
"$bin/newswirectl" --control "$control" status >"$work/status"
grep -q '^degraded .*Read-only file system' "$work/status" || fail "$(cat "$work/status")"

step "readers are served, and the watchdog is answered"
whole_wire >"$work/wire"
[ "$(wc -l <"$work/wire")" -eq 2 ] || fail "$(wc -l <"$work/wire") entries"
before=$(answers)
wait_for 10 answered_again || fail "the watchdog is not answered"
! grep -q STATUS=STUCK "$work/notify" || fail "it calls itself stuck"

step "it ends well, and can't start there; once the disk is mended all is there"
end TERM "$manager"
[ "$code" -eq 0 ] || fail "it ended with $code"
expect 69 "$bin/newswired" --config "$config"
expect_line "$work/err" "Read-only file system"
umount "$work/disk"
e2fsck -fy "$work/image" >/dev/null 2>&1 || true
mount -o loop "$work/image" "$work/disk"
cp "$work/more.conf" "$work/again.conf"
write_config <"$work/again.conf"
start_daemon
whole_wire >"$work/again"
[ "$(wc -l <"$work/again")" -eq 2 ] || fail "$(wc -l <"$work/again") entries after the repair"
expect 0 put Four
stop_daemon
