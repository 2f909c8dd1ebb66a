#!/bin/sh
# A day in the life: a page is dropped, a brief corrected twice, one killed, one
# moved, one held back over a restart and let go at its time, one approved by two
# persons, one released early, one rejected, a page that comes again changed. A live
# and a late reader end up with the same.
. "$(dirname "$0")/lib.sh"

ctl() { "$bin/newswirectl" --control "$control" "$@"; }
revise() { send --feed "$feed" --replay "$replay" --revise "$@"; }
uri_of() { sed -n "s/.*\"uri\":\"\([^\"]*\)\",\"version\":[0-9]*,.*\"headline\":\"$1\".*/\1/p" "$work/live" | head -n 1; }
entries() { wc -l <"$work/live"; }
has_entries() { [ "$(entries)" -ge "$1" ]; }
# expect_line FILE WORDS: it says so somewhere.
expect_line() { grep -qF -- "$2" "$1" || fail "'$2' is missing: $(cat "$1")"; }

# page CHANGES: the page, or as sed changes it.
page() {
    sed "$1" <<'END'
Publication: Hartwell Gazette
Date: 2031-04-09
Page: 2
Language: en

BRIEFS

Library opens on Sundays

HARTWELL - The county library will open from noon to five on Sundays, starting on 4 May.

Boy found in the woods

HARTWELL - Searchers with dogs found a boy of nine in the woods behind Mill Road on Tuesday night.

Mill Road closed

HARTWELL - Mill Road is closed between the church and the river until Friday for repairs to a water main.

Blood drive at the town hall

HARTWELL - The next blood drive is on Thursday from two to eight in the town hall; donors should bring a card.

Choir seeks tenors

HARTWELL - The county choir is looking for tenors for its summer concert and rehearses on Mondays at seven.

END
}

write_config <<'END'
[section "news"]
titles = News
[section "briefs"]
titles = Briefs
labels = BRIEFS
names = en: Briefs | zh-Hans: 简讯
media_topics = medtop:11000000
[section "reviewed"]
release = approve:2
[page]
unplaced = hold
END

step "a daemon, and a reader from the start"
start_daemon
tail_wire --after 0 --format json >"$work/live" 2>"$work/live.err" &
pids="$pids $!"

step "sections are told"
expect 0 ctl sections
expect_line "$work/out" "Briefs | 简讯"
expect_line "$work/out" "(2 approvals)"

expect 0 "$bin/newswire-tail" --replay "$replay" --sections
expect_line "$work/out" "Briefs, 简讯"
expect_line "$work/out" "briefs/article, briefs/brief, briefs/photo"
expect 0 "$bin/newswire-tail" --replay "$replay" --sections --format json
expect_line "$work/out" '"media_topics":["medtop:11000000"]'

step "a page of five briefs is dropped"
page "" >"$work/spool/incoming/page.txt"
wait_for 10 test -e "$work/spool/accepted/page.txt" || fail "the spool did not take it"
wait_for 10 has_entries 5 || fail "$(entries) entries instead of 5"
corrected=$(uri_of "Library opens on Sundays")
killed=$(uri_of "Boy found in the woods")
moved=$(uri_of "Mill Road closed")
[ -n "$corrected" ] && [ -n "$killed" ] && [ -n "$moved" ] || fail "the uris are not there"

step "one is corrected twice, at first without a note"
story "Notice one, better" "" | sed '/^Section/d' >"$work/better.txt"
expect 64 send --correct "$corrected" "$work/better.txt"
expect 0 send --correct "$corrected" --note "The number was wrong" "$work/better.txt"
expect_line "$work/out" "briefs/brief"
story "Notice one, best" "" | sed '/^Section/d' >"$work/best.txt"
expect 0 send --correct "$corrected" --note "And the name" "$work/best.txt"
expect 0 ctl held
expect_line "$work/out" "nothing is held"

step "one is killed; it can't be corrected after that"
expect 0 send --kill "$killed" --note "A child is named"
expect 65 send --correct "$killed" --note "x" "$work/best.txt"
expect_line "$work/err" "was killed"
expect 65 send --kill urn:nobody:knows --note "x"
expect_line "$work/err" "--force"

step "one moves to another section"
expect 0 send --section news --correct "$moved" --note "Wrong desk" "$work/better.txt"
expect_line "$work/out" "news/brief"

step "three are held: an embargo, a review, a release by hand"
soon=$(date -u -d '+8 seconds' +%Y-%m-%dT%H:%M:%SZ)
{ echo "Embargo: $soon"; story "Budget speech" news; } >"$work/budget.txt"
{ echo "Embargo: 2093-01-01T00:00:00Z"; story "Prize awarded" news; } >"$work/prize.txt"
{ echo "Embargo: 2093-01-01T00:00:00Z"; story "Prize refused" news; } >"$work/refused.txt"
story "Minister resigns" reviewed >"$work/minister.txt"
before=$(entries)
expect 0 send "$work/budget.txt" "$work/prize.txt" "$work/refused.txt" "$work/minister.txt"
[ "$(grep -c '^held' "$work/out")" -eq 4 ] || fail "four should be held: $(cat "$work/out")"
expect 0 ctl held
expect_line "$work/out" "Budget speech"
expect_line "$work/out" "0 of 2 approvals"
expect 65 ctl release "Prize" --as Ann
expect_line "$work/err" "could be 2 articles"
expect 0 ctl release "prize AWARDED" --as Ann
expect_line "$work/out" "released by Ann ("
expect 0 ctl reject "Prize refused" --as Ann --note "not yet"
expect 64 ctl release "Prize refused" --as Ann
grep -q "Ann (.*) released .*Prize awarded" "$work/daemon.log" || fail "the log does not say who released it"
grep -q "Ann (.*) rejected .*not yet" "$work/daemon.log" || fail "the log does not say who rejected it"

step "the daemon is killed and started: what is held still is"
kill_daemon
start_daemon
expect 65 ctl approve Minister
expect_line "$work/err" "--as NAME"
expect 0 ctl approve Minister --as Ann
expect_line "$work/out" "1 more needed"
expect 65 ctl approve Minister --as ann
expect_line "$work/err" "has approved it already"
stop_daemon
start_daemon
number=$(ctl held --json | grep -o '"number":[0-9]*[^}]*Minister' | grep -o '^"number":[0-9]*' | cut -d: -f2)
expect 0 ctl approve "$number" --as Bob
expect_line "$work/out" "released by Bob"

step "the embargo ends at its time and not before"
budget_out() { grep -q "Budget speech" "$work/live"; }
wait_for 20 budget_out || fail "it did not leave"
left=$(grep "Budget speech" "$work/live" | sed 's/.*"stored_at_usec":\([0-9]*\).*/\1/')
[ "$left" -ge "$(date -d "$soon" +%s)000000" ] || fail "it left at $left, before $soon"
wait_for 10 has_entries "$((before + 3))" || fail "$(entries) entries, $before before"
grep "Minister" "$work/live" | grep -q '"approved_by":\["Ann (.*","Bob (' || fail "the entry does not say who approved"

step "the page comes again, with one brief changed, one gone, one new"
page "s/from two to eight/from two to nine/; /^Choir seeks/,\$ { s/^Choir seeks.*/Swimming pool reopens/; s/^HARTWELL.*/HARTWELL - After two years of work the indoor pool opens its doors on Saturday, with free entry for children./; }" >"$work/page.txt"
expect 0 revise --dry-run "$work/page.txt"
expect_line "$work/out" "unchanged  Library opens on Sundays"
expect_line "$work/out" "withdrawn  Boy found in the woods"
expect_line "$work/out" "unchanged  Mill Road closed"
expect_line "$work/out" "correct    Blood drive at the town hall"
expect_line "$work/out" "new        Swimming pool reopens"
expect_line "$work/out" "kill       Choir seeks tenors"
expect 64 revise "$work/page.txt"
expect_line "$work/err" "nobody is there to confirm it"
expect 0 revise --yes "$work/page.txt"
[ "$(grep -c '^accepted' "$work/out")" -eq 3 ] || fail "three should be sent: $(cat "$work/out")"
expect 0 revise --dry-run "$work/page.txt"
grep -q '^correct\|^new\|^kill' "$work/out" && fail "the second look still proposes something: $(cat "$work/out")"

step "previews need no daemon and send nothing"
head_before=$(status_value head)
expect 0 "$bin/newswire-submit" --preview "$work/page.txt"
expect_line "$work/out" "[5] briefs/brief"
[ "$(status_value head)" -eq "$head_before" ] || fail "a preview was sent"

step "a page that was not read whole waits for a person"
send --config "$config" "$root/tests/fixtures/pages/dale-courier.txt" >"$work/out" 2>"$work/err"
expect_line "$work/err" "unplaced"
grep -v '^held' "$work/out" && fail "all of it should be held"
cp "$root/tests/fixtures/pages/dale-courier.txt" "$work/spool/incoming/dale.txt"
wait_for 10 test -e "$work/spool/accepted/dale.txt" || fail "the spool did not take it"
grep -q "dale.txt: 0 accepted, [1-9][0-9]* duplicate" "$work/daemon.log" || fail "it should be known as held"

step "it comes again, changed, while it is held: a correction, no second copy"
sed 's/six weeks/seven weeks/' "$root/tests/fixtures/pages/dale-courier.txt" >"$work/dale.txt"
revise --config "$config" --dry-run "$work/dale.txt" >"$work/out" 2>"$work/err" || fail "it can't be revised: $(cat "$work/err")"
grep -q '^correct' "$work/out" || fail "a correction should be proposed: $(cat "$work/out")"
grep -q '^new\|^kill' "$work/out" && fail "nothing is new or gone: $(cat "$work/out")"

step "a late reader ends up with what the live one has, but for the killed text"
whole_wire >"$work/late"
same() {
    whole_wire >"$work/late"
    [ "$(wc -l <"$work/live")" -eq "$(wc -l <"$work/late")" ]
}
wait_for 10 same || fail "the live reader has $(entries), the late one $(wc -l <"$work/late")"
in_order "$work/live"
in_order "$work/late"
grep -q "Searchers with dogs" "$work/live" || fail "the live reader never had the killed text"
grep -q "Searchers with dogs" "$work/late" && fail "the late reader got a killed text"
# Without the articles of killed stories the two are the same.
python3 - "$work/live" "$work/late" <<'END' || fail "the readers differ"
import json, sys
live, late = ([json.loads(line) for line in open(name)] for name in sys.argv[1:])
def state(entries):
    current = {}
    for e in entries:
        a = e.get("article")
        if a is None:
            continue
        before = current.get(a["uri"])
        if before is None or a["version"] >= before["version"]:
            current[a["uri"]] = a
    return {u: a for u, a in current.items() if a.get("status") != "canceled"}
for x, y in zip(live, late):
    if y.get("article") is None:
        x = {k: v for k, v in x.items() if k != "article"}
    assert x == y, (x, y)
assert state(live) == state(late)
texts = [json.dumps(a.get("blocks")) for a in state(live).values()]
assert len(texts) == len(set(texts)), "a text stands there twice"
END

step "people can't miss it"
expect 0 timeout 20 "$bin/newswire-tail" --feed "$feed" --replay "$replay" --after 0 --until-head
expect_line "$work/out" "*** CORRECTION *** version 2 takes the place of #1"
expect_line "$work/out" "*** KILL *** do not use this story"
expect_line "$work/out" "*** KILLED ***"
expect_line "$work/out" "*** MOVED *** this story goes on as news/brief"
expect_line "$work/out" "Approved by Ann"
stop_daemon
