/*
 * Rights on feed, and the attack on libzmq's XPUB_MANUAL: first that it works against
 * libzmq alone, then that it does not against us.
 */
#include "tests/daemon/keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET "[feed]\nheartbeat_interval = 1h\n"

enum { PAUSE_USEC = 60000 };

static struct rig r;

static void start(const char *more) {
    rig_setup(&r, keys_config(more));
    rig_open(&r, RIG_FEED);
}

static int tear_down(void **state) {
    (void)state;
    rig_teardown(&r);
    return 0;
}

static const struct publish_counts *counts(void) {
    return publish_counts(r.publish);
}

static void send_text(void *socket, const char *text, size_t len) {
    assert_int_equal(zmq_send(socket, text, len, 0), len);
}

/* An XSUB, which sends whatever it is told to. */
static void *connect_raw(enum keys_who who) {
    return keys_connect(&r, ZMQ_XSUB, publish_endpoints(r.publish), who);
}

static void subscribe(void *socket, const char *prefix) {
    char message[128] = {1};
    memcpy(message + 1, prefix, strlen(prefix));
    send_text(socket, message, 1 + strlen(prefix));
}

static void *reader(enum keys_who who, const char *prefix) {
    uint64_t before = counts()->subscriptions;
    void *s = connect_raw(who);
    subscribe(s, prefix);
    RIG_UNTIL(&r, counts()->subscriptions > before);
    return s;
}

/* Whether anything of that topic has come; takes all that has. */
static bool has_got(void *socket, const char *topic) {
    bool got = false;
    char frame[256];
    int n, more;
    size_t size = sizeof more;
    for (bool first = true; (n = zmq_recv(socket, frame, sizeof frame, ZMQ_DONTWAIT)) >= 0;
         first = !more) {
        assert_int_equal(zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size), 0);
        got = got || (first && (size_t)n == strlen(topic) && memcmp(frame, topic, (size_t)n) == 0);
    }
    return got;
}

static void turn_a_while(void) {
    for (int i = 0; i < 20; i++)
        rig_turn(&r, NULL, 5);
}

/* ---- rights */

static void gives_what_is_allowed(void **state) {
    (void)state;
    start(QUIET);
    void *archive = reader(KEYS_ARCHIVE, ""), *econ = reader(KEYS_ECON, "economy/");
    turn_a_while();
    has_got(archive, "");
    has_got(econ, "");
    rig_fill(&r, "economy/brief", 100, 1);
    rig_fill(&r, "politics/brief", 100, 1);
    turn_a_while();
    assert_true(has_got(econ, "economy/brief"));
    assert_true(has_got(archive, "politics/brief"));
}

static void refuses_what_is_not(void **state) {
    static const char *const wide[] = {"",           "e",         "economy",  "politics/",
                                       "politics/b", "economy2/", "politics", "/"};
    (void)state;
    start(QUIET);
    void *econ = reader(KEYS_ECON, "economy/brief");
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        subscribe(econ, wide[i]);
    RIG_UNTIL(&r, counts()->refused == sizeof wide / sizeof *wide);
    turn_a_while();
    has_got(econ, "");
    rig_fill(&r, "politics/brief", 100, 1);
    rig_fill(&r, "economy/article", 100, 1); /* not what it asked for */
    rig_fill(&r, "economy/brief", 100, 1);
    turn_a_while();
    char topic[64] = "";
    int n = zmq_recv(econ, topic, sizeof topic - 1, ZMQ_DONTWAIT);
    assert_int_equal(n, strlen("economy/brief"));
    assert_string_equal(topic, "economy/brief");
}

static void lets_no_stranger_in(void **state) {
    (void)state;
    start(QUIET);
    void *s = connect_raw(KEYS_STRANGER);
    subscribe(s, "economy/");
    RIG_UNTIL(&r, connections_counts(r.connections)->refused > 0);
    turn_a_while();
    assert_int_equal(counts()->subscriptions, 0);
    assert_int_equal(counts()->refused, 0);
}

/* Duplicates come twice and end once; what libzmq makes up for one that went is its own. */
static void keeps_sets(void **state) {
    (void)state;
    start(QUIET);
    void *one = reader(KEYS_ARCHIVE, "economy/"), *other = reader(KEYS_ARCHIVE, "economy/");
    subscribe(one, "economy/");
    RIG_UNTIL(&r, counts()->subscriptions == 3);
    send_text(one, "\0economy/", 9); /* libzmq counts them, and tells the last one only */
    send_text(one, "\0economy/", 9);
    turn_a_while();
    has_got(one, "");
    has_got(other, "");
    rig_fill(&r, "economy/brief", 100, 1);
    turn_a_while();
    assert_false(has_got(one, "economy/brief"));
    assert_true(has_got(other, "economy/brief"));
    rig_disconnect(&r, one);
    turn_a_while();
    rig_fill(&r, "economy/brief", 100, 1);
    turn_a_while();
    assert_true(has_got(other, "economy/brief"));
}

static void bounds_a_connection(void **state) {
    (void)state;
    start(QUIET "heartbeat_rate = 1\n");
    void *s = connect_raw(KEYS_ARCHIVE);
    for (int i = 0; i < LIMIT_TOPICS; i++)
        subscribe(s, "section0/"); /* the same counts once */
    for (int i = 0; i < LIMIT_TOPICS + 10; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "section%d/", i);
        subscribe(s, prefix);
    }
    RIG_UNTIL(&r, counts()->refused == 10);
    assert_int_equal(counts()->subscriptions, 2 * LIMIT_TOPICS);
}

/* ---- connections that go */

/* A hundred that subscribe and go at once: nothing of them is left, or touched. */
static void outlives_those_who_go(void **state) {
    (void)state;
    start(QUIET);
    void *stays = reader(KEYS_ARCHIVE, "economy/");
    for (int round = 0; round < 5; round++) {
        void *gone[12];
        for (int i = 0; i < 12; i++) {
            gone[i] = connect_raw(KEYS_ARCHIVE);
            for (int k = 0; k < 30; k++) {
                char prefix[32];
                snprintf(prefix, sizeof prefix, "section%d/", k);
                subscribe(gone[i], prefix);
            }
        }
        for (int i = 0; i < 10 + round; i++)
            rig_turn(&r, NULL, 2);
        for (int i = 0; i < 12; i++)
            rig_disconnect(&r, gone[i]);
        usleep(PAUSE_USEC); /* libzmq's thread has it all, our loop nothing yet */
        turn_a_while();
    }
    has_got(stays, "");
    rig_fill(&r, "economy/brief", 100, 1);
    turn_a_while();
    assert_true(has_got(stays, "economy/brief"));
}

/* What is read when its connection has gone already would be applied to freed memory. */
static void passes_on_nothing_of_the_gone(void **state) {
    (void)state;
    start(QUIET);
    for (int round = 0; round < 3; round++) {
        void *s = reader(KEYS_ARCHIVE, "economy/");
        uint64_t before = counts()->subscriptions;
        for (int k = 0; k < 200; k++) {
            char prefix[32];
            snprintf(prefix, sizeof prefix, "section%d/", k);
            subscribe(s, prefix);
        }
        usleep(PAUSE_USEC); /* they are with libzmq's thread of the daemon */
        rig_disconnect(&r, s);
        usleep(PAUSE_USEC); /* and so is the end */
        turn_a_while();
        assert_int_equal(counts()->subscriptions, before);
    }
}

static void a_banned_key_stays_out(void **state) {
    (void)state;
    start(QUIET "[security]\nban = 400ms\n");
    void *s = reader(KEYS_ECON, "economy/");
    send_text(s, "\5junk", 5);
    RIG_UNTIL(&r, counts()->strange == 1);
    rig_disconnect(&r, s);
    s = connect_raw(KEYS_ECON);
    subscribe(s, "economy/");
    RIG_UNTIL(&r, connections_counts(r.connections)->banned > 0);
    assert_int_equal(counts()->subscriptions, 1);
    rig_disconnect(&r, s);
    usleep(450000);
    reader(KEYS_ECON, "economy/");
}

static void revokes_a_connection(void **state) {
    struct settings now;
    (void)state;
    start(QUIET);
    void *econ = reader(KEYS_ECON, "economy/"), *archive = reader(KEYS_ARCHIVE, "economy/");
    /* the config without econ, as a reload has it */
    struct client *clients[] = {r.settings.clients[0]};
    memcpy(&now, &r.settings, sizeof now);
    now.clients = clients;
    now.n_clients = 1;
    assert_string_equal(clients[0]->name, "archive");
    publish_reload(r.publish, &now);
    connections_reload(r.connections, &now);
    assert_int_equal(connections_counts(r.connections)->cut, 1);
    turn_a_while();
    has_got(econ, "");
    has_got(archive, "");
    rig_fill(&r, "economy/brief", 100, 1);
    turn_a_while();
    assert_false(has_got(econ, "economy/brief"));
    assert_true(has_got(archive, "economy/brief"));
    RIG_UNTIL(&r, connections_counts(r.connections)->refused > 0); /* libzmq tries again */
    rig_close(&r);
}

/* ---- the attack */

/* What H does: junk on one connection, then what it may have on another, around the
 * subscription of A. */
static void attack(void *h1, void *a, void *h2) {
    send_text(h1, "\5junk", 5);
    usleep(PAUSE_USEC);
    subscribe(a, "politics/");
    usleep(PAUSE_USEC);
    subscribe(h2, "economy/");
    usleep(PAUSE_USEC);
}

/* libzmq alone, with a server that checks each subscription by its own content: the
 * prefix of A goes to H. When this fails libzmq has been mended. */
static void works_against_libzmq(void **state) {
    char endpoint[64];
    size_t size = sizeof endpoint;
    int yes = 1;
    uint8_t message[64];
    void *context = zmq_ctx_new(), *server = zmq_socket(context, ZMQ_XPUB);
    void *peers[3];
    (void)state;
    assert_int_equal(zmq_setsockopt(server, ZMQ_XPUB_MANUAL, &yes, sizeof yes), 0);
    assert_int_equal(zmq_bind(server, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    for (int i = 0; i < 3; i++) {
        peers[i] = zmq_socket(context, ZMQ_XSUB);
        assert_int_equal(zmq_connect(peers[i], endpoint), 0);
        subscribe(peers[i], "economy/brief");
    }
    for (int i = 0; i < 3; i++)
        assert_true(zmq_recv(server, message, sizeof message, 0) > 0);
    attack(peers[0], peers[1], peers[2]);
    for (int n; (n = zmq_recv(server, message, sizeof message, ZMQ_DONTWAIT)) >= 0;)
        if (message[0] == 1)
            assert_int_equal(zmq_setsockopt(server, ZMQ_SUBSCRIBE, message + 1, (size_t)n - 1), 0);
    assert_true(zmq_send(server, "politics/brief", 14, 0) > 0);
    usleep(PAUSE_USEC);
    assert_true(has_got(peers[2], "politics/brief"));
    for (int i = 0; i < 3; i++)
        zmq_close(peers[i]);
    zmq_close(server);
    zmq_ctx_term(context);
}

static void does_not_against_us(void **state) {
    (void)state;
    start(QUIET);
    void *h1 = reader(KEYS_ECON, "economy/brief"), *a = reader(KEYS_ARCHIVE, "economy/brief"),
         *h2 = reader(KEYS_ECON, "economy/brief");
    attack(h1, a, h2);
    RIG_UNTIL(&r, counts()->strange == 1);
    turn_a_while();
    has_got(h2, "");
    rig_fill(&r, "politics/brief", 100, 1);
    turn_a_while();
    assert_false(has_got(h1, "politics/brief"));
    assert_false(has_got(h2, "politics/brief"));
    assert_true(connections_counts(r.connections)->cut >= 2);
    /* A was cut, too, and is back with its subscription without doing anything. */
    for (bool back = false; !back; back = has_got(a, "politics/brief"))
        rig_fill(&r, "politics/brief", 100, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(gives_what_is_allowed, tear_down),
        cmocka_unit_test_teardown(refuses_what_is_not, tear_down),
        cmocka_unit_test_teardown(lets_no_stranger_in, tear_down),
        cmocka_unit_test_teardown(keeps_sets, tear_down),
        cmocka_unit_test_teardown(bounds_a_connection, tear_down),
        cmocka_unit_test_teardown(outlives_those_who_go, tear_down),
        cmocka_unit_test_teardown(passes_on_nothing_of_the_gone, tear_down),
        cmocka_unit_test_teardown(a_banned_key_stays_out, tear_down),
        cmocka_unit_test_teardown(revokes_a_connection, tear_down),
        cmocka_unit_test(works_against_libzmq),
        cmocka_unit_test_teardown(does_not_against_us, tear_down),
    };
    return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
