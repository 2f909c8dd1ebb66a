/* ZeroMQ sockets in the loop: nothing is left lying, nobody is starved. */

#include "daemon/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

enum { TURN = 100, PATIENCE_USEC = 1000000 };

/* A socket in the loop, its peer, and what came. */
struct end {
    void *pull, *push;
    struct loop_socket *watch;
    uint64_t turns, got;
    uint64_t wanted; /* the number that the next message has */
    size_t most;     /* messages that a turn takes */
};

static sd_event *event;
static void *context;
static struct end ends[3]; /* of the test that runs */

static int set_up(void **state) {
    (void)state;
    context = zmq_ctx_new();
    return sd_event_new(&event) < 0 || context == NULL;
}

static void close_end(struct end *e) {
    e->watch = loop_socket_free(e->watch);
    if (e->pull != NULL)
        zmq_close(e->pull);
    if (e->push != NULL)
        zmq_close(e->push);
    e->pull = e->push = NULL;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        close_end(&ends[i]);
    zmq_ctx_term(context);
    event = sd_event_unref(event);
    return 0;
}

static void readable(void *userdata) {
    struct end *e = userdata;
    uint64_t number;
    e->turns++;
    for (size_t i = 0; i < e->most; i++) {
        int len = zmq_recv(e->pull, &number, sizeof number, ZMQ_DONTWAIT);
        if (len < 0)
            return;
        assert_int_equal(len, sizeof number);
        assert_int_equal(number, e->wanted);
        e->wanted++;
        e->got++;
    }
}

static void open_end(struct end *e, const char *name, const char *bind, int high_water) {
    char endpoint[256];
    size_t size = sizeof endpoint;
    int now = 0;
    *e = (struct end){.most = TURN};
    e->pull = zmq_socket(context, ZMQ_PULL);
    e->push = zmq_socket(context, ZMQ_PUSH);
    zmq_setsockopt(e->pull, ZMQ_RCVHWM, &high_water, sizeof high_water);
    zmq_setsockopt(e->push, ZMQ_SNDHWM, &high_water, sizeof high_water);
    zmq_setsockopt(e->push, ZMQ_LINGER, &now, sizeof now);
    assert_int_equal(loop_socket_new(event, e->pull, name, readable, e, &e->watch), 0);
    assert_int_equal(zmq_bind(e->pull, bind), 0);
    assert_int_equal(zmq_getsockopt(e->pull, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    assert_int_equal(zmq_connect(e->push, endpoint), 0);
}

/* As many as the peer's queue takes, up to n. */
static uint64_t push(struct end *e, uint64_t from, uint64_t n) {
    uint64_t i = from;
    while (i < from + n && zmq_send(e->push, &i, sizeof i, ZMQ_DONTWAIT) >= 0)
        i++;
    return i - from;
}

/* Bursts of changing size, some between turns, some while the loop sleeps: the
 * descriptor is edge-triggered, so a loop that trusts it stalls after a few. */
static void all_of_200000_arrive(void **state) {
    (void)state;
    static const char *const transports[] = {"inproc://burst", "tcp://127.0.0.1:*"};
    for (size_t t = 0; t < 2; t++) {
        enum { N = 100000 };
        struct end *e = &ends[0];
        uint64_t sent = 0, burst = 1;
        open_end(e, "burst", transports[t], 1000);
        while (e->got < N) {
            if (sent < N && e->got + 500 > sent)
                sent += push(e, sent, burst < N - sent ? burst : N - sent);
            burst = (burst * 7 + 3) % 401 + 1;
            /* Nothing else wakes the loop: when it sleeps for so long while
             * messages wait, it has stalled. */
            uint64_t before = e->got;
            int r = sd_event_run(event, e->got < sent ? PATIENCE_USEC : 0);
            assert_true(r >= 0);
            if (r == 0 && before < sent)
                fail_msg("stalled at %llu of %llu", (unsigned long long)e->got,
                         (unsigned long long)sent);
        }
        assert_int_equal(e->got, N);
        assert_true(e->turns >= N / TURN);
        close_end(e);
    }
}

static void run_until(const struct end *e, uint64_t got) {
    while (e->got < got)
        assert_true(sd_event_run(event, PATIENCE_USEC) > 0);
}

/* Until there is nothing to do, or nothing but idle turns. */
static void settle(void) {
    for (int i = 0; i < 100 && sd_event_run(event, 0) > 0;)
        i++;
}

static void a_paused_socket_makes_its_peer_wait(void **state) {
    (void)state;
    enum { HIGH_WATER = 50, N = 5000 };
    struct end *e = &ends[0];
    open_end(e, "paused", "inproc://paused", HIGH_WATER);
    loop_socket_pause(e->watch, true);
    uint64_t sent = push(e, 0, N);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(sent, 2 * HIGH_WATER);
    settle();
    assert_int_equal(e->got, 0);
    assert_int_equal(push(e, sent, 1), 0);
    loop_socket_pause(e->watch, false);
    while (sent < N) {
        run_until(e, sent);
        sent += push(e, sent, N - sent);
    }
    run_until(e, N);
    /* And once more: pausing within a flood keeps what is there. */
    loop_socket_pause(e->watch, true);
    sent += push(e, sent, 10);
    settle();
    assert_int_equal(e->got, N);
    loop_socket_pause(e->watch, false);
    run_until(e, sent);
}

static int count(sd_event_source *source, uint64_t usec, void *userdata) {
    (void)source;
    (void)usec;
    ++*(int *)userdata;
    return 0;
}

/* A flood that never ends: what comes in between has its turn soon, be it on
 * another socket or a timer (and so a signal, or the log's results). */
static void a_flooded_socket_starves_nobody(void **state) {
    (void)state;
    struct end *flooded = &ends[0], *quiet = &ends[1];
    sd_event_source *timer = NULL;
    open_end(flooded, "flooded", "inproc://flooded", 0);
    open_end(quiet, "quiet", "inproc://quiet", 0);
    uint64_t sent = push(flooded, 0, 20000), most_quiet = 0, most_timer = 0;
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t turns = flooded->turns;
        int ticks = 0;
        assert_int_equal(push(quiet, i, 1), 1);
        assert_int_equal(
            sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC, 0, 1, count, &ticks), 0);
        while ((quiet->got == i || ticks == 0) && flooded->got < sent) {
            assert_true(sd_event_run(event, PATIENCE_USEC) > 0);
            if (quiet->got == i && flooded->turns - turns > most_quiet)
                most_quiet = flooded->turns - turns;
            if (ticks == 0 && flooded->turns - turns > most_timer)
                most_timer = flooded->turns - turns;
        }
        timer = sd_event_source_disable_unref(timer);
        sent += push(flooded, sent, 1000);
    }
    assert_in_range(most_quiet, 0, 4);
    assert_in_range(most_timer, 0, 10); /* it takes its time to be armed */
}

static void flooded_sockets_share(void **state) {
    (void)state;
    enum { N = 200 };
    open_end(&ends[0], "one", "inproc://one", 0);
    open_end(&ends[1], "two", "inproc://two", 0);
    open_end(&ends[2], "three", "inproc://three", 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(push(&ends[i], 0, (uint64_t)N * TURN), N * TURN);
    while (ends[0].got + ends[1].got + ends[2].got < (uint64_t)N * TURN)
        assert_true(sd_event_run(event, PATIENCE_USEC) > 0);
    for (size_t i = 0; i < 3; i++)
        assert_in_range(ends[i].turns, N / 3 - 5, N / 3 + 5);
}

/* Level and edge: what came before the socket joined the loop is read too. */
static void what_waited_before_is_read(void **state) {
    (void)state;
    struct end *e = &ends[0];
    open_end(e, "early", "inproc://early", 0);
    e->watch = loop_socket_free(e->watch);
    assert_int_equal(push(e, 0, 10), 10);
    int events;
    size_t size = sizeof events;
    zmq_getsockopt(e->pull, ZMQ_EVENTS, &events, &size); /* the edge is gone */
    assert_int_equal(loop_socket_new(event, e->pull, "early", readable, e, &e->watch), 0);
    run_until(e, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_of_200000_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_paused_socket_makes_its_peer_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flooded_socket_starves_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flooded_sockets_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waited_before_is_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
