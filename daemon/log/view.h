/*
 * The view: what the log's records say, taken together. Topic heads,
 * identities, and the articles that are held back.
 *
 * view_decide says what becomes of a proposal. It looks at the view, which is
 * made of the records before it, and at nothing else: every engine that gives
 * the same records the same order comes to the same results. What it decides is
 * put on the log as records, and each record is applied here.
 *
 * Changes since view_begin can be taken back, for a batch that didn't become
 * durable. The view belongs to the log's thread.
 */
#pragma once

#include "daemon/log/identity.h"
#include "daemon/log/kills.h"
#include "daemon/log/log.h"

struct view_topic {
    char name[LIMIT_TOPIC_BYTES + 1];
    uint64_t head;    /* 0: no entry yet */
    uint64_t first;   /* its first entry ever */
    uint64_t entries; /* ever */
};

/* An article that waits for its time, or for persons who approve it. */
struct view_held {
    uint64_t id; /* the hold record's number */
    int64_t until_usec;
    uint32_t approvals; /* that it wants */
    char *approved_by[LIMIT_APPROVALS];
    size_t n_approved_by;
    uint8_t key[IDENTITY_KEY_BYTES];
    uint32_t version;
    uint8_t digest[IDENTITY_DIGEST_BYTES];
    uint8_t *bytes; /* the entry to come, as field ENTRY_FIELD; its seq is the id */
    size_t len;
    bool gone; /* released or dropped since view_begin */
};

struct view_undo;

struct view {
    struct view_topic *topics;
    size_t n_topics, n_topics_max;
    uint32_t *topic_slots; /* hash of the name: index + 1 */
    size_t n_topic_slots;
    struct identity_set identities;
    struct kills kills;
    struct view_held *held; /* in the order of their times */
    size_t n_held, n_held_max;
    size_t held_bytes;
    uint64_t head;    /* newest entry */
    uint64_t entries; /* ever */
    struct identity_change *changes;
    size_t n_changes;
    struct view_undo *undo;
    size_t n_undo, n_undo_max;
    uint64_t undo_head, undo_entries;
};

enum {
    /* Held articles are in memory; more than these bytes are refused. */
    VIEW_HELD_BYTES = 256 << 20,
};

struct view_decision {
    enum log_outcome outcome;
    uint64_t seq;  /* LOG_DUPLICATE: of the first; 0: it is held */
    uint64_t drop; /* a hold that this version takes the place of; 0: none */
    struct slice topic;
    struct slice moved_from; /* the topic that the story leaves; empty: it stays */
    uint32_t moved_version;  /* that stands there */
    uint64_t replaces;
    int64_t hold_until_usec; /* LOG_HELD */
    uint32_t approvals;      /* likewise */
    uint8_t key[IDENTITY_KEY_BYTES];
    struct fault fault; /* LOG_REFUSED */
};

/* Decides about a proposal at a time. 0, or -errno with *ret_fault set when an
 * identity can't be read. The decision's topic belongs to the proposal or the view. */
int view_decide(const struct view *v, const struct log_proposal *proposal, int64_t now_usec,
                struct view_decision *ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* The topic's head; 0 when it has none. */
uint64_t view_topic_head(const struct view *v, struct slice topic) __attribute__((nonnull));

/* Puts a topic there with its heads, as it was saved. 0, -ENOMEM, -EBADMSG. */
int view_add_topic(struct view *v, const struct view_topic *topic)
    __attribute__((nonnull, warn_unused_result));

/* Begins a batch of at most n records, whose changes can be taken back until
 * the next view_begin. Entries of held articles that went keep their bytes
 * until then. 0 or -ENOMEM. */
int view_begin(struct view *v, size_t n) __attribute__((nonnull, warn_unused_result));

/* Applies an entry; key is identity_key of its uri; flags: of enum
 * segment_entry_flags; hold: the hold that it releases, 0 for none. *ret_topic
 * (unless NULL) is the topic's index. 0 or -ENOMEM. */
int view_apply_entry(struct view *v, const struct entry *entry, const uint8_t *key, unsigned flags,
                     uint64_t hold, uint32_t *ret_topic)
    __attribute__((nonnull(1, 2, 3), warn_unused_result));

/* Applies a hold, whose payload is copied. 0, -ENOMEM, -EBADMSG. */
int view_apply_hold(struct view *v, struct slice payload, int64_t until_usec, uint32_t approvals)
    __attribute__((nonnull, warn_unused_result));

/* Applies an approval by somebody who hasn't approved yet. 0 or -ENOMEM. */
int view_apply_approval(struct view *v, uint64_t hold, struct slice who)
    __attribute__((nonnull, warn_unused_result));

/* Applies a drop. */
void view_apply_drop(struct view *v, uint64_t hold) __attribute__((nonnull));

/* Takes back everything since view_begin. */
void view_undo(struct view *v) __attribute__((nonnull));

/* The held article of that id; NULL when there is none. */
const struct view_held *view_held_find(const struct view *v, uint64_t id) __attribute__((nonnull));

/* The held article of that uri (identity_key); NULL when there is none. */
const struct view_held *view_held_of(const struct view *v, const uint8_t *key)
    __attribute__((nonnull));

/* Whether nothing keeps it any longer. */
bool view_held_is_due(const struct view_held *held, int64_t now_usec) __attribute__((nonnull));

/* The held article that is due, the earliest first; NULL when there is none.
 * Those that this batch released don't count. */
const struct view_held *view_due(const struct view *v, int64_t now_usec) __attribute__((nonnull));

/* When the next one is due, UTC; INT64_MAX: none is, but for approvals. */
int64_t view_next_release(const struct view *v) __attribute__((nonnull));

/* Articles that are held. */
size_t view_n_held(const struct view *v) __attribute__((nonnull));

/* The Entry within a field ENTRY_FIELD. 0 or -EBADMSG. */
int view_decode(struct slice payload, struct entry *ret)
    __attribute__((nonnull, warn_unused_result));

void view_done(struct view *v) __attribute__((nonnull));

/* ---- the checkpoint: the file that holds the view but for its identities */

#define VIEW_FILE "view"

/* The place on the log that a checkpoint covers, and what counts from there. */
struct view_position {
    uint64_t epoch;
    uint64_t segment; /* base */
    uint64_t offset;  /* durable below */
    uint64_t next_seq;
    uint64_t next_run;
};

/* The view's topics and held articles as bytes, malloc'd. 0 or -ENOMEM. */
int view_save(const struct view *v, uint8_t **ret, size_t *ret_len)
    __attribute__((nonnull, warn_unused_result));

/* Writes the checkpoint: position, what view_save gave, and the runs. 0 or -errno. */
int view_write_checkpoint(int folder, const struct view_position *position, const uint8_t *saved,
                          size_t len, const uint64_t *runs, size_t n_runs)
    __attribute__((nonnull(2, 3), warn_unused_result));

/* Reads the checkpoint into an empty view and opens its runs. 0; -ENOENT: there
 * is none; -ESTALE: it is of an older format, and says too little; -EBADMSG: it is
 * damaged, or of an unknown format; other -errno; with *ret_fault set. view_done afterwards in any
 * case. */
int view_load(int folder, struct view *v, struct view_position *ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
