#!/bin/sh
# The archive: kept live and by catching up, found again, shown, proved, through
# corrections, kills, moves, restarts and damage.
. "$(dirname "$0")/lib.sh"

uri_of() { sql "SELECT uri FROM story JOIN entry ON entry.story = story.id WHERE headline = '$1' LIMIT 1"; }

write_config <<END
[section "news"]
[section "briefs"]
[section "culture"]
END
start_daemon

step "what was there before is caught up with; what comes is kept live"
expect 66 ask search anything
story "Old bridge closed" news | sed 's/^The text.*/The county closed the old Alder River bridge; 开发区管委会说，植树节活动如期举行。/' >"$work/old.txt"
send "$work/old.txt" >/dev/null
keep_wire 2>"$work/run.err" &
run=$!
pids="$pids $run"
wait_for 20 finds 1 bridge || fail "the old story is not found: $(cat "$work/run.err")"
story "Café reopens" culture | sed 's/^The text.*/The Café on Mill Road reopens in March, says Łukasz. 3月9日开门/' >"$work/cafe.txt"
send "$work/cafe.txt" >/dev/null
wait_for 20 finds 1 cafe || fail "the live story is not found"

step "two runs on one archive are refused"
expect 75 timeout 20 "$bin/newswire-archive" run --archive "$archive" --feed "$feed" --replay "$replay"
expect_line "$work/err" "another newswire-archive"

step "search: Chinese and Latin, phrases, filters"
for words in 植树 植树节 开发区管委会 "开发 植树" 管 bridge '"alder river"' CAFE 'cafe' 3月9日 3月 'bridge -cafe' 'nothing OR bridge' 'brid*' '“old Alder”'; do
    [ "$(found "$words")" -eq 1 ] || fail "'$words' finds $(found "$words")"
done
for words in 树植 开发会 '"river alder"' 'brid' 'bridge -county'; do
    [ "$(found "$words")" -eq 0 ] || fail "'$words' finds $(found "$words")"
done
for words in '"' '((' 'a AND' 'NEAR(' '*' 'x:y' "'" 'col : bridge'; do
    code=0
    ask search "$words" >/dev/null 2>"$work/err" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 64 ] || fail "'$words' is no query but an error: $(cat "$work/err")"
    if grep -q fts5 "$work/err"; then fail "$(cat "$work/err")"; fi
done
[ "$(found --section culture bridge)" -eq 0 ] || fail "--section is not minded"
[ "$(found --section news --kind article bridge)" -eq 1 ] || fail "--section loses it"
[ "$(found --kind brief bridge)" -eq 0 ] || fail "--kind is not minded"
[ "$(found --since 1h bridge)" -eq 1 ] || fail "--since loses it"
[ "$(found --until 1h bridge)" -eq 0 ] || fail "--until is not minded"
expect 0 ask search 植树节
expect_line "$work/out" "[植树节]活动"
expect 0 ask search --json 植树节
python3 - "$work/out" <<'END' || fail "the JSON is wrong: $(cat "$work/out")"
import json, sys
hit = json.loads(open(sys.argv[1]).readline())
start, length = hit["matches"][0]
assert hit["snippet"][start:start + length] == "植树节", hit
assert hit["headline"] == "Old bridge closed" and hit["topic"] == "news/article", hit
END
expect 64 ask search --kind poem bridge
[ "$(found bridge -cafe)" -eq 1 ] || fail "a word to leave out is no option"
[ "$(found bridge -county)" -eq 0 ] || fail "-county is not left out"
expect 64 ask search -bridge
expect_line "$work/err" "leave out"

step "a correction: the new text holds, the old one is history"
bridge=$(uri_of "Old bridge closed")
story "Old bridge closed" "" | sed '/^Section/d; s/^The text.*/The county closed the old Alder River bridge on Monday; 开发区管委会说，植树节活动如期举行。/' >"$work/better.txt"
send --correct "$bridge" --note "The day was missing" "$work/better.txt" >/dev/null || fail "the correction is not taken"
wait_for 20 finds 1 monday || fail "the correction is not found"
[ "$(found bridge)" -eq 1 ] || fail "both versions are found"
expect 0 ask show "$bridge" --versions
expect_line "$work/out" "on Monday"
expect_line "$work/out" "bridge{+ on Monday+};"
expect_line "$work/out" "version 1"
expect_line "$work/out" "superseded"
expect_line "$work/out" "holds now"
expect_line "$work/out" "The day was missing"
expect 0 ask show 1
expect_no_line "$work/out" "on Monday"
expect_line "$work/err" "version 1 holds no more"
expect 65 ask show 999
expect 65 ask show urn:nobody:knows
expect 0 ask show --format ninjs "$bridge"
python3 -m json.tool <"$work/out" >/dev/null || fail "show --format ninjs is no JSON"

step "a move: the story goes on where it went"
send --section briefs --correct "$bridge" --note "Wrong desk" "$work/better.txt" >/dev/null || fail "the move is not taken"
in_briefs() { [ "$(found --section briefs monday)" -eq 1 ]; }
wait_for 20 in_briefs || fail "the moved story is not found"
[ "$(found monday)" -eq 1 ] || fail "it is found twice"
expect 0 ask show "$bridge"
expect_line "$work/out" "moved to briefs/article"

step "a kill: never found, never shown but on request"
cafe=$(uri_of "Café reopens")
send --kill "$cafe" --note "A name is wrong" >/dev/null || fail "the kill is not taken"
wait_for 20 finds 0 cafe || fail "the killed story is found"
expect 0 ask show "$cafe"
expect_line "$work/err" "withdrawn"
expect_line "$work/out" "KILL"
expect_line "$work/out" "A name is wrong"
expect_no_line "$work/out" "Mill Road"
expect_no_line "$work/out" "Café reopens"
expect 0 ask show --withdrawn "$cafe"
expect_line "$work/out" "Mill Road"

step "other programs read it meanwhile"
[ "$(sql 'SELECT count(*) FROM article')" -eq 1 ] || fail "the view has $(sql 'SELECT * FROM article')"
[ "$(sql "SELECT count(*) FROM words JOIN story ON current = words.rowid WHERE words MATCH '\"植树 树节\"'")" -eq 1 ] || fail "the index can't be asked"
[ "$(sql 'PRAGMA user_version')" -ge 1 ] || fail "no user_version"

step "it is whole"
expect 0 ask verify
expect_line "$work/out" "This archive is whole: 6 entries"
end TERM "$run"
[ "$code" -eq 0 ] || fail "run ended with $code: $(cat "$work/run.err")"

step "catching up shows a bar on a terminal, and there alone"
on_terminal() { /usr/bin/python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@"; }
archive=$work/bar.db
expect 0 on_terminal "$bin/newswire-archive" run --archive "$archive" --feed "$feed" --replay "$replay" --until-head
grep -q '\] *[0-9]*%.* at [0-9]* of 6' "$work/out" || fail "no bar: $(cat "$work/out")"
rm "$archive"
expect 0 "$bin/newswire-archive" run --archive "$archive" --feed "$feed" --replay "$replay" --until-head
[ ! -s "$work/err" ] || fail "a bar in a file: $(cat "$work/err")"
expect 0 on_terminal "$bin/newswire-tail" --feed "$feed" --replay "$replay" --after 0 --until-head
expect_no_line "$work/out" "% "
