#include "daemon/control.h"

#include "daemon/catalog.h"
#include "daemon/held.h"
#include "daemon/journal.h"
#include "daemon/loop.h"
#include "proto/json.h"

#include <errno.h>
#include <pwd.h>
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
    struct arena *arena; /* one request */
    struct arena *bound_arena;
    struct text_list bound;
    struct control_call *calls; /* that wait for their answers */
};

struct command {
    const char *name;
    const char *help;
    json_t *(*run)(const struct control *c); /* answers at once */
    void (*call)(struct log *log, struct control_call *call);
};

static json_t *help(const struct control *c);

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *endpoints(const struct text_list *bound) {
    json_t *array = json_array();
    for (size_t i = 0; i < bound->n; i++)
        json_array_append_new(array, json_string(bound->items[i]));
    return json_pack("{s:o}", "bind", array);
}

static json_t *topics(const struct control *c) {
    json_t *object = json_object();
    struct log_head *heads;
    size_t n;
    uint64_t as_of, newest;
    if (log_heads(c->subject.log, NULL, 0, &heads, &n, &as_of, &newest) < 0)
        return object;
    for (size_t i = 0; i < n; i++)
        json_object_set_new(object, heads[i].topic,
                            json_pack("{s:o,s:o}", "entries", number(heads[i].entries), "head",
                                      number(heads[i].head)));
    free(heads);
    return object;
}

static json_t *readers(const struct control *c, uint64_t head, json_t **ret_replay) {
    json_t *array = json_array();
    struct replay_reader *list;
    struct replay_counts counts;
    size_t n;
    if (replay_readers(c->subject.replay, &list, &n, &counts) < 0)
        return array;
    for (size_t i = 0; i < n; i++) {
        uint64_t lag = head > list[i].proven_seq ? head - list[i].proven_seq : 0;
        json_array_append_new(array, json_pack("{s:s,s:s,s:o,s:o,s:o}", "client", list[i].client,
                                               "topics", list[i].topics, "proven_seq",
                                               number(list[i].proven_seq), "lag", number(lag),
                                               "seen_usec", json_integer(list[i].seen_usec)));
    }
    free(list);
    *ret_replay = endpoints(replay_endpoints(c->subject.replay));
    json_object_set_new(*ret_replay, "sessions", number(counts.sessions));
    json_object_set_new(*ret_replay, "running", number(counts.running));
    json_object_set_new(*ret_replay, "entries", number(counts.entries));
    json_object_set_new(*ret_replay, "refused", number(counts.refused));
    return array;
}

static json_t *feed(const struct control *c) {
    const struct publish_counts *n = publish_counts(c->subject.publish);
    json_t *object = endpoints(publish_endpoints(c->subject.publish));
    json_object_set_new(object, "entries", number(n->entries));
    json_object_set_new(object, "messages", number(n->messages));
    json_object_set_new(object, "heartbeats", number(n->heartbeats));
    json_object_set_new(object, "subscriptions", number(n->subscriptions));
    json_object_set_new(object, "refused", number(n->refused));
    json_object_set_new(object, "strange", number(n->strange));
    return object;
}

static json_t *submit(const struct control *c) {
    const struct admit_counts *n = c->subject.counts;
    json_t *object = endpoints(intake_endpoints(c->subject.intake));
    json_object_set_new(object, "waiting", number(intake_waiting(c->subject.intake)));
    json_object_set_new(object, "accepted", number(n->accepted));
    json_object_set_new(object, "duplicate", number(n->duplicate));
    json_object_set_new(object, "held", number(n->held));
    json_object_set_new(object, "refused", number(n->refused));
    json_object_set_new(object, "unavailable", number(n->unavailable));
    json_object_set_new(object, "malformed", number(n->malformed));
    return object;
}

static json_t *spool(const struct control *c) {
    struct spool_counts n;
    if (c->subject.spool == NULL)
        return json_null();
    spool_get_counts(c->subject.spool, &n);
    return json_pack("{s:s,s:o,s:o,s:o,s:s}", "directory", c->subject.settings->spool.directory,
                     "waiting", number(n.waiting), "accepted", number(n.accepted), "rejected",
                     number(n.rejected), "trouble", n.trouble);
}

static json_t *security(const struct control *c) {
    const struct settings *s = c->subject.settings;
    const struct connections_counts *n = connections_counts(c->subject.connections);
    json_t *object = json_object();
    json_object_set_new(object, "curve", json_boolean(connections_secure(c->subject.connections)));
    json_object_set_new(object, "public_key", json_string(connections_key(c->subject.connections)));
    json_object_set_new(object, "insecure", json_boolean(s->security.insecure));
    json_object_set_new(object, "clients", number(s->n_clients));
    json_object_set_new(object, "refused", number(n->refused));
    json_object_set_new(object, "banned", number(n->banned));
    json_object_set_new(object, "unfinished", number(n->unfinished));
    json_object_set_new(object, "cut", number(n->cut));
    return object;
}

static json_t *status(const struct control *c) {
    struct log_bounds b;
    long long error_usec;
    const char *error = journal_last_error(&error_usec);
    json_t *replay = NULL, *object = json_object();
    log_bounds(c->subject.log, &b);
    codec_mend_utf8(b.trouble);
    json_object_set_new(object, "version", json_string(NEWSWIRE_VERSION));
    json_object_set_new(object, "uptime_sec",
                        json_integer((loop_utc_usec() - c->subject.started_usec) / 1000000));
    json_object_set_new(object, "epoch", number(b.epoch));
    json_object_set_new(object, "first", number(b.first));
    json_object_set_new(object, "head", number(b.head));
    json_object_set_new(object, "entries", number(b.entries));
    json_object_set_new(object, "bytes", number(b.bytes));
    json_object_set_new(object, "waiting_for_release", number(b.held));
    json_object_set_new(object, "taking", json_boolean(b.taking));
    json_object_set_new(object, "trouble", json_string(b.trouble));
    json_object_set_new(object, "security", security(c));
    json_object_set_new(object, "topics", topics(c));
    json_object_set_new(object, "readers", readers(c, b.head, &replay));
    json_object_set_new(object, "feed", feed(c));
    if (replay != NULL)
        json_object_set_new(object, "replay", replay);
    json_object_set_new(object, "submit", submit(c));
    json_object_set_new(object, "spool", spool(c));
    json_object_set_new(object, "last_error",
                        *error == '\0' ? json_null()
                                       : json_pack("{s:s,s:I}", "text", error, "time_usec",
                                                   (json_int_t)error_usec));
    return object;
}

static json_t *sections(const struct control *c) {
    Newswire__V1__ReplayReply reply = NEWSWIRE__V1__REPLAY_REPLY__INIT;
    json_t *array = json_array();
    if (catalog_sections(&c->subject.settings->rules, &trust_anybody, c->arena, &reply) < 0) {
        json_decref(array);
        return NULL;
    }
    for (size_t i = 0; i < reply.n_sections; i++)
        json_array_append_new(array, json_message(&reply.sections[i]->base));
    return array;
}

static void reload(struct log *log, struct control_call *call);

static const struct command commands[] = {
    {"status", "how the daemon is, and how far its readers are", status, NULL},
    {"sections", "the sections, and the topics that can be subscribed to", sections, NULL},
    {"held", "what waits for its time or for a person", NULL, held_list},
    {"release", "lets a held article go now: ITEM, name", NULL, held_release},
    {"approve", "approves a held article: ITEM, name", NULL, held_approve},
    {"reject", "takes a held article away: ITEM, name, note", NULL, held_reject},
    {"reload", "reads the config again", NULL, reload},
    {"help", "what can be asked", help, NULL},
};

static json_t *help(const struct control *c) {
    json_t *object = json_object();
    (void)c;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        json_object_set_new(object, commands[i].name, json_string(commands[i].help));
    return object;
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

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

void control_answer(struct control_call *call, json_t *value) {
    char *json = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);
    if (call->control != NULL && json == NULL)
        send_reply(call->control, &call->peer, NEWSWIRE__V1__ERROR__CODE__busy,
                   "the daemon is short of memory", "");
    else if (call->control != NULL)
        send_reply(call->control, &call->peer, NEWSWIRE__V1__ERROR__CODE__none, "", json);
    free(json);
    json_decref(value);
    call_free(call);
}

void control_refuse(struct control_call *call, int code, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    codec_mend_utf8(text);
    if (call->control != NULL)
        send_reply(call->control, &call->peer, code, text, "");
    call_free(call);
}

static void reload(struct log *log, struct control_call *call) {
    const struct control_subject *s = &call->control->subject;
    char text[1024] = "";
    (void)log;
    if (s->reload(s->userdata, text, sizeof text) < 0)
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__invalid, "%s", text);
    else
        control_answer(call, json_pack("{s:s}", "waits_for_restart", text));
}

/* Whose process is at the other end of a Unix socket. */
static void find_user(int fd, char *ret, size_t size) {
    struct ucred peer;
    socklen_t len = sizeof peer;
    char buffer[4096];
    struct passwd account, *found = NULL;
    snprintf(ret, size, "unknown");
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return;
    snprintf(ret, size, "uid %u", (unsigned)peer.uid);
    if (getpwuid_r(peer.uid, &account, buffer, sizeof buffer, &found) == 0 && found != NULL)
        snprintf(ret, size, "%s", found->pw_name);
    codec_mend_utf8(ret);
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
    find_user(fd, call->user, sizeof call->user);
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
        send_reply(c, peer, NEWSWIRE__V1__ERROR__CODE__malformed, f.reason, "");
        return;
    }
    const Newswire__V1__ControlRequest *q = (const Newswire__V1__ControlRequest *)message;
    const struct command *command = find_command(q->command);
    struct control_call *call = call_new(c, peer, fd, q);
    if (call == NULL)
        send_reply(c, peer, NEWSWIRE__V1__ERROR__CODE__busy, "the daemon is short of memory", "");
    else if (command == NULL)
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__unknown,
                       "there is no command '%.100s'; 'help' lists them", q->command);
    else if (command->run != NULL)
        control_answer(call, command->run(c));
    else
        command->call(c->subject.log, call);
}

static void readable(void *userdata) {
    struct control *c = userdata;
    for (int i = 0; i < TURN_MESSAGES; i++) {
        struct socket_peer peer;
        zmq_msg_t m;
        int r = socket_receive(c->socket, &peer, &m);
        if (r == -EBADMSG)
            send_reply(c, &peer, NEWSWIRE__V1__ERROR__CODE__malformed,
                       "a request is one frame, and there are more, or none", "");
        if (r == -EBADMSG)
            continue;
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
    int r = socket_bind(c->socket, c->bound_arena, &list, &c->bound, f);
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
    loop_socket_free(c->watch);
    if (c->socket != NULL)
        zmq_close(c->socket);
    if (c->bound.n > 0) /* libzmq leaves it */
        unlink(c->subject.settings->control.path);
    arena_free(c->arena);
    arena_free(c->bound_arena);
    free(c);
    return NULL;
}
