#!/bin/sh
# A program of somebody else's, with nothing but what `make install` puts there.
. "$(dirname "$0")/lib.sh"

mode=$(basename "$bin")
# What is there already, so that nothing is built while other tests run.
from_make() { MAKEFLAGS='' make -s -C "$root" -o all "$@" MODE="$mode" PREFIX="$work/usr"; }

step "it is installed"
from_make install || fail "make install does not work"
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig"
shared=$work/usr/lib/libnewswire.so.0
[ "$(readlink "$work/usr/lib/libnewswire.so")" = libnewswire.so.0 ] || fail "no link for the linker"

step "it shows the names of newswire.h and no other, with their version"
grep -o 'newswire_[a-z_]*(' "$root/clients/lib/newswire.h" | tr -d '(' | sort -u >"$work/names"
nm -g --defined-only "$work/usr/lib/libnewswire.a" | awk 'NF == 3 { print $3 }' | sort >"$work/static"
cmp "$work/names" "$work/static" || fail "libnewswire.a shows: $(diff "$work/names" "$work/static")"
nm -D --defined-only --with-symbol-versions "$shared" | grep -v ' A ' >"$work/symbols"
sed 's/.* //; s/@.*//' "$work/symbols" | grep -v '^__\(asan\|odr\|gcov\)' | sort >"$work/dynamic"
cmp "$work/names" "$work/dynamic" || fail "libnewswire.so shows: $(diff "$work/names" "$work/dynamic")"
! grep -v '@@NEWSWIRE_0\.[0-9]*$' "$work/symbols" || fail "names without a version"
readelf -d "$shared" | grep -q 'SONAME.*\[libnewswire\.so\.0\]' || fail "it has another soname"

step "a program is built with it, with the shared library and the static one"
cat >"$work/other.c" <<'END'
#include <newswire.h>

#include <stdio.h>

/* Names that the library has inside, too: they must not meet. The second is what a
 * program has that makes C from newswire.proto itself. */
int reader_new(void);
int reader_new(void) {
    return 42;
}
int newswire__v1__entry__unpack(void);
int newswire__v1__entry__unpack(void) {
    return 42;
}

int main(int argc, char **argv) {
    char error[256];
    const char *topics[] = {"news/"};
    struct newswire_reader *reader;
    struct newswire_reader_options o = {
        .feed = argv[1], .replay = argv[2], .topics = topics, .n_topics = 1};
    struct newswire_event event;
    if (argc != 3 || reader_new() + newswire__v1__entry__unpack() != 84)
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
# build NAME LIBRARIES...
build() {
    name=$1
    shift
    # shellcheck disable=SC2046,SC2086 # words
    cc -std=c17 -Wall -Wextra -Werror $flags $(pkg-config --cflags newswire) \
        -o "$work/$name" "$work/other.c" "$@" || fail "$name does not build"
}
# shellcheck disable=SC2046 # words
build with-shared $(pkg-config --libs newswire) "-Wl,-rpath,$work/usr/lib"
# The libraries that it needs are shared still: libzmq's own list for static linking is wrong in Debian.
# shellcheck disable=SC2046 # words
build with-static "$work/usr/lib/libnewswire.a" \
    $(pkg-config --libs $(pkg-config --print-requires-private newswire)) -lunistring
readelf -d "$work/with-shared" | grep -q 'NEEDED.*libnewswire' || fail "with-shared does not use it"
! readelf -d "$work/with-static" | grep -q 'NEEDED.*libnewswire' || fail "with-static wants the shared one"

step "it reads what is on the wire"
start_daemon
story "One" news >"$work/1.txt"
story "Two" economy >"$work/2.txt"
story "Three" news >"$work/3.txt"
send "$work/1.txt" "$work/2.txt" "$work/3.txt" >/dev/null
for program in with-shared with-static; do
    expect 0 timeout 30 "$work/$program" "$feed" "$replay"
    [ "$(cat "$work/out")" = "1 news/article
3 news/article" ] || fail "$program read: $(cat "$work/out")"
done
stop_daemon

step "uninstall takes away what install put there"
from_make uninstall || fail "make uninstall does not work"
left=$(find "$work/usr" ! -type d)
[ -z "$left" ] || fail "it left $left"
