/*
 * Owner of the control socket: answers the operator's commands, by a table of
 * names and handlers.
 */
#pragma once

#include "daemon/admit.h"
#include "daemon/intake.h"
#include "daemon/publish.h"
#include "daemon/replay.h"
#include "daemon/spool/spool.h"

#include <systemd/sd-event.h>

struct control;

/* What the commands look at; all of it outlives the control socket. */
struct control_subject {
    const struct settings *settings;
    struct log *log;
    struct intake *intake;
    struct spool *spool; /* NULL: there is none */
    struct publish *publish;
    struct replay *replay;
    const struct admit_counts *counts;
    int64_t started_usec; /* UTC */
};

/* Binds the Unix socket. 0; -errno with *ret_fault. */
int control_open(sd_event *event, void *zmq_context, const struct control_subject *subject,
                 struct control **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

struct control *control_close(struct control *c);
