/*
 * Text as it is indexed: what people write without spaces is cut into
 * overlapping pairs, so that a word of two characters is found as surely as one
 * of ten, and a longer one is a phrase of pairs.
 *
 *     新植树 begins, 3月9   ->   新植 植树 树begins begins 3 3月 月9 9
 *
 * A unit is a character of a script without spaces (Han, Kana, Hangul, Thai) or
 * a word of any other script. Two units that touch, one of them a character, give
 * a pair; a word stands for itself too. White space beside a character counts for
 * nothing, as editors set it or not ("Docker 容器"); punctuation parts. Each
 * character that a field has stands once more at its end, so that one character
 * can be searched for. Full-width letters and digits become plain ones; case and
 * diacritics are left to FTS5's unicode61, which cuts at the spaces made here.
 *
 * A query is expanded by the same code, so the two always agree.
 */
#pragma once

#include "proto/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes when the same text would be expanded otherwise; an index is made anew then. */
enum { EXPAND_VERSION = 1 };

struct expand;

/* Room for one field after another. NULL when out of memory. */
struct expand *expand_new(void) __attribute__((malloc, warn_unused_result));

/* Takes NULL; returns NULL. */
struct expand *expand_free(struct expand *x);

/* Begins a field. */
void expand_begin(struct expand *x) __attribute__((nonnull));

/* Adds a piece of text, which touches no other piece. */
void expand_add(struct expand *x, struct slice text) __attribute__((nonnull));

/* Ends the field: its tokens with spaces between, valid until the next begin. 0 or -ENOMEM. */
int expand_end(struct expand *x, struct slice *ret) __attribute__((nonnull, warn_unused_result));

/* What a query means by a word or phrase: its tokens; empty when there is nothing to
 * search for in it. *ret_phrase: they must follow one another. Valid until the next
 * begin. 0 or -ENOMEM. */
int expand_query(struct expand *x, struct slice words, struct slice *ret, bool *ret_phrase)
    __attribute__((nonnull, warn_unused_result));

/* Whether a code point is a character of a script without spaces. */
bool expand_is_character(uint32_t code_point) __attribute__((const));
