#!/bin/sh
# newswire-forward to an HTTP outlet, through every kind of answer: taken, refused,
# later, gone, cut off, hanging; corrections and kills in order; what an operator
# asks and does.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"

key_a=$(printf 'a secret of thirty-two bytes ...' | base64)
(umask 077 && printf 'whsec_%s\n' "$key_a" >"$work/key.a" && printf 'plain secret' >"$work/key.b" && printf 'tok123' >"$work/token")

start_daemon
start_outlet daily
write_forward_config <<END
[outlet "daily"]
url = http://127.0.0.1:$port/in
private_addresses = yes
signing_secrets = $work/key.a $work/key.b
superdesk_secret = $work/key.b
token = $work/token
retry_first = 100ms
retry_most = 300ms
timeout = 2s
topics = news
END
start_forward

step "an article is delivered, signed, and why tells it"
send_article urn:x:1 1 "First"
wait_state urn:x:1 daily delivered
[ "$(received daily urn:x:1)" -eq 1 ] || fail "not once: $(cat "$work/daily/log")"
/usr/bin/python3 - "$work/daily/log" "$key_a" <<'END' || fail "the signatures are wrong"
import base64, hashlib, hmac, json, sys
r = json.loads(open(sys.argv[1]).readline())
h, body = r["headers"], r["body"].encode("utf-8", "surrogateescape")
signed = h["webhook-id"].encode() + b"." + h["webhook-timestamp"].encode() + b"." + body
want = ["v1," + base64.b64encode(hmac.new(k, signed, hashlib.sha256).digest()).decode()
        for k in (base64.b64decode(sys.argv[2]), b"plain secret")]
assert h["webhook-signature"].split(" ") == want, (h["webhook-signature"], want)
assert h["x-superdesk-signature"] == "sha1=" + hmac.new(b"plain secret", body, hashlib.sha1).hexdigest()
assert h["authorization"] == "Bearer tok123"
assert json.loads(body)["uri"] == "urn:x:1" and h["content-type"] == "application/json"
assert h["x-newswire-action"] == "create"
END
expect 0 forward why urn:x:1 daily
expect_words "$work/out" "delivered; the server said: 200 taken"

step "what the outlet does not take does not come to it"
section=economy send_article urn:x:other 1 "Elsewhere"
wait_for 10 in_ledger urn:x:other
expect 0 forward why urn:x:other daily
expect_words "$work/out" "was never meant for daily"

step "later: 503, 429 and 500 are tried again under the same id"
for status in 503 429 500; do
    script daily "[{\"status\": $status, \"body\": \"busy\"}, {\"status\": $status, \"headers\": {\"Retry-After\": \"1\"}}]"
    send_article "urn:x:later:$status" 1 "Later $status"
    wait_state "urn:x:later:$status" daily delivered
    ids_of "urn:x:later:$status" >"$work/ids"
    [ "$(wc -l <"$work/ids")" -eq 3 ] || fail "$status: $(wc -l <"$work/ids") tries"
    [ "$(sort -u "$work/ids" | wc -l)" -eq 1 ] || fail "$status: the id changed: $(cat "$work/ids")"
    requests_of daily "urn:x:later:$status" | sed 's/.*"at": \([0-9.]*\).*/\1/' |
        awk 'NR == 2 { a = $1 } NR == 3 && $1 - a < 0.9 { print "Retry-After was not kept: " $1 - a; exit 1 }' >"$work/out" ||
        fail "$status: $(cat "$work/out")"
    expect 0 forward why "urn:x:later:$status" daily
    expect_words "$work/out" "failed for now: $status busy"
done

step "no: 404 parks the article, those behind it go on, and retry sends it"
script daily '[{"status": 404, "uri": "urn:x:bad", "body": "no such category"}, {"status": 401, "uri": "urn:x:echo", "body": "unknown token tok123"}]'
send_article urn:x:echo 1 "Echo"
wait_state urn:x:echo daily parked
expect 0 forward why urn:x:echo daily
expect_words "$work/out" "401 unknown token ******"
expect 0 forward retry urn:x:echo daily
wait_state urn:x:echo daily delivered
send_article urn:x:bad 1 "Bad"
send_article urn:x:good 1 "Good"
wait_state urn:x:good daily delivered
wait_state urn:x:bad daily parked
expect_words "$work/forward.log" "urn:x:bad version 1 is parked: 404 no such category"
expect 0 forward status
expect_words "$work/out" "daily"
[ "$(awk '$1 == "daily" { print $6 }' "$work/out")" -eq 1 ] || fail "status: $(cat "$work/out")"
expect 0 forward retry urn:x:bad daily
wait_state urn:x:bad daily delivered

step "redirects are not followed"
script daily '[{"status": 307, "headers": {"Location": "http://127.0.0.1:1/"}}]'
send_article urn:x:moved 1 "Moved"
wait_state urn:x:moved daily parked
[ "$(received daily urn:x:moved)" -eq 1 ] || fail "it followed"

step "cut off within the body, and before the answer: again, under the same id"
script daily '[{"cut": "body"}, {"cut": "answer"}]'
send_article urn:x:cut 1 "Cut"
wait_state urn:x:cut daily delivered
[ "$(ids_of urn:x:cut | sort -u | wc -l)" -eq 1 ] || fail "the id changed"
[ "$(ids_of urn:x:cut | wc -l)" -eq 2 ] || fail "$(requests_of daily urn:x:cut)"

step "a correction comes after its original, as a correction"
send_article urn:x:1 2 "First, corrected"
wait_for 10 is received daily '"uri": "urn:x:1"' 2 || fail "$(cat "$work/daily/log")"
requests_of daily urn:x:1 | tail -n 1 | grep -q '"x-newswire-action": "correct", "x-newswire-uri": "[^"]*", "x-newswire-version": "2"' || fail "no correction"

step "while the outlet is away a newer version takes the place of the older"
script daily '[{"status": 503, "headers": {"Retry-After": "2"}}]'
send_article urn:x:pause 1 "Pause"
wait_for 10 is received daily '"uri": "urn:x:pause"' 1
send_article urn:x:twice 1 "Twice"
send_article urn:x:twice 2 "Twice, corrected"
send_article urn:x:never 1 "Never"
expect 0 send --kill urn:x:never --note "Wrong"
send_article urn:x:pause2 1 "Behind"
wait_state urn:x:twice daily delivered
wait_state urn:x:pause2 daily delivered
[ "$(ids_of urn:x:twice | wc -l)" -eq 1 ] || fail "both versions went"
requests_of daily urn:x:twice | grep -q '"x-newswire-action": "create"' || fail "the second version is no create"

step "a kill cancels what is queued, and goes only to who has the story"
[ -z "$(requests_of daily urn:x:never)" ] || fail "a killed article went out"
wait_state urn:x:never daily withdrawn
expect 0 send --kill urn:x:1 --note "It was wrong"
wait_state urn:x:1 daily kill-confirmed
requests_of daily urn:x:1 | tail -n 1 | grep -q '"x-newswire-action": "kill"' || fail "no kill"
requests_of daily urn:x:1 | tail -n 1 | grep -qF '\"pubStatus\":\"canceled\"' || fail "its body does not say canceled: $(requests_of daily urn:x:1 | tail -n 1)"
expect 0 forward kills --open
expect_words "$work/out" "every kill is confirmed"

step "a time-out after the body counts as received: its kill goes out"
script daily '[{"uri": "urn:x:hang", "hang": 3, "keep": true}]'
send_article urn:x:hang 1 "Hang"
wait_for 10 is received daily '"uri": "urn:x:hang"' 1
wait_state urn:x:hang daily retrying
expect 0 send --kill urn:x:hang --note "Wrong"
wait_state urn:x:hang daily kill-sent
expect 0 forward kills --open --json
expect_words "$work/out" '"uri":"urn:x:hang","state":"'
script daily '[]'
patience=20 wait_state urn:x:hang daily kill-confirmed

step "410 disables the outlet, and retry enables it"
script daily '[{"status": 410}]'
send_article urn:x:gone 1 "Gone"
wait_for 10 is received daily '"uri": "urn:x:gone"' 1
send_article urn:x:waits 1 "Waits"
sleep 0.5
[ "$(received daily '"uri": "urn:x:waits"')" -eq 0 ] || fail "it went to a disabled outlet"
expect 0 forward status
expect_words "$work/out" "disabled: 410"
expect 0 forward why urn:x:waits daily
expect_words "$work/out" "as the outlet is disabled"
expect 0 forward retry daily
wait_state urn:x:waits daily delivered
wait_state urn:x:gone daily delivered

step "by hand: park, send, again, test"
script daily '[{"status": 503, "headers": {"Retry-After": "2"}}]'
send_article urn:x:hand0 1 "Hand 0"
wait_for 10 is received daily '"uri": "urn:x:hand0"' 1
send_article urn:x:hand 1 "Hand"
wait_state urn:x:hand daily queued
expect 0 forward park urn:x:hand daily
wait_state urn:x:hand0 daily delivered
[ "$(state urn:x:hand daily)" = parked ] || fail "it is not parked"
expect 0 forward retry urn:x:hand daily
wait_state urn:x:hand daily delivered
expect 0 forward send urn:x:other daily
wait_state urn:x:other daily delivered
expect 0 forward send urn:x:hand daily
wait_for 10 is received daily '"uri": "urn:x:hand"' 2 || fail "it was not sent again"
[ "$(ids_of urn:x:hand | sort -u | wc -l)" -eq 2 ] || fail "the outlet would take it for a double"
expect 0 forward test daily
expect_words "$work/out" "daily: delivered: 200 taken"
tail -n 1 "$work/daily/log" | grep -q 'urn:newswire:test:daily' || fail "no test item"

step "a pause is for articles: a kill goes at once, and retry by hand ends it"
script daily '[{"status": 503, "headers": {"Retry-After": "600"}, "keep": true}]'
send_article urn:x:paused 1 "Paused"
wait_state urn:x:paused daily retrying
expect 0 forward status
expect_words "$work/out" "tried again in 9 min"
send_article urn:x:behind 1 "Behind"
wait_state urn:x:behind daily queued
expect 0 forward why urn:x:behind daily
expect_words "$work/out" "It waits for the outlet, which fails; next at"
expect 0 send --kill urn:x:pause --note "It was wrong"
wait_state urn:x:pause daily retrying
script daily '[{"method": "none"}]'
expect 0 send --kill urn:x:pause2 --note "It was wrong"
wait_state urn:x:pause2 daily kill-confirmed
expect 0 forward retry daily
wait_state urn:x:pause daily kill-confirmed
script daily '[{"status": 503, "headers": {"Retry-After": "600"}, "uri": "paused"}]'
send_article urn:x:paused2 1 "Paused"
wait_state urn:x:paused2 daily retrying
expect 0 forward retry daily
wait_state urn:x:paused daily delivered
wait_state urn:x:paused2 daily delivered
expect 75 "$bin/newswire-forward" run --config "$conf"
expect_words "$work/err" "another one is at work with it"

step "used, withdrawn, and the month's report"
expect 0 forward receipt daily urn:x:hand --used https://daily.example/1
expect 0 forward receipt daily urn:x:good --withdrawn --by "Editor Li"
printf 'outlet,item,used\ndaily,urn:x:bad,"https://daily.example/a,b"\ndaily,urn:x:none,https://x.example/\n' >"$work/used.csv"
expect 66 forward receipt --csv "$work/used.csv"
expect_words "$work/err" "no article urn:x:none"
expect_words "$work/out" "1 noted"
printf 'outlet;item;withdrawn;by\r\ndaily;urn:x:hand;yes;李编辑\r\n' | iconv -f UTF-8 -t GB18030 >"$work/office.csv"
expect 0 forward receipt --csv "$work/office.csv"
printf '\357\273\277outlet,item,used\ndaily,urn:x:hand,https://daily.example/3\n' >"$work/office.csv"
expect 0 forward receipt --csv "$work/office.csv"
printf 'outlet,item,used\0\1\377\n' >"$work/office.csv"
expect 65 forward receipt --csv "$work/office.csv"
expect 65 forward receipt daily urn:x:never --used https://daily.example/2
expect 0 forward why urn:x:hand daily
expect_words "$work/out" "used at https://daily.example/1"
expect_words "$work/out" "used at https://daily.example/3"
expect_words "$work/out" "withdrawn by 李编辑"
expect 0 forward why --json urn:x:hand daily
expect_words "$work/out" '"receipt":"used","url":"https://daily.example/1"'
expect 0 forward receipt --json daily urn:x:hand --used https://daily.example/1
expect_words "$work/out" '{"noted":1}'
expect 0 forward report --by outlet,section,byline --csv
expect_words "$work/out" 'outlet,section,byline,delivered,used,withdrawn,parked'
grep -q '^"daily","news","Jane Doe",[0-9]*,2,4,0' "$work/out" || fail "$(cat "$work/out")"

step "no secret in a log or in the ledger"
for word in "$key_a" "plain secret" tok123; do
    if grep -aF "$word" "$work/forward.log" "$work/ledger.db" "$work/ledger.db-wal" >/dev/null; then fail "a secret stands in a log"; fi
done

stop_forward
step "an outlet that came later, and wires that an article has come through"
cat >>"$conf" <<END
[outlet "later"]
url = https://later.example/in
[outlet "other"]
url = newswire://other.example:5562
host = upstream
END
expect 0 forward why urn:x:good later
expect_words "$work/out" "came before later took such articles"
sqlite3 "$work/ledger.db" "UPDATE article SET path = 'first' || char(10) || 'upstream' || char(10) WHERE uri = 'urn:x:good'"
expect 0 forward why urn:x:good other
expect_words "$work/out" "has come through upstream, and does not go back"

step "no private address is reached by any of its names"
for url in http://localhost:1/ http://0.0.0.0:1/ http://0x7f.1:1/ http://2130706433:1/ http://169.254.169.254/ \
    'http://[::1]:1/' 'http://[::ffff:127.0.0.1]:1/' 'http://[64:ff9b::7f00:1]/' 'http://[2002:7f00:1::]/' \
    'http://[fd00::1]/' 'http://[fe80::1]/' ftp://127.0.0.1:1/ sftp://127.0.0.1:1/x smtp://127.0.0.1:1; do
    printf '[outlet "x"]\nurl = %s\nmail_from = a@example.org\nmail_to = b@example.org\n' "$url" >"$work/bad.conf"
    expect 75 "$bin/newswire-forward" test --config "$work/bad.conf" x
    expect_words "$work/out" "it is at a private address"
done

step "mistakes are named"
expect 64 forward why urn:x:hand
expect 64 forward why urn:x:hand nobody
expect_words "$work/err" 'no [outlet "nobody"]'
printf '[outlet "x"]\nurl = gopher://x\n' >"$work/bad.conf"
expect 78 "$bin/newswire-forward" check --config "$work/bad.conf"
expect_words "$work/err" '[outlet "x"]: url: it should begin with'
printf '[outlet "x"]\nurl = https://x/\nsucces = $.a == 0\n' >"$work/bad.conf"
expect 78 "$bin/newswire-forward" check --config "$work/bad.conf"
expect_words "$work/err" 'bad.conf:3: '
