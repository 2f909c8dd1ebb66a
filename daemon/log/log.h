/*
 * The log: every accepted article, durable, in one order.
 *
 * One small asynchronous interface, so that a file on this machine and a
 * replicated stream are the same to everybody else. What always holds:
 *
 *  - Nothing is answered or published before the log has handed it back as
 *    durable. follow hands results back in the log's order.
 *  - Whether an article is new, a duplicate, a new version or refused is a
 *    function of that order and nothing else (view.h).
 *  - A number is given when the order is fixed; it is never given twice.
 *
 * Threads: append, dispatch and close belong to the loop's thread. A
 * log_cursor may be used by any one thread. log_heads and log_bounds may be
 * called from any thread.
 */
#pragma once

#include "daemon/pulse.h"
#include "proto/codec.h"
#include "proto/entry.h"
#include "proto/parse.h"

#include <stdbool.h>
#include <stdint.h>

struct log;
struct log_cursor;
struct log_batch;

struct log_config {
    const char *directory;
    uint64_t segment_bytes;      /* a segment is closed when it is this large */
    uint64_t retain_usec;        /* bodies older than this may go; 0: never */
    uint64_t retain_bytes;       /* the oldest segments go when all are larger; 0: never */
    uint64_t remember_usec;      /* identities are known at least this long; 0: for ever */
    uint64_t batch_bytes;        /* one append and fsync takes at most this much */
    uint64_t queue_bytes;        /* proposals waiting; append says -EAGAIN beyond */
    uint64_t checkpoint_entries; /* the view is written down after so many entries */
    uint64_t free_bytes;         /* intake is refused when the disk has less left */
    int64_t (*now_usec)(void);   /* UTC; NULL: the system's clock */
};

/* What intake asks to be put on the log. Everything is copied by log_append. */
struct log_proposal {
    struct slice article; /* an encoded Article that has passed admit */
    const char *uri;
    uint32_t version;
    const char *topic;
    bool canceled;           /* a kill: a new version that withdraws the story */
    bool forced;             /* a version whose original isn't known is taken */
    uint32_t urgency;        /* 1 (most urgent) to 9; 0 says nothing */
    int64_t hold_until_usec; /* UTC; 0 or past: not held */
    uint32_t approvals;      /* persons who must approve it first; 0: none */
    uint8_t content_digest[LIMIT_DIGEST_BYTES];
    const char *const *path; /* daemons passed so far */
    size_t n_path;
    struct slice signature;      /* an encoded Signature; empty: none */
    const char *origin;          /* whose it is; NULL: nobody's that is known */
    const char *const *sections; /* whose stories the sender may change; NULL: all */
    size_t n_sections;
    void *cookie; /* handed back with the result; not looked at */
};

enum log_outcome {
    LOG_ACCEPTED,    /* a new entry */
    LOG_DUPLICATE,   /* seq is the first entry's (0: it is held) */
    LOG_HELD,        /* durable, but not an entry yet */
    LOG_RELEASED,    /* a held article became an entry; cookie is NULL unless it was asked for */
    LOG_NOTICE_MADE, /* the story moved: a notice on its old topic; cookie is NULL */
    LOG_REFUSED,     /* for good; see fault */
    LOG_APPROVED,    /* the approval is noted; seq counts those that are missing */
    LOG_REJECTED,    /* the held article is gone */
    LOG_ANSWERED,    /* to a question; see story, held and snapshot */
    LOG_UNAVAILABLE, /* not taken, and not kept; see fault; the same may be tried again */
};

/* An article that is held back. */
struct log_held {
    uint64_t id;
    int64_t until_usec; /* UTC; past: it waits for approvals only */
    uint32_t approvals; /* that it wants */
    struct entry entry; /* to come: its seq is the id, approved_by who did so far */
};

/* The log's files as they are at one moment, up to entry `head`: hard links in a
 * folder of their own, so that they stay whatever becomes of the log. Somebody who
 * copies `bytes` of each, in this order, has all of it: the last one makes it a log. */
struct log_snapshot {
    uint64_t id;
    const char *directory; /* absolute */
    uint64_t epoch, head, entries;
    const struct log_snapshot_file {
        char name[48];
        uint64_t bytes;
    } * files;
    size_t n;
};

enum { LOG_SNAPSHOT_KEPT_SEC = 120 };

/* What is known of a uri. */
struct log_story {
    uint32_t version; /* newest on the log; 0: none */
    uint64_t seq;
    struct slice topic;
    bool killed;
    uint32_t held_version; /* 0: none */
    struct slice held_topic;
};

struct log_result {
    enum log_outcome outcome;
    void *cookie;
    uint64_t seq;
    uint64_t prev_seq;
    uint64_t replaces;
    struct slice topic;
    struct slice moved_from; /* the topic that the story has left with this entry; empty: none */
    /* LOG_ACCEPTED, LOG_RELEASED and LOG_NOTICE_MADE: the entry as field ENTRY_FIELD (tag,
     * length, Entry), ready for a FeedMessage. Valid as long as the batch is. */
    struct slice entry;
    const struct log_story *story; /* LOG_ASK_STORY */
    const struct log_held *held;   /* LOG_ASK_HELD, in the order of their times */
    size_t n_held;
    const struct log_snapshot *snapshot; /* LOG_ASK_SNAPSHOT */
    struct fault fault;
};

/* Whether the result carries an entry. */
static inline bool log_is_entry(const struct log_result *r) {
    return r->outcome == LOG_ACCEPTED || r->outcome == LOG_RELEASED ||
           r->outcome == LOG_NOTICE_MADE;
}

/* Durable results, in order. The batch is the memory behind their slices: it
 * goes when this returns, unless log_batch_ref took hold of it. */
typedef void (*log_follow_fn)(void *userdata, struct log_batch *batch,
                              const struct log_result *results, size_t n);

/* Keeps a batch's memory; each ref wants one unref, from any thread. */
struct log_batch *log_batch_ref(struct log_batch *batch) __attribute__((nonnull));
void log_batch_unref(struct log_batch *batch);

struct log_bounds {
    uint64_t epoch;
    uint64_t first;        /* oldest entry that can be read; head + 1 when there is none */
    uint64_t head;         /* newest durable entry; 0 when there never was one */
    uint64_t newest_topic; /* seq of the newest first entry of any topic */
    uint64_t entries;      /* that can be read */
    uint64_t bytes;        /* on disk */
    uint64_t held;
    bool taking; /* whether appends are taken; if not, trouble says why */
    char trouble[256];
    struct pulse_state pulse; /* of what writes the log */
};

struct log_head {
    char topic[LIMIT_TOPIC_BYTES + 1];
    uint64_t head;
    uint64_t entries; /* ever */
};

/* Opens the log in a folder, makes it when it is not there, and recovers it:
 * checks the tail, cuts and keeps a torn one, syncs, before anything is served.
 * Takes an exclusive lock. -EBUSY: another daemon has it; -EBADMSG: damage
 * below the durable offset, with *ret_fault naming segment and offset, or a format
 * that this version doesn't know, or a restore that was cut short; other -errno;
 * with *ret_fault set.
 * Warnings (a tail that was cut, a folder that is a copy) are left in *ret_notes, newest last. */
int log_open(const struct log_config *config, log_follow_fn follow, void *userdata,
             struct log **ret, struct text_list *ret_notes, struct arena *notes_arena,
             struct fault *ret_fault) __attribute__((nonnull(1, 2, 4, 7), warn_unused_result));

/* Asks for the proposals to be put on the log, in their order, after all that
 * was asked before; but a kill goes before what waits with a lower urgency, and
 * takes waiting versions of its uri with it. Each gets exactly one result. 0;
 * -EAGAIN when the queue is full: none was taken. */
int log_append(struct log *log, const struct log_proposal *proposals, size_t n)
    __attribute__((nonnull, warn_unused_result));

enum log_ask_type {
    LOG_ASK_STORY,   /* what is known of uri */
    LOG_ASK_HELD,    /* what is held */
    LOG_ASK_RELEASE, /* let the held article go before its time; not without its approvals */
    LOG_ASK_APPROVE, /* note that who approved; it goes when nothing else is missing */
    LOG_ASK_REJECT,  /* it is never to go */
    /* A snapshot, whose head is the result's seq; refused while there is one. It goes when its end
     * is asked for, at the next start, or when nobody has kept it for LOG_SNAPSHOT_KEPT_SEC. */
    LOG_ASK_SNAPSHOT,
    LOG_ASK_SNAPSHOT_KEEP,
    LOG_ASK_SNAPSHOT_END,
};

/* Everything is copied by log_ask. */
struct log_ask {
    enum log_ask_type type;
    uint64_t hold; /* or the snapshot */
    const char *uri;
    const char *who; /* "Name (account)"; a name counts once, case aside */
    void *cookie;
};

/* Asks behind all that was asked before; gets exactly one result. 0 or -EAGAIN. */
int log_ask(struct log *log, const struct log_ask *ask)
    __attribute__((nonnull, warn_unused_result));

/* Readable when log_dispatch has something to do. */
int log_fd(const struct log *log) __attribute__((nonnull));

/* Calls follow for what has become durable, at most max_results. Returns
 * whether there is more. */
bool log_dispatch(struct log *log, size_t max_results) __attribute__((nonnull));

/* From now on the limits are those of config; its folder and clock don't count. Retention
 * comes at once. */
void log_configure(struct log *log, const struct log_config *config) __attribute__((nonnull));

/* Any thread. */
void log_bounds(struct log *log, struct log_bounds *ret) __attribute__((nonnull));

/* The heads of all topics that begin with one of the prefixes (none: all), as
 * they were at one moment: *ret_as_of is the log's head then, *ret_newest as in
 * log_bounds. *ret is malloc'd. 0 or -ENOMEM. Any thread. */
int log_heads(struct log *log, const struct slice *prefixes, size_t n_prefixes,
              struct log_head **ret, size_t *ret_n, uint64_t *ret_as_of, uint64_t *ret_newest)
    __attribute__((nonnull(1, 4, 5, 6, 7), warn_unused_result));

/* Waits until everything appended is decided, hands it all to follow, writes
 * the view down, and closes. Takes NULL; returns NULL. */
struct log *log_close(struct log *log);

/* ---- reading, from any one thread */

int log_cursor_open(struct log *log, struct log_cursor **ret)
    __attribute__((nonnull, warn_unused_result));
struct log_cursor *log_cursor_close(struct log_cursor *cursor);

struct log_read {
    size_t bytes; /* written to the buffer: entries as field ENTRY_FIELD, one after another */
    size_t entries;
    uint64_t scanned_seq; /* every matching entry up to here has been handed out */
    bool at_until;        /* there is nothing more up to `until` */
};

/* Copies entries with after < seq <= until whose topic begins with one of the
 * prefixes (none: all) into the buffer, in the log's order: as many as are not
 * larger together than `enough`, or one that is larger alone. until must not be
 * above the durable head. The buffer holds at least LIMIT_ENTRY_BYTES and
 * `enough`. A call reads a bounded amount of the log even when little
 * matches, so it may give no entry and still not be at_until. What was there of
 * a story before it was killed comes without its article.
 * 0; -EBADMSG with *ret_fault naming segment and offset when the log is damaged
 * there; -EIO and such. */
int log_cursor_read(struct log_cursor *cursor, const struct slice *prefixes, size_t n_prefixes,
                    uint64_t after, uint64_t until, uint8_t *buffer, size_t size, size_t enough,
                    struct log_read *ret, struct fault *ret_fault)
    __attribute__((nonnull(1, 6, 9, 10), warn_unused_result));

/* The seq after which every entry was stored at that time or later. 0 or -errno. */
int log_cursor_seek_time(struct log_cursor *cursor, int64_t since_usec, uint64_t *ret_after)
    __attribute__((nonnull, warn_unused_result));
