#!/bin/sh
# What the services write to the journal, on a socket in journald's place; and that
# systemd takes the message catalogs.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

command -v journalctl >/dev/null || skip "there is no journalctl"
if [ "${1:-}" != inside ]; then
    [ "$(id -u)" -eq 0 ] || skip "a mount namespace wants root"
    unshare -m true 2>/dev/null || skip "there are no mount namespaces here"
    rm -rf "$work"
    trap - EXIT
    exec unshare -m sh "$0" inside
fi

step "systemd takes the catalogs, in both languages"
mkdir -p "$work/tree/usr/lib/systemd/catalog" "$work/tree/var/lib/systemd/catalog"
cp "$root"/packaging/journal/*.catalog "$work/tree/usr/lib/systemd/catalog"
catalog() { journalctl --root="$work/tree" "$@"; }
expect 0 catalog --update-catalog
[ ! -s "$work/err" ] || fail "$(cat "$work/err")"
database=$work/tree/var/lib/systemd/catalog/database
sed -n 's/^-- //p' "$root/packaging/journal/newswire.catalog" | sort >"$work/ids"
catalog --list-catalog | sed -n 's/^\([0-9a-f]\{32\}\) newswire:.*/\1/p' | sort >"$work/known"
cmp -s "$work/ids" "$work/known" || fail "$(diff "$work/ids" "$work/known")"
grep -qa 'An article was refused' "$database" || fail "English is missing"
grep -qa '一篇稿件被拒收' "$database" || fail "Chinese is missing"

mkdir -p /run/systemd/journal
mount -t tmpfs tmpfs /run/systemd/journal 2>/dev/null || skip "a tmpfs can't be mounted here"
cleanup() { umount -l /run/systemd/journal 2>/dev/null || true; }
/usr/bin/python3 "$root/tests/servers/journal_socket.py" /run/systemd/journal/socket "$work/journal" &
pids="$pids $!"
wait_for 10 test -S /run/systemd/journal/socket || fail "no socket"
stream() { stat -L -c %d:%i "$1"; }
lines_of() { grep -F "\"NEWSWIRE_EVENT\": \"$1\"" "$work/journal"; }
# has EVENT TEXT...: the last line of that event has all of that.
has() {
    wait_for 10 lines_of "$1" || fail "no $1: $(cat "$work/journal" "$work/daemon.log")"
    line=$(lines_of "$1" | tail -n 1)
    shift
    for text in "$@"; do
        case $line in
        *"$text"*) ;;
        *) fail "'$text' is missing: $line" ;;
        esac
    done
}

step "newswired: its lines have an id and fields, and none is on standard error"
touch "$work/daemon.log"
JOURNAL_STREAM=$(stream "$work/daemon.log")
export JOURNAL_STREAM
write_config <<END
[service]
log_level = debug
[section "briefs"]
titles = 简讯
END
start_daemon
has STARTED '"MESSAGE_ID": "f664678009ddf7ad6cc8429739a944ef"' '"PRIORITY": "6"' '"SYSLOG_IDENTIFIER": "newswired"'
printf 'Headline: 通知\nSection: nowhere\n\nText.\n' >"$work/bad.txt"
mv "$work/bad.txt" "$work/spool/incoming/bad.txt"
has ARTICLE_REFUSED '"NEWSWIRE_FILE": "bad.txt"' '"NEWSWIRE_FIELD": "section"' '"NEWSWIRE_REASON": "there is no section' '"PRIORITY": "4"'
story Good briefs >"$work/good.txt"
expect 0 send "$work/good.txt"
has ARTICLE_TAKEN '"NEWSWIRE_TOPIC": "briefs/article"' '"NEWSWIRE_SEQ": "1"' '"NEWSWIRE_CLIENT": "newswire-submit"' '"NEWSWIRE_VERSION": "1"'
[ ! -s "$work/daemon.log" ] || fail "on standard error: $(cat "$work/daemon.log")"

step "newswire-forward: an outlet that refuses, and one that is not there"
start_outlet desk
script desk '[{"uri": "urn:j:1", "status": 422}]'
write_forward_config <<END
[outlet "desk"]
url = http://127.0.0.1:$port/in
private_addresses = yes
[outlet "nobody"]
url = http://127.0.0.1:1/in
private_addresses = yes
END
touch "$work/forward.log"
JOURNAL_STREAM=$(stream "$work/forward.log")
start_forward
section=briefs send_article urn:j:1 1 "Refused"
has DELIVERY_PARKED '"NEWSWIRE_OUTLET": "desk"' '"NEWSWIRE_URI": "urn:j:1"' '"NEWSWIRE_VERSION": "1"' '"NEWSWIRE_TOPIC": "briefs/article"' '"NEWSWIRE_SEQ": "2"' '422' '"PRIORITY": "3"'
has OUTLET_FAILING '"NEWSWIRE_OUTLET": "nobody"' '"NEWSWIRE_REASON": "'
stop_forward
[ ! -s "$work/forward.log" ] || fail "on standard error: $(cat "$work/forward.log")"

step "newswire-archive: the daemon goes and comes"
touch "$work/archive.log"
JOURNAL_STREAM=$(stream "$work/archive.log")
keep_wire 2>>"$work/archive.log" &
keeper=$!
pids="$pids $keeper"
wait_for 20 finds 2 text || fail "it keeps nothing: $(cat "$work/archive.log")"
stop_daemon
has STOPPING
has DAEMON_MISSING "\"NEWSWIRE_ADDRESS\": \"$feed\"" '"PRIORITY": "4"'
end TERM "$keeper"
[ ! -s "$work/archive.log" ] || fail "on standard error: $(cat "$work/archive.log")"
