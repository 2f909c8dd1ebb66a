#!/bin/sh
# The archive is killed at random moments while 5,000 articles flow: afterwards it has
# each of them once, and proves it.
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-30}
echo "seed $SEED"

write_config <<END
[section "economy"]
[section "culture"]
[section "briefs"]
END
start_daemon
mkdir "$work/stories"
awk -v folder="$work/stories" 'BEGIN {
    split("economy culture briefs", sections, " ")
    for (i = 1; i <= 5000; i++) {
        file = folder "/" i ".txt"
        printf "Headline: Story %d\nSection: %s\n\nThe text of story %d, in one paragraph.\n", i, sections[i % 3 + 1], i >file
        close(file)
    }
}'

step "5,000 articles flow"
(
    cd "$work/stories" || exit 1
    first=1
    while [ $first -le 5000 ]; do
        # shellcheck disable=SC2046 # the names are words
        send $(seq -f '%g.txt' $first $((first + 49))) >>"$work/acks" || exit 1
        first=$((first + 50))
        sleep 0.05
    done
) &
submitter=$!
pids="$pids $submitter"

step "$KILLS kills of the archive"
kills=0 slept=0
while [ $kills -lt "$KILLS" ]; do
    keep_wire --quiet 2>>"$work/run.err" &
    run=$!
    pids="$pids $run"
    sleep "0.$(random 150 700)"
    end KILL "$run"
    kills=$((kills + 1))
    [ ! -e "$archive" ] || [ $((kills % 10)) -ne 0 ] || expect 0 ask verify --quick
done
slept=$(sql 'SELECT count(*) FROM entry')
echo "$slept entries before the last start"
[ "$slept" -gt 0 ] || fail "nothing was kept between the kills: the test says nothing"
wait "$submitter" || fail "the submitter ended with $?"
forget "$submitter"

step "each article is there once, and the archive proves it"
keep_all
[ "$(sql 'SELECT count(*) FROM entry')" -eq 5000 ] || fail "$(sql 'SELECT count(*) FROM entry') entries"
[ "$(sql 'SELECT count(DISTINCT headline) FROM article')" -eq 5000 ] || fail "$(sql 'SELECT count(DISTINCT headline) FROM article') stories"
expect 0 ask verify
expect_line "$work/out" "5000 entries of 3 topics"
[ "$(found --limit 10000 story)" -eq 5000 ] || fail "the index has $(found --limit 10000 story)"
[ "$(found '"story 4321"')" -eq 1 ] || fail "one is found $(found '"story 4321"') times"
stop_daemon
