/*
 * The spool: a folder to drop files into.
 *
 *     incoming/   files are taken from here, one at a time, in the order of
 *                 their names; best dropped by rename. Names that begin with a
 *                 dot or end in .part are left alone
 *     accepted/   files whose articles are all on the log
 *     rejected/   files that were refused, wholly or in part, each with
 *                 NAME.reason beside it
 *
 * A file that was moved in is taken at once. One that was written in place is
 * waited for until nobody has it open and it has stayed the same for a while.
 * inotify tells of files, and a look at the folder now and then finds those
 * that it did not tell of. No file is ever removed or replaced.
 */
#pragma once

#include "daemon/admit.h"

#include <systemd/sd-event.h>

struct spool;

struct spool_counts {
    uint64_t accepted, rejected; /* files */
    size_t waiting;              /* known of in incoming/ */
    uint64_t busy_usec;          /* that its thread has read or moved one file; 0: it does not */
    const char *trouble;         /* why the folder can't be used; "" */
};

/* Makes the folders where they are not, and begins to take files. *ret is NULL
 * when config names no folder. 0; -errno with *ret_fault set. */
int spool_open(sd_event *event, const struct settings *settings, struct log *log,
               struct admit_counts *counts, struct spool **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* From now on these settings count, from the next file on; they stay the caller's. */
void spool_reload(struct spool *s, const struct settings *settings) __attribute__((nonnull));

/* Tells that the log has handed something back, so that its queue has room. */
void spool_log_moved(struct spool *s) __attribute__((nonnull));

/* Takes no more files; the one at work is still finished. */
void spool_stop(struct spool *s) __attribute__((nonnull));

void spool_get_counts(const struct spool *s, struct spool_counts *ret) __attribute__((nonnull));

/* Call when the log is closed: the file at work is moved to where it belongs. */
struct spool *spool_close(struct spool *s);
