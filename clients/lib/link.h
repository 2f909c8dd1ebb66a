/*
 * A ZeroMQ socket as newswire's clients use it, with a monitor that says when
 * its connection comes and goes. libzmq connects again by itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

struct link {
    void *socket;
    void *monitor;
    bool up, secure;
    unsigned broken; /* handshakes, one after another */
    uint64_t said_usec;
};

/* A socket of the type (ZMQ_SUB, ZMQ_DEALER) that connects to the endpoint, with the
 * keys of that file, or NULL. 0; -EINVAL for a bad endpoint; another -errno, also for
 * a key file; error then has a sentence. Close with link_close. */
int link_open(void *context, int type, const char *endpoint, const char *key_file, struct link *ret,
              char *error, size_t error_size)
    __attribute__((nonnull(1, 3, 5, 6), warn_unused_result));

/* Copes with one that was never opened. */
void link_close(struct link *link) __attribute__((nonnull));

enum link_trouble {
    LINK_FINE,
    LINK_BROKEN, /* handshakes are broken off again and again; said now and then */
    LINK_DENIED, /* the daemon lets this client not in, or they don't speak alike */
};

/* Takes one thing that happened to the connection, if any: 1 with link->up set,
 * which may be as it was; 0 when there is nothing more. When it is trouble that is to
 * be told, *ret_reason is a sentence. */
int link_event(struct link *link, enum link_trouble *ret, const char **ret_reason)
    __attribute__((nonnull));

/* What a client can use for its clock. */
uint64_t link_now_usec(void);
