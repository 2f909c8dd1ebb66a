/*
 * Signed checkpoints of a log: a digest over the chain of a topic's entries, which lets
 * an archive prove to others that it has all of them, and as they were. PROTOCOL.md,
 * "Checkpoints".
 */
#pragma once

#include "proto/entry.h"
#include "proto/signature.h"

enum {
    CHECKPOINT_CHAIN_BYTES = 32,
    /* A SignedCheckpoint as checkpoint_sign writes it, at most. */
    CHECKPOINT_ENCODED_BYTES = 512,
};

struct checkpoint {
    uint64_t epoch;
    struct slice topic;
    uint64_t after; /* it covers the topic's entries with after < seq <= head */
    uint64_t head;
    uint64_t entries;
    uint8_t chain[CHECKPOINT_CHAIN_BYTES];
    int64_t made_at_usec;   /* UTC */
    uint8_t key[KEY_BYTES]; /* of the log's daemon */
};

/* Adds an entry to the chain, which begins as zeros. article_digest: SHA-256 of the
 * article's bytes, also where they are no longer there. */
void checkpoint_chain(uint8_t chain[static CHECKPOINT_CHAIN_BYTES], const struct entry *e,
                      const uint8_t article_digest[static SIGNATURE_ARTICLE_DIGEST_BYTES])
    __attribute__((nonnull));

/* The article's digest: of its bytes, or as a tombstone tells it. False when neither is
 * there. */
bool checkpoint_article_digest(const struct entry *e,
                               uint8_t ret[static SIGNATURE_ARTICLE_DIGEST_BYTES])
    __attribute__((nonnull, warn_unused_result));

/* Signs one (c->key counts for nothing). Returns the length of the SignedCheckpoint;
 * the topic is a valid one. */
size_t checkpoint_sign(const struct key_pair *k, const struct checkpoint *c,
                       uint8_t ret[static CHECKPOINT_ENCODED_BYTES]) __attribute__((nonnull));

/* Reads a SignedCheckpoint; the topic points into it. 0; -EBADMSG when it is none;
 * -EKEYREJECTED when its signature is not that of the key that it names. */
int checkpoint_read(struct slice bytes, struct checkpoint *ret)
    __attribute__((nonnull, warn_unused_result));
