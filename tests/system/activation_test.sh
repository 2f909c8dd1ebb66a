#!/bin/sh
# systemd holds the sockets: newswired restarts under connected readers and senders, no
# connection is refused and nothing is lost; and what can't be is said.
. "$(dirname "$0")/lib.sh"

manage() { exec /usr/bin/python3 "$root/tests/servers/service_manager.py" "$@" "$work" \
    "$bin/newswired" --config "$config"; }
ready() { [ "$(grep -c READY=1 "$work/notify" 2>/dev/null)" -ge "$1" ]; }
# start_managed SOCKET...: until it is ready.
start_managed() {
    rm -f "$work/notify" "$work/notify.socket" "$work/sockets"
    manage "$@" >>"$work/daemon.log" 2>&1 &
    manager=$!
    pids="$pids $manager"
    wait_for 20 ready 1 || fail "it was not ready"
}
end_managed() {
    end TERM "$manager"
    [ "$code" -eq 0 ] || fail "it ended with $code"
    rm -f "$work"/*.sock "$control"
}
port_of() { sed -n "s/^$1 .*:\([0-9]*\)$/\1/p" "$work/sockets"; }
# expect_refusal WORDS SOCKET...
expect_refusal() {
    words=$1
    shift
    rm -f "$work/notify.socket" "$work"/*.sock "$control"
    code=0
    (manage "$@") >"$work/refusal" 2>&1 || code=$?
    [ "$code" -eq 69 ] || fail "it ended with $code: $(cat "$work/refusal")"
    expect_line "$work/refusal" "$words"
}

step "sockets by their names, of another address than the config's"
write_config <<END
[section "news"]
END
start_managed --socket feed=127.0.0.1:0 --socket replay=127.0.0.1:0 --socket submit=127.0.0.1:0 \
    --socket "control=$control"
feed=tcp://127.0.0.1:$(port_of feed)
replay=tcp://127.0.0.1:$(port_of replay)
submit=tcp://127.0.0.1:$(port_of submit)
[ "$(endpoint_of feed)" = "$feed" ] || fail "the feed is at $(endpoint_of feed), not $feed"
expect_line "$work/daemon.log" "feed listens at $feed, which systemd holds, and not at tcp://127.0.0.1:*"

step "restarts under readers and senders refuse nobody"
tail_wire --after 0 --format json --quiet >"$work/tail" 2>"$work/tail.err" &
pids="$pids $!"
/usr/bin/python3 "$root/tests/servers/knock.py" "$(port_of feed)" "$(port_of replay)" \
    "$(port_of submit)" >"$work/knocks" 2>&1 &
knocker=$!
pids="$pids $knocker"
n=0
for restart in 1 2 3 4; do
    for i in 1 2 3 4 5; do
        n=$((n + 1))
        story "Story $n" news >"$work/story.txt"
        [ "$i" -ne 3 ] || kill -HUP "$manager"
        expect 0 send --timeout 30 "$work/story.txt"
    done
    wait_for 20 ready $((restart + 1)) || fail "it was not ready again"
done
end TERM "$knocker"
expect_no_line "$work/knocks" refused
expect_line "$work/knocks" made
[ "$(sed -n 's/^made //p' "$work/knocks")" -gt 20 ] || fail "hardly a connection: $(cat "$work/knocks")"
arrived() { [ "$(wc -l <"$work/tail")" -ge "$1" ]; }
wait_for 30 arrived "$n" || fail "$(wc -l <"$work/tail") of $n stories came: $(cat "$work/tail.err")"
in_order "$work/tail"
[ "$(wc -l <"$work/tail")" -eq "$n" ] || fail "$(wc -l <"$work/tail") entries for $n stories"
[ -S "$control" ] || fail "the control socket that systemd holds is gone"
end_managed

step "sockets without a name, by the addresses of the config; Unix sockets too"
feed=ipc://$work/feed.sock replay=ipc://$work/replay.sock submit=ipc://$work/submit.sock
write_config <<END
[section "news"]
END
: >"$work/daemon.log"
start_managed --socket "=$work/replay.sock" --socket "=$work/submit.sock" --socket "=$work/feed.sock" \
    --socket "=$control"
whole_wire >"$work/again"
[ "$(wc -l <"$work/again")" -eq "$n" ] || fail "$(wc -l <"$work/again") entries of $n"
expect_no_line "$work/daemon.log" "which systemd holds"
end_managed

step "what can't be is said"
expect_refusal "descriptor 3 (odd): tcp://127.0.0.1:" --socket odd=127.0.0.1:0
expect_line "$work/refusal" "FileDescriptorName= feed, replay, submit or control"
expect_refusal "is beyond this machine" --socket feed=0.0.0.0:0
expect_refusal "(control): tcp://127.0.0.1:" --socket control=127.0.0.1:0
code=0
# shellcheck disable=SC2016 # $$ is the inner shell's
sh -c 'LISTEN_FDS=1 LISTEN_FDNAMES=feed LISTEN_PID=$$ exec "$0" --config "$1"' "$bin/newswired" "$config" \
    3</dev/null >"$work/refusal" 2>&1 || code=$?
[ "$code" -eq 69 ] || fail "it ended with $code: $(cat "$work/refusal")"
expect_line "$work/refusal" "descriptor 3 (feed): it is no stream socket that listens"
