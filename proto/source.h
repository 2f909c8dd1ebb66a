/*
 * Identity from the source text: digests over what was printed, with all white
 * space removed, so that a page that was wrapped, indented or encoded anew is
 * the same page. What a parser makes of the text has no part in it.
 */
#pragma once

#include "proto/article.h"
#include "proto/wire.h"

#include <nettle/sha2.h>

enum {
    SOURCE_URI_DIGITS = 32,    /* half of a SHA-256, in hex */
    SOURCE_DIGEST_DIGITS = 64, /* of a SHA-256, in hex */
    SOURCE_DIGEST_SIZE = sizeof "sha256:" + SOURCE_DIGEST_DIGITS,
};

/* Takes text piece by piece; where it is cut changes nothing. */
struct source {
    struct sha256_ctx text, uri;
};

/* Begins; the context is what else makes a source one of its own: publication,
 * date, page, a header's uri. Its strings go into the uri only. */
void source_init(struct source *s, const char *const *context, size_t n_context)
    __attribute__((nonnull(1)));

/* Adds UTF-8 text. */
void source_update(struct source *s, struct slice utf8) __attribute__((nonnull));

/* Writes "sha256:<64 hex>" over the text and, for the uri, 32 hex digits
 * over context and text; both ended by NUL. */
void source_final(struct source *s, char ret_digest[static SOURCE_DIGEST_SIZE],
                  char ret_uri_digits[static SOURCE_URI_DIGITS + 1]) __attribute__((nonnull));

/* The digest of one text, for parsers that need nothing else. */
void source_digest(struct slice utf8, char ret_digest[static SOURCE_DIGEST_SIZE])
    __attribute__((nonnull));
