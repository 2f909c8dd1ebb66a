#!/bin/sh
# Feeds of a section: written at once, kept current by a running archive, stable ids,
# nothing that was withdrawn; and by the rules of the W3C's validator.
. "$(dirname "$0")/lib.sh"

valid() { /usr/bin/python3 "$root/tests/interop/feed_valid_test.py" "$work"/web/* >"$work/out" 2>&1 || fail "$(cat "$work/out")"; }
in_feed() { grep -qF -- "$1" "$work/web/briefs.atom" && grep -qF -- "$1" "$work/web/briefs.rss" && grep -qF -- "$1" "$work/web/briefs.json"; }
in_no_feed() { ! grep -qF -- "$1" "$work"/web/briefs.*; }
wait_feed() { wait_for 20 "$@" || fail "$*: $(cat "$work"/web/*; cat "$work/run.err")"; }

write_config <<END
[section "news"]
[section "briefs"]
END
start_daemon
story "Bridge & tunnel <open>" briefs | sed '1a\
Uri: urn:f:1\
Byline: Jane Doe, 王禾' >"$work/1.txt"
story "开发区植树节" briefs | sed '1a\
Uri: urn:f:2' >"$work/2.txt"
story "Elsewhere" news >"$work/3.txt"
expect 0 send "$work/1.txt" "$work/3.txt"
keep_all

step "three formats of one section"
for format in atom rss jsonfeed; do
    expect 0 ask feed --section briefs --format $format --out "$work/web" --title "简讯 & more" --url https://office.example/feeds
done
in_feed "urn:f:1" || fail "$(cat "$work/web/briefs.atom")"
expect_line "$work/web/briefs.atom" "<id>https://office.example/feeds/briefs.atom</id>"
in_no_feed "Elsewhere" || fail "another section's"
valid
expect 0 ask feed --list
[ "$(wc -l <"$work/out")" -eq 3 ] || fail "$(cat "$work/out")"

step "run keeps them current: new, corrected, moved, killed"
keep_wire 2>>"$work/run.err" &
run=$!
pids="$pids $run"
expect 0 send "$work/2.txt"
wait_feed in_feed "开发区植树节"
sed 's/^The text.*/The bridge opened on Monday./' "$work/1.txt" >"$work/better.txt"
expect 0 send --correct urn:f:1 --note "day" "$work/better.txt"
wait_feed in_feed "opened on Monday"
valid
[ "$(grep -c '<entry' "$work/web/briefs.atom")" -le 2 ] && [ "$(grep -o 'urn:f:1' "$work/web/briefs.atom" | wc -l)" -eq 1 ] || fail "two versions in a feed"
expect 0 send --section news --correct urn:f:1 --note "desk" "$work/better.txt"
wait_feed in_no_feed "urn:f:1"
expect 0 send --kill urn:f:2 --note "wrong"
wait_feed in_no_feed "urn:f:2"
valid

step "one that can't be written is said, and stops nothing"
expect 0 ask feed --section news --format rss --out "$work/other"
rm -r "$work/other"
: >"$work/other"
story "More" news >"$work/4.txt"
expect 0 send "$work/4.txt"
wait_for 20 grep -q 'feed news.rss: ' "$work/run.err" || fail "$(cat "$work/run.err")"
wait_for 20 finds 1 more || fail "the archive stopped"

step "and it is written as soon as it can be, though nothing comes"
rm "$work/other"
mkdir "$work/other"
wait_for 20 grep -q 'More' "$work/other/news.rss" || fail "it is not written: $(cat "$work/run.err")"
end TERM "$run"
[ "$code" -eq 0 ] || fail "run ended with $code: $(cat "$work/run.err")"

step "many feeds: each is kept"
sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70)
    INSERT INTO feed (section, format, folder, title, author, url, items, seen)
    SELECT 'news', 'rss', '$work/many.' || i, 'Many', 'newswire', '', 50, 0 FROM n"
story "One for all" news >"$work/5.txt"
expect 0 send "$work/5.txt"
keep_all
[ "$(grep -l 'One for all' "$work"/many.*/news.rss | wc -l)" -eq 70 ] || fail "some feeds are left behind"

step "mistakes, and the end of a feed"
expect 64 ask feed --section briefs
expect 64 ask feed --section Briefs! --out "$work/web"
expect 64 ask feed --section briefs --out "$work/web" --format netnews
expect 0 ask feed --section briefs --format rss --out "$work/web" --remove
expect 66 ask feed --section briefs --format rss --out "$work/web" --remove
