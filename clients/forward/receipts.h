/*
 * Receipts: what an outlet's people did with a story. Delivered is not used.
 */
#pragma once

#include "clients/forward/ledger.h"

struct receipt {
    const char *outlet, *uri;
    const char *used;      /* where it was published; NULL: it wasn't */
    const char *withdrawn; /* who took it down; NULL: it wasn't */
    int64_t at_usec;       /* 0: now */
};

/* Writes it down, within a transaction; a withdrawal confirms the story's kill. The
 * same again changes nothing. 0; -ENOENT when the outlet never had the story; or an
 * error of the store. */
int receipt_put(struct ledger *l, const struct receipt *receipt)
    __attribute__((nonnull, warn_unused_result));
