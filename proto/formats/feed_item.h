/*
 * What reading feeds of XML and of JSON has in common: items become articles here.
 *
 * Errors (out of memory) are kept in the feed, and nothing is done once there is one.
 */
#pragma once

#include "proto/formats/feed.h"

struct feed {
    struct arena *arena;
    const struct rules *rules;
    const char *section; /* that the sender chose; NULL */
    struct parsed *parsed;
    size_t n_items; /* seen so far */
    int error;
    /* Of the feed, for items that don't say it themselves. */
    char *title, *language, *rights;
    char **authors;
    size_t n_authors;
};

struct feed_item {
    Article *article;
    const char *id, *link; /* "" when there is none */
    char place[48];        /* "item 3 (line 27)" */
};

/* Begins the next item; line is 0 when there are none. False when out of memory. */
bool feed_item_begin(struct feed *f, struct feed_item *ret, size_t line) __attribute__((nonnull));

/* Puts the item's article among the parsed ones if it can be one; source is the
 * item as it stood in the feed. */
void feed_item_end(struct feed *f, struct feed_item *item, struct slice source)
    __attribute__((nonnull));

/* Sets a field to some text as one line; a NULL or empty one changes nothing. */
void feed_line(struct feed *f, char **field, const char *text) __attribute__((nonnull(1, 2)));

/* The same for a text that may be HTML. */
void feed_html_line(struct feed *f, char **field, const char *html) __attribute__((nonnull(1, 2)));

/* Adds to a list, likewise. */
void feed_push_line(struct feed *f, char ***list, size_t *n, const char *text)
    __attribute__((nonnull(1, 2, 3)));

/* Adds the blocks of some text. */
void feed_body(struct feed *f, struct feed_item *item, const char *text, bool html)
    __attribute__((nonnull));

/* Sets created_at, if it isn't set, from a time of either kind; NULL or "": no time. */
void feed_time(struct feed *f, struct feed_item *item, const char *text)
    __attribute__((nonnull(1, 2)));

/* Adds a subject when the category has a scheme (an address), or else a keyword. */
void feed_category(struct feed *f, struct feed_item *item, const char *scheme, const char *term,
                   const char *label) __attribute__((nonnull));

/* Adds a file; "" for what is not known of it. */
void feed_media(struct feed *f, struct feed_item *item, const char *href, const char *media_type,
                uint64_t size_bytes) __attribute__((nonnull));

/* The two kinds. The error, or -EINVAL with *ret_fault set. */
int feed_read_xml(struct feed *f, struct slice bytes, struct parse_fault *ret_fault)
    __attribute__((nonnull));
int feed_read_json(struct feed *f, struct slice bytes, struct parse_fault *ret_fault)
    __attribute__((nonnull));
