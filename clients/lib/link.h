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
    bool up;
};

/* A socket of the type (ZMQ_SUB, ZMQ_DEALER) that connects to the endpoint.
 * 0; -EINVAL for a bad endpoint; other -errno. Close with link_close. */
int link_open(void *context, int type, const char *endpoint, struct link *ret)
    __attribute__((nonnull, warn_unused_result));

/* Copes with one that was never opened. */
void link_close(struct link *link) __attribute__((nonnull));

/* Takes one thing that happened to the connection, if any: 1 with link->up set,
 * which may be as it was; 0 when there is nothing more. */
int link_event(struct link *link) __attribute__((nonnull));

/* What a client can use for its clock. */
uint64_t link_now_usec(void);
