#include "daemon/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <zmq.h>

struct loop_socket {
    void *socket;
    sd_event *event;
    sd_event_source *io;   /* wakes the loop */
    sd_event_source *turn; /* reads; NULL when none is due */
    loop_readable_fn readable;
    void *userdata;
    bool paused;
};

static bool is_readable(void *socket) {
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

static int take_turn(sd_event_source *source, void *userdata);

static int prepare(sd_event_source *source, void *userdata) {
    struct loop_socket *s = userdata;
    (void)source;
    if (s->paused || s->turn != NULL || !is_readable(s->socket))
        return 0;
    return sd_event_add_defer(s->event, &s->turn, take_turn, s);
}

/* The descriptor only wakes the loop; prepare has then looked at the events. */
static int wake(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct loop_socket *s = userdata;
    (void)source;
    (void)fd;
    (void)revents;
    (void)is_readable(s->socket); /* takes the edge away */
    return 0;
}

static int take_turn(sd_event_source *source, void *userdata) {
    struct loop_socket *s = userdata;
    (void)source;
    /* A source for each turn: sd-event serves what has waited longest, and one
     * that is enabled again counts as waiting since it was made. */
    s->turn = sd_event_source_disable_unref(s->turn);
    if (!s->paused)
        s->readable(s->userdata);
    return 0;
}

int loop_socket_new(sd_event *event, void *socket, const char *name, loop_readable_fn readable,
                    void *userdata, struct loop_socket **ret) {
    struct loop_socket *s = calloc(1, sizeof *s);
    int fd;
    size_t size = sizeof fd;
    if (s == NULL)
        return -ENOMEM;
    *s = (struct loop_socket){
        .event = event, .socket = socket, .readable = readable, .userdata = userdata};
    int r = zmq_getsockopt(socket, ZMQ_FD, &fd, &size) < 0 ? -errno : 0;
    if (r >= 0)
        r = sd_event_add_io(event, &s->io, fd, EPOLLIN, wake, s);
    if (r >= 0)
        r = sd_event_source_set_prepare(s->io, prepare);
    if (r >= 0)
        r = sd_event_source_set_description(s->io, name);
    if (r < 0) {
        loop_socket_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

void loop_socket_pause(struct loop_socket *s, bool paused) {
    s->paused = paused;
}

struct loop_socket *loop_socket_free(struct loop_socket *s) {
    if (s == NULL)
        return NULL;
    sd_event_source_disable_unref(s->io);
    sd_event_source_disable_unref(s->turn);
    free(s);
    return NULL;
}

int64_t loop_utc_usec(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

uint64_t loop_monotonic_usec(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
