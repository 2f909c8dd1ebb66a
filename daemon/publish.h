/*
 * Owner of the feed: publishes what the log hands back as durable, and says
 * each topic's head by heartbeats.
 *
 * A heartbeat is sent after the entries that it counts, in the same topic's
 * frame, so it never overtakes them. A new subscription brings heartbeats for
 * its topics soon; the rate of all together is capped.
 */
#pragma once

#include "daemon/connections.h"
#include "daemon/log/log.h"
#include "daemon/notary.h"

#include <systemd/sd-event.h>

struct publish;

struct publish_counts {
    uint64_t entries, messages, heartbeats, subscriptions;
    uint64_t refused; /* subscriptions to what the reader may not read */
    uint64_t strange; /* messages that are none */
};

/* Binds the endpoints; heads are taken from the log. 0; -errno with *ret_fault. */
int publish_open(sd_event *event, void *zmq_context, const struct settings *settings,
                 struct connections *connections, struct log *log, struct publish **ret,
                 struct fault *ret_fault) __attribute__((nonnull, warn_unused_result));

/* From now on heartbeats carry its checkpoints; NULL: none any more. */
void publish_checkpoints(struct publish *p, struct notary *notary) __attribute__((nonnull(1)));

/* From now on these settings count; they stay the caller's. */
void publish_reload(struct publish *p, const struct settings *settings) __attribute__((nonnull));

/* Publishes the new entries among some results of the log, in their order. */
void publish_results(struct publish *p, const struct log_result *results, size_t n)
    __attribute__((nonnull(1)));

const struct publish_counts *publish_counts(const struct publish *p) __attribute__((nonnull));
const struct text_list *publish_endpoints(const struct publish *p) __attribute__((nonnull));

/* How many entries of the topic were published in the last minute, and in the last
 * quarter of an hour. */
void publish_rates(const struct publish *p, struct slice topic, uint64_t *ret_minute,
                   uint64_t *ret_quarter) __attribute__((nonnull));

struct publish *publish_close(struct publish *p);
