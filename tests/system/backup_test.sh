#!/bin/sh
# Backups are made while articles flow, and restored: everything up to where they say
# they go is there, under a new epoch. Readers with their places lose nothing over it
# and keep nothing twice. What is cut short, damaged or copied by hand never passes
# for whole.
. "$(dirname "$0")/lib.sh"

"$bin/newswirectl" keygen --origin "$work/notary" >/dev/null
write_config <<END
[log]
sign = $work/notary.secret
segment_bytes = 1M
checkpoint_entries = 1000
[section "briefs"]
[section "economy"]
END
start_daemon

log=$work/log
ctl() {
    command=$1
    shift
    "$bin/newswirectl" "$command" --control "$control" "$@"
}
restore() { "$bin/newswired" --config "$config" --restore "$1"; }
# value KEY FILE: a number of a JSON line.
value() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$2"; }
page() { # NUMBER COUNT
    briefs_page "p$1" "$2" | sed "s/^Page: .*/Page: $1/" >"$work/page$1.txt"
    send --section briefs "$work/page$1.txt" >>"$work/submit.out" 2>>"$work/submit.err"
}
item() { # URI VERSION HEADLINE [LINE]
    printf 'Uri: %s\nVersion: %s\nHeadline: %s\nSection: economy\n%b\nThe text of %s.\n' "$1" "$2" "$3" "${4:-}" "$3" >"$work/item.txt"
    expect 0 send "$work/item.txt"
}
tail_on() {
    tail_wire --client county --cursor "$work/cursor" --format json >>"$work/tailed" 2>>"$work/tail.err" &
    tailer=$!
    pids="$pids $tailer"
}
archive_on() {
    keep_wire --quiet 2>>"$work/run.err" &
    archiver=$!
    pids="$pids $archiver"
}
head_is_kept() { [ "$(sql "SELECT max(seq) FROM entry WHERE epoch = $(status_value epoch)")" = "$(status_value head)" ]; }
head_is_tailed() { grep -q "\"epoch\":$(status_value epoch),\"seq\":$(status_value head)," "$work/tailed"; }
all_follow() {
    wait_for 60 head_is_kept || fail "the archive stays behind: $(cat "$work/run.err")"
    wait_for 60 head_is_tailed || fail "the reader stays behind: $(cat "$work/tail.err")"
}
# Uris and versions of an epoch, as a file of JSON lines has them.
versions() { sed -n "s/.*\"epoch\":$1,.*\"uri\":\"\([^\"]*\)\",\"version\":\([0-9]*\).*/\1 \2/p" "$2" | sort; }
# As it is on the wire, without what belongs to one life of the log.
lifeless() { sed 's/"epoch":[0-9]*,//'; }

step "an archive and a reader with a cursor follow; 5,000 articles flow, and backups are made"
archive_on
tail_on
item urn:killed 1 "To be killed"
expect 0 send --kill urn:killed --note wrong
item urn:held 1 "For later" 'Embargo: 2099-01-01T00:00:00Z\n'
(
    i=0
    while [ $i -lt 25 ]; do
        i=$((i + 1))
        page $i 200 || exit 1
    done
) &
flow=$!
pids="$pids $flow"
wait_for 20 grep -q . "$work/submit.out" || fail "nothing flows"
n=0
while kill -0 "$flow" 2>/dev/null; do
    n=$((n + 1))
    expect 0 ctl backup "$work/b$n" --json
    cp "$work/out" "$work/b$n.json"
done
wait "$flow" || fail "the flow ended with $?: $(cat "$work/submit.err")"
forget "$flow"
[ "$n" -ge 3 ] || fail "only $n backups while articles flowed"
heads=$(for i in $(seq "$n"); do value head "$work/b$i.json"; done)
[ "$(echo "$heads" | sort -nu | wc -l)" -ge 3 ] || fail "the backups are all alike: $heads"
echo "$n backups, up to $(echo "$heads" | tr "\n" " ")"
all_follow
whole_wire >"$work/wire"
[ ! -e "$log/backup" ] || fail "a snapshot is left"


# Serves a log beside the real one, for as long as a command takes; its wire is $work/trial.
trial() { # DIRECTORY
    cat >"$work/trial.conf" <<END
[feed]
bind = tcp://127.0.0.1:*
[replay]
bind = tcp://127.0.0.1:*
[submit]
bind = tcp://127.0.0.1:*
[control]
path = $work/trial.control
[log]
directory = $1
[section "briefs"]
[section "economy"]
END
}
trial_status() { "$bin/newswirectl" status --control "$work/trial.control" --json; }
trial_bound() { trial_status | sed -n "s/.*\"$1\":{[^}]*\"bind\":\[\"\([^\"]*\).*/\1/p"; }
serve_trial() {
    "$bin/newswired" --config "$work/trial.conf" >>"$work/trial.log" 2>&1 &
    other=$!
    pids="$pids $other"
    wait_for 20 trial_status || fail "the restored log is not served: $(cat "$work/trial.log")"
    timeout 60 "$bin/newswire-tail" --feed "$(trial_bound feed)" --replay "$(trial_bound replay)" \
        --after 0 --until-head --format json >"$work/trial.wire"
    trial_status >"$work/trial.status"
    end TERM "$other"
    [ "$code" -eq 0 ] || fail "it ended with $code: $(cat "$work/trial.log")"
}
# What stands in a file of the wire up to a number.
upto() { awk -v head="$1" 'match($0, /"seq":[0-9]+/) && substr($0, RSTART + 6, RLENGTH - 6) + 0 <= head' "$2" | lifeless; }

step "each has a manifest that sha256sum understands, and restores with all up to its head"
for i in 1 $((n / 2 + 1)) "$n"; do
    (cd "$work/b$i" && sha256sum --quiet --strict --check manifest) || fail "b$i is not as its manifest says"
    head=$(value head "$work/b$i.json")
    trial "$work/log$i"
    expect 0 "$bin/newswired" --config "$work/trial.conf" --restore "$work/b$i"
    expect_line "$work/out" "up to entry $head, $(value entries "$work/b$i.json") entries, 1 held"
    serve_trial
    upto "$head" "$work/wire" >"$work/wanted"
    lifeless <"$work/trial.wire" >"$work/got"
    cmp -s "$work/wanted" "$work/got" || fail "b$i: $(wc -l <"$work/wanted") entries were wanted, $(wc -l <"$work/got") came"
    in_order "$work/trial.wire" || fail "b$i: the numbers tell of a gap"
    epoch=$(status_value epoch)
    if grep -q "\"epoch\":$epoch," "$work/trial.wire"; then fail "b$i: the old epoch is there"; fi
    grep -q '"waiting_for_release":1,' "$work/trial.status" || fail "b$i: what was held is not"
    expect_no_line "$work/got" "The text of To be killed"
done

step "a second backup links what the first one has"
expect 0 ctl backup "$work/again" --like "$work/b$n" --json
linked=$(value linked_bytes "$work/out") bytes=$(value bytes "$work/out")
[ "$linked" -gt $((bytes / 2)) ] || fail "only $linked of $bytes bytes are linked"
(cd "$work/again" && sha256sum --quiet --strict --check manifest) || fail "it is not as its manifest says"
for file in "$work/again"/*.log; do
    [ "$(stat -c %i "$file")" != "$(stat -c %i "$log/${file##*/}")" ] || fail "$file is the log's own"
done
# One that has gone bad is not taken over.
bad=$(find "$work/again" -name '*.log' | sort | head -n 1)
printf '\377' | dd of="$bad" bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 0 ctl backup "$work/third" --like "$work/again"
(cd "$work/third" && sha256sum --quiet --strict --check manifest) || fail "what had gone bad was linked"

step "what can't be a backup's folder is said, and nothing is left of it"
expect 73 ctl backup "$work/third"
expect_line "$work/err" "third is there, and not an empty folder"
mkdir "$work/empty"
expect 0 ctl backup "$work/empty/"
[ -f "$work/empty/manifest" ] || fail "there is no manifest"
expect 73 ctl backup "$work/nowhere/backup"
expect_line "$work/err" "nowhere/backup.part can't be made"
expect 66 ctl backup "$work/fourth" --like "$work/nowhere"
[ ! -e "$work/fourth" ] && [ ! -e "$work/fourth.part" ] || fail "something is left"
[ ! -e "$log/backup" ] || fail "a snapshot is left"
expect_line "$work/daemon.log" "was given up"
expect_line "$work/daemon.log" "made a backup in $work/third"

step "a backup that is killed leaves nothing that passes for one; the next one goes on"
for i in 1 2 3; do
    rm -rf "$work/killed.part"
    "$bin/newswirectl" backup "$work/killed" --control "$control" --rate 1 >/dev/null 2>&1 &
    victim=$!
    pids="$pids $victim"
    wait_for 10 test -e "$work/killed.part/view" || fail "it copies nothing"
    sleep "0.$i"
    end KILL "$victim"
    [ ! -e "$work/killed" ] || fail "it has its name before it is whole"
    trial "$work/fromkilled"
    expect 65 "$bin/newswired" --config "$work/trial.conf" --restore "$work/killed.part"
    rm -rf "$work/fromkilled"
    expect 69 ctl backup "$work/other"
    expect_line "$work/err" "another backup is being made"
    stop_daemon
    start_daemon
done
expect 0 ctl backup "$work/killed"
(cd "$work/killed" && sha256sum --quiet --strict --check manifest) || fail "it is not as its manifest says"

step "the log is lost, and restored from a backup that lacks the newest: readers are told"
item urn:late 1 "After the backup"
all_follow
stories=$(sql "SELECT count(*) FROM story")
stop_daemon
old_epoch=$epoch
rm -rf "$log"
expect 0 restore "$work/killed"
head=$(sed -n 's/.*up to entry \([0-9]*\),.*/\1/p' "$work/out")
start_daemon
epoch=$(status_value epoch)
[ "$epoch" -gt "$old_epoch" ] || fail "the epoch is $epoch, it was $old_epoch"
[ "$(status_value head)" = "$head" ] || fail "the head is not $head"
# What comes now gets numbers that other entries had before.
item urn:killed2 1 "To be killed, too"
expect 0 send --kill urn:killed2 --note wrong
item urn:new 1 "After the restore"
all_follow
expect_line "$work/tail.err" "the log is another one (epoch $epoch, before $old_epoch)"
expect_line "$work/run.err" "the log is another one (epoch $epoch, before $old_epoch)"

step "the reader has had all of the new life, each once, in order; the archive keeps nothing twice"
whole_wire >"$work/wire"
grep "\"epoch\":$epoch," "$work/tailed" >"$work/life"
in_order "$work/life" || fail "the numbers tell of a gap"
# A reader's topics are in order each, not among each other.
sed 's/"text":.*//' "$work/wire" | grep -o '"epoch":.*"topic":"[^"]*"' | sort >"$work/wanted"
sed 's/"text":.*//' "$work/life" | grep -o '"epoch":.*"topic":"[^"]*"' | sort >"$work/got"
cmp -s "$work/wanted" "$work/got" || fail "$(wc -l <"$work/wanted") entries were wanted, $(wc -l <"$work/got") came"
[ "$(sql "SELECT count(*) FROM story")" -eq $((stories + 2)) ] || fail "stories: $(sql "SELECT count(*) FROM story") instead of $((stories + 2))"
[ "$(sql "SELECT count(*) FROM entry WHERE epoch = $epoch")" -eq "$(wc -l <"$work/wire")" ] || fail "the archive lacks entries of the new epoch"
finds 1 '"After the backup"' || fail "what was not in the backup has gone from the archive"
signed() { [ "$(sql "SELECT count(*) FROM checkpoint WHERE epoch = $epoch")" -ge 2 ]; }
wait_for 20 signed || fail "no checkpoints are signed in the new epoch"
end TERM "$archiver"
end TERM "$tailer"
keep_all
expect 0 ask verify --trust "$work/notary.pub"

step "the same article again is known from before the restore"
printf 'Uri: urn:killed2\nVersion: 1\nHeadline: To be killed, too\nSection: economy\n\nThe text of To be killed, too.\n' >"$work/item.txt"
send --section briefs "$work/page1.txt" >"$work/out" 2>&1 || fail "$(cat "$work/out")"
[ "$(grep -c '^duplicate' "$work/out")" -eq 200 ] || fail "not all are duplicates: $(head -n 3 "$work/out")"

step "a restore that is killed leaves nothing that passes for a log; the next one goes over it"
stop_daemon
caught=0 tries=0
while [ "$caught" -lt 3 ]; do
    tries=$((tries + 1))
    [ "$tries" -le 500 ] || fail "it was never in the middle"
    rm -rf "$log"
    "$bin/newswired" --config "$config" --restore "$work/killed" >/dev/null 2>&1 &
    victim=$!
    pids="$pids $victim"
    sleep "0.0$((tries % 50 / 10))$((tries % 10))" # at each millisecond
    end KILL "$victim"
    if [ -f "$log/format" ] && grep -q unfinished "$log/format"; then
        caught=$((caught + 1))
        expect 69 "$bin/newswired" --config "$config"
        expect_line "$work/err" "is not whole"
        expect 0 restore "$work/killed"
    fi
done
rm -rf "$log"
expect 0 restore "$work/killed"

step "a restore begins in an empty folder, from what is whole, and while nobody is there"
expect 73 restore "$work/killed"
expect_line "$work/err" "is not empty"
start_daemon
expect 69 restore "$work/killed"
expect_line "$work/err" "in use by another daemon"
stop_daemon
rm -rf "$log"
expect 66 restore "$work/nowhere"
segment=$(find "$work/killed" -name '*.log' | sort | head -n 1)
printf '\377' | dd of="$segment" bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 65 restore "$work/killed"
expect_line "$work/err" "${segment##*/} is not what was backed up"
rm "$segment"
expect 66 restore "$work/killed"
expect_line "$work/err" "${segment##*/} can't be read"

step "a folder that was copied by hand is told from one that stayed"
expect 0 restore "$work/third"
start_daemon
stop_daemon
cp -a "$log" "$work/copied"
start_daemon
rm -f "$work/cursor"
tail_on
item urn:behind 1 "Behind the copy"
has_proven() { status_json | grep -q "\"client\":\"county\",[^}]*\"proven_seq\":$(status_value head),"; }
wait_for 60 has_proven || fail "the reader stays behind"
stop_daemon
expect_no_line "$work/daemon.log" "the folder is a copy"
rm -rf "$log"
mv "$work/copied" "$log"
start_daemon
expect_line "$work/daemon.log" "the folder is a copy"
# The reader has more than there is: it doesn't wait for the numbers to come again.
gone() { ! kill -0 "$tailer"; }
wait_for 60 gone || fail "the reader goes on: $(cat "$work/tail.err")"
code=0
wait "$tailer" || code=$?
forget "$tailer"
[ "$code" -eq 65 ] || fail "the reader ended with $code"
expect_line "$work/tail.err" "a copy from before was put back"
told() { grep -q "has entry .* of this log, which ends at .*: if a copy from before was put back" "$work/daemon.log"; }
wait_for 10 told || fail "the operator isn't told"
# As it says: restored, it is another log, and all goes on.
stop_daemon
mv "$log" "$work/copied"
expect 0 restore "$work/copied"
expect_line "$work/out" "there was no manifest"
start_daemon
tail_on
wait_for 60 head_is_tailed || fail "the reader stays behind"
stop_daemon

step "under a unit the daemon writes to its own folders only; its group makes the backup"
if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
    echo "not tried: it wants root and setpriv"
    exit 0
fi
as() { # UID COMMAND...: of the daemon's group, or of one of its own
    user=$1
    shift
    [ "$user" = 65001 ] && group=65001 || group=65000
    setpriv --reuid="$user" --regid="$group" --clear-groups "$@"
}
chmod 711 "$work"
mkdir -p "$work/state" "$work/operator"
chown 65000:65000 "$work/state"
chmod 750 "$work/state"
chown 65002:65000 "$work/operator"
trial "$work/state/log"
sed -i "s|^path = .*|path = $work/state/control|" "$work/trial.conf"
as 65000 test -x "$bin/newswired" || {
    echo "not tried: others can't reach $bin"
    exit 0
}
(umask 0007 && exec setpriv --reuid=65000 --regid=65000 --clear-groups "$bin/newswired" --config "$work/trial.conf") >>"$work/trial.log" 2>&1 &
other=$!
pids="$pids $other"
unit_status() { "$bin/newswirectl" status --control "$work/state/control"; }
wait_for 20 unit_status || fail "it does not start: $(cat "$work/trial.log")"
expect 0 as 65002 "$bin/newswirectl" backup "$work/operator/b" --control "$work/state/control"
chmod 700 "$work/state/log"
expect 77 as 65002 "$bin/newswirectl" backup "$work/operator/c" --control "$work/state/control"
expect_line "$work/err" "be root, or in the daemon's group"
[ ! -e "$work/operator/c.part" ] || fail "something is left"
end TERM "$other"
[ "$code" -eq 0 ] || fail "it ended with $code"
rm -rf "$work/state/log"
expect 0 "$bin/newswired" --config "$work/trial.conf" --restore "$work/third"
[ -z "$(find "$work/state/log" ! -uid 65000)" ] || fail "not all is the daemon's: $(ls -la "$work/state/log")"
(umask 0007 && exec setpriv --reuid=65000 --regid=65000 --clear-groups "$bin/newswired" --config "$work/trial.conf") >>"$work/trial.log" 2>&1 &
other=$!
pids="$pids $other"
wait_for 20 unit_status || fail "it does not start on what was restored: $(cat "$work/trial.log")"
end TERM "$other"
