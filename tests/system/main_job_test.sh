#!/bin/sh
# The main job: a page in, its articles out on their topics; dropped again,
# nothing is published twice; nothing is lost when the daemon is killed between.
. "$(dirname "$0")/lib.sh"

page=$root/packaging/demo/qinghe-2031-04-09-1.txt
gazette=$root/packaging/demo/hartwell-gazette-2031-04-10.txt

step "a daemon with the built-in sections, and a reader"
start_daemon
tail_wire --after 0 --format json >"$work/live" 2>"$work/live.err" &
pids="$pids $!"

step "a page is submitted"
expect 0 send "$page"
[ "$(grep -c '^accepted' "$work/out")" -eq 6 ] || fail "six articles should be accepted: $(cat "$work/out")"
expect 0 send "$page"
[ "$(grep -c '^duplicate' "$work/out")" -eq 6 ] || fail "six duplicates: $(cat "$work/out")"

step "the daemon is killed and started; the page is still a duplicate"
kill_daemon
start_daemon
expect 0 send "$page"
[ "$(grep -c '^duplicate' "$work/out")" -eq 6 ] || fail "six duplicates: $(cat "$work/out")"

step "another page is dropped into the spool, by rename"
cp "$gazette" "$work/spool/incoming/.gazette.part"
mv "$work/spool/incoming/.gazette.part" "$work/spool/incoming/gazette.txt"
wait_for 10 test -e "$work/spool/accepted/gazette.txt" || fail "the spool did not take it"
cp "$gazette" "$work/spool/incoming/again.txt"
wait_for 10 test -e "$work/spool/accepted/again.txt" || fail "the spool did not take it again"

step "the live reader and a late one have the same"
whole_wire >"$work/late"
[ "$(wc -l <"$work/late")" -eq 9 ] || fail "$(wc -l <"$work/late") entries instead of 9"
same() { cmp -s "$work/live" "$work/late"; }
wait_for 10 same || fail "the live reader differs: $(diff "$work/live" "$work/late" | cut -c1-300)"
in_order "$work/late"

step "topics, and readers of one topic"
whole_wire briefs/brief >"$work/briefs"
[ "$(wc -l <"$work/briefs")" -eq 5 ] || fail "$(wc -l <"$work/briefs") briefs instead of 5"
grep -q '"headline":"新区召开春季植树动员会"' "$work/briefs" || fail "a brief is missing"
grep -q '"kind":"photo"' "$work/late" || fail "the photo is missing"
expect 0 whole_wire --format text
grep -q '青禾新区跑出发展加速度' "$work/out" || fail "no headline in the text view"

step "what a cursor covers is not shown again"
whole_wire --cursor "$work/cursor" --count 4 >"$work/part1"
whole_wire --cursor "$work/cursor" >"$work/part2"
[ "$(wc -l <"$work/part1")" -eq 4 ] || fail "--count 4 gave $(wc -l <"$work/part1")"
cat "$work/part1" "$work/part2" | cmp -s - "$work/late" || fail "the parts are not the whole"

step "status"
expect 0 status_json
/usr/bin/python3 -m json.tool <"$work/out" >/dev/null || fail "status is no JSON: $(cat "$work/out")"
[ "$(status_value head)" -ge 9 ] || fail "head is $(status_value head)"
expect 0 "$bin/newswirectl" --control "$control" status
grep -q 'briefs/brief' "$work/out" || fail "no topics in status: $(cat "$work/out")"

step "a clean stop"
stop_daemon
expect 69 timeout 20 "$bin/newswirectl" --control "$control" status
