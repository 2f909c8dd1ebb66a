/* The submitter against a daemon that is played here: a plain ROUTER in a
 * thread, which answers each request as the test tells it to. */
#include "clients/lib/newswire.h"
#include "proto/codec.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum { RESULTS = 64 };

/* What the played daemon does with its n-th request. */
enum act {
    ANSWER,
    IGNORE,
    HANG_UP,
    BUSY,
    REFUSE_ALL,
    REFUSE_ODD,
    TAKE_HALF,
    GARBAGE,
    WRONG_COUNT,
    ANSWER_TWICE
};

static struct {
    void *context, *socket;
    char endpoint[128];
    const enum act *acts; /* the last one goes on for ever */
    size_t n_acts;
    size_t requests, articles;
    pthread_t thread;
} daemon_;

static struct {
    size_t n;
    long cookies[RESULTS];
    enum newswire_outcome outcomes[RESULTS];
    char reason[RESULTS][64];
} got;

static void keep(void *userdata, const struct newswire_result *r) {
    (void)userdata;
    assert_true(got.n < RESULTS);
    got.cookies[got.n] = (long)(intptr_t)r->cookie;
    got.outcomes[got.n] = r->outcome;
    snprintf(got.reason[got.n++], sizeof got.reason[0], "%s", r->reason);
}

static size_t count_articles(struct slice s, uint64_t *ret_id) {
    size_t n = 0;
    for (struct wire_field f; s.len > 0 && wire_get_field(&s, &f);) {
        n += f.number == 2;
        if (f.number == 1)
            *ret_id = f.value;
    }
    return n;
}

static int outcome_of(enum act act, size_t i, size_t n) {
    if (act == REFUSE_ODD && i % 2 == 1)
        return NEWSWIRE__V1__OUTCOME__VALUE__refused;
    if (act == TAKE_HALF && i >= n / 2)
        return NEWSWIRE__V1__OUTCOME__VALUE__unavailable;
    return NEWSWIRE__V1__OUTCOME__VALUE__accepted;
}

static void reply(zmq_msg_t *id, uint64_t request_id, enum act act, size_t n) {
    Newswire__V1__SubmitReply r = NEWSWIRE__V1__SUBMIT_REPLY__INIT;
    Newswire__V1__Error error = NEWSWIRE__V1__ERROR__INIT;
    Newswire__V1__SubmitResult results[RESULTS], *pointers[RESULTS];
    uint8_t bytes[16384];
    r.request_id = request_id;
    r.n_results = act == WRONG_COUNT ? n + 1 : n;
    r.results = pointers;
    for (size_t i = 0; i < r.n_results; i++) {
        newswire__v1__submit_result__init(&results[i]);
        results[i].outcome = (Newswire__V1__Outcome__Value)outcome_of(act, i, n);
        results[i].reason =
            results[i].outcome == NEWSWIRE__V1__OUTCOME__VALUE__accepted ? "" : "as told";
        pointers[i] = &results[i];
    }
    if (act == REFUSE_ALL || act == BUSY) {
        error.code =
            act == BUSY ? NEWSWIRE__V1__ERROR__CODE__busy : NEWSWIRE__V1__ERROR__CODE__malformed;
        error.message = "all of it is bad";
        r.error = &error;
        r.n_results = 0;
    }
    size_t len = newswire__v1__submit_reply__pack(&r, bytes);
    if (act == GARBAGE)
        memset(bytes, 0xff, len);
    for (int k = 0; k < (act == ANSWER_TWICE ? 2 : 1); k++) {
        zmq_send(daemon_.socket, zmq_msg_data(id), zmq_msg_size(id), ZMQ_SNDMORE);
        zmq_send(daemon_.socket, bytes, len, 0);
    }
}

/* As a daemon does that ends and starts again. */
static void hang_up(void) {
    int linger = 0;
    zmq_setsockopt(daemon_.socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(daemon_.socket);
    daemon_.socket = zmq_socket(daemon_.context, ZMQ_ROUTER);
    /* Its port is free a moment later. */
    for (int tries = 0; zmq_bind(daemon_.socket, daemon_.endpoint) < 0 && tries < 1000; tries++)
        usleep(1000);
}

static void *play(void *unused) {
    for (;;) {
        zmq_msg_t id, body;
        uint64_t request_id = 0;
        zmq_msg_init(&id);
        zmq_msg_init(&body);
        if (zmq_msg_recv(&id, daemon_.socket, 0) < 0 || zmq_msg_recv(&body, daemon_.socket, 0) < 0)
            break;
        size_t n =
            count_articles((struct slice){zmq_msg_data(&body), zmq_msg_size(&body)}, &request_id);
        size_t k = daemon_.requests < daemon_.n_acts ? daemon_.requests : daemon_.n_acts - 1;
        daemon_.requests++;
        daemon_.articles += n;
        if (daemon_.acts[k] == HANG_UP)
            hang_up();
        else if (daemon_.acts[k] != IGNORE)
            reply(&id, request_id, daemon_.acts[k], n);
        zmq_msg_close(&id);
        zmq_msg_close(&body);
    }
    zmq_close(daemon_.socket);
    return unused;
}

static void start(const enum act *acts, size_t n) {
    size_t size = sizeof daemon_.endpoint;
    daemon_.context = zmq_ctx_new();
    daemon_.socket = zmq_socket(daemon_.context, ZMQ_ROUTER);
    daemon_.acts = acts;
    daemon_.n_acts = n;
    daemon_.requests = daemon_.articles = 0;
    got.n = 0;
    assert_int_equal(zmq_bind(daemon_.socket, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(daemon_.socket, ZMQ_LAST_ENDPOINT, daemon_.endpoint, &size);
    assert_int_equal(pthread_create(&daemon_.thread, NULL, play, NULL), 0);
}

static void stop(void) {
    zmq_ctx_shutdown(daemon_.context);
    pthread_join(daemon_.thread, NULL);
    zmq_ctx_term(daemon_.context);
}

static struct newswire_submitter *submitter(const char *endpoint, int64_t patience_usec) {
    char error[256];
    struct newswire_submitter *s;
    struct newswire_submitter_options o = {
        .submit = endpoint, .result = keep, .patience_usec = patience_usec};
    assert_int_equal(newswire_submitter_new(&o, &s, error, sizeof error), 0);
    return s;
}

/* Sends so many, and says how it ended. */
static int send_all(const enum act *acts, size_t n_acts, long n, int64_t patience_usec) {
    start(acts, n_acts);
    struct newswire_submitter *s = submitter(daemon_.endpoint, patience_usec);
    int r = 0;
    for (long i = 1; i <= n && r == 0; i++)
        r = newswire_submitter_add(s, "article", 7, (void *)(intptr_t)i);
    if (r == 0)
        r = newswire_submitter_finish(s);
    newswire_submitter_free(s);
    stop();
    return r;
}

#define SEND_ALL(n, patience, ...)                                                                 \
    send_all((const enum act[]){__VA_ARGS__},                                                      \
             sizeof((const enum act[]){__VA_ARGS__}) / sizeof(enum act), n, patience)

static void each_once(long n) {
    bool seen[RESULTS + 1] = {false};
    assert_int_equal(got.n, n);
    for (size_t i = 0; i < got.n; i++) {
        assert_in_range(got.cookies[i], 1, n);
        assert_false(seen[got.cookies[i]]);
        seen[got.cookies[i]] = true;
    }
}

static void each_has_its_outcome(void **state) {
    (void)state;
    assert_int_equal(SEND_ALL(40, 0, ANSWER), 0);
    each_once(40);
    for (size_t i = 0; i < got.n; i++)
        assert_int_equal(got.outcomes[i], NEWSWIRE_ACCEPTED);
    assert_int_equal(daemon_.articles, 40);
}

static void some_are_refused(void **state) {
    (void)state;
    size_t refused = 0;
    assert_int_equal(SEND_ALL(20, 0, REFUSE_ODD), 0);
    each_once(20);
    for (size_t i = 0; i < got.n; i++)
        if (got.outcomes[i] == NEWSWIRE_REFUSED) {
            assert_string_equal(got.reason[i], "as told");
            refused++;
        }
    assert_in_range(refused, 1, 10);
    assert_int_equal(daemon_.articles, 20); /* it is final: not sent again */
}

static void a_request_that_is_refused_is_final(void **state) {
    (void)state;
    assert_int_equal(SEND_ALL(5, 0, REFUSE_ALL), 0);
    each_once(5);
    for (size_t i = 0; i < got.n; i++) {
        assert_int_equal(got.outcomes[i], NEWSWIRE_REFUSED);
        assert_string_equal(got.reason[i], "all of it is bad");
    }
}

static void what_could_not_be_taken_is_sent_again(void **state) {
    (void)state;
    assert_int_equal(SEND_ALL(16, 0, TAKE_HALF, TAKE_HALF, ANSWER), 0);
    each_once(16);
    assert_true(daemon_.articles > 16);
}

static void a_busy_daemon_is_asked_again(void **state) {
    (void)state;
    assert_int_equal(SEND_ALL(3, 0, BUSY, ANSWER), 0);
    each_once(3);
    for (size_t i = 0; i < got.n; i++)
        assert_int_equal(got.outcomes[i], NEWSWIRE_ACCEPTED);
}

/* Sooner than a request that has no answer, which would go beyond this patience. */
static void what_was_on_its_way_is_sent_on_the_next_connection(void **state) {
    (void)state;
    assert_int_equal(SEND_ALL(3, 3000000, HANG_UP, ANSWER), 0);
    each_once(3);
}

static void an_answer_that_is_none_is_asked_again(void **state) {
    (void)state;
    assert_int_equal(SEND_ALL(3, 0, GARBAGE, ANSWER), 0);
    each_once(3);
    assert_int_equal(SEND_ALL(3, 0, ANSWER_TWICE), 0);
    each_once(3);
}

static void patience_ends(void **state) {
    (void)state;
    assert_int_equal(SEND_ALL(3, 300000, IGNORE), -ETIMEDOUT);
    assert_int_equal(got.n, 0);
    assert_int_equal(SEND_ALL(4, 300000, WRONG_COUNT), -ETIMEDOUT);
    assert_int_equal(got.n, 0);
    /* Nobody there at all. */
    got.n = 0;
    struct newswire_submitter *s = submitter("ipc:///tmp/newswire-nobody", 200000);
    assert_int_equal(newswire_submitter_add(s, "article", 7, NULL), 0);
    assert_int_equal(newswire_submitter_finish(s), -ETIMEDOUT);
    assert_string_equal(newswire_submitter_trouble(s), "no connection");
    newswire_submitter_free(s);
}

static void what_can_not_be_sent_is_said_at_once(void **state) {
    (void)state;
    char error[256];
    struct newswire_submitter *s = submitter("ipc:///tmp/newswire-nobody", 0);
    uint8_t *large = calloc(1, LIMIT_ARTICLE_BYTES + 1);
    assert_int_equal(newswire_submitter_add(s, large, LIMIT_ARTICLE_BYTES + 1, NULL), -EMSGSIZE);
    assert_int_equal(newswire_submitter_add(s, large, 0, NULL), -EMSGSIZE);
    assert_int_equal(newswire_submitter_finish(s), 0);
    newswire_submitter_free(s);
    free(large);
    struct newswire_submitter_options o = {.submit = "no endpoint", .result = keep};
    assert_int_equal(newswire_submitter_new(&o, &s, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "no endpoint"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_outcome),
        cmocka_unit_test(some_are_refused),
        cmocka_unit_test(a_request_that_is_refused_is_final),
        cmocka_unit_test(what_could_not_be_taken_is_sent_again),
        cmocka_unit_test(a_busy_daemon_is_asked_again),
        cmocka_unit_test(what_was_on_its_way_is_sent_on_the_next_connection),
        cmocka_unit_test(an_answer_that_is_none_is_asked_again),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(what_can_not_be_sent_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
