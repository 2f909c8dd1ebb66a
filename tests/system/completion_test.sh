#!/bin/sh
# Completion, as bash and zsh do it: every program's script is there, loads, and offers
# what its --help has.
. "$(dirname "$0")/lib.sh"

command -v bash >/dev/null || skip "bash is not installed"
programs="newswired newswire-submit newswire-tail newswirectl newswire-archive newswire-forward newswire-alert"
for program in $programs; do
    "$bin/$program" --completion bash >"$work/$program.bash" || fail "$program has none for bash"
    "$bin/$program" --completion zsh >"$work/_$program" || fail "$program has none for zsh"
done

# words PROGRAM WORD...: what bash offers for the last word of that line, a line each.
words() {
    name=$1
    shift
    bash -c 'program=$1; work=$2; shift 2
        source "$work/$program.bash"
        COMP_WORDS=("$program" "$@") COMP_CWORD=$#
        function=$(complete -p "$program" | sed "s/.*-F \([^ ]*\).*/\1/")
        cd "$work" && "$function" "$program"
        printf "%s\n" "${COMPREPLY[@]}"' bash "$name" "$work" "$@" 2>"$work/err" |
        sed '/^$/d' >"$work/out"
    [ ! -s "$work/err" ] || fail "bash says: $(cat "$work/err")"
}
offers() { for word in "$@"; do grep -qxe "$word" "$work/out" || fail "no $word: $(cat "$work/out")"; done; }
only() { [ "$(wc -l <"$work/out")" -eq "$1" ] || fail "not $1: $(cat "$work/out")"; }

step "commands"
words newswirectl re
offers readers release reject rejected reload
words newswirectl ''
offers status keygen --help

step "a command's options, also behind options and values"
words newswirectl approve --
offers --as --note --control --json --help
words newswirectl --control /x approve --a
offers --as
only 1
words newswirectl status --as
only 0

step "values: words of a choice, files, folders, nothing for others"
words newswire-submit --format ''
offers auto page ninjs
words newswire-submit --format = pa
offers page
only 1
for command in newswire-tail "newswire-archive show x"; do
    # shellcheck disable=SC2086 # words
    code=0 && "$bin"/$command --format nope 2>"$work/err" || code=$?
    [ "$code" -eq 64 ] || fail "$command takes --format nope"
    names=$(sed -n 's/.*none of: //p' "$work/err" | tr ',' '\n' | tr -d ' ' | grep -v @) # not of a version
    # shellcheck disable=SC2086
    words ${command% x} --format ''
    # shellcheck disable=SC2086
    offers $names
    only "$(echo "$names" | wc -l)"
done
touch "$work/page.txt"
mkdir "$work/pages"
words newswire-submit page
offers page.txt pages
words newswired --config page
offers page.txt pages
words newswired --restore page
offers pages
only 1
words newswirectl approve --as p
only 0

step "every option of --help is offered, for every program and command"
check() {
    options=$(grep -oE '^  --[a-z-]+' "$work/help" | tr -d ' ')
    # shellcheck disable=SC2086 # words
    offers $options
}
for program in $programs; do
    "$bin/$program" --help >"$work/help"
    commands=$(sed -n '/COMMAND \[OPTION/,$s/^  \([a-z-]*\) .*/\1/p' "$work/help")
    if [ -z "$commands" ]; then
        words "$program" --
        check
    fi
    for command in $commands; do
        words "$program" "$command" --
        "$bin/$program" "$command" --help >"$work/help"
        check
    done
done

step "zsh takes them"
command -v zsh >/dev/null || skip "zsh is not installed"
for program in $programs; do
    zsh -n "$work/_$program" || fail "_$program"
    [ "$(head -n 1 "$work/_$program")" = "#compdef $program" ] || fail "_$program begins otherwise"
done

step "zsh completes: commands, options with their help, choices"
cat >"$work/zshrc" <<END
PS1='> '
fpath=($work \$fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' list-grouped no
bindkey '^I' complete-word
END
# What zsh shows for a line and a tab, in a terminal of its own.
zsh_shows() {
    /usr/bin/python3 - "$1" "$work" "$bin" <<'END' >"$work/out"
import os, pty, select, sys, time
line, work, bin = sys.argv[1:4]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(ZDOTDIR=work, TERM="dumb", PATH=bin + ":" + os.environ["PATH"], COLUMNS="200")
    os.execvp("zsh", ["zsh", "-i"])
def read(until, seconds):
    seen, end = b"", time.time() + seconds
    while time.time() < end and until not in seen:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
    return seen
read(b"> ", 20)
os.write(fd, line.encode() + b"\t\t")
sys.stdout.write(read(b"\0", 2).decode(errors="replace"))
os.kill(pid, 9)
os.waitpid(pid, 0)
END
}
mv "$work/zshrc" "$work/.zshrc"
zsh_shows 'newswirectl re'
for word in readers release rejected 'read the config again'; do
    expect_line "$work/out" "$word"
done
zsh_shows 'newswirectl approve --'
expect_line "$work/out" --note
expect_line "$work/out" "who you are"
zsh_shows 'newswire-submit --format '
expect_line "$work/out" ninjs
