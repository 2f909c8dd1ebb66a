/*
 * How often something has happened lately: counts over the last quarter of an hour, in
 * slots of time.
 */
#pragma once

#include <stdint.h>

enum { RATE_SLOT_USEC = 15000000, RATE_SLOTS = 61 };

static const uint64_t rate_minute_usec = 60000000, rate_quarter_usec = 900000000;

/* All zero: nothing has happened. Times are monotonic and do not go back. */
struct rate {
    uint64_t slot; /* of the newest count */
    uint32_t counts[RATE_SLOTS];
};

void rate_add(struct rate *r, uint64_t now_usec) __attribute__((nonnull));

/* How many in the last span, at most rate_quarter_usec, and in what has passed of the
 * slot that is under way. */
uint64_t rate_sum(const struct rate *r, uint64_t now_usec, uint64_t span_usec)
    __attribute__((nonnull));
