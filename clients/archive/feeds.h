/*
 * Feeds that the archive keeps as files: a section's newest articles with full text,
 * for any web server. `feed` sets one up and writes it; `run` writes it again when
 * something of its section came, was corrected or was withdrawn.
 */
#pragma once

#include "clients/archive/load.h"

struct feeds {
    struct archive *archive;
    struct load load;
    struct arena *arena;
};

/* Ready to write. 0, -EIO or -ENOMEM; feeds_close in any case. */
int feeds_open(struct feeds *f, struct archive *a) __attribute__((nonnull, warn_unused_result));
void feeds_close(struct feeds *f) __attribute__((nonnull));

struct feeds_count {
    size_t written, failed;
};

/* Writes those whose section has entries that they have not, and those that could not be
 * written before; all: each of them. A file that can't be written is told to say, once
 * unless all, and the others are written all the same. 0; -EIO; -ENOMEM. */
typedef void (*feeds_say_fn)(void *userdata, const char *file, int error);
int feeds_write(struct feeds *f, bool all, feeds_say_fn say, void *userdata,
                struct feeds_count *ret) __attribute__((nonnull(1, 3, 5), warn_unused_result));
