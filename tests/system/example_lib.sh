# What clients/examples promise, held by each of them: nothing is lost, over restarts
# of either side, kills, another log, retention (which is told), and with keys.
# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # variables and callers are elsewhere
. "$(dirname "$0")/lib.sh"

examples=$root/clients/examples
seen=$work/seen
told=$work/told

# A script runs `example` with its arguments as the client: CURSOR_FILE TOPIC...
# It must not leave a shell around the client, so that signals meet that.
start_example() {
    NEWSWIRE_FEED=$feed NEWSWIRE_REPLAY=$replay example "$work/cursor" news/ >>"$seen" 2>>"$told" &
    reader=$!
    pids="$pids $reader"
}
# One that is ended between its work and its cursor may do that work once more, which
# makes two equal lines behind each other.
has_seen() { [ "$(uniq "$seen" | wc -l)" -ge "$1" ]; }
sees() { wait_for 30 has_seen "$1" || fail "after '$2' it has only seen: $(cat "$seen" "$told")"; }
publish() {
    story "$1" "${2:-news}" >"$work/story.txt"
    send "$work/story.txt" >/dev/null
}
sections='[section "news"]
[section "economy"]'

follow_through_everything() {
    echo "$sections" | write_config
    start_daemon
    : >"$seen"
    : >"$told"

    step "what was there, and what comes, of its topic only"
    publish First
    publish Other economy
    publish Second
    start_example
    sees 2 "the start"
    publish Third
    sees 3 "a live one"

    step "its own restart, and the daemon's"
    end TERM "$reader"
    publish "While it was away"
    start_example
    sees 4 "its restart"
    kill_daemon
    start_daemon
    publish "After the daemon's restart"
    sees 5 "the daemon's restart"

    step "a kill"
    uri=$(sed -n '1s/^[^	]*	[^	]*	\([^	]*\)	.*/\1/p' "$seen")
    send --kill "$uri" --note "Wrong." >/dev/null
    sees 6 "a kill"
    tail -n 1 "$seen" | grep -qF "$uri	2" || fail "the kill is not there: $(cat "$seen")"
    whole_wire news/ | sed 's/.*"seq":\([0-9]*\).*/\1/' >"$work/wire"
    uniq "$seen" | cut -f1 | cmp -s - "$work/wire" || fail "the wire has $(cat "$work/wire"), it has $(cat "$seen")"

    step "another log, which it must be told of"
    stop_daemon
    rm -rf "$work/log"
    start_daemon
    publish "In a new log"
    sees 7 "another log"
    expect_line "$told" "another one"
    expect_no_line "$told" "lost:"

    step "retention, which is no silent loss"
    end TERM "$reader"
    stop_daemon
    write_config <<END
$sections
[log]
segment_bytes = 64K
retain_bytes = 128K
checkpoint_entries = 1
END
    start_daemon
    for i in 1 2 3 4 5 6 7 8; do
        {
            story "Long $i" news
            head -c 60000 /dev/zero | tr '\0' x
        } >"$work/story.txt"
        send "$work/story.txt" >/dev/null
    done
    has_removed() { [ "$(status_value first)" -gt 2 ]; }
    wait_for 20 has_removed || fail "nothing was removed"
    start_example
    sees 8 "retention"
    expect_line "$told" "lost: entries of news/article after 1 up to"
    end TERM "$reader"
    stop_daemon

    step "with keys"
    rm -rf "$work/log" "$work/cursor"
    (cd "$work" && "$bin/newswirectl" keygen daemon &&
        "$bin/newswirectl" keygen reader --server-key daemon.pub) >/dev/null
    write_config <<END
$sections
[security]
secret_key = $work/daemon.secret
[spool]
rescan = 200ms
[client "reader"]
public_key = $(sed -n 's/.*public-key = "\(.*\)"/\1/p' "$work/reader.pub")
read = news
END
    start_daemon
    : >"$seen"
    story "Under lock" news >"$work/spool/incoming/story.txt"
    export NEWSWIRE_KEY="$work/reader.secret"
    start_example
    sees 1 "keys"
    story "Another" news >"$work/spool/incoming/another.txt"
    sees 2 "keys, live"
    end TERM "$reader"
    stop_daemon
}
