/* The log as its users see it: what goes in, what comes back, what stays. */

#include "tests/daemon/log/log_helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct log_fixture f;

static int setup(void **state) {
    (void)state;
    fixture_setup(&f);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fixture_teardown(&f);
    return 0;
}

static void reopen(void) {
    fixture_close(&f);
    assert_int_equal(fixture_open(&f), 0);
}

static struct story story(const char *uri, uint32_t version, const char *topic, const char *text) {
    return (struct story){.uri = uri, .version = version, .topic = topic, .text = text};
}

static void round_trip(void **state) {
    (void)state;
    struct read_entry *e;
    size_t n;
    assert_int_equal(fixture_open(&f), 0);
    struct kept_result a = fixture_put(&f, story("u:1", 1, "briefs/brief", "one"));
    struct kept_result b = fixture_put(&f, story("u:2", 1, "politics/article", "two"));
    struct kept_result c = fixture_put(&f, story("u:3", 1, "briefs/brief", "three"));
    assert_int_equal(a.outcome, LOG_ACCEPTED);
    assert_int_equal(a.seq, 1);
    assert_int_equal(b.prev_seq, 0);
    assert_int_equal(c.prev_seq, a.seq);
    assert_string_equal(c.topic, "briefs/brief");
    for (int i = 0; i < 2; i++, reopen()) {
        assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
        assert_int_equal(n, 3);
        assert_string_equal(e[1].uri, "u:2");
        assert_string_equal(e[2].text, "three");
        assert_int_equal(e[2].prev_seq, 1);
        free(e);
        assert_int_equal(fixture_read(&f, "briefs/", 1, &e, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(e[0].seq, 3);
        free(e);
    }
}

static void identity(void **state) {
    (void)state;
    assert_int_equal(fixture_open(&f), 0);
    struct kept_result a = fixture_put(&f, story("u:1", 1, "a/brief", "one"));
    for (int i = 0; i < 2; i++, reopen()) {
        struct kept_result r = fixture_put(&f, story("u:1", 1, "a/brief", "one"));
        assert_int_equal(r.outcome, LOG_DUPLICATE);
        assert_int_equal(r.seq, a.seq);
        r = fixture_put(&f, story("u:1", 1, "a/brief", "other"));
        assert_int_equal(r.outcome, LOG_REFUSED);
        assert_string_equal(r.fault.field, "version");
        assert_non_null(strstr(r.fault.reason, "entry 1 "));
    }
    struct kept_result v3 = fixture_put(&f, story("u:1", 3, "a/brief", "three"));
    assert_int_equal(v3.outcome, LOG_ACCEPTED);
    assert_int_equal(v3.replaces, a.seq);
    struct kept_result r = fixture_put(&f, story("u:1", 2, "a/brief", "two"));
    assert_int_equal(r.outcome, LOG_REFUSED);
    assert_non_null(strstr(r.fault.reason, "older than version 3 (seq 2)"));
    r = fixture_put(&f, story("u:1", 1, "a/brief", "one"));
    assert_int_equal(r.outcome, LOG_DUPLICATE);
    assert_int_equal(r.seq, a.seq);
    struct story kill = story("u:1", 4, "b/brief", "");
    kill.canceled = true;
    r = fixture_put(&f, kill);
    assert_int_equal(r.outcome, LOG_ACCEPTED);
    assert_string_equal(r.topic, "a/brief");
    assert_int_equal(r.prev_seq, v3.seq);
    for (int i = 0; i < 2; i++, reopen()) {
        r = fixture_put(&f, story("u:1", 5, "a/brief", "again"));
        assert_int_equal(r.outcome, LOG_REFUSED);
        assert_string_equal(r.fault.field, "uri");
    }
    struct story orphan = story("u:old", 7, "a/brief", "its original is forgotten");
    r = fixture_put(&f, orphan);
    assert_int_equal(r.outcome, LOG_REFUSED);
    assert_non_null(strstr(r.fault.reason, "not known here; its sender can force it"));
    orphan.forced = true;
    r = fixture_put(&f, orphan);
    assert_int_equal(r.outcome, LOG_ACCEPTED);
    assert_int_equal(r.replaces, 0);
}

static void second_daemon(void **state) {
    (void)state;
    struct log_fixture g = f;
    assert_int_equal(fixture_open(&f), 0);
    assert_int_equal(fixture_open(&g), -EBUSY);
    assert_non_null(strstr(g.fault.reason, f.directory));
    arena_free(g.arena);
}

static void held(void **state) {
    (void)state;
    struct log_bounds b;
    assert_int_equal(fixture_open(&f), 0);
    int64_t now = atomic_load(&test_clock), later = now + 3600 * INT64_C(1000000);
    struct story s = story("u:1", 1, "a/brief", "embargoed");
    s.hold_until_usec = later;
    s.id = 77;
    struct kept_result r = fixture_put(&f, s);
    assert_int_equal(r.outcome, LOG_HELD);
    assert_int_equal(r.id, 77);
    struct story t = s;
    t.uri = "u:2";
    assert_int_equal(fixture_put(&f, t).outcome, LOG_HELD);
    for (int crash = 0; crash < 3; crash++) {
        log_bounds(f.log, &b);
        assert_int_equal(b.held, 2);
        assert_int_equal(b.head, 0);
        r = fixture_put(&f, s);
        assert_int_equal(r.outcome, LOG_DUPLICATE);
        assert_int_equal(r.seq, 0);
        if (crash == 1)
            fixture_crash(&f);
        else
            fixture_close(&f);
        assert_int_equal(fixture_open(&f), 0);
    }
    struct story kill = {
        .uri = "u:2", .version = 2, .topic = "a/brief", .text = "", .canceled = true};
    assert_int_equal(fixture_put(&f, kill).outcome, LOG_ACCEPTED);
    struct kept_result other = fixture_put(&f, story("u:3", 1, "a/brief", "between"));
    size_t n = f.n_results;
    atomic_store(&test_clock, later);
    fixture_wait(&f, n + 1); /* within a tick */
    r = f.results[n];
    assert_int_equal(r.outcome, LOG_RELEASED);
    assert_int_equal(r.id, 0);
    assert_int_equal(r.prev_seq, other.seq);
    assert_true(r.seq > other.seq);
    for (int i = 0; i < 2; i++, reopen()) {
        log_bounds(f.log, &b);
        assert_int_equal(b.held, 0);
        struct kept_result again = fixture_put(&f, s);
        assert_int_equal(again.outcome, LOG_DUPLICATE);
        assert_int_equal(again.seq, r.seq);
    }
    struct read_entry *e;
    assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
    assert_int_equal(n, 3);
    assert_string_equal(e[2].text, "embargoed");
    free(e);
}

/* A correction takes the place of what is still held back. */
static void held_correction(void **state) {
    (void)state;
    assert_int_equal(fixture_open(&f), 0);
    int64_t later = atomic_load(&test_clock) + 1000;
    struct story s = story("u:1", 1, "a/brief", "first");
    s.hold_until_usec = later;
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
    s.version = 2;
    s.text = "second";
    assert_int_equal(fixture_put(&f, s).outcome, LOG_HELD);
    s.version = 1;
    struct kept_result r = fixture_put(&f, s);
    assert_int_equal(r.outcome, LOG_REFUSED);
    fixture_crash(&f);
    assert_int_equal(fixture_open(&f), 0);
    size_t n = f.n_results;
    atomic_store(&test_clock, later);
    fixture_wait(&f, n + 1);
    assert_int_equal(f.results[n].outcome, LOG_RELEASED);
    struct read_entry *e;
    assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(e[0].text, "second");
    free(e);
}

static void append_many(size_t from, size_t n, const char *topic) {
    size_t done = f.n_results;
    for (size_t i = from; i < from + n; i++) {
        char uri[32], text[64];
        snprintf(uri, sizeof uri, "u:%zu", i);
        snprintf(text, sizeof text, "story %zu", i);
        struct story s = story(uri, 1, topic, text);
        fixture_append(&f, &s, 1);
    }
    fixture_wait(&f, done + n);
}

static void identities_200k(void **state) {
    (void)state;
    enum { N = 200000 };
    f.config.checkpoint_entries = 9000;
    f.config.segment_bytes = 8 << 20;
    assert_int_equal(fixture_open(&f), 0);
    append_many(0, N, "a/brief");
    for (size_t i = 0; i < N; i++)
        assert_int_equal(f.results[i].outcome, LOG_ACCEPTED);
    fixture_crash(&f);
    assert_int_equal(fixture_open(&f), 0);
    assert_true(fixture_count(&f, ".identities") > 0);
    assert_true(fixture_count(&f, ".identities") < 8);
    f.n_results = 0;
    append_many(0, N, "a/brief");
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(f.results[i].outcome, LOG_DUPLICATE);
        assert_int_equal(f.results[i].seq, i + 1);
    }
}

static void retention(void **state) {
    (void)state;
    struct log_bounds b;
    struct log_head *heads;
    struct read_entry *e;
    size_t n;
    uint64_t as_of, newest;
    f.config.segment_bytes = 64 << 10;
    f.config.batch_bytes = 16 << 10;
    f.config.retain_bytes = 256 << 10;
    f.config.checkpoint_entries = 500;
    assert_int_equal(fixture_open(&f), 0);
    append_many(0, 1, "rare/brief");
    append_many(1, 5000, "a/brief");
    reopen(); /* the last checkpoint is done, and retention with it */
    for (int i = 0; i < 2; i++, reopen()) {
        log_bounds(f.log, &b);
        assert_true(b.first > 1);
        assert_true(b.bytes < 600 << 10);
        assert_int_equal(b.entries, b.head - b.first + 1);
        assert_int_equal(fixture_read(&f, NULL, 0, &e, &n), 0);
        assert_int_equal(n, b.entries);
        assert_int_equal(e[0].seq, b.first);
        free(e);
        assert_int_equal(log_heads(f.log, NULL, 0, &heads, &n, &as_of, &newest), 0);
        assert_int_equal(n, 2);
        assert_string_equal(heads[0].topic, "rare/brief");
        assert_int_equal(heads[0].head, 1);
        assert_int_equal(heads[1].entries, 5000);
        assert_int_equal(newest, 2);
        free(heads);
        assert_int_equal(fixture_put(&f, story("u:0", 1, "rare/brief", "story 0")).outcome,
                         LOG_DUPLICATE);
    }
    fixture_close(&f);
    f.config.retain_bytes = 0;
    f.config.retain_usec = 1000;
    atomic_fetch_add(&test_clock, 5000);
    assert_int_equal(fixture_open(&f), 0);
    append_many(6000, 600, "a/brief");
    reopen();
    append_many(7000, 600, "a/brief"); /* a checkpoint, and its end, bring retention */
    reopen();
    log_bounds(f.log, &b);
    assert_true(b.first > 4000);
}

/* New limits count at once, also when nothing comes in. */
static void limits_change_while_it_runs(void **state) {
    (void)state;
    struct log_bounds b;
    f.config.segment_bytes = 64 << 10;
    f.config.batch_bytes = 16 << 10;
    f.config.checkpoint_entries = 100000;
    assert_int_equal(fixture_open(&f), 0);
    append_many(0, 3000, "a/brief");
    log_bounds(f.log, &b);
    assert_int_equal(b.first, 1);
    f.config.retain_bytes = 128 << 10;
    log_configure(f.log, &f.config);
    for (int i = 0; i < 1000 && b.first == 1; i++) {
        usleep(10000);
        log_bounds(f.log, &b);
    }
    assert_true(b.first > 1);
    assert_true(b.bytes < 256 << 10);
    /* A disk that has too little left. */
    f.config.free_bytes = UINT64_C(1) << 60;
    log_configure(f.log, &f.config);
    assert_int_equal(fixture_put(&f, story("u:more", 1, "a/brief", "text")).outcome,
                     LOG_UNAVAILABLE);
    f.config.free_bytes = 0;
    log_configure(f.log, &f.config);
    assert_int_equal(fixture_put(&f, story("u:more", 1, "a/brief", "text")).outcome, LOG_ACCEPTED);
}

static void seek_time(void **state) {
    (void)state;
    struct log_cursor *c;
    uint64_t after;
    f.config.segment_bytes = 8 << 10;
    assert_int_equal(fixture_open(&f), 0);
    int64_t start = atomic_load(&test_clock);
    for (int i = 0; i < 300; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "u:%d", i);
        atomic_store(&test_clock, start + i * 1000);
        fixture_put(&f, story(uri, 1, "a/brief", "text"));
    }
    assert_true(fixture_count(&f, ".index") > 2);
    for (int i = 0; i < 2; i++, reopen()) {
        assert_int_equal(log_cursor_open(f.log, &c), 0);
        for (int k = 0; k <= 300; k += 7) {
            assert_int_equal(log_cursor_seek_time(c, start + k * 1000, &after), 0);
            assert_int_equal(after, k);
        }
        assert_int_equal(log_cursor_seek_time(c, INT64_MAX, &after), 0);
        assert_int_equal(after, 300);
        log_cursor_close(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(identity, setup, teardown),
        cmocka_unit_test_setup_teardown(second_daemon, setup, teardown),
        cmocka_unit_test_setup_teardown(held, setup, teardown),
        cmocka_unit_test_setup_teardown(held_correction, setup, teardown),
        cmocka_unit_test_setup_teardown(identities_200k, setup, teardown),
        cmocka_unit_test_setup_teardown(retention, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_change_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(seek_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
