#include "clients/lib/link.h"
#include "clients/lib/newswire.h"
#include "proto/codec.h"
#include "proto/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 64 << 20, TURN_MSEC = 100, ANSWER_USEC = 5000000, REQUEST_ID = 1 };

/* Waits for a whole message. 1 with it in m; 0 when the time is over, or *ret_reason
 * says why there is no connection; -EACCES with that; -errno. */
static int receive(struct link *link, uint64_t patience_usec, const void *request, size_t len,
                   zmq_msg_t *m, const char **ret_reason) {
    enum link_trouble trouble;
    uint64_t begun = link_now_usec(), sent = 0;
    for (;;) {
        uint64_t now = link_now_usec();
        zmq_pollitem_t items[] = {{.socket = link->socket, .events = ZMQ_POLLIN},
                                  {.socket = link->monitor, .events = ZMQ_POLLIN}};
        while (link_event(link, &trouble, ret_reason) > 0) {
            if (trouble != LINK_FINE)
                return -EACCES;
            if (!link->up)
                sent = 0;
        }
        if (link->up && (sent == 0 || now - sent >= ANSWER_USEC) &&
            zmq_send(link->socket, request, len, ZMQ_DONTWAIT) >= 0)
            sent = now;
        if (zmq_msg_recv(m, link->socket, ZMQ_DONTWAIT) >= 0 && !zmq_msg_more(m))
            return 1;
        if (patience_usec > 0 && now - begun >= patience_usec)
            return 0;
        if (zmq_poll(items, 2, TURN_MSEC) < 0)
            return -errno;
    }
}

static int take(struct slice bytes, char **ret_json, char *error, size_t size) {
    struct arena *a = arena_new(ARENA_BYTES);
    ProtobufCMessage *message;
    struct fault fault = {0};
    int r = a == NULL
                ? -ENOMEM
                : codec_unpack(&newswire__v1__replay_reply__descriptor, a, bytes, &message, &fault);
    if (r < 0) {
        snprintf(error, size, "the daemon's answer can't be read: %s", fault.reason);
        arena_free(a);
        return r == -ENOMEM ? r : -EPROTO;
    }
    const Newswire__V1__ReplayReply *reply = (const Newswire__V1__ReplayReply *)message;
    json_t *list = json_array();
    for (size_t i = 0; i < reply->n_sections; i++)
        r |= json_array_append_new(list, json_message(&reply->sections[i]->base));
    *ret_json = r < 0 || list == NULL ? NULL : json_dumps(list, JSON_COMPACT);
    json_decref(list);
    r = *ret_json == NULL ? -ENOMEM : 0;
    if (reply->error != NULL) {
        snprintf(error, size, "%s", reply->error->message);
        free(*ret_json);
        *ret_json = NULL;
        r = -EPROTO;
    }
    arena_free(a);
    return r;
}

int newswire_sections(const char *replay, const char *key_file, int64_t patience_usec,
                      char **ret_json, char *error, size_t error_size) {
    Newswire__V1__ReplayRequest q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__SectionsRequest sections = NEWSWIRE__V1__SECTIONS_REQUEST__INIT;
    uint8_t request[32];
    struct link link = {0};
    zmq_msg_t m;
    q.request_id = REQUEST_ID;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_SECTIONS;
    q.sections = &sections;
    size_t len = newswire__v1__replay_request__pack(&q, request);
    void *context = zmq_ctx_new();
    *ret_json = NULL;
    zmq_msg_init(&m);
    snprintf(error, error_size, "%s", strerror(ENOMEM));
    int r = context == NULL
                ? -ENOMEM
                : link_open(context, ZMQ_DEALER, replay, key_file, &link, error, error_size);
    if (r == 0) {
        const char *reason = NULL;
        r = receive(&link, patience_usec < 0 ? 0 : (uint64_t)patience_usec, request, len, &m,
                    &reason);
        if (r < 0 || reason != NULL)
            snprintf(error, error_size, "%s: %s", replay, reason == NULL ? strerror(-r) : reason);
        else if (r == 0)
            snprintf(error, error_size, "no daemon answers at %s", replay);
    }
    if (r > 0)
        r = take((struct slice){zmq_msg_data(&m), zmq_msg_size(&m)}, ret_json, error, error_size);
    else if (r == 0)
        r = -ETIMEDOUT;
    zmq_msg_close(&m);
    link_close(&link);
    if (context != NULL)
        zmq_ctx_term(context);
    return r;
}
