#!/bin/sh
# Pages through newswire-submit into a daemon that is killed and started again:
# what was acknowledged stays, and nothing goes in twice.
. "$(dirname "$0")/lib.sh"

page=$root/packaging/demo/qinghe-2031-04-09-1.txt

start_daemon
step "a page is taken, once"
expect 0 send "$page"
[ "$(grep -c '^accepted' "$work/out")" -eq 6 ] || fail "six articles: $(cat "$work/out")"
grep -q 'briefs/brief.*新区召开春季植树动员会' "$work/out" || fail "no brief on its topic"
expect 0 send "$page"
[ "$(grep -c '^duplicate' "$work/out")" -eq 6 ] || fail "six duplicates: $(cat "$work/out")"

step "ten kills while stories go in; each is acknowledged once and then a duplicate"
mkdir "$work/stories"
n=0
while [ $n -lt 200 ]; do
    n=$((n + 1))
    story "Story $n" economy >"$work/stories/$n.txt"
done
(for i in $(seq 1 200); do send "$work/stories/$i.txt" || echo "failed with $?"; done >"$work/acks" 2>&1) &
submitter=$!
pids="$pids $submitter"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep "0.$(random 100 300)"
    kill_daemon
    start_daemon
done
wait "$submitter" || fail "the submitter ended with $?"
forget "$submitter"
[ "$(grep -cE '^(accepted|duplicate) ' "$work/acks")" -eq 200 ] || fail "$(grep -vE '^(accepted|duplicate) ' "$work/acks" | head -3)"
[ -z "$(awk '{ print $2 }' "$work/acks" | sort | uniq -d)" ] || fail "two stories have one number"
expect 0 send "$work"/stories/*.txt
[ "$(grep -c '^duplicate ' "$work/out")" -eq 200 ] || fail "an acknowledged story is gone"
[ "$(status_value head)" -ge 206 ] || fail "head is $(status_value head)"
status_json | grep -q '"economy/article":{"entries":200,' || fail "$(status_json)"

step "refusals name file and field, and harm nothing else"
printf 'Headline: X\nSection: nowhere\n\nText.\n' >"$work/section.txt"
: >"$work/empty.txt"
head -c 5000 /dev/urandom >"$work/noise.txt"
expect 65 send "$work/section.txt" "$work/empty.txt" "$work/noise.txt" "$work/stories/1.txt"
grep -q '^refused.*nowhere' "$work/out" || fail "$(cat "$work/out")"
grep -q '^duplicate' "$work/out" || fail "the good file behind the bad ones was not sent"
grep -q 'empty.txt: refused' "$work/err" || fail "$(cat "$work/err")"
grep -q 'noise.txt.*refused' "$work/err" || fail "$(cat "$work/err")"
expect 66 send "$work/missing.txt"

step "a clean stop"
stop_daemon
expect 69 "$bin/newswirectl" --control "$control" status
expect 69 send --timeout 1 "$page"
