/*
 * How the daemon is, judged in one place for all who ask: systemctl status,
 * newswirectl, metrics, the watchdog.
 *
 * Degraded: something is wrong that a person should look at, and the daemon goes on
 * with what it still can: a full disk takes no articles and serves readers. Stuck:
 * a thread does not get on, and only a restart helps.
 */
#pragma once

#include "daemon/log/log.h"
#include "daemon/pulse.h"

enum { HEALTH_TROUBLES = 8, HEALTH_TEXT_BYTES = 400 };

enum health_state { HEALTH_OK, HEALTH_DEGRADED, HEALTH_STUCK };

struct health_trouble {
    const char *of;               /* log, disk, replay, damage, checkpoints, spool */
    char text[HEALTH_TEXT_BYTES]; /* a sentence in UTF-8, without its full stop */
};

struct health {
    enum health_state state;
    size_t n; /* the worst comes first */
    struct health_trouble troubles[HEALTH_TROUBLES];
};

/* What is known. Texts are "" when all is well. */
struct health_facts {
    const struct log_bounds *log;
    struct pulse_state replay;
    const char *directory;   /* the log's */
    const char *damage;      /* of the log, as replay met it */
    const char *checkpoints; /* why they are not signed */
    const char *spool;
    uint64_t stuck_usec; /* so long without a step, and a thread is stuck */
    uint64_t disk_usec;  /* the same while it waits for a disk; 0: never */
};

void health_judge(const struct health_facts *facts, struct health *ret) __attribute__((nonnull));

/* "ok", "degraded", "stuck". */
const char *health_word(enum health_state state);
