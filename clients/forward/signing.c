#include "clients/forward/signing.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { KEY_BYTES = 1024 };

static int find_key(const struct secret *secret, uint8_t key[static KEY_BYTES], size_t *ret_len) {
    static const char prefix[] = "whsec_";
    struct slice s = secret_bytes(secret);
    size_t skip = sizeof prefix - 1;
    if (s.len > skip && memcmp(s.data, prefix, skip) == 0)
        return sodium_base642bin(key, KEY_BYTES, (const char *)s.data + skip, s.len - skip, NULL,
                                 ret_len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0
                   ? 0
                   : -EINVAL;
    if (s.len > KEY_BYTES)
        return -EINVAL;
    memcpy(key, s.data, s.len);
    *ret_len = s.len;
    return 0;
}

int signing_webhook(const struct secret *secret, const char *id, int64_t timestamp,
                    struct slice body, char ret[static SIGNATURE_BYTES]) {
    crypto_auth_hmacsha256_state state;
    uint8_t key[KEY_BYTES], mac[crypto_auth_hmacsha256_BYTES];
    char before[160];
    size_t key_len;
    int r = find_key(secret, key, &key_len);
    int n = snprintf(before, sizeof before, "%.100s.%lld.", id, (long long)timestamp);
    if (r == 0) {
        crypto_auth_hmacsha256_init(&state, key, key_len);
        crypto_auth_hmacsha256_update(&state, (const uint8_t *)before, (size_t)n);
        crypto_auth_hmacsha256_update(&state, body.data, body.len);
        crypto_auth_hmacsha256_final(&state, mac);
        memcpy(ret, "v1,", 3);
        sodium_bin2base64(ret + 3, SIGNATURE_BYTES - 3, mac, sizeof mac,
                          sodium_base64_VARIANT_ORIGINAL);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(&state, sizeof state);
    return r;
}

void signing_superdesk(const struct secret *secret, struct slice body,
                       char ret[static SIGNATURE_BYTES]) {
    struct hmac_sha1_ctx context;
    uint8_t mac[SHA1_DIGEST_SIZE];
    struct slice key = secret_bytes(secret);
    hmac_sha1_set_key(&context, key.len, key.data);
    hmac_sha1_update(&context, body.len, body.data);
    hmac_sha1_digest(&context, sizeof mac, mac);
    memcpy(ret, "sha1=", 5);
    sodium_bin2hex(ret + 5, SIGNATURE_BYTES - 5, mac, sizeof mac);
    sodium_memzero(&context, sizeof context);
}
