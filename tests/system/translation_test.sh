#!/bin/sh
# The daemon speaks the language of its config, and what a program relies on stays the
# same; and what translators have to do is done.
. "$(dirname "$0")/lib.sh"

command -v xgettext >/dev/null || skip "there is no xgettext"
step "the list of sentences is that of the source, and each language has them all"
expect 0 make -s -C "$root" pot POT="$work/newswired.pot"
cmp -s "$root/daemon/po/newswired.pot" "$work/newswired.pot" ||
    fail "make translations was forgotten: $(diff "$root/daemon/po/newswired.pot" "$work/newswired.pot")"
if grep -q '<PRI' "$work/newswired.pot"; then fail "a sentence has a number that is not the same on all machines"; fi
for po in "$root"/daemon/po/*.po; do
    expect 0 msgfmt --check-format --check-domain -o /dev/null "$po"
    expect 0 msgcmp "$po" "$work/newswired.pot"
done

export LC_ALL=C
write_config <<END
[service]
language = zh_CN
[section "briefs"]
titles = 简讯
END
start_daemon
step "a sender is told in Chinese, by the same codes; the journal is in English"
printf 'Headline: Notice\nSection: nowhere\n\nText.\n' >"$work/bad.txt"
expect 65 send "$work/bad.txt"
expect_line "$work/out" 'section: 这里没有栏目“nowhere”'
expect_line "$work/daemon.log" "section: there is no section 'nowhere' here"
expect 65 send --json "$work/bad.txt"
expect_line "$work/out" '"outcome":"refused"'

step "an operator too"
expect 64 "$bin/newswirectl" --control "$control" release nothing
expect_line "$work/err" '没有哪篇暂存稿件与“nothing”相符'

step "and who looks beside a file that the spool refused"
mv "$work/bad.txt" "$work/spool/incoming/bad.txt"
wait_for 20 test -f "$work/spool/rejected/bad.txt" || fail "$(ls -R "$work/spool")"
expect_line "$work/spool/rejected/bad.txt.reason" '拒收：Notice：section：这里没有栏目“nowhere”'
expect_line "$work/daemon.log" "bad.txt: 'Notice' is refused: section: there is no section 'nowhere' here"
stop_daemon

step "the language of the environment, and a program that is installed"
mkdir -p "$work/usr/sbin" "$work/usr/share"
cp "$bin/newswired" "$work/usr/sbin"
cp -R "$bin/locale" "$work/usr/share"
sed '/^language/d' "$config" >"$work/plain.conf" && mv "$work/plain.conf" "$config"
built=$bin
start_installed() {
    bin=$work/usr
    ln -sf "$built"/newswire* "$bin/"
    ln -sf sbin/newswired "$bin/newswired"
    start_daemon
}
unset LC_ALL
LANG=zh_CN.UTF-8 start_installed
expect 65 send "$root/tests/system/lib.sh" --section nowhere
expect_line "$work/out" '这里没有栏目“nowhere”'
stop_daemon

step "a language that nobody has translated"
bin=$built
printf '[service]\nlanguage = tlh\n' >>"$config"
start_daemon
expect_line "$work/daemon.log" "[service] language = tlh: there is no translation"
expect 65 send "$root/tests/system/lib.sh" --section nowhere
expect_line "$work/out" "there is no section 'nowhere' here"
