#!/bin/sh
# clients/examples/subscribe.c, built as its first lines say, on what is installed.
. "$(dirname "$0")/example_lib.sh"

flags=
case $bin in */asan) flags="-fsanitize=address,undefined" ;; */coverage) flags=--coverage ;; esac
MAKEFLAGS='' make -s -C "$root" -o all install MODE="$(basename "$bin")" PREFIX="$work/usr" ||
    fail "make install does not work"
export PKG_CONFIG_PATH="$work/usr/lib/pkgconfig"
# shellcheck disable=SC2046,SC2086 # words
cc -std=gnu17 -Wall -Wextra -Werror $flags -o "$work/subscribe" "$examples/subscribe.c" \
    $(pkg-config --cflags --libs newswire) "-Wl,-rpath,$work/usr/lib" || fail "it does not build"
example() { exec "$work/subscribe" "$@"; }
follow_through_everything
