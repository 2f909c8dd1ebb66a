#include "clients/ctl/ctl.h"

#include "proto/config.h"
#include "proto/newswire.pb-c.h"
#include "proto/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <zmq.h>

enum {
    REQUEST_BYTES = 8192,
    ANSWER_MSEC = 5000,
    ANSWER_BYTES = 16 << 20,
    CONFIG_ARENA_BYTES = 16 << 20
};

/* ---- where the daemon is */

struct configured {
    char *path;
};

/* The daemon's [control]: all its keys, as one that isn't here would be a fault. */
static const struct config_key control_keys[] = {
    {.name = "path",
     .type = CONFIG_PATH,
     .offset = offsetof(struct configured, path),
     .help = "The operator's Unix socket."},
    {0},
};
static const struct config_section control_table = {
    .name = "control", .keys = control_keys, .help = "For the operator."};

static int read_config(struct arena *a, const char *file, char ret[static CTL_PATH_BYTES]) {
    static const struct config_section *const tables[] = {&control_table, NULL};
    struct configured configured = {0};
    struct config_fault fault = {0};
    char line[800];
    if (config_read(a, tables, &configured, file, CONFIG_OTHER_SECTIONS, &fault) < 0) {
        fprintf(stderr, "newswirectl: %s\n", config_fault_text(&fault, line, sizeof line));
        return EX_CONFIG;
    }
    if (configured.path != NULL && *configured.path != '\0')
        snprintf(ret, CTL_PATH_BYTES, "%s", configured.path);
    return EX_OK;
}

int ctl_path(const struct ctl_options *o, char ret[static CTL_PATH_BYTES]) {
    const char *file = o->config;
    snprintf(ret, CTL_PATH_BYTES, "%s", o->control != NULL ? o->control : "/run/newswire/control");
    if (file == NULL && access(CTL_CONFIG_FILE, R_OK) == 0)
        file = CTL_CONFIG_FILE;
    if (o->control != NULL || file == NULL)
        return EX_OK;
    struct arena *a = arena_new(CONFIG_ARENA_BYTES);
    int code = a == NULL ? EX_OSERR : read_config(a, file, ret);
    arena_free(a);
    return code;
}

/* ---- asking */

/* The answer, malloc'd by protobuf-c, or NULL with errno. */
static Newswire__V1__ControlReply *exchange(const char *path, const char *command,
                                            const char *const *arguments, size_t n) {
    Newswire__V1__ControlRequest request = NEWSWIRE__V1__CONTROL_REQUEST__INIT;
    Newswire__V1__ControlReply *reply = NULL;
    char endpoint[512];
    uint8_t bytes[REQUEST_BYTES];
    int linger = 0, patience = ANSWER_MSEC;
    int64_t most = ANSWER_BYTES;
    zmq_msg_t m;
    request.command = (char *)command;
    request.arguments = (char **)arguments;
    request.n_arguments = n;
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

static int code_of(Newswire__V1__Error__Code code) {
    return code == NEWSWIRE__V1__ERROR__CODE__unknown   ? EX_USAGE
           : code == NEWSWIRE__V1__ERROR__CODE__invalid ? EX_DATAERR
                                                        : EX_UNAVAILABLE;
}

int ctl_ask(const char *path, const char *command, const char *const *arguments, size_t n,
            json_t **ret, char *ret_reason, size_t size) {
    /* ZeroMQ would wait for a socket to appear. */
    Newswire__V1__ControlReply *reply =
        access(path, F_OK) < 0 ? NULL : exchange(path, command, arguments, n);
    int code = EX_OK;
    if (reply == NULL) {
        snprintf(ret_reason, size, "no daemon answers at %s: %s", path,
                 errno == EAGAIN ? "nobody is there" : zmq_strerror(errno));
        return EX_UNAVAILABLE;
    }
    if (reply->error != NULL) {
        snprintf(ret_reason, size, "%s", reply->error->message);
        code = code_of(reply->error->code);
    } else if ((*ret = json_loads(reply->json, JSON_DECODE_ANY, NULL)) == NULL) {
        snprintf(ret_reason, size, "the daemon's answer is no JSON");
        code = EX_PROTOCOL;
    }
    newswire__v1__control_reply__free_unpacked(reply, NULL);
    return code;
}

int ctl_fetch(const struct ctl_options *o, const char *command, const char *const *arguments,
              size_t n, json_t **ret) {
    char path[CTL_PATH_BYTES], reason[CTL_REASON_BYTES];
    int code = ctl_path(o, path);
    if (code != EX_OK)
        return code;
    code = ctl_ask(path, command, arguments, n, ret, reason, sizeof reason);
    if (code != EX_OK)
        fprintf(stderr, "newswirectl: %s\n", reason);
    return code;
}
