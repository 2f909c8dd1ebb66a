#include "tests/daemon/rig.h"

#include "proto/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_BYTES = 512 << 20 };

static uint64_t monotonic_usec(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- a disk that waits */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool gate_waits;

static int gated_fdatasync(int fd) {
    (void)fd;
    atomic_store(&gate_waits, true);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    atomic_store(&gate_waits, false);
    return 0;
}

void rig_gate_close(struct rig *r) {
    assert_false(r->gate_closed);
    pthread_mutex_lock(&gate);
    r->gate_closed = true;
}

void rig_gate_open(struct rig *r) {
    if (r->gate_closed)
        pthread_mutex_unlock(&gate);
    r->gate_closed = false;
}

bool rig_gate_waits(void) {
    return atomic_load(&gate_waits);
}

/* ---- putting together */

static void read_settings(struct rig *r, const char *config) {
    char path[80], text[800];
    struct config_fault fault = {0};
    snprintf(path, sizeof path, "%s/conf", r->disk.directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file,
            "[feed]\nbind = tcp://127.0.0.1:*\n[replay]\nbind = tcp://127.0.0.1:*\n"
            "[submit]\nbind = tcp://127.0.0.1:*\n[control]\npath = %s/control\n%s",
            r->disk.directory, config);
    assert_int_equal(fclose(file), 0);
    if (settings_read(r->arena, path, &r->settings, &fault) < 0)
        fail_msg("%s", config_fault_text(&fault, text, sizeof text));
    unlink(path);
}

void rig_setup(struct rig *r, const char *config) {
    *r = (struct rig){.deadline_usec = monotonic_usec() + RIG_SECONDS * UINT64_C(1000000)};
    journal_set_level(LOG_CRIT);
    fixture_setup(&r->disk);
    log_io.fdatasync = gated_fdatasync;
    r->arena = arena_new(ARENA_BYTES);
    assert_non_null(r->arena);
    read_settings(r, config);
}

/* As main.c's. */
static void follow(void *userdata, struct log_batch *batch, const struct log_result *results,
                   size_t n) {
    struct rig *r = userdata;
    (void)batch;
    if (r->publish != NULL)
        publish_results(r->publish, results, n);
    for (size_t i = 0; i < n; i++) {
        struct admit_waiter *waiter = results[i].cookie;
        if (waiter != NULL)
            waiter->decided(waiter, &results[i]);
    }
    if (r->intake != NULL)
        intake_log_moved(r->intake);
    r->n_results += n;
}

static int log_moved(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
    struct rig *r = userdata;
    (void)source;
    (void)fd;
    (void)revents;
    log_dispatch(r->disk.log, 1024);
    return 0;
}

void rig_open(struct rig *r, unsigned parts) {
    struct fault f = {0};
    struct text_list notes = {0};
    static const struct health well;
    struct control_subject subject = {.settings = &r->settings,
                                      .health = &well,
                                      .counts = &r->counts,
                                      .started_usec = loop_utc_usec()};
    assert_true(sd_event_new(&r->event) >= 0);
    r->zmq = zmq_ctx_new();
    assert_non_null(r->zmq);
    assert_int_equal(log_open(&r->disk.config, follow, r, &r->disk.log, &notes, r->arena, &f), 0);
    assert_true(
        sd_event_add_io(r->event, &r->log_source, log_fd(r->disk.log), EPOLLIN, log_moved, r) >= 0);
    if (connections_open(r->event, r->zmq, &r->settings, &r->connections, &f) < 0)
        fail_msg("%s", f.reason);
    if (parts & RIG_FEED)
        assert_int_equal(publish_open(r->event, r->zmq, &r->settings, r->connections, r->disk.log,
                                      &r->publish, &f),
                         0);
    if (parts & RIG_REPLAY)
        assert_int_equal(
            replay_open(r->zmq, &r->settings, r->connections, r->disk.log, &r->replay, &f), 0);
    if (parts & RIG_SUBMIT)
        assert_int_equal(intake_open(r->event, r->zmq, &r->settings, r->connections, r->disk.log,
                                     &r->counts, &r->intake, &f),
                         0);
    subject.connections = r->connections;
    subject.log = r->disk.log;
    subject.intake = r->intake;
    subject.publish = r->publish;
    subject.replay = r->replay;
    if (parts & RIG_CONTROL)
        assert_int_equal(control_open(r->event, r->zmq, &subject, &r->control, &f), 0);
}

void rig_close(struct rig *r) {
    rig_gate_open(r);
    while (r->n_sockets > 0)
        zmq_close(r->sockets[--r->n_sockets]);
    if (r->intake != NULL)
        intake_stop(r->intake);
    r->control = control_close(r->control);
    r->replay = replay_close(r->replay);
    r->log_source = sd_event_source_disable_unref(r->log_source);
    r->disk.log = log_close(r->disk.log);
    r->intake = intake_close(r->intake);
    r->publish = publish_close(r->publish);
    r->connections = connections_close(r->connections);
    if (r->zmq != NULL)
        zmq_ctx_term(r->zmq);
    r->zmq = NULL;
    r->event = sd_event_unref(r->event);
}

void rig_teardown(struct rig *r) {
    rig_close(r);
    fixture_teardown(&r->disk);
    r->arena = arena_free(r->arena);
}

/* ---- the loop */

void rig_turn(struct rig *r, void *socket, int timeout_msec) {
    if (monotonic_usec() > r->deadline_usec)
        fail_msg("nothing comes after %d seconds", RIG_SECONDS);
    int ready = sd_event_prepare(r->event);
    assert_true(ready >= 0);
    if (ready == 0) {
        zmq_pollitem_t items[] = {
            {.fd = sd_event_get_fd(r->event), .events = ZMQ_POLLIN},
            {.socket = socket, .events = ZMQ_POLLIN},
        };
        assert_true(zmq_poll(items, socket == NULL ? 1 : 2, timeout_msec) >= 0);
        ready = sd_event_wait(r->event, 0);
        assert_true(ready >= 0);
    }
    if (ready > 0)
        assert_true(sd_event_dispatch(r->event) >= 0);
}

/* ---- peers */

void *rig_connect(struct rig *r, int type, const struct text_list *endpoints) {
    int none = 0;
    void *s = zmq_socket(r->zmq, type);
    assert_non_null(s);
    assert_true(r->n_sockets < RIG_SOCKETS);
    r->sockets[r->n_sockets++] = s;
    assert_int_equal(zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none), 0);
    assert_int_equal(zmq_setsockopt(s, ZMQ_SNDHWM, &none, sizeof none), 0);
    assert_int_equal(zmq_setsockopt(s, ZMQ_RCVHWM, &none, sizeof none), 0);
    assert_int_equal(zmq_connect(s, endpoints->items[0]), 0);
    return s;
}

void rig_disconnect(struct rig *r, void *socket) {
    for (size_t i = 0; i < r->n_sockets; i++)
        if (r->sockets[i] == socket) {
            r->sockets[i] = r->sockets[--r->n_sockets];
            zmq_close(socket);
            return;
        }
    fail_msg("no such peer");
}

void rig_send_part(void *socket, struct slice bytes, bool more) {
    assert_int_equal(zmq_send(socket, bytes.data, bytes.len, more ? ZMQ_SNDMORE : 0), bytes.len);
}

void rig_send(void *socket, struct slice bytes) {
    rig_send_part(socket, bytes, false);
}

struct slice rig_receive_part(struct rig *r, void *socket, bool *ret_more) {
    zmq_msg_t m;
    zmq_msg_init(&m);
    while (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) < 0) {
        assert_int_equal(errno, EAGAIN);
        rig_turn(r, socket, 1000);
    }
    struct slice s = {(uint8_t *)arena_strndup(r->arena, zmq_msg_data(&m), zmq_msg_size(&m)),
                      zmq_msg_size(&m)};
    assert_non_null(s.data);
    if (ret_more != NULL)
        *ret_more = zmq_msg_more(&m) != 0;
    zmq_msg_close(&m);
    return s;
}

struct slice rig_receive(struct rig *r, void *socket) {
    bool more;
    struct slice s = rig_receive_part(r, socket, &more);
    assert_false(more);
    return s;
}

bool rig_readable(void *socket) {
    int events = 0;
    size_t size = sizeof events;
    assert_int_equal(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size), 0);
    return (events & ZMQ_POLLIN) != 0;
}

/* ---- messages */

struct slice rig_pack(struct rig *r, const ProtobufCMessage *message) {
    struct slice s;
    assert_int_equal(codec_pack(r->arena, message, &s), 0);
    return s;
}

void *rig_unpack(struct rig *r, const ProtobufCMessageDescriptor *descriptor, struct slice bytes) {
    ProtobufCMessage *message;
    struct fault f = {0};
    if (codec_unpack(descriptor, r->arena, bytes, &message, &f) < 0)
        fail_msg("%s: %s %s", descriptor->name, f.field, f.reason);
    return message;
}

Article *rig_story(struct rig *r, const char *uri, const char *section) {
    Article *a = article_new(r->arena);
    assert_non_null(a);
    a->uri = arena_strndup(r->arena, uri, strlen(uri));
    a->version = 1;
    a->kind = KIND_BRIEF;
    a->section = arena_strndup(r->arena, section, strlen(section));
    a->headline = a->uri;
    return a;
}

struct slice rig_bytes(struct rig *r, const Article *article) {
    return rig_pack(r, &article->base);
}

void rig_append(struct rig *r, const char *topic, size_t article_bytes) {
    static uint64_t number;
    char uri[32];
    uint8_t *bytes = calloc(1, article_bytes + 1);
    assert_non_null(bytes);
    snprintf(uri, sizeof uri, "urn:fill:%llu", (unsigned long long)++number);
    struct log_proposal p = {
        .article = {bytes, article_bytes}, .uri = uri, .version = 1, .topic = topic};
    int e;
    while ((e = log_append(r->disk.log, &p, 1)) == -EAGAIN)
        rig_turn(r, NULL, 10);
    assert_int_equal(e, 0);
    free(bytes);
}

void rig_fill(struct rig *r, const char *topic, size_t article_bytes, size_t n) {
    size_t wanted = r->n_results + n;
    for (size_t i = 0; i < n; i++)
        rig_append(r, topic, article_bytes);
    RIG_UNTIL(r, r->n_results >= wanted);
}
