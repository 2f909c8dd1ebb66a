/*
 * The messages that a reader gets and sends, read and written in place.
 *
 * Feed messages and replies of replay carry entries at the speed of the wire:
 * what stands around the entries is read in one pass, and the entries are then
 * walked one by one. Nothing is copied or allocated; all slices point into the
 * message. Unknown fields are passed over. PROTOCOL.md: "Feed", "Replay".
 */
#pragma once

#include "proto/entry.h"

#include <stdbool.h>

struct frame_heartbeat {
    struct slice checkpoint; /* an encoded SignedCheckpoint; empty: none */
    uint64_t epoch;
    uint64_t head;
    uint64_t as_of;
    uint64_t newest_topic;
    uint64_t first;
};

struct frame_error {
    uint32_t code; /* 0: none */
    struct slice message;
};

/* A FeedMessage or a ReplayReply. */
struct frame {
    struct slice bytes; /* the whole of it; for frame_next_entry and frame_next_head */
    bool has_heartbeat;
    struct frame_heartbeat heartbeat;
    uint64_t request_id, epoch, proven_seq, first, head, newest_topic;
    bool done;
    bool has_error;
    struct frame_error error;
};

struct frame_head {
    struct slice topic;
    uint64_t head;
};

/* Read what stands around the entries. 0, or -EBADMSG. */
int frame_read_feed(struct slice bytes, struct frame *ret)
    __attribute__((nonnull, warn_unused_result));
int frame_read_replay(struct slice bytes, struct frame *ret)
    __attribute__((nonnull, warn_unused_result));

/* Takes the next entry or head off *rest, which starts as the frame's bytes.
 * 1; 0 when there is none left; -EBADMSG. */
int frame_next_entry(struct slice *rest, struct entry *ret)
    __attribute__((nonnull, warn_unused_result));
int frame_next_head(struct slice *rest, struct frame_head *ret)
    __attribute__((nonnull, warn_unused_result));

/* What a replay session asks for; as ReplayOpen. */
struct frame_open {
    uint64_t epoch;
    uint64_t after;
    int64_t since_usec;
    uint64_t credit_bytes;
};

/* The most bytes of a request with these prefixes. */
size_t frame_request_max(const struct slice *prefixes, size_t n_prefixes);

/* Each writes a ReplayRequest at p, where there is room, and returns the first
 * byte behind it. An empty prefix covers every topic. */
uint8_t *frame_put_open(uint8_t *p, uint64_t request_id, const struct frame_open *open,
                        const struct slice *prefixes, size_t n_prefixes);
uint8_t *frame_put_credit(uint8_t *p, uint64_t request_id, uint64_t bytes);
uint8_t *frame_put_close(uint8_t *p, uint64_t request_id);
uint8_t *frame_put_heads(uint8_t *p, uint64_t request_id, const struct slice *prefixes,
                         size_t n_prefixes);
uint8_t *frame_put_report(uint8_t *p, struct slice client, uint64_t epoch, uint64_t proven_seq,
                          const struct slice *prefixes, size_t n_prefixes);
