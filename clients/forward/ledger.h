/*
 * The ledger: what became of each article at each outlet, in one SQLite file.
 *
 * A delivery is an article's version (or a kill) for one outlet. It is open while
 * it has a due time. Of a story and outlet at most one is being sent; one more may
 * be open, a newer version or a kill, and waits for it. Every change is part of
 * the caller's transaction (ledger_begin, ledger_commit). Times are UTC
 * microseconds.
 *
 *     queued ──► sending ──► delivered                    kill-sent ◄─┐
 *       ▲           │ ├────► parked (a person decides)        │       │
 *       │           ▼ │                                       ▼       │
 *       └─ … ── retrying      of kills: sending ──► kill-confirmed    │
 *     replaced, withdrawn, expired: never sent any more         └─────┘
 */
#pragma once

#include "clients/forward/config.h"
#include "clients/forward/transport.h"
#include "clients/tool/store.h"

/* Who sends meanwhile, in the same process. */
struct ledger_senders {
    /* Takes a delivery back that was claimed and is not begun: true when it was. */
    bool (*recall)(void *userdata, const struct outlet_config *o, int64_t delivery);
    /* There is something new for an outlet; kill: it goes before what is claimed. */
    void (*touch)(void *userdata, const struct outlet_config *o, bool kill);
    void *userdata;
};

struct ledger {
    struct store store;
    const struct forward_config *config;
    struct arena *arena;                  /* for scratch, one article's */
    const struct ledger_senders *senders; /* NULL: nobody here */
};

/* Opens the file, or says in ledger->store.trouble why not; as store_open.
 * ledger_close in any case. */
int ledger_open(struct ledger *l, const struct forward_config *config, enum store_mode mode)
    __attribute__((nonnull, warn_unused_result));
void ledger_close(struct ledger *l) __attribute__((nonnull));

int ledger_begin(struct ledger *l) __attribute__((nonnull, warn_unused_result));
int ledger_commit(struct ledger *l) __attribute__((nonnull, warn_unused_result));
void ledger_rollback(struct ledger *l) __attribute__((nonnull));

int64_t ledger_now(void);

/* ---- what comes from the wire */

/* Puts an entry down, and a delivery for each outlet that takes it; a correction
 * takes the place of a version that still waits; a kill withdraws what waits and
 * goes to those who have, or may have, the story. What is known already changes
 * nothing. 0, or an error of the store; -EINVAL with *ret_fault when the article
 * can't be read, which is put down too. */
int ledger_take(struct ledger *l, const struct entry *e, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* The reader's place; *ret is malloc'd, NULL when there is none. */
int ledger_cursor(struct ledger *l, char **ret) __attribute__((nonnull, warn_unused_result));
int ledger_set_cursor(struct ledger *l, const char *cursor)
    __attribute__((nonnull, warn_unused_result));

/* ---- sending */

struct ledger_job {
    int64_t id; /* of the delivery */
    enum parcel_action action;
    bool has; /* the outlet has a version of it, or may have */
    uint32_t version, tries;
    int64_t queued_usec, first_try_usec, stored_usec;             /* first_try_usec 0: none yet */
    char *uri, *topic, *headline, *message_id, *remote_id, *path; /* of one allocation with bytes */
    uint64_t epoch, seq, prev_seq;
    struct slice bytes, signature;
};

struct ledger_claim {
    const struct outlet_config *outlet;
    bool kills_only;
    size_t most;
    /* answers */
    struct ledger_job **jobs; /* room for most; each malloc'd in one piece */
    size_t n;
    int64_t next_due_usec; /* of what is not yet due; INT64_MAX: nothing */
    bool disabled;
};

/* Marks what is due as being sent, and hands it out, kills first. */
int ledger_claim(struct ledger *l, struct ledger_claim *claim)
    __attribute__((nonnull, warn_unused_result));

/* Writes down what became of it. wait_usec: until the next try, of a retry. */
int ledger_settle(struct ledger *l, const struct outlet_config *o, const struct ledger_job *job,
                  const struct verdict *v, int64_t wait_usec)
    __attribute__((nonnull, warn_unused_result));

/* Puts back what was claimed and not begun. */
int ledger_return(struct ledger *l, const struct ledger_job *job)
    __attribute__((nonnull, warn_unused_result));

/* How the outlet itself fares: until when it is left alone (0: it isn't), and the
 * error that is the reason (NULL: it answers). */
int ledger_set_outlet(struct ledger *l, const char *outlet, int64_t paused_until_usec,
                      const char *error) __attribute__((nonnull(1, 2), warn_unused_result));

/* What was being sent when a forwarder ended may have arrived: it is sent again
 * under the same id. *ret_n: how many. */
int ledger_recover(struct ledger *l, size_t *ret_n) __attribute__((nonnull, warn_unused_result));

/* Removes articles, with all that became of them, that were stored before. */
int ledger_retain(struct ledger *l, int64_t before_usec)
    __attribute__((nonnull, warn_unused_result));

/* ---- for the operator's commands and within the ledger */

/* Adds a line to a delivery's history; text may be NULL. */
int ledger_note(struct ledger *l, int64_t delivery, const char *event, const char *text)
    __attribute__((nonnull(1, 3), warn_unused_result));

/* Ends a delivery that was open, in that state, for that reason. */
int ledger_end(struct ledger *l, int64_t delivery, const char *state, const char *why)
    __attribute__((nonnull, warn_unused_result));

/* What is parked or waits for its next try is due now: of one story, its unconfirmed kill
 * too, or (uri NULL) all of the outlet, which is enabled. How many deliveries, or an error. */
int ledger_retry(struct ledger *l, const struct outlet_config *o, const char *uri)
    __attribute__((nonnull(1, 2), warn_unused_result));

/* Puts the newest version of a story, or its kill, in an outlet's queue, whatever its
 * filters say; one that the outlet had goes under a new id. 0; -ENOENT when there is
 * no such story; -EBUSY while one is being sent. */
int ledger_enqueue(struct ledger *l, const struct outlet_config *o, const char *uri)
    __attribute__((nonnull, warn_unused_result));

/* ledger_take's question to an outlet's filters. */
bool outlet_takes(const struct outlet_config *o, const char *topic, const Article *x)
    __attribute__((nonnull));
bool outlet_takes_topic(const struct outlet_config *o, const char *topic) __attribute__((nonnull));

/* When something that is queued now is due: at once, or at the batch's time. */
int64_t outlet_due(const struct outlet_config *o, int64_t now_usec) __attribute__((nonnull));

/* Whether articles may go at this time; if not, *ret_open: when they may. */
bool outlet_is_open(const struct outlet_config *o, int64_t now_usec, int64_t *ret_open_usec)
    __attribute__((nonnull));
