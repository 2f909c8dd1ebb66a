#!/bin/sh
# What an archive proves: rows that are gone, bytes that were altered, what the wire
# had no more, what was removed by age, another log; and texts that are forgotten.
. "$(dirname "$0")/lib.sh"

write_config <<END
[section "news"]
[section "culture"]
END
start_daemon
stories() { for i in $(seq "$1" "$2"); do story "Story $i" "$3" >"$work/$3-$i.txt"; done
    for i in $(seq "$1" "$2"); do echo "$work/$3-$i.txt"; done; }
# shellcheck disable=SC2046 # the names are words
send $(stories 1 20 news) $(stories 21 40 culture) >/dev/null
keep_all
cp "$archive" "$work/good.db"
# damaged SQL WORDS...: verify says so.
damaged() {
    cp "$work/good.db" "$archive"
    sql "$1"
    shift
    expect 65 ask verify
    expect_line "$work/out" "NOT whole"
    for words in "$@"; do expect_line "$work/out" "$words"; done
}

step "an archive that is whole"
expect 0 ask verify
expect_line "$work/out" "40 entries of 2 topics"
expect 0 ask verify --quick

step "a row is gone: in the middle, the first, the last, a whole topic"
number=$(sql "SELECT seq FROM entry JOIN topic ON topic.id = topic WHERE section = 'news' ORDER BY seq LIMIT 1 OFFSET 7")
before=$(sql "SELECT prev_seq FROM entry WHERE seq = $number")
damaged "DELETE FROM entry WHERE seq = $number" "news/article: entries after $before, up to $number, are missing"
damaged "DELETE FROM entry WHERE id = 1" "news/article: entries after 0, up to 1, are missing"
damaged "DELETE FROM entry WHERE id = (SELECT max(id) FROM entry)" "the reader had come that far"
damaged "DELETE FROM entry WHERE topic = (SELECT id FROM topic WHERE section = 'culture')" "culture/article: entries after 0"

step "a number, a text is altered or gone"
damaged "UPDATE entry SET prev_seq = 0 WHERE seq = $number" "names 0 before it, and not $before"
damaged "UPDATE body SET article = CAST(replace(CAST(article AS TEXT), 'paragraph', 'paragreph') AS BLOB) WHERE entry = 5" "the text of entry 5 is not the one that came"
damaged "UPDATE body SET article = x'ff' WHERE entry = 5" "the text of entry 5 is not the one that came"
damaged "UPDATE entry SET content_digest = x'00' WHERE id = 5" "entry 5 has a content digest that is not its text's"
damaged "DELETE FROM body WHERE entry = 5" "entry 5 has no text"
cp "$work/good.db" "$archive"
expect 0 ask verify

step "the file itself is damaged, or none"
cp "$work/good.db" "$archive"
/usr/bin/python3 - "$archive" <<'END'
import sys
f = open(sys.argv[1], "r+b")
f.seek(4096 * 9)
f.write(b"\xff" * 8192)
END
expect 65 ask verify
expect_line "$work/out" "NOT whole"
echo "no database, as one sees at once" >"$archive"
expect 65 ask verify
expect 66 "$bin/newswire-archive" verify --archive "$work/nothing.db"
cp "$work/good.db" "$archive"
sql "PRAGMA user_version = 99"
expect 65 ask verify
expect_line "$work/err" "newer newswire"
cp "$work/good.db" "$archive"

step "other topics than the archive's are refused, and say so"
expect 64 timeout 20 "$bin/newswire-archive" run --archive "$archive" --feed "$feed" --replay "$replay" --until-head news
expect_line "$work/err" "made for other topics"
expect_line "$work/err" "another --archive"

step "an index of another version's rules is made anew"
sql "UPDATE state SET value = 0 WHERE name = 'expander'"
keep_all
[ "$(found '"story 7"')" -eq 1 ] || fail "it is found $(found '"story 7"') times"
[ "$(sql "SELECT count(*) FROM words WHERE words MATCH 'story'")" -eq 40 ] || fail "the index is not made anew"

step "withdrawn texts are forgotten when that is wanted"
killed=$(sql "SELECT uri FROM story JOIN entry ON current = entry.id WHERE headline = 'Story 33'")
send --kill "$killed" --note "Wrong" >/dev/null || fail "the kill is not taken"
keep_all
[ "$(sql "SELECT count(*) FROM body WHERE CAST(article AS TEXT) LIKE '%text of Story 33%'")" -eq 1 ] || fail "the text is forgotten unasked"
keep_all --forget-withdrawn
[ "$(sql "SELECT count(*) FROM body WHERE CAST(article AS TEXT) LIKE '%Story 33%'")" -eq 0 ] || fail "the text is still there"
[ "$(sql "SELECT count(*) FROM entry WHERE headline = 'Story 33'")" -eq 0 ] || fail "the headline is still there"
expect 0 ask show --withdrawn "$killed"
expect_no_line "$work/out" "text of Story 33"
expect_line "$work/out" "its text is erased"
expect 0 ask verify

step "what is too old goes, and the proof begins behind it"
sql "UPDATE entry SET stored_at_usec = stored_at_usec - 86400000000 * 500 WHERE id <= 10"
sql "INSERT INTO day SELECT stored_at_usec / 86400000000, min(id), max(id) FROM entry WHERE id <= 10 GROUP BY 1"
expect 64 "$bin/newswire-archive" run --archive "$archive" --retain soon
expect 64 "$bin/newswire-archive" run --archive "$archive" --retain 2031-04-09
keep_all --retain 400d
[ "$(sql "SELECT count(*) FROM entry WHERE id <= 10")" -eq 0 ] || fail "old entries are still there"
[ "$(sql "SELECT count(*) FROM entry")" -eq 31 ] || fail "$(sql "SELECT count(*) FROM entry") entries are left of 31"
[ "$(sql "SELECT count(*) FROM body")" -eq 30 ] || fail "$(sql "SELECT count(*) FROM body") texts are left of 30"
[ "$(sql "SELECT count(*) FROM words WHERE words MATCH 'story'")" -eq 29 ] || fail "the index has $(sql "SELECT count(*) FROM words WHERE words MATCH 'story'")"
[ "$(found '"story 7"')" -eq 0 ] && [ "$(found '"story 17"')" -eq 1 ] || fail "the wrong ones went"
expect 0 ask verify
sql "DELETE FROM entry WHERE id = 11"
expect 65 ask verify

step "another log: all of it once more, each story once"
cp "$work/good.db" "$archive"
stop_daemon
mv "$work/log" "$work/old-log"
start_daemon
# shellcheck disable=SC2046 # the names are words
send $(stories 1 5 news) $(stories 41 45 news) >/dev/null
keep_all
[ "$(sql 'SELECT count(DISTINCT epoch) FROM entry')" -eq 2 ] || fail "the epoch is not another one"
[ "$(sql 'SELECT count(*) FROM entry')" -eq 50 ] || fail "$(sql 'SELECT count(*) FROM entry') entries"
[ "$(sql 'SELECT count(*) FROM article')" -eq 45 ] || fail "$(sql 'SELECT count(*) FROM article') stories"
[ "$(found '"story 3"')" -eq 1 ] || fail "a story stands there $(found '"story 3"') times"
expect 0 ask verify
expect_line "$work/out" "50 entries of 3 topics"

step "what the wire keeps no more is known as lost, not missing"
stop_daemon
rm -rf "$work/log" "$archive" "$archive"-*
cp "$work/more.conf" "$work/again.conf"
{ cat "$work/again.conf"; printf '[log]\nsegment_bytes = 64K\nretain_bytes = 128K\n'; } >"$work/small.conf"
write_config <"$work/small.conf"
start_daemon
long() { for i in $(seq "$1" "$2"); do { story "Long $i" news; seq 1 900; } >"$work/long-$i.txt" && echo "$work/long-$i.txt"; done; }
# shellcheck disable=SC2046 # the names are words
send $(long 1 20) >/dev/null
keep_all
before=$(sql 'SELECT max(seq) FROM entry')
# A few at a time: what comes as one batch is one segment, and goes or stays as a whole.
for first in 21 41 61 81 101; do
    # shellcheck disable=SC2046 # the names are words
    send $(long $first $((first + 19))) >/dev/null
done
stop_daemon # it removes what its checkpoint covers
start_daemon
story "One more" news >"$work/one.txt"
send "$work/one.txt" >/dev/null
first_is_later() { [ "$(status_value first)" -gt $((before + 1)) ]; }
wait_for 20 first_is_later || fail "the daemon has not removed anything: first is $(status_value first)"
: >"$work/run.err"
keep_all
expect_line "$work/run.err" "news/article: entries after $before, up to"
[ "$(sql "SELECT count(*) FROM loss WHERE after = $before")" -eq 1 ] || fail "the loss is not noted"
expect 0 ask verify
sql "DELETE FROM loss"
expect 65 ask verify
