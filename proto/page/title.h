/*
 * A group of short lines as kickers, headline, subheadline and captions.
 */
#pragma once

#include "proto/page/units.h"

enum { TITLE_LINES = 12 };

struct title {
    struct slice kickers[TITLE_LINES];
    size_t n_kickers;
    struct slice headline, subheadline;
    struct slice captions[TITLE_LINES];
    size_t n_captions;
    size_t lines; /* headline lines that remained when halves were joined */
};

/* Reads n (1 to TITLE_LINES) short units; body_next: a paragraph follows.
 * Lines that were broken in two are joined in the arena. 0 or -ENOMEM. */
int title_read(struct arena *a, const struct rules_page *r, const struct unit *units, size_t n,
               bool latin, bool body_next, struct title *ret)
    __attribute__((nonnull, warn_unused_result));
