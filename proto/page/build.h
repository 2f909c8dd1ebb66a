/*
 * From units to articles: which lines are a title, which article a paragraph
 * belongs to, where one ends.
 */
#pragma once

#include "proto/page/units.h"

/* What is said of the page as a whole; no member is NULL. */
struct page_info {
    char *publication, *date, *page, *section, *language, *source;
};

/* Makes articles of the units, in reading order, and adds them, unplaced text
 * and warnings to *out. 0 or -ENOMEM. */
int build_articles(struct arena *a, const struct rules *rules, const struct page_info *info,
                   struct units *units, struct parsed *out)
    __attribute__((nonnull, warn_unused_result));
