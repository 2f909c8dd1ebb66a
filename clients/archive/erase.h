/*
 * What leaves the archive: entries by age, and the texts of withdrawn stories where
 * that is wanted.
 *
 * Both go in small pieces, within keep's transaction, so that what comes over the
 * wire never waits for long. Of entries removed by age the archive remembers up to
 * which number of their topic they went, so that verify knows where its proof begins.
 */
#pragma once

#include "clients/archive/index.h"

struct erase {
    struct index *index;
    int64_t retain_usec;        /* entries stored longer ago go; 0: none */
    bool forget_withdrawn;      /* texts of withdrawn stories go; their numbers stay */
    int64_t removed, forgotten; /* so many so far */
};

/* An age as people write it, "400d" (s, m, h, d, w), in microseconds. 0 or -EINVAL. */
int erase_age(const char *text, int64_t *ret_usec) __attribute__((nonnull, warn_unused_result));

/* Does a piece of the work. 1: there may be more; 0: nothing is to do now; -EIO, -ENOMEM. */
int erase_step(struct erase *e, int64_t now_usec) __attribute__((nonnull, warn_unused_result));
