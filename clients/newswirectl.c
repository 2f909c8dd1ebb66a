/*
 * newswirectl: asks a running daemon.
 */
#include "proto/newswire.pb-c.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <zmq.h>

enum { ANSWER_MSEC = 5000, ANSWER_BYTES = 16 << 20 };

static void usage(FILE *out) {
    fputs("usage: newswirectl [--control PATH] [--json] status\n"
          "\n"
          "Asks a running newswired how it is.\n"
          "\n"
          "  status           version, log, topics, readers and their lag, counts\n"
          "\n"
          "  --control PATH   the daemon's Unix socket; default /run/newswire/control\n"
          "  --json           the answer as one JSON object\n"
          "  --help, --version\n",
          out);
}

/* Sends a command; the answer, malloc'd by protobuf-c, or NULL with errno. */
static Newswire__V1__ControlReply *ask(const char *path, const char *command) {
    Newswire__V1__ControlRequest request = NEWSWIRE__V1__CONTROL_REQUEST__INIT;
    Newswire__V1__ControlReply *reply = NULL;
    char endpoint[512];
    uint8_t bytes[256];
    int linger = 0, patience = ANSWER_MSEC;
    int64_t most = ANSWER_BYTES;
    zmq_msg_t m;
    request.command = (char *)command;
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

static long long number(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_endpoints(const json_t *status, const char *name) {
    const json_t *bind = json_object_get(json_object_get(status, name), "bind");
    printf("%-10s", name);
    for (size_t i = 0; i < json_array_size(bind); i++)
        printf(" %s", json_string_value(json_array_get(bind, i)));
    putchar('\n');
}

static void print_readers(const json_t *readers) {
    printf("readers    %zu\n", json_array_size(readers));
    for (size_t i = 0; i < json_array_size(readers); i++) {
        const json_t *reader = json_array_get(readers, i);
        printf("  %-24s %8lld behind  %s\n", json_string_value(json_object_get(reader, "client")),
               number(reader, "lag"), json_string_value(json_object_get(reader, "topics")));
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

static void print_status(json_t *status) {
    const json_t *submit = json_object_get(status, "submit");
    const json_t *error = json_object_get(status, "last_error");
    printf("newswired  %s, up %lld s, %s\n", json_string_value(json_object_get(status, "version")),
           number(status, "uptime_sec"),
           json_is_true(json_object_get(status, "taking")) ? "taking articles in"
                                                           : "taking nothing in");
    if (json_string_length(json_object_get(status, "trouble")) > 0)
        printf("trouble    %s\n", json_string_value(json_object_get(status, "trouble")));
    printf("log        epoch %lld, first %lld, head %lld, %lld entries, %lld bytes, %lld held\n",
           number(status, "epoch"), number(status, "first"), number(status, "head"),
           number(status, "entries"), number(status, "bytes"),
           number(status, "waiting_for_release"));
    print_endpoints(status, "feed");
    print_endpoints(status, "replay");
    print_endpoints(status, "submit");
    printf("articles   %lld accepted, %lld duplicate, %lld held, %lld refused, %lld malformed\n",
           number(submit, "accepted"), number(submit, "duplicate"), number(submit, "held"),
           number(submit, "refused"), number(submit, "malformed"));
    print_readers(json_object_get(status, "readers"));
    print_topics(json_object_get(status, "topics"));
    if (json_is_object(error))
        printf("last error %s\n", json_string_value(json_object_get(error, "text")));
}

static int print_answer(const Newswire__V1__ControlReply *reply, bool as_json) {
    if (reply->error != NULL) {
        fprintf(stderr, "newswirectl: %s\n", reply->error->message);
        return reply->error->code == NEWSWIRE__V1__ERROR__CODE__unknown ? EX_USAGE : EX_UNAVAILABLE;
    }
    if (as_json) {
        puts(reply->json);
        return EX_OK;
    }
    json_t *status = json_loads(reply->json, 0, NULL);
    if (status == NULL) {
        fputs("newswirectl: the daemon's answer is no JSON\n", stderr);
        return EX_PROTOCOL;
    }
    print_status(status);
    json_decref(status);
    return EX_OK;
}

enum { OPT_CONTROL = 1, OPT_JSON, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
    {"control", required_argument, NULL, OPT_CONTROL},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

int main(int argc, char **argv) {
    const char *path = "/run/newswire/control";
    bool as_json = false;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case OPT_CONTROL: path = optarg; break;
        case OPT_JSON: as_json = true; break;
        case OPT_HELP: usage(stdout); return EX_OK;
        case OPT_VERSION: puts("newswirectl " NEWSWIRE_VERSION); return EX_OK;
        default: return EX_USAGE;
        }
    }
    if (argc - optind != 1) {
        usage(stderr);
        return EX_USAGE;
    }
    Newswire__V1__ControlReply *reply = ask(path, argv[optind]);
    if (reply == NULL) {
        fprintf(stderr, "newswirectl: no daemon answers at %s: %s\n", path, zmq_strerror(errno));
        return EX_UNAVAILABLE;
    }
    int code = print_answer(reply, as_json);
    newswire__v1__control_reply__free_unpacked(reply, NULL);
    return code;
}
