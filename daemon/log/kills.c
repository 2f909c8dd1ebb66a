#include "daemon/log/kills.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Keys are hashes already. */
static uint32_t *slot_of(const struct kills *k, const uint8_t *key) {
    size_t i;
    memcpy(&i, key, sizeof i);
    for (i &= k->n_slots - 1; k->slots[i] != 0; i = (i + 1) & (k->n_slots - 1))
        if (memcmp(k->items[k->slots[i] - 1].key, key, IDENTITY_KEY_BYTES) == 0)
            break;
    return &k->slots[i];
}

static void fill(struct kills *k) {
    if (k->n_slots > 0)
        memset(k->slots, 0, k->n_slots * sizeof *k->slots);
    for (size_t i = 0; i < k->n; i++)
        *slot_of(k, k->items[i].key) = (uint32_t)i + 1;
}

static int grow(struct kills *k) {
    size_t max = k->max == 0 ? 32 : k->max * 2;
    struct kill *items = reallocarray(k->items, max, sizeof *items);
    if (items == NULL)
        return -ENOMEM;
    k->items = items;
    uint32_t *slots = calloc(max * 2, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(k->slots);
    k->slots = slots;
    k->n_slots = max * 2;
    k->max = max;
    fill(k);
    return 0;
}

int kills_add(struct kills *k, const uint8_t *key, uint64_t seq) {
    if (k->n == k->max) {
        int r = grow(k);
        if (r < 0)
            return r;
    }
    memcpy(k->items[k->n].key, key, IDENTITY_KEY_BYTES);
    k->items[k->n++].seq = seq;
    *slot_of(k, key) = (uint32_t)k->n;
    return 0;
}

uint64_t kills_find(const struct kills *k, const uint8_t *key) {
    uint32_t slot = k->n == 0 ? 0 : *slot_of(k, key);
    return slot == 0 ? 0 : k->items[slot - 1].seq;
}

void kills_truncate(struct kills *k, size_t n) {
    if (n >= k->n)
        return;
    k->n = n;
    fill(k);
}

void kills_forget(struct kills *k, uint64_t before) {
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++)
        if (k->items[i].seq >= before)
            k->items[n++] = k->items[i];
    if (n == k->n)
        return;
    k->n = n;
    fill(k);
}

void kills_done(struct kills *k) {
    free(k->items);
    free(k->slots);
    *k = (struct kills){0};
}
