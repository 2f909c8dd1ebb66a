#!/bin/sh
# The archive and the forwarder are killed at a hundred random moments while 5,000
# articles flow, some of them corrected: afterwards the archive has each once and
# proves it, and the outlet has each once by id, in the order of its story.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

KILLS=${KILLS:-100}
echo "seed $SEED"

write_config <<END
[section "economy"]
[section "culture"]
[section "briefs"]
END
start_daemon
start_outlet daily
write_forward_config <<END
[outlet "daily"]
url = http://127.0.0.1:$port/in
private_addresses = yes
retry_first = 50ms
retry_most = 200ms
connections = 2
format = json
END
mkdir "$work/stories"
awk -v folder="$work/stories" 'BEGIN {
    split("economy culture briefs", sections, " ")
    for (i = 1; i <= 5000; i++) {
        n = i % 5 == 0 ? i - 3 : i
        file = folder "/" i ".txt"
        printf "Uri: urn:c:%d\nVersion: %d\nHeadline: Story %d\nSection: %s\n\nThe text of story %d, version %d.\n", n, (i % 5 == 0) + 1, i, sections[n % 3 + 1], n, (i % 5 == 0) + 1 >file
        close(file)
    }
}'
start_forward
stop_forward

step "5,000 articles flow, a fifth of them corrections"
(
    cd "$work/stories" || exit 1
    first=1
    while [ $first -le 5000 ]; do
        # shellcheck disable=SC2046 # the names are words
        send $(seq -f '%g.txt' $first $((first + 49))) >>"$work/acks" || exit 1
        first=$((first + 50))
        sleep 0.1
    done
) &
submitter=$!
pids="$pids $submitter"

step "$KILLS kills, half of them of the archive"
archiver=
forwarder=
kills=0
while [ $kills -lt "$KILLS" ]; do
    if [ -z "$archiver" ]; then
        keep_wire --quiet 2>>"$work/run.err" &
        archiver=$!
        pids="$pids $archiver"
    fi
    if [ -z "$forwarder" ]; then
        "$bin/newswire-forward" run --config "$conf" --quiet 2>>"$work/forward.log" &
        forwarder=$!
        pids="$pids $forwarder"
    fi
    sleep "0.$(random 100 400)"
    if [ $((kills % 2)) -eq 0 ]; then
        end KILL "$forwarder"
        forwarder=
    else
        end KILL "$archiver"
        archiver=
    fi
    kills=$((kills + 1))
done
archived=$(sql 'SELECT count(*) FROM entry') sent=$(received daily '"status": 200')
echo "$archived entries archived, $sent requests answered before the last start"
[ "$archived" -gt 0 ] && [ "$sent" -gt 0 ] || fail "nothing was done between the kills: the test says nothing"
for pid in $archiver $forwarder; do
    end TERM "$pid"
    case $code in # 143: it had hardly begun
    0 | 143) ;;
    *) fail "one ended with $code: $(tail -n 40 "$work/forward.log" "$work/run.err")" ;;
    esac
done
wait "$submitter" || fail "the submitter ended with $?"
forget "$submitter"

step "the archive has each article once, and proves it"
keep_all
[ "$(sql 'SELECT count(*) FROM entry')" -eq 5000 ] || fail "$(sql 'SELECT count(*) FROM entry') entries"
[ "$(sql 'SELECT count(DISTINCT headline) FROM article')" -eq 4000 ] || fail "$(sql 'SELECT count(DISTINCT headline) FROM article') stories"
expect 0 ask verify
expect_line "$work/out" "5000 entries of 3 topics"
[ "$(found --limit 10000 story)" -eq 4000 ] || fail "the index has $(found --limit 10000 story)"

step "so has the outlet, by id, and no correction came before its original"
start_forward
open_ones() { [ "$(sqlite3 -readonly "$work/ledger.db" "SELECT count(*) FROM delivery WHERE state NOT IN ('delivered', 'replaced')")" = 0 ]; }
in_ledger_all() { [ "$(sqlite3 -readonly "$work/ledger.db" "SELECT count(*) FROM article")" = 5000 ]; }
wait_for 60 in_ledger_all || fail "the ledger has $(sqlite3 -readonly "$work/ledger.db" "SELECT count(*) FROM article") articles"
wait_for 60 open_ones || fail "$(sqlite3 -readonly "$work/ledger.db" "SELECT state, count(*) FROM delivery GROUP BY state")"
stop_forward
/usr/bin/python3 - "$work/daily/log" "$work/ledger.db" <<'END' || fail "the outlet has not each article once"
import json, sqlite3, sys
ids, last, doubles = {}, {}, 0
for line in open(sys.argv[1]):
    r = json.loads(line)
    h = r["headers"]
    key = (r["uri"], int(h["x-newswire-version"]))
    if ids.setdefault(key, h["webhook-id"]) != h["webhook-id"]:
        sys.exit("%s came under two ids" % (key,))
    if key[1] < last.get(r["uri"], 0):
        sys.exit("%s came after version %d" % (key, last[r["uri"]]))
    doubles += last.get(r["uri"]) == key[1]
    last[r["uri"]] = key[1]
db = sqlite3.connect(sys.argv[2])
newest = dict(db.execute("SELECT uri, max(version) FROM article GROUP BY uri"))
missing = [u for u in newest if last.get(u) != newest[u]]
if missing or len(set(ids.values())) != len(ids) or len(newest) != 4000:
    sys.exit("missing %s; %d ids of %d" % (missing[:5], len(set(ids.values())), len(ids)))
for uri, version in db.execute("SELECT uri, version FROM delivery WHERE state = 'delivered'"):
    if (uri, version) not in ids:
        sys.exit("%s version %d counts as delivered and is not there" % (uri, version))
print("%d by id, %d of them twice on the way" % (len(ids), doubles))
END
stop_daemon
