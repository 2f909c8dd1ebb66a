#!/bin/sh
# Bad input: each gets a clear refusal that names the file or field, is counted,
# and harms nothing else.
. "$(dirname "$0")/lib.sh"

write_config <<END
[section "news"]
[section "briefs"]
END
start_daemon
mkdir "$work/in"
cd "$work/in"
story "A good story" news >good.txt

# refused EXIT_CODE FILE WORDS: what is said of the file holds the words.
refused() {
    expect "$1" send "$2"
    cat "$work/out" "$work/err" >"$work/said"
    grep -qi -- "$2" "$work/said" || fail "nobody names $2: $(cat "$work/said")"
    grep -qiE -- "$3" "$work/said" || fail "'$3' is not said of $2: $(cat "$work/said")"
    # The next in line is not harmed.
    expect 0 send good.txt
}

step "files that are no articles"
: >empty.txt
refused 65 empty.txt 'empty'
head -c 5000 /dev/urandom >noise.txt
refused 65 noise.txt 'binary|encoding|text|UTF-8'
truncate -s 100M huge.txt
refused 65 huge.txt 'larger than|too large'
printf 'Headline: bro\377\376ken\n\nText.\n\200\200' >invalid.txt
refused 65 invalid.txt 'UTF-8|encoding|binary'
refused 66 missing.txt 'No such file'
printf 'Headline: X\nSection: nowhere\n\nText.\n' >section.txt
refused 65 section.txt 'nowhere'
printf 'Headline: X\nHeadlien: Y\n\nText.\n' >header.txt
refused 65 header.txt 'Headlien'
{
    printf 'Headline: Too large\nSection: news\n\n'
    head -c 1500000 /dev/zero | tr '\0' 'x' | fold -w 72
} >large.txt
refused 65 large.txt 'large|limit|more than'
printf 'Date: 2031-01-01\n\nThe council met on Tuesday and talked for hours. It ended late.\n' >untitled.txt
refused 65 untitled.txt 'title'
mkdir folder
refused 66 folder 'directory|no file'

step "one bad file among good ones"
story "Another good story" news >good2.txt
expect 65 send good.txt empty.txt good2.txt
grep -q '^accepted' "$work/out" || fail "the good file behind the bad one was not sent"

step "same uri and version, other text; then a new version"
printf 'Uri: urn:x:1\nHeadline: One\nSection: news\n\nText.\n' >v1.txt
printf 'Uri: urn:x:1\nHeadline: One\nSection: news\n\nOther text.\n' >v1b.txt
printf 'Uri: urn:x:1\nVersion: 2\nHeadline: One\nSection: news\n\nOther text.\n' >v2.txt
expect 0 send v1.txt
refused 65 v1b.txt 'version'
expect 0 send v2.txt
whole_wire | grep '"urn:x:1"' >"$work/versions"
[ "$(wc -l <"$work/versions")" -eq 2 ] || fail "two versions: $(cat "$work/versions")"
sed -n 2p "$work/versions" | grep -q "\"replaces\":$(sed -n '1s/.*"seq":\([0-9]*\).*/\1/p' "$work/versions")" ||
    fail "the second does not replace the first: $(cat "$work/versions")"

step "the spool keeps what it refuses, with the reason beside it"
for f in empty noise huge invalid section; do
    cp --sparse=always "$f.txt" "$work/spool/incoming/$f.txt"
done
cp good2.txt "$work/spool/incoming/zz-good.txt"
for f in empty noise huge invalid section; do
    wait_for 15 test -e "$work/spool/rejected/$f.txt" || fail "$f.txt was not refused"
    [ -s "$work/spool/rejected/$f.txt.reason" ] || fail "the reason of $f.txt is empty"
done
grep -q nowhere "$work/spool/rejected/section.txt.reason" || fail "the reason does not name the section"
wait_for 10 test -e "$work/spool/accepted/zz-good.txt" || fail "the good file was not taken"

step "it is counted"
counted() { status_json | grep -o "\"$1\":{[^{}]*\"$2\":[0-9]*" | sed 's/.*://'; }
[ "$(counted submit refused)" -eq 3 ] || fail "$(counted submit refused) articles are counted as refused"
[ "$(counted spool rejected)" -eq 5 ] || fail "$(counted spool rejected) files are counted as rejected"
stop_daemon
