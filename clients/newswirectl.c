/*
 * newswirectl: asks a running daemon.
 */
#include "clients/ctl/keygen.h"
#include "clients/tool/options.h"
#include "proto/config.h"
#include "proto/newswire.pb-c.h"
#include "proto/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum {
    REQUEST_BYTES = 8192,
    ANSWER_MSEC = 5000,
    ANSWER_BYTES = 16 << 20,
    CONFIG_ARENA_BYTES = 16 << 20
};

static const char default_path[] = "/run/newswire/control";
static const char default_config[] = "/etc/newswire/newswired.conf";

struct ctl {
    const char *path, *config, *as, *note, *server_key;
    char *configured; /* the path as the config has it */
    bool json, origin;
};

static const struct options_row rows[] = {
    {"control", OPTIONS_STRING, offsetof(struct ctl, path), "PATH", NULL,
     "the daemon's Unix socket; default: as the config says"},
    {"config", OPTIONS_STRING, offsetof(struct ctl, config), "FILE", NULL,
     "the daemon's; default /etc/newswire/newswired.conf"},
    {"as", OPTIONS_STRING, offsetof(struct ctl, as), "NAME", NULL,
     "who you are, for release, approve and reject"},
    {"note", OPTIONS_STRING, offsetof(struct ctl, note), "TEXT", NULL, "why, for reject"},
    {"server-key", OPTIONS_STRING, offsetof(struct ctl, server_key), "KEY", NULL,
     "the daemon's public key or its file, for keygen"},
    {"origin", OPTIONS_FLAG, offsetof(struct ctl, origin), NULL, NULL,
     "keygen: a key to sign articles with"},
    {"json", OPTIONS_FLAG, offsetof(struct ctl, json), NULL, NULL, "the answer as one JSON object"},
    {0},
};

static const struct options options = {
    .program = "newswirectl",
    .arguments = "COMMAND [ITEM]",
    .summary = "Asks a running newswired. Commands:\n"
               "  status        log, topics, readers and how far each is behind, counts\n"
               "  sections      the sections, and the topics to subscribe to\n"
               "  held          articles that wait for their time or for a person\n"
               "  release ITEM  lets a held article go now\n"
               "  approve ITEM  --as NAME: one of the approvals that it waits for\n"
               "  reject ITEM   takes it away\n"
               "  reload        read the config again\n"
               "  keygen NAME   make the keys NAME.secret and NAME.pub; asks no daemon\n"
               "  help          what this daemon understands\n"
               "An ITEM is a number of 'held', a uri, or a piece of the headline.",
    .rows = rows,
};

/* ---- where the daemon is */

/* The daemon's [control]: all its keys, as one that isn't here would be a fault. */
static const struct config_key control_keys[] = {
    {.name = "path",
     .type = CONFIG_PATH,
     .offset = offsetof(struct ctl, configured),
     .help = "The operator's Unix socket."},
    {0},
};
static const struct config_section control_table = {
    .name = "control", .keys = control_keys, .help = "For the operator."};

/* Sets ctl->path unless it is given. EX_OK, or an exit code with the reason said. */
static int find_path(struct ctl *ctl, struct arena *a) {
    static const struct config_section *const tables[] = {&control_table, NULL};
    struct config_fault fault = {0};
    char line[800];
    if (ctl->path != NULL)
        return EX_OK;
    if (ctl->config == NULL && access(default_config, R_OK) == 0)
        ctl->config = default_config;
    if (ctl->config != NULL &&
        config_read(a, tables, ctl, ctl->config, CONFIG_OTHER_SECTIONS, &fault) < 0) {
        fprintf(stderr, "newswirectl: %s\n", config_fault_text(&fault, line, sizeof line));
        return EX_CONFIG;
    }
    bool none = ctl->configured == NULL || *ctl->configured == '\0';
    ctl->path = none ? default_path : ctl->configured;
    return EX_OK;
}

/* ---- asking */

/* Sends a command; the answer, malloc'd by protobuf-c, or NULL with errno. */
static Newswire__V1__ControlReply *ask(const char *path, const char *command, char **arguments,
                                       size_t n_arguments) {
    Newswire__V1__ControlRequest request = NEWSWIRE__V1__CONTROL_REQUEST__INIT;
    Newswire__V1__ControlReply *reply = NULL;
    char endpoint[512];
    uint8_t bytes[REQUEST_BYTES];
    int linger = 0, patience = ANSWER_MSEC;
    int64_t most = ANSWER_BYTES;
    zmq_msg_t m;
    request.command = (char *)command;
    request.arguments = arguments;
    request.n_arguments = n_arguments;
    if (newswire__v1__control_request__get_packed_size(&request) > sizeof bytes) {
        errno = EMSGSIZE;
        return NULL;
    }
    size_t len = newswire__v1__control_request__pack(&request, bytes);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    zmq_msg_init(&m);
    if (zmq_connect(socket, endpoint) == 0 && zmq_send(socket, bytes, len, 0) >= 0 &&
        zmq_msg_recv(&m, socket, 0) >= 0)
        reply = newswire__v1__control_reply__unpack(NULL, zmq_msg_size(&m), zmq_msg_data(&m));
    int error = errno;
    zmq_msg_close(&m);
    zmq_close(socket);
    zmq_ctx_term(context);
    errno = error;
    return reply;
}

/* ---- answers for people */

static long long number(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

/* A text that may come from anybody, for a terminal; four can be in use. */
static const char *text(const json_t *object, const char *key) {
    static char buffers[4][1024];
    static unsigned next;
    const char *value = json_string_value(json_object_get(object, key));
    char *copy = buffers[next++ % 4],
         *harmless = text_harmless(slice_of(value == NULL ? "" : value));
    snprintf(copy, sizeof buffers[0], "%s", harmless == NULL ? "" : harmless);
    free(harmless);
    return copy;
}

static void print_endpoints(const json_t *status, const char *name) {
    const json_t *bind = json_object_get(json_object_get(status, name), "bind");
    printf("%-10s", name);
    for (size_t i = 0; i < json_array_size(bind); i++)
        printf(" %s", json_string_value(json_array_get(bind, i)));
    putchar('\n');
}

static void print_spool(const json_t *spool) {
    if (!json_is_object(spool))
        return;
    printf("spool      %s: %lld files accepted, %lld rejected, %lld waiting\n",
           text(spool, "directory"), number(spool, "accepted"), number(spool, "rejected"),
           number(spool, "waiting"));
    if (*text(spool, "trouble") != '\0')
        printf("           trouble: %s\n", text(spool, "trouble"));
}

static void print_readers(const json_t *readers) {
    printf("readers    %zu\n", json_array_size(readers));
    for (size_t i = 0; i < json_array_size(readers); i++) {
        const json_t *reader = json_array_get(readers, i);
        const char *topics = text(reader, "topics");
        printf("  %-24s %8lld behind  %s\n", text(reader, "client"), number(reader, "lag"),
               *topics == '\0' ? "all topics" : topics);
    }
}

static void print_topics(json_t *topics) {
    printf("topics     %zu\n", json_object_size(topics));
    for (void *i = json_object_iter(topics); i != NULL; i = json_object_iter_next(topics, i)) {
        const json_t *topic = json_object_iter_value(i);
        printf("  %-24s %8lld entries, head %lld\n", json_object_iter_key(i),
               number(topic, "entries"), number(topic, "head"));
    }
}

static void print_last_error(const json_t *error) {
    time_t when = (time_t)(number(error, "time_usec") / 1000000);
    char time_text[32];
    struct tm tm;
    if (!json_is_object(error))
        return;
    strftime(time_text, sizeof time_text, "%F %T", localtime_r(&when, &tm));
    printf("last error %s  %s\n", time_text, text(error, "text"));
}

static void print_security(const json_t *s) {
    if (json_is_true(json_object_get(s, "insecure")))
        puts("security   INSECURE: whoever can connect may read and send everything");
    else if (!json_is_true(json_object_get(s, "curve")))
        puts("security   none: this machine only");
    else
        printf("security   %lld clients; %lld connections refused, %lld cut, %lld unfinished; key "
               "%s\n",
               number(s, "clients"), number(s, "refused") + number(s, "banned"), number(s, "cut"),
               number(s, "unfinished"), text(s, "public_key"));
}

static void print_reload(json_t *answer) {
    const char *later = text(answer, "waits_for_restart");
    printf("the config was read again%s%s\n", *later == '\0' ? "" : "; at the next start: ", later);
}

static void print_status(json_t *status) {
    const json_t *submit = json_object_get(status, "submit");
    long long up = number(status, "uptime_sec");
    bool taking = json_is_true(json_object_get(status, "taking"));
    printf("newswired  %s, up %lld d %02lld:%02lld:%02lld, %s\n", text(status, "version"),
           up / 86400, up / 3600 % 24, up / 60 % 60, up % 60,
           taking ? "taking articles in" : "taking nothing in");
    if (!taking)
        printf("trouble    %s\n", text(status, "trouble"));
    printf("log        epoch %lld, first %lld, head %lld, %lld entries, %lld bytes, %lld held\n",
           number(status, "epoch"), number(status, "first"), number(status, "head"),
           number(status, "entries"), number(status, "bytes"),
           number(status, "waiting_for_release"));
    print_endpoints(status, "feed");
    print_endpoints(status, "replay");
    print_endpoints(status, "submit");
    print_security(json_object_get(status, "security"));
    print_spool(json_object_get(status, "spool"));
    printf("articles   %lld accepted, %lld duplicate, %lld held, %lld refused, %lld malformed\n",
           number(submit, "accepted"), number(submit, "duplicate"), number(submit, "held"),
           number(submit, "refused"), number(submit, "malformed"));
    print_readers(json_object_get(status, "readers"));
    print_topics(json_object_get(status, "topics"));
    print_last_error(json_object_get(status, "last_error"));
}

static void print_sections(json_t *sections) {
    for (size_t i = 0; i < json_array_size(sections); i++) {
        const json_t *s = json_array_get(sections, i), *titles = json_object_get(s, "titles");
        printf("%-12s", text(s, "key"));
        for (size_t k = 0; k < json_array_size(titles); k++)
            printf("%s%s", k == 0 ? " " : " | ", text(json_array_get(titles, k), "title"));
        if (number(s, "approvals") > 0)
            printf("  (%lld approvals)", number(s, "approvals"));
        putchar('\n');
    }
}

static void print_name(const char *before, const char *name) {
    char *harmless = text_harmless(slice_of(name));
    printf("%s%s", before, harmless == NULL ? "" : harmless);
    free(harmless);
}

/* "until 2031-04-09 18:00, 1 of 2 approvals: Ann (desk)". */
static void print_waiting_for(const json_t *held) {
    const json_t *names = json_object_get(held, "approved_by");
    time_t until = (time_t)(number(held, "until_usec") / 1000000);
    char when[32] = "";
    struct tm tm;
    if (until > time(NULL))
        strftime(when, sizeof when, "%F %H:%M", localtime_r(&until, &tm));
    printf("%s%s", *when == '\0' ? "" : "until ", when);
    if (number(held, "approvals") > 0) {
        printf("%s%zu of %lld approvals", *when == '\0' ? "" : ", ", json_array_size(names),
               number(held, "approvals"));
        for (size_t i = 0; i < json_array_size(names); i++)
            print_name(i == 0 ? ": " : ", ", json_string_value(json_array_get(names, i)));
    }
}

static void print_held(json_t *list) {
    if (json_array_size(list) == 0)
        puts("nothing is held");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *held = json_array_get(list, i);
        char *headline = text_harmless(slice_of(text(held, "headline")));
        char *uri = text_harmless(slice_of(text(held, "uri")));
        printf("%6lld  %-16s ", number(held, "number"), text(held, "topic"));
        print_waiting_for(held);
        printf("\n        %s\n        %s", headline == NULL ? "" : headline,
               uri == NULL ? "" : uri);
        if (number(held, "version") > 1)
            printf("  version %lld", number(held, "version"));
        putchar('\n');
        free(headline);
        free(uri);
    }
}

static void print_done(json_t *done) {
    char *headline = text_harmless(slice_of(text(done, "headline")));
    printf("%s", text(done, "outcome"));
    print_name(" by ", text(done, "by"));
    printf(": %s", headline == NULL ? "" : headline);
    if (number(done, "seq") > 0)
        printf(", entry %lld", number(done, "seq"));
    if (number(done, "missing") > 0)
        printf(", %lld more needed", number(done, "missing"));
    putchar('\n');
    free(headline);
}

static void print_help(json_t *help) {
    for (void *i = json_object_iter(help); i != NULL; i = json_object_iter_next(help, i))
        printf("%-10s %s\n", json_object_iter_key(i), json_string_value(json_object_iter_value(i)));
}

/* How answers look to people; others are shown as JSON. */
static const struct {
    const char *command;
    void (*print)(json_t *answer);
} printers[] = {{"status", print_status}, {"sections", print_sections}, {"held", print_held},
                {"release", print_done},  {"approve", print_done},      {"reject", print_done},
                {"reload", print_reload}, {"help", print_help}};

static void print_other(const json_t *answer) {
    json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
}

static int print_answer(const struct ctl *ctl, const char *command,
                        const Newswire__V1__ControlReply *reply) {
    size_t i = 0, n = sizeof printers / sizeof *printers;
    if (reply->error != NULL) {
        fprintf(stderr, "newswirectl: %s\n", reply->error->message);
        return reply->error->code == NEWSWIRE__V1__ERROR__CODE__unknown   ? EX_USAGE
               : reply->error->code == NEWSWIRE__V1__ERROR__CODE__invalid ? EX_DATAERR
                                                                          : EX_UNAVAILABLE;
    }
    if (ctl->json) {
        puts(reply->json);
        return EX_OK;
    }
    json_t *answer = json_loads(reply->json, JSON_DECODE_ANY, NULL);
    if (answer == NULL) {
        fputs("newswirectl: the daemon's answer is no JSON\n", stderr);
        return EX_PROTOCOL;
    }
    while (i < n && strcmp(printers[i].command, command) != 0)
        i++;
    if (i < n)
        printers[i].print(answer);
    else
        print_other(answer);
    json_decref(answer);
    return EX_OK;
}

static int run(struct ctl *ctl, struct arena *a, int argc, char **argv) {
    int first, code = options_parse(&options, argc, argv, ctl, &first);
    if (code != OPTIONS_GO_ON)
        return code;
    if (argc == first)
        return options_fault(&options, "which command? One of status, sections, held, release, "
                                       "approve, reject, reload, keygen, help");
    if (argc - first > 2)
        return options_fault(&options, "one ITEM at most; put a headline in quotes");
    bool has_item = argc - first == 2;
    if (strcmp(argv[first], "keygen") == 0)
        return has_item ? keygen(argv[first + 1], ctl->server_key, ctl->origin)
                        : options_fault(&options, "keygen wants a NAME");
    char *arguments[] = {has_item ? argv[first + 1] : "", (char *)(ctl->as == NULL ? "" : ctl->as),
                         (char *)(ctl->note == NULL ? "" : ctl->note)};
    code = find_path(ctl, a);
    if (code != EX_OK)
        return code;
    /* ZeroMQ would wait for a socket to appear. */
    Newswire__V1__ControlReply *reply =
        access(ctl->path, F_OK) < 0 ? NULL
                                    : ask(ctl->path, argv[first], arguments, has_item ? 3 : 0);
    if (reply == NULL) {
        fprintf(stderr, "newswirectl: no daemon answers at %s: %s\n", ctl->path,
                errno == EAGAIN ? "nobody is there" : zmq_strerror(errno));
        return EX_UNAVAILABLE;
    }
    code = print_answer(ctl, argv[first], reply);
    newswire__v1__control_reply__free_unpacked(reply, NULL);
    return code;
}

int main(int argc, char **argv) {
    struct ctl ctl = {0};
    struct arena *a = arena_new(CONFIG_ARENA_BYTES);
    int code = a == NULL ? EX_OSERR : run(&ctl, a, argc, argv);
    arena_free(a);
    return fflush(stdout) == 0 || code != EX_OK ? code : EX_IOERR;
}
