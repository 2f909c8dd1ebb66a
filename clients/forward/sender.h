/*
 * The senders: for each outlet a thread or several that take what is due out of
 * the ledger and send it, one after the other, at the outlet's own pace.
 *
 * An outlet that is slow, hangs or is gone keeps its own threads busy and nobody
 * else's. What is claimed stands in the ledger as being sent before its first byte
 * leaves, so that a kill knows who may have it.
 */
#pragma once

#include "clients/forward/clerk.h"

struct senders;

/* The senders of all outlets, not yet started. NULL when out of memory. */
struct senders *senders_new(const struct forward_config *config)
    __attribute__((nonnull, warn_unused_result));

/* For the ledger, which must know them before it takes anything. */
const struct ledger_senders *senders_hooks(struct senders *s) __attribute__((nonnull));

/* For the clerk: wakes those for whom there is something new. */
void senders_after(void *senders, bool outside);

/* Starts the threads. 0 or -errno. */
int senders_start(struct senders *s, struct clerk *clerk)
    __attribute__((nonnull, warn_unused_result));

/* Ends the threads, once follow_stop is set: what is being sent may end, or is cut
 * off. The clerk must live until this returns, and *s until the clerk has ended, since
 * it calls senders_after. Takes NULL. */
void senders_stop(struct senders *s);

/* After clerk_stop. Takes NULL; returns NULL. */
struct senders *senders_free(struct senders *s);

/* Sends one article that is in no ledger, in the caller's thread; for tests of an
 * outlet. 0, or -errno with a sentence in the verdict. */
int sender_send(const struct forward_config *config, const struct outlet_config *o,
                const struct ledger_job *job, struct verdict *ret)
    __attribute__((nonnull, warn_unused_result));
