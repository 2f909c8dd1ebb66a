/*
 * How much each client asks of the daemon, held to what its config allows: requests,
 * articles and bytes a second. A second's worth may come at once; one that is larger
 * than that is taken, and the next has to wait until it is paid off.
 *
 * Belongs to one thread.
 */
#pragma once

#include "daemon/trust.h"

struct meters;

struct meters *meters_new(void);

/* Takes NULL; returns NULL. */
struct meters *meters_free(struct meters *m);

/* Counts what a client asks now. 0; -EAGAIN with the reason when it must wait: nothing
 * is counted then. */
int meters_take(struct meters *m, const struct client *client, uint64_t requests, uint64_t articles,
                uint64_t bytes, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));
