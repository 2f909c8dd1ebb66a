/*
 * The reader's side of the promise, as a pure state machine: frames and time
 * go in; requests, deliveries and a cursor come out. No sockets, no clock.
 *
 * What always holds:
 *
 *  - Each entry of the topics is handed on once, and in order per topic. One
 *    that does not follow the topic's last waits until replay has filled the
 *    gap; what retention has removed is told exactly, and only that.
 *  - The cursor covers what reader_next has returned, and nothing more:
 *    topic -> last seq, and proven_seq, up to which nothing is missing on any
 *    of the topics.
 *  - proven_seq rises only by replay of all prefixes, by an answer to `heads`
 *    whose heads have all been reached, or by a round of heartbeats in which
 *    each topic was proved, while no topic can have come that isn't known.
 *  - What waits is bounded in bytes; beyond it is dropped, and replay brings it.
 *
 * Replay asks for all prefixes after proven_seq, in one session at a time:
 * what is already had is passed over, so that one machine serves the start,
 * a gap and a reconnect alike.
 *
 * Use: reader_link when a connection comes or goes; reader_feed or
 * reader_replay with a message, then reader_next until it returns false (the
 * message must stay where it is until then); reader_request until it returns
 * false, sending what it gives; sleep until reader_wake_usec or a message.
 * Any monotonic clock will do. PROTOCOL.md: "The reader".
 */
#pragma once

#include "proto/frames.h"
#include "proto/topic.h"

struct reader;

struct reader_position {
    struct slice topic;
    uint64_t last_seq;
};

/* Where to go on. */
struct reader_cursor {
    uint64_t epoch;      /* 0: none yet */
    uint64_t proven_seq; /* nothing up to here is missing on any topic */
    uint64_t
        start_seq; /* where it began: what a topic without position follows; not above proven_seq */
    const struct reader_position *positions;
    size_t n_positions;
};

enum reader_start {
    READER_FROM_CURSOR, /* also: from the beginning ({0}), after a number (proven_seq and start_seq)
                         */
    READER_FROM_TIME,   /* entries stored at since_usec or later */
    READER_FROM_HEAD,   /* live: what comes after the first answer to `heads` */
};

struct reader_config {
    const struct slice *prefixes; /* each valid; none: everything */
    size_t n_prefixes;
    enum reader_start start;
    struct reader_cursor cursor;
    int64_t since_usec;     /* UTC */
    const char *client;     /* a name for the operator; NULL: no reports */
    uint64_t seed;          /* of the jitter */
    uint64_t credit_bytes;  /* of replay that may be under way */
    uint64_t pending_bytes; /* of entries that wait for a gap to be filled */
    uint64_t silence_usec;  /* a request without an answer is made again after this */
    uint64_t stale_usec;    /* without proof for this long, heads are asked */
    uint64_t report_usec;   /* between reports, at most */
};

/* Defaults; set the prefixes, the start and the seed. */
#define READER_CONFIG_DEFAULTS                                                                     \
    {                                                                                              \
        .credit_bytes = 4 << 20, .pending_bytes = 16 << 20, .silence_usec = 10000000,              \
        .stale_usec = 6000000, .report_usec = 5000000, .seed = 1                                   \
    }

enum reader_link { READER_LINK_FEED, READER_LINK_REPLAY };

enum reader_event_type {
    READER_ENTRY,      /* entry; its slices are valid until the next call of the reader */
    READER_LOSS,       /* entries of topic with after < seq <= upto are kept no more */
    READER_EPOCH,      /* another life of the log, epoch, begins; it was epoch_before */
    READER_CAUGHT_UP,  /* all up to upto, the head when asked first, is handed on; once an epoch */
    READER_UNANSWERED, /* a request had no answer in time; it is made again, later and later */
    READER_CHECKPOINT, /* the topic's entries up to upto are handed on, and checkpoint says so */
    READER_ERROR,      /* the daemon answers with an error, or what it says can't be */
};

struct reader_event {
    enum reader_event_type type;
    struct entry entry;
    struct slice topic;
    struct slice checkpoint; /* a SignedCheckpoint, unchecked; as long as the message is there */
    uint64_t after, upto;
    uint64_t epoch_before, epoch;
    uint32_t code;       /* READER_ERROR: of Error.Code; 0: found by the reader itself */
    bool final;          /* READER_ERROR: nothing is asked or handed on after this */
    const char *message; /* READER_ERROR: for a person; as the daemon sent it, NUL-terminated */
};

/* A new reader; both links are down. Everything in the config is copied.
 * 0; -EINVAL for a bad prefix, topic or cursor; -ENOMEM. */
int reader_new(const struct reader_config *config, struct reader **ret)
    __attribute__((nonnull, warn_unused_result));

/* Takes NULL; returns NULL. */
struct reader *reader_free(struct reader *r);

/* A connection came or went. Requests are only made while replay is up; when it
 * comes again, what was under way is asked anew. */
void reader_link(struct reader *r, enum reader_link link, bool up, uint64_t now_usec)
    __attribute__((nonnull));

/* Takes a message: both frames of a feed message, or a ReplayReply. It must stay
 * where it is, and no other may be given, until reader_next has returned false.
 * 0; -EBADMSG when it is none (it is dropped; what it had is asked for again). */
int reader_feed(struct reader *r, struct slice topic, struct slice message, uint64_t now_usec)
    __attribute__((nonnull, warn_unused_result));
int reader_replay(struct reader *r, struct slice message, uint64_t now_usec)
    __attribute__((nonnull, warn_unused_result));

/* The next thing to tell the user. False when there is nothing, until the next
 * message or reader_request. */
bool reader_next(struct reader *r, struct reader_event *ret)
    __attribute__((nonnull, warn_unused_result));

/* The next ReplayRequest to send; valid until the next call. False when there is
 * nothing to ask now. May make events: call reader_next after it. */
bool reader_request(struct reader *r, uint64_t now_usec, struct slice *ret)
    __attribute__((nonnull, warn_unused_result));

/* A last ReplayRequest before the connection is closed: the report of where the
 * reader is. As reader_request. */
bool reader_leave(struct reader *r, struct slice *ret) __attribute__((nonnull, warn_unused_result));

/* The user did something else for so long, so that answers may wait to be taken:
 * it is no silence of the daemon's. */
void reader_away(struct reader *r, uint64_t usec) __attribute__((nonnull));

/* When reader_request should be called again, if no message comes before. */
uint64_t reader_wake_usec(const struct reader *r) __attribute__((nonnull));

/* Where the reader is. The positions belong to the reader, end with its next
 * call, and are in no order. 0 or -ENOMEM. */
int reader_cursor(struct reader *r, struct reader_cursor *ret)
    __attribute__((nonnull, warn_unused_result));

/* What is known of the log: its head as said last, and what is proved of it. */
uint64_t reader_head_seq(const struct reader *r) __attribute__((nonnull));
uint64_t reader_proven_seq(const struct reader *r) __attribute__((nonnull));

/* Whether the place to begin at is known: a cursor taken before says nothing. */
bool reader_started(const struct reader *r) __attribute__((nonnull));
