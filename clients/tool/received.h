/*
 * A received entry in the terms of proto/, for what writes and reads articles.
 */
#pragma once

#include "clients/lib/newswire.h"
#include "proto/article.h"
#include "proto/codec.h"
#include "proto/entry.h"

/* The same entry; its slices are those of the given one. */
struct entry received_entry(const struct newswire_entry *e) __attribute__((nonnull));

/* Its article, in the arena; NULL in *ret when it has none, as its story was
 * killed. 0; -EINVAL with *ret_fault set when it can't be read; -ENOMEM. */
int received_article(struct arena *a, const struct entry *e, Article **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
