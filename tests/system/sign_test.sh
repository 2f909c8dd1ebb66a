#!/bin/sh
# An office signs what it writes; its signature goes with the article through relay
# and archive, and what it has signed nobody else may change.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

keygen() { "$bin/newswirectl" keygen --origin "$work/$1" >/dev/null; }
for key in office office2 old other daemon; do keygen $key; done

write_config <<END
[spool]
sign = $work/daemon.secret
[origin "liaocheng"]
keys = $work/office.pub | $work/office2.pub from 2001-01-01 until 2999-01-01 | $work/old.pub until 2002-01-01T00:00:00Z
[origin "here"]
keys = $work/daemon.pub
[section "politics"]
signature = require
[section "economy"]
signature = verify
[section "news"]
END
start_daemon

# signed KEY ARGUMENTS...
signed() {
    key=$1
    shift
    send --sign "$work/$key.secret" "$@"
}
item() { section=$4 article "$1" "$2" "$3" >"$work/$1.txt"; }
refused() { expect 65 "$@" && expect_line "$work/out" "refused"; }

step "what a section wants of a signature"
item urn:p 1 "Politics" politics
item urn:e 1 "Economy" economy
item urn:n 1 "News" news
refused send "$work/urn:p.txt"
expect_line "$work/out" "takes only what a known origin has signed"
expect 0 send "$work/urn:e.txt"
item urn:e2 1 "Economy two" economy
refused signed other "$work/urn:e2.txt"
expect_line "$work/out" "belongs to no origin"
refused signed old "$work/urn:p.txt"
expect_line "$work/out" "is valid no more"
expect 0 signed other "$work/urn:n.txt" # news takes whatever is there

step "an office's keys change with both valid"
expect 0 signed office "$work/urn:p.txt"
item urn:p 2 "Politics, mended" politics
expect 0 signed office2 "$work/urn:p.txt"

step "only that office changes its story"
item urn:p 3 "Politics, forged" politics
refused signed other "$work/urn:p.txt"
item urn:p 3 "Politics, moved" news # a section that asks for nothing
refused send "$work/urn:p.txt"
expect_line "$work/out" "only that origin may change it"
refused send --kill urn:p --note "not mine"
expect 0 signed office "$work/urn:e2.txt"
refused send --kill urn:e2 --note "not mine"
refused signed other --kill urn:e2 --note "not mine"
expect 0 signed office2 --kill urn:e2 --note "ours"

step "the daemon signs what comes by the spool"
story "From the folder" politics >"$work/drop.txt"
mv "$work/drop.txt" "$work/spool/incoming/"
wait_for 20 test -f "$work/spool/accepted/drop.txt" || fail "the spool did not take it: $(cat "$work"/spool/rejected/*.reason)"
whole_wire politics >"$work/politics.json"
expect_line "$work/politics.json" '"origin":"here"'
expect_line "$work/politics.json" '"origin":"liaocheng"'

step "a restart forgets no owner"
stop_daemon
start_daemon
refused send --kill urn:p --note "not mine"
kill_daemon
start_daemon
refused send --kill urn:p --note "not mine"

step "through another wire that trusts the same office"
mkdir "$work/second"
cat >"$work/second.conf" <<END
[feed]
bind = tcp://127.0.0.1:*
[replay]
bind = tcp://127.0.0.1:*
[submit]
bind = tcp://127.0.0.1:*
[control]
path = $work/second/control
[log]
directory = $work/second/log
[origin "county-office"]
keys = $work/office.pub | $work/office2.pub
[section "politics"]
signature = require
END
"$bin/newswired" --config "$work/second.conf" 2>>"$work/second.log" &
second=$!
pids="$pids $second"
second_status() { "$bin/newswirectl" --control "$work/second/control" status --json; }
wait_for 20 second_status || fail "the second daemon did not start: $(cat "$work/second.log")"
endpoint() { second_status | sed -n "s/.*\"$1\":{[^}]*\"bind\":\[\"\([^\"]*\).*/\1/p"; }
write_forward_config <<END
[outlet "county"]
url = newswire://$(endpoint submit | sed 's|tcp://||')
topics = politics
END
start_forward
item urn:q 1 "For the county" politics
expect 0 signed office "$work/urn:q.txt"
there() { "$bin/newswire-tail" --feed "$(endpoint feed)" --replay "$(endpoint replay)" --after 0 --until-head --format json >"$work/there.json" && [ -s "$work/there.json" ]; }
wait_for 20 there || fail "it did not arrive: $(forward why urn:q county)"
expect_line "$work/there.json" '"origin":"county-office"'
stop_forward

step "the archive checks every signature, over an export and import too"
keep_all
expect 0 ask verify
expect_line "$work/out" "liaocheng"
ask show urn:p >"$work/out"
expect_line "$work/out" "signed by liaocheng"
ask export --format jsonl --out "$work/export" >/dev/null
mv "$archive" "$work/first.db"
rm -f "$archive"-*
expect 0 ask import "$work"/export/*.jsonl
expect 0 ask verify
expect_line "$work/out" "liaocheng"
# Text, digests and all: only the signature tells.
/usr/bin/python3 - "$archive" "$root" <<'END' || fail "the archive could not be forged"
import hashlib, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
id, article = db.execute("SELECT b.entry, b.article FROM body b JOIN entry e ON e.id = b.entry WHERE e.signature IS NOT NULL AND e.role = 'version' ORDER BY e.id LIMIT 1").fetchone()
forged = article + b"\xd2\x3e\x04evil"  # an unknown field: no content digest covers it
db.execute("UPDATE body SET article = ?, digest = ? WHERE entry = ?", (forged, hashlib.sha256(forged).digest(), id))
db.commit()
END
expect 65 ask verify
expect_line "$work/out" "the signature of entry"
end TERM "$second"
stop_daemon
