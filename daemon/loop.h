/*
 * ZeroMQ sockets in an sd-event loop.
 *
 * A socket's ZMQ_FD is edge-triggered: it may be silent while messages wait.
 * So each socket has a prepare callback that looks at ZMQ_EVENTS before every
 * sleep of the loop, and gives the socket a turn of its own when there is
 * something to read. A turn is bounded by its handler, so that a flood on one
 * socket starves nobody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct loop_socket;

/* Called when the socket can be read. Takes a bounded number of messages; what
 * it leaves gets another turn. */
typedef void (*loop_readable_fn)(void *userdata);

/* Watches a socket, which stays the caller's. 0 or -errno. */
int loop_socket_new(sd_event *event, void *socket, const char *name, loop_readable_fn readable,
                    void *userdata, struct loop_socket **ret)
    __attribute__((nonnull(1, 2, 3, 4, 6), warn_unused_result));

/* Stops or goes on giving turns; a socket that isn't read makes its peers wait. */
void loop_socket_pause(struct loop_socket *s, bool paused) __attribute__((nonnull));

/* Takes NULL; returns NULL. Call before the socket is closed. */
struct loop_socket *loop_socket_free(struct loop_socket *s);

/* UTC, microseconds since 1970. */
int64_t loop_utc_usec(void);

/* A clock that nobody sets, microseconds. Any thread, as the other. */
uint64_t loop_monotonic_usec(void);
