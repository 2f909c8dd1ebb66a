/*
 * What the parts of a reader share: its state, and what each of them does for the others.
 *
 * topics.c knows the topics and what is proved of them; entries.c decides what becomes of
 * an entry, and of the log's lives; frames.c goes through what arrives; requests.c says
 * what to ask for; reader.c is the whole, as its user sees it.
 */
#pragma once

#include "proto/reader/reader.h"

#include <stdlib.h>

enum {
    READER_CLOSES_MOST = 4,             /* sessions that wait to be closed */
    READER_PENDING_OVERHEAD_BYTES = 64, /* what an entry that waits costs beside its bytes */
};

/* An entry from the feed that waits for those before it. */
struct pending {
    struct pending *next;
    struct entry entry; /* slices point into bytes */
    size_t len;
    uint8_t bytes[];
};

struct topic {
    char name[LIMIT_TOPIC_BYTES];
    size_t len;
    uint64_t last;       /* handed on, or had before; 0: none */
    uint64_t wanted;     /* the newest entry that is known to be or have been there */
    uint64_t goal;       /* its head in the heads that are being proved; 0: reached */
    uint32_t round;      /* of heartbeats, the last in which it was proved */
    uint64_t checkpoint; /* the head of the last one that was handed on */
    struct pending *first, *newest;
};

enum source { FROM_NOWHERE, FROM_FEED, FROM_REPLAY };

struct reader {
    struct reader_config config;
    struct slice *prefixes;
    char *client;
    uint64_t random;

    bool feed_up, replay_up, failed;

    /* The cursor. */
    bool started; /* start is known */
    uint64_t epoch, proven, start;

    struct topic *topics; /* n_topics, in the order in which they came */
    size_t n_topics, room_topics;
    uint32_t *slots; /* a hash table of numbers into topics, from 1; 0: free */
    size_t n_slots;  /* a power of two, at least twice the topics */

    /* What is known of the log. */
    uint64_t head, log_first;

    /* Proof by heads, and by rounds of heartbeats. */
    uint64_t complete_as_of; /* every topic with an entry up to here is known */
    bool have_heads;         /* of this epoch */
    uint64_t goal;           /* the heads that are being proved are as of here */
    size_t n_unreached;
    uint32_t round;
    size_t n_in_round;
    uint64_t round_as_of;
    uint64_t proved_usec; /* when a proof was last complete */
    bool caught_up_told;

    /* `heads`: at most one under way. */
    uint64_t heads_id; /* 0: none */
    bool heads_due;
    uint64_t heads_sent_usec, heads_not_before_usec;

    /* The session: at most one. */
    uint64_t session_id; /* 0: none */
    uint64_t session_after;
    bool session_by_time;
    bool replay_due; /* something may be missing */
    uint64_t session_heard_usec, session_not_before_usec;
    uint64_t owed_bytes;
    uint64_t closes[READER_CLOSES_MOST];
    size_t n_closes;
    unsigned failures, fruitless;

    uint64_t reported_usec, reported_proven;

    uint64_t last_id, now;
    size_t pending_bytes;

    /* What reader_next is at. */
    enum source source;
    struct frame frame;
    struct slice rest;
    struct slice feed_topic;
    bool entered;          /* the frame's header was looked at */
    size_t scan;           /* topics from here on are looked at for what may follow or is lost */
    struct pending *given; /* handed out by the last call */
    struct reader_event queue[4];
    size_t n_queue;
    char message[256];

    struct reader_position *positions;
    uint8_t *request;
};

/* ---- reader.c */

/* A time after which to try again: doubled with each failure, half of it chance,
 * so that readers of one daemon don't come back together. */
uint64_t reader_retry_at(struct reader *r) __attribute__((nonnull));

/* The earlier of two times, of which 0 is none. */
uint64_t reader_sooner(uint64_t a, uint64_t b);

/* Nothing is told after a final error. */
void reader_tell(struct reader *r, struct reader_event event) __attribute__((nonnull));

/* Tells an error of the daemon, with its code and words. */
void reader_tell_error(struct reader *r, uint32_t code, bool final, struct slice message)
    __attribute__((nonnull));

/* Tells a final error of our own. */
void reader_fail(struct reader *r, const char *message) __attribute__((nonnull));

/* ---- topics.c */

/* The topic, made when it is one of ours. NULL: it isn't, or no memory (then the
 * reader has failed). */
struct topic *reader_get_topic(struct reader *r, struct slice name) __attribute__((nonnull));

/* What the next entry of the topic follows. */
uint64_t reader_topic_base(const struct reader *r, const struct topic *t) __attribute__((nonnull));

/* Whether more is known to be there than has come. */
bool reader_topic_is_behind(const struct reader *r, const struct topic *t) __attribute__((nonnull));

/* Drops the first entry of the topic that waits. */
void reader_drop_first(struct reader *r, struct topic *t) __attribute__((nonnull));

/* Drops all entries that wait. */
void reader_drop_pending(struct reader *r) __attribute__((nonnull));

/* Nothing up to seq is missing. */
void reader_raise_proven(struct reader *r, uint64_t seq) __attribute__((nonnull));

/* Every topic has reached its goal: nothing is missing up to the heads that were proved. */
void reader_goal_reached(struct reader *r) __attribute__((nonnull));

/* The topic has been handed on up to seq. */
void reader_set_last(struct reader *r, struct topic *t, uint64_t seq) __attribute__((nonnull));

/* Something is known to be there. */
void reader_set_wanted(struct reader *r, struct topic *t, uint64_t seq) __attribute__((nonnull));

/* A topic is proved as of a point: a round is complete when each one is. */
void reader_prove_topic(struct reader *r, struct topic *t, uint64_t as_of) __attribute__((nonnull));

/* Whether the topics that are known are still all there are. */
void reader_learn_newest(struct reader *r, uint64_t newest_topic, uint64_t as_of)
    __attribute__((nonnull));

/* ---- entries.c */

/* Forgets the session; the daemon is told to close it. */
void reader_end_session(struct reader *r) __attribute__((nonnull));

/* Begins with another life of the log. */
void reader_take_epoch(struct reader *r, uint64_t epoch) __attribute__((nonnull));

/* Whether something is of the life that the reader knows. A new reader knows none, and
 * takes nothing before it does: 0 is no epoch. */
bool reader_is_of_epoch(const struct reader *r, uint64_t epoch) __attribute__((nonnull));

/* Something may follow now on the topic, or be lost. */
void reader_look_at(struct reader *r, const struct topic *t) __attribute__((nonnull));

/* The last entry that is missing, when something is. */
uint64_t reader_hole_end(const struct topic *t) __attribute__((nonnull));

/* Whether entries are missing that don't wait here. */
bool reader_has_hole(const struct reader *r, const struct topic *t) __attribute__((nonnull));

/* What is known to have been there, was asked for, did not come, and is kept no
 * more: entries of the topic up to this. 0: nothing. */
uint64_t reader_lost_upto(const struct reader *r, const struct topic *t) __attribute__((nonnull));

/* Looks over the topics, after their numbers or what is proved have changed. */
bool reader_scan_topics(struct reader *r, struct reader_event *ret) __attribute__((nonnull));

/* A session of ours brought an entry behind a hole that retention doesn't
 * explain. It is asked anew from before the hole, a few times. */
void reader_hole_in_replay(struct reader *r) __attribute__((nonnull));

/* One entry of the frame at hand. Whether there is something to tell. */
bool reader_take_entry(struct reader *r, const struct entry *e, const struct slice *before,
                       struct reader_event *ret) __attribute__((nonnull));

/* ---- frames.c */

/* Looks at what stands around the entries, before them. */
void reader_enter_reply(struct reader *r) __attribute__((nonnull));

/* Goes through the frame at hand. Whether there is something to tell. */
bool reader_walk_frame(struct reader *r, struct reader_event *ret) __attribute__((nonnull));
