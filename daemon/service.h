/*
 * What systemd is told: readiness, reloads, the end, a sentence on how things are, and
 * the watchdog, which is kept alive only while the loop turns and every thread gets
 * on. All sd_notify calls stand here.
 *
 * It looks round every two seconds. What has changed for the worse or the better is said
 * in the journal.
 */
#pragma once

#include "daemon/health.h"
#include "daemon/notary.h"
#include "daemon/publish.h"
#include "daemon/replay/replay.h"
#include "daemon/spool/spool.h"

struct service;

/* What is looked at; all of it outlives the service. */
struct service_subject {
    const struct settings *settings;
    struct log *log;
    struct publish *publish;
    struct replay *replay;
    struct notary *notary; /* NULL: there is none */
    struct spool *spool;   /* NULL: there is none */
};

/* Begins to look round. Reads what the log has of today, to count on from there. 0 or
 * -errno. */
int service_open(sd_event *event, const struct service_subject *subject, struct service **ret)
    __attribute__((nonnull, warn_unused_result));

/* It serves from now on: at the start, and after service_reloading. */
void service_ready(void);
void service_reloading(void);
void service_stopping(void);

/* From now on these settings count; they stay the caller's. */
void service_reload(struct service *s, const struct settings *settings) __attribute__((nonnull));

/* How the daemon was when it looked round last. */
const struct health *service_health(const struct service *s) __attribute__((nonnull));

/* Takes NULL; returns NULL. */
struct service *service_close(struct service *s);
