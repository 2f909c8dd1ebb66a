#!/bin/sh
# The daemon is killed at random moments while articles come in and readers
# follow: what was acknowledged is in the log once, and each reader has each
# article of its topics once and in order.
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-50}
echo "seed $SEED"

step "a daemon, and stories to send"
write_config <<END
[section "economy"]
[section "culture"]
[section "briefs"]
END
start_daemon
mkdir "$work/stories"
n=0
while [ $n -lt 3000 ]; do
    n=$((n + 1))
    case $((n % 3)) in 0) section=economy ;; 1) section=culture ;; *) section=briefs ;; esac
    story "Story $n" $section >"$work/stories/$n.txt"
done

step "three readers; one keeps its place in a file and is restarted"
tail_wire --after 0 --format json >"$work/all" 2>"$work/all.err" &
pids="$pids $!"
tail_wire --after 0 --format json economy >"$work/economy" 2>"$work/economy.err" &
pids="$pids $!"
start_saved() {
    tail_wire --cursor "$work/cursor" --format json briefs/ culture/article \
        >>"$work/saved" 2>"$work/saved.err" &
    saved=$!
    pids="$pids $saved"
}
start_saved

step "a submitter that goes on through it all"
(
    cd "$work/stories" || exit 1
    first=1
    while [ ! -e "$work/enough" ] && [ $first -le 3000 ]; do
        # shellcheck disable=SC2046 # the names are words
        send $(seq -f '%g.txt' $first $((first + 9))) >>"$work/acks" 2>>"$work/acks.err" ||
            echo "submit failed with $?" >>"$work/acks.failed"
        first=$((first + 10))
    done
    echo $((first - 1)) >"$work/sent"
) &
submitter=$!
pids="$pids $submitter"

step "$KILLS kills"
kills=0
while [ $kills -lt "$KILLS" ]; do
    sleep "0.$(random 100 450)"
    kill_daemon
    kills=$((kills + 1))
    if [ $((kills % 7)) -eq 0 ]; then
        end "$([ $((kills % 2)) -eq 0 ] && echo KILL || echo TERM)" "$saved"
        start_saved
    fi
    start_daemon
done
touch "$work/enough"
wait "$submitter" || fail "the submitter ended with $?"
forget "$submitter"
[ ! -e "$work/acks.failed" ] || fail "$(cat "$work/acks.failed" "$work/acks.err")"
sent=$(cat "$work/sent")
echo "$sent stories were acknowledged"
[ "$sent" -ge 100 ] || fail "only $sent stories were sent: the test says nothing"

step "each acknowledged story is in the log once"
grep -Eo 'Story [0-9]+' "$work/acks" | sort -u >"$work/acked"
[ "$(wc -l <"$work/acked")" -eq "$sent" ] || fail "not every story was acknowledged"
whole_wire >"$work/wire"
in_order "$work/wire" || fail "the log is out of order"
grep -o '"headline":"Story [0-9]*"' "$work/wire" | grep -Eo 'Story [0-9]+' | sort >"$work/logged"
[ -z "$(uniq -d "$work/logged")" ] || fail "twice in the log: $(uniq -d "$work/logged")"
cmp -s "$work/acked" "$work/logged" || fail "acknowledged and logged differ: $(
    comm -3 "$work/acked" "$work/logged" | head)"

step "each reader has all of its topics, once and in order"
has_all() { [ "$(wc -l <"$1")" -ge "$(wc -l <"$2")" ]; }
grep '"topic":"economy/' "$work/wire" >"$work/wire.economy"
grep -E '"topic":"(briefs/|culture/article)' "$work/wire" >"$work/wire.saved"
for pair in all:wire economy:wire.economy saved:wire.saved; do
    reader=${pair%%:*} wanted=${pair#*:}
    wait_for 30 has_all "$work/$reader" "$work/$wanted" ||
        fail "$reader has $(wc -l <"$work/$reader") of $(wc -l <"$work/$wanted"): $(cat "$work/$reader.err")"
done
for pair in all:wire economy:wire.economy; do
    reader=${pair%%:*} wanted=${pair#*:}
    in_order "$work/$reader" || fail "$reader is out of order"
    sort "$work/$reader" >"$work/a" && sort "$work/$wanted" >"$work/b"
    cmp -s "$work/a" "$work/b" || fail "$reader differs from the log: $(diff "$work/a" "$work/b" | head -5)"
done
# A reader that was killed between writing and saving its place may write the
# same lines again, whole; nothing else: without them it has each once, in order.
awk '!seen[$0]++' "$work/saved" >"$work/saved.once"
in_order "$work/saved.once" || fail "the saved reader is out of order"
sort "$work/saved.once" >"$work/a" && sort "$work/wire.saved" >"$work/b"
cmp -s "$work/a" "$work/b" || fail "the saved reader differs from the log"
stop_daemon
