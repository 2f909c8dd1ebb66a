/*
 * What the parts of replay share: its state, its sessions and those who have them.
 *
 * replay.c has the thread and what other threads may ask; requests.c understands
 * readers and refuses them; sessions.c reads the log for them. All of it but what
 * stands under the mutex is the thread's.
 */
#pragma once

#include "daemon/replay/replay.h"

#include "daemon/buffer.h"
#include "daemon/meters.h"
#include "daemon/pulse.h"

#include <stdatomic.h>
#include <zmq.h>

enum {
    REPLAY_READERS = 1024, /* that are remembered */
    REPLAY_REQUEST_BYTES = 256 << 10,
    REPLAY_HEADER_BYTES = 128, /* of a reply, beside its entries */
};

struct session {
    struct session *next;
    struct peer *peer;
    uint64_t id;
    struct log_cursor *cursor;
    struct slice *prefixes;
    size_t n_prefixes;
    uint64_t after, until;
    uint64_t credit; /* bytes that may still be sent */
    uint64_t heard_usec, sent_usec;
    bool blocked; /* the pipe to its reader was full; the frame is kept */
    bool last;    /* the kept frame is its last */
    zmq_msg_t frame;
};

/* A connection that has sessions, or frames on their way. */
struct peer {
    struct peer *next;
    struct socket_peer address;
    char key[KEY_TEXT_BYTES]; /* of its client; "" without CURVE */
    struct buffer_tally *tally;
    size_t sessions;
};

struct replay {
    const struct settings *settings; /* a reference */
    struct connections *connections;
    struct log *log;
    void *socket;
    struct text_list bound;
    struct arena *bound_arena;
    struct arena *arena; /* one request */
    pthread_t thread;
    bool running;
    int wake_fd; /* to end, or to take settings */
    atomic_bool stopping;
    struct pulse pulse; /* of the thread */
    struct buffer_pool *pool;
    struct peer *peers;
    size_t buffer_bytes; /* room for a frame, or for one entry alone */
    struct session *sessions;
    size_t n_sessions;

    struct meters *meters;

    pthread_mutex_t mutex;          /* for what follows */
    struct settings *next_settings; /* a reference, until the thread takes it */
    struct replay_reader *readers;
    size_t n_readers;
    struct replay_counts counts;
    char trouble[300];
    uint64_t told_ahead_usec; /* of a reader that has more than there is; monotonic */
};

/* Who has sent a request. */
struct sender {
    const struct socket_peer *peer;
    const struct client *client; /* NULL: it may nothing, or nothing any more */
    const char *key;
};

/* ---- requests.c */

/* Takes a bounded number of requests. */
void replay_receive(struct replay *r) __attribute__((nonnull));

/* Ends a request with a code of Error and the reason. */
void replay_refuse(struct replay *r, const struct socket_peer *peer, uint64_t id, int code,
                   const struct fault *f) __attribute__((nonnull));

/* 0, or what is wrong as a code of Error, with the reason in *f. */
int replay_check_prefixes(const struct sender *from, char *const *topics, size_t n, struct fault *f)
    __attribute__((nonnull(1, 4)));

/* Whether a reader has what the same life of the log lacks; it is told. */
bool replay_has_more(struct replay *r, const struct sender *from, uint64_t id, uint64_t epoch,
                     uint64_t seq) __attribute__((nonnull));

/* Forgets readers that have not reported for long. Under the mutex. */
void replay_forget_readers(struct replay *r, int64_t now) __attribute__((nonnull));

/* ---- sessions.c */

bool replay_same_peer(const struct socket_peer *a, const struct socket_peer *b)
    __attribute__((nonnull));

/* Begins a session, or tells the sender why not. */
void replay_open_session(struct replay *r, const struct sender *from, uint64_t id,
                         const Newswire__V1__ReplayOpen *open) __attribute__((nonnull));

/* Where the session's pointer is; it is NULL when there is none. */
struct session **replay_find_session(struct replay *r, const struct socket_peer *peer, uint64_t id)
    __attribute__((nonnull));

void replay_give_credit(struct replay *r, const struct socket_peer *peer, uint64_t id,
                        uint64_t bytes) __attribute__((nonnull));

/* Ends the session there, if there is one. */
void replay_end_session(struct replay *r, struct session **at) __attribute__((nonnull));

/* Ends those whose client may not read any more what they read. */
void replay_end_denied(struct replay *r) __attribute__((nonnull));

/* Gives each session a turn. Whether one could use another at once. */
bool replay_serve(struct replay *r) __attribute__((nonnull));

/* Whether its peer has as much under way as it may, whatever credit it has given and
 * however often it opened sessions. */
bool replay_is_choked(const struct replay *r, const struct session *s) __attribute__((nonnull));

/* Forgets peers that have nothing under way; or all. */
void replay_forget_peers(struct replay *r, bool all) __attribute__((nonnull));
