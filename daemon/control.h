/*
 * Owner of the control socket: takes the operator's calls, which commands.h answers.
 */
#pragma once

#include "daemon/admit.h"
#include "daemon/audit.h"
#include "daemon/health.h"
#include "daemon/intake/intake.h"
#include "daemon/publish.h"
#include "daemon/replay/replay.h"
#include "daemon/socket.h"
#include "daemon/spool/spool.h"

#include <jansson.h>
#include <systemd/sd-event.h>

struct control;

enum { CONTROL_ARGUMENTS = 4 };

/* What the commands look at; all of it outlives the control socket. */
struct control_subject {
    const struct settings *settings;
    struct connections *connections;
    struct log *log;
    struct intake *intake;
    struct spool *spool; /* NULL: there is none */
    struct publish *publish;
    struct replay *replay;
    struct metrics_server *metrics; /* NULL: there is none */
    struct notary *notary;          /* NULL: it signs nothing */
    const struct health *health;
    const struct admit_counts *counts;
    int64_t started_usec; /* UTC */
    /* Reads the config again. 0, with a sentence on what waits for a restart, or
     * none; -errno with what is wrong. */
    int (*reload)(void *userdata, const struct audit_by *by, char *ret_text, size_t size);
    void *userdata;
};

/* A command that waits for its answer. */
struct control_call {
    struct control *control; /* NULL: it has closed, nobody waits any more */
    struct control_call *next;
    struct socket_peer peer;
    char user[AUDIT_USER_BYTES];        /* whose process sent it: a name, or "uid 1000" */
    char *arguments[CONTROL_ARGUMENTS]; /* valid UTF-8; NULL: not given */
};

/* What the daemon has, for the handler that the call is given to; not later, as control
 * may have closed. */
const struct control_subject *control_subject(const struct control_call *call)
    __attribute__((nonnull));

/* Answers a call with a value, which is taken over, or an error, and ends it. */
void control_answer(struct control_call *call, json_t *value) __attribute__((nonnull(1)));
void control_refuse(struct control_call *call, int code, const char *format, ...)
    __attribute__((nonnull, format(printf, 3, 4)));
void control_refuse_text(struct control_call *call, int code, const char *text)
    __attribute__((nonnull));

/* Answers the call later: runs work in a thread, then done in the loop's, which answers or
 * refuses it. 0; -EAGAIN when too much is at work: the call is still the caller's. */
int control_start(struct control_call *call, void (*work)(void *userdata),
                  void (*done)(void *userdata), void *userdata)
    __attribute__((nonnull, warn_unused_result));

/* Binds the Unix socket. 0; -errno with *ret_fault. */
int control_open(sd_event *event, void *zmq_context, const struct control_subject *subject,
                 struct control **ret, struct fault *ret_fault)
    __attribute__((nonnull, warn_unused_result));

/* From now on these settings count; they stay the caller's. */
void control_reload(struct control *c, const struct settings *settings) __attribute__((nonnull));

struct control *control_close(struct control *c);
