/*
 * The clerk: the one thread that writes in the ledger while the forwarder runs.
 *
 * Others hand it work and wait. What has gathered meanwhile goes into one
 * transaction, so that a thousand outlets cost one sync of the disk and not a
 * thousand. It also sees when another program changed the ledger.
 */
#pragma once

#include "clients/forward/ledger.h"

struct clerk;

/* Work with the ledger, within a transaction; 0 or more, or a negative errno, which
 * undoes it. */
typedef int (*clerk_fn)(struct ledger *l, void *argument);

/* Called by the clerk's thread after each transaction; outside: another program
 * wrote in the ledger. */
typedef void (*clerk_after_fn)(void *userdata, bool outside);

/* Starts it on an open ledger, which is its own from now on. 0 or -errno. */
int clerk_start(struct ledger *l, clerk_after_fn after, void *userdata, struct clerk **ret)
    __attribute__((nonnull, warn_unused_result));

/* Has the work done and returns its result once that is durable. */
int clerk_do(struct clerk *c, clerk_fn fn, void *argument)
    __attribute__((nonnull, warn_unused_result));

/* The same, again and again until the disk has taken it, however long that is, or
 * follow_stop is set and it failed. A failure is said once. */
int clerk_insist(struct clerk *c, clerk_fn fn, void *argument)
    __attribute__((nonnull, warn_unused_result));

/* Ends the thread when its work is done. Takes NULL; returns NULL. */
struct clerk *clerk_stop(struct clerk *c);
