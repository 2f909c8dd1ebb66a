#!/bin/sh
# The real page through the whole wire: its eight items come out as a careful
# reader reads them, each on its topic.
. "$(dirname "$0")/lib.sh"

pages=$root/../shared/pages
[ -r "$pages/kaifaqu-2017-10.txt" ] || skip "the real page isn't on this machine"
start_daemon
expect 0 send "$pages/kaifaqu-2017-10.txt"
[ "$(grep -c '^accepted' "$work/out")" -eq 8 ] || fail "eight items: $(cat "$work/out")"
kill_daemon
start_daemon
whole_wire >"$work/wire"
/usr/bin/python3 - "$pages/kaifaqu-2017-10.expected.json" "$work/wire" <<'END' || fail "the page came out otherwise"
import json, sys
expected = json.load(open(sys.argv[1]))
entries = [json.loads(line) for line in open(sys.argv[2])]
got = [e["article"] for e in entries]
bad = len(expected) != len(got)
for i, (e, g) in enumerate(zip(expected, got)):
    for key, value in e.items():
        if (value or None) != (g.get(key) or None):
            bad = True
            print(i, key, "expected", value, "got", g.get(key))
print(*[e["topic"] for e in entries])
bad = bad or [e["topic"].split("/")[1] for e in entries] != [e["kind"] for e in expected]
bad = bad or any((e["topic"] == "briefs/brief") != (a["kind"] == "brief") for e, a in zip(entries, expected))
sys.exit(bad)
END
stop_daemon
