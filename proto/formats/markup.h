/*
 * A body as HTML or XHTML, as ninjs and feeds carry it, and an article's blocks.
 *
 * Reading takes hostile, broken HTML: what is no text (scripts, styles, comments,
 * tags) is left out, everything that a reader would see stays. It makes one pass and
 * holds nothing but the blocks.
 */
#pragma once

#include "proto/parse.h"

#include <stdio.h>

/* Appends the blocks of an HTML text: h1 to h6 are crossheads, blockquote makes
 * quotes, li list items, figcaption and <p class="caption"> captions, everything else
 * paragraphs. br ends a line within a block as a space does, two of them end the
 * block. White space is evened out: none at a block's ends (ideographic and
 * no-break spaces included), a run of it is one space, and a line's end between
 * two ideographs is nothing. Character references are resolved. An img's alt is
 * not text. <span class="dateline"> at the start of the first block is the
 * article's dateline. 0 or -ENOMEM. */
int markup_read(struct arena *a, struct slice html, Article *article)
    __attribute__((nonnull, warn_unused_result));

/* Appends the blocks of plain text: an empty line, or else each line, ends a
 * paragraph (each line when the text has no empty line). 0 or -ENOMEM. */
int markup_read_plain(struct arena *a, struct slice text, Article *article)
    __attribute__((nonnull, warn_unused_result));

/* The text of some HTML as one line: a title that may hold tags and references.
 * NULL: out of memory. */
char *markup_line(struct arena *a, struct slice html) __attribute__((nonnull, warn_unused_result));

/* The blocks as an XHTML fragment: <p>, <h2>, <blockquote><p>, <ul><li> (a run of
 * list items is one list), <p class="caption">. The dateline opens the first block
 * if that is a paragraph. Control characters, which XML can't hold, become U+FFFD.
 * markup_read makes the same blocks and dateline of it again, but for white space
 * that was not even. In the arena. 0 or -ENOMEM. */
int markup_write(struct arena *a, const Article *article, struct slice *ret)
    __attribute__((nonnull, warn_unused_result));

/* The blocks as plain text, an empty line between them; the dateline likewise. In
 * the arena. 0 or -ENOMEM. */
int markup_write_plain(struct arena *a, const Article *article, struct slice *ret)
    __attribute__((nonnull, warn_unused_result));
