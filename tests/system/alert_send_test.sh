#!/bin/sh
# How newswire-alert brings its messages: by webhook, WeCom's and DingTalk's robots and
# mail; what it does when they refuse, hang, or are gone; quiet hours; secrets.
. "$(dirname "$0")/lib.sh"
. "$here/forward_lib.sh"
. "$here/alert_lib.sh"

/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || skip "python3-aiosmtpd is missing"

step "servers: three webhooks and mail; there is no daemon, and that is to be told"
start_outlet json
json_port=$port
start_outlet wecom
wecom_port=$port
start_outlet dingtalk
dingtalk_port=$port
mkdir "$work/mail"
/usr/bin/python3 "$root/tests/servers/mail_outlet.py" "$work/mail" &
pids="$pids $!"
wait_for 10 test -s "$work/mail/port" || fail "no mail server"
mkdir -m 700 "$work/credentials"
(
    umask 077
    printf 'http://127.0.0.1:%s/send?access_token=t0psecret\n' "$dingtalk_port" >"$work/credentials/robot.url"
    printf 'SEC0123secret\n' >"$work/credentials/robot.key"
    printf 'http://127.0.0.1:%s/send?key=weak0ne\n' "$wecom_port" >"$work/wecom.url"
    printf 'whsec_c2VjcmV0\n' >"$work/hook.key"
)
export CREDENTIALS_DIRECTORY="$work/credentials"

# The title is more than a header's encoded word holds.
long=$(printf '新闻专线值班提醒%.0s' 1 2 3 4)
write_alert_config <<END
forwarders =
disks = $work
[alert "json"]
url = http://127.0.0.1:$json_port/hook
secret = $work/hook.key
merge = 0
daemon_down = 0
retry_first = 200ms
retry_most = 400ms
timeout = 1s
[alert "wecom"]
url_secret = $work/wecom.url
format = wecom
mention = 13800001111 all
language = zh
merge = 0
daemon_down = 0
retry_first = 200ms
[alert "dingtalk"]
url_secret = robot.url
secret = robot.key
format = dingtalk
mention = 13800001111
merge = 0
daemon_down = 0
retry_first = 200ms
[alert "mail"]
url = smtp://127.0.0.1:$(cat "$work/mail/port")
starttls = never
mail_from = wire@here.example
mail_to = duty@here.example editor@here.example
title = $long
language = zh
merge = 0
daemon_down = 0
[alert "sleepers"]
url = http://127.0.0.1:$json_port/sleepers
quiet = 00:00-24:00
urgent = disk_full
merge = 0
daemon_down = 0
END

step "a test message to each"
for group in json wecom dingtalk mail; do
    case $group in
    wecom | dingtalk) script $group '[{"body": "{\"errcode\":0,\"errmsg\":\"ok\"}"}]' ;;
    esac
    expect 0 alert test $group
    expect_line "$work/out" "$group took it"
done
expect 64 alert test nobody
script wecom '[{"body": "{\"errcode\":93000,\"errmsg\":\"invalid webhook url\"}"}]'
expect 69 alert test wecom
expect_line "$work/err" "invalid webhook url"
wait_for 10 test -s "$work/mail/mail.1" || fail "no mail"
rm -f "$work/json/log" "$work/wecom/log" "$work/dingtalk/log"

step "each refuses in its own way at first: 500, a 200 that says no, a hang, and 451"
script json '[{"status": 500, "body": "broken"}, {"hang": 3}, {"cut": "answer"}]'
script wecom '[{"body": "{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}"}, {"body": "not even JSON"}, {"body": "{\"errcode\":0}", "keep": true}]'
script dingtalk '[{"body": "{\"errcode\":310000,\"errmsg\":\"sign not match\"}"}, {"body": "{\"errcode\":0}", "keep": true}]'
echo '451 later' >"$work/mail/refuse"
sed -i 's/^mail_from/retry_first = 200ms\n&/' "$alert_conf"
start_alert
is_not_sent() { alert status mail | grep -q 'NOT SENT'; }
wait_for 10 is_not_sent || fail "status does not say it: $(alert status)"
expect 0 alert status mail
expect_line "$work/out" "451 later"
rm "$work/mail/refuse"
got() { [ "$(grep -c "$2" "$work/$1/log" 2>/dev/null)" -eq "$3" ]; }
wait_for 20 got json '/hook' 4 || fail "json: $(cat "$work/json/log" "$work/alert.log")"
wait_for 20 got wecom 'send' 3 || fail "wecom: $(cat "$work/wecom/log" "$work/alert.log")"
wait_for 20 got dingtalk 'send' 2 || fail "dingtalk: $(cat "$work/dingtalk/log" "$work/alert.log")"
wait_for 20 test -s "$work/mail/mail.2" || fail "no mail: $(cat "$work/alert.log")"

step "every try was the same message under the same id; what came is right"
/usr/bin/python3 - "$work" "$long" <<'END' || fail "see above"
import base64, email, email.policy, hashlib, hmac, json, sys, urllib.parse
work, title = sys.argv[1:]
read = lambda name: [json.loads(line) for line in open(f"{work}/{name}/log")]
hooks = [r for r in read("json") if r["path"] == "/hook"]
assert len({r["headers"]["webhook-id"] for r in hooks}) == 1, hooks
assert len({r["body"] for r in hooks}) == 1, hooks
h = hooks[-1]["headers"]
signed = f'{h["webhook-id"]}.{h["webhook-timestamp"]}.{hooks[-1]["body"]}'
assert h["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(b"secret", signed.encode(), "sha256")).decode(), h
assert not any(name.startswith("x-newswire") for name in h), h
body = json.loads(hooks[-1]["body"])
assert body["group"] == "json" and body["urgent"] and not body["test"] and body["open"] == 1, body
assert [(a["kind"], a["event"]) for a in body["alerts"]] == [("daemon_down", "new")], body

wecom = [json.loads(r["body"]) for r in read("wecom")]
assert all(m == wecom[0] for m in wecom), wecom
assert wecom[0]["msgtype"] == "text" and "newswired 无应答" in wecom[0]["text"]["content"], wecom
assert wecom[0]["text"]["mentioned_mobile_list"] == ["13800001111", "@all"], wecom

for r in read("dingtalk"):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(r["path"]).query, strict_parsing=True)
    text = query["timestamp"][0] + "\nSEC0123secret"
    assert query["sign"][0] == base64.b64encode(hmac.digest(b"SEC0123secret", text.encode(), "sha256")).decode(), r
    assert query["access_token"] == ["t0psecret"], r
    assert abs(int(query["timestamp"][0]) / 1000 - r["at"]) < 60, r
    assert json.loads(r["body"])["at"] == {"atMobiles": ["13800001111"], "isAtAll": False}, r

raw = open(f"{work}/mail/mail.2", "rb").read()
assert max(len(line) for line in raw.split(b"\r\n")) <= 998
raw.split(b"\r\n\r\n")[0].decode("ascii")
mail = email.message_from_bytes(raw, policy=email.policy.default)
assert mail["X-Rcpt"] == "duty@here.example editor@here.example", mail["X-Rcpt"]
assert mail["Importance"] == "high" and mail["Auto-Submitted"] == "auto-generated", mail.items()
assert mail["Subject"].startswith(title[:24]) and "�" not in mail["Subject"], mail["Subject"]
assert "newswired 无应答" in mail.get_body().get_content(), raw
END

step "who sleeps hears nothing of it, and status says that it waits"
if grep -q '/sleepers' "$work/json/log"; then fail "$(cat "$work/json/log")"; fi
expect 0 alert status sleepers
expect_line "$work/out" "end of quiet hours"
expect_line "$work/out" "1 open, 1 to tell"

step "one that is gone keeps nobody else from hearing that it is over"
stop_alert
sed -i "s|^url = http://127.0.0.1:$json_port/hook|url = http://127.0.0.1:1/|" "$alert_conf"
start_alert
start_daemon
wait_for 20 got wecom '已恢复' 1 || fail "wecom: $(cat "$work/wecom/log" "$work/alert.log")"
wait_for 20 got dingtalk 'over: newswired' 1 || fail "dingtalk: $(cat "$work/dingtalk/log" "$work/alert.log")"
is_stuck() { alert status json | grep -q 'NOT SENT'; }
wait_for 20 is_stuck || fail "$(alert status)"

step "a state that can't be written, and one that is damaged: people are told all the same"
stop_alert
printf 'rubbish' >"$work/alert/state.json"
start_alert
wait_for 10 test -e "$work/alert/state.json.bad" || fail "$(cat "$work/alert.log")"
rm -rf "$work/alert"
kill_daemon
wait_for 20 got dingtalk 'newswire: newswired' 3 || fail "dingtalk: $(cat "$work/dingtalk/log" "$work/alert.log")"
expect_line "$work/alert.log" "state.json"
stop_alert

step "no secret is anywhere it shouldn't be"
for secret in t0psecret SEC0123secret weak0ne c2VjcmV0; do
    expect_no_line "$work/alert.log" "$secret"
done
chmod 644 "$work/wecom.url"
expect 69 alert test wecom
expect_line "$work/err" "anybody can read it"
