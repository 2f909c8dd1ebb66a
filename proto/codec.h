/*
 * Articles as bytes: looking over what a peer sent, unpacking, packing, and
 * the digest that says whether two articles are the same.
 *
 * Nothing here trusts its input. The scan comes before protobuf-c, which takes
 * invalid UTF-8, cuts strings at a NUL when it packs again, and turns 1 MiB of
 * empty elements into 28 MiB of objects.
 */
#pragma once

#include "proto/article.h"
#include "proto/fault.h"
#include "proto/limits.h"
#include "proto/wire.h"

#include <stdbool.h>

/* Makes a text valid UTF-8 in place: what is not becomes '?'. A text that was cut
 * within a character would make a message that other languages refuse. */
void codec_mend_utf8(char *text) __attribute__((nonnull));

/* How many bytes, at most so many, are whole characters at the beginning of a text. */
size_t codec_fit_utf8(const char *text, size_t most) __attribute__((nonnull));

/* Looks over the bytes of any message of newswire.v1 by its descriptor:
 * well-formed, every string valid UTF-8 without NUL, wire types as declared,
 * lengths and element counts within limits.h, nesting bounded. Unknown fields
 * may stand in it if they are well-formed. 0, or -EINVAL with *ret_fault set. */
int codec_scan(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
               struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* Scans and unpacks a message into the arena. Unknown fields are kept, so that
 * packing it again gives them back. 0; -EINVAL with *ret_fault set; -ENOMEM
 * past the arena's limit. */
int codec_unpack(const ProtobufCMessageDescriptor *descriptor, struct arena *a, struct slice bytes,
                 ProtobufCMessage **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* codec_unpack for an Article, and what must hold of every article that goes
 * on a wire: uri present, without white space; version at least 1; kind known;
 * urgency 0 to 9; page_date a full-date; times within the years 1 to 9999; a
 * headline or a block unless canceled; one-line fields without line breaks. */
int codec_unpack_article(struct arena *a, struct slice bytes, Article **ret,
                         struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* The rules and limits of codec_unpack_article for an article that was built here. */
int codec_check_article(const Article *article, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* Packs any message into the arena. 0, or -ENOMEM. */
int codec_pack(struct arena *a, const ProtobufCMessage *message, struct slice *ret)
    __attribute__((nonnull, warn_unused_result));

/* Writes the content digest: SHA-256 over the canonical form that
 * PROTOCOL.md defines ("Content digest"). Needs no memory. */
void codec_content_digest(const Article *article, uint8_t ret_digest[static LIMIT_DIGEST_BYTES])
    __attribute__((nonnull));
