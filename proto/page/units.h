/*
 * A page as a list of units: its lines with hard wraps undone, paragraphs that
 * a column or page break tore joined, and what each one is by itself.
 *
 * Every visible character of the text is in exactly one unit's `text` (but for
 * the header lines). `body` is `text` without the marks that the other members
 * point at.
 */
#pragma once

#include "proto/page/marks.h"

enum unit_kind {
    UNIT_PARAGRAPH,
    UNIT_SHORT, /* a line that may be a title, crosshead or caption */
    UNIT_LABEL,
    UNIT_BYLINE,
    UNIT_INLINE, /* a brief with its title inside */
    UNIT_BOX,
    UNIT_FIGURE, /* 图①:… */
    UNIT_JUMP_TO,
    UNIT_JUMP_FROM,
    UNIT_REVIEWERS,
    UNIT_FOLIO,
    UNIT_FURNITURE,
};

struct unit {
    struct slice text;
    struct slice body;
    struct slice names;              /* of a byline at the end, or the whole line's */
    struct slice jump_to, jump_from; /* pages, as printed */
    struct slice label;              /* of a UNIT_LABEL or UNIT_BOX */
    struct unit *next;               /* the next unit of the same item */
    uint32_t line;                   /* from 1, in the file */
    uint8_t gap;                     /* blank lines before it */
    uint8_t kind;                    /* enum unit_kind */
    uint8_t label_kind;              /* of a UNIT_LABEL: KIND_… */
    bool indented, list;
};

struct units {
    struct unit *items;
    size_t n;
    bool latin; /* most letters of the page are */
};

/* Reads the text, whose first line has the given number. 0 or -ENOMEM. */
int units_read(struct arena *a, const struct rules *rules, struct slice text, size_t first_line,
               struct units *ret) __attribute__((nonnull, warn_unused_result));
