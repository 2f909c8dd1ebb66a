#!/bin/sh
# Metrics: valid OpenMetrics whatever readers call themselves, served without the loop
# ever waiting, and all that the dashboard and the alert rules ask for.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/forward_lib.sh"

/usr/bin/python3 -c 'import prometheus_client.openmetrics.parser' 2>/dev/null ||
    skip "python3-prometheus-client is not installed"
check() { /usr/bin/python3 "$root/tests/servers/metrics_check.py" "$@"; }
ctl() { "$bin/newswirectl" --control "$control" "$@"; }
address() { status_json | sed -n 's/.*"metrics":"tcp:\/\/\([^"]*\)".*/\1/p'; }

write_config <<END
[metrics]
bind = tcp://127.0.0.1:*
[section "news"]
END
start_daemon
story "One" news >"$work/one.txt"
expect 0 send "$work/one.txt"

step "valid, with the content type that Prometheus asks for"
url=http://$(address)/metrics
curl -sS -D "$work/head" -o "$work/daemon.metrics" "$url"
grep -qi '^content-type: application/openmetrics-text; version=1.0.0; charset=utf-8' "$work/head" || fail "$(cat "$work/head")"
check "$work/daemon.metrics" || fail "$(cat "$work/daemon.metrics")"
grep -qx 'newswire_articles_total{outcome="accepted"} 1' "$work/daemon.metrics" || fail "$(cat "$work/daemon.metrics")"
grep -qx 'newswire_topic_entries_total{topic="news/article"} 1' "$work/daemon.metrics" || fail "$(cat "$work/daemon.metrics")"
grep -qx 'newswire_health{state="ok"} 1' "$work/daemon.metrics" || fail "$(cat "$work/daemon.metrics")"
tail -n 1 "$work/daemon.metrics" | grep -qx '# EOF' || fail "no end"

step "the same by newswirectl"
expect 0 ctl metrics
check "$work/out" || fail "$(cat "$work/out")"
grep '^[# ]*[a-z]' "$work/out" | sed 's/ [0-9.]*$//' >"$work/names"
grep '^[# ]*[a-z]' "$work/daemon.metrics" | sed 's/ [0-9.]*$//' | cmp -s - "$work/names" || fail "they differ"

step "readers with names that would break the format, two of one name"
for name in 'a"b\c' twice twice; do
    tail_wire --after 0 --client "$name" >/dev/null 2>&1 &
    pids="$pids $!"
done
three_readers() { [ "$(ctl readers --json | grep -o '"client"' | wc -l)" -eq 3 ]; }
wait_for 20 three_readers || fail "$(ctl readers)"
curl -sS -o "$work/daemon.metrics" "$url"
check "$work/daemon.metrics" || fail "$(cat "$work/daemon.metrics")"
grep -qF 'newswire_reader_behind{client="a\"b\\c"' "$work/daemon.metrics" || fail "$(grep reader "$work/daemon.metrics")"
[ "$(grep -c '^newswire_reader_behind{client="twice"' "$work/daemon.metrics")" -eq 1 ] || fail "$(grep reader "$work/daemon.metrics")"

step "nothing else is served"
[ "$(curl -s -o /dev/null -w '%{http_code}' "${url%metrics}")" = 404 ] || fail "/"
[ "$(curl -s -o /dev/null -w '%{http_code}' -d body "$url")" = 405 ] || fail "POST"
[ "$(curl -s -o /dev/null -w '%{http_code}' -I "$url")" = 200 ] || fail "HEAD"

step "connections that say nothing or too much stop neither the daemon nor each other"
/usr/bin/python3 - "$(address)" >"$work/hold" <<'END' &
import socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
held = []
for i in range(30):
    s = socket.create_connection((host, int(port)))
    s.setblocking(False)
    try:
        s.send(b"GET /metrics HTTP/1.1\r\nX: " if i % 2 else b"")
        s.send(b"y" * 100000)
    except OSError:
        pass
    held.append(s)
print("held", flush=True)
time.sleep(60)
END
holder=$!
pids="$pids $holder"
wait_for 20 grep -q held "$work/hold" || fail "no connections"
expect 0 timeout 5 "$bin/newswirectl" --control "$control" status
story "Two" news >"$work/two.txt"
expect 0 timeout 5 "$bin/newswire-submit" --submit "$submit" "$work/two.txt"
end KILL "$holder"
wait_for 20 curl -sSf -o "$work/daemon.metrics" "$url" || fail "it does not come back"

step "a forwarder's and an archive's, for node_exporter"
start_outlet county
write_forward_config <<END
[outlet "county-daily"]
url = http://127.0.0.1:$port/in
private_addresses = yes
END
start_forward
delivered() { forward status --json | grep -q '"delivered":[1-9]'; }
story "Three" news >"$work/three.txt"
expect 0 send "$work/three.txt"
wait_for 20 delivered || fail "$(forward status)"
forward metrics >"$work/forward.metrics" || fail "forward metrics"
keep_all --quiet
ask metrics >"$work/archive.metrics" || fail "archive metrics"
check "$work/forward.metrics" "$work/archive.metrics" || fail "$(cat "$work/forward.metrics" "$work/archive.metrics")"
grep -q '^newswire_forward_deliveries{forwarder="forward",outlet="county-daily",state="delivered"} [1-9]' "$work/forward.metrics" || fail "$(cat "$work/forward.metrics")"
grep -qx 'newswire_archive_entries_total{archive="archive.db"} 3' "$work/archive.metrics" || fail "$(cat "$work/archive.metrics")"
grep -qx 'newswire_archive_head{archive="archive.db"} 3' "$work/archive.metrics" || fail "$(cat "$work/archive.metrics")"

step "what the dashboard and the alert rules ask for is there"
check --named-in "$root/packaging/grafana/newswire.json" "$root/packaging/prometheus/newswire.rules.yml" -- \
    "$work/daemon.metrics" "$work/forward.metrics" "$work/archive.metrics" || fail "see above"
/usr/bin/python3 -m json.tool "$root/packaging/grafana/newswire.json" >/dev/null || fail "the dashboard is no JSON"
if command -v promtool >/dev/null; then
    promtool check rules "$root/packaging/prometheus/newswire.rules.yml" || fail "promtool"
fi

step "on a Unix socket, for the daemon's user and group alone; one that was left is replaced"
stop_forward
stop_daemon
cp "$work/more.conf" "$work/again.conf"
sed "s|^bind = tcp://127.0.0.1:\*|bind = ipc://$work/metrics|" "$work/again.conf" | write_config
/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/metrics"
start_daemon
[ "$(stat -c %a "$work/metrics")" = 660 ] || fail "$(ls -l "$work/metrics")"
curl -sS --unix-socket "$work/metrics" -o "$work/unix.metrics" http://newswired/metrics
check "$work/unix.metrics" || fail "$(cat "$work/unix.metrics")"
stop_daemon
[ ! -e "$work/metrics" ] || fail "the socket is still there"

step "an address beyond this machine, and one that is taken, are refused"
printf '[metrics]\nbind = tcp://0.0.0.0:5563\n' >"$work/open.conf"
expect 78 "$bin/newswired" --config "$work/open.conf" --check
grep -q '\[metrics\] bind' "$work/err" || fail "$(cat "$work/err")"
echo precious >"$work/metrics"
expect 69 "$bin/newswired" --config "$config"
grep -q 'metrics' "$work/err" || fail "$(cat "$work/err")"
grep -q precious "$work/metrics" || fail "a file was removed"
