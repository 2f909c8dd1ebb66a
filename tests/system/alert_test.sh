#!/bin/sh
# newswire-alert beside real daemons: an outlet that fails, articles that are parked, a
# kill that nobody confirms, a page that does not come, a daemon that is killed, a disk
# that fills up; each is told once, and that it is over.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"
. "$here/alert_lib.sh"

mkdir "$work/disk"
disk=no
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=8m tmpfs "$work/disk" 2>/dev/null; then
    disk=yes
    cleanup() { umount -l "$work/disk" 2>/dev/null || true; }
fi

log_directory=$work/disk/log
write_config <<END
[log]
free_bytes = 1M
END

step "a wire, a forwarder with two outlets, a web server for the people on duty"
start_daemon
start_outlet duty
duty_port=$port
start_outlet daily
write_forward_config <<END
[outlet "daily"]
url = http://127.0.0.1:$port/in
private_addresses = yes
retry_first = 100ms
retry_most = 200ms
kill_needs_receipt = yes
END
start_forward
write_alert_config <<END
forwarders = $work/forward*.conf
disks = $work/disk
[alert "duty"]
url = http://127.0.0.1:$duty_port/hook
merge = 300ms
rate = 3600
daemon_down = 500ms
outlet_failing = 1s
kill_unconfirmed = 1s
disk_free = 1M
timezone = UTC
no_page_by = $(date -u -d '-1 minute' +%H:%M)
page_after = $(date -u -d '-3 minutes' +%H:%M)
page_topics = politics
kinds = daemon_down outlet_failing item_parked kill_unconfirmed disk_full cannot_look intake_stopped
END

step "nothing is wrong, and a look says so"
expect 0 alert check
expect_line "$work/out" "nothing is wrong"
start_alert

step "an outlet fails, and it is told once"
script daily '[{"status": 503, "body": "closed for repair", "keep": true}]'
send_article u:1 1 "First"
wait_heard duty outlet_failing new
expect_words "$work/duty/log" 'closed for repair'
expect 69 alert check
expect_line "$work/out" "daily: 503 closed for repair"
expect 0 alert status
expect_line "$work/out" "1 open"
expect_line "$work/out" "outlet_failing"
expect 0 alert status --json
/usr/bin/python3 -c 'import json, sys; s = json.loads(sys.stdin.read())
assert s["group"] == "duty" and s["alerts"][0]["kind"] == "outlet_failing" and s["alerts"][0]["told_usec"] > 0, s' <"$work/out" ||
    fail "$(cat "$work/out")"

step "killed and started again, it tells nobody twice"
end KILL "$alerter"
start_alert
sleep 1.5
has_heard duty outlet_failing new || fail "told twice: $(cat "$work/duty/log")"

step "the outlet takes articles again: that is told once"
rm "$work/daily/script"
wait_state u:1 daily delivered
wait_heard duty outlet_failing over

step "three articles are parked, and told in one message"
script daily '[{"status": 422, "body": "no such desk", "keep": true, "method": "POST"}]'
for i in 2 3 4; do
    article u:$i 1 "Story $i" >"$work/story$i.txt"
done
stop_alert
expect 0 send "$work/story2.txt" "$work/story3.txt" "$work/story4.txt"
for i in 2 3 4; do
    wait_state u:$i daily parked
done
start_alert
wait_heard duty item_parked new 3
expect_words "$work/duty/log" '3 items parked'
expect_words "$work/duty/log" 'Story 3'

step "sent again by a person, they are over"
rm "$work/daily/script"
expect 0 forward retry daily
wait_heard duty item_parked over 3

step "a kill that the outlet does not confirm; and a receipt that does"
expect 0 send --kill u:1 --note "A child is named"
wait_heard duty kill_unconfirmed new
expect 0 forward receipt daily u:1 --withdrawn --by "J. Doe"
wait_heard duty kill_unconfirmed over

step "a ledger that can't be read ends no alert and begins none"
printf '[outlet "x"]\n' >"$work/forward-bad.conf"
expect 69 alert check
expect_line "$work/out" "cannot_look"
rm "$work/forward-bad.conf"

step "no page by its time; one that comes late ends it"
stop_alert
sed -i 's/^kinds = /&no_page /' "$alert_conf"
start_alert
wait_heard duty no_page new
section=politics send_article u:9 1 "Late"
wait_heard duty no_page over

if [ "$disk" = yes ]; then
    step "a disk fills up, so that nothing is taken in, and is cleared"
    dd if=/dev/zero of="$work/disk/big" bs=1k count=8000 2>/dev/null || true
    wait_heard duty disk_full new
    story "Too much" news >"$work/story.txt"
    send --timeout 1 "$work/story.txt" >/dev/null 2>&1 && fail "it was taken in"
    wait_heard duty intake_stopped new
    expect_words "$work/duty/log" "the disk is full"
    rm "$work/disk/big"
    wait_heard duty disk_full over
    wait_heard duty intake_stopped over
fi

step "the daemon is killed, and comes back"
kill_daemon
wait_heard duty daemon_down new
start_daemon
wait_heard duty daemon_down over

step "it is there but does not answer"
kill -STOP "$daemon"
wait_heard duty daemon_down new 2
kill -CONT "$daemon"
wait_heard duty daemon_down over 2

step "the forwarder has ended, and its ledger can be read all the same"
stop_forward
expect 0 alert check

step "nothing was told twice, and it ends well"
stop_alert
for kind in outlet_failing kill_unconfirmed no_page; do
    has_heard duty $kind new || fail "$kind was told $(heard duty $kind new) times"
    has_heard duty $kind over || fail "$kind was over $(heard duty $kind over) times"
done
expect 0 alert status
expect_line "$work/out" "0 open, 0 to tell"
stop_daemon
