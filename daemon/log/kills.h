/*
 * Kills: which uris were withdrawn, and where on the log. What stands there of
 * such a uri before its kill is served without its text.
 *
 * Kept in memory: a newsroom kills few stories, and a kill is forgotten when
 * all before it has gone from the log.
 */
#pragma once

#include "daemon/log/identity.h"

struct kill {
    uint8_t key[IDENTITY_KEY_BYTES]; /* identity_key of the uri */
    uint64_t seq;                    /* of the entry that withdrew it */
};

struct kills {
    struct kill *items; /* in the log's order */
    size_t n, max;
    uint32_t *slots; /* by key: index + 1 */
    size_t n_slots;
};

/* 0 or -ENOMEM. */
int kills_add(struct kills *k, const uint8_t *key, uint64_t seq)
    __attribute__((nonnull, warn_unused_result));

/* The number of the entry that withdrew the uri; 0: none did. */
uint64_t kills_find(const struct kills *k, const uint8_t *key) __attribute__((nonnull));

/* Forgets all but the first n. */
void kills_truncate(struct kills *k, size_t n) __attribute__((nonnull));

/* Forgets those before a number. */
void kills_forget(struct kills *k, uint64_t before) __attribute__((nonnull));

void kills_done(struct kills *k) __attribute__((nonnull));
