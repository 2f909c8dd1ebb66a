#!/bin/sh
# The daemon signs checkpoints of its log: an archive proves by them that it has
# everything, over kills and restarts; whatever was altered is found, also by others
# who have nothing of ours but the tables' description.
. "$(dirname "$0")/lib.sh"

"$bin/newswirectl" keygen --origin "$work/log" >/dev/null
"$bin/newswirectl" keygen --origin "$work/other" >/dev/null
write_config <<END
[log]
sign = $work/log.secret
[section "economy"]
[section "politics"]
END
start_daemon

item() { printf 'Uri: %s\nVersion: %s\nHeadline: %s\nSection: %s\n\nThe text of %s.\n' "$1" "$2" "$3" "$4" "$3" >"$work/item.txt"; }
put() {
    item "$@"
    expect 0 send "$work/item.txt"
}
# has_proofs COUNT: so many entries, and each topic's newest one is under a checkpoint.
has_proofs() {
    [ "$(sql 'SELECT count(*) FROM entry')" = "$1" ] && [ "$(sql "SELECT group_concat(head) FROM (SELECT head FROM checkpoint ORDER BY topic)")" = "$(sql "SELECT group_concat(m) FROM (SELECT max(e.seq) AS m FROM entry e JOIN topic t ON t.id = e.topic GROUP BY t.name ORDER BY t.name)")" ]
}
start_archive() {
    keep_wire --quiet 2>>"$work/run.err" &
    archiver=$!
    pids="$pids $archiver"
}
prove() { ask verify --trust "$work/log.pub"; }

step "an archive that was there from the beginning"
start_archive
for i in 1 2 3 4 5; do
    put urn:e:$i 1 "Economy $i" economy
    put urn:p:$i 1 "Politics $i" politics
done
put urn:e:1 2 "Economy 1, mended" economy
expect 0 send --kill urn:p:2 --note "wrong"
wait_for 20 has_proofs 12 || fail "the checkpoints did not come: $(sql 'SELECT topic, head FROM checkpoint')"
end TERM "$archiver"
expect 0 prove
expect_line "$work/out" "signed checkpoints prove it for 12 entries of 2 topics"

step "over restarts of the daemon, one of them a crash"
stop_daemon
start_daemon
put urn:e:6 1 "Economy 6" economy
kill_daemon
start_daemon
put urn:p:6 1 "Politics 6" politics
start_archive
wait_for 20 has_proofs 14 || fail "the checkpoints did not come after the restart"
end TERM "$archiver"
expect 0 prove
expect_line "$work/out" "14 entries of 2 topics"

step "one that comes late, after the kill, proves the same without the text"
cp "$archive" "$work/first.db"
rm -f "$archive"*
start_archive
wait_for 20 has_proofs 14 || fail "the late archive has not everything"
end TERM "$archiver"
[ "$(sql "SELECT count(*) FROM entry WHERE role = 'tombstone'")" = 1 ] || fail "there is no tombstone"
expect 0 prove
expect_line "$work/out" "14 entries of 2 topics"

step "somebody else checks it with the tables and openssl alone"
/usr/bin/python3 "$root/tests/servers/prove_archive.py" "$archive" "$work/log.pub" >"$work/out" || fail "$(cat "$work/out")"
expect_line "$work/out" "14 entries of 2 topics"

step "an erased text is still part of the proof"
cp "$work/first.db" "$archive"
keep_all --forget-withdrawn
[ "$(sql "SELECT count(*) FROM entry e LEFT JOIN body b ON b.entry = e.id WHERE b.entry IS NULL")" = 1 ] || fail "nothing was erased"
expect 0 prove
expect_line "$work/out" "14 entries of 2 topics"

step "what was altered is found"
# forge SQL WORDS: all of it as somebody would who knows the tables.
forge() {
    cp "$work/first.db" "$archive"
    rm -f "$archive"-*
    sql "$1" >/dev/null
    expect 65 prove
    expect_line "$work/out" "$2"
}
cp "$archive" "$work/first.db"
forge "UPDATE entry SET stored_at_usec = stored_at_usec + 1 WHERE id = 3" "is not what the daemon signed"
forge "UPDATE entry SET article_digest = zeroblob(32) WHERE article_digest IS NOT NULL" "is not what the daemon signed"
forge "DELETE FROM entry WHERE seq = (SELECT max(e.seq) FROM entry e JOIN topic t ON t.id = e.topic WHERE t.section = 'economy')" "economy/article"
forge "UPDATE checkpoint SET bytes = CAST(substr(bytes, 1, 20) || x'00' || substr(bytes, 22) AS BLOB)" "checkpoint"
forge "UPDATE checkpoint SET bytes = (SELECT bytes FROM checkpoint ORDER BY topic DESC LIMIT 1)" "another topic"
cp "$work/first.db" "$archive"
expect 65 ask verify --trust "$work/other.pub"
expect_line "$work/out" "not the trusted one"
expect 0 ask verify
expect_line "$work/out" "name its key by --trust"
stop_daemon
