#!/bin/sh
# A reader is stopped until the feed drops its messages, then goes on: no gap,
# no duplicate.
. "$(dirname "$0")/lib.sh"

step "a daemon whose feed holds little back for a slow reader"
write_config <<END
[section "briefs"]
[feed]
send_high_water = 20
END
start_daemon
tail_wire --after 0 --format json >"$work/reader" 2>"$work/reader.err" &
reader=$!
pids="$pids $reader"
briefs_page first 50 >"$work/first.txt"
send --section briefs "$work/first.txt" >/dev/null
arrived() { [ "$(wc -l <"$work/reader")" -ge "$1" ]; }
wait_for 20 arrived 50 || fail "the reader got nothing: $(cat "$work/reader.err")"

step "it is stopped while far more is published than the sockets can hold"
kill -STOP "$reader"
total=50
for i in 1 2 3 4 5 6; do
    awk -v i=$i 'BEGIN {
        printf "Publication: Hartwell Gazette\nDate: 2031-04-10\nPage: %d\nLanguage: en\n\nBRIEFS\n\n", i
        for (n = 1; n <= 500; n++) {
            printf "Long notice %d of page %d\n\nHARTWELL - ", n, i
            for (w = 0; w < 600; w++) printf "word%d of %d ", w, n
            printf "and that was all.\n\n"
        }
    }' >"$work/page$i.txt"
    send --section briefs "$work/page$i.txt" >/dev/null
    total=$((total + 500))
done

step "it goes on"
kill -CONT "$reader"
wait_for 60 arrived $total || fail "the reader has $(wc -l <"$work/reader") of $total: $(cat "$work/reader.err")"
sleep 1
[ "$(wc -l <"$work/reader")" -eq $total ] || fail "the reader has $(wc -l <"$work/reader") lines instead of $total"
in_order "$work/reader" || fail "out of order"
stop_daemon
