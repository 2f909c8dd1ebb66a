#include "proto/checkpoint.h"

#include <endian.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <string.h>

enum { EPOCH = 1, TOPIC, AFTER, HEAD, ENTRIES, CHAIN, MADE_AT_USEC };
enum { CHECKPOINT = 1, KEY = 2, ED25519 = 3 };

/* Its NUL is signed with it. */
static const char context[] = "newswire.v1.Checkpoint";

/* ---- the chain */

static void put_number(struct sha256_ctx *sha, uint64_t value) {
    uint64_t big = htobe64(value);
    sha256_update(sha, sizeof big, (const uint8_t *)&big);
}

void checkpoint_chain(uint8_t chain[static CHECKPOINT_CHAIN_BYTES], const struct entry *e,
                      const uint8_t article_digest[static SIGNATURE_ARTICLE_DIGEST_BYTES]) {
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, CHECKPOINT_CHAIN_BYTES, chain);
    put_number(&sha, e->seq);
    put_number(&sha, e->prev_seq);
    put_number(&sha, (uint64_t)e->stored_at_usec);
    put_number(&sha, e->version);
    put_number(&sha, e->uri.len);
    sha256_update(&sha, e->uri.len, e->uri.data);
    sha256_update(&sha, e->content_digest.len, e->content_digest.data);
    sha256_update(&sha, SIGNATURE_ARTICLE_DIGEST_BYTES, article_digest);
    sha256_digest(&sha, CHECKPOINT_CHAIN_BYTES, chain);
}

bool checkpoint_article_digest(const struct entry *e,
                               uint8_t ret[static SIGNATURE_ARTICLE_DIGEST_BYTES]) {
    if (e->article.len > 0) {
        signature_article_digest(e->article, ret);
        return true;
    }
    if (e->article_digest.len != SIGNATURE_ARTICLE_DIGEST_BYTES)
        return false;
    memcpy(ret, e->article_digest.data, SIGNATURE_ARTICLE_DIGEST_BYTES);
    return true;
}

/* ---- signing */

static size_t encode(const struct checkpoint *c, uint8_t *to) {
    uint8_t *p = to;
    p = wire_put_uint(p, EPOCH, c->epoch);
    p = wire_put_bytes(p, TOPIC, c->topic);
    p = wire_put_uint(p, AFTER, c->after);
    p = wire_put_uint(p, HEAD, c->head);
    p = wire_put_uint(p, ENTRIES, c->entries);
    p = wire_put_bytes(p, CHAIN, (struct slice){c->chain, sizeof c->chain});
    p = wire_put_uint(p, MADE_AT_USEC, (uint64_t)c->made_at_usec);
    return (size_t)(p - to);
}

size_t checkpoint_sign(const struct key_pair *k, const struct checkpoint *c,
                       uint8_t ret[static CHECKPOINT_ENCODED_BYTES]) {
    uint8_t text[sizeof context + CHECKPOINT_ENCODED_BYTES], signature[SIGNATURE_BYTES], *p = ret;
    memcpy(text, context, sizeof context);
    size_t len = encode(c, text + sizeof context);
    crypto_sign_detached(signature, NULL, text, sizeof context + len, k->secret);
    p = wire_put_bytes(p, CHECKPOINT, (struct slice){text + sizeof context, len});
    p = wire_put_bytes(p, KEY, (struct slice){k->public_key, KEY_BYTES});
    p = wire_put_bytes(p, ED25519, (struct slice){signature, sizeof signature});
    return (size_t)(p - ret);
}

/* ---- reading */

static bool decode(struct slice in, struct checkpoint *ret) {
    bool chain = false;
    while (in.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&in, &f))
            return false;
        bool is_bytes = f.number == TOPIC || f.number == CHAIN;
        if (f.number <= MADE_AT_USEC && f.type != (is_bytes ? WIRE_LEN : WIRE_VARINT))
            return false;
        switch (f.number) {
        case EPOCH: ret->epoch = f.value; break;
        case TOPIC: ret->topic = f.bytes; break;
        case AFTER: ret->after = f.value; break;
        case HEAD: ret->head = f.value; break;
        case ENTRIES: ret->entries = f.value; break;
        case CHAIN:
            chain = f.bytes.len == sizeof ret->chain;
            if (chain)
                memcpy(ret->chain, f.bytes.data, sizeof ret->chain);
            break;
        case MADE_AT_USEC: ret->made_at_usec = (int64_t)f.value; break;
        default: break;
        }
    }
    return chain && ret->topic.len > 0 && ret->topic.len <= LIMIT_TOPIC_BYTES &&
           ret->after < ret->head;
}

int checkpoint_read(struct slice bytes, struct checkpoint *ret) {
    struct slice checkpoint = {0}, key = {0}, signature = {0};
    uint8_t text[sizeof context + CHECKPOINT_ENCODED_BYTES];
    *ret = (struct checkpoint){0};
    while (bytes.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&bytes, &f) || (f.number <= ED25519 && f.type != WIRE_LEN))
            return -EBADMSG;
        if (f.number == CHECKPOINT)
            checkpoint = f.bytes;
        else if (f.number == KEY)
            key = f.bytes;
        else if (f.number == ED25519)
            signature = f.bytes;
    }
    if (key.len != KEY_BYTES || signature.len != SIGNATURE_BYTES ||
        checkpoint.len > CHECKPOINT_ENCODED_BYTES || !decode(checkpoint, ret))
        return -EBADMSG;
    memcpy(ret->key, key.data, KEY_BYTES);
    memcpy(text, context, sizeof context);
    memcpy(text + sizeof context, checkpoint.data, checkpoint.len);
    return crypto_sign_verify_detached(signature.data, text, sizeof context + checkpoint.len,
                                       ret->key) == 0
               ? 0
               : -EKEYREJECTED;
}
