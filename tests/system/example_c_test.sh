#!/bin/sh
# clients/examples/subscribe.c, built as somebody else's program.
. "$(dirname "$0")/example_lib.sh"

flags=
case $bin in */asan) flags="-fsanitize=address,undefined" ;; */coverage) flags=--coverage ;; esac
packages=$(sed -n 's/^PACKAGES *:= //p' "$root/Makefile")
# shellcheck disable=SC2046,SC2086 # words
cc -std=gnu17 -Wall -Wextra -Werror $flags -I"$root/clients/lib" -o "$work/subscribe" \
    "$examples/subscribe.c" "$bin/public/libnewswire.a" $(pkg-config --libs $packages) -lunistring ||
    fail "it does not build"
example() { exec "$work/subscribe" "$@"; }
follow_through_everything
