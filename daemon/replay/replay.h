/*
 * Owner of the replay socket, in a thread of its own: serves readers what they
 * missed, from the log.
 *
 * A session sends entries only while its reader has given credit, and never
 * more than a cap, so a slow reader costs no memory. Sessions take turns; a
 * silent one ends.
 */
#pragma once

#include "daemon/connections.h"
#include "daemon/log/log.h"
#include "daemon/settings.h"
#include "daemon/socket.h"

#include <pthread.h>

struct replay;

/* A reader that lives reports more often than this. */
enum { REPLAY_READER_GONE_USEC = 12000000 };

/* What is known of a reader from its reports. */
struct replay_reader {
    struct socket_peer peer;
    char client[128];
    char topics[256]; /* its prefixes, apart by spaces */
    uint64_t epoch, proven_seq;
    int64_t seen_usec; /* UTC */
};

struct replay_counts {
    uint64_t sessions, entries, bytes, refused;
    size_t running;
    struct pulse_state pulse; /* of its thread */
};

/* Binds the endpoints and starts the thread. 0; -errno with *ret_fault. */
int replay_open(void *zmq_context, const struct settings *settings, struct connections *connections,
                struct log *log, struct replay **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* From now on these settings count, of which it keeps a reference; sessions whose
 * reader may not read that any more end. */
void replay_reload(struct replay *r, const struct settings *settings) __attribute__((nonnull));

const struct text_list *replay_endpoints(const struct replay *r) __attribute__((nonnull));

/* Copies what is known of the readers; *ret is malloc'd. 0 or -ENOMEM. Any thread. */
int replay_readers(struct replay *r, struct replay_reader **ret, size_t *ret_n,
                   struct replay_counts *ret_counts) __attribute__((nonnull, warn_unused_result));

/* The text of the last fault in reading the log; "" when there was none. */
void replay_trouble(struct replay *r, char *buffer, size_t size) __attribute__((nonnull));

/* Ends the thread. Takes NULL; returns NULL. */
struct replay *replay_close(struct replay *r);
