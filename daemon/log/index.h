/*
 * A segment's index: where its numbers and times stand, about one point for
 * each INDEX_STEP_BYTES, and which topics it has. The active segment's is in
 * memory; a closed segment's stands in a file beside it, from which a reader
 * finds its place, or learns that it may pass the segment over. An index that
 * is missing or bad costs time, nothing else: the segment is then read from its
 * start.
 */
#pragma once

#include "proto/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum { INDEX_STEP_BYTES = 64 << 10 };

/* Says of the batches from offset up to the next point: */
struct index_point {
    uint64_t seq;     /* no lower number is in them */
    uint64_t offset;  /* of the first of them */
    int64_t min_usec; /* no entry in them is older */
};

struct index {
    struct index_point *points;
    size_t n, max;
    uint8_t *topics; /* each a byte of length, then its bytes; closed segments only */
    size_t topics_len;
};

/* Takes note of an entry in the batch that begins at offset. 0 or -ENOMEM. */
int index_add(struct index *index, uint64_t offset, uint64_t seq, int64_t usec)
    __attribute__((nonnull, warn_unused_result));

/* Where to begin to read for numbers above `after`: a batch's offset. */
uint64_t index_find_seq(const struct index *index, uint64_t after) __attribute__((nonnull));

/* The last point that covers an entry older than since_usec; NULL: none does. */
const struct index_point *index_find_time(const struct index *index, int64_t since_usec)
    __attribute__((nonnull));

/* Adds a topic to those that the segment has. 0 or -ENOMEM. */
int index_add_topic(struct index *index, struct slice topic)
    __attribute__((nonnull, warn_unused_result));

/* Whether one of the topics begins with one of the prefixes (none: all). */
bool index_has_topic(const struct index *index, const struct slice *prefixes, size_t n)
    __attribute__((nonnull(1)));

/* Writes the index of segment `base`, not synced. 0 or -errno. */
int index_save(int folder, uint64_t base, const struct index *index)
    __attribute__((nonnull, warn_unused_result));

/* Reads it. 0; -ENOENT; -EBADMSG; other -errno. */
int index_load(int folder, uint64_t base, struct index *ret)
    __attribute__((nonnull, warn_unused_result));

enum { INDEX_NAME_BYTES = 32 };
void index_name(uint64_t base, char ret[static INDEX_NAME_BYTES]);
bool index_parse_name(const char *name, uint64_t *ret_base) __attribute__((nonnull));

/* Empties the index and frees what it holds. */
void index_done(struct index *index) __attribute__((nonnull));
