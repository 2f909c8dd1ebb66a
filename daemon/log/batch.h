/*
 * A batch: what waited in the queue, decided and made into records. What is in
 * one is written and becomes durable together, or not at all.
 *
 * Belongs to the log's thread; only the making of items may be done in any.
 */
#pragma once

#include "daemon/log/file.h"

/* A proposal or a question that waits, in one piece of memory. */
struct file_item {
    struct file_item *next;
    void *cookie;
    bool is_ask;
    struct log_ask ask;
    struct log_proposal proposal; /* its pointers point into or behind the item */
    char topic[LIMIT_TOPIC_BYTES + 1];
    size_t bytes; /* that its records need at most */
};

struct file_batch {
    struct log_batch batch;
    struct file_batch *next;
    struct file_item *items;
    struct answer *answers; /* memory behind results */
    uint8_t *buffer;        /* as it is written: struct segment_batch, then records */
    size_t size, used, n_records;
    struct log_result *results;
    uint32_t *topics; /* of results that are entries */
    size_t n, n_max, dispatched;
    size_t due; /* held articles that it has room for beside its items */
};

/* A copy; NULL when out of memory. */
struct file_item *batch_item(const struct log_proposal *p) __attribute__((nonnull));
struct file_item *batch_ask(const struct log_ask *ask) __attribute__((nonnull));
void batch_free_items(struct file_item *items);

/* A batch with room for the n items, which it takes, and for what is due. NULL
 * when out of memory. */
struct file_batch *batch_new(struct file_log *l, struct file_item *items, size_t n, int64_t now)
    __attribute__((nonnull(1), warn_unused_result));

/* One more result, empty but for its outcome and cookie. */
struct log_result *batch_result(struct file_batch *b, enum log_outcome outcome, void *cookie)
    __attribute__((nonnull(1)));

/* Makes a result say that nothing was done, and why. */
void batch_unavailable(struct log_result *r, const struct fault *why) __attribute__((nonnull));

/* Memory for what a result points to, zeroed; the batch's. NULL when there is none. */
void *batch_answer(struct file_batch *b, size_t size) __attribute__((nonnull));

/* Decides an item, makes its records and its result, applies them to the view.
 * 0; -ENOMEM and such: the batch is lost. */
int batch_take(struct file_log *l, struct file_batch *b, struct file_item *item, int64_t now)
    __attribute__((nonnull, warn_unused_result));

/* Lets go what is due, at most as much as the batch was made for. As batch_take. */
int batch_release_due(struct file_log *l, struct file_batch *b, int64_t now)
    __attribute__((nonnull, warn_unused_result));
