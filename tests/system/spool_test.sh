#!/bin/sh
# The spool: what is dropped is taken once it is whole, moved to where it
# belongs, and never lost, removed or replaced.
. "$(dirname "$0")/lib.sh"

write_config <<END
[spool]
rescan = 500ms
settle = 400ms
[intake]
article_bytes = 4K
[section "news"]
[section "briefs"]
END
incoming=$work/spool/incoming accepted=$work/spool/accepted rejected=$work/spool/rejected
mkdir -p "$incoming"

step "what lies there before the start is taken; parts and hidden files are not"
story "Before the start" news >"$incoming/before.txt"
story "A part" news >"$incoming/page.txt.part"
story "Hidden" news >"$incoming/.page.txt"
start_daemon
wait_for 10 test -e "$accepted/before.txt" || fail "before.txt was not taken"

step "a file that is still written to is waited for"
{
    story "Slowly" news
    sleep 1.5
    printf '\nThe last paragraph.\n'
} >"$incoming/slow.txt" &
writer=$!
sleep 1.2
[ -e "$incoming/slow.txt" ] || fail "slow.txt was taken while it was written"
wait "$writer"
wait_for 10 test -e "$accepted/slow.txt" || fail "slow.txt was not taken"
whole_wire | grep '"Slowly"' | grep -q 'The last paragraph' || fail "slow.txt was taken in half"

step "the same name again replaces nothing"
story "Another one of this name" news >"$work/before.txt"
mv "$work/before.txt" "$incoming/before.txt"
wait_for 10 test -e "$accepted/before.2.txt" || fail "no before.2.txt: $(ls "$accepted")"
grep -q 'Before the start' "$accepted/before.txt" || fail "before.txt was replaced"

step "a page of which one story is refused: the others are taken, and the reason says so"
{
    briefs_page part 2
    printf 'A very long notice\n\nHARTWELL - '
    head -c 6000 /dev/zero | tr '\0' 'x' | fold -w 70
} >"$work/part.txt"
mv "$work/part.txt" "$incoming/part.txt"
wait_for 10 test -e "$rejected/part.txt" || fail "part.txt was not refused: $(ls "$accepted")"
grep -q 'refused: A very long notice: .*4096 are the most' "$rejected/part.txt.reason" || fail "the reason: $(cat "$rejected/part.txt.reason")"
[ "$(grep -c '^accepted as' "$rejected/part.txt.reason")" -eq 2 ] || fail "the reason: $(cat "$rejected/part.txt.reason")"
[ "$(whole_wire | grep -c 'Notice part number')" -eq 2 ] || fail "the others are not on the wire"

step "a refused story, twice"
printf 'Headline: Bad\nSection: sport\n\nText.\n' >"$incoming/bad.txt"
wait_for 10 test -e "$rejected/bad.txt" || fail "bad.txt was not refused"
grep -q "Bad.*sport" "$rejected/bad.txt.reason" || fail "the reason: $(cat "$rejected/bad.txt.reason")"
printf 'Headline: Bad\nSection: sport\n\nText.\n' >"$incoming/bad.txt"
wait_for 10 test -e "$rejected/bad.2.txt" || fail "no bad.2.txt"
[ -s "$rejected/bad.2.txt.reason" ] || fail "bad.2.txt has no reason"

step "things that are no files"
mkdir "$incoming/folder"
mkfifo "$incoming/pipe"
ln -s /etc/passwd "$incoming/link"
for name in folder pipe link; do
    wait_for 10 test -e "$rejected/$name" || fail "$name was not refused"
    [ -s "$rejected/$name.reason" ] || fail "$name has no reason"
done
[ -L "$rejected/link" ] && [ -p "$rejected/pipe" ] && [ -d "$rejected/folder" ] || fail "$(ls -l "$rejected")"
if whole_wire | grep -q root:; then fail "a link was followed"; fi

step "the folder goes and comes back"
mv "$incoming" "$work/elsewhere"
sleep 0.7
mkdir -p "$incoming"
story "After the folder came back" news >"$incoming/back.txt"
wait_for 10 test -e "$accepted/back.txt" || fail "back.txt was not taken"

step "500 files; the daemon is killed among them"
i=0
while [ $i -lt 500 ]; do
    i=$((i + 1))
    story "Story number $i" news >"$incoming/.new"
    mv "$incoming/.new" "$incoming/story-$(printf %03d $i).txt"
    case $i in 150 | 300 | 450) kill_daemon && start_daemon ;; esac
done
empty() { [ -z "$(ls "$incoming")" ]; }
wait_for 30 empty || fail "left: $(find "$incoming" -name '*.txt' | wc -l)"
[ "$(find "$accepted" -name 'story-*' | wc -l)" -eq 500 ] || fail "not all were accepted"
whole_wire >"$work/wire"
[ "$(grep -c '"Story number ' "$work/wire")" -eq 500 ] || fail "$(grep -c '"Story number ' "$work/wire") entries"
in_order "$work/wire"

step "a clean stop with files under way"
i=0
while [ $i -lt 50 ]; do
    i=$((i + 1))
    story "Late story $i" news >"$work/late"
    mv "$work/late" "$incoming/late-$i.txt"
done
stop_daemon
start_daemon
wait_for 30 empty || fail "left: $(ls "$incoming")"
[ "$(whole_wire | grep -c '"Late story ')" -eq 50 ] || fail "late stories are missing or double"
stop_daemon
[ -e "$work/elsewhere/page.txt.part" ] && [ -e "$work/elsewhere/.page.txt" ] || fail "a part was touched"
