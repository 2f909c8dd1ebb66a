#!/bin/sh
# The operator's view: readers, topics, what the spool refused and putting it back, the
# log level.
. "$(dirname "$0")/lib.sh"

write_config <<END
[spool]
rescan = 500ms
settle = 200ms
[section "news"]
END
incoming=$work/spool/incoming rejected=$work/spool/rejected
start_daemon
ctl() { "$bin/newswirectl" --control "$control" "$@"; }
says() { ctl "$1" 2>&1 | grep -q "$2"; }

step "topics, with what came lately"
story "First" news >"$work/first.txt"
story "Second" news >"$work/second.txt"
expect 0 send "$work/first.txt" "$work/second.txt"
expect 0 ctl topics
grep -Eq '^news/article +2 +2 +2 +2$' "$work/out" || fail "$(cat "$work/out")"
expect 0 ctl topics --json
grep -q '"news/article":{"entries":2,"head":2,"last_minute":2,"last_15_minutes":2}' "$work/out" || fail "$(cat "$work/out")"

step "readers, with how far each is behind"
expect 0 ctl readers
grep -q 'no reader' "$work/out" || fail "$(cat "$work/out")"
tail_wire --after 0 --client desk-台 >"$work/tail.out" 2>&1 &
reader=$!
pids="$pids $reader"
wait_for 20 says readers '^desk-台 *0 .*[0-9] s *all$' || fail "$(ctl readers)"
ctl readers --json | grep -q '"connected":true' || fail "$(ctl readers --json)"
end TERM "$reader"

step "nothing was refused yet"
expect 0 ctl rejected
grep -q 'refused nothing' "$work/out" || fail "$(cat "$work/out")"

step "a refused file: listed, and why"
story "For the sports desk" sport >"$incoming/sport.txt"
story "Also for it" sport >"$incoming/体育.txt"
wait_for 10 test -e "$rejected/sport.txt" || fail "sport.txt was not refused"
wait_for 10 test -e "$rejected/体育.txt" || fail "体育.txt was not refused"
expect 0 ctl rejected
grep -q 'sport.txt  [0-9]* bytes' "$work/out" || fail "$(cat "$work/out")"
grep -q '^    .*sport' "$work/out" || fail "no reason: $(cat "$work/out")"
grep -q '体育.txt' "$work/out" || fail "$(cat "$work/out")"
[ "$(grep -c bytes "$work/out")" -eq 2 ] || fail "$(cat "$work/out")"
expect 0 ctl rejected --json
/usr/bin/python3 -c 'import json, sys
files = json.load(open(sys.argv[1]))["files"]
assert sorted(f["name"] for f in files) == ["sport.txt", "体育.txt"], files
assert all(f["bytes"] > 0 and f["refused_at_usec"] > 1e15 and "sport" in f["reason"] for f in files), files' "$work/out" || fail "$(cat "$work/out")"
expect 0 ctl rejected sport.txt
grep -q 'sport.txt, refused at' "$work/out" || fail "$(cat "$work/out")"

step "what is no refused file is not touched: paths, links, reasons, names that are not there"
echo secret >"$work/secret.txt"
echo reason >"$work/secret.txt.reason"
cp "$work/secret.txt.reason" "$rejected/link.txt.reason"
ln -s "$work/secret.txt" "$rejected/link.txt"
for name in ../../secret.txt "$work/secret.txt" ../rejected/sport.txt link.txt sport.txt.reason . .. none.txt; do
    expect 64 ctl put-back "$name"
    expect 64 ctl rejected "$name"
done
[ -L "$rejected/link.txt" ] && [ -e "$work/secret.txt" ] || fail "a file has moved"
[ ! -e "$incoming/link.txt" ] || fail "a link was put back"
expect 64 ctl put-back
rm "$rejected/link.txt"

step "put back: refused anew as long as the section is missing"
expect 0 ctl put-back sport.txt
grep -q 'in incoming again' "$work/out" || fail "$(cat "$work/out")"
wait_for 10 test -e "$rejected/sport.txt" || fail "it was not refused again"
[ "$(ctl rejected | grep -c 'bytes')" -eq 2 ] || fail "$(ctl rejected)"

step "put back once the section is there: on the wire"
printf '[section "sport"]\n' >>"$config"
expect 0 ctl reload
expect 0 ctl put-back sport.txt
wait_for 10 test -e "$work/spool/accepted/sport.txt" || fail "it was not taken"
expect 0 ctl put-back 体育.txt
wait_for 10 test -e "$work/spool/accepted/体育.txt" || fail "it was not taken"
whole_wire | grep -q 'For the sports desk' || fail "it is not on the wire"
for left in "$rejected"/*; do
    [ "$left" = "$rejected/link.txt.reason" ] || fail "left in rejected: $left"
done
grep -q 'sport.txt is put back by' "$work/daemon.log" || fail "the journal doesn't tell it"

step "a name that incoming has is not replaced"
cp "$work/first.txt" "$rejected/first.txt"
echo why >"$rejected/first.txt.reason"
sleep 60 >"$incoming/first.txt" & # somebody still writes to it, so it stays
writer=$!
pids="$pids $writer"
wait_for 5 test -e "$incoming/first.txt" || fail "no file"
expect 65 ctl put-back first.txt
grep -q "has a file of that name" "$work/err" || fail "$(cat "$work/err")"
[ -e "$rejected/first.txt" ] && [ -e "$rejected/first.txt.reason" ] || fail "it has moved"
rm "$incoming/first.txt"
end TERM "$writer"

step "a folder that is gone"
mv "$rejected" "$work/elsewhere"
expect 69 ctl rejected
mv "$work/elsewhere" "$rejected"

step "what has come lately, by times that people say"
expect 0 ctl since 1h
grep -qE '^news/article +head [1-9]' "$work/out" || fail "$(cat "$work/out")"
expect 0 ctl since 2100-01-01
grep -qx 'nothing has come since' "$work/out" || fail "$(cat "$work/out")"
expect 64 ctl since soon
grep -q "'soon' is no time" "$work/err" || fail "$(cat "$work/err")"

step "the log level, until a reload"
expect 65 ctl log-level loud
expect 0 ctl log-level
grep -qx 'the log level is info' "$work/out" || fail "$(cat "$work/out")"
expect 0 ctl log-level debug
expect 0 ctl log-level
grep -qx 'the log level is debug until the config is read again, which says info' "$work/out" || fail "$(cat "$work/out")"
: >"$work/daemon.log"
story "With many words" news >"$work/third.txt"
expect 0 send "$work/third.txt"
wait_for 5 grep -q 'submit: .*version 1: accepted' "$work/daemon.log" || fail "debug says no more: $(cat "$work/daemon.log")"
expect 0 ctl reload
: >"$work/daemon.log"
story "With few words" news >"$work/fourth.txt"
expect 0 send "$work/fourth.txt"
if grep -q 'submit: .*version 1: accepted' "$work/daemon.log"; then fail "still at debug: $(cat "$work/daemon.log")"; fi

stop_daemon
