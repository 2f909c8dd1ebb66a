#!/bin/sh
# Out of the archive and back: files by article, an index, lines for import, counts.
. "$(dirname "$0")/lib.sh"

write_config <<END
[section "news"]
[section "culture"]
END
start_daemon
for i in 1 2 3 4; do story "Story $i" news >"$work/$i.txt"; done
for i in 5 6; do story "植树 $i" culture >"$work/$i.txt"; done
send "$work"/[1-6].txt >/dev/null
keep_all
uri_of() { sql "SELECT uri FROM article WHERE headline = '$1'"; }
killed=$(uri_of "Story 2") moved=$(uri_of "Story 3")

step "a file an article, and an index"
out=$work/files
expect 64 ask export --format ninjs
expect 64 ask export --format poem --out "$out"
expect 0 ask export --format ninjs --out "$out"
expect_line "$work/err" "6 written, 0 as they were"
[ "$(find "$out" -name '*.json' | wc -l)" -eq 6 ] || fail "$(find "$out" -name '*.json')"
/usr/bin/python3 - "$out" <<'END' || fail "index and files differ"
import json, os, sys
rows = [json.loads(line) for line in open(sys.argv[1] + "/index.jsonl")]
assert len(rows) == 6
for row in rows:
    item = json.load(open(os.path.join(sys.argv[1], row["file"])))
    assert item["uri"] == row["uri"], row
    assert len(row["content_digest"]) == 64 and row["version"] == 1
END
( cd "$out" && find . -name '*.json' -exec stat -c '%n %i %y' {} + | sort ) >"$work/first"
expect 0 ask export --format ninjs --out "$out"
expect_line "$work/err" "0 written, 6 as they were"
( cd "$out" && find . -name '*.json' -exec stat -c '%n %i %y' {} + | sort ) >"$work/second"
cmp "$work/first" "$work/second" || fail "a second export rewrites what was as it should be"
for format in newsml-g2 nitf text; do
    expect 0 ask export --format "$format" --out "$work/$format" --section culture
    [ "$(find "$work/$format" -mindepth 2 -type f | wc -l)" -eq 2 ] || fail "$format: $(find "$work/$format")"
done

step "a correction keeps its file's name, a move too; a kill takes the file away"
story "Story 1, better" "" | sed '/^Section/d' >"$work/better.txt"
send --correct "$(uri_of "Story 1")" --note "Better" "$work/better.txt" >/dev/null
send --section culture --correct "$moved" --note "Wrong desk" "$work/3.txt" >/dev/null
send --kill "$killed" --note "Wrong" >/dev/null
keep_all
expect 0 ask export --format ninjs --out "$out"
expect_line "$work/err" "2 written, 3 as they were, 1 removed"
[ "$(find "$out" -name '*.json' | wc -l)" -eq 5 ] || fail "$(find "$out" -name '*.json')"
if grep -rl "text of Story 2" "$out"; then fail "the killed text is still exported"; fi
grep -F "$killed" "$out/index.jsonl" | grep -q '"withdrawn":true' || fail "the index does not say that it was withdrawn"
( cd "$out" && find . -name '*.json' | sort ) >"$work/third"
awk '{ print $1 }' "$work/first" | grep -Fxf "$work/third" | cmp - "$work/third" || fail "a name changed"

step "lines, and back: the copy proves the same"
expect 0 ask export --format jsonl --out "$work/lines"
cp "$work/lines/archive.jsonl" "$work/all.jsonl"
if grep -q 'text of Story 2' "$work/all.jsonl"; then fail "the killed text is in the lines"; fi
entries=$(sql 'SELECT count(*) FROM entry')
original=$archive
archive=$work/copy.db
expect 0 ask import "$work/all.jsonl"
expect_line "$work/err" "0 were there"
[ "$(sql 'SELECT count(*) FROM entry')" -eq "$entries" ] || fail "$(sql 'SELECT count(*) FROM entry') entries"
expect 0 ask verify
[ "$(found better)" -eq 1 ] && [ "$(found 植树)" -eq 2 ] && [ "$(found '"story 2"')" -eq 0 ] || fail "the copy finds other things"
expect 0 ask import "$work/all.jsonl"
expect_line "$work/err" "$entries were there"
expect 0 ask verify
expect 0 ask export
cmp "$work/out" "$work/all.jsonl" || fail "the copy exports other lines"
sed -n '2,$p' "$work/all.jsonl" >"$work/short.jsonl"
archive=$work/short.db
expect 0 ask import "$work/short.jsonl"
expect 65 ask verify
expect_line "$work/out" "news/article: entries after 0, up to 1, are missing"

step "the copy goes on where the original was"
archive=$work/copy.db
story "Story 7" news >"$work/7.txt"
send "$work/7.txt" >/dev/null
keep_all
[ "$(sql 'SELECT count(*) FROM entry')" -eq $((entries + 1)) ] || fail "it began anew"
expect 0 ask verify

step "a part of it is whole from where it begins"
sql "UPDATE entry SET stored_at_usec = stored_at_usec - 86400000000 * 9 WHERE id <= 3"
expect 0 ask export --since 2d
cp "$work/out" "$work/part.jsonl"
archive=$work/part.db
expect 0 ask import "$work/part.jsonl"
expect 0 ask verify

step "what is no export is refused, with its line"
printf '{"seq":1}\n' >"$work/bad.jsonl"
expect 65 ask import "$work/bad.jsonl"
expect_line "$work/err" "bad.jsonl:1:"
printf '\n{"cursor"' >"$work/bad.jsonl"
expect 65 ask import "$work/bad.jsonl"
expect 66 ask import "$work/nothing.jsonl"
sed 's/"content_digest":"[^"]*"/"content_digest":"AAAA"/' "$work/all.jsonl" >"$work/bad.jsonl"
expect 65 ask import "$work/bad.jsonl"

step "counts"
archive=$original
expect 0 ask stats
expect_line "$work/out" "Articles by section:"
grep -q '^culture  *3  #' "$work/out" || fail "$(cat "$work/out")"
grep -q '^news  *2  #' "$work/out" || fail "$(cat "$work/out")"
expect_line "$work/out" "5 articles hold now, of 6 stories; 1 withdrawn."
[ "$(awk '{ if (length > m) m = length } END { print m + 0 }' "$work/out")" -le 80 ] || fail "stats is wider than 80"
expect 0 ask stats --json --by section
grep -q '{"section":"culture","articles":3,"withdrawn":0,"entries":3}' "$work/out" || fail "$(cat "$work/out")"
expect 64 ask stats --by hour

step "a part of it leaves the index of the rest as it was"
keep_all
expect 0 ask export --format ninjs --out "$out"
sort "$out/index.jsonl" >"$work/index.before"
story "Story 8" news >"$work/8.txt"
send "$work/8.txt" >/dev/null
keep_all
sql "UPDATE entry SET stored_at_usec = stored_at_usec - 86400000000 * 9 WHERE headline <> 'Story 8'"
expect 0 ask export --format ninjs --out "$out" --since 2d
expect_line "$work/err" "1 written, 0 as they were"
sort "$out/index.jsonl" >"$work/index.after"
[ "$(comm -23 "$work/index.before" "$work/index.after" | wc -l)" -eq 0 ] || fail "rows are lost: $(cat "$out/index.jsonl")"
[ "$(comm -13 "$work/index.before" "$work/index.after" | grep -c "Story 8")" -eq 1 ] || fail "$(cat "$out/index.jsonl")"
expect 0 ask export --format ninjs --out "$out" --since 2d
[ "$(sort "$out/index.jsonl" | cmp - "$work/index.after")" = "" ] || fail "rows come twice: $(cat "$out/index.jsonl")"

step "what is not indexed is said"
sql "UPDATE state SET value = 4 WHERE name = 'indexed_to'"
expect 0 ask stats
expect_line "$work/err" "are not indexed yet"
expect 0 ask search 植树
expect_line "$work/err" "are not indexed yet"
stop_daemon
