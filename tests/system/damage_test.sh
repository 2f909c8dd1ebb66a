#!/bin/sh
# A cut segment loses nothing that counts; a flipped bit is named, not skipped.
. "$(dirname "$0")/lib.sh"

write_config <<END
[section "briefs"]
END
start_daemon
i=0
while [ $i -lt 5 ]; do
    i=$((i + 1))
    briefs_page "p$i" 20 | sed "s/^Page: .*/Page: $i/" >"$work/page$i.txt"
    send --section briefs "$work/page$i.txt" >/dev/null
done
whole_wire >"$work/before"
stop_daemon
cp -a "$work/log" "$work/log.good"
segment=$(find "$work/log" -type f -size +8k -name '*.seg*' | sort | head -1)
[ -n "$segment" ] || segment=$(find "$work/log" -type f -printf '%s %p\n' | sort -rn | sed -n '1s/^[0-9]* //p')
echo "the segment is ${segment##*/}, $(wc -c <"$segment") bytes"

step "garbage behind the end is cut, kept aside, and said"
head -c 777 /dev/urandom >>"$segment"
start_daemon
whole_wire >"$work/after"
cmp -s "$work/before" "$work/after" || fail "the log changed"
stop_daemon

step "a bit that flips in the middle is damage: named with segment and offset"
rm -rf "$work/log" && cp -a "$work/log.good" "$work/log"
size=$(wc -c <"$segment")
printf '\377' | dd of="$segment" bs=1 seek=$((size / 3)) conv=notrunc 2>/dev/null
code=0
timeout 20 "$bin/newswired" --config "$config" >"$work/err" 2>&1 &
daemon=$!
pids="$pids $daemon"
if wait_for 5 status_json; then
    # It may start, since the damage lies below what it had to read; then it
    # must say so to the reader who gets there.
    code=0
    timeout 20 "$bin/newswire-tail" --feed "$feed" --replay "$replay" --after 0 --until-head \
        --format json >"$work/out" 2>>"$work/err" || code=$?
    [ "$code" -ne 0 ] || fail "a reader was served across the damage as if nothing were wrong"
    end TERM "$daemon"
else
    code=0
    wait "$daemon" || code=$?
    forget "$daemon"
    [ "$code" -ne 0 ] || fail "the daemon ended with 0"
fi
grep -qi 'damage' "$work/err" || fail "no word of damage: $(cat "$work/err")"
grep -q "${segment##*/}" "$work/err" || fail "the segment is not named: $(cat "$work/err")"
grep -qiE 'offset [0-9]+|byte [0-9]+' "$work/err" || fail "no offset: $(cat "$work/err")"

step "with the good copy back, everything is there"
rm -rf "$work/log" && cp -a "$work/log.good" "$work/log"
start_daemon
whole_wire >"$work/after"
cmp -s "$work/before" "$work/after" || fail "the log changed"

step "a second daemon on the same log is refused"
sed "s|^path = .*|path = $work/control2|; s|^bind = .*|bind = tcp://127.0.0.1:*|; /^\[spool\]/,/^directory/d" "$config" >"$work/second.conf"
code=0
timeout 20 "$bin/newswired" --config "$work/second.conf" >"$work/err" 2>&1 || code=$?
[ "$code" -ne 0 ] && [ "$code" -ne 124 ] || fail "a second daemon runs: $code"
grep -q "$work/log" "$work/err" || fail "the log's folder is not named: $(cat "$work/err")"
stop_daemon
