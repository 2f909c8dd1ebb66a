#!/bin/sh
# Keys and rights between real programs: each right and its denial, a revocation while
# connected, a change of keys, a wrong server key, a thousand half-open connections;
# and on the wire, with a client that has nothing of ours, that one section's reader
# gets no byte of another.
. "$(dirname "$0")/lib.sh"

keygen() { "$bin/newswirectl" keygen "$work/$1" --server-key "$work/daemon.pub" >/dev/null; }
"$bin/newswirectl" keygen "$work/daemon" >/dev/null
for key in desk econ econ2 stranger; do keygen $key; done

# clients ECON'S-LINES: the config; econ may be written anew.
clients() {
    cat <<END
[security]
secret_key = $work/daemon.secret
unfinished_connections = 50
[client "desk"]
public_key = $work/desk.pub
read = *
send = *
requests_per_second = 0
articles_per_second = 0
bytes_per_second = 0
$1
[section "economy"]
[section "politics"]
END
}
econ="[client \"econ\"]
public_key = $work/econ.pub
read = economy
send = economy"
clients "$econ" | write_config
start_daemon

as() {
    who=$1
    shift
    "$@" --key "$work/$who.secret"
}
put() { # WHO HEADLINE SECTION
    story "$2" "$3" >"$work/story.txt"
    as "$1" "$bin/newswire-submit" --submit "$submit" "$work/story.txt"
}
read_all() { # WHO TOPIC...
    who=$1
    shift
    timeout 20 "$bin/newswire-tail" --feed "$feed" --replay "$replay" --key "$work/$who.secret" --after 0 --until-head --format json "$@"
}
soon() { # within two seconds, and what a busy machine adds, a client learns why: CODE WORDS COMMAND...
    wanted_code=$1 words=$2
    shift 2
    begun=$(date +%s)
    expect "$wanted_code" "$@"
    [ $(($(date +%s) - begun)) -le 5 ] || fail "it took too long: $*"
    expect_line "$work/err" "$words"
}

step "each right, and its denial"
expect 0 put desk "Politics one" politics
expect 0 put econ "Economy one" economy
expect 65 put econ "Politics two" politics
expect_line "$work/out" "client econ may not send to 'politics'"
expect 0 read_all econ economy
expect_line "$work/out" "Economy one"
soon 77 "client econ may not read politics/; it may read economy/" read_all econ politics
soon 77 "may not read everything" read_all econ
expect 0 read_all desk
expect_line "$work/out" "Politics one"
as econ "$bin/newswire-tail" --replay "$replay" --sections >"$work/out"
expect_no_line "$work/out" politics

step "wrong keys are told at once, and none too"
soon 77 "refuses this client's key" read_all stranger economy
soon 77 "refuses this client's key" put stranger "Forged" economy
sed "s|server-key.*|$(grep public-key "$work/stranger.pub" | sed 's|public-key|server-key|' | sed 's|[&]|\\&|g')|" "$work/econ.secret" >"$work/wrong.secret"
chmod 600 "$work/wrong.secret"
soon 77 "server-key" put wrong "Forged" economy
soon 77 "want a key" "$bin/newswire-submit" --submit "$submit" "$work/story.txt"
chmod 644 "$work/stranger.secret"
expect 78 put stranger "Forged" economy
expect_line "$work/err" "chmod 600"
chmod 600 "$work/stranger.secret"

step "not one byte of politics for a client that has nothing of ours"
timeout 60 /usr/bin/python3 "$root/tests/servers/spy.py" "$work/econ.secret" "$feed" "$replay" "$submit" >"$work/spy" &
spy=$!
pids="$pids $spy"
wait_for 20 grep -q ready "$work/spy" || fail "the spy did not begin: $(cat "$work/spy")"
expect 0 put desk "Politics secret" politics
expect 0 put desk "Economy open" economy
wait "$spy" || fail "$(cat "$work/spy")"
forget "$spy"
expect_line "$work/spy" "nothing of politics"

step "a captured request, sent again: nothing happens twice"
timeout 60 /usr/bin/python3 "$root/tests/servers/recorder.py" "$submit" "$work/recorder" >"$work/recorded" 2>&1 &
recorder=$!
pids="$pids $recorder"
wait_for 20 test -s "$work/recorder" || fail "the recorder did not begin: $(cat "$work/recorded")"
story "Economy captured" economy >"$work/story.txt"
expect 0 as desk "$bin/newswire-submit" --submit "$(cat "$work/recorder")" "$work/story.txt"
counted() { status_json | grep -o '"submit":{.*"malformed":[0-9]*' | grep -o '"accepted".*'; }
before=$(counted) head=$(status_value head)
wait "$recorder" || fail "$(cat "$work/recorded")"
forget "$recorder"
expect_line "$work/recorded" "and it was cut off"
[ "$(counted)" = "$before" ] || fail "what was captured was taken: $(counted), $before before"
[ "$(status_value head)" = "$head" ] || fail "the captured came again"
expect 0 put desk "Economy captured" economy
expect_line "$work/out" duplicate
[ "$(status_value head)" = "$head" ] || fail "the same came twice"

step "keys change with both valid, and the old one is revoked while connected"
reload() { "$bin/newswirectl" --control "$control" reload >"$work/reload"; }
rewrite() { clients "$1" >"$work/again.conf" && write_config <"$work/again.conf" && reload; }
rewrite "$(echo "$econ" | sed "s|econ.pub|econ.pub $work/econ2.pub|")"
expect 0 read_all econ economy
expect 0 read_all econ2 economy
tail_wire --key "$work/econ.secret" --format json economy >"$work/live" 2>"$work/live.err" &
live=$!
pids="$pids $live"
sleep 1
expect 0 put desk "Economy live" economy
wait_for 10 grep -q "Economy live" "$work/live" || fail "it is not connected: $(cat "$work/live.err")"
for holder in "$live" "$daemon"; do # of keys
    grep -q "^Max core file size  *0 " "/proc/$holder/limits" || fail "it may leave a core: $(cat "/proc/$holder/limits")"
done
rewrite "$(echo "$econ" | sed "s|econ.pub|econ2.pub|")"
expect 0 put desk "Economy after" economy
code=0
wait "$live" || code=$?
forget "$live"
[ "$code" -eq 77 ] || fail "the revoked reader ended with $code: $(cat "$work/live.err")"
expect_line "$work/live.err" "refuses this client's key"
expect_no_line "$work/live" "Economy after"
expect 0 read_all econ2 economy

step "a config that isn't good changes nothing"
cp "$config" "$work/good.conf"
echo '[client "broken"]' >>"$config"
expect 65 "$bin/newswirectl" --control "$control" reload
expect_line "$work/err" 'client "broken"] public_key'
expect 0 read_all econ2 economy
cp "$work/good.conf" "$config"

step "a thousand connections that never finish keep nobody out"
DAEMON=$daemon /usr/bin/python3 - "${submit#tcp://}" "$bin" "$work" "$submit" <<'END' || fail "half-open connections got in the way"
import os, socket, subprocess, sys
host, port = sys.argv[1].rsplit(":", 1)
held = [socket.create_connection((host, int(port))) for _ in range(1000)]
for s in held[:500]:
    s.send(b"\xff\0\0\0\0\0\0\0\1\x7f")
status = lambda: subprocess.check_output([sys.argv[2] + "/newswirectl", "--control", sys.argv[3] + "/control", "status", "--json"]).decode()
pid = int(os.environ["DAEMON"])
for _ in range(100):
    if len(os.listdir("/proc/%d/fd" % pid)) < 150:
        break
    __import__("time").sleep(0.05)
else:
    sys.exit("%d descriptors are open" % len(os.listdir("/proc/%d/fd" % pid)))
subprocess.run([sys.argv[2] + "/newswire-submit", "--submit", sys.argv[4], "--key", sys.argv[3] + "/desk.secret", sys.argv[3] + "/story.txt"], check=True, timeout=10)
END
[ "$(status_value unfinished)" -gt 800 ] || fail "$(status_json)"

step "no secret is anywhere to be read"
secret=$(sed -n 's/.*secret-key = "\(.*\)"/\1/p' "$work/daemon.secret")
if grep -qF -- "$secret" "$work/daemon.log"; then fail "the secret key is in the log"; fi
stop_daemon

step "beyond this machine not without keys, unless that is said, and then in every status"
feed="tcp://0.0.0.0:*" replay="tcp://127.0.0.1:*" submit="tcp://127.0.0.1:*"
write_config </dev/null
expect 78 "$bin/newswired" --config "$config"
expect_line "$work/err" "secret_key"
printf '[security]\ninsecure = yes\n' | write_config
start_daemon
"$bin/newswirectl" --control "$control" status >"$work/out"
expect_line "$work/out" "INSECURE"
status_json | grep -q '"insecure":true' || fail "$(status_json)"
expect_line "$work/daemon.log" "insecure = yes"
stop_daemon
