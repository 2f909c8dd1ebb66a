/* The life of a story on the log: corrections, kills, moves, embargo, review. */
#include "proto/article.h"
#include "tests/daemon/log/log_helper.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct log_fixture f;
static const int64_t HOUR = 3600 * INT64_C(1000000);

static int setup(void **state) {
    (void)state;
    fixture_setup(&f);
    return fixture_open(&f);
}

static int teardown(void **state) {
    (void)state;
    fixture_teardown(&f);
    return 0;
}

static void reopen(bool crash) {
    if (crash)
        fixture_crash(&f);
    else
        fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
}

static struct story story(const char *uri, uint32_t version, const char *topic, const char *text) {
    return (struct story){.uri = uri, .version = version, .topic = topic, .text = text};
}

static struct story kill_of(const char *uri, uint32_t version, const char *topic) {
    struct story s = story(uri, version, topic, "");
    s.canceled = true;
    return s;
}

/* The texts of a topic, or of all, with commas between them. */
static void expect_texts(const char *topic, const char *expected) {
    struct read_entry *e;
    size_t n;
    char all[4096] = "";
    assert_int_equal(fixture_read(&f, topic, 0, &e, &n), 0);
    for (size_t i = 0; i < n; i++) {
        strcat(all, i == 0 ? "" : ",");
        strcat(all, e[i].text[0] == '\n' ? "NOTICE" : e[i].text);
    }
    assert_string_equal(all, expected);
    free(e);
}

static void a_killed_text_is_not_read_again(void **state) {
    (void)state;
    fixture_put(&f, story("u:1", 1, "a/brief", "one"));
    fixture_put(&f, story("u:2", 1, "a/brief", "other"));
    fixture_put(&f, story("u:1", 2, "a/brief", "two"));
    expect_texts(NULL, "one,other,two");
    struct kept_result r = fixture_put(&f, kill_of("u:1", 3, "b/brief"));
    assert_int_equal(r.outcome, LOG_ACCEPTED);
    assert_string_equal(r.topic, "a/brief");
    assert_int_equal(r.replaces, 3);
    expect_texts(NULL, ",other,,");
    for (int crash = 0; crash < 2; crash++) {
        reopen(crash);
        expect_texts(NULL, ",other,,");
    }
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
    assert_int_equal(e[2].prev_seq, 2); /* proofs hold */
    assert_int_equal(e[2].replaces, 1);
    assert_string_equal(e[2].uri, "u:1");
    free(e);
    r = fixture_put(&f, story("u:1", 4, "a/brief", "again"));
    assert_int_equal(r.outcome, LOG_REFUSED);
    assert_non_null(strstr(r.fault.reason, "was killed"));
}

/* What didn't become durable withdraws nothing. */
static void a_kill_that_failed_kills_nothing(void **state) {
    (void)state;
    fixture_put(&f, story("u:1", 1, "a/brief", "one"));
    atomic_store(&fail_syncs, 1);
    assert_int_equal(fixture_put(&f, kill_of("u:1", 2, "a/brief")).outcome, LOG_UNAVAILABLE);
    expect_texts(NULL, "one");
    assert_int_equal(fixture_put(&f, story("u:1", 2, "a/brief", "two")).outcome, LOG_ACCEPTED);
    expect_texts(NULL, "one,two");
}

static void an_unknown_original(void **state) {
    (void)state;
    struct story s = story("u:1", 2, "a/brief", "two"), k = kill_of("u:2", 1, "a/brief");
    struct kept_result r = fixture_put(&f, s);
    assert_int_equal(r.outcome, LOG_REFUSED);
    assert_non_null(strstr(r.fault.reason, "version 2 of a story that is not known here"));
    r = fixture_put(&f, k);
    assert_int_equal(r.outcome, LOG_REFUSED);
    assert_non_null(strstr(r.fault.reason, "no such story here to withdraw"));
    s.forced = k.forced = true;
    assert_int_equal(fixture_put(&f, s).outcome, LOG_ACCEPTED);
    assert_int_equal(fixture_put(&f, k).outcome, LOG_ACCEPTED);
    r = fixture_put(&f, story("u:2", 2, "a/brief", "after its kill"));
    assert_int_equal(r.outcome, LOG_REFUSED);
}

static void a_story_that_moves_leaves_a_notice(void **state) {
    (void)state;
    fixture_put(&f, story("u:1", 1, "a/brief", "one"));
    fixture_put(&f, story("u:2", 1, "b/brief", "other"));
    struct kept_result r = fixture_put(&f, story("u:1", 2, "b/brief", "two"));
    assert_int_equal(r.outcome, LOG_ACCEPTED);
    assert_string_equal(r.topic, "b/brief");
    assert_int_equal(r.replaces, 1);
    expect_texts("a/", "one,NOTICE");
    expect_texts("b/", "other,two");
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&f, "a/", 0, &e, &n), 0);
    assert_int_equal(e[1].version, 1); /* what it ends */
    assert_int_equal(e[1].replaces, 1);
    assert_int_equal(e[1].prev_seq, 1);
    assert_non_null(strstr(e[1].text, "b/brief"));
    assert_null(strstr(e[1].text, "two"));
    free(e);
    /* What was known of the first version still is. */
    for (int crash = 0; crash < 2; crash++) {
        r = fixture_put(&f, story("u:1", 1, "a/brief", "one"));
        assert_int_equal(r.outcome, LOG_DUPLICATE);
        assert_int_equal(r.seq, 1);
        reopen(crash);
    }
    /* A kill follows the story; both of its topics lose the text. */
    r = fixture_put(&f, kill_of("u:1", 3, "a/brief"));
    assert_string_equal(r.topic, "b/brief");
    expect_texts("a/", ",");
    expect_texts("b/", "other,,");
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool waits;

static int gated_sync(int fd) {
    (void)fd;
    atomic_store(&waits, true);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return 0;
}

static void a_kill_overtakes_what_waits(void **state) {
    (void)state;
    enum { N = 400 };
    fixture_put(&f, story("u:old", 1, "a/brief", "old"));
    f.n_results = 0;
    int (*sync)(int) = log_io.fdatasync;
    log_io.fdatasync = gated_sync;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < N; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "u:%d", i);
        struct story s = story(uri, 1, "a/brief", "text");
        s.urgency = i == N - 2 ? 1 : 0;
        s.id = (uint64_t)i + 1;
        fixture_append(&f, &s, 1);
        while (!atomic_load(&waits)) /* the first is being written, the others wait */
            usleep(100);
    }
    struct story k = kill_of("u:old", 2, "a/brief");
    k.id = 9001;
    fixture_append(&f, &k, 1);
    struct story waiting_too = kill_of("u:399", 2, "b/brief");
    waiting_too.id = 9002;
    fixture_append(&f, &waiting_too, 1);
    pthread_mutex_unlock(&gate);
    fixture_wait(&f, N + 2);
    log_io.fdatasync = sync;
    size_t at_kill = 0, at_second = 0, at_last = 0, at_urgent = 0;
    for (size_t i = 0; i < f.n_results; i++) {
        const struct kept_result *r = &f.results[i];
        if (r->id == 9001)
            at_kill = i;
        if (r->id == 9002)
            at_second = i;
        if (r->id == N - 1)
            at_urgent = i;
        if (r->id == N)
            at_last = i;
    }
    assert_int_equal(f.results[at_kill].outcome, LOG_ACCEPTED);
    assert_int_equal(f.results[at_kill].replaces, 1);
    assert_int_equal(at_kill, 1);
    assert_int_equal(at_second, 2);
    assert_int_equal(f.results[at_urgent].outcome, LOG_ACCEPTED);
    /* The version that waited is never published. */
    assert_int_equal(f.results[at_second].outcome, LOG_ACCEPTED);
    assert_string_equal(f.results[at_second].topic, "a/brief");
    assert_int_equal(f.results[at_last].outcome, LOG_REFUSED);
    assert_non_null(strstr(f.results[at_last].fault.reason, "was killed"));
}

static void a_correction_inherits_the_later_embargo(void **state) {
    (void)state;
    int64_t now = atomic_load(&test_clock);
    struct story s = story("u:1", 1, "a/brief", "one");
    s.hold_until_usec = now + 2 * HOUR;
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
    s.version = 2;
    s.text = "two";
    s.hold_until_usec = now + HOUR;
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
    struct story plain = story("u:1", 3, "b/brief", "three");
    assert_int_equal(fixture_put(&f, plain).outcome, LOG_HELD);
    assert_int_equal(fixture_ask(&f, LOG_ASK_HELD, 0, "").n_held, 1);
    reopen(true);
    size_t n = f.n_results;
    atomic_store(&test_clock, now + HOUR + 1);
    assert_int_equal(fixture_ask(&f, LOG_ASK_HELD, 0, "").n_held, 1);
    expect_texts(NULL, "");
    atomic_store(&test_clock, now + 2 * HOUR);
    fixture_wait(&f, n + 2);
    assert_int_equal(f.results[n + 1].outcome, LOG_RELEASED);
    expect_texts(NULL, "three");
    expect_texts("b/", "three");
}

/* A held correction that moves leaves its notice when it goes, not before. */
static void a_held_correction_moves_when_it_goes(void **state) {
    (void)state;
    int64_t now = atomic_load(&test_clock);
    fixture_put(&f, story("u:1", 1, "a/brief", "one"));
    struct story s = story("u:1", 2, "b/brief", "two");
    s.hold_until_usec = now + HOUR;
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
    expect_texts("a/", "one");
    size_t n = f.n_results;
    atomic_store(&test_clock, now + HOUR);
    fixture_wait(&f, n + 1);
    assert_int_equal(f.results[n].replaces, 1);
    expect_texts("a/", "one,NOTICE");
    expect_texts("b/", "two");
}

/* The clock is set: back, and nothing goes; forward, and what is due goes. */
static void the_clock_is_set(void **state) {
    (void)state;
    int64_t now = atomic_load(&test_clock);
    struct story s = story("u:1", 1, "a/brief", "one");
    s.hold_until_usec = now + HOUR;
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
    atomic_store(&test_clock, now - 24 * HOUR);
    assert_int_equal(fixture_put(&f, story("u:2", 1, "a/brief", "yesterday")).outcome,
                     LOG_ACCEPTED);
    reopen(false);
    assert_int_equal(fixture_ask(&f, LOG_ASK_HELD, 0, "").n_held, 1);
    atomic_store(&test_clock, now + HOUR - 1);
    assert_int_equal(fixture_put(&f, story("u:3", 1, "a/brief", "nearly")).outcome, LOG_ACCEPTED);
    expect_texts(NULL, "yesterday,nearly");
    size_t n = f.n_results;
    atomic_store(&test_clock, now + 100 * HOUR);
    fixture_wait(&f, n + 1);
    expect_texts(NULL, "yesterday,nearly,one");
    atomic_store(&test_clock, now); /* and back again: what has gone has gone */
    assert_int_equal(fixture_put(&f, s).outcome, LOG_DUPLICATE);
}

static void released_early(void **state) {
    (void)state;
    struct story s = story("u:1", 1, "a/brief", "one");
    s.hold_until_usec = atomic_load(&test_clock) + HOUR;
    fixture_put(&f, s);
    uint64_t hold = fixture_ask(&f, LOG_ASK_HELD, 0, "").held[0];
    struct kept_result r = fixture_ask(&f, LOG_ASK_RELEASE, hold, "ann");
    assert_int_equal(r.outcome, LOG_RELEASED);
    assert_true(r.id != 0 && r.seq > hold);
    expect_texts(NULL, "one");
    r = fixture_ask(&f, LOG_ASK_RELEASE, hold, "ann");
    assert_int_equal(r.outcome, LOG_REFUSED);
    assert_non_null(strstr(r.fault.reason, "no article is held as"));
    reopen(true);
    assert_int_equal(fixture_ask(&f, LOG_ASK_HELD, 0, "").n_held, 0);
    assert_int_equal(fixture_put(&f, s).outcome, LOG_DUPLICATE);
}

static void two_persons_approve(void **state) {
    (void)state;
    struct story s = story("u:1", 1, "a/brief", "one");
    s.approvals = 2;
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
    uint64_t hold = fixture_ask(&f, LOG_ASK_HELD, 0, "").held[0];
    struct kept_result r = fixture_ask(&f, LOG_ASK_APPROVE, hold, "Ann");
    assert_int_equal(r.outcome, LOG_APPROVED);
    assert_int_equal(r.seq, 1); /* is missing */
    for (int crash = 0; crash < 2; crash++) {
        r = fixture_ask(&f, LOG_ASK_APPROVE, hold, "ANN");
        assert_int_equal(r.outcome, LOG_REFUSED);
        assert_string_equal(r.fault.field, "as");
        reopen(crash);
    }
    atomic_store(&fail_syncs, 1);
    r = fixture_ask(&f, LOG_ASK_APPROVE, hold, "Bob");
    assert_int_equal(r.outcome, LOG_UNAVAILABLE);
    expect_texts(NULL, "");
    r = fixture_ask(&f, LOG_ASK_APPROVE, hold, "Bob");
    assert_int_equal(r.outcome, LOG_RELEASED);
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(e[0].approved_by, "Ann,Bob");
    free(e);
}

/* An embargo and a review: both must be over. */
static void approved_before_its_time(void **state) {
    (void)state;
    int64_t now = atomic_load(&test_clock);
    struct story s = story("u:1", 1, "a/brief", "one"), t = story("u:2", 1, "a/brief", "two");
    s.approvals = t.approvals = 1;
    s.hold_until_usec = t.hold_until_usec = now + HOUR;
    fixture_put(&f, s);
    fixture_put(&f, t);
    struct kept_result r = fixture_ask(&f, LOG_ASK_HELD, 0, "");
    assert_int_equal(fixture_ask(&f, LOG_ASK_APPROVE, r.held[0], "Ann").outcome, LOG_APPROVED);
    /* Nobody lets one go that lacks an approval. */
    struct kept_result refused = fixture_ask(&f, LOG_ASK_RELEASE, r.held[1], "Bob");
    assert_int_equal(refused.outcome, LOG_REFUSED);
    assert_non_null(strstr(refused.fault.reason, "1 more approvals"));
    size_t n = f.n_results;
    atomic_store(&test_clock, now + HOUR);
    fixture_wait(&f, n + 1);
    expect_texts(NULL, "one");
    assert_int_equal(fixture_ask(&f, LOG_ASK_APPROVE, r.held[1], "Ann").outcome, LOG_RELEASED);
    expect_texts(NULL, "one,two");
}

static void a_rejected_article_is_gone(void **state) {
    (void)state;
    struct story s = story("u:1", 1, "a/brief", "one");
    s.approvals = 1;
    fixture_put(&f, s);
    uint64_t hold = fixture_ask(&f, LOG_ASK_HELD, 0, "").held[0];
    assert_int_equal(fixture_ask(&f, LOG_ASK_REJECT, hold, "Ann").outcome, LOG_REJECTED);
    reopen(true);
    assert_int_equal(fixture_ask(&f, LOG_ASK_HELD, 0, "").n_held, 0);
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD); /* it may be tried anew */
}

/* Whoever guesses a number before it is given gets nothing done by it. */
static void a_hold_that_is_just_being_made(void **state) {
    (void)state;
    struct log_ask ask = {.type = LOG_ASK_RELEASE, .hold = 2, .who = "Ann", .cookie = &f};
    int (*sync)(int) = log_io.fdatasync;
    atomic_store(&waits, false);
    log_io.fdatasync = gated_sync;
    pthread_mutex_lock(&gate);
    struct story first = story("u:1", 1, "a/brief", "first"),
                 s = story("u:2", 1, "a/brief", "held");
    s.hold_until_usec = atomic_load(&test_clock) + HOUR;
    fixture_append(&f, &first, 1);
    while (!atomic_load(&waits))
        usleep(100);
    fixture_append(&f, &s, 1);
    assert_int_equal(log_ask(f.log, &ask), 0);
    pthread_mutex_unlock(&gate);
    fixture_wait(&f, 3);
    log_io.fdatasync = sync;
    assert_int_equal(f.results[1].outcome, LOG_HELD);
    assert_int_equal(f.results[2].outcome, LOG_UNAVAILABLE);
    expect_texts(NULL, "first");
    assert_int_equal(fixture_ask(&f, LOG_ASK_RELEASE, 2, "Ann").outcome, LOG_RELEASED);
}

static void what_is_known_of_a_story(void **state) {
    (void)state;
    struct kept_result r = fixture_ask(&f, LOG_ASK_STORY, 0, "u:1");
    assert_int_equal(r.outcome, LOG_ANSWERED);
    assert_int_equal(r.story.version, 0);
    fixture_put(&f, story("u:1", 1, "a/brief", "one"));
    struct story s = story("u:1", 2, "a/brief", "two");
    s.approvals = 1;
    fixture_put(&f, s);
    r = fixture_ask(&f, LOG_ASK_STORY, 0, "u:1");
    assert_int_equal(r.story.version, 1);
    assert_int_equal(r.story.seq, 1);
    assert_int_equal(r.story.held_version, 2);
    fixture_put(&f, kill_of("u:1", 3, "a/brief"));
    r = fixture_ask(&f, LOG_ASK_STORY, 0, "u:1");
    assert_int_equal(r.story.version, 3);
    assert_true(r.story.killed);
    assert_int_equal(r.story.held_version, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_text_is_not_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kill_that_failed_kills_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_original, setup, teardown),
        cmocka_unit_test_setup_teardown(a_story_that_moves_leaves_a_notice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kill_overtakes_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_correction_inherits_the_later_embargo, setup, teardown),
        cmocka_unit_test_setup_teardown(a_held_correction_moves_when_it_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clock_is_set, setup, teardown),
        cmocka_unit_test_setup_teardown(released_early, setup, teardown),
        cmocka_unit_test_setup_teardown(two_persons_approve, setup, teardown),
        cmocka_unit_test_setup_teardown(approved_before_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rejected_article_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hold_that_is_just_being_made, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_known_of_a_story, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
