#!/bin/sh
# What every program has in common: --help that fits a screen, --version, exit
# codes, and a man page that names every option that --help names.
. "$(dirname "$0")/lib.sh"

# check_help MANUAL: of what is in $work/out.
check_help() {
    [ "$(wc -l <"$work/out")" -le 24 ] || fail "--help has $(wc -l <"$work/out") lines"
    [ "$(awk '{ if (length > m) m = length } END { print m + 0 }' "$work/out")" -le 80 ] || fail "--help is wider than 80"
    for option in $(grep -oE -- '--[a-z][a-z-]*' "$work/out" | sort -u); do
        name=$(echo "${option#--}" | sed 's/-/\\\\*-/g')
        grep -qE -- "Fl *-(-| Ns )?$name|Fl Fl $name|\\-\\-$name" "$1" || fail "$option is not in ${1##*/}"
    done
}

for program in newswired newswire-submit newswire-tail newswirectl newswire-archive newswire-forward newswire-alert; do
    step "$program"
    expect 0 "$bin/$program" --help
    manual=$(find "$root/daemon" "$root/clients" -name "$program.[18]")
    [ -n "$manual" ] || fail "no man page"
    check_help "$manual"
    for command in $(sed -n '/COMMAND \[OPTION/,$s/^  \([a-z-]*\) .*/\1/p' "$work/out"); do
        grep -q "Cm $command" "$manual" || fail "$command is not in ${manual##*/}"
        expect 0 "$bin/$program" "$command" --help
        check_help "$manual"
        expect 64 "$bin/$program" "$command" --no-such-option
    done
    expect 0 "$bin/$program" --version
    grep -q '[0-9]\.[0-9]' "$work/out" || fail "--version says $(cat "$work/out")"
    expect 64 "$bin/$program" --no-such-option
    grep -q -- '--no-such-option\|no-such-option' "$work/err" || fail "the option is not named: $(cat "$work/err")"
    [ ! -s "$work/out" ] || fail "an error goes to stdout"
done

step "newswired --check"
printf '[feed]\nbind = tcp://127.0.0.1:5560\n' >"$work/good.conf"
expect 0 "$bin/newswired" --config "$work/good.conf" --check
printf '[feed]\nbnid = tcp://127.0.0.1:5560\n' >"$work/bad.conf"
expect 78 "$bin/newswired" --config "$work/bad.conf" --check
grep -q 'bad.conf:2: .*bnid' "$work/err" || fail "$(cat "$work/err")"
expect 78 "$bin/newswired" --config "$work/none.conf" --check
grep -q 'none.conf' "$work/err" || fail "$(cat "$work/err")"
printf '[submit]\nbind = tcp://0.0.0.0:5562\n' >"$work/open.conf"
expect 78 "$bin/newswired" --config "$work/open.conf" --check
grep -q '0\.0\.0\.0' "$work/err" || fail "$(cat "$work/err")"

step "parse-only: one article as JSON a line, and no daemon"
expect 0 "$bin/newswire-submit" --parse-only "$root/packaging/demo/qinghe-2031-04-09-1.txt"
[ "$(wc -l <"$work/out")" -eq 6 ] || fail "$(wc -l <"$work/out") lines"
while read -r line; do
    echo "$line" | /usr/bin/python3 -m json.tool >/dev/null || fail "no JSON: $line"
done <"$work/out"
grep -q '"page_date":"2031-04-09"' "$work/out" || fail "no page_date"
printf 'Headline: 标题\nSection: economy\nByline: Jane Doe, 王禾\n\nFirst line\nof a paragraph.\n\n## A crosshead\n\nSecond.\n' |
    "$bin/newswire-submit" --parse-only - >"$work/out" || fail "stdin is not read"
grep -q '"byline":\["Jane Doe","王禾"\]' "$work/out" || fail "$(cat "$work/out")"
grep -q '{"type":"crosshead","text":"A crosshead"}' "$work/out" || fail "$(cat "$work/out")"

step "no daemon"
story "Nobody listens" news >"$work/story.txt"
expect 69 timeout 20 "$bin/newswire-submit" --timeout 1 --submit ipc://"$work"/nobody "$work/story.txt"
expect 69 timeout 20 "$bin/newswire-tail" --timeout 1 --feed ipc://"$work"/nobody --replay ipc://"$work"/nobody2 --until-head
expect 69 timeout 20 "$bin/newswirectl" --control "$work/nobody" status
grep -q "$work/nobody" "$work/err" || fail "$(cat "$work/err")"

step "newswirectl finds the daemon by its config"
printf '[feed]\nbind = tcp://127.0.0.1:5560\n[control]\npath = %s/elsewhere\n' "$work" >"$work/ctl.conf"
expect 69 timeout 20 "$bin/newswirectl" --config "$work/ctl.conf" status
grep -q "$work/elsewhere" "$work/err" || fail "$(cat "$work/err")"
expect 69 timeout 20 "$bin/newswirectl" --config "$work/ctl.conf" --control "$work/given" status
grep -q "$work/given" "$work/err" || fail "$(cat "$work/err")"
expect 78 "$bin/newswirectl" --config "$work/none.conf" status
grep -q 'none.conf' "$work/err" || fail "$(cat "$work/err")"
# It knows every key that the daemon's [control] has.
"$bin/newswired" --sample-config | awk '/^\[/ { in_it = $0 == "[control]" } in_it { if (/^#[a-z_]+ =/) { sub(/^#/, ""); sub(/=.*/, "= /x") } print }' >"$work/all.conf"
grep -q '^path = /x' "$work/all.conf" || fail "the sample has no [control] path"
"$bin/newswirectl" --config "$work/all.conf" status >"$work/out" 2>"$work/err" || true
if grep 'no such key' "$work/err"; then fail "a key of the daemon's is unknown"; fi
