/*
 * One thread of one outlet, for senders.c, which has all of them.
 */
#pragma once

#include "clients/forward/receipt_link.h"
#include "clients/forward/sender.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CLAIM_MOST = 64, BATCH_MOST = 1000 };

/* What may happen to a claimed delivery until the thread begins with it. */
enum { CLAIMED, BEGUN, RECALLED };

/* One thread of one outlet. */
struct sender {
    struct senders *all;
    const struct outlet_config *outlet;
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* of what others touch: n, states, awake */
    pthread_cond_t wake;
    bool awake, interrupted;
    bool hurried; /* an operator changed something: a pause is over */

    void *session;
    struct arena *arena;
    size_t most; /* to claim at once: as many as it sends in a while */
    struct ledger_job *jobs[BATCH_MOST];
    atomic_int states[BATCH_MOST];
    size_t n;

    /* what was sent and is not yet written down */
    struct result {
        struct ledger_job *job;
        struct verdict verdict;
        int64_t wait_usec;
    } results[CLAIM_MOST];
    size_t n_results;
    uint64_t results_since_usec;

    unsigned failures, in_a_row; /* of the outlet; of articles */
    uint64_t not_before_usec;    /* monotonic; 0: it is not paused */
    bool pause_unsaid, recovered_unsaid;
    char pause_reason[256];
};

struct senders {
    const struct forward_config *config;
    struct clerk *clerk;
    struct ledger_senders hooks;
    struct receipt_links *links;
    struct sender **senders; /* by outlet */
    size_t n;
    size_t *first; /* of each outlet */
};

/* A sender that does nothing yet. NULL when out of memory. */
struct sender *sender_new(struct senders *all, const struct outlet_config *o)
    __attribute__((nonnull, warn_unused_result));

/* Takes NULL. */
void sender_free(struct sender *s);

/* Sends what is due until follow_stop is set; a thread's function. */
void *sender_run(void *sender);

/* Makes the article ready and sends it. */
void sender_send_one(struct sender *s, const struct ledger_job *j, struct verdict *ret)
    __attribute__((nonnull));
