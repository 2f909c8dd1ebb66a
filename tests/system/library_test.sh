#!/bin/sh
# A program of somebody else's, with nothing but newswire.h and libnewswire.a.
. "$(dirname "$0")/lib.sh"

step "it is built from the header and the library alone"
mkdir "$work/include"
cp "$root/clients/lib/newswire.h" "$work/include"
cat >"$work/other.c" <<'END'
#include <newswire.h>

#include <stdio.h>

/* A name that the library has inside, too: the two must not meet. */
int reader_new(void);
int reader_new(void) {
    return 42;
}

int main(int argc, char **argv) {
    char error[256];
    const char *topics[] = {"news/"};
    struct newswire_reader *reader;
    struct newswire_reader_options o = {
        .feed = argv[1], .replay = argv[2], .topics = topics, .n_topics = 1};
    struct newswire_event event;
    if (argc != 3 || reader_new() != 42)
        return 2;
    if (newswire_reader_new(&o, &reader, error, sizeof error) < 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    while (newswire_reader_next(reader, 20000, &event) > 0 && event.type != NEWSWIRE_CAUGHT_UP)
        if (event.type == NEWSWIRE_ENTRY)
            printf("%llu %.*s\n", (unsigned long long)event.entry.seq, (int)event.entry.topic.len,
                   (const char *)event.entry.topic.data);
    newswire_reader_free(reader);
    return event.type == NEWSWIRE_CAUGHT_UP ? 0 : 1;
}
END
flags=
case $bin in */asan) flags="-fsanitize=address,undefined" ;; */coverage) flags=--coverage ;; esac
packages=$(sed -n 's/^PACKAGES *:= //p' "$root/Makefile")
# shellcheck disable=SC2046,SC2086 # words
cc -std=c17 -Wall -Wextra -Werror $flags -I"$work/include" -o "$work/other" "$work/other.c" \
    "$bin/public/libnewswire.a" $(pkg-config --libs $packages) -lunistring || fail "it does not build"

step "it reads what is on the wire"
start_daemon
story "One" news >"$work/1.txt"
story "Two" economy >"$work/2.txt"
story "Three" news >"$work/3.txt"
send "$work/1.txt" "$work/2.txt" "$work/3.txt" >/dev/null
expect 0 timeout 30 "$work/other" "$feed" "$replay"
[ "$(cat "$work/out")" = "1 news/article
3 news/article" ] || fail "it read: $(cat "$work/out")"
stop_daemon
