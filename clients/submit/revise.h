/*
 * A page that comes again after corrections, against what was published of it:
 * which of its items are the same, which are corrections of which, which are new,
 * and what is no longer there.
 *
 * Pure: articles in, a plan out.
 */
#pragma once

#include "proto/article.h"

enum revise_action {
    REVISE_UNCHANGED, /* fresh is what was published */
    REVISE_CORRECT,   /* fresh is the next version of published */
    REVISE_NEW,       /* fresh was not there */
    REVISE_KILL,      /* published is not there any more */
    REVISE_WITHDRAWN, /* fresh was killed, and stays so */
};

struct revise_step {
    enum revise_action action;
    Article *fresh;     /* NULL: kill */
    Article *published; /* NULL: new */
};

struct revise_plan {
    struct revise_step *steps; /* in the order of the page, then the kills */
    size_t n;
};

/* Makes the plan, in the arena. withdrawn: uris of killed stories. published holds the newest
 * version of each story of the page, without those that were withdrawn. An item is the same when
 * its source text is; of the rest the most alike pairs are corrections, if they share a headline or
 * half of their text. 0 or -ENOMEM. */
int revise_plan(struct arena *a, Article *const *published, size_t n_published,
                char *const *withdrawn, size_t n_withdrawn, Article *const *fresh, size_t n_fresh,
                struct revise_plan *ret) __attribute__((nonnull(1, 8), warn_unused_result));

/* "unchanged", "correct", "new", "kill", "withdrawn". */
const char *revise_action_name(enum revise_action action);
