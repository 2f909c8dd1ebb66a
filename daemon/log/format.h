/*
 * Which format the log on disk has: all its versions stand here, and the file
 * `format`, by which a folder says that it is a log, of which format, and that it
 * is whole and where it was written.
 *
 * What an older newswired can't read has a higher version, so that it says so
 * instead of misreading it. A newer one reads what is older, or makes it anew; the
 * file is taken along by writing it again. What each does is said beside it.
 *
 *     newswire log, format 1
 *     epoch 1933459200000000
 *     born 1933459200.123456789
 *
 * The numbers that a copy of the folder gives may have been given to other entries
 * already. `born` finds a copy out: the time at which the file system made this very
 * file, which nobody can set. A folder that was moved within its file system keeps
 * it, one that was copied does not, nor does one that came back from a backup of
 * files. Which of them it is, a person has to say: it is said once, and taken. A
 * copy of a whole disk can't be told from it.
 */
#pragma once

#include "proto/codec.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* Which files there are, and what they say together. A folder without the file
     * is of the time before there was one, and gets it. */
    FORMAT_LOG = 1,
    FORMAT_SEGMENT = 1, /* higher: refused; lower: read */
    FORMAT_VIEW = 2,    /* higher: refused; lower: made anew from the segments, if all are there */
    FORMAT_RUN = 2,     /* other: refused */
    FORMAT_INDEX = 1,   /* other: as if it were not there, which costs time only */
};

#define FORMAT_FILE "format"

/* Says that a file or folder of that name has a format above the newest that is known.
 * Returns -EBADMSG. */
int format_too_new(const char *name, unsigned format, int known, struct fault *ret_fault)
    __attribute__((nonnull));

enum format_state {
    FORMAT_NONE,       /* there is no file */
    FORMAT_UNFINISHED, /* the log is being put there, or that was cut short */
    FORMAT_COPIED,     /* whole, but it was not written here */
    FORMAT_WHOLE,
};

/* Reads the file. 0; -EBADMSG: damaged, or a format that is not known, with *ret_fault
 * set, which names `directory`; other -errno with *ret_fault. *ret_epoch is 0 unless
 * it is whole or copied. */
int format_read(int folder, const char *directory, enum format_state *ret, uint64_t *ret_epoch,
                struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* Writes the file, durably: that the log is unfinished, or that a whole log of
 * this epoch is here. 0 or -errno. */
int format_write_unfinished(int folder) __attribute__((warn_unused_result));
int format_write(int folder, uint64_t epoch) __attribute__((warn_unused_result));
