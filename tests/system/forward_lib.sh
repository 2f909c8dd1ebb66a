# Shared by the tests of newswire-forward: an outlet that a test drives, and a forwarder.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of lib.sh, and for the scripts

conf=$work/forward.conf

# start_outlet NAME [CERTIFICATE KEY]: a web server; its port is in $port, its folder $work/NAME.
start_outlet() {
    mkdir -p "$work/$1"
    rm -f "$work/$1/port"
    folder=$1
    shift
    /usr/bin/python3 "$root/tests/servers/http_outlet.py" "$work/$folder" "$@" &
    outlet=$!
    pids="$pids $outlet"
    wait_for 10 test -s "$work/$folder/port" || fail "the outlet's server did not start"
    port=$(cat "$work/$folder/port")
}

# script NAME JSON: what the outlet answers next.
script() {
    printf '%s' "$2" >"$work/$1/script.made"
    mv "$work/$1/script.made" "$work/$1/script"
}

forward() {
    command=$1
    shift
    "$bin/newswire-forward" "$command" --config "$conf" "$@"
}

# The config's beginning; what stdin adds are the outlets.
write_forward_config() {
    {
        printf '[forward]\nledger = %s/ledger.db\nfeed = %s\nreplay = %s\nname = here\n' "$work" "$feed" "$replay"
        cat
    } >"$conf"
    expect 0 forward check
}

start_forward() {
    "$bin/newswire-forward" run --config "$conf" 2>>"$work/forward.log" &
    forwarder=$!
    pids="$pids $forwarder"
    wait_for 20 is_at_work || fail "the forwarder did not start: $(cat "$work/forward.log")"
    wait_for 20 has_cursor || fail "the forwarder has no place on the wire: $(cat "$work/forward.log")"
}
# It has its signals set and the ledger locked. Only looks: to try the lock would take
# it, and the forwarder that starts in that moment would find another one at work.
is_at_work() { grep -q "FLOCK .* $forwarder .*:$(stat -c %i "$work/ledger.db.lock") " /proc/locks; }
has_cursor() { [ "$(sqlite3 -readonly "$work/ledger.db" 'SELECT count(*) FROM wire')" = 1 ]; }
stop_forward() {
    end TERM "$forwarder"
    [ "$code" -eq 0 ] || fail "the forwarder ended with $code after SIGTERM: $(cat "$work/forward.log")"
}

# article URI VERSION HEADLINE [MORE HEADER LINES]: a story on stdout.
article() {
    printf 'Uri: %s\nVersion: %s\nHeadline: %s\nSection: %s\nByline: Jane Doe\n%s\nThe text of %s, version %s.\n' \
        "$1" "$2" "$3" "${section:-news}" "${4:+$4
}" "$1" "$2"
}
send_article() {
    article "$@" >"$work/story.txt"
    expect 0 send "$work/story.txt"
}

# state URI OUTLET: of its newest delivery. received NAME WORDS: how many requests had them.
state() { sqlite3 -readonly "$work/ledger.db" "SELECT state FROM delivery WHERE uri = '$1' AND outlet = '$2' ORDER BY id DESC LIMIT 1"; }
received() { grep -cF -- "$2" "$work/$1/log" 2>/dev/null || true; }
is() { [ "$("$1" "$2" "$3")" = "$4" ]; }
# wait_state URI OUTLET STATE
wait_state() {
    wait_for "${patience:-15}" is state "$1" "$2" "$3" ||
        fail "$1 at $2 is '$(state "$1" "$2")' and not '$3': $(forward why "$1" "$2"; tail -n 5 "$work/forward.log")"
}
# one_of NAME URI: the request's line, of which there must be one.
requests_of() { grep -F "\"uri\": \"$2\"" "$work/$1/log" 2>/dev/null || true; }
expect_words() { grep -qF -- "$2" "$1" || fail "'$2' is missing: $(cat "$1")"; }
ids_of() { requests_of "${2:-daily}" "$1" | sed 's/.*"webhook-id": "\([^"]*\)".*/\1/'; }
in_ledger() { [ -n "$(sqlite3 -readonly "$work/ledger.db" "SELECT 1 FROM article WHERE uri = '$1'")" ]; }
count_of() { sqlite3 -readonly "$work/ledger.db" "SELECT count(*) FROM delivery WHERE uri = '$1' AND outlet = '$2'"; }
