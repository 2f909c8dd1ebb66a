/*
 * A piece of an article around what was searched for, with every match marked.
 *
 * A match is found as the index finds it: without regard to case, diacritics and
 * width, words whole, and over white space and punctuation.
 */
#pragma once

#include "clients/archive/query.h"
#include "proto/article.h"

enum { SNIPPET_CHARACTERS = 120, SNIPPET_MATCHES_MOST = 16 };

struct snippet {
    const char *text; /* on one line, valid UTF-8; in the arena */
    bool cut_before, cut_after;
    struct snippet_match {
        size_t start, len; /* bytes of text */
    } matches[SNIPPET_MATCHES_MOST];
    size_t n_matches;
};

/* Finds all matches of the words in a text, in order, not overlapping. How many. */
size_t snippet_find(const struct query_word *words, size_t n_words, struct slice text,
                    struct snippet_match *ret, size_t most) __attribute__((nonnull(1, 4)));

/* The piece of the text of an article: around the first match, or its beginning. 0 or -ENOMEM. */
int snippet_make(struct arena *a, const Article *article, const struct query_word *words,
                 size_t n_words, struct snippet *ret)
    __attribute__((nonnull(1, 2, 5), warn_unused_result));
