/* The submit socket: requests in, one answer each, when all of it is durable. */

#include "tests/daemon/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef Newswire__V1__SubmitRequest Request;
typedef Newswire__V1__SubmitReply Reply;
typedef Newswire__V1__SubmitResult Result;

#define ACCEPTED    NEWSWIRE__V1__OUTCOME__VALUE__accepted
#define DUPLICATE   NEWSWIRE__V1__OUTCOME__VALUE__duplicate
#define REFUSED     NEWSWIRE__V1__OUTCOME__VALUE__refused
#define HELD        NEWSWIRE__V1__OUTCOME__VALUE__held
#define UNAVAILABLE NEWSWIRE__V1__OUTCOME__VALUE__unavailable
#define MALFORMED   NEWSWIRE__V1__ERROR__CODE__malformed

static struct rig r;

static int set_up(void **state) {
    (void)state;
    rig_setup(&r, "[submit]\nturn_messages = 16\n");
    return 0;
}

static int set_up_open(void **state) {
    set_up(state);
    rig_open(&r, RIG_SUBMIT);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_teardown(&r);
    return 0;
}

static void *sender(void) {
    return rig_connect(&r, ZMQ_DEALER, intake_endpoints(r.intake));
}

static struct slice request(uint64_t id, const struct slice *articles, size_t n) {
    Request q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    q.request_id = id;
    q.n_articles = n;
    q.articles = arena_alloc(r.arena, (n + 1) * sizeof *q.articles);
    assert_non_null(q.articles);
    for (size_t i = 0; i < n; i++)
        q.articles[i] = (ProtobufCBinaryData){articles[i].len, (uint8_t *)articles[i].data};
    return rig_pack(&r, &q.base);
}

static struct slice brief(const char *uri) {
    return rig_bytes(&r, rig_story(&r, uri, "briefs"));
}

static struct slice one(uint64_t id, const char *uri) {
    struct slice article = brief(uri);
    return request(id, &article, 1);
}

static const Reply *reply(void *socket) {
    return rig_unpack(&r, &newswire__v1__submit_reply__descriptor, rig_receive(&r, socket));
}

static const Result *only_result(void *socket, uint64_t id) {
    const Reply *p = reply(socket);
    assert_int_equal(p->request_id, id);
    assert_null(p->error);
    assert_int_equal(p->n_results, 1);
    return p->results[0];
}

/* That it still serves: a fresh article is accepted. */
static void serves(void *socket) {
    static int n;
    char uri[40];
    snprintf(uri, sizeof uri, "urn:fresh:%d", ++n);
    rig_send(socket, one(1000 + (uint64_t)n, uri));
    assert_int_equal(only_result(socket, 1000 + (uint64_t)n)->outcome, ACCEPTED);
}

/* ---- answers */

static void one_answer_in_order_when_durable(void **state) {
    (void)state;
    void *s = sender();
    Article *refused = rig_story(&r, "urn:a:2", "briefs");
    refused->urgency = 77;
    struct slice articles[] = {brief("urn:a:1"), rig_bytes(&r, refused), brief("urn:a:3"),
                               brief("urn:a:1")};
    struct log_bounds b;
    log_bounds(r.disk.log, &b);
    rig_gate_close(&r);
    rig_send(s, request(7, articles, 4));
    RIG_UNTIL(&r, intake_waiting(r.intake) == 1);
    for (int i = 0; i < 5; i++)
        rig_turn(&r, s, 2);
    assert_false(rig_readable(s)); /* not durable yet */
    rig_gate_open(&r);
    const Reply *p = reply(s);
    assert_int_equal(p->request_id, 7);
    assert_int_equal(p->epoch, b.epoch);
    assert_null(p->error);
    assert_int_equal(p->n_results, 4);
    assert_int_equal(p->results[0]->outcome, ACCEPTED);
    assert_int_equal(p->results[0]->seq, 1);
    assert_string_equal(p->results[0]->uri, "urn:a:1");
    assert_string_equal(p->results[0]->topic, "briefs/brief");
    assert_int_equal(p->results[0]->version, 1);
    assert_int_equal(p->results[1]->outcome, REFUSED);
    assert_string_equal(p->results[1]->uri, "urn:a:2");
    assert_int_equal(p->results[1]->version, 1);
    assert_string_equal(p->results[1]->field, "urgency");
    assert_int_equal(p->results[1]->seq, 0);
    assert_int_equal(p->results[2]->outcome, ACCEPTED);
    assert_int_equal(p->results[2]->seq, 2);
    assert_int_equal(p->results[3]->outcome, DUPLICATE);
    assert_int_equal(p->results[3]->seq, 1);
    serves(s); /* and the next answer is the next request's */
    assert_int_equal(intake_waiting(r.intake), 0);
    assert_int_equal(r.counts.accepted, 3);
    assert_int_equal(r.counts.refused, 1);
    assert_int_equal(r.counts.duplicate, 1);
}

static void the_same_again(void **state) {
    (void)state;
    void *s = sender(), *t = sender();
    for (int i = 0; i < 3; i++) {
        rig_send(i == 1 ? t : s, one(5, "urn:a:1"));
        const Result *result = only_result(i == 1 ? t : s, 5);
        assert_int_equal(result->outcome, i == 0 ? ACCEPTED : DUPLICATE);
        assert_int_equal(result->seq, 1);
        assert_string_equal(result->topic, "briefs/brief");
        assert_string_equal(result->reason, "");
        serves(t);
    }
    Article *other = rig_story(&r, "urn:a:1", "briefs");
    other->headline = "other";
    struct slice bytes = rig_bytes(&r, other);
    rig_send(s, request(6, &bytes, 1));
    const Result *result = only_result(s, 6);
    assert_int_equal(result->outcome, REFUSED);
    assert_string_equal(result->field, "version");
    other->version = 2;
    bytes = rig_bytes(&r, other);
    rig_send(s, request(7, &bytes, 1));
    assert_int_equal(only_result(s, 7)->outcome, ACCEPTED);
}

static void an_embargo_is_held(void **state) {
    (void)state;
    void *s = sender();
    Article *a = rig_story(&r, "urn:a:1", "briefs");
    a->embargoed_until = atomic_load(&test_clock) + 1000000;
    struct slice bytes = rig_bytes(&r, a);
    rig_send(s, request(1, &bytes, 1));
    const Result *result = only_result(s, 1);
    assert_int_equal(result->outcome, HELD);
    assert_int_equal(result->seq, 0);
    assert_string_equal(result->uri, "urn:a:1");
    assert_int_equal(r.counts.held, 1);
}

static void a_full_disk_is_no_refusal(void **state) {
    (void)state;
    void *s = sender();
    r.disk.config.free_bytes = 1 << 20;
    rig_close(&r);
    rig_open(&r, RIG_SUBMIT);
    s = sender();
    atomic_store(&free_left, 4096);
    rig_send(s, one(1, "urn:a:1"));
    const Result *result = only_result(s, 1);
    assert_int_equal(result->outcome, UNAVAILABLE);
    assert_int_equal(result->seq, 0);
    assert_non_null(strstr(result->reason, "full"));
    assert_int_equal(r.counts.unavailable, 1);
    assert_int_equal(r.counts.refused, 0);
    atomic_store(&free_left, 0);
    uint64_t id = 2;
    do
        rig_send(s, one(id, "urn:a:1"));
    while ((result = only_result(s, id++))->outcome == UNAVAILABLE);
    assert_int_equal(result->outcome, ACCEPTED);
}

/* ---- what is no request */

static void malformed(void *socket, uint64_t id, const char *field, const char *reason) {
    const Reply *p = reply(socket);
    assert_int_equal(p->request_id, id);
    assert_int_equal(p->n_results, 0);
    assert_non_null(p->error);
    assert_int_equal(p->error->code, MALFORMED);
    assert_string_equal(p->error->field, field);
    if (strstr(p->error->message, reason) == NULL)
        fail_msg("'%s' isn't said in '%s'", reason, p->error->message);
}

static void what_is_no_request(void **state) {
    (void)state;
    void *s = sender();
    static const uint8_t noise[] = {0xff, 0xff, 0xff, 0xff, 0x01}, cut[] = {8, 9, 18, 200, 1, 'x'},
                         no_varint[] = {10, 1, 'x'}, no_bytes[] = {8, 4, 16, 1};
    rig_send(s, (struct slice){noise, sizeof noise});
    malformed(s, 0, "", "no SubmitRequest");
    rig_send(s, (struct slice){cut, sizeof cut});
    malformed(s, 9, "", "no SubmitRequest");
    rig_send(s, (struct slice){no_varint, sizeof no_varint});
    malformed(s, 0, "", "no SubmitRequest");
    rig_send(s, (struct slice){no_bytes, sizeof no_bytes});
    malformed(s, 4, "", "no SubmitRequest");
    rig_send(s, request(3, NULL, 0));
    malformed(s, 3, "articles", "none");
    rig_send(s, (struct slice){(const uint8_t *)"", 0});
    malformed(s, 0, "articles", "none");
    struct slice *many = calloc(LIMIT_REQUEST_ARTICLES + 1, sizeof *many);
    for (size_t i = 0; i <= LIMIT_REQUEST_ARTICLES; i++)
        many[i] = brief("urn:a:1");
    rig_send(s, request(4, many, LIMIT_REQUEST_ARTICLES + 1));
    malformed(s, 4, "articles", "1025");
    assert_int_equal(r.counts.malformed, 7);
    assert_int_equal(r.counts.accepted, 0);
    rig_send(s, request(5, many, LIMIT_REQUEST_ARTICLES));
    assert_int_equal(reply(s)->n_results, LIMIT_REQUEST_ARTICLES);
    assert_int_equal(r.counts.duplicate, LIMIT_REQUEST_ARTICLES - 1);
    free(many);
    serves(s);
}

static struct slice with_path(uint64_t id, const char *uri, size_t n, char *name) {
    Request q = NEWSWIRE__V1__SUBMIT_REQUEST__INIT;
    struct slice article = brief(uri);
    ProtobufCBinaryData articles[] = {{article.len, (uint8_t *)article.data}};
    char *path[LIMIT_PATH + 1];
    for (size_t i = 0; i < n; i++)
        path[i] = name;
    q.request_id = id;
    q.n_articles = 1;
    q.articles = articles;
    q.n_path = n;
    q.path = path;
    return rig_pack(&r, &q.base);
}

/* Which daemons an article came through stands in its entry (the system tests read it
 * there); more of them than an entry holds, or no name, is refused. */
static void a_path_has_its_limits(void **state) {
    (void)state;
    void *s = sender();
    char name[] = "hartwell", empty[] = "", *large = calloc(LIMIT_NAME_BYTES + 2, 1);
    memset(large, 'x', LIMIT_NAME_BYTES + 1);
    rig_send(s, with_path(1, "urn:p:1", LIMIT_PATH, name));
    assert_int_equal(only_result(s, 1)->outcome, ACCEPTED);
    rig_send(s, with_path(2, "urn:p:2", LIMIT_PATH + 1, name));
    malformed(s, 2, "path", "more than 16");
    rig_send(s, with_path(3, "urn:p:2", 1, empty));
    malformed(s, 3, "path", "1 to 200");
    rig_send(s, with_path(4, "urn:p:2", 1, large));
    malformed(s, 4, "path", "1 to 200");
    free(large);
    serves(s);
}

static void send_frames(void *socket, size_t n, const struct slice *frames) {
    for (size_t i = 0; i < n; i++)
        rig_send_part(socket, frames[i], i + 1 < n);
}

static void a_frame_too_many(void **state) {
    (void)state;
    void *s = sender();
    struct slice empty = {(const uint8_t *)"", 0}, body = one(1, "urn:a:1");
    send_frames(s, 2, (struct slice[]){body, body});
    malformed(s, 0, "", "one frame");
    send_frames(s, 5, (struct slice[]){body, empty, body, empty, body});
    malformed(s, 0, "", "one frame");
    send_frames(s, 2, (struct slice[]){body, empty});
    malformed(s, 0, "", "one frame");
    assert_int_equal(r.counts.accepted, 0); /* nothing of them was taken */
    assert_int_equal(r.counts.malformed, 3);
    serves(s);
}

/* As a REQ socket sends it; the answer has an empty frame then, too. */
static void an_empty_frame_before(void **state) {
    (void)state;
    void *s = sender(), *req = rig_connect(&r, ZMQ_REQ, intake_endpoints(r.intake));
    struct slice empty = {(const uint8_t *)"", 0};
    bool more;
    send_frames(s, 2, (struct slice[]){empty, one(1, "urn:a:1")});
    assert_int_equal(rig_receive_part(&r, s, &more).len, 0);
    assert_true(more);
    assert_int_equal(only_result(s, 1)->outcome, ACCEPTED);
    send_frames(s, 3, (struct slice[]){empty, one(1, "urn:a:1"), empty});
    assert_int_equal(rig_receive_part(&r, s, &more).len, 0);
    malformed(s, 0, "", "one frame");
    rig_send(req, one(2, "urn:a:2"));
    assert_int_equal(only_result(req, 2)->outcome, ACCEPTED);
    rig_send(req, one(3, "urn:a:2"));
    assert_int_equal(only_result(req, 3)->outcome, DUPLICATE);
    serves(s);
}

static void a_frame_too_large(void **state) {
    (void)state;
    void *s = sender(), *other = sender();
    uint8_t *large = calloc(1, 2 * LIMIT_MESSAGE_BYTES + 1);
    serves(other);
    rig_send(s, (struct slice){large, LIMIT_MESSAGE_BYTES + 1});
    const Reply *p = reply(s);
    assert_int_equal(p->error->code, NEWSWIRE__V1__ERROR__CODE__too_large);
    assert_non_null(strstr(p->error->message, "8388609 bytes"));
    assert_int_equal(r.counts.malformed, 1);
    serves(s);
    rig_send(s, (struct slice){large, 2 * LIMIT_MESSAGE_BYTES + 1});
    free(large);
    serves(other);
    serves(s); /* its connection was closed, and made anew */
    assert_int_equal(r.counts.malformed, 1);
}

/* A refused article's own words come back only as far as they are text. */
static void what_is_said_back_is_text(void **state) {
    (void)state;
    void *s = sender();
    static const char *const uris[] = {"urn:\xff\xfe", "urn:\xe7\x89", "urn:\xed\xa0\x80"};
    char long_uri[LIMIT_URI_BYTES + 4] = "u";
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        rig_send(s, one(i, uris[i]));
        const Result *result = only_result(s, i); /* unpacks: it is valid UTF-8 */
        assert_int_equal(result->outcome, REFUSED);
        assert_string_equal(result->field, "uri");
        assert_string_equal(result->uri, "");
    }
    struct slice with_nul = brief("urn:?:1");
    *(uint8_t *)memchr(with_nul.data, '?', with_nul.len) = 0;
    rig_send(s, request(10, &with_nul, 1));
    assert_string_equal(only_result(s, 10)->uri, "");
    for (size_t i = 1; i + 3 <= LIMIT_URI_BYTES; i += 3)
        memcpy(long_uri + i, "版", 4);
    rig_send(s, one(11, long_uri));
    assert_int_equal(only_result(s, 11)->outcome, ACCEPTED);
    Article *other = rig_story(&r, long_uri, "briefs");
    other->headline = "other"; /* the log's reason may quote what it refuses */
    struct slice bytes = rig_bytes(&r, other);
    rig_send(s, request(12, &bytes, 1));
    const Result *result = only_result(s, 12);
    assert_int_equal(result->outcome, REFUSED);
    assert_string_equal(result->uri, long_uri);
    Article *date = rig_story(&r, "urn:a:2", "briefs");
    date->page_date = "x版版版版版版版版版版版版版版版版版版版版版版版版版版版版版版版版版版版版";
    bytes = rig_bytes(&r, date);
    rig_send(s, request(13, &bytes, 1));
    result = only_result(s, 13);
    assert_string_equal(result->field, "page_date");
    assert_non_null(strstr(result->reason, "x版"));
    serves(s);
}

/* ---- under load */

static void a_full_queue_makes_senders_wait(void **state) {
    (void)state;
    enum { N = 1500 };
    char uri[40], filler[1024];
    r.disk.config.queue_bytes = 64 << 10;
    rig_open(&r, RIG_SUBMIT);
    void *s = sender();
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    rig_gate_close(&r);
    for (uint64_t i = 0; i < N; i++) {
        snprintf(uri, sizeof uri, "urn:a:%d", (int)i);
        Article *a = rig_story(&r, uri, "briefs");
        a->headline = filler;
        struct slice bytes = rig_bytes(&r, a);
        rig_send(s, request(i, &bytes, 1));
    }
    /* Until it takes no more: then the sender waits, and nothing is answered. */
    size_t taken = 0, same = 0;
    while (same < 10) {
        rig_turn(&r, NULL, 5);
        same = taken > 0 && intake_waiting(r.intake) == taken ? same + 1 : 0;
        taken = intake_waiting(r.intake);
    }
    assert_in_range(taken, 32, 300);
    assert_false(rig_readable(s));
    rig_gate_open(&r);
    for (uint64_t i = 0; i < N; i++) {
        const Result *result = only_result(s, i);
        assert_int_equal(result->outcome, ACCEPTED);
        assert_int_equal(result->seq, i + 1);
    }
    assert_int_equal(intake_waiting(r.intake), 0);
    assert_int_equal(r.counts.accepted, N);
}

static void a_sender_that_goes_harms_nobody(void **state) {
    (void)state;
    void *s = sender(), *other = sender();
    char uri[40];
    serves(s);
    rig_gate_close(&r);
    for (int i = 0; i < 20; i++) {
        snprintf(uri, sizeof uri, "urn:gone:%d", i);
        rig_send(s, one((uint64_t)i, uri));
    }
    RIG_UNTIL(&r, intake_waiting(r.intake) == 20);
    rig_disconnect(&r, s);
    rig_gate_open(&r);
    serves(other);
    RIG_UNTIL(&r, intake_waiting(r.intake) == 0);
    assert_int_equal(r.counts.accepted, 22);
    rig_send(other, one(1, "urn:gone:7")); /* it comes again and learns its number */
    assert_int_equal(only_result(other, 1)->outcome, DUPLICATE);
}

/* A sender that asks and asks and never reads: the others are served. */
static void a_sender_that_reads_no_answers(void **state) {
    (void)state;
    enum { N = 3000 };
    int few = 1, small = 4096;
    void *deaf = zmq_socket(r.zmq, ZMQ_DEALER), *other = sender();
    r.sockets[r.n_sockets++] = deaf;
    int none = 0;
    zmq_setsockopt(deaf, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(deaf, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(deaf, ZMQ_RCVHWM, &few, sizeof few);
    zmq_setsockopt(deaf, ZMQ_RCVBUF, &small, sizeof small);
    assert_int_equal(zmq_connect(deaf, intake_endpoints(r.intake)->items[0]), 0);
    struct slice many[100], body;
    for (size_t i = 0; i < 100; i++)
        many[i] = brief("urn:a:1");
    body = request(1, many, 100);
    for (int i = 0; i < N; i++)
        rig_send(deaf, body);
    for (int i = 0; i < 20; i++)
        serves(other);
    RIG_UNTIL(&r, r.counts.accepted + r.counts.duplicate == 100 * N + 20);
    serves(other);
    assert_int_equal(intake_waiting(r.intake), 0);
}

/* ---- the end */

static void stop_answers_what_was_taken(void **state) {
    (void)state;
    void *s = sender();
    char uri[40];
    rig_gate_close(&r);
    for (int i = 0; i < 5; i++) {
        snprintf(uri, sizeof uri, "urn:a:%d", i);
        rig_send(s, one((uint64_t)i, uri));
    }
    RIG_UNTIL(&r, intake_waiting(r.intake) == 5);
    intake_stop(r.intake);
    rig_send(s, one(99, "urn:late"));
    for (int i = 0; i < 5; i++)
        rig_turn(&r, NULL, 2);
    assert_int_equal(intake_waiting(r.intake), 5);
    rig_gate_open(&r);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(only_result(s, i)->outcome, ACCEPTED);
    for (int i = 0; i < 5; i++)
        rig_turn(&r, NULL, 2);
    assert_false(rig_readable(s));
    assert_int_equal(r.counts.accepted, 5);
}

/* Stopped in the way of the daemon, with more taken than the log's queue holds:
 * each has its answer, and none is twice on the log. */
static void stop_with_a_full_queue(void **state) {
    (void)state;
    enum { N = 300 };
    char uri[40], filler[1024];
    r.disk.config.queue_bytes = 16 << 10;
    rig_open(&r, RIG_SUBMIT);
    void *s = sender();
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    rig_gate_close(&r);
    for (uint64_t i = 0; i < N; i++) {
        snprintf(uri, sizeof uri, "urn:a:%d", (int)i);
        Article *a = rig_story(&r, uri, "briefs");
        a->headline = filler;
        struct slice bytes = rig_bytes(&r, a);
        rig_send(s, request(i, &bytes, 1));
    }
    size_t taken = 0, same = 0;
    while (same < 10) {
        rig_turn(&r, NULL, 5);
        same = taken > 0 && intake_waiting(r.intake) == taken ? same + 1 : 0;
        taken = intake_waiting(r.intake);
    }
    assert_in_range(taken, 5, N - 50);
    intake_stop(r.intake);
    rig_gate_open(&r);
    r.log_source = sd_event_source_disable_unref(r.log_source);
    r.disk.log = log_close(r.disk.log);
    assert_int_equal(intake_waiting(r.intake), 0);
    r.intake = intake_close(r.intake);
    bool answered[N] = {false};
    for (uint64_t i = 0; i < taken; i++) {
        const Reply *p = reply(s);
        assert_true(p->request_id < taken && !answered[p->request_id]);
        answered[p->request_id] = true;
        assert_true(p->results[0]->outcome == ACCEPTED || p->results[0]->outcome == UNAVAILABLE);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_open, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_answer_in_order_when_durable),
        TEST(the_same_again),
        TEST(an_embargo_is_held),
        TEST(a_full_disk_is_no_refusal),
        TEST(what_is_no_request),
        TEST(a_path_has_its_limits),
        TEST(a_frame_too_many),
        TEST(an_empty_frame_before),
        TEST(a_frame_too_large),
        TEST(what_is_said_back_is_text),
        cmocka_unit_test_setup_teardown(a_full_queue_makes_senders_wait, set_up, tear_down),
        TEST(a_sender_that_goes_harms_nobody),
        TEST(a_sender_that_reads_no_answers),
        TEST(stop_answers_what_was_taken),
        cmocka_unit_test_setup_teardown(stop_with_a_full_queue, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
