/*
 * Who is connected: CURVE and its ZAP handler (ZeroMQ RFC 27), the bound on
 * connections that never finish their handshake, or a message, bans, and cutting
 * connections off.
 *
 * ZAP gives each connection a number that rises, and its messages carry it, so that a
 * message, a connection and a file descriptor can be told to belong together, though
 * descriptors are used again: libzmq's monitors say when one is accepted and closed.
 *
 * All belongs to the loop's thread but connections_note.
 */
#pragma once

#include "daemon/settings.h"

#include <systemd/sd-event.h>

struct connections;

/* What a message says of its sender. */
struct identity {
    uint64_t connection;      /* 0: without CURVE, or the message is libzmq's own */
    int fd;                   /* -1: unknown */
    char key[KEY_TEXT_BYTES]; /* as trust_client takes it */
};

struct connections_counts {
    uint64_t refused;    /* handshakes with a key that nobody has */
    uint64_t banned;     /* of banned clients */
    uint64_t unfinished; /* closed since too many were in their handshake */
    uint64_t cut;        /* closed on purpose: revoked, hostile */
};

/* Reads the secret key, if the settings name one, and answers ZAP from now on.
 * 0; -errno with *ret_fault set. */
int connections_open(sd_event *event, void *zmq_context, const struct settings *settings,
                     struct connections **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* After all sockets that it guards are closed. Takes NULL; returns NULL. */
struct connections *connections_close(struct connections *c);

/* Makes a socket one that only clients reach, before it is bound. 0 or -errno. */
int connections_guard(struct connections *c, void *socket)
    __attribute__((nonnull, warn_unused_result));

/* Before a guarded socket is closed. */
void connections_leave(struct connections *c, void *socket) __attribute__((nonnull(1)));

/* Whether there is CURVE, and the daemon's public key as text; "" without. */
bool connections_secure(const struct connections *c) __attribute__((nonnull));
const char *connections_key(const struct connections *c) __attribute__((nonnull));

/* What a message (a zmq_msg_t) says of its sender. Any thread. */
void connections_identify(void *message, struct identity *ret) __attribute__((nonnull));

/* Remembers which descriptor belongs to the sender, to cut it off by, and that a message of it
 * was taken: who sends much without one is cut off. Any thread. */
void connections_note(struct connections *c, const struct identity *who) __attribute__((nonnull));

/* Whether the connection still stands. Exact for what libzmq has told before the
 * message was received. */
bool connections_alive(struct connections *c, const struct identity *who) __attribute__((nonnull));

/* Closes the sender's connection, if it still stands. */
void connections_cut(struct connections *c, const struct identity *who) __attribute__((nonnull));

/* Lets nobody in with that key for a while. */
void connections_ban(struct connections *c, const char *key) __attribute__((nonnull));

/* From now on these settings count: closes the connections of those who are no
 * clients any more, or have other rights. *before must still be there. */
void connections_reload(struct connections *c, const struct settings *now) __attribute__((nonnull));

const struct connections_counts *connections_counts(const struct connections *c)
    __attribute__((nonnull));
