/*
 * An entry for people to read in a terminal: plain text with wide characters
 * aligned, wrapped at the width by the rules of UAX #14 (ideographs wrap
 * anywhere). The first line stands at the margin, all others are indented.
 *
 *     briefs/brief  #3  2031-04-09 07:30:01
 *       Third
 *       Jane Doe
 *
 *       A paragraph.
 *
 * What an article holds can do nothing to the terminal: control characters and
 * those that turn the direction of writing are replaced by U+FFFD.
 */
#pragma once

#include "proto/article.h"
#include "proto/entry.h"

#include <stdbool.h>
#include <stdio.h>

struct text_style {
    int columns; /* to wrap at; 0: not at all */
    bool colour; /* escape sequences that make the headline stand out */
};

/* Writes the entry; article is NULL when it has none (its story was killed).
 * The time is local. 0; -ENOMEM; -EIO when the file can't be written. */
int text_entry(FILE *out, const struct entry *e, const Article *article,
               const struct text_style *style)
    __attribute__((nonnull(1, 2, 4), warn_unused_result));

/* A copy of some text, malloc'd, valid UTF-8 on one line and harmless to a
 * terminal. NULL when out of memory. */
char *text_harmless(struct slice text) __attribute__((warn_unused_result));
