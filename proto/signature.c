#include "proto/signature.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <string.h>

_Static_assert(SIGNATURE_BYTES == crypto_sign_BYTES, "RFC 8032");
_Static_assert(KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "RFC 8032");

enum { KEY = 1, ED25519 = 2 };

/* Its NUL is signed with it, so that no other signed text can be taken for one. */
static const char context[] = "newswire.v1.Article";

enum { SIGNED_BYTES = sizeof context + SIGNATURE_ARTICLE_DIGEST_BYTES };

void signature_article_digest(struct slice article,
                              uint8_t ret[static SIGNATURE_ARTICLE_DIGEST_BYTES]) {
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, article.len, article.data);
    sha256_digest(&sha, SIGNATURE_ARTICLE_DIGEST_BYTES, ret);
}

static void put_signed(const uint8_t *digest, uint8_t *ret) {
    memcpy(ret, context, sizeof context);
    memcpy(ret + sizeof context, digest, SIGNATURE_ARTICLE_DIGEST_BYTES);
}

void signature_make(const struct key_pair *k, struct slice article, struct signature *ret) {
    uint8_t digest[SIGNATURE_ARTICLE_DIGEST_BYTES], text[SIGNED_BYTES];
    signature_article_digest(article, digest);
    put_signed(digest, text);
    memcpy(ret->key, k->public_key, sizeof ret->key);
    crypto_sign_detached(ret->ed25519, NULL, text, sizeof text, k->secret);
}

bool signature_is_good(const struct signature *s,
                       const uint8_t digest[static SIGNATURE_ARTICLE_DIGEST_BYTES]) {
    uint8_t text[SIGNED_BYTES];
    put_signed(digest, text);
    return crypto_sign_verify_detached(s->ed25519, text, sizeof text, s->key) == 0;
}

void signature_encode(const struct signature *s, uint8_t ret[static SIGNATURE_ENCODED_BYTES]) {
    ret = wire_put_bytes(ret, KEY, (struct slice){s->key, sizeof s->key});
    wire_put_bytes(ret, ED25519, (struct slice){s->ed25519, sizeof s->ed25519});
}

int signature_decode(struct slice encoded, struct signature *ret) {
    bool key = false, ed25519 = false;
    while (encoded.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&encoded, &f))
            return -EBADMSG;
        if (f.number == KEY && f.type == WIRE_LEN && f.bytes.len == KEY_BYTES) {
            memcpy(ret->key, f.bytes.data, KEY_BYTES);
            key = true;
        } else if (f.number == ED25519 && f.type == WIRE_LEN && f.bytes.len == SIGNATURE_BYTES) {
            memcpy(ret->ed25519, f.bytes.data, SIGNATURE_BYTES);
            ed25519 = true;
        } else if (f.number <= ED25519) {
            return -EBADMSG;
        }
    }
    return key && ed25519 ? 0 : -EBADMSG;
}
