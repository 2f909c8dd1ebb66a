/*
 * How an outlet is, by the ledger: how many articles are in which state, and what it
 * suffers from.
 */
#pragma once

#include "clients/tool/store.h"

struct outlet_counts {
    int64_t queued, sending, retrying, delivered, parked, withdrawn, kills_open;
    /* UTC microseconds; 0: not. Since when the oldest waits that is not delivered. */
    int64_t oldest_usec, paused_until, failing_since, last_error_at;
    char disabled[400], last_error[400];
    bool is_disabled;
};

/* 0, or a negative error of the store. */
int outlet_count(struct store *s, const char *outlet, struct outlet_counts *ret)
    __attribute__((nonnull, warn_unused_result));
