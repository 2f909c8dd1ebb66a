#include "proto/source.h"

#include <sodium.h>
#include <stdio.h>

void source_init(struct source *s, const char *const *context, size_t n_context) {
    sha256_init(&s->text);
    sha256_init(&s->uri);
    for (size_t i = 0; i < n_context; i++) /* the NUL keeps neighbours apart */
        sha256_update(&s->uri, strlen(context[i]) + 1, (const uint8_t *)context[i]);
}

/* The bytes of the white space at the front, 0 when there is none: ASCII's,
 * U+0085, U+00A0, U+1680, U+2000 to U+200B, U+2028, U+2029, U+202F, U+205F,
 * U+3000, U+FEFF. */
static size_t space_at(const uint8_t *p, size_t len) {
    if (p[0] <= 0x20)
        return 1;
    if (p[0] == 0xc2 && len >= 2)
        return p[1] == 0x85 || p[1] == 0xa0 ? 2 : 0;
    if (len < 3 || p[0] < 0xe1 || (p[0] > 0xe3 && p[0] != 0xef))
        return 0;
    uint32_t c = (uint32_t)(p[0] & 15) << 12 | (uint32_t)(p[1] & 63) << 6 | (p[2] & 63);
    bool space = c == 0x1680 || (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 ||
                 c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
    return space ? 3 : 0;
}

void source_update(struct source *s, struct slice utf8) {
    size_t from = 0, i = 0;
    while (i <= utf8.len) {
        size_t space = i < utf8.len ? space_at(utf8.data + i, utf8.len - i) : 1;
        if (space == 0) {
            i++; /* the bytes within a character are no white space either */
            continue;
        }
        if (i > from)
            sha256_update(&s->text, i - from, utf8.data + from);
        i += space;
        from = i;
    }
}

void source_final(struct source *s, char ret_digest[static SOURCE_DIGEST_SIZE],
                  char ret_uri_digits[static SOURCE_URI_DIGITS + 1]) {
    uint8_t digest[SOURCE_DIGEST_DIGITS / 2], uri[SOURCE_URI_DIGITS / 2];
    char hex[SOURCE_DIGEST_DIGITS + 1];
    sha256_digest(&s->text, sizeof digest, digest);
    sha256_update(&s->uri, sizeof digest, digest);
    sha256_digest(&s->uri, sizeof uri, uri);
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    snprintf(ret_digest, SOURCE_DIGEST_SIZE, "sha256:%s", hex);
    sodium_bin2hex(ret_uri_digits, SOURCE_URI_DIGITS + 1, uri, sizeof uri);
}

void source_digest(struct slice utf8, char ret_digest[static SOURCE_DIGEST_SIZE]) {
    struct source s;
    char digits[SOURCE_URI_DIGITS + 1];
    source_init(&s, NULL, 0);
    source_update(&s, utf8);
    source_final(&s, ret_digest, digits);
}
