#include "clients/forward/receipt_link.h"

#include "clients/forward/secret.h"
#include "proto/journal/journal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { MAC_BYTES = 16, TOKEN_BYTES = 4096 };

struct receipt_links {
    const char *url;
    struct secret *secret;
};

int receipt_links_new(const struct forward_config *config, struct receipt_links **ret) {
    char error[512];
    *ret = NULL;
    if (*config->receipts.url == '\0' && *config->receipts.listen == '\0')
        return 0;
    struct receipt_links *links = calloc(1, sizeof *links);
    if (links == NULL)
        return -ENOMEM;
    links->url = config->receipts.url;
    int r = secret_load(config->receipts.secret, &links->secret, error, sizeof error);
    if (r == 0) {
        *ret = links;
        return 0;
    }
    journal(JOURNAL_TOOL_FAILED, NULL, "[receipts] %s", error);
    free(links);
    return r;
}

struct receipt_links *receipt_links_free(struct receipt_links *links) {
    if (links != NULL)
        secret_free(links->secret);
    free(links);
    return NULL;
}

/* Over "outlet NUL uri"; the secret may have any length. */
static void sign(const struct receipt_links *links, const uint8_t *text, size_t len,
                 uint8_t ret[static MAC_BYTES]) {
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    struct slice key = secret_bytes(links->secret);
    crypto_auth_hmacsha256_init(&state, key.data, key.len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)"receipt", sizeof "receipt");
    crypto_auth_hmacsha256_update(&state, text, len);
    crypto_auth_hmacsha256_final(&state, mac);
    memcpy(ret, mac, MAC_BYTES);
}

const char *receipt_link(const struct receipt_links *links, struct arena *a, const char *outlet,
                         const char *uri) {
    if (links == NULL || *links->url == '\0')
        return "";
    size_t n_outlet = strlen(outlet), n_uri = strlen(uri), len = n_outlet + 1 + n_uri;
    size_t n_url = strlen(links->url);
    size_t room =
        sodium_base64_encoded_len(MAC_BYTES + len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    uint8_t *signed_text = arena_alloc(a, MAC_BYTES + len + 1);
    char *link = arena_alloc(a, n_url + 1 + room);
    if (signed_text == NULL || link == NULL)
        return NULL;
    memcpy(signed_text + MAC_BYTES, outlet, n_outlet + 1);
    memcpy(signed_text + MAC_BYTES + n_outlet + 1, uri, n_uri);
    sign(links, signed_text + MAC_BYTES, len, signed_text);
    memcpy(link, links->url, n_url);
    link[n_url] = '/';
    sodium_bin2base64(link + n_url + 1, room, signed_text, MAC_BYTES + len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return link;
}

bool receipt_link_read(const struct receipt_links *links, struct arena *a, const char *token,
                       const char **ret_outlet, const char **ret_uri) {
    uint8_t mac[MAC_BYTES];
    size_t len;
    uint8_t *bytes = arena_alloc(a, TOKEN_BYTES + 1);
    if (links == NULL || bytes == NULL ||
        sodium_base642bin(bytes, TOKEN_BYTES, token, strlen(token), NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len < MAC_BYTES + 2)
        return false;
    sign(links, bytes + MAC_BYTES, len - MAC_BYTES, mac);
    const char *outlet = (const char *)bytes + MAC_BYTES;
    size_t n_outlet = strnlen(outlet, len - MAC_BYTES);
    if (sodium_memcmp(mac, bytes, MAC_BYTES) != 0 || n_outlet == len - MAC_BYTES)
        return false;
    bytes[len] = '\0';
    *ret_outlet = outlet;
    *ret_uri = outlet + n_outlet + 1;
    return true;
}
