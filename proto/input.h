/*
 * An input file as bytes, for the parsers.
 */
#pragma once

#include "proto/arena.h"
#include "proto/wire.h"

/* Reads what a descriptor has into the arena, at most one byte more than parse
 * takes, so that a larger file is refused without being read. 0; -EISDIR;
 * -ENOMEM; other -errno. */
int input_read(int fd, struct arena *a, struct slice *ret)
    __attribute__((nonnull, warn_unused_result));
