#!/bin/sh
# Readers join while articles are published as fast as they go in: no hole and
# no double where replay ends and the feed begins.
. "$(dirname "$0")/lib.sh"

write_config <<END
[section "briefs"]
END
start_daemon
step "a stream of briefs"
i=0
while [ $i -lt 24 ]; do
    i=$((i + 1))
    briefs_page "p$i" 1000 | sed "s/^Page: .*/Page: $i/" >"$work/page$i.txt"
done
send --section briefs "$work"/page[1-3].txt >/dev/null
begin=$(date +%s%N)
(for i in $(seq 4 24); do send --section briefs "$work/page$i.txt"; done >"$work/acks") &
submitter=$!
pids="$pids $submitter"

step "readers join in the middle of it"
n=0
while [ $n -lt 8 ]; do
    n=$((n + 1))
    tail_wire --after 0 --format json >"$work/reader$n" 2>"$work/reader$n.err" &
    pids="$pids $!"
    sleep "0.$(random 10 200)"
done
wait "$submitter" || fail "the submitter ended with $?"
forget "$submitter"
echo "$((21000 * 1000 / (($(date +%s%N) - begin) / 1000000))) articles a second"

step "each has all 24,000, once and in order"
arrived() { [ "$(wc -l <"$1")" -ge 24000 ]; }
for n in 1 2 3 4 5 6 7 8; do
    wait_for 60 arrived "$work/reader$n" ||
        fail "reader $n has $(wc -l <"$work/reader$n") of 24000: $(cat "$work/reader$n.err")"
done
for n in 1 2 3 4 5 6 7 8; do
    [ "$(wc -l <"$work/reader$n")" -eq 24000 ] || fail "reader $n has $(wc -l <"$work/reader$n") lines"
    in_order "$work/reader$n" || fail "reader $n"
    rm "$work/reader$n"
done
stop_daemon
