/*
 * The subscriptions of feed where rights count: libzmq hands each one over
 * (ZMQ_XPUB_MANUAL) and applies only what is passed on by hand.
 *
 * What libzmq passes on is applied to the connection at the front of a queue of its
 * own, which a message that is no subscription shifts: one reader's prefix would be
 * applied to another's connection. So on any such message all that waits is taken off
 * the socket and nothing of it passed on, the connections that it came from are
 * closed, and the sender is kept out for a while. Its readers come back by themselves.
 * A subscription of a connection that is gone would be applied to freed memory: only
 * those of living ones are passed on.
 */
#pragma once

#include "daemon/connections.h"

struct subscriptions;

enum subscription {
    SUBSCRIPTION_MADE,    /* or made again: the prefix is the reader's to have */
    SUBSCRIPTION_ENDED,   /* or of no consequence */
    SUBSCRIPTION_REFUSED, /* the sender may not have it */
    SUBSCRIPTION_STRANGE, /* no subscription: the attack above */
};

/* For an XPUB socket that is not bound yet; sets its options. 0 or -errno. */
int subscriptions_new(struct connections *connections, void *socket, struct subscriptions **ret)
    __attribute__((nonnull, warn_unused_result));

/* Takes NULL; returns NULL. */
struct subscriptions *subscriptions_free(struct subscriptions *s);

/* Takes the message (a zmq_msg_t) that was just received from the socket. *ret_prefix
 * points into it when one is made. */
enum subscription subscriptions_take(struct subscriptions *s, const struct settings *settings,
                                     void *message, struct slice *ret_prefix)
    __attribute__((nonnull, warn_unused_result));
