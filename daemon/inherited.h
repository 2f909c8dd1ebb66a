/*
 * Sockets that systemd holds for the daemon (newswired.socket): who connects while it
 * restarts waits in their queues, and is not refused.
 *
 * FileDescriptorName= feed, replay, submit or control says what a socket is for. One of
 * any other name is for the endpoint of the config whose address it has. What has
 * sockets given is bound to these alone: who holds them decides where it listens.
 *
 * They come once, with the process, and each is bound once: so this is one table.
 */
#pragma once

#include "daemon/settings.h"

enum inherited_for {
    INHERITED_FEED,
    INHERITED_REPLAY,
    INHERITED_SUBMIT,
    INHERITED_CONTROL,
    INHERITED_NONE
};

struct inherited {
    enum inherited_for what;
    int fd;             /* non-blocking; of whoever binds it */
    char endpoint[160]; /* as ZeroMQ writes its address */
};

/* Takes them from $LISTEN_FDS, before any is bound. Where config says another address, or one
 * more, *ret_notes tells. 0, also when there are none; -errno with *ret_fault naming
 * the descriptor: it does not listen, nobody can say what it is for, or everybody could
 * connect to it without a key. */
int inherited_load(const struct settings *settings, struct arena *a, struct text_list *ret_notes,
                   struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* The i-th socket for that purpose; NULL: there are no more. */
const struct inherited *inherited_get(enum inherited_for what, size_t i);
