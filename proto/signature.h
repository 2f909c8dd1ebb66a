/*
 * Signatures of origins: Ed25519 (RFC 8032) over an article's bytes, which every relay
 * and archive carries as they are. PROTOCOL.md, "Signatures", says what is signed.
 */
#pragma once

#include "proto/keyfile.h"
#include "proto/wire.h"

#include <stdbool.h>

enum {
    SIGNATURE_BYTES = 64,
    /* A Signature message as signature_encode writes it. */
    SIGNATURE_ENCODED_BYTES = 2 + KEY_BYTES + 2 + SIGNATURE_BYTES,
    SIGNATURE_ARTICLE_DIGEST_BYTES = 32,
};

struct signature {
    uint8_t key[KEY_BYTES]; /* of its maker */
    uint8_t ed25519[SIGNATURE_BYTES];
};

/* SHA-256 of an article's bytes, which is what signatures and checkpoints cover: they
 * can still be checked where a killed text is no longer kept. */
void signature_article_digest(struct slice article,
                              uint8_t ret[static SIGNATURE_ARTICLE_DIGEST_BYTES])
    __attribute__((nonnull));

/* Signs an article with an Ed25519 pair. */
void signature_make(const struct key_pair *k, struct slice article, struct signature *ret)
    __attribute__((nonnull));

/* Whether it is a signature of the article with that digest, by the key that it names. */
bool signature_is_good(const struct signature *s,
                       const uint8_t digest[static SIGNATURE_ARTICLE_DIGEST_BYTES])
    __attribute__((nonnull, warn_unused_result));

/* The Signature message. */
void signature_encode(const struct signature *s, uint8_t ret[static SIGNATURE_ENCODED_BYTES])
    __attribute__((nonnull));

/* Reads one. 0, or -EBADMSG when it is none. */
int signature_decode(struct slice encoded, struct signature *ret)
    __attribute__((nonnull, warn_unused_result));
