#include "clients/lib/link.h"

#include "proto/keyfile.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    HEARTBEAT_MSEC = 5000, /* ZMTP's own, so that a dead connection is noticed */
    HEARTBEAT_TIMEOUT_MSEC = 15000,
    CONNECT_TIMEOUT_MSEC = 5000,
    RECONNECT_MSEC = 100,
    RECONNECT_MOST_MSEC = 2000,
    BROKEN_MOST = 3, /* handshakes that fail before a word is said: one may be a restart */
    SAY_USEC = 60000000,
    EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
             ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
             ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
};

static int set(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int set_options(void *socket, int type, const char *endpoint) {
    int64_t most = LIMIT_MESSAGE_BYTES;
    int r = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    r |= set(socket, ZMQ_LINGER, 0);
    r |= set(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MSEC);
    r |= set(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MSEC);
    r |= set(socket, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT_MSEC);
    r |= set(socket, ZMQ_RECONNECT_IVL, RECONNECT_MSEC);
    r |= set(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MOST_MSEC);
    r |= set(socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL);
    if (type == ZMQ_SUB)
        r |= set(socket, ZMQ_SNDHWM, 0); /* or subscriptions beyond 1,000 are lost */
    else
        r |= set(socket, ZMQ_IMMEDIATE, 1); /* nothing waits for a connection that isn't there */
    return r;
}

static int open_monitor(void *context, struct link *link) {
    static atomic_uint count;
    char name[64];
    snprintf(name, sizeof name, "inproc://newswire-link-%u", atomic_fetch_add(&count, 1));
    if (zmq_socket_monitor(link->socket, name, EVENTS) < 0)
        return -errno;
    link->monitor = zmq_socket(context, ZMQ_PAIR);
    if (link->monitor == NULL || set(link->monitor, ZMQ_LINGER, 0) < 0 ||
        zmq_connect(link->monitor, name) < 0)
        return -errno;
    return 0;
}

static int set_keys(void *socket, const char *file, char *error, size_t size) {
    struct key_pair own;
    struct fault fault;
    uint8_t server[KEY_BYTES];
    int r = key_pair_read(KEY_CURVE, file, &own, &fault);
    if (r == 0) {
        r = key_server_read(file, server, &fault);
        if (r == 0 && (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, KEY_BYTES) < 0 ||
                       zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own.public_key, KEY_BYTES) < 0 ||
                       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own.secret, KEY_BYTES) < 0)) {
            r = -errno;
            fault_set(&fault, "", "%.128s: %s", file, zmq_strerror(-r));
        }
        key_pair_free(&own);
    }
    if (r < 0)
        snprintf(error, size, "%s", fault.reason);
    return r;
}

int link_open(void *context, int type, const char *endpoint, const char *key_file, struct link *ret,
              char *error, size_t error_size) {
    struct link link = {.socket = zmq_socket(context, type), .secure = key_file != NULL};
    int r = link.socket == NULL || set_options(link.socket, type, endpoint) < 0 ? -errno : 0;
    if (r == 0)
        r = open_monitor(context, &link);
    if (r == 0 && key_file != NULL &&
        (r = set_keys(link.socket, key_file, error, error_size)) < 0) {
        link_close(&link);
        return r;
    }
    if (r == 0 && zmq_connect(link.socket, endpoint) < 0)
        r = -errno;
    if (r < 0) {
        snprintf(error, error_size, "%s: %s", endpoint, zmq_strerror(-r));
        link_close(&link);
    } else
        *ret = link;
    return r;
}

void link_close(struct link *link) {
    if (link->socket != NULL) {
        zmq_socket_monitor(link->socket, NULL, 0);
        zmq_close(link->socket);
    }
    if (link->monitor != NULL)
        zmq_close(link->monitor);
    *link = (struct link){0};
}

/* What a failed handshake comes to. */
static enum link_trouble judge(struct link *link, uint16_t event, const char **ret_reason) {
    uint64_t now = link_now_usec();
    link->broken++;
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        *ret_reason = "the daemon refuses this client's key: it knows none such, or has banned it";
        return LINK_DENIED;
    }
    /* What this side finds wrong itself is the end: libzmq connects no more. */
    bool final = event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    if (!final &&
        (link->broken < BROKEN_MOST || (link->said_usec != 0 && now - link->said_usec < SAY_USEC)))
        return LINK_FINE;
    link->said_usec = now;
    *ret_reason = link->secure
                      ? "the handshake is broken off: is the server-key in the key file the "
                        "daemon's, and does the daemon use keys?"
                      : "the handshake is broken off: does the daemon want a key?";
    return final ? LINK_DENIED : LINK_BROKEN;
}

int link_event(struct link *link, enum link_trouble *ret, const char **ret_reason) {
    uint8_t frame[6];
    uint16_t event;
    *ret = LINK_FINE;
    int n = zmq_recv(link->monitor, frame, sizeof frame, ZMQ_DONTWAIT);
    if (n < (int)sizeof frame)
        return 0;
    memcpy(&event, frame, sizeof event);
    zmq_recv(link->monitor, NULL, 0, ZMQ_DONTWAIT); /* the address */
    link->up = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    if (link->up)
        link->broken = 0;
    else if (event != ZMQ_EVENT_DISCONNECTED)
        *ret = judge(link, event, ret_reason);
    return 1;
}

uint64_t link_now_usec(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
