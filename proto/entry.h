/*
 * An entry as bytes: encoding, and reading in place.
 *
 * The log writes entries, replay and feed pass them on, readers look at them:
 * all at the speed of the wire, so an entry is never unpacked into objects.
 * Strings in a struct entry are slices of the encoded bytes and end with them.
 */
#pragma once

#include "proto/limits.h"
#include "proto/wire.h"

struct entry {
    uint64_t epoch;
    uint64_t seq;
    uint64_t prev_seq;
    struct slice topic;
    int64_t stored_at_usec;
    struct slice uri;
    uint32_t version;
    struct slice content_digest; /* LIMIT_DIGEST_BYTES */
    uint64_t replaces;
    struct slice path[LIMIT_PATH];
    size_t n_path;
    struct slice approved_by[LIMIT_APPROVALS];
    size_t n_approved_by;
    struct slice signature;      /* an encoded Signature; empty: none */
    struct slice origin;         /* whose it is, as the daemon found; empty: nobody's */
    struct slice article_digest; /* of a text that is missing; empty otherwise */
    struct slice article;        /* an encoded Article */
};

/* The field number of `entries` in FeedMessage and in ReplayReply: an entry
 * with this field's tag and length before it can be put in either as it is. */
enum { ENTRY_FIELD = 1 };

/* Room that entry_encode needs at most for this entry, its field header included. */
size_t entry_encoded_max(const struct entry *e) __attribute__((nonnull));

/* Writes the entry as field ENTRY_FIELD (tag, length, Entry) at p, where
 * entry_encoded_max bytes are free. Returns the first byte behind it. */
uint8_t *entry_encode(const struct entry *e, uint8_t *p) __attribute__((nonnull));

/* Reads an Entry, without the field header. The slices of *ret point into the
 * bytes. Unknown fields are passed over. Returns 0, or -EBADMSG when the bytes
 * are no entry: ill-formed, without seq or topic, prev_seq not below seq. */
int entry_decode(struct slice bytes, struct entry *ret)
    __attribute__((nonnull, warn_unused_result));
