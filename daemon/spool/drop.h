/*
 * A file that was dropped into the spool, from incoming/ to where it ends.
 *
 * drop_read makes proposals of it; when all of its articles are decided,
 * drop_finish moves it to accepted/, or to rejected/ with NAME.reason beside
 * it. Until then it stays where it is: a daemon that is killed takes it again,
 * and what it had taken before is then a duplicate.
 *
 * Nothing here belongs to the loop: both are called in a thread of their own,
 * since a folder may be on a slow disk or a server that hangs.
 */
#pragma once

#include "daemon/admit.h"
#include "daemon/audit.h"

enum { DROP_NAME_BYTES = 256 };

struct drop_folders {
    int incoming, accepted, rejected; /* descriptors */
};

/* One article of the file. */
struct drop_item {
    struct admit_waiter waiter; /* first: the log's cookie points here */
    struct drop *drop;
    const char *title; /* headline, or uri */
    const char *uri;
    uint32_t version;
    bool canceled;
    enum log_outcome outcome;
    uint64_t seq;
    char topic[LIMIT_TOPIC_BYTES + 1];
    struct fault fault;
};

enum drop_state {
    DROP_PROPOSED,    /* its articles are to be decided; proposals may be none */
    DROP_REFUSED,     /* it holds no articles; see refusal */
    DROP_BUSY,        /* somebody still writes to it */
    DROP_GONE,        /* it isn't there any more */
    DROP_UNAVAILABLE, /* it can't be read or moved now; see refusal */
    DROP_ACCEPTED,    /* finished: every article is on the log */
    DROP_REJECTED,    /* finished: some article, or all of it, was refused */
};

struct drop {
    const struct settings *settings; /* a reference */
    const struct drop_folders *folders;
    const struct key_pair *sign; /* NULL: not */
    char name[DROP_NAME_BYTES];
    char owner[AUDIT_USER_BYTES]; /* of the file; "" until it is read */
    enum drop_state state;
    struct arena *arena; /* what follows lives in it */
    struct parsed parsed;
    struct parse_fault refusal;
    struct drop_item *items;
    size_t n_items;
    struct log_proposal *proposals;
    size_t n_proposals;
    size_t undecided; /* proposals; counted by the caller */
};

/* Begins with a file of incoming/; with a key its articles are signed. NULL when out of
 * memory. */
struct drop *drop_new(const struct settings *settings, const struct drop_folders *folders,
                      const struct key_pair *sign, const char *name)
    __attribute__((nonnull(1, 2, 4), warn_unused_result));
struct drop *drop_free(struct drop *d);

/* Reads and parses it and passes its articles through admit. Sets the state, up
 * to DROP_UNAVAILABLE; the items that admit refused have their outcome. */
void drop_read(struct drop *d) __attribute__((nonnull));

/* Moves a file that is DROP_REFUSED, or whose items are all decided. Sets the
 * state; a file with an article that the log could not take stays, too. */
void drop_finish(struct drop *d) __attribute__((nonnull));

/* How many articles had that outcome. */
size_t drop_count(const struct drop *d, enum log_outcome outcome) __attribute__((nonnull));
