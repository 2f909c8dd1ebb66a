/*
 * A look at everything that is watched: what the daemon says of itself, what stands
 * in the forwarders' ledgers, how much room the disks have.
 *
 * It only gathers; judge.h says what of it is wrong for whom. All of it lives until
 * look_done.
 */
#pragma once

#include "clients/alert/config.h"
#include "clients/forward/troubles.h"

#include <jansson.h>

/* A trouble of a ledger, with texts of its own. */
struct look_trouble {
    struct trouble trouble;
    const char *ledger; /* the forwarder's config */
};

struct look_disk {
    const char *path;
    uint64_t free_bytes;
};

enum look_source { LOOK_DAEMON, LOOK_LEDGER, LOOK_DISK };

/* Something that couldn't be looked at, beside a daemon that doesn't answer at all. */
struct look_fault {
    const char *what;
    const char *why;
    enum look_source source;
};

struct look {
    struct arena *arena;
    int64_t now_usec;
    bool watches_daemon;
    json_t *status;        /* NULL: it doesn't answer */
    const char *no_answer; /* why */
    json_t **came;         /* of each group: since page_start; NULL: it isn't time, or unknown */
    struct look_trouble *troubles;
    size_t n_troubles, max_troubles;
    struct look_disk *disks;
    size_t n_disks;
    struct look_fault **faults;
    size_t n_faults;
};

/* When the last day's page had to be there, and from when on it counts, for a group
 * at that time. False when it has no such time, or none of the last days was one. */
bool look_page_time(const struct group_config *g, int64_t now_usec, int64_t *ret_start_usec,
                    int64_t *ret_deadline_usec) __attribute__((nonnull));

/* Looks at everything. 0 or -ENOMEM; what couldn't be looked at is among the faults. */
int look_at(const struct alert_config *config, int64_t now_usec, struct look *ret)
    __attribute__((nonnull, warn_unused_result));
void look_done(struct look *l, const struct alert_config *config) __attribute__((nonnull));
