/*
 * Owner of the metrics' HTTP server: GET /metrics, on a port of this machine or a Unix
 * socket. It belongs to the loop, which it never makes wait; connections are few, short
 * and bounded.
 */
#pragma once

#include "daemon/control.h"

struct metrics_server;

/* Listens where the settings say; *ret is NULL when they don't. The subject, but not
 * what it points to, is copied. 0; -errno with *ret_fault naming the address. */
int metrics_server_open(sd_event *event, const struct control_subject *subject,
                        struct metrics_server **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* The address, with the port that it really has; "" for NULL. */
const char *metrics_server_address(const struct metrics_server *m);

/* From now on these settings count; they stay the caller's. */
void metrics_server_reload(struct metrics_server *m, const struct settings *settings)
    __attribute__((nonnull(2)));

/* Takes NULL; returns NULL. */
struct metrics_server *metrics_server_close(struct metrics_server *m);
