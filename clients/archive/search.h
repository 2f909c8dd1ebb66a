/*
 * Finding entries in the archive's index.
 *
 * Only current versions are found. Words that are rare rank what is found: by how
 * often they stand in it, the headline counting most. To rank every hit of common
 * words would take seconds and says little, so those come newest first.
 */
#pragma once

#include "clients/archive/archive.h"
#include "clients/archive/query.h"

struct search_ask {
    const char *query;
    const char *section, *kind, *byline; /* NULL: any */
    int64_t since_usec, until_usec;      /* of storing; 0: any */
    int64_t limit, offset;
};

struct search {
    struct archive *archive;
    struct expand *expand;
    struct arena *arena;
    struct query query; /* of the last search */
    bool ranked;        /* the last search's results are, else newest first */
};

/* Ready to search. 0 or -ENOMEM. search_close in any case. */
int search_open(struct search *s, struct archive *a) __attribute__((nonnull, warn_unused_result));
void search_close(struct search *s) __attribute__((nonnull));

/* Finds; ret_ids has room for ask->limit ids of entries. How many; -ENOENT when the query
 * wants nothing, or the section or kind is none of the archive's (the trouble says so);
 * -E2BIG; -EIO; -ENOMEM. */
int search_find(struct search *s, const struct search_ask *ask, int64_t *ret_ids)
    __attribute__((nonnull, warn_unused_result));
