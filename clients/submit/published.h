/*
 * What was published of a page: the newest version of each of its stories, read
 * from the daemon's log.
 */
#pragma once

#include "clients/lib/newswire.h"
#include "proto/article.h"

struct published {
    Article **articles;
    size_t n;
    char **withdrawn; /* uris of killed stories, of any page */
    size_t n_withdrawn;
};

/* Adds a version that is held: it takes the place of what was published. 0 or
 * -ENOMEM; what can't be read, or is of another page, is let pass. */
int published_add_held(struct arena *a, const Article *page, const void *article, size_t len,
                       struct published *p) __attribute__((nonnull, warn_unused_result));

/* Reads the whole log up to now and keeps the stories of the page: those with the
 * same publication, page_date and page. A story that was withdrawn, or moved off
 * every topic, is none. 0; -ETIMEDOUT when there is no daemon for so long;
 * -EINVAL when options are bad; other -errno, with a sentence in error. */
int published_read(struct arena *a, const struct newswire_reader_options *options,
                   const Article *page, uint64_t patience_usec, struct published *ret, char *error,
                   size_t error_size) __attribute__((nonnull, warn_unused_result));
