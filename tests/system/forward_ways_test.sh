#!/bin/sh
# newswire-forward by its other ways, each to a real server: mail, FTP, SFTP, a
# folder, another newswired; and in the forms that people want.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || skip "python3-aiosmtpd is missing"
/usr/bin/python3 -c 'import pyftpdlib' 2>/dev/null || skip "python3-pyftpdlib is missing"
[ -x /usr/sbin/sshd ] || skip "openssh-server is missing"
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

step "servers: mail, FTP, SFTP, a second wire"
mkdir "$work/mail" "$work/ftp" "$work/ftproot" "$work/sftproot" "$work/drop"
/usr/bin/python3 "$root/tests/servers/mail_outlet.py" "$work/mail" &
pids="$pids $!"
/usr/bin/python3 "$root/tests/servers/ftp_outlet.py" "$work/ftp" "$work/ftproot" 2>"$work/ftp/err" &
pids="$pids $!"
(umask 077 && ssh-keygen -q -t ed25519 -N '' -f "$work/hostkey" && ssh-keygen -q -t ed25519 -N '' -m PEM -f "$work/userkey" && printf 'sesame\n' >"$work/password")
cp "$work/userkey.pub" "$work/authorized"
ssh_port=$(free_port)
cat >"$work/sshd.conf" <<END
Port $ssh_port
ListenAddress 127.0.0.1
HostKey $work/hostkey
AuthorizedKeysFile $work/authorized
PidFile none
StrictModes no
PasswordAuthentication no
UsePAM no
Subsystem sftp internal-sftp
END
[ -d /run/sshd ] || mkdir -p /run/sshd 2>/dev/null || skip "sshd wants /run/sshd, which can't be made here"
/usr/sbin/sshd -D -e -f "$work/sshd.conf" 2>"$work/sshd.log" &
pids="$pids $!"
printf '[127.0.0.1]:%s %s\n' "$ssh_port" "$(cut -d' ' -f1,2 "$work/hostkey.pub")" >"$work/known_hosts"
wait_for 10 test -s "$work/mail/port" || fail "no mail server"
wait_for 10 test -s "$work/ftp/port" || fail "no FTP server: $(cat "$work/ftp/err")"

cat >"$work/second.conf" <<END
[feed]
bind = tcp://127.0.0.1:*
[replay]
bind = tcp://127.0.0.1:*
[submit]
bind = tcp://127.0.0.1:*
[control]
path = $work/control2
[log]
directory = $work/log2
[spool]
directory = $work/spool2
END
"$bin/newswired" --config "$work/second.conf" 2>"$work/second.log" &
pids="$pids $!"
second_status() { "$bin/newswirectl" --control "$work/control2" status --json; }
wait_for 20 second_status || fail "the second wire did not start: $(cat "$work/second.log")"
second_endpoint() { second_status | sed "s/.*\"$1\":{[^}]*\"bind\":\[\"\([^\"]*\).*/\1/"; }
second_wire() { "$bin/newswire-tail" --feed "$(second_endpoint feed)" --replay "$(second_endpoint replay)" --after 0 --until-head --format json; }

cat >"$work/upper" <<'END'
#!/bin/sh
# A format of an office's own; says what it can see.
[ "$1" = "" ] || exit 3
headline=$(tr '[:lower:]' '[:upper:]' | sed 's/.*"HEADLINE":"\([^"]*\)".*/\1/')
case $headline in
*WAIT*) sleep 30 ;;
*FAIL*) echo "it can't do that" >&2; exit 2 ;;
esac
printf 'OWN FORMAT: %s; env %s; files %s\n' "$headline" "$(env | grep -c NEWSWIRE)" "$(find /proc/$$/fd -type l 2>/dev/null | wc -l)"
END
chmod +x "$work/upper"

start_daemon
write_forward_config <<END
[outlet "radio"]
url = smtp://127.0.0.1:$(cat "$work/mail/port")
starttls = never
private_addresses = yes
mail_from = wire@office.example
mail_to = desk@radio.example night@radio.example
format = text
charset = GB18030
crlf = yes
subject = [{section}] {status}{headline}
place = The press office
contact = Call Jane
attach = yes
retry_first = 100ms
keywords = mail | 邮件
[outlet "bare"]
url = smtp://127.0.0.1:$(cat "$work/mail/port")
private_addresses = yes
mail_from = wire@office.example
mail_to = desk@radio.example
keywords = 邮件
retry_first = 1h
[outlet "evening"]
url = smtp://127.0.0.1:$(cat "$work/mail/port")
starttls = never
private_addresses = yes
mail_from = wire@office.example
mail_to = evening@paper.example
format = text
batch = $(date -d '+75 seconds' +%H:%M)
keywords = batch
[outlet "ftp"]
url = ftp://127.0.0.1:$(cat "$work/ftp/port")/
starttls = never
private_addresses = yes
user = wire
password = $work/password
format = newsml-g2
filename = {section}-{version}-{headline}{suffix}
keywords = ftp
[outlet "sftp"]
url = sftp://127.0.0.1:$ssh_port$work/sftproot
private_addresses = yes
user = $(id -un)
private_key = $work/userkey
known_hosts = $work/known_hosts
format = nitf
keywords = sftp
[outlet "stranger"]
url = sftp://127.0.0.1:$ssh_port$work/sftproot
private_addresses = yes
user = $(id -un)
private_key = $work/userkey
known_hosts = $work/none
keywords = stranger
[outlet "folder"]
url = file://$work/drop
format = json
filename = {version}-{id}.json
keywords = folder
[outlet "longname"]
url = file://$work/drop
format = text
filename = {headline}{suffix}
keywords = longname
[outlet "own"]
url = file://$work/drop
format = exec:$work/upper
exec_timeout = 1s
filename = own-{headline}.txt
retry_first = 1h
retry_most = 1h
keywords = own
[outlet "second"]
url = newswire://$(second_endpoint submit | sed 's|tcp://||')
keywords = second
[outlet "closed"]
url = file://$work/drop
filename = closed-{headline}.txt
format = text
window = $(date -d '+2 hours' +%H:%M)-$(date -d '+3 hours' +%H:%M)
keywords = closed
[outlet "private"]
url = http://127.0.0.1:1/
keywords = private
retry_first = 1h
END
start_forward
send_article urn:b:1 1 "batch one"
send_article urn:b:2 1 "batch two"

step "mail: text in GB18030 with CRLF, a subject in any script, an attachment"
send_article urn:m:1 1 "邮件 one" "Language: zh-Hans"
wait_state urn:m:1 radio delivered
/usr/bin/python3 - "$work/mail/mail.1" <<'END' || fail "the mail is wrong: $(cat "$work/mail/mail.1")"
import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
assert m["X-Rcpt"] == "desk@radio.example night@radio.example", m["X-Rcpt"]
assert m["Subject"] == "[news] 邮件 one", m["Subject"]
assert m["From"] == "wire@office.example" and m["X-Newswire-Uri"] == "urn:m:1" and m["Message-ID"] and m["Date"]
parts = [p for p in m.walk() if not p.is_multipart()]
assert len(parts) == 2 and parts[0].get_content_charset() == "gb18030", [p.get_content_type() for p in parts]
text = parts[0].get_payload(decode=True)
assert b"\r\n" in text and b"\n" not in text.replace(b"\r\n", b"")
assert "邮件 one\r\nJane Doe\r\n\r\nThe text of urn:m:1, version 1.\r\n\r\nThe press office\r\nCall Jane\r\n" in text.decode("gb18030"), text.decode("gb18030")
assert parts[1].get_filename().endswith(".txt")
END
wait_state urn:m:1 bare retrying # the server offers no TLS, and it is required

step "mail: refused for now, and for good"
echo "451 try later" >"$work/mail/refuse"
send_article urn:m:2 1 "mail two"
wait_state urn:m:2 radio retrying
echo "550 no such user" >"$work/mail/refuse"
wait_state urn:m:2 radio parked
expect 0 forward why urn:m:2 radio
expect_words "$work/out" "451 try later"
expect_words "$work/out" "550 no such user"
rm "$work/mail/refuse"
expect 0 send --kill urn:m:1 --note "wrong"
wait_state urn:m:1 radio kill-sent
expect 0 forward kills --open
expect_words "$work/out" "urn:m:1"
grep -q 'KILL' "$work/mail/mail.2" || grep -q 'X-Newswire-Action: kill' "$work/mail/mail.2" || fail "$(cat "$work/mail/mail.2")"
expect 0 forward receipt radio urn:m:1 --withdrawn --by "Night desk"
expect 0 forward kills --open
expect_words "$work/out" "every kill is confirmed"

step "FTP: whole files under their names alone"
send_article urn:f:1 1 "ftp/../one: \"quoted\""
wait_state urn:f:1 ftp delivered
[ "$(ls "$work/ftproot")" = "news-1-ftp-..-one---quoted-.xml" ] || fail "$(ls -la "$work/ftproot")"
xmllint --noout "$work/ftproot"/*.xml || fail "no XML"
grep -q '^STOR \.news-1-.*\.part' "$work/ftp/log" || fail "no temporary name: $(cat "$work/ftp/log")"
expect 0 forward send urn:f:1 ftp
wait_state urn:f:1 ftp delivered

step "SFTP, with the server's key checked; also over a file that is there"
send_article urn:s:1 1 "sftp one"
wait_state urn:s:1 sftp delivered
grep -q 'urn:s:1' "$work"/sftproot/*.xml || fail "$(ls -la "$work/sftproot")"
expect 0 forward send urn:s:1 sftp
wait_for 10 is count_of urn:s:1 sftp 2
wait_state urn:s:1 sftp delivered
[ "$(find "$work/sftproot" -type f | wc -l)" -eq 1 ] || fail "$(ls -la "$work/sftproot")"
send_article urn:s:2 1 "stranger"
wait_state urn:s:2 stranger retrying
[ "$(find "$work/sftproot" -type f | wc -l)" -eq 1 ] || fail "it trusted a stranger"

step "a folder; and its name has no half files"
send_article urn:d:1 1 "folder one"
wait_state urn:d:1 folder delivered
grep -q '"uri":"urn:d:1"' "$work"/drop/1-*.json || fail "$(ls -la "$work/drop")"
[ -z "$(find "$work/drop" -name '.*.part')" ] || fail "half a file stays"
mv "$work/drop" "$work/gone"
send_article urn:d:2 1 "folder two"
wait_state urn:d:2 folder retrying
mv "$work/gone" "$work/drop"
expect 0 forward retry folder
wait_state urn:d:2 folder delivered

step "a name that is too long is cut between characters, and keeps its suffix"
long=$(printf '港%.0s' $(seq 100))
send_article urn:d:3 1 "longname $long"
wait_state urn:d:3 longname delivered
name=$(find "$work/drop" -name 'longname-*' -exec basename {} \;)
printf '%s' "$name" | iconv -f UTF-8 -t UTF-8 >/dev/null || fail "it is cut within a character"
case $name in *.txt) ;; *) fail "no suffix: $name" ;; esac

step "an office's own format, in a process with limits"
send_article urn:o:1 1 "own one"
wait_state urn:o:1 own delivered
[ "$(cut -d';' -f1,2 "$work/drop/own-own-one.txt")" = "OWN FORMAT: OWN ONE; env 0" ] || fail "$(cat "$work/drop/own-own-one.txt")"
[ "$(sed 's/.*files //' "$work/drop/own-own-one.txt")" -le 5 ] || fail "it has our files: $(cat "$work/drop/own-own-one.txt")"
send_article urn:o:2 1 "own fail"
wait_state urn:o:2 own parked
expect 0 forward why urn:o:2 own
expect_words "$work/out" "ended with 2: it can't do that"
send_article urn:o:3 1 "own wait"
wait_state urn:o:3 own retrying
expect 0 forward why urn:o:3 own
expect_words "$work/out" "took longer than 1000 ms"

step "another wire, with the path"
send_article urn:w:1 1 "second one"
wait_state urn:w:1 second delivered
second_wire >"$work/second.json" 2>"$work/err"
grep -q '"path":\["here"\].*"uri":"urn:w:1"' "$work/second.json" || grep -q '"uri":"urn:w:1".*"path":\["here"\]' "$work/second.json" || fail "$(cat "$work/second.json")"
expect 0 send --kill urn:w:1 --note "wrong"
wait_state urn:w:1 second kill-confirmed

step "out of its hours an article waits; a private address is refused"
send_article urn:c:1 1 "closed one"
send_article urn:p:1 1 "private one"
wait_state urn:p:1 private retrying
expect 0 forward why urn:p:1 private
expect_words "$work/out" "private_addresses = yes would allow"
[ "$(state urn:c:1 closed)" = queued ] || fail "it is $(state urn:c:1 closed)"
expect 0 forward why urn:c:1 closed
expect_words "$work/out" "It waits for the outlet's hours; next at"

step "several in one mail at a time of day"
patience=100 wait_state urn:b:1 evening delivered
[ "$(state urn:b:2 evening)" = delivered ] || fail "not together"
/usr/bin/python3 - "$work/mail" <<'END' || fail "no batch"
import email, email.policy, glob, sys
bodies = [email.message_from_binary_file(open(n, "rb"), policy=email.policy.default) for n in glob.glob(sys.argv[1] + "/mail.*")]
texts = [m.get_body(("plain",)).get_content() for m in bodies if m["X-Rcpt"] == "evening@paper.example"]
assert len(texts) == 1 and "batch one" in texts[0] and "batch two" in texts[0], texts
END
stop_forward
if grep -aF sesame "$work/forward.log" "$work/ledger.db"; then fail "a secret stands in a log"; fi
