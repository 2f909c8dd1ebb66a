# Shared by the tests of newswire-alert: its config, and what a webhook heard.
# shellcheck shell=sh disable=SC2034,SC2154 # variables of lib.sh, and for the scripts

alert_conf=$work/alert.conf

alert() {
    command=$1
    shift
    "$bin/newswire-alert" "$command" --config "$alert_conf" "$@"
}

# The config's beginning; what stdin adds are more of [watch], and the groups.
write_alert_config() {
    {
        printf '[watch]\ncontrol = %s\nstate = %s/alert/state.json\ninterval = 200ms\nname = here\n' \
            "$control" "$work"
        cat
    } >"$alert_conf"
}

start_alert() {
    "$bin/newswire-alert" run --config "$alert_conf" 2>>"$work/alert.log" &
    alerter=$!
    pids="$pids $alerter"
}
stop_alert() {
    end TERM "$alerter"
    [ "$code" -eq 0 ] || fail "newswire-alert ended with $code after SIGTERM: $(cat "$work/alert.log")"
}

# heard NAME KIND EVENT: how many alerts a webhook heard of, of that kind and event.
heard() {
    /usr/bin/python3 -c 'import json, sys
try:
    lines = open(sys.argv[1]).read().splitlines()
except FileNotFoundError:
    lines = []
messages = {m["headers"]["webhook-id"]: json.loads(m["body"]) for m in map(json.loads, lines) if m["status"] == 200}
print(sum(a["kind"] == sys.argv[2] and a["event"] == sys.argv[3] for m in messages.values() for a in m["alerts"]))' \
        "$work/$1/log" "$2" "$3"
}
has_heard() { [ "$(heard "$1" "$2" "$3")" -eq "${4:-1}" ]; }
wait_heard() {
    wait_for 20 has_heard "$@" ||
        fail "$1 heard $(heard "$1" "$2" "$3") times of $2 $3: $(cat "$work/alert.log" "$work/$1/log"; alert status)"
}
