/*
 * Making the daemon's ZeroMQ sockets, and what all of their owners do with
 * frames.
 */
#pragma once

#include "daemon/inherited.h"
#include "proto/codec.h"
#include "proto/parse.h"

#include <stdbool.h>

enum { SOCKET_LINGER_MSEC = 1000 };

/* A frame on a ROUTER that is larger than it may be, but not twice as large, is received, so
 * that its sender can be told. */
enum { SOCKET_TOLD_TIMES = 2 };

/* A socket with the limits that all of them have: ZMQ_MAXMSGSIZE, heartbeats
 * so that a dead peer is noticed, a linger for the last answers, and for a
 * ROUTER ZMQ_ROUTER_MANDATORY, without which a send beyond the high-water mark
 * vanishes. NULL with errno set. */
void *socket_new(void *context, int type, int64_t most_bytes);

/* Binds to the sockets that systemd holds for that purpose, or without any to each endpoint;
 * *ret_bound gets, in the arena, what they really are. 0; -errno with *ret_fault naming
 * the endpoint. */
int socket_bind(void *socket, enum inherited_for what, const struct text_list *endpoints,
                struct arena *a, struct text_list *ret_bound, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* A peer's address on a ROUTER, and whether it sends an empty frame before its
 * messages, as a REQ does; it is answered in kind. */
struct socket_peer {
    uint8_t id[255];
    uint8_t id_len;
    bool delimiter;
};

/* Sends a message (a zmq_msg_t) to a peer, which is taken over when it returns 0. -EHOSTUNREACH
 * when the peer has gone; -EAGAIN when its pipe is full: nothing was sent. */
int socket_send_message(void *router, const struct socket_peer *peer, void *message)
    __attribute__((nonnull, warn_unused_result));

/* Receives what a peer sent, without waiting: one frame behind the address and
 * an optional empty one. Returns 1 with *ret_body to be closed with
 * zmq_msg_close by the caller; with *ret_peer and *ret_fault set -EBADMSG when there are
 * too many frames or none (all are taken off the socket), -EMSGSIZE when it has more than
 * most_bytes; -EAGAIN when there is nothing. ret_body is a zmq_msg_t that the caller has not
 * initialised. */
int socket_receive(void *router, size_t most_bytes, struct socket_peer *ret_peer, void *ret_body,
                   struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));
