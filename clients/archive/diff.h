/*
 * What changed between two versions of an article, for people: field by field, and the
 * text by paragraphs; within a changed paragraph by words, or by characters where a
 * script has no spaces.
 */
#pragma once

#include "proto/article.h"

#include <stdbool.h>
#include <stdio.h>

/* Writes the differences: "- " before what is gone, "+ " before what is new, and in a
 * paragraph that changed [-this-]{+that+}. All of it harmless to a terminal; nothing when
 * there are none. a is for scratch. 0 or -ENOMEM. */
int diff_write(FILE *out, struct arena *a, const Article *before, const Article *after, bool colour)
    __attribute__((nonnull, warn_unused_result));

/* The same for two texts, as one line. 0 or -ENOMEM. */
int diff_words(FILE *out, struct arena *a, const char *before, const char *after, bool colour)
    __attribute__((nonnull, warn_unused_result));
