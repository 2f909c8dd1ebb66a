#include "clients/tool/control.h"

#include "proto/newswire.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>
#include <zmq.h>

enum { REQUEST_BYTES = 8192, ANSWER_MSEC = 5000, ANSWER_BYTES = 16 << 20 };

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

int control_ask(const char *path, const char *command, const char *const *arguments, size_t n,
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
