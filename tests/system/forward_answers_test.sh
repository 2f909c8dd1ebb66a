#!/bin/sh
# What an outlet's server means: refusals in the body of a 200, its own names for
# articles, other urls and methods for corrections and kills; and what outlets tell
# by their links.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
(umask 077 && head -c 32 /dev/urandom | base64 >"$work/links.key")
start_daemon
command -v openssl >/dev/null || skip "openssl is missing"
for name in ours theirs; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$name" \
        -addext "subjectAltName=IP:127.0.0.1" -keyout "$work/$name.key" -out "$work/$name.crt" 2>"$work/err" || fail "$(cat "$work/err")"
done
start_outlet tls "$work/ours.crt" "$work/ours.key"
tls_port=$port
start_outlet portal
listen=127.0.0.1:$(free_port)
write_forward_config <<END
[receipts]
listen = $listen
url = http://$listen/receipt
secret = $work/links.key
[outlet "portal"]
url = http://127.0.0.1:$port/articles
private_addresses = yes
success = \$.errcode == 0
retry_on = \$.errcode == 45009
remote_id = \$.data.items[0].id
url_correct = http://127.0.0.1:$port/articles/{remote_id}?v={version}
method_correct = PUT
url_kill = http://127.0.0.1:$port/articles/{remote_id}?uri={uri}
method_kill = DELETE
retry_first = 100ms
kill_needs_receipt = yes
topics = news
[outlet "own"]
url = http://127.0.0.1:$port/own
private_addresses = yes
topics = economy
format = exec:/bin/cat
headers = X-Desk: 7 | content-type: application/x-own
[outlet "not"]
url = http://127.0.0.1:$port/not
private_addresses = yes
topics = culture
success = \$.error != true
retry_on = \$.later != false
[outlet "tls"]
url = https://127.0.0.1:$tls_port/in
private_addresses = yes
ca_file = $work/ours.crt
keywords = tls
[outlet "mover"]
url = https://127.0.0.1:$tls_port/old
private_addresses = yes
ca_file = $work/ours.crt
redirects = yes
keywords = mover
[outlet "impostor"]
url = https://127.0.0.1:$tls_port/in
private_addresses = yes
ca_file = $work/theirs.crt
keywords = tls
retry_first = 1h
[outlet "othername"]
url = https://localhost:$tls_port/in
private_addresses = yes
ca_file = $work/ours.crt
keywords = tls
retry_first = 1h
END
start_forward

step "TLS is verified: who signed it, and the name"
send_article urn:t:1 1 "tls one"
wait_state urn:t:1 tls delivered
wait_state urn:t:1 impostor retrying
wait_state urn:t:1 othername retrying
expect 0 forward why urn:t:1 impostor
expect_words "$work/out" "certificate"
[ "$(received tls urn:t:1)" -eq 1 ] || fail "it went to who could not prove its name"

step "redirects where they are allowed: with the whole article, and never out of TLS"
script tls "[{\"path\": \"/old\", \"status\": 302, \"headers\": {\"Location\": \"https://127.0.0.1:$tls_port/new\"}}]"
send_article urn:r:1 1 "mover one"
wait_state urn:r:1 mover delivered
requests_of tls urn:r:1 | tail -n 1 | grep -q '"method": "POST", "path": "/new".*urn:r:1' || fail "$(requests_of tls urn:r:1)"
script tls "[{\"path\": \"/old\", \"status\": 307, \"headers\": {\"Location\": \"http://127.0.0.1:$port/new\"}}]"
send_article urn:r:2 1 "mover two"
wait_state urn:r:2 mover parked
if requests_of portal urn:r:2 | grep -q /new; then fail "it went on without TLS"; fi

step "a 200 that refuses in its body parks, one that is busy comes again"
script portal '[{"body": "{\"errcode\": 40001, \"errmsg\": \"标题太长\"}"}, {"uri": "urn:a:2", "body": "{\"errcode\": 45009}"}, {"uri": "urn:a:2", "body": "{\"errcode\": 0, \"data\": {\"items\": [{\"id\": \"人 7/x\"}]}}"}]'
send_article urn:a:1 1 "Refused"
wait_state urn:a:1 portal parked
expect 0 forward why urn:a:1 portal
expect_words "$work/out" "标题太长"
send_article urn:a:2 1 "Taken"
wait_state urn:a:2 portal delivered
expect 0 forward why urn:a:2 portal
expect_words "$work/out" "The outlet calls it 人 7/x"
expect_words "$work/out" "asks for a later try"
script portal '[{"body": "no json at all"}]'
send_article urn:a:3 1 "No JSON"
wait_state urn:a:3 portal parked

step "busy with a 400 comes again; 204 has nothing to say; what is no JSON proves nothing"
script portal '[{"uri": "urn:a:6", "status": 400, "body": "{\"errcode\": 45009}"}, {"uri": "urn:a:6", "status": 204, "body": ""}]'
send_article urn:a:6 1 "Busy"
wait_state urn:a:6 portal delivered
expect 0 forward why urn:a:6 portal
expect_words "$work/out" "400, and its answer asks for a later try"
script portal '[{"path": "/not", "body": "<html>Log in</html>"}]'
section=culture send_article urn:a:7 1 "Not"
wait_state urn:a:7 not parked

step "a correction and a kill go where the outlet wants them"
script portal '[{"body": "{\"errcode\": 0}", "keep": true}]'
send_article urn:a:2 2 "Taken, corrected"
wait_for 10 is received portal '"method": "PUT"' 1 || fail "$(cat "$work/portal/log")"
grep '"method": "PUT"' "$work/portal/log" | grep -qF '"path": "/articles/%E4%BA%BA%207%2Fx?v=2"' || fail "$(cat "$work/portal/log")"
script portal '[{"method": "DELETE", "status": 404}]'
expect 0 send --kill urn:a:2 --note "wrong"
wait_state urn:a:2 portal kill-sent
grep '"method": "DELETE"' "$work/portal/log" | grep -qF '"path": "/articles/%E4%BA%BA%207%2Fx?uri=urn%3Aa%3A2"' || fail "$(cat "$work/portal/log")"

step "who told no name for a story gets no correction or kill at a url that wants it"
requests() { wc -l <"$work/portal/log"; }
script portal '[{"body": "{\"errcode\": 0}"}]'
send_article urn:a:4 1 "No name"
wait_state urn:a:4 portal delivered
before=$(requests)
send_article urn:a:4 2 "No name, corrected"
wait_state urn:a:4 portal parked
expect 0 forward why urn:a:4 portal
expect_words "$work/out" "the url for a correct wants it"
expect 0 send --kill urn:a:4 --note "wrong"
killed() { [ "$(count_of urn:a:4 portal)" = 3 ]; }
wait_for 10 killed || fail "no kill is queued"
wait_state urn:a:4 portal parked
expect 0 forward kills --open
expect_words "$work/out" "urn:a:4"
[ "$(requests)" -eq "$before" ] || fail "it went all the same: $(tail -n 1 "$work/portal/log")"

step "the media type of an office's own format is for the config to say"
section=economy send_article urn:a:5 1 "Own"
wait_state urn:a:5 own delivered
requests_of portal urn:a:5 | grep -qF '"content-type": "application/x-own"' || fail "$(requests_of portal urn:a:5)"
requests_of portal urn:a:5 | grep -qF '"x-desk": "7"' || fail "$(requests_of portal urn:a:5)"

step "links: nobody can make up one; used and withdrawn are noted once"
link=$(requests_of portal urn:a:2 | head -n 1 | sed 's/.*"x-newswire-receipt": "\([^"]*\)".*/\1/')
http() { /usr/bin/python3 - "$@" <<'END'
import sys, urllib.error, urllib.request
data = sys.argv[2].encode() if len(sys.argv) > 2 else None
try:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], data, 10) as r:
        print(r.status, r.read().decode())
except urllib.error.HTTPError as e:
    print(e.code, e.read().decode())
END
}
http "$link" | grep -q '^200 Article urn:a:2, for portal' || fail "$(http "$link")"
http "${link%?????}AAAAA" | grep -q '^404' || fail "it takes a link that is not ours"
http "$link" "used=ftp://x" | grep -q '^400' || fail "it takes what is no url"
http "$link" "used=https%3A%2F%2Fportal.example%2F7" | grep -q '^200' || fail "it does not take a receipt"
http "$link" "used=https%3A%2F%2Fportal.example%2F7" | grep -q '^200' || fail "not twice"
http "$link" "withdrawn=yes&by=%E6%9D%8E%E7%BC%96%E8%BE%91" | grep -q '^200' || fail "it does not take a withdrawal"
http "$link" "withdrawn=yes" | grep -q '^400' || fail "who?"
head -c 100000 /dev/zero | tr '\0' a >"$work/long"
http "$link" "used=https://x/$(cat "$work/long")" | grep -q '^400' || fail "too long"
[ "$(state urn:a:2 portal)" = kill-confirmed ] || fail "the kill is $(state urn:a:2 portal)"
expect 0 forward why urn:a:2 portal
expect_words "$work/out" "used at https://portal.example/7"
expect_words "$work/out" "withdrawn by 李编辑"
[ "$(sqlite3 -readonly "$work/ledger.db" "SELECT count(*) FROM receipt")" -eq 2 ] || fail "noted twice"

step "another log tells all again: what was delivered stays so, what is new goes out"
send_article urn:n:1 1 "tls again"
wait_state urn:n:1 tls delivered
stop_daemon
log_directory=$work/log2
write_config </dev/null
start_daemon
send_article urn:n:1 1 "tls again"
send_article urn:n:2 1 "tls new"
wait_state urn:n:2 tls delivered
[ "$(received tls urn:n:1)" -eq 1 ] || fail "it was sent twice"
grep -q 'the log is another one' "$work/forward.log" || fail "$(cat "$work/forward.log")"
stop_forward
