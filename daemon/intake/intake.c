#include "daemon/intake/parts.h"

#include <errno.h>
#include <stdlib.h>

enum {
    ARENA_BYTES = 64 << 20, /* a turn's articles, unpacked */
    TURN_BYTES = 4 << 20,   /* a turn ends when it has taken so much */
};

static void end_turn(struct intake *in) {
    for (size_t i = 0; i < in->n_messages; i++)
        zmq_msg_close(&in->messages[i]);
    in->n_messages = 0;
    in->n_proposals = in->n_questions = 0;
    in->bytes = 0;
    arena_reset(in->arena);
}

static void give_up_questions(struct intake *in, size_t from) {
    const struct log_result result = {.outcome = LOG_UNAVAILABLE};
    for (size_t i = from; i < in->n_questions; i++)
        intake_answered(&in->questions[i]->waiter, &result);
    in->n_questions = 0;
}

/* Behind the turn's articles, so that the answers know of them. */
static void ask_questions(struct intake *in) {
    size_t i = 0;
    for (; i < in->n_questions; i++) {
        struct log_ask ask = {.type = in->questions[i]->held ? LOG_ASK_HELD : LOG_ASK_STORY,
                              .uri = in->questions[i]->uri,
                              .cookie = &in->questions[i]->waiter};
        if (log_ask(in->log, &ask) < 0)
            break;
    }
    give_up_questions(in, i);
}

/* Gives what the turn took to the log; when its queue is full, it is kept and
 * the socket waits. */
static void hand_over(struct intake *in) {
    int r = in->n_proposals == 0 ? 0 : log_append(in->log, in->proposals, in->n_proposals);
    in->full = r == -EAGAIN;
    loop_socket_pause(in->watch, in->full || in->stopped);
    if (r == 0) {
        ask_questions(in);
        end_turn(in);
        return;
    }
    if (in->full)
        return;
    struct log_result result = {.outcome = LOG_UNAVAILABLE};
    fault_set_error(&result.fault, r, "", "the daemon can't take articles");
    for (size_t i = 0; i < in->n_proposals; i++)
        intake_decided(in->proposals[i].cookie, &result);
    give_up_questions(in, 0);
    end_turn(in);
}

static void take_message(struct intake *in, const struct socket_peer *peer, zmq_msg_t *m) {
    struct identity who;
    connections_identify(m, &who);
    connections_note(in->connections, &who);
    intake_take_request(in, peer, who.key, (struct slice){zmq_msg_data(m), zmq_msg_size(m)});
}

static void readable(void *userdata) {
    struct intake *in = userdata;
    while (in->n_messages < in->settings->submit.turn_messages && in->bytes < TURN_BYTES) {
        struct socket_peer peer;
        struct fault fault = {0};
        zmq_msg_t *m = &in->messages[in->n_messages];
        int r = socket_receive(in->socket, LIMIT_MESSAGE_BYTES, &peer, m, &fault);
        if (r == -EBADMSG || r == -EMSGSIZE) {
            intake_refuse(in, &peer, 0,
                          r == -EMSGSIZE ? NEWSWIRE__V1__ERROR__CODE__too_large
                                         : NEWSWIRE__V1__ERROR__CODE__malformed,
                          "", "", &fault);
            continue;
        }
        if (r < 0)
            break;
        in->n_messages++;
        in->bytes += zmq_msg_size(m);
        take_message(in, &peer, m);
    }
    hand_over(in);
}

void intake_log_moved(struct intake *in) {
    if (in->full && !in->stopped)
        hand_over(in);
}

void intake_stop(struct intake *in) {
    struct log_result result = {.outcome = LOG_UNAVAILABLE};
    in->stopped = true;
    loop_socket_pause(in->watch, true);
    fault_set(&result.fault, "", "the daemon is stopping");
    for (size_t i = 0; i < in->n_proposals; i++)
        intake_decided(in->proposals[i].cookie, &result);
    give_up_questions(in, 0);
    end_turn(in);
}

size_t intake_waiting(const struct intake *in) {
    return in->waiting;
}

const struct text_list *intake_endpoints(const struct intake *in) {
    return &in->bound;
}

void intake_reload(struct intake *in, const struct settings *settings) {
    in->settings = settings;
}

int intake_open(sd_event *event, void *zmq_context, const struct settings *settings,
                struct connections *connections, struct log *log, struct admit_counts *counts,
                struct intake **ret, struct fault *ret_fault) {
    struct intake *in = calloc(1, sizeof *in);
    if (in == NULL)
        return -ENOMEM;
    in->settings = settings;
    in->connections = connections;
    in->meters = meters_new();
    in->log = log;
    in->counts = counts;
    in->arena = arena_new(ARENA_BYTES);
    in->endpoints_arena = arena_new(64 << 10);
    in->messages = calloc(SETTINGS_TURN_MESSAGES, sizeof *in->messages);
    in->socket = socket_new(zmq_context, ZMQ_ROUTER, LIMIT_MESSAGE_BYTES);
    int r = -ENOMEM;
    if (in->arena != NULL && in->endpoints_arena != NULL && in->messages != NULL &&
        in->socket != NULL && in->meters != NULL)
        r = loop_socket_new(event, in->socket, "submit", readable, in, &in->watch);
    if (r >= 0)
        r = connections_guard(connections, in->socket);
    if (r >= 0)
        r = socket_bind(in->socket, INHERITED_SUBMIT, &settings->submit.bind, in->endpoints_arena,
                        &in->bound, ret_fault);
    if (r < 0) {
        intake_close(in);
        return r;
    }
    *ret = in;
    return 0;
}

struct intake *intake_close(struct intake *in) {
    if (in == NULL)
        return NULL;
    if (in->arena != NULL)
        end_turn(in);
    loop_socket_free(in->watch);
    connections_leave(in->connections, in->socket);
    if (in->socket != NULL)
        zmq_close(in->socket);
    meters_free(in->meters);
    free(in->messages);
    free(in->proposals);
    free(in->questions);
    arena_free(in->arena);
    arena_free(in->endpoints_arena);
    free(in);
    return NULL;
}
