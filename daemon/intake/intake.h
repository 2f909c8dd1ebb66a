/*
 * Owner of the submit socket: takes requests, passes their articles through
 * admit to the log, and answers each request when all of its articles are
 * decided and durable.
 *
 * When the log's queue is full the socket isn't read, so senders wait; nothing
 * is dropped.
 */
#pragma once

#include "daemon/admit.h"
#include "daemon/connections.h"

#include <systemd/sd-event.h>

struct intake;

/* Binds the endpoints and begins to take requests. 0; -errno with *ret_fault
 * naming the endpoint. */
int intake_open(sd_event *event, void *zmq_context, const struct settings *settings,
                struct connections *connections, struct log *log, struct admit_counts *counts,
                struct intake **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* From now on these settings count; they stay the caller's. */
void intake_reload(struct intake *in, const struct settings *settings) __attribute__((nonnull));

/* Tells that the log has handed something back, so that its queue has room. */
void intake_log_moved(struct intake *in) __attribute__((nonnull));

/* Takes no more requests. Those that the log has are still answered; those that it
 * had no room for are answered as unavailable. */
void intake_stop(struct intake *in) __attribute__((nonnull));

/* Requests taken and not yet answered. */
size_t intake_waiting(const struct intake *in) __attribute__((nonnull));

/* The endpoint that bind k really has (a wildcard port is resolved). */
const struct text_list *intake_endpoints(const struct intake *in) __attribute__((nonnull));

struct intake *intake_close(struct intake *in);
