/*
 * What people type to find something, as FTS5 understands it.
 *
 *     植树 "river bridge" -budget elect* flood OR 洪水
 *
 * Words are all wanted; quotation marks (also “ ” and 「 」) make a phrase; a dash before
 * leaves out what has the word; OR between two wants one of them and binds closer
 * than the rest; a star behind a word finds all that begin so. Nothing that is typed
 * is a mistake in syntax: what means nothing is passed over.
 */
#pragma once

#include "clients/archive/expand.h"
#include "proto/arena.h"

enum { QUERY_WORDS_MOST = 64 };

struct query_word {
    struct slice text; /* as typed, without quotation marks, dash and star */
    bool starts;       /* finds what begins so */
};

struct query {
    struct arena *arena;                  /* the caller's; all texts live in it */
    const char *wanted[QUERY_WORDS_MOST]; /* FTS5 expressions, each of them wanted */
    size_t n_wanted;
    const char *unwanted[QUERY_WORDS_MOST];
    size_t n_unwanted;
    struct query_word words[QUERY_WORDS_MOST]; /* that are wanted, to be marked */
    size_t n_words;
};

/* Reads what was typed. 0, also when nothing is wanted; -E2BIG when there are too many
 * words; -ENOMEM. */
int query_read(struct query *q, struct expand *x, struct arena *a, const char *typed)
    __attribute__((nonnull, warn_unused_result));

/* The FTS5 expression for some of what is wanted (all: from 0, n_wanted), without
 * what is unwanted, under one of the labels ("t1" OR "t2"; NULL: any). NULL when
 * out of memory. */
const char *query_match(const struct query *q, const char *const *wanted, size_t n,
                        const char *labels) __attribute__((nonnull(1, 2), warn_unused_result));
