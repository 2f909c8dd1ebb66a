#include "daemon/control.h"

#include "daemon/commands.h"
#include "daemon/loop.h"
#include "daemon/tasks.h"
#include "proto/translation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { TURN_MESSAGES = 16, REQUEST_BYTES = 64 << 10 };

struct control {
    struct control_subject subject;
    void *socket;
    struct loop_socket *watch;
    struct tasks *tasks; /* of calls that take longer */
    struct arena *arena; /* one request */
    struct arena *bound_arena;
    struct text_list bound;
    struct control_call *calls; /* that wait for their answers */
};

static void send_reply(struct control *c, const struct socket_peer *peer, int code,
                       const char *message, const char *json) {
    Newswire__V1__ControlReply reply = NEWSWIRE__V1__CONTROL_REPLY__INIT;
    Newswire__V1__Error error = NEWSWIRE__V1__ERROR__INIT;
    if (code != NEWSWIRE__V1__ERROR__CODE__none) {
        error.code = (Newswire__V1__Error__Code)code;
        error.message = (char *)message;
        reply.error = &error;
    } else {
        reply.json = (char *)json;
    }
    size_t size = newswire__v1__control_reply__get_packed_size(&reply);
    zmq_msg_t m;
    if (zmq_msg_init_size(&m, size) < 0)
        return;
    newswire__v1__control_reply__pack(&reply, zmq_msg_data(&m));
    if (socket_send_message(c->socket, peer, &m) < 0)
        zmq_msg_close(&m);
}

/* ---- calls */

static void call_free(struct control_call *call) {
    if (call->control != NULL) {
        struct control_call **at = &call->control->calls;
        while (*at != call)
            at = &(*at)->next;
        *at = call->next;
    }
    for (size_t i = 0; i < CONTROL_ARGUMENTS; i++)
        free(call->arguments[i]);
    free(call);
}

const struct control_subject *control_subject(const struct control_call *call) {
    return &call->control->subject;
}

void control_answer(struct control_call *call, json_t *value) {
    char *json = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);
    if (call->control != NULL && json == NULL)
        send_reply(call->control, &call->peer, NEWSWIRE__V1__ERROR__CODE__busy,
                   translated("the daemon is short of memory"), "");
    else if (call->control != NULL)
        send_reply(call->control, &call->peer, NEWSWIRE__V1__ERROR__CODE__none, "", json);
    free(json);
    json_decref(value);
    call_free(call);
}

void control_refuse_text(struct control_call *call, int code, const char *text) {
    if (call->control != NULL)
        send_reply(call->control, &call->peer, code, text, "");
    call_free(call);
}

void control_refuse(struct control_call *call, int code, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, translated(format), arguments);
    va_end(arguments);
    codec_mend_utf8(text);
    control_refuse_text(call, code, text);
}

int control_start(struct control_call *call, void (*work)(void *userdata),
                  void (*done)(void *userdata), void *userdata) {
    return tasks_start(call->control->tasks, work, done, userdata);
}

/* Whose process is at the other end of a Unix socket. */
static void find_user(int fd, char ret[static AUDIT_USER_BYTES]) {
    struct ucred peer;
    socklen_t len = sizeof peer;
    snprintf(ret, AUDIT_USER_BYTES, "unknown");
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        audit_user(peer.uid, ret);
}

static struct control_call *call_new(struct control *c, const struct socket_peer *peer, int fd,
                                     const Newswire__V1__ControlRequest *q) {
    struct control_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->control = c;
    call->peer = *peer;
    call->next = c->calls;
    c->calls = call;
    find_user(fd, call->user);
    for (size_t i = 0; i < q->n_arguments && i < CONTROL_ARGUMENTS; i++)
        call->arguments[i] = strdup(q->arguments[i]);
    return call;
}

static void take_request(struct control *c, const struct socket_peer *peer, int fd,
                         struct slice body) {
    ProtobufCMessage *message;
    struct fault f = {0};
    arena_reset(c->arena);
    if (codec_unpack(&newswire__v1__control_request__descriptor, c->arena, body, &message, &f) <
        0) {
        send_reply(c, peer, NEWSWIRE__V1__ERROR__CODE__malformed, fault_local(&f), "");
        return;
    }
    const Newswire__V1__ControlRequest *q = (const Newswire__V1__ControlRequest *)message;
    const struct command *command = command_find(q->command);
    struct control_call *call = call_new(c, peer, fd, q);
    if (call == NULL)
        send_reply(c, peer, NEWSWIRE__V1__ERROR__CODE__busy, "the daemon is short of memory", "");
    else if (command == NULL)
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__unknown,
                       "there is no command '%.100s'; 'help' lists them", q->command);
    else
        command->run(call);
}

static void readable(void *userdata) {
    struct control *c = userdata;
    for (int i = 0; i < TURN_MESSAGES; i++) {
        struct socket_peer peer;
        zmq_msg_t m;
        struct fault f;
        int r = socket_receive(c->socket, REQUEST_BYTES, &peer, &m, &f);
        if (r == -EBADMSG || r == -EMSGSIZE) {
            send_reply(c, &peer, NEWSWIRE__V1__ERROR__CODE__malformed, f.reason, "");
            continue;
        }
        if (r < 0)
            return;
        take_request(c, &peer, zmq_msg_get(&m, ZMQ_SRCFD),
                     (struct slice){zmq_msg_data(&m), zmq_msg_size(&m)});
        zmq_msg_close(&m);
    }
}

static int bind_path(struct control *c, struct fault *f) {
    char endpoint[512], *item = endpoint;
    struct text_list list = {.items = &item, .n = 1};
    snprintf(endpoint, sizeof endpoint, "ipc://%s", c->subject.settings->control.path);
    mode_t before = umask(0117); /* the operator's user and group */
    int r = socket_bind(c->socket, INHERITED_CONTROL, &list, c->bound_arena, &c->bound, f);
    umask(before);
    return r;
}

int control_open(sd_event *event, void *zmq_context, const struct control_subject *subject,
                 struct control **ret, struct fault *ret_fault) {
    struct control *c = calloc(1, sizeof *c);
    if (c == NULL)
        return -ENOMEM;
    c->subject = *subject;
    c->arena = arena_new(1 << 20);
    c->bound_arena = arena_new(64 << 10);
    c->socket = socket_new(zmq_context, ZMQ_ROUTER, REQUEST_BYTES);
    int r = c->arena == NULL || c->bound_arena == NULL || c->socket == NULL ? -ENOMEM : 0;
    if (r == 0)
        r = loop_socket_new(event, c->socket, "control", readable, c, &c->watch);
    if (r == 0)
        r = tasks_new(event, &c->tasks);
    if (r == 0)
        r = bind_path(c, ret_fault);
    if (r < 0) {
        control_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

void control_reload(struct control *c, const struct settings *settings) {
    c->subject.settings = settings;
}

struct control *control_close(struct control *c) {
    if (c == NULL)
        return NULL;
    for (struct control_call *call = c->calls; call != NULL; call = call->next)
        call->control = NULL; /* it goes when the log has answered it */
    tasks_free(c->tasks);
    loop_socket_free(c->watch);
    if (c->socket != NULL)
        zmq_close(c->socket);
    if (c->bound.n > 0 && inherited_get(INHERITED_CONTROL, 0) == NULL) /* libzmq leaves it */
        unlink(c->subject.settings->control.path);
    arena_free(c->arena);
    arena_free(c->bound_arena);
    free(c);
    return NULL;
}
