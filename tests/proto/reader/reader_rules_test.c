/*
 * The reader's rules one by one: what it does at once, and what it says when the
 * daemon's words don't fit together. reader_test.c has the schedules.
 */
#include "proto/newswire.pb-c.h"
#include "proto/reader/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EPOCH = 7, TIME = 100000000, BYTES = 8192 };

static struct reader *reader;
static uint64_t now;
static uint8_t frame[BYTES];
static size_t frame_len;
static struct reader_event event;

static int stop(void **state) {
    (void)state;
    reader = reader_free(reader);
    return 0;
}

static struct reader_config config_of(const struct slice *prefixes, size_t n) {
    struct reader_config c = READER_CONFIG_DEFAULTS;
    c.prefixes = prefixes;
    c.n_prefixes = n;
    return c;
}

static void begin(const struct reader_config *c) {
    now = TIME;
    assert_int_equal(reader_new(c, &reader), 0);
    reader_link(reader, READER_LINK_FEED, true, now);
    reader_link(reader, READER_LINK_REPLAY, true, now);
}

/* ---- messages */

static void empty_frame(void) {
    frame_len = 0;
}

static void add_entry(uint64_t epoch, const char *topic, uint64_t seq, uint64_t prev) {
    struct entry e = {.epoch = epoch, .seq = seq, .prev_seq = prev, .topic = slice_of(topic)};
    frame_len = (size_t)(entry_encode(&e, frame + frame_len) - frame);
}

static void add_head(const char *topic, uint64_t head) {
    uint8_t body[128], *q = wire_put_uint(wire_put_bytes(body, 1, slice_of(topic)), 2, head);
    frame_len =
        (size_t)(wire_put_bytes(frame + frame_len, 9, (struct slice){body, (size_t)(q - body)}) -
                 frame);
}

static void add_error(uint64_t code, const char *message) {
    uint8_t body[128], *q = wire_put_bytes(wire_put_uint(body, 1, code), 2, slice_of(message));
    frame_len =
        (size_t)(wire_put_bytes(frame + frame_len, 8, (struct slice){body, (size_t)(q - body)}) -
                 frame);
}

static void give_reply(uint64_t epoch, uint64_t id, uint64_t proven, uint64_t first, uint64_t head,
                       bool done) {
    uint8_t *q = frame + frame_len;
    q = wire_put_uint(q, 2, id);
    q = wire_put_uint(q, 3, epoch);
    q = wire_put_uint(q, 4, proven);
    q = wire_put_uint(q, 5, first);
    q = wire_put_uint(q, 6, head);
    q = wire_put_uint(q, 7, done);
    frame_len = (size_t)(q - frame);
    assert_int_equal(reader_replay(reader, (struct slice){frame, frame_len}, now), 0);
}

static void give_feed(const char *topic) {
    assert_int_equal(reader_feed(reader, slice_of(topic), (struct slice){frame, frame_len}, now),
                     0);
}

static void give_entry(const char *topic, uint64_t seq, uint64_t prev) {
    empty_frame();
    add_entry(EPOCH, topic, seq, prev);
    give_feed(topic);
}

static void put_heartbeat(const char *topic, uint64_t head, uint64_t as_of, uint64_t newest,
                          uint64_t first) {
    uint8_t body[64], *q = body;
    q = wire_put_uint(q, 1, EPOCH);
    q = wire_put_uint(q, 2, head);
    q = wire_put_uint(q, 3, as_of);
    q = wire_put_uint(q, 4, newest);
    q = wire_put_uint(q, 5, first);
    frame_len =
        (size_t)(wire_put_bytes(frame, 2, (struct slice){body, (size_t)(q - body)}) - frame);
    give_feed(topic);
}

static void give_heartbeat(const char *topic, uint64_t head, uint64_t as_of, uint64_t newest) {
    put_heartbeat(topic, head, as_of, newest, 1);
}

static void give_heartbeat_first(const char *topic, uint64_t head, uint64_t as_of, uint64_t first) {
    put_heartbeat(topic, head, as_of, 1, first);
}

/* ---- what comes out */

static bool next(void) {
    return reader_next(reader, &event);
}

static void expect_entry(uint64_t seq) {
    assert_true(next());
    assert_int_equal(event.type, READER_ENTRY);
    assert_int_equal(event.entry.seq, seq);
}

static void expect_nothing(void) {
    assert_false(next());
}

static Newswire__V1__ReplayRequest *asked(void) {
    struct slice request;
    if (!reader_request(reader, now, &request))
        return NULL;
    return newswire__v1__replay_request__unpack(NULL, request.len, request.data);
}

/* The next request must be of this sort; its id. */
static uint64_t expect_asked(int what, struct frame_open *ret_open) {
    Newswire__V1__ReplayRequest *q = asked();
    assert_non_null(q);
    assert_int_equal(q->what_case, what);
    uint64_t id = q->request_id;
    if (ret_open != NULL)
        *ret_open = (struct frame_open){.epoch = q->open->epoch,
                                        .after = q->open->after,
                                        .since_usec = q->open->since_usec,
                                        .credit_bytes = q->open->credit_bytes};
    newswire__v1__replay_request__free_unpacked(q, NULL);
    return id;
}

#define OPEN   NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN
#define CREDIT NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CREDIT
#define CLOSE  NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CLOSE
#define HEADS  NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS
#define REPORT NEWSWIRE__V1__REPLAY_REQUEST__WHAT_REPORT

static void expect_silence(void) {
    Newswire__V1__ReplayRequest *q = asked();
    assert_null(q);
}

static void expect_final(const char *word) {
    assert_true(next());
    assert_int_equal(event.type, READER_ERROR);
    assert_true(event.final);
    assert_non_null(strstr(event.message, word));
    expect_nothing();
    now += 1000000000;
    expect_silence();
    assert_true(reader_wake_usec(reader) == UINT64_MAX);
}

/* A reader that has caught up at 10, where a/brief ends; b/brief ends at 9. */
static void begin_caught_up(struct reader_config *c) {
    c->cursor = (struct reader_cursor){.epoch = EPOCH, .proven_seq = 10, .start_seq = 0};
    static struct reader_position positions[2];
    positions[0] = (struct reader_position){slice_of("a/brief"), 10};
    positions[1] = (struct reader_position){slice_of("b/brief"), 9};
    c->cursor.positions = positions;
    c->cursor.n_positions = 2;
    begin(c);
    uint64_t id = expect_asked(HEADS, NULL);
    empty_frame();
    add_head("a/brief", 10);
    add_head("b/brief", 9);
    give_reply(EPOCH, id, 0, 1, 10, true);
    assert_true(next());
    assert_int_equal(event.type, READER_CAUGHT_UP);
    expect_nothing();
    expect_silence();
}

static void begin_default(void) {
    struct reader_config c = config_of(NULL, 0);
    begin_caught_up(&c);
}

/* ---- the rules */

static void what_waited_follows_the_filled_gap_at_once(void **state) {
    (void)state;
    struct frame_open open;
    begin_default();
    give_entry("a/brief", 12, 11);
    expect_nothing();
    give_entry("a/brief", 13, 12);
    expect_nothing();
    give_entry("b/brief", 14, 9); /* another topic goes on meanwhile */
    expect_entry(14);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, &open);
    assert_int_equal(open.after, 10);
    assert_int_equal(open.epoch, EPOCH);
    empty_frame();
    add_entry(EPOCH, "a/brief", 11, 10);
    give_reply(EPOCH, id, 11, 1, 14, false);
    expect_entry(11);
    expect_entry(12); /* from what waited, before replay brings it */
    expect_entry(13);
    expect_nothing();
    assert_int_equal(reader_proven_seq(reader), 11);
    expect_asked(CREDIT, NULL);
}

static void a_heartbeat_shows_a_gap(void **state) {
    (void)state;
    struct frame_open open;
    begin_default();
    give_heartbeat("a/brief", 11, 12, 1);
    expect_nothing();
    expect_asked(OPEN, &open);
    assert_int_equal(open.after, 10);
}

static void a_round_of_heartbeats_proves(void **state) {
    (void)state;
    begin_default();
    give_entry("a/brief", 20, 10);
    expect_entry(20);
    expect_nothing();
    assert_int_equal(reader_proven_seq(reader), 10);
    give_heartbeat("a/brief", 20, 25, 1);
    expect_nothing();
    assert_int_equal(reader_proven_seq(reader), 10); /* b may have had one at 15 */
    give_heartbeat("b/brief", 9, 22, 1);
    expect_nothing();
    assert_int_equal(reader_proven_seq(reader), 22);
    expect_silence();
}

static void a_topic_that_nobody_named_is_asked_for(void **state) {
    (void)state;
    begin_default();
    give_heartbeat("a/brief", 10, 12, 12);
    expect_nothing();
    give_heartbeat("b/brief", 9, 12, 12);
    expect_nothing();
    assert_int_equal(reader_proven_seq(reader), 10);
    now += 1000000;
    uint64_t id = expect_asked(HEADS, NULL);
    empty_frame();
    add_head("a/brief", 10);
    add_head("b/brief", 9);
    add_head("c/photo", 12);
    give_reply(EPOCH, id, 0, 1, 12, true);
    expect_nothing();
    expect_asked(OPEN, NULL);
}

static void retention_is_told_exactly(void **state) {
    (void)state;
    begin_default();
    give_heartbeat("a/brief", 18, 20, 1);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, NULL);
    empty_frame();
    add_entry(EPOCH, "a/brief", 18, 16);
    give_reply(EPOCH, id, 20, 17, 20, true);
    assert_true(next());
    assert_int_equal(event.type, READER_LOSS);
    assert_true(slice_equal(event.topic, slice_of("a/brief")));
    assert_int_equal(event.after, 10);
    assert_int_equal(event.upto, 16);
    expect_entry(18);
    expect_nothing();
}

static void a_hole_that_retention_does_not_explain_is_no_loss(void **state) {
    (void)state;
    begin_default();
    give_heartbeat("a/brief", 18, 20, 1);
    for (int i = 0; i < 4; i++) {
        expect_nothing();
        now += 2500000;
        Newswire__V1__ReplayRequest *q;
        uint64_t id = 0;
        while ((q = asked()) != NULL) { /* closes the old one, asks heads, opens */
            if (q->what_case == OPEN) {
                id = q->request_id;
                assert_int_equal(q->open->after, 10);
            }
            newswire__v1__replay_request__free_unpacked(q, NULL);
        }
        assert_true(id != 0);
        empty_frame();
        add_entry(EPOCH, "a/brief", 18, 16); /* 16 is still kept, and doesn't come */
        give_reply(EPOCH, id, 20, 5, 20, true);
        if (i == 3)
            break;
    }
    expect_final("leaves out");
    assert_int_equal(reader_proven_seq(reader), 10);
}

static void numbers_that_contradict_each_other_are_said(void **state) {
    (void)state;
    begin_default();
    give_entry("a/brief", 12, 8);
    expect_final("contradict");
}

static void a_position_beyond_the_head_is_said(void **state) {
    (void)state;
    struct reader_config c = config_of(NULL, 0);
    c.cursor = (struct reader_cursor){.epoch = EPOCH, .proven_seq = 50, .start_seq = 50};
    begin(&c);
    uint64_t id = expect_asked(HEADS, NULL);
    empty_frame();
    give_reply(EPOCH, id, 0, 1, 20, true);
    expect_final("beyond");
}

static void errors_are_for_the_user(void **state) {
    (void)state;
    begin_default();
    give_heartbeat("a/brief", 18, 20, 1);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, NULL);
    empty_frame();
    add_error(NEWSWIRE__V1__ERROR__CODE__busy, "64 replays are running");
    give_reply(EPOCH, id, 0, 1, 20, true);
    assert_true(next());
    assert_int_equal(event.type, READER_ERROR);
    assert_false(event.final);
    assert_string_equal(event.message, "64 replays are running");
    expect_nothing();
    expect_silence(); /* not at once */
    assert_true(reader_wake_usec(reader) > now);
    now = reader_wake_usec(reader);
    id = expect_asked(OPEN, NULL);
    empty_frame();
    add_error(NEWSWIRE__V1__ERROR__CODE__damaged, "segment 1 at offset 77");
    give_reply(EPOCH, id, 0, 1, 20, true);
    expect_final("offset 77");
    assert_int_equal(event.code, NEWSWIRE__V1__ERROR__CODE__damaged);
}

static void a_code_from_the_future_ends_it(void **state) {
    (void)state;
    struct reader_config c = config_of(NULL, 0);
    begin(&c);
    uint64_t id = expect_asked(HEADS, NULL);
    empty_frame();
    add_error(99, "no");
    give_reply(EPOCH, id, 0, 1, 20, true);
    expect_final("no");
}

static void another_life_of_the_log_is_told_and_begun(void **state) {
    (void)state;
    struct frame_open open;
    begin_default();
    give_heartbeat("a/brief", 18, 20, 1);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, NULL);
    empty_frame();
    add_error(NEWSWIRE__V1__ERROR__CODE__wrong_epoch, "it is 8");
    give_reply(EPOCH + 1, id, 0, 1, 2, true);
    assert_true(next());
    assert_int_equal(event.type, READER_EPOCH);
    assert_int_equal(event.epoch_before, EPOCH);
    assert_int_equal(event.epoch, EPOCH + 1);
    expect_nothing();
    now += 1000000;
    id = expect_asked(HEADS, NULL);
    empty_frame();
    add_head("a/brief", 2);
    give_reply(EPOCH + 1, id, 0, 1, 2, true);
    expect_nothing();
    expect_asked(OPEN, &open);
    assert_int_equal(open.after, 0);
    assert_int_equal(open.epoch, EPOCH + 1);
}

static void no_epoch_is_no_life(void **state) {
    (void)state;
    struct reader_config c = READER_CONFIG_DEFAULTS;
    begin(&c);
    uint64_t id = expect_asked(HEADS, NULL);
    empty_frame();
    add_entry(0, "a/brief", 1, 0);
    give_feed("a/brief");
    expect_nothing();
    empty_frame();
    give_reply(0, id, 0, 1, 10, true);
    expect_final("which life");
}

static void the_feed_alone_makes_no_new_life(void **state) {
    (void)state;
    begin_default();
    empty_frame();
    add_entry(EPOCH + 1, "a/brief", 1, 0);
    give_feed("a/brief");
    expect_nothing();
    now += 1000000;
    uint64_t id = expect_asked(HEADS, NULL); /* who is it? */
    empty_frame();
    add_head("a/brief", 10);
    give_reply(EPOCH, id, 0, 1, 10, true);
    expect_nothing();
    give_entry("a/brief", 11, 10);
    expect_entry(11);
}

static void what_waits_is_bounded(void **state) {
    (void)state;
    struct reader_config c = config_of(NULL, 0);
    c.pending_bytes = 1000;
    begin_caught_up(&c);
    for (uint64_t seq = 12; seq < 200; seq++) {
        give_entry("a/brief", seq, seq - 1);
        expect_nothing();
    }
    uint64_t id = expect_asked(OPEN, NULL);
    empty_frame();
    add_entry(EPOCH, "a/brief", 11, 10);
    give_reply(EPOCH, id, 11, 1, 199, true);
    expect_entry(11);
    int came = 0;
    while (next())
        came++;
    assert_true(came < 20);
    id = expect_asked(OPEN, NULL); /* the rest */

    /* What was dropped counts no more: there is room again. */
    give_entry("a/brief", 201, 200);
    expect_nothing();
    give_entry("a/brief", 202, 201);
    expect_nothing();
    empty_frame();
    for (uint64_t seq = reader_proven_seq(reader) + 1; seq <= 200; seq++)
        if (frame_len < 7000)
            add_entry(EPOCH, "a/brief", seq, seq - 1);
    give_reply(EPOCH, id, 0, 1, 202, false);
    uint64_t last = 0;
    while (next())
        last = event.entry.seq;
    assert_int_equal(last, 202);
}

static void credit_is_for_what_was_taken(void **state) {
    (void)state;
    begin_default();
    give_heartbeat("a/brief", 18, 20, 1);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, NULL);
    empty_frame();
    add_entry(EPOCH, "a/brief", 11, 10);
    add_entry(EPOCH, "a/brief", 12, 11);
    give_reply(EPOCH, id, 12, 1, 20, false);
    expect_entry(11);
    expect_silence();
    expect_entry(12);
    expect_nothing();
    Newswire__V1__ReplayRequest *q = asked();
    assert_non_null(q);
    assert_int_equal(q->what_case, CREDIT);
    assert_int_equal(q->credit->bytes, frame_len);
    newswire__v1__replay_request__free_unpacked(q, NULL);
}

/* What is removed now may be under way already: only replay knows. */
static void a_loss_waits_for_replay(void **state) {
    (void)state;
    begin_default();
    give_heartbeat_first("a/brief", 18, 20, 19);
    expect_nothing();
    give_entry("a/brief", 21, 18);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, NULL);
    empty_frame();
    add_entry(EPOCH, "a/brief", 11, 10);
    give_reply(EPOCH, id, 20, 19, 21, true);
    expect_entry(11);
    assert_true(next());
    assert_int_equal(event.type, READER_LOSS);
    assert_int_equal(event.after, 11);
    assert_int_equal(event.upto, 18);
    expect_entry(21);
    expect_nothing();
    expect_silence();
}

static void a_hole_where_nothing_comes_is_no_loss_either(void **state) {
    (void)state;
    begin_default();
    give_heartbeat("a/brief", 18, 20, 1);
    for (int i = 0; i < 4; i++) {
        expect_nothing();
        now += 2500000;
        Newswire__V1__ReplayRequest *q;
        uint64_t id = 0;
        while ((q = asked()) != NULL) {
            id = q->what_case == OPEN ? q->request_id : id;
            newswire__v1__replay_request__free_unpacked(q, NULL);
        }
        assert_true(id != 0);
        empty_frame();
        give_reply(EPOCH, id, 20, 5, 20, true);
    }
    expect_final("leaves out");
}

static void silence_is_told_and_asked_again(void **state) {
    (void)state;
    struct reader_config c = config_of(NULL, 0);
    begin(&c);
    uint64_t first = expect_asked(HEADS, NULL);
    expect_silence();
    now = reader_wake_usec(reader);
    assert_int_equal(now, TIME + c.silence_usec);
    expect_silence();
    assert_true(next());
    assert_int_equal(event.type, READER_UNANSWERED);
    now = reader_wake_usec(reader);
    uint64_t second = expect_asked(HEADS, NULL);
    assert_true(second != first);
    empty_frame();
    add_head("a/brief", 3);
    give_reply(EPOCH, first, 0, 1, 3, true); /* too late: nobody asks that any more */
    expect_nothing();
    assert_int_equal(reader_head_seq(reader), 0);
    /* While the user is away, it is no silence. */
    reader_away(reader, 60000000);
    now += 60000000;
    expect_silence();
    expect_nothing();
}

static void without_proof_heads_are_asked_now_and_then(void **state) {
    (void)state;
    begin_default();
    now += 5000000;
    expect_silence();
    now = reader_wake_usec(reader);
    assert_true(now <= TIME + 6000000);
    expect_asked(HEADS, NULL);
}

static void a_connection_that_comes_again_is_asked_anew(void **state) {
    (void)state;
    begin_default();
    give_heartbeat("a/brief", 18, 20, 1);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, NULL);
    reader_link(reader, READER_LINK_REPLAY, false, now);
    expect_silence();
    reader_link(reader, READER_LINK_REPLAY, true, now);
    expect_asked(HEADS, NULL);
    assert_true(expect_asked(OPEN, NULL) > id);
    reader_link(reader, READER_LINK_FEED, false, now);
    reader_link(reader, READER_LINK_FEED, true, now);
    expect_silence(); /* one question is under way */
}

static void reports_say_how_far_it_is(void **state) {
    (void)state;
    static const char *const names[] = {"a/", "b/brief"};
    struct slice prefixes[] = {slice_of(names[0]), slice_of(names[1])};
    struct reader_config c = config_of(prefixes, 2);
    c.client = "desk";
    c.cursor = (struct reader_cursor){.epoch = EPOCH, .proven_seq = 10, .start_seq = 10};
    begin(&c);
    expect_asked(HEADS, NULL);
    Newswire__V1__ReplayRequest *q = asked();
    assert_non_null(q);
    assert_int_equal(q->what_case, REPORT);
    assert_string_equal(q->report->client, "desk");
    assert_int_equal(q->report->proven_seq, 10);
    assert_int_equal(q->report->epoch, EPOCH);
    assert_int_equal(q->report->n_topics, 2);
    assert_string_equal(q->report->topics[1], "b/brief");
    newswire__v1__replay_request__free_unpacked(q, NULL);
    expect_silence();
}

static uint64_t expect_report(void) {
    Newswire__V1__ReplayRequest *q = asked();
    assert_non_null(q);
    assert_int_equal(q->what_case, REPORT);
    uint64_t proven = q->report->proven_seq;
    newswire__v1__replay_request__free_unpacked(q, NULL);
    return proven;
}

/* It says so when it has all there is, and does not wait for its time. */
static void who_has_all_reports_soon(void **state) {
    (void)state;
    struct slice prefixes[] = {slice_of("a/")};
    struct reader_config c = config_of(prefixes, 1);
    struct slice last;
    c.client = "desk";
    c.cursor = (struct reader_cursor){.epoch = EPOCH, .proven_seq = 10, .start_seq = 10};
    begin(&c);
    uint64_t heads = expect_asked(HEADS, NULL);
    assert_int_equal(expect_report(), 10);
    empty_frame();
    add_head("a/brief", 12);
    give_reply(EPOCH, heads, 0, 1, 12, true);
    expect_nothing();
    uint64_t id = expect_asked(OPEN, NULL);
    expect_silence(); /* still behind */
    empty_frame();
    add_entry(EPOCH, "a/brief", 12, 0);
    give_reply(EPOCH, id, 12, 1, 12, true);
    expect_entry(12);
    while (next())
        ;
    expect_silence();
    assert_true(reader_wake_usec(reader) < TIME + c.report_usec);
    now = reader_wake_usec(reader);
    assert_int_equal(expect_report(), 12);
    expect_silence();
    assert_true(reader_wake_usec(reader) > now + 1000000);
    assert_true(reader_leave(reader, &last)); /* at any time */
    reader_link(reader, READER_LINK_REPLAY, false, now);
    assert_false(reader_leave(reader, &last));
}

static void what_is_not_ours_is_left_alone(void **state) {
    (void)state;
    struct slice prefixes[] = {slice_of("a/")};
    struct reader_config c = config_of(prefixes, 1);
    c.cursor = (struct reader_cursor){.epoch = EPOCH, .proven_seq = 10, .start_seq = 10};
    begin(&c);
    uint64_t id = expect_asked(HEADS, NULL);
    empty_frame();
    add_head("a/brief", 10);
    add_head("b/brief", 15);
    give_reply(EPOCH, id, 0, 1, 15, true);
    assert_true(next());
    assert_int_equal(event.type, READER_CAUGHT_UP);
    give_entry("b/brief", 16, 15);
    expect_nothing();
    give_entry("not a topic", 17, 0);
    expect_nothing();
    expect_silence();
}

static void noise_harms_nothing(void **state) {
    (void)state;
    begin_default();
    srand(1);
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)rand() % 64;
        for (size_t k = 0; k < len; k++)
            frame[k] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 20);
        struct slice bytes = {frame, len};
        int r = reader_feed(reader, slice_of("a/brief"), bytes, now);
        assert_true(r == 0 || r == -EBADMSG);
        while (next())
            assert_true(event.type != READER_ENTRY || event.entry.epoch == EPOCH);
    }
    assert_int_equal(reader_feed(reader, slice_of("a/brief"), slice_of("\xff\xff"), now), -EBADMSG);
    give_entry("a/brief", 11, 10);
    expect_entry(11);
}

static void a_replay_that_can_not_be_read_is_asked_again_then_given_up(void **state) {
    (void)state;
    begin_default();
    for (int i = 0; i < 4; i++)
        assert_int_equal(reader_replay(reader, slice_of("\xff\xff"), now), -EBADMSG);
    expect_final("leaves out");
}

static void bad_configs_are_refused(void **state) {
    (void)state;
    struct slice bad = slice_of("A/");
    struct reader_config c = config_of(&bad, 1);
    assert_int_equal(reader_new(&c, &reader), -EINVAL);
    c = config_of(NULL, 0);
    c.cursor = (struct reader_cursor){.proven_seq = 1, .start_seq = 2};
    assert_int_equal(reader_new(&c, &reader), -EINVAL);
    struct reader_position position = {slice_of("nowhere"), 1};
    c.cursor = (struct reader_cursor){.positions = &position, .n_positions = 1};
    assert_int_equal(reader_new(&c, &reader), -EINVAL);
    reader = NULL;
}

static void a_cursor_is_what_was_given(void **state) {
    (void)state;
    struct reader_cursor c;
    begin_default();
    give_entry("b/brief", 14, 9);
    expect_entry(14);
    assert_int_equal(reader_cursor(reader, &c), 0);
    assert_int_equal(c.epoch, EPOCH);
    assert_int_equal(c.proven_seq, 10);
    assert_int_equal(c.n_positions, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(c.positions[i].last_seq,
                         slice_equal(c.positions[i].topic, slice_of("a/brief")) ? 10 : 14);
}

int main(void) {
#define RULE(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        RULE(what_waited_follows_the_filled_gap_at_once),
        RULE(a_heartbeat_shows_a_gap),
        RULE(a_round_of_heartbeats_proves),
        RULE(a_topic_that_nobody_named_is_asked_for),
        RULE(retention_is_told_exactly),
        RULE(a_hole_that_retention_does_not_explain_is_no_loss),
        RULE(numbers_that_contradict_each_other_are_said),
        RULE(a_position_beyond_the_head_is_said),
        RULE(errors_are_for_the_user),
        RULE(a_code_from_the_future_ends_it),
        RULE(another_life_of_the_log_is_told_and_begun),
        RULE(no_epoch_is_no_life),
        RULE(the_feed_alone_makes_no_new_life),
        RULE(what_waits_is_bounded),
        RULE(silence_is_told_and_asked_again),
        RULE(without_proof_heads_are_asked_now_and_then),
        RULE(a_connection_that_comes_again_is_asked_anew),
        RULE(reports_say_how_far_it_is),
        RULE(who_has_all_reports_soon),
        RULE(what_is_not_ours_is_left_alone),
        RULE(noise_harms_nothing),
        RULE(a_replay_that_can_not_be_read_is_asked_again_then_given_up),
        RULE(credit_is_for_what_was_taken),
        RULE(a_loss_waits_for_replay),
        RULE(a_hole_where_nothing_comes_is_no_loss_either),
        RULE(bad_configs_are_refused),
        RULE(a_cursor_is_what_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
