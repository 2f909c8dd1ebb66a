#!/bin/sh
# newswirectl doctor: finds what keeps a newswired from serving, above all when it does
# not run, and says what to do. newswirectl top: a screen that leaves the terminal as it was.
. "$(dirname "$0")/lib.sh"

doctor() { "$bin/newswirectl" doctor --config "$config" --user "$(id -un)" "$@"; }
says() { grep -qE -- "$1" "$work/out" || fail "'$1' is missing: $(cat "$work/out")"; }

feed=tcp://127.0.0.1:$((20000 + $$ % 20000)) replay=ipc://$work/replay submit=ipc://$work/submit
write_config <<END
[security]
secret_key = $work/daemon.secret
END
"$bin/newswirectl" keygen "$work/daemon" >/dev/null
chmod 750 "$work"

step "it does not run"
expect 78 doctor
says '^ok +program +.*newswired'
says '^ok +config .* no fault'
says '^wrong +daemon +it does not run'
says '-> systemctl start newswired'
says '^ok +log .* will be made'
says '^ok +keys +\[security\] secret_key'
says '^ok +ports +\[feed\] port [0-9]* is free'
says '^(ok|warning|wrong) +clock'

step "as JSON"
expect 78 doctor --json
/usr/bin/python3 -c 'import json, sys
findings = json.load(open(sys.argv[1]))
assert {"program", "config", "daemon", "log", "disk", "keys", "ports", "clock"} <= {f["check"] for f in findings}
assert all(f["state"] in ("ok", "warning", "wrong") and f["text"] for f in findings)
assert all(f["advice"] for f in findings if f["state"] != "ok"), findings' "$work/out" || fail "$(cat "$work/out")"

step "all is well"
start_daemon
expect 0 doctor
says '^ok +daemon +it answers, and is well'
says '^ok +ports +newswired \(pid [0-9]*\) has \[feed\]'

step "another program has the port"
stop_daemon
/usr/bin/python3 -c 'import socket, sys, time
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)' "${feed##*:}" &
other=$!
pids="$pids $other"
held() { doctor | grep -q 'wrong *ports'; }
wait_for 20 held || fail "$(doctor)"
expect 78 doctor
says "^wrong +ports +python3.* \(pid $other\) has \[feed\] port ${feed##*:}"
end KILL "$other"

step "a key that others can read, one that is broken, one that is not there"
chmod 644 "$work/daemon.secret"
expect 78 doctor
says '^wrong +keys .*not its owner'
says '-> chmod 600'
chmod 600 "$work/daemon.secret"
cp "$work/daemon.secret" "$work/good.secret"
echo broken >"$work/daemon.secret"
expect 78 doctor
says '^wrong +keys'
rm "$work/daemon.secret"
expect 78 doctor
says '^wrong +keys .*No such file'
cp "$work/good.secret" "$work/daemon.secret"

step "rights: a log that everybody reads, a folder that the service can't write to"
chmod 755 "$work/log"
expect 78 doctor
says '^warning +log .*read by everybody'
chmod 700 "$work/log"
if [ "$(id -u)" -eq 0 ]; then
    expect 78 "$bin/newswirectl" doctor --config "$config" --user nobody
    says "^wrong +log .*can't be written to by nobody"
    says "^wrong +config .*can't be read by nobody|^wrong +keys .*can't be read by nobody"
fi
echo file >"$work/file"
sed -i "s|^directory = $work/log|directory = $work/file|" "$config"
expect 78 doctor
says '^wrong +log .*is no folder'
sed -i "s|^directory = $work/file|directory = $work/log|" "$config"

step "who may not ask the daemon isn't told that it does not run"
if [ "$(id -u)" -eq 0 ]; then
    start_daemon
    # Any user may get there and look, but for the socket.
    chmod 755 "$work" && chmod 644 "$config" "$work/daemon.secret"
    setpriv --reuid=nobody --regid=nogroup --clear-groups "$bin/newswirectl" doctor --config "$config" >"$work/out" || true
    says '^wrong +daemon .*is not yours to use'
    says '^warning +ports +\[feed\] port [0-9]* is in use, by the daemon or by another'
    expect_no_line "$work/out" "doesn't run"
    chmod 750 "$work" && chmod 600 "$work/daemon.secret"
    stop_daemon
fi

step "a disk that is too full"
printf '[log]\nfree_bytes = 4000T\n' >>"$config"
expect 78 doctor
says '^wrong +disk .*less than \[log\] free_bytes'
sed -i '$d' "$config"

step "a socket that is none, and one that nobody stands behind"
echo file >"$control"
expect 78 doctor
says '^wrong +daemon .*is no socket'
rm "$control"
/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$control"
expect 78 doctor
says '^wrong +daemon +no daemon answers'
rm "$control"

step "a config with a mistake: file, line and key"
echo 'no_such_key = 1' >>"$config"
expect 78 doctor
says '^wrong +config .*newswired.conf:[0-9]*: .*no_such_key'
says '-> mend it'
sed -i '$d' "$config"

step "top, where there is no terminal: once"
start_daemon
expect 0 "$bin/newswirectl" top --control "$control"
says '^newswired  '
expect 0 "$bin/newswirectl" top --control "$control" --json
/usr/bin/python3 -m json.tool "$work/out" >/dev/null || fail "$(cat "$work/out")"
expect 69 "$bin/newswirectl" top --control "$work/nobody"

step "top: draws within 80x24 and 30x6, follows a new size, and leaves the terminal as it was"
story "An article" news >"$work/story.txt"
"$bin/newswire-submit" --submit "$submit" --key "$work/daemon.secret" "$work/story.txt" >/dev/null 2>&1 || true
cat >"$work/screen.py" <<'END'
"""Runs top on a terminal of its own, and judges what it does there."""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time, unicodedata

program, control, how = sys.argv[1:4]
pid, fd = pty.fork()
if pid == 0:
    time.sleep(0.3)  # the size is set first
    os.execv(program, [program, "top", "--interval", "1", "--control", control])

def size(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

seen = b""
def read(until, seconds=20):
    global seen
    end = time.time() + seconds
    while time.time() < end:
        if until in seen:
            return
        if select.select([fd], [], [], 0.1)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                return
    sys.exit(f"no {until} in {seen[-2000:]}")

def fits(rows, columns):
    """Enough lines; none is placed below the last row or runs over the right edge."""
    lines = re.findall(r"\x1b\[(\d+);1H((?:\x1b\[[0-9;]*m)?[^\x1b]*)\x1b\[0m\x1b\[K", seen.decode())
    if len(lines) < min(rows, 6):
        sys.exit(f"only {lines}")
    for row, text in lines:
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
        if int(row) > rows or width > columns:
            sys.exit(f"row {row} of {rows}, {width} columns of {columns}: {text!r}")

def turn(rows, columns):
    global seen
    seen = b""
    size(rows, columns)
    read(b"q: end")
    read(b"\x1b[K")
    fits(rows, columns)

size(24, 80)
before = termios.tcgetattr(fd)
read(b"q: end")
if not seen.startswith(b"\x1b[?1049h"):
    sys.exit(f"begins with {seen[:40]}")
fits(24, 80)
if b"newswired" not in seen or b"TOPIC" not in seen:
    sys.exit(f"not drawn: {seen}")
turn(6, 30)
turn(50, 160)
if how == "key":
    os.write(fd, b"q")
elif how == "signal":
    os.kill(pid, signal.SIGTERM)
elif how == "interrupt":
    os.write(fd, b"\x03")
read(b"\x1b[?1049l")
if b"\x1b[?25h" not in seen:
    sys.exit("the cursor is not back")
ended, status = os.waitpid(pid, 0)
if os.waitstatus_to_exitcode(status) != 0:
    sys.exit(f"it ended with {status}")
after = termios.tcgetattr(fd)
if after[:4] != before[:4]:
    sys.exit(f"the terminal is otherwise: {before[:4]}, {after[:4]}")
END
for how in key signal interrupt; do
    LC_ALL=C.UTF-8 timeout 60 /usr/bin/python3 "$work/screen.py" "$bin/newswirectl" "$control" "$how" || fail "top, ended by $how"
done
stop_daemon
