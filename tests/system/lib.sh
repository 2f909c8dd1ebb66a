# Shared by the system tests: real programs, a temporary folder, free ports.
# shellcheck shell=sh disable=SC2034 # variables are for the scripts that read this
#
# A script reads as steps; what fails says why and ends it with 1; a machine
# that can't run it ends it by `skip`. Only processes started here are ended.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=$(cd "${NEWSWIRE_BUILD:-$root/build/release}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/newswire-test-XXXXXX")
pids=

finish() {
    code=$?
    trap - EXIT
    let_go
    # shellcheck disable=SC2086 # the pids are words
    for pid in $pids; do
        kill -CONT "$pid" 2>/dev/null || true
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ "$code" -ne 0 ] && [ "$code" -ne 77 ] && [ -f "$work/daemon.log" ]; then
        echo "-- the end of the daemon's log:"
        tail -n 30 "$work/daemon.log"
    fi
    cleanup
    rm -rf "$work"
    exit "$code"
}
let_go() { :; }  # a script that holds something up, which can't end then, defines its own
cleanup() { :; } # a script that mounts something defines its own
trap finish EXIT
trap 'exit 130' INT TERM

step() { echo "-- $*"; }
fail() {
    echo "FAILED: $*"
    exit 1
}
skip() {
    echo "skipped: $*"
    exit 77
}

# expect EXIT_CODE COMMAND...: runs it, leaves what it prints in $work/out and $work/err.
expect() {
    wanted=$1
    shift
    code=0
    "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    if [ "$code" -ne "$wanted" ]; then
        echo "-- stdout:" && tail -n 20 "$work/out"
        echo "-- stderr:" && tail -n 20 "$work/err"
        fail "exit code $code instead of $wanted: $*"
    fi
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}

# random LOW HIGH: milliseconds in three digits, for sleep 0.$(random LOW HIGH). Seeded by $SEED; its state is a file,
# since $(random ...) is a shell of its own.
SEED=${SEED:-$(date +%s)}
echo "$SEED" >"$work/random"
random() {
    random_state=$((($(cat "$work/random") * 1103515245 + 12345) % 2147483648))
    echo "$random_state" >"$work/random"
    printf '%03d\n' $(($1 + random_state / 65536 % ($2 - $1 + 1)))
}

# For what counts by days: the time zone is one where it is about noon.
at_noon() {
    TZ=NOON$(($(date -u +%H | sed 's/^0//') - 12))
    export TZ
}

config=$work/newswired.conf
control=$work/control

# Writes the config: first the ports (any free one), then what stdin adds; a
# section that stands above may be opened again there.
write_config() {
    cat >"$config" <<END
[feed]
bind = ${feed:-tcp://127.0.0.1:*}
heartbeat_interval = 500ms
[replay]
bind = ${replay:-tcp://127.0.0.1:*}
[submit]
bind = ${submit:-tcp://127.0.0.1:*}
[control]
path = $control
[log]
directory = ${log_directory:-$work/log}
[spool]
directory = $work/spool
END
    cat >"$work/more.conf"
    cat "$work/more.conf" >>"$config"
}

status_json() { "$bin/newswirectl" --control "$control" status --json; }
# status_value KEY: a number or a word out of the status, where the key stands first.
status_value() { status_json | grep -o "\"$1\":\"\{0,1\}[^,\"}]*" | sed -n '1s/.*[:"]//p'; }
endpoint_of() { status_json | sed -n "s/.*\"$1\":{[^}]*\"bind\":\[\"\([^\"]*\).*/\1/p"; }

# Starts the daemon and waits until it serves. The ports that it got the first
# time stay its ports, so that readers find it again after a restart.
start_daemon() {
    [ -f "$config" ] || write_config </dev/null
    "$bin/newswired" --config "$config" >>"$work/daemon.log" 2>&1 &
    daemon=$!
    pids="$pids $daemon"
    wait_for 20 status_json || fail "the daemon did not start"
    if [ -z "${feed:-}" ]; then
        feed=$(endpoint_of feed) replay=$(endpoint_of replay) submit=$(endpoint_of submit)
        cp "$work/more.conf" "$work/again.conf"
        write_config <"$work/again.conf"
    fi
}

forget() {
    remaining=
    for one in $pids; do
        [ "$one" = "$1" ] || remaining="$remaining $one"
    done
    pids=$remaining
}

# end SIGNAL PID: ends one of ours and leaves its exit code in $code.
end() {
    kill "-$1" "$2"
    code=0
    wait "$2" 2>/dev/null || code=$?
    forget "$2"
}

stop_daemon() {
    end TERM "$daemon"
    [ "$code" -eq 0 ] || fail "the daemon ended with $code after SIGTERM"
}

kill_daemon() { end KILL "$daemon"; }

send() { "$bin/newswire-submit" --submit "$submit" "$@"; }
# In the background only: exec, so that signals meet the reader and not a shell around it.
tail_wire() { exec "$bin/newswire-tail" --feed "$feed" --replay "$replay" "$@"; }

# All that is on the wire, as JSON lines.
whole_wire() { timeout 60 "$bin/newswire-tail" --feed "$feed" --replay "$replay" \
    --after 0 --until-head --format json "$@"; }

# story HEADLINE SECTION: a plain story on stdout, with text of its own.
story() {
    printf 'Headline: %s\nSection: %s\n\n' "$1" "$2"
    printf 'The text of %s, in one paragraph.\n' "$1"
}

# briefs_page NAME COUNT: a page of so many briefs, on stdout.
briefs_page() {
    awk -v name="$1" -v n="$2" 'BEGIN {
        printf "Publication: Hartwell Gazette\nDate: 2031-04-09\nPage: 2\nLanguage: en\n\nBRIEFS\n\n"
        for (i = 1; i <= n; i++)
            printf "Notice %s number %d\n\nHARTWELL - Notice %s number %d was read out by the clerk of the county on Tuesday, and nobody spoke against it.\n\n", name, i, name, i
    }'
}

# in_order FILE: every line's seq is above the one before on its topic, each
# entry names the one before it, none comes twice. For JSON lines.
in_order() {
    sed -n 's/.*"seq":\([0-9]*\),"prev_seq":\([0-9]*\),"topic":"\([^"]*\)".*/\1 \2 \3/p' "$1" |
        awk -v file="$1" '
            ($3 in last) && $2 != last[$3] { printf "%s: %s: %d follows %d, not %d\n", file, $3, $1, $2, last[$3]; bad = 1 }
            $1 <= last[$3] { printf "%s: %s: %d after %d\n", file, $3, $1, last[$3]; bad = 1 }
            { last[$3] = $1; n++ }
            END { if (n == 0) { print file ": empty"; bad = 1 } exit bad }'
}

# ---- the archive

archive=$work/archive.db
# In the background only, as tail_wire.
keep_wire() { exec "$bin/newswire-archive" run --archive "$archive" --feed "$feed" --replay "$replay" "$@"; }
# All up to now, and its index.
keep_all() { timeout 120 "$bin/newswire-archive" run --archive "$archive" --feed "$feed" \
    --replay "$replay" --until-head "$@" 2>>"$work/run.err" || fail "run ended with $?: $(cat "$work/run.err")"; }
ask() {
    command=$1
    shift
    "$bin/newswire-archive" "$command" --archive "$archive" "$@"
}
found() { ask search --json "$@" 2>/dev/null | wc -l; }
finds() { [ "$(found "$2")" -eq "$1" ]; }
sql() { /usr/bin/python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for row in db.execute(sys.argv[2]): print(*row)' "$archive" "$1"; }
# expect_line FILE WORDS: it says so somewhere; and nowhere.
expect_line() { grep -qF -- "$2" "$1" || fail "'$2' is missing: $(cat "$1")"; }
expect_no_line() { if grep -qF -- "$2" "$1"; then fail "'$2' should not be there: $(cat "$1")"; fi; }
