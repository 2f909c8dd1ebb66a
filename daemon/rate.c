#include "daemon/rate.h"

void rate_add(struct rate *r, uint64_t now_usec) {
    uint64_t slot = now_usec / RATE_SLOT_USEC;
    if (slot > r->slot + RATE_SLOTS)
        r->slot = slot - RATE_SLOTS;
    while (r->slot < slot)
        r->counts[++r->slot % RATE_SLOTS] = 0;
    r->counts[slot % RATE_SLOTS]++;
}

uint64_t rate_sum(const struct rate *r, uint64_t now_usec, uint64_t span_usec) {
    uint64_t slot = now_usec / RATE_SLOT_USEC, n = span_usec / RATE_SLOT_USEC, sum = 0;
    for (uint64_t i = slot > n ? slot - n : 0; i <= slot && i <= r->slot; i++)
        if (i + RATE_SLOTS > r->slot)
            sum += r->counts[i % RATE_SLOTS];
    return sum;
}
