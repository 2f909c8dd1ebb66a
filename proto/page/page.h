/*
 * The page format: a newspaper page as plain text, in any mix of the printed
 * conventions that rules.h names, as articles, briefs and photos.
 *
 * What always holds: reading order is kept, and every visible character of the
 * input is in exactly one article's field or in `unplaced`. What may leave is
 * what a field or block stands for instead:
 * - the header lines, and date, weekday, page and paper of a folio line;
 * - a section label's decoration, the words and brackets of a jump mark, the
 *   markers, brackets, roles, separators of a byline and of a dateline's names,
 *   the dash or colon behind a dateline, the colon behind a box's label, the
 *   bullet and brackets of a title inside a brief;
 * - white space, U+00AD among it.
 */
#pragma once

#include "proto/parse.h"
#include "proto/rules.h"

/* True: the page format takes whatever no other does. */
bool page_recognise(const struct parse_input *input) __attribute__((nonnull));

/* Reads a page. Linear in its length. 0; -EINVAL with *ret_fault set when it
 * is no text or has no item; -ENOMEM past the arena's limit. */
int page_parse(struct arena *a, const struct rules *rules, const struct parse_input *input,
               struct parsed *ret, struct parse_fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
