#include "daemon/socket.h"

#include <errno.h>
#include <zmq.h>

void *socket_new(void *context, int type, int64_t most_bytes) {
    void *s = zmq_socket(context, type);
    int linger = SOCKET_LINGER_MSEC, yes = 1, interval = 5000, timeout = 15000;
    if (s == NULL)
        return NULL;
    if (type == ZMQ_ROUTER)
        most_bytes *= SOCKET_TOLD_TIMES;
    int r = zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &most_bytes, sizeof most_bytes);
    r |= zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    r |= zmq_setsockopt(s, ZMQ_HEARTBEAT_IVL, &interval, sizeof interval);
    r |= zmq_setsockopt(s, ZMQ_HEARTBEAT_TIMEOUT, &timeout, sizeof timeout);
    if (type == ZMQ_ROUTER)
        r |= zmq_setsockopt(s, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    if (r == 0)
        return s;
    int error = errno;
    zmq_close(s);
    errno = error;
    return NULL;
}

/* fd: one that listens there already, or -1. */
static int bind_endpoint(void *socket, const char *endpoint, int fd, struct arena *a,
                         struct text_list *ret_bound, struct fault *f) {
    char bound[1024] = "";
    size_t size = sizeof bound;
    /* With it on, an IPv4 address would show as [::ffff:127.0.0.1]. */
    int v6 = strchr(endpoint, '[') != NULL, none = -1, error = 0;
    zmq_setsockopt(socket, ZMQ_IPV6, &v6, sizeof v6);
    zmq_setsockopt(socket, ZMQ_USE_FD, &fd, sizeof fd);
    if (zmq_bind(socket, endpoint) < 0)
        error = errno;
    /* Or the next bind, and a connection later, would take it for theirs. */
    zmq_setsockopt(socket, ZMQ_USE_FD, &none, sizeof none);
    if (error != 0) {
        fault_set_error(f, error, "bind", "can't be bound to %.128s", endpoint);
        return -error;
    }
    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &size);
    return article_push_string(a, &ret_bound->items, &ret_bound->n, bound, strlen(bound));
}

int socket_bind(void *socket, enum inherited_for what, const struct text_list *endpoints,
                struct arena *a, struct text_list *ret_bound, struct fault *ret_fault) {
    const struct inherited *given;
    int r = 0;
    for (size_t i = 0; r == 0 && (given = inherited_get(what, i)) != NULL; i++)
        r = bind_endpoint(socket, given->endpoint, given->fd, a, ret_bound, ret_fault);
    for (size_t i = 0; r == 0 && inherited_get(what, 0) == NULL && i < endpoints->n; i++)
        r = bind_endpoint(socket, endpoints->items[i], -1, a, ret_bound, ret_fault);
    return r;
}

int socket_send_message(void *router, const struct socket_peer *peer, void *message) {
    /* MANDATORY tells by the first frame whether all can be sent. */
    if (zmq_send(router, peer->id, peer->id_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -errno;
    if (peer->delimiter && zmq_send(router, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -errno;
    return zmq_msg_send(message, router, ZMQ_DONTWAIT) < 0 ? -errno : 0;
}

/* Takes what is left of a message off the socket. */
static void drop_rest(void *router, zmq_msg_t *last) {
    while (zmq_msg_more(last)) {
        zmq_msg_close(last);
        zmq_msg_init(last);
        if (zmq_msg_recv(last, router, ZMQ_DONTWAIT) < 0)
            return;
    }
}

int socket_receive(void *router, size_t most_bytes, struct socket_peer *ret_peer, void *ret_body,
                   struct fault *ret_fault) {
    zmq_msg_t *body = ret_body;
    zmq_msg_init(body);
    if (zmq_msg_recv(body, router, ZMQ_DONTWAIT) < 0)
        return -errno;
    *ret_peer = (struct socket_peer){0};
    ret_peer->id_len = (uint8_t)zmq_msg_size(body);
    memcpy(ret_peer->id, zmq_msg_data(body), ret_peer->id_len);
    /* Frames of one message come together: the others are there. */
    if (zmq_msg_more(body) && zmq_msg_recv(body, router, ZMQ_DONTWAIT) >= 0) {
        if (zmq_msg_size(body) == 0 && zmq_msg_more(body)) {
            ret_peer->delimiter = true;
            if (zmq_msg_recv(body, router, ZMQ_DONTWAIT) < 0)
                return -errno;
        }
        if (!zmq_msg_more(body) && zmq_msg_size(body) <= most_bytes)
            return 1;
    }
    bool too_large = !zmq_msg_more(body);
    if (too_large)
        fault_set(ret_fault, "", "a request has %zu bytes; %zu are the most", zmq_msg_size(body),
                  most_bytes);
    else
        fault_set(ret_fault, "", "a request is one frame, and there are more, or none");
    drop_rest(router, body);
    zmq_msg_close(body);
    return too_large ? -EMSGSIZE : -EBADMSG;
}
