/*
 * The full-text index, which follows behind the entries.
 *
 * It takes entries in the order of arrival, a piece at a time, and what holds no
 * more leaves it likewise; how far it is stands in the archive, in the same
 * transaction as its rows. Whoever asks it must join with story.current, since a
 * text that was withdrawn a moment ago may still stand in it.
 */
#pragma once

#include "clients/archive/expand.h"
#include "clients/archive/keep.h"

struct index {
    struct keep *keep; /* whose transaction it works in */
    struct expand *expand;
    char *fields[3]; /* headline, byline, body, expanded */
    size_t lens[3], sizes[3];
    sqlite3_stmt *next, *add, *remove, *find, *forget_stale;
};

/* Ready to index what keep keeps; an index made by another version's rules is
 * emptied, and made anew as it goes. 0, -EIO or -ENOMEM. index_close in any case. */
int index_open(struct index *x, struct keep *k) __attribute__((nonnull, warn_unused_result));
void index_close(struct index *x) __attribute__((nonnull));

/* Does up to so many entries, in keep's transaction, which the caller commits. How
 * many it looked at: 0 when the index is up to date; -EIO; -ENOMEM. */
int index_step(struct index *x, int most) __attribute__((nonnull, warn_unused_result));

/* Takes an entry out of the index, if it is in it: before its text is erased. 0, -EIO, -ENOMEM. */
int index_drop(struct index *x, int64_t entry) __attribute__((nonnull, warn_unused_result));
