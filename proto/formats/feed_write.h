/*
 * Web feeds with full text: Atom (RFC 4287), RSS 2.0 with content:encoded, JSON Feed
 * 1.1. feed.h is the way back.
 *
 * What is written holds to the rules of the W3C's feed validator: ids that stay and
 * are IRIs, every entry with title, author and dates, no markup in titles. An item's
 * id is its uri; one without a scheme gets urn:newswire:uri: before it. The kicker and
 * subheadline open the content. An article without a headline gets the beginning of
 * its text as title. Control characters become U+FFFD.
 */
#pragma once

#include "proto/article.h"
#include "proto/wire.h"

#include <stdbool.h>
#include <stdio.h>

enum feed_kind { FEED_ATOM, FEED_RSS, FEED_JSONFEED, FEED_KINDS };

struct feed_kind_info {
    const char *name;   /* as --format names it: "atom" */
    const char *suffix; /* of a file's name, with its dot */
    const char *media_type;
};
extern const struct feed_kind_info feed_kinds[FEED_KINDS];

/* The kind of that name; -EINVAL. */
int feed_kind_find(const char *name) __attribute__((nonnull));

/* The feed itself. id, title and author are needed, others may be NULL. */
struct feed_head {
    const char *id; /* an IRI that stays */
    const char *title, *author;
    const char *description; /* NULL: the title */
    const char *home_url;    /* the page that it goes with; NULL: RSS gets the id */
    const char *self_url;    /* where the feed will be; NULL: unknown */
    const char *language, *rights;
    int64_t updated_usec; /* UTC; of the newest item, or of the feed when it has none */
};

struct feed_item {
    const Article *article;
    int64_t published_usec, updated_usec; /* UTC: its first version, and this one */
    const char *url;                      /* a page with it; NULL: none */
};

/* Writes a feed of n items, newest first as given. a is for scratch. 0; -ENOMEM;
 * -EIO when the file can't be written. */
int feed_write(FILE *out, struct arena *a, enum feed_kind kind, const struct feed_head *head,
               const struct feed_item *items, size_t n)
    __attribute__((nonnull(1, 2, 4), warn_unused_result));
