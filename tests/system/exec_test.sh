#!/bin/sh
# newswire-tail --exec with a loader in Python for a CMS-like receiver: done, later,
# refused, a loader that dies, a tail that is killed.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

load() { exec "$bin/newswire-tail" --feed "$feed" --replay "$replay" --cursor "$work/cursor" --quiet "$@"; }
loader="/usr/bin/python3 $root/tests/servers/cms_loader.py"
is_there() { [ "$(received cms '"status": 200')" -ge "$1" ]; }

start_daemon
start_outlet cms
step "each article is loaded, in order; a kill takes it away"
load --exec "$loader http://127.0.0.1:$port/articles" 2>"$work/load.err" &
tail=$!
pids="$pids $tail"
for n in 1 2 3; do send_article "urn:e:$n" 1 "Story $n"; done
expect 0 send --kill urn:e:2 --note "wrong"
wait_for 20 is_there 4 || fail "$(cat "$work/cms/log" "$work/load.err")"
sed 's/.*"method": "\([A-Z]*\)".*"uri": "\([^"]*\)".*/\1 \2/' "$work/cms/log" >"$work/order"
printf 'PUT urn:e:1\nPUT urn:e:2\nPUT urn:e:3\nDELETE urn:e:2\n' | cmp -s - "$work/order" || fail "$(cat "$work/order")"

step "75 is tried again and order holds; a refusal is parked and said"
script cms '[{"uri": "urn:e:4", "status": 503}, {"uri": "urn:e:5", "status": 422}]'
for n in 4 5 6; do send_article "urn:e:$n" 1 "Story $n"; done
wait_for 20 is received cms '"uri": "urn:e:6"' 1 || fail "$(cat "$work/cms/log" "$work/load.err")"
sed -n 's/.*"uri": "\(urn:e:[456]\)", "status": \([0-9]*\).*/\1 \2/p' "$work/cms/log" >"$work/order"
printf 'urn:e:4 503\nurn:e:4 200\nurn:e:5 422\nurn:e:6 200\n' | cmp -s - "$work/order" || fail "$(cat "$work/order")"
grep -q 'urn:e:5 version 1: the command ended with 65; it is parked in ' "$work/load.err" || fail "$(cat "$work/load.err")"
grep -q '"uri":"urn:e:5"' "$work"/cursor.parked/*.json || fail "it is not parked"
end TERM "$tail"
[ "$code" -eq 0 ] || fail "it ended with $code"

step "a stop while the loader waits for the CMS keeps the article"
load --exec "$loader http://127.0.0.1:1/" 2>"$work/load.err" &
tail=$!
pids="$pids $tail"
send_article urn:e:7 1 "Story 7"
wait_for 20 grep -q 'it is tried again' "$work/load.err" || fail "$(cat "$work/load.err")"
end TERM "$tail"
[ "$code" -eq 0 ] || fail "it ended with $code"
expect 0 timeout 60 "$bin/newswire-tail" --feed "$feed" --replay "$replay" --cursor "$work/cursor" --until-head --exec "$loader http://127.0.0.1:$port/articles"
[ "$(received cms '"uri": "urn:e:7"')" -eq 1 ] || fail "the article is lost"

step "killed again and again: each is there, in order"
briefs_page Kill 60 >"$work/page.txt"
before=$(wc -l <"$work/cms/log")
expect 0 send "$work/page.txt"
for n in 1 2 3 4 5 6 7 8; do
    load --exec "$loader http://127.0.0.1:$port/articles" 2>>"$work/load.err" &
    tail=$!
    pids="$pids $tail"
    sleep "0.$(random 300 900)"
    end KILL "$tail"
done
expect 0 timeout 120 "$bin/newswire-tail" --feed "$feed" --replay "$replay" --cursor "$work/cursor" --until-head --exec "$loader http://127.0.0.1:$port/articles"
tail -n "+$((before + 1))" "$work/cms/log" | sed 's/.*"uri": "\([^"]*\)".*/\1/' | uniq >"$work/got"
whole_wire 2>/dev/null | tail -n 60 | sed 's/.*"uri":"\([^"]*\)".*/\1/' >"$work/want"
awk '!seen[$0]++' "$work/got" | cmp -s - "$work/want" || fail "$(wc -l <"$work/got") came, or in another order"
[ "$(sort "$work/got" | uniq -d | wc -l)" -le 8 ] || fail "more came twice than there were kills"

step "mistakes"
expect 64 "$bin/newswire-tail" --exec true
grep -q -- '--cursor' "$work/err" || fail "$(cat "$work/err")"
expect 64 "$bin/newswire-tail" --parked "$work/x"
