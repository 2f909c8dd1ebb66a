#include "clients/lib/link.h"

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
    if (zmq_socket_monitor(link->socket, name,
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) < 0)
        return -errno;
    link->monitor = zmq_socket(context, ZMQ_PAIR);
    if (link->monitor == NULL || set(link->monitor, ZMQ_LINGER, 0) < 0 ||
        zmq_connect(link->monitor, name) < 0)
        return -errno;
    return 0;
}

int link_open(void *context, int type, const char *endpoint, struct link *ret) {
    struct link link = {.socket = zmq_socket(context, type)};
    int r = link.socket == NULL || set_options(link.socket, type, endpoint) < 0 ? -errno : 0;
    if (r == 0)
        r = open_monitor(context, &link);
    if (r == 0 && zmq_connect(link.socket, endpoint) < 0)
        r = -errno;
    if (r < 0)
        link_close(&link);
    else
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

int link_event(struct link *link) {
    uint8_t frame[6];
    uint16_t event;
    int n = zmq_recv(link->monitor, frame, sizeof frame, ZMQ_DONTWAIT);
    if (n < (int)sizeof frame)
        return 0;
    memcpy(&event, frame, sizeof event);
    zmq_recv(link->monitor, NULL, 0, ZMQ_DONTWAIT); /* the address */
    link->up = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    return 1;
}

uint64_t link_now_usec(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
