/*
 * Lines of a page, and which of them are one paragraph that a column's width
 * has wrapped.
 */
#pragma once

#include "proto/page/text.h"

struct line {
    struct slice text; /* trimmed; never empty */
    uint32_t number;   /* from 1 */
    uint16_t columns;  /* at most LINE_COLUMNS + 2; with the indent */
    uint8_t gap;       /* blank lines before it */
    bool indented;     /* by the width of an ideograph or more */
};

enum { LINE_COLUMNS = 200 };

struct lines {
    struct line *items;
    size_t n;
    uint32_t widths[LINE_COLUMNS + 4]; /* how many lines that may be wrapped are so wide */
    bool latin;
};

/* All lines with something on them. 0 or -ENOMEM. */
int lines_read(struct arena *a, struct slice text, size_t first_number, struct lines *ret)
    __attribute__((nonnull, warn_unused_result));

/* Whether line i + 1 goes on with the paragraph that line i is part of. */
bool lines_go_on(const struct lines *lines, size_t i);

/* Joins lines from up to (not including) to, with spaces where they belong. */
int lines_join(struct arena *a, const struct lines *lines, size_t from, size_t to,
               struct slice *ret) __attribute__((nonnull, warn_unused_result));
