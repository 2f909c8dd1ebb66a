#!/bin/sh
# The audit, by a real journald in a mount namespace of its own: who did what is read out of
# the journal again, with names that can't be claimed, whatever log_level says; what the
# journal has lost is missed, and what others forge is not believed.
if [ "${1:-}" != inside ]; then
    flags=--mount
    [ "$(id -u)" -eq 0 ] || flags="--mount --map-root-user"
    # shellcheck disable=SC2086 # words
    if unshare $flags mount -t tmpfs tmpfs /run 2>/dev/null; then
        # shellcheck disable=SC2086
        exec unshare $flags sh "$0" inside
    fi
fi
. "$(dirname "$0")/lib.sh"

[ "${1:-}" = inside ] || skip "no mount namespace can be made here"
for journald in /usr/lib/systemd/systemd-journald /lib/systemd/systemd-journald ''; do
    [ -x "$journald" ] && break
done
[ -n "$journald" ] || skip "there is no systemd-journald"
[ -s /etc/machine-id ] || skip "there is no /etc/machine-id"

mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log
"$journald" >"$work/journald.log" 2>&1 &
pids="$pids $!"
wait_for 10 test -S /run/systemd/journal/socket || fail "journald did not start: $(cat "$work/journald.log")"

"$bin/newswirectl" keygen "$work/daemon" >/dev/null
"$bin/newswirectl" keygen "$work/desk" --server-key "$work/daemon.pub" >/dev/null
"$bin/newswirectl" keygen "$work/stranger" --server-key "$work/daemon.pub" >/dev/null
"$bin/newswirectl" keygen "$work/office" --origin >/dev/null

config_text() {
    cat <<END
[service]
log_level = warning
[security]
secret_key = $work/daemon.secret
[client "desk"]
public_key = $work/desk.pub
read = *
send = *
[origin "office"]
keys = $work/office.pub
[section "news"]
[section "economy"]
[section "signed"]
signature = verify
END
}
config_text | write_config

# As under systemd: standard error is the journal's, it thinks.
touch "$work/daemon.log"
JOURNAL_STREAM=$(stat -c '%d:%i' "$work/daemon.log")
export JOURNAL_STREAM
start_daemon
unset JOURNAL_STREAM

put() { "$bin/newswire-submit" --submit "$submit" --key "$work/desk.secret" "$@"; }
ctl() { "$bin/newswirectl" "$@" --control "$control"; }
audit() { "$bin/newswirectl" audit --journal /run/log/journal --unit '*' "$@"; }
said() { audit >"$work/out" 2>&1 && grep -qF -- "$1" "$work/out"; }
says() { wait_for 5 said "$1" || fail "'$1' is missing: $(cat "$work/out")"; }
uri_of() { whole_wire --key "$work/desk.secret" | grep -F "$1" | sed -n '1s/.*"uri":"\([^"]*\)".*/\1/p'; }

step "sent, signed, corrected, moved, killed, by the name that its key has"
story "Bridge opens" news >"$work/bridge.txt"
expect 0 put "$work/bridge.txt"
uri=$(uri_of "Bridge opens")
[ -n "$uri" ] || fail "no uri: $(whole_wire --key "$work/desk.secret")"
says "client desk sent $uri, version 1, news/article, entry 1"
story "Bridge is open" news >"$work/better.txt"
expect 0 put --correct "$uri" --note "Tense" "$work/better.txt"
says "client desk corrected $uri, version 2, news/article, entry 2"
expect 0 put --section economy --correct "$uri" --note "Wrong desk" "$work/better.txt"
says "client desk moved $uri, version 3, economy/article, entry 4, from news/article"
expect 0 put --kill "$uri" --note "Not so"
says "client desk killed $uri, version 4, economy/article, entry 5"
story "Signed" signed >"$work/signed.txt"
expect 0 put --sign "$work/office.secret" "$work/signed.txt"
says "signed/article, entry 6, signed by office"

step "many at once are one line of the journal, and each is told"
briefs_page many 40 >"$work/page.txt"
expect 0 put "$work/page.txt"
sent=$(grep -c '^accepted' "$work/out")
[ "$sent" -ge 40 ] || fail "$sent were accepted"
told() { [ "$(audit --event sent --topic news/brief | wc -l)" -eq "$sent" ]; }
wait_for 5 told || fail "$(audit --event sent --topic news/brief)"
lines=$(audit --json --event sent --topic news/brief | sed 's/.*"number":\([0-9]*\).*/\1/' | sort -u | wc -l)
[ "$lines" -lt 10 ] || fail "$lines lines for $sent articles"

step "held, approved, released and rejected, by whom"
{ echo "Embargo: 2093-01-01T00:00:00Z"; story "Prize awarded" news; } >"$work/prize.txt"
{ echo "Embargo: 2093-01-01T00:00:00Z"; story "Prize refused" news; } >"$work/refused.txt"
{ echo "Embargo: $(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)"; story "Budget" news; } >"$work/budget.txt"
expect 0 put "$work/prize.txt" "$work/refused.txt" "$work/budget.txt"
three() { [ "$(audit --event held --client desk | wc -l)" -eq 3 ]; }
wait_for 5 three || fail "$(audit --event held)"
expect 0 ctl release "Prize awarded" --as Ann
expect 0 ctl reject "Prize refused" --as Bob --note "not yet"
says "Ann ($(id -un)) released"
says ": 'Prize awarded'"
says "Bob ($(id -un)) rejected"
says ": 'Prize refused': not yet"
wait_for 20 said "newswired released" || says "newswired released"
says "its time had come"

step "a file of the spool, by its owner"
story "Dropped" news >"$work/spool/drop.part"
mv "$work/spool/drop.part" "$work/spool/incoming/drop.txt"
says "file drop.txt of $(id -un) sent"

step "what was refused to whom"
story "Nowhere" nowhere >"$work/nowhere.txt"
expect 65 put "$work/nowhere.txt"
says "there is no section 'nowhere' here"
expect 77 "$bin/newswire-submit" --submit "$submit" --key "$work/stranger.secret" "$work/bridge.txt"
says "belongs to no client"

step "reloaded, by whom, and whose rights that changed"
{ config_text; printf '[client "late"]\npublic_key = %s\nread = news\n' "$work/stranger.pub"; } | write_config
expect 0 ctl reload
says "$(id -un) reloaded: clients added: late"
config_text | sed 's/^send = \*/send = news/' | write_config
kill -HUP "$daemon"
says "$(id -un) reloaded: clients changed: desk; removed: late"
echo '[client "broken"]' >>"$config"
expect 65 ctl reload
says "the config is as before"

expect 0 ctl log-level warning
expect 0 ctl log-level info
says "$(id -un) "
[ "$(audit --event log-level --user "$(id -un)" | wc -l)" -ge 1 ] || fail "$(audit --event log-level)"

step "filters, and JSON"
audit --uri "$uri" >"$work/out"
[ "$(wc -l <"$work/out")" -eq 4 ] || fail "one story has four lines: $(cat "$work/out")"
audit --user Ann --json >"$work/out"
[ "$(wc -l <"$work/out")" -eq 1 ] || fail "Ann did one thing: $(cat "$work/out")"
expect_line "$work/out" "\"person\":\"Ann ($(id -un))\""
audit --client desk --event killed --json >"$work/out"
expect_line "$work/out" "\"uri\":\"$uri\""
audit --since 2093-01-01 >"$work/out" 2>"$work/err"
[ ! -s "$work/out" ] || fail "$(cat "$work/out")"
expect_line "$work/err" "no line of any newswired in that time"
expect 64 audit --since noon
expect 66 "$bin/newswirectl" audit --journal "$work/none"

step "what others write counts for nothing, unless it is asked for"
/usr/bin/python3 - <<'END'
import socket
id = "f3ea5a72e00f44bfb4ec0cab75d8e4f1"
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/socket")
s.send(b"MESSAGE=forged\nMESSAGE_ID=%s\nNEWSWIRE_AUDIT=killed\nNEWSWIRE_WHO=client desk\n_SYSTEMD_UNIT=newswired.service\n" % id.encode())
END
says forged
expect 0 "$bin/newswirectl" audit --journal /run/log/journal
expect_no_line "$work/out" forged
expect_line "$work/err" "there is no line of newswired.service"

step "a daemon that is killed, and one that stops"
kill_daemon
JOURNAL_STREAM=$(stat -c '%d:%i' "$work/daemon.log")
export JOURNAL_STREAM
config_text | write_config
start_daemon
stop_daemon
unset JOURNAL_STREAM
says "newswired had not stopped before"
says "newswired stopped"

step "what the journal has lost is missed"
journalctl -D /run/log/journal -o export >"$work/whole"
reader() { for r in /usr/lib/systemd/systemd-journal-remote /lib/systemd/systemd-journal-remote; do [ -x "$r" ] && "$r" "$@" && return; done; }
reader -o "$work/whole.journal" "$work/whole" >/dev/null 2>&1 || fail "no journal file can be made"
expect 0 "$bin/newswirectl" audit --unit '*' --journal "$work/whole.journal"
expect_line "$work/out" "client desk killed $uri"
awk 'BEGIN { RS = ""; ORS = "\n\n" } !/NEWSWIRE_AUDIT=killed\n/' "$work/whole" >"$work/cut"
reader -o "$work/cut.journal" "$work/cut" >/dev/null 2>&1 || fail "no journal file can be made"
expect 65 "$bin/newswirectl" audit --unit '*' --journal "$work/cut.journal"
expect_line "$work/out" "1 lines are MISSING before this"
expect_line "$work/err" "1 lines are missing in the journal"
