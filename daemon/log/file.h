/*
 * The file engine: one folder, one thread that writes.
 *
 *     <base>.log         segments (segment.h)
 *     <base>.index       of closed segments (index.h)
 *     <id>.identities    runs (identity.h)
 *     view               the checkpoint (view.h)
 *     format             says that the folder is a log, and of which format (format.h)
 *     backup/            a snapshot: hard links to all of these
 *     *.torn             tails that were cut at a start, kept for a person
 *     lock               held by the daemon that has the log
 *
 * The log's thread owns the view and the files that grow. What others may look
 * at (the queue, finished batches, segments and their durable ends, heads,
 * bounds) is under the mutex, and never runs ahead of the disk.
 */
#pragma once

#include "daemon/log/engine.h"
#include "daemon/log/index.h"
#include "daemon/log/segment.h"
#include "daemon/log/view.h"

#include <pthread.h>

/* Where a segment ends: durable below, and never looked at behind. */
struct file_segment {
    struct segment_header header;
    uint64_t end;
};

struct file_job; /* a checkpoint being written */

struct file_log {
    struct log log;
    struct log_config config; /* changed by the log's thread, under the mutex */
    char *directory;
    log_follow_fn follow;
    void *userdata;
    int folder, lock, event;
    uint64_t epoch;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;

    /* ---- under the mutex */
    struct file_item *queue, **queue_tail; /* batch.h */
    size_t queue_bytes;
    bool stop, asleep, configured;
    struct log_config next_config; /* if configured */
    struct pulse pulse;            /* of the log's thread; atomic */
    struct file_batch *done, **done_tail;
    struct file_segment *segments; /* oldest first; the last one is written to */
    size_t n_segments, n_segments_max;
    uint64_t bytes;         /* of all segments */
    struct index index;     /* of the last segment */
    struct log_head *heads; /* as the view's topics, but durable */
    size_t n_heads, n_heads_max;
    struct kills kills; /* as the view's, but durable */
    bool kills_lag;     /* some of them are missing */
    struct log_bounds bounds;

    /* ---- the log's thread alone */
    struct view view;
    uint64_t next_seq;
    size_t n_kills_seen; /* of the view's kills, in those under the mutex */
    int active;          /* descriptor of the last segment; -1: a fresh one is needed */
    struct file_job *job;
    uint64_t next_run;
    uint64_t covered_segment; /* by the last checkpoint */
    uint64_t covered_seq;
    bool restoring;         /* the folder is unfinished, and this makes it whole */
    uint64_t snapshot;      /* its id; 0: there is none */
    uint64_t snapshot_head; /* the last entry in it */
    uint64_t snapshot_usec; /* when it was kept last, monotonic */
    bool full;              /* the disk was, or nearly */
    uint64_t wanted_bytes;  /* that a write lacked */
    uint64_t space_checked_usec;
    struct fault trouble;
};

/* UTC, by the config's clock. */
int64_t file_now(const struct file_log *l) __attribute__((nonnull));
uint64_t file_monotonic_usec(void);

/* Reads what the folder holds into l, whose folder, lock and config are set:
 * segments, view, index, active. As log_open. (recover.c) */
int file_recover(struct file_log *l, struct text_list *ret_notes, struct arena *notes_arena,
                 struct fault *ret_fault) __attribute__((nonnull(1, 4), warn_unused_result));

/* Adds a segment to those that can be read. 0 or -ENOMEM. */
int file_add_segment(struct file_log *l, const struct segment_header *header, uint64_t end)
    __attribute__((nonnull, warn_unused_result));

/* Makes the bounds say what the segments and the view say, which must be
 * durable; the mutex is held. */
void file_update_bounds(struct file_log *l) __attribute__((nonnull));

/* Completes the index of a closed segment with the topics that the view says
 * it has, and writes it. The view must not know of any later segment. */
void file_save_index(struct file_log *l, uint64_t base, struct index *index)
    __attribute__((nonnull));

/* ---- checkpoints and retention (job.c), by the log's thread */

/* Begins to write a checkpoint if one is due (or at once) and none is being
 * written, takes over one that is done, and tries one that failed again. */
void file_checkpoint(struct file_log *l, bool now) __attribute__((nonnull));

/* Waits for the checkpoint that is being written. 0 or -errno. */
int file_checkpoint_wait(struct file_log *l) __attribute__((nonnull));

/* Gives up the checkpoint that could not be written. */
void file_checkpoint_forget(struct file_log *l) __attribute__((nonnull));

/* Removes segments that are too old or too many. */
void file_retain(struct file_log *l) __attribute__((nonnull));

/* ---- snapshots (snapshot.c), by the log's thread */

struct file_batch;

/* Answers a LOG_ASK_SNAPSHOT or one of its kin. 0, -ENOMEM. */
int file_snapshot(struct file_log *l, struct file_batch *b, const struct log_ask *ask)
    __attribute__((nonnull, warn_unused_result));

/* Removes a snapshot that nobody keeps. */
void file_snapshot_expire(struct file_log *l) __attribute__((nonnull));

/* Removes what there is of a snapshot. */
void file_snapshot_clear(struct file_log *l) __attribute__((nonnull));

/* ---- making a log another one, while it is closed (restore.c) */

/* Gives it a new epoch, in all its entries and files, and says in the file format
 * that it is whole; durable when this returns, half done when it fails. 0; -errno
 * with *ret_fault. */
int file_begin_epoch(struct file_log *l, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* Opens a log that nothing will be put on: without its thread. What is not NULL fills
 * the locked folder before it is looked at. As log_open; file_free afterwards. (file.c) */
typedef int (*file_fill_fn)(struct file_log *l, void *userdata, struct fault *ret_fault);
int file_open_still(const struct log_config *config, file_fill_fn fill, void *userdata,
                    struct file_log **ret, struct text_list *ret_notes, struct arena *notes_arena,
                    struct fault *ret_fault) __attribute__((nonnull(1, 4, 7), warn_unused_result));
void file_free(struct file_log *l) __attribute__((nonnull));

/* ---- the loop's side (queue.c) */
int file_append(struct log *log, const struct log_proposal *proposals, size_t n);
int file_ask(struct log *log, const struct log_ask *ask);
int file_fd(const struct log *log);
bool file_dispatch(struct log *log, size_t max_results);
void file_configure(struct log *log, const struct log_config *config);
void file_bounds(struct log *log, struct log_bounds *ret);
int file_heads(struct log *log, const struct slice *prefixes, size_t n_prefixes,
               struct log_head **ret, size_t *ret_n, uint64_t *ret_as_of, uint64_t *ret_newest);

/* ---- reading (cursor.c) */
int file_cursor_open(struct log *log, struct log_cursor **ret);
void file_cursor_close(struct log_cursor *cursor);
int file_cursor_read(struct log_cursor *cursor, const struct slice *prefixes, size_t n_prefixes,
                     uint64_t after, uint64_t until, uint8_t *buffer, size_t size, size_t enough,
                     struct log_read *ret, struct fault *ret_fault);
int file_cursor_seek_time(struct log_cursor *cursor, int64_t since_usec, uint64_t *ret_after);
