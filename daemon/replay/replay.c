#include "daemon/replay/parts.h"

#include "daemon/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    REQUEST_ARENA_BYTES = 4 << 20,
    TURN_MSEC = 1000, /* it looks round at least so often */
    BLOCKED_MSEC = 1, /* until a full pipe is tried again */
};

/* Buffers for a frame as the settings have it. Those that are away stay what they are. */
static int make_pool(struct replay *r) {
    uint64_t frame = r->settings->replay.frame_bytes;
    size_t bytes = frame > LIMIT_ENTRY_BYTES ? frame : LIMIT_ENTRY_BYTES;
    if (r->pool != NULL && bytes == r->buffer_bytes)
        return 0;
    struct buffer_pool *pool = buffer_pool_new(bytes + REPLAY_HEADER_BYTES);
    if (pool == NULL)
        return -ENOMEM;
    buffer_pool_free(r->pool);
    r->pool = pool;
    r->buffer_bytes = bytes;
    return 0;
}

static void take_settings(struct replay *r) {
    pthread_mutex_lock(&r->mutex);
    struct settings *next = r->next_settings;
    r->next_settings = NULL;
    pthread_mutex_unlock(&r->mutex);
    if (next == NULL)
        return;
    settings_unref((struct settings *)r->settings);
    r->settings = next;
    (void)make_pool(r); /* out of memory: frames fit into the buffers that there are */
    replay_end_denied(r);
}

void replay_reload(struct replay *r, const struct settings *settings) {
    uint64_t one = 1;
    pthread_mutex_lock(&r->mutex);
    settings_unref(r->next_settings);
    r->next_settings = settings_ref(settings);
    pthread_mutex_unlock(&r->mutex);
    if (write(r->wake_fd, &one, sizeof one) < 0)
        return; /* it looks once a second, too */
}

static void *run(void *userdata) {
    struct replay *r = userdata;
    zmq_pollitem_t items[] = {
        {.socket = r->socket, .events = ZMQ_POLLIN},
        {.fd = r->wake_fd, .events = ZMQ_POLLIN},
    };
    bool more = false;
    pthread_setname_np(pthread_self(), "replay");
    pulse_begin(&r->pulse);
    for (;;) {
        bool blocked = false;
        for (struct session *s = r->sessions; s != NULL; s = s->next)
            blocked = blocked || s->blocked || replay_is_choked(r, s);
        /* A full pipe isn't told; it is tried again after a moment. */
        if (zmq_poll(items, 2, more ? 0 : blocked ? BLOCKED_MSEC : TURN_MSEC) < 0 && errno != EINTR)
            break;
        pulse_step(&r->pulse); /* it never rests longer than TURN_MSEC */
        uint64_t woken;
        if (items[1].revents != 0 && read(r->wake_fd, &woken, sizeof woken) < 0)
            break;
        if (atomic_load(&r->stopping))
            break;
        take_settings(r);
        if (items[0].revents != 0)
            replay_receive(r);
        more = replay_serve(r);
        replay_forget_peers(r, false);
        pthread_mutex_lock(&r->mutex);
        r->counts.running = r->n_sessions;
        pthread_mutex_unlock(&r->mutex);
    }
    return NULL;
}

int replay_readers(struct replay *r, struct replay_reader **ret, size_t *ret_n,
                   struct replay_counts *ret_counts) {
    pthread_mutex_lock(&r->mutex);
    replay_forget_readers(r, loop_utc_usec());
    struct replay_reader *copy = calloc(r->n_readers + 1, sizeof *copy);
    if (copy != NULL) {
        memcpy(copy, r->readers, r->n_readers * sizeof *copy);
        *ret_n = r->n_readers;
        *ret_counts = r->counts;
        ret_counts->pulse = pulse_look(&r->pulse);
        *ret = copy;
    }
    pthread_mutex_unlock(&r->mutex);
    return copy == NULL ? -ENOMEM : 0;
}

void replay_trouble(struct replay *r, char *buffer, size_t size) {
    pthread_mutex_lock(&r->mutex);
    snprintf(buffer, size, "%s", r->trouble);
    pthread_mutex_unlock(&r->mutex);
}

const struct text_list *replay_endpoints(const struct replay *r) {
    return &r->bound;
}

/* The thread takes no signals: they are the loop's. */
static int start_thread(struct replay *r) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    r->running = e == 0;
    return -e;
}

int replay_open(void *zmq_context, const struct settings *settings, struct connections *connections,
                struct log *log, struct replay **ret, struct fault *ret_fault) {
    struct replay *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    pthread_mutex_init(&r->mutex, NULL);
    r->settings = settings_ref(settings);
    r->connections = connections;
    r->log = log;
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->meters = meters_new();
    r->arena = arena_new(REQUEST_ARENA_BYTES);
    r->bound_arena = arena_new(64 << 10);
    r->readers = calloc(REPLAY_READERS, sizeof *r->readers);
    r->socket = socket_new(zmq_context, ZMQ_ROUTER, REPLAY_REQUEST_BYTES);
    /* For a reader that gives credit, or asks for heads, and does not read. One that
     * reads is bounded by its credit before it gets there. */
    int e = 0, frames = (int)(settings->replay.credit_bytes / settings->replay.frame_bytes) + 1;
    if (r->wake_fd < 0 || r->meters == NULL || r->arena == NULL || r->bound_arena == NULL ||
        r->readers == NULL || make_pool(r) < 0 || r->socket == NULL)
        e = -ENOMEM;
    if (e == 0 && zmq_setsockopt(r->socket, ZMQ_SNDHWM, &frames, sizeof frames) < 0)
        e = -errno;
    if (e == 0)
        e = connections_guard(connections, r->socket);
    if (e == 0)
        e = socket_bind(r->socket, INHERITED_REPLAY, &settings->replay.bind, r->bound_arena,
                        &r->bound, ret_fault);
    if (e == 0)
        e = start_thread(r);
    if (e < 0) {
        replay_close(r);
        return e;
    }
    *ret = r;
    return 0;
}

struct replay *replay_close(struct replay *r) {
    if (r == NULL)
        return NULL;
    if (r->running) {
        uint64_t one = 1;
        atomic_store(&r->stopping, true);
        if (write(r->wake_fd, &one, sizeof one) == sizeof one)
            pthread_join(r->thread, NULL);
    }
    while (r->sessions != NULL)
        replay_end_session(r, &r->sessions);
    connections_leave(r->connections, r->socket);
    if (r->socket != NULL)
        zmq_close(r->socket);
    replay_forget_peers(r, true);
    buffer_pool_free(r->pool);
    meters_free(r->meters);
    settings_unref(r->next_settings);
    settings_unref((struct settings *)r->settings);
    if (r->wake_fd >= 0)
        close(r->wake_fd);
    pthread_mutex_destroy(&r->mutex);
    arena_free(r->arena);
    arena_free(r->bound_arena);
    free(r->readers);
    free(r);
    return NULL;
}
