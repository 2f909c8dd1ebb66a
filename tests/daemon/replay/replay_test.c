/* The replay socket: what was missed, from the log, by credit. */

#include "tests/daemon/rig.h"

#include "proto/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_ROOM = 4096, ALL = 1 << 30 };

static struct rig r;

static int set_up_with(const char *config) {
    rig_setup(&r, config);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    set_up_with("[section \"briefs\"]\n[section \"politics\"]\n");
    rig_open(&r, RIG_REPLAY);
    return 0;
}

static int set_up_small(void **state) {
    (void)state;
    return set_up_with("[section \"briefs\"]\n[replay]\nsessions = 2\nsession_timeout = 1s\n"
                       "credit_bytes = 64K\nframe_bytes = 4K\n");
}

static int tear_down(void **state) {
    (void)state;
    rig_teardown(&r);
    return 0;
}

static void *reader(void) {
    return rig_connect(&r, ZMQ_DEALER, replay_endpoints(r.replay));
}

/* ---- requests */

struct ask {
    uint64_t id, epoch, after, until;
    int64_t since_usec;
    uint64_t credit;
    const char *topics[4];
};

static size_t count_topics(const char *const *topics) {
    size_t n = 0;
    while (n < 4 && topics[n] != NULL)
        n++;
    return n;
}

static void open_session(void *socket, struct ask ask) {
    Newswire__V1__ReplayRequest q = NEWSWIRE__V1__REPLAY_REQUEST__INIT;
    Newswire__V1__ReplayOpen open = NEWSWIRE__V1__REPLAY_OPEN__INIT;
    open.epoch = ask.epoch;
    open.after = ask.after;
    open.until = ask.until;
    open.since_usec = ask.since_usec;
    open.credit_bytes = ask.credit;
    open.topics = (char **)ask.topics;
    open.n_topics = count_topics(ask.topics);
    q.request_id = ask.id;
    q.what_case = NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN;
    q.open = &open;
    rig_send(socket, rig_pack(&r, &q.base));
}

static void give_credit(void *socket, uint64_t id, uint64_t bytes) {
    uint8_t room[REQUEST_ROOM];
    rig_send(socket, (struct slice){room, (size_t)(frame_put_credit(room, id, bytes) - room)});
}

static void close_session(void *socket, uint64_t id) {
    uint8_t room[REQUEST_ROOM];
    rig_send(socket, (struct slice){room, (size_t)(frame_put_close(room, id) - room)});
}

static void ask_heads(void *socket, uint64_t id, const char *prefix) {
    uint8_t room[REQUEST_ROOM];
    struct slice p = slice_of(prefix == NULL ? "" : prefix);
    uint8_t *end = frame_put_heads(room, id, &p, prefix != NULL);
    rig_send(socket, (struct slice){room, (size_t)(end - room)});
}

static void report_bytes(void *socket, struct slice client, uint64_t proven, const char *topic) {
    uint8_t *room = arena_alloc(r.arena, REQUEST_ROOM + client.len + strlen(topic));
    struct slice p = slice_of(topic);
    uint8_t *end = frame_put_report(room, client, 77, proven, &p, 1);
    rig_send(socket, (struct slice){room, (size_t)(end - room)});
}

static void report(void *socket, const char *client, uint64_t proven, const char *topic) {
    report_bytes(socket, slice_of(client), proven, topic);
}

/* ---- replies */

/* The next reply; it must pass the scan that each program makes. */
static struct frame next(void *socket) {
    struct frame f;
    struct fault fault = {0};
    struct slice bytes = rig_receive(&r, socket);
    if (codec_scan(&newswire__v1__replay_reply__descriptor, bytes, &fault) < 0)
        fail_msg("%s %s", fault.field, fault.reason);
    assert_int_equal(frame_read_replay(bytes, &f), 0);
    return f;
}

static size_t entries_of(const struct frame *f, uint64_t *ret_first, uint64_t *ret_last) {
    struct slice rest = f->bytes;
    struct entry e;
    uint64_t before = 0;
    size_t n = 0;
    while (frame_next_entry(&rest, &e) == 1) {
        assert_true(e.seq > before);
        assert_true(e.seq <= f->proven_seq);
        before = e.seq;
        if (n++ == 0)
            *ret_first = e.seq;
        *ret_last = e.seq;
    }
    return n;
}

/* Takes frames until the last one, giving credit back as a reader does. The
 * numbers of the entries; how many. */
static size_t take_all(void *socket, uint64_t id, uint64_t *ret_seqs, size_t max) {
    size_t n = 0;
    uint64_t proven = 0;
    for (;;) {
        struct frame f = next(socket);
        struct slice rest = f.bytes;
        struct entry e;
        assert_int_equal(f.request_id, id);
        if (f.has_error)
            fail_msg("%.*s", (int)f.error.message.len, f.error.message.data);
        assert_true(f.proven_seq >= proven);
        proven = f.proven_seq;
        while (frame_next_entry(&rest, &e) == 1) {
            assert_true(n < max);
            assert_true(n == 0 || e.seq > ret_seqs[n - 1]);
            ret_seqs[n++] = e.seq;
        }
        if (f.done)
            return n;
        give_credit(socket, id, f.bytes.len);
    }
}

/* That nothing more comes: what the daemon would send stands before the second
 * answer. */
static void silent(void *socket) {
    for (uint64_t i = 0; i < 2; i++) {
        ask_heads(socket, 900 + i, "briefs/");
        assert_int_equal(next(socket).request_id, 900 + i);
    }
}

static void refused(void *socket, uint64_t id, int code, const char *field, const char *reason) {
    struct slice bytes = rig_receive(&r, socket);
    const Newswire__V1__ReplayReply *p =
        rig_unpack(&r, &newswire__v1__replay_reply__descriptor, bytes);
    assert_int_equal(p->request_id, id);
    assert_non_null(p->error);
    assert_int_equal(p->error->code, code);
    assert_string_equal(p->error->field, field);
    assert_true(p->done);
    assert_int_equal(p->n_entries, 0);
    if (strstr(p->error->message, reason) == NULL)
        fail_msg("'%s' isn't said in '%s'", reason, p->error->message);
}

static struct replay_counts counts(void) {
    struct replay_reader *list;
    struct replay_counts c;
    size_t n;
    assert_int_equal(replay_readers(r.replay, &list, &n, &c), 0);
    free(list);
    return c;
}

/* briefs/brief 1, 3, 5, … and politics/article 2, 4, 6, … up to n. */
static void fill(size_t n) {
    for (size_t i = 1; i <= n; i++)
        rig_append(&r, i % 2 == 1 ? "briefs/brief" : "politics/article", 100);
    RIG_UNTIL(&r, r.n_results >= n);
}

/* ---- what comes */

static void everything(void **state) {
    (void)state;
    enum { N = 1000 };
    uint64_t seqs[N];
    struct log_bounds b;
    void *s = reader();
    fill(N);
    log_bounds(r.disk.log, &b);
    open_session(s, (struct ask){.id = 1, .epoch = b.epoch, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, N), N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(seqs[i], i + 1);
    open_session(s, (struct ask){.id = 2, .after = N - 1, .credit = ALL});
    struct frame f = next(s);
    assert_int_equal(f.epoch, b.epoch);
    assert_int_equal(f.proven_seq, N);
    assert_int_equal(f.first, 1);
    assert_int_equal(f.head, N);
    assert_int_equal(f.newest_topic, 2);
    assert_true(f.done);
    silent(s);
    RIG_UNTIL(&r, counts().entries == N + 1);
    assert_int_equal(counts().sessions, 2);
    RIG_UNTIL(&r, counts().running == 0);
}

static void an_empty_log(void **state) {
    (void)state;
    uint64_t seq;
    void *s = reader();
    open_session(s, (struct ask){.id = 1, .credit = 1});
    struct frame f = next(s);
    assert_true(f.done);
    assert_int_equal(f.head, 0);
    assert_int_equal(f.first, 1);
    assert_int_equal(f.proven_seq, 0);
    assert_int_equal(entries_of(&f, &seq, &seq), 0);
}

static void a_range(void **state) {
    (void)state;
    uint64_t seqs[100];
    void *s = reader();
    fill(60);
    open_session(s, (struct ask){.id = 1, .after = 10, .until = 20, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 100), 10);
    assert_int_equal(seqs[0], 11);
    assert_int_equal(seqs[9], 20);
    open_session(s, (struct ask){.id = 1, .after = 55, .until = 1000, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 100), 5); /* above the head: the head */
    open_session(s, (struct ask){.id = 1, .after = 60, .credit = ALL});
    struct frame f = next(s);
    assert_true(f.done);
    assert_int_equal(f.proven_seq, 60);
    open_session(s, (struct ask){.id = 1, .after = 30, .until = 20, .credit = ALL});
    f = next(s);
    assert_true(f.done);
    assert_int_equal(entries_of(&f, seqs, seqs), 0);
    silent(s);
}

/* What lies above the head when it opens is not its own. */
static void until_is_the_head_at_the_opening(void **state) {
    (void)state;
    uint64_t seqs[100];
    void *s = reader();
    fill(10);
    open_session(s, (struct ask){.id = 1});
    silent(s); /* it is open now */
    rig_fill(&r, "briefs/brief", 100, 10);
    give_credit(s, 1, ALL);
    assert_int_equal(take_all(s, 1, seqs, 100), 10);
    silent(s);
}

static void topics(void **state) {
    (void)state;
    uint64_t seqs[200];
    void *s = reader();
    fill(100);
    open_session(s, (struct ask){.id = 1, .topics = {"politics/"}, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 200), 50);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(seqs[i], 2 * i + 2);
    open_session(s, (struct ask){.id = 1, .topics = {"br", "briefs/b", "briefs"}, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 200), 50); /* each one once */
    open_session(s, (struct ask){.id = 1, .topics = {"politics/", "briefs/"}, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 200), 100);
    open_session(s, (struct ask){.id = 1, .topics = {""}, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 200), 100);
    open_session(s, (struct ask){.id = 1, .topics = {"sports/"}, .credit = ALL});
    struct frame f = next(s);
    assert_true(f.done);
    assert_int_equal(f.proven_seq, 100); /* that there is nothing is proved, too */
    assert_int_equal(entries_of(&f, seqs, seqs), 0);
    open_session(s, (struct ask){.id = 1, .topics = {"briefs/photo"}, .after = 5, .credit = ALL});
    assert_int_equal(next(s).proven_seq, 100);
}

static void since_a_time(void **state) {
    (void)state;
    uint64_t seqs[100];
    void *s = reader();
    int64_t start = atomic_load(&test_clock);
    for (int i = 1; i <= 20; i++) {
        atomic_store(&test_clock, start + i * 1000);
        rig_fill(&r, "briefs/brief", 100, 1);
    }
    open_session(s, (struct ask){.id = 1, .since_usec = start + 15000, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 100), 6);
    assert_int_equal(seqs[0], 15);
    open_session(s, (struct ask){.id = 1, .since_usec = start + 14001, .after = 19, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 100), 6); /* it takes the place of after */
    open_session(s, (struct ask){.id = 1, .since_usec = 1, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 100), 20);
    open_session(s, (struct ask){.id = 1, .since_usec = INT64_MAX, .credit = ALL});
    assert_int_equal(take_all(s, 1, seqs, 100), 0);
}

static void two_sessions_of_one_reader(void **state) {
    (void)state;
    uint64_t last[2] = {0}, n[2] = {0}, done = 0, first, end;
    void *s = reader();
    fill(200);
    open_session(s, (struct ask){.id = 1, .topics = {"briefs/"}, .credit = 1});
    open_session(s, (struct ask){.id = 2, .topics = {"politics/"}, .credit = 1});
    while (done < 2) {
        struct frame f = next(s);
        assert_in_range(f.request_id, 1, 2);
        size_t k = f.request_id - 1, taken = entries_of(&f, &first, &end);
        if (taken > 0) {
            assert_true(first > last[k]);
            last[k] = end;
        }
        n[k] += taken;
        done += f.done;
        give_credit(s, f.request_id, 1);
    }
    assert_int_equal(n[0], 100);
    assert_int_equal(n[1], 100);
}

/* The same number on another connection is another session. */
static void two_readers_with_one_number(void **state) {
    (void)state;
    uint64_t seqs[100];
    void *s = reader(), *t = reader();
    fill(20);
    open_session(s, (struct ask){.id = 1, .topics = {"briefs/"}});
    open_session(t, (struct ask){.id = 1, .topics = {"politics/"}});
    silent(s);
    silent(t);
    RIG_UNTIL(&r, counts().running == 2);
    give_credit(s, 1, ALL);
    assert_int_equal(take_all(s, 1, seqs, 100), 10);
    assert_int_equal(seqs[0], 1);
    give_credit(t, 1, ALL);
    assert_int_equal(take_all(t, 1, seqs, 100), 10);
    assert_int_equal(seqs[0], 2);
}

/* ---- credit */

static void without_credit_nothing_comes(void **state) {
    (void)state;
    uint64_t first, last;
    void *s = reader();
    fill(50);
    open_session(s, (struct ask){.id = 1});
    silent(s);
    give_credit(s, 1, 1); /* the least brings one entry, and is then spent */
    struct frame f = next(s);
    assert_int_equal(entries_of(&f, &first, &last), 1);
    assert_int_equal(f.proven_seq, 1);
    assert_false(f.done);
    silent(s);
    size_t one = f.bytes.len;
    give_credit(s, 1, 3 * one);
    f = next(s);
    size_t n = entries_of(&f, &first, &last);
    assert_in_range(n, 2, 3);
    assert_int_equal(first, 2);
    assert_int_equal(f.proven_seq, last);
    assert_true(f.bytes.len <= 3 * one);
}

/* However small the steps, each entry comes once and in order. */
static void small_steps(void **state) {
    (void)state;
    uint64_t seqs[300];
    void *s = reader();
    fill(300);
    for (uint64_t step = 1; step < 3000; step = step * 5 + 3) {
        uint64_t proven = 0;
        size_t n = 0;
        open_session(s, (struct ask){.id = step, .credit = step});
        for (bool done = false; !done;) {
            struct frame f = next(s);
            struct slice rest = f.bytes;
            struct entry e;
            assert_true(f.proven_seq >= proven);
            proven = f.proven_seq;
            while (frame_next_entry(&rest, &e) == 1)
                seqs[n++] = e.seq;
            done = f.done;
            give_credit(s, step, step);
        }
        assert_int_equal(n, 300);
        assert_int_equal(proven, 300);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(seqs[i], i + 1);
    }
}

/* A frame has no more than it is configured for; a larger entry goes alone. */
static void frames_are_bounded(void **state) {
    (void)state;
    uint64_t first, last;
    rig_open(&r, RIG_REPLAY);
    void *s = reader();
    rig_fill(&r, "briefs/brief", 500, 100);
    rig_fill(&r, "briefs/brief", 100000, 1);
    rig_fill(&r, "briefs/brief", 500, 10);
    open_session(s, (struct ask){.id = 1, .credit = ALL});
    for (bool done = false; !done;) {
        struct frame f = next(s);
        size_t n = entries_of(&f, &first, &last);
        assert_true(f.bytes.len <= (4 << 10) + 128 || n == 1);
        done = f.done;
        give_credit(s, 1, f.bytes.len);
    }
}

/* The size of the largest frame of all that there is, when the config is read again. */
static size_t largest_frame_after_reload(void *s, struct settings *next_settings, uint64_t bytes) {
    size_t largest = 0;
    *next_settings = r.settings;
    next_settings->replay.frame_bytes = bytes;
    replay_reload(r.replay, next_settings);
    open_session(s, (struct ask){.id = bytes, .credit = ALL});
    for (bool done = false; !done;) {
        struct frame f = next(s);
        assert_int_equal(f.request_id, bytes);
        largest = f.bytes.len > largest ? f.bytes.len : largest;
        done = f.done;
        give_credit(s, bytes, f.bytes.len);
    }
    return largest;
}

static void frames_change_by_a_reload(void **state) {
    (void)state;
    static struct settings sizes[3];
    void *s = reader();
    rig_fill(&r, "briefs/brief", 100000, 30);
    assert_in_range(largest_frame_after_reload(s, &sizes[0], 3 << 20), LIMIT_ENTRY_BYTES + 1,
                    3 << 20);
    assert_in_range(largest_frame_after_reload(s, &sizes[1], 256 << 10), 200000, 256 << 10);
    assert_true(largest_frame_after_reload(s, &sizes[2], 3 << 20) > LIMIT_ENTRY_BYTES);
}

/* ---- the end of sessions */

static void closing(void **state) {
    (void)state;
    void *s = reader();
    fill(20);
    open_session(s, (struct ask){.id = 1, .credit = 1});
    assert_false(next(s).done);
    close_session(s, 1);
    give_credit(s, 1, ALL);
    silent(s); /* neither the close nor the credit is answered */
    RIG_UNTIL(&r, counts().running == 0);
    close_session(s, 1);
    close_session(s, 12345);
    give_credit(s, 12345, 1);
    silent(s);
}

static void opening_again_ends_the_old_one(void **state) {
    (void)state;
    uint64_t seqs[100];
    void *s = reader();
    fill(20);
    open_session(s, (struct ask){.id = 1});
    open_session(s, (struct ask){.id = 1, .topics = {"politics/"}});
    silent(s);
    RIG_UNTIL(&r, counts().running == 1);
    give_credit(s, 1, ALL);
    assert_int_equal(take_all(s, 1, seqs, 100), 10);
    silent(s);
    open_session(s, (struct ask){.id = 2});
    open_session(s, (struct ask){.id = 2, .topics = {"no prefix"}, .credit = ALL});
    refused(s, 2, NEWSWIRE__V1__ERROR__CODE__invalid, "topics", "no prefix");
    give_credit(s, 2, ALL);
    silent(s);
}

static void too_many_sessions(void **state) {
    (void)state;
    uint64_t seqs[10];
    rig_open(&r, RIG_REPLAY);
    void *s = reader(), *t = reader();
    rig_fill(&r, "briefs/brief", 100, 5);
    open_session(s, (struct ask){.id = 1});
    open_session(s, (struct ask){.id = 2});
    silent(s);
    open_session(t, (struct ask){.id = 1, .credit = ALL});
    refused(t, 1, NEWSWIRE__V1__ERROR__CODE__busy, "", "2 replays");
    open_session(s, (struct ask){.id = 2}); /* it has its place already */
    silent(s);
    ask_heads(t, 2, NULL); /* a question needs none */
    assert_int_equal(next(t).request_id, 2);
    close_session(s, 1);
    silent(s);
    open_session(t, (struct ask){.id = 1, .credit = ALL});
    assert_int_equal(take_all(t, 1, seqs, 10), 5);
    /* One that waits ends after a second. Another that is heard goes on. */
    open_session(t, (struct ask){.id = 1, .credit = 1});
    assert_false(next(t).done);
    RIG_UNTIL(&r, counts().running == 2);
    while (counts().running > 1) {
        rig_turn(&r, NULL, 50);
        give_credit(t, 77, 1);
        open_session(t, (struct ask){.id = 1, .credit = 1});
        assert_false(next(t).done);
    }
    give_credit(s, 2, ALL);
    silent(s);
    give_credit(t, 1, ALL);
    assert_int_equal(take_all(t, 1, seqs, 10), 4);
}

static void a_reader_that_goes_ends_its_sessions(void **state) {
    (void)state;
    rig_open(&r, RIG_REPLAY);
    void *s = reader(), *t = reader();
    rig_fill(&r, "briefs/brief", 1000, 2000);
    open_session(s, (struct ask){.id = 1, .credit = ALL});
    assert_false(next(s).done);
    rig_disconnect(&r, s);
    RIG_UNTIL(&r, counts().running == 0); /* by the timeout at the latest */
    silent(t);
}

/* ---- errors */

static void errors(void **state) {
    (void)state;
    uint64_t seqs[10];
    struct log_bounds b;
    char text[64];
    void *s = reader();
    fill(6);
    log_bounds(r.disk.log, &b);
    snprintf(text, sizeof text, "%llu", (unsigned long long)b.epoch);
    open_session(s, (struct ask){.id = 1, .epoch = b.epoch + 1, .credit = ALL});
    refused(s, 1, NEWSWIRE__V1__ERROR__CODE__wrong_epoch, "epoch", text);
    open_session(s, (struct ask){.id = 2, .epoch = 1, .credit = ALL});
    struct frame f = next(s);
    assert_int_equal(f.epoch, b.epoch);
    assert_int_equal(f.first, 1);
    assert_int_equal(f.head, 6);
    /* More than there is in the same life of the log: it was put back from a copy. */
    open_session(s, (struct ask){.id = 5, .epoch = b.epoch, .after = b.head + 1, .credit = ALL});
    refused(s, 5, NEWSWIRE__V1__ERROR__CODE__damaged, "after", "a copy from before was put back");
    open_session(s, (struct ask){.id = 5, .epoch = b.epoch, .after = b.head, .credit = ALL});
    assert_true(next(s).done);
    static const char *const prefixes[] = {"Briefs", "/", "briefs/x", "briefs//", "要闻/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        open_session(s, (struct ask){.id = 3, .topics = {"briefs/", prefixes[i]}});
        refused(s, 3, NEWSWIRE__V1__ERROR__CODE__invalid, "topics", prefixes[i]);
        ask_heads(s, 4, prefixes[i]);
        refused(s, 4, NEWSWIRE__V1__ERROR__CODE__invalid, "topics", prefixes[i]);
    }
    char long_prefix[200] = "";
    for (size_t i = 0; i + 4 < sizeof long_prefix; i += 3)
        memcpy(long_prefix + i, "版", 4);
    open_session(s, (struct ask){.id = 5, .topics = {long_prefix}});
    refused(s, 5, NEWSWIRE__V1__ERROR__CODE__invalid, "topics", "版");
    assert_int_equal(counts().refused, 14);
    RIG_UNTIL(&r, counts().running == 0);
    open_session(s, (struct ask){.id = 6, .epoch = b.epoch, .credit = ALL});
    assert_int_equal(take_all(s, 6, seqs, 10), 6);
}

static void what_is_no_request(void **state) {
    (void)state;
    void *s = reader();
    static const uint8_t noise[] = {0xff, 0xff, 1, 2, 3}, nothing[] = {8, 9},
                         bad_text[] = {8, 9, 18, 4, 10, 2, 0xff, 0xfe};
    static const struct {
        const uint8_t *bytes;
        size_t len;
        uint64_t id;
    } cases[] = {{noise, sizeof noise, 0},
                 {nothing, sizeof nothing, 9},
                 {bad_text, sizeof bad_text, 0},
                 {nothing, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig_send(s, (struct slice){cases[i].bytes, cases[i].len});
        struct frame f = next(s);
        assert_true(f.has_error && f.done);
        assert_int_equal(f.error.code, NEWSWIRE__V1__ERROR__CODE__malformed);
        assert_int_equal(f.request_id, cases[i].id);
    }
    rig_send_part(s, (struct slice){nothing, 2}, true);
    rig_send(s, (struct slice){nothing, 2});
    refused(s, 0, NEWSWIRE__V1__ERROR__CODE__malformed, "", "one frame");
    uint8_t *large = calloc(1, (512 << 10) + 1);
    rig_send(s, (struct slice){large, (256 << 10) + 1});
    refused(s, 0, NEWSWIRE__V1__ERROR__CODE__too_large, "", "262145 bytes");
    rig_send(s, (struct slice){large, (512 << 10) + 1});
    free(large);
    silent(s); /* connected anew */
}

/* A question by REQ has its empty frame back. */
static void a_question_by_req(void **state) {
    (void)state;
    void *s = rig_connect(&r, ZMQ_REQ, replay_endpoints(r.replay));
    fill(2);
    ask_heads(s, 1, NULL);
    assert_int_equal(next(s).head, 2);
    ask_heads(s, 2, "x y");
    refused(s, 2, NEWSWIRE__V1__ERROR__CODE__invalid, "topics", "x y");
}

static void flip(const char *path, long at) {
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int c = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_true(fputc(c ^ 0x55, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What stands before the damage is served, then the place is named. */
static void a_damaged_log(void **state) {
    (void)state;
    char path[256], trouble[300];
    uint64_t first, last, n = 0;
    rig_fill(&r, "briefs/brief", 1000, 100);
    rig_close(&r); /* so that nobody has it in memory */
    rig_open(&r, RIG_REPLAY);
    assert_true(fixture_file(&r.disk, ".segment", 0, path) ||
                fixture_file(&r.disk, ".log", 0, path));
    flip(path, 70000);
    void *s = reader();
    open_session(s, (struct ask){.id = 1, .credit = ALL});
    struct frame f;
    do {
        f = next(s);
        n += entries_of(&f, &first, &last);
    } while (!f.done);
    assert_true(f.has_error);
    assert_int_equal(f.error.code, NEWSWIRE__V1__ERROR__CODE__damaged);
    assert_in_range(n, 20, 70);
    replay_trouble(r.replay, trouble, sizeof trouble);
    assert_string_not_equal(trouble, "");
    assert_int_equal(f.error.message.len, strlen(trouble));
    assert_memory_equal(f.error.message.data, trouble, strlen(trouble));
    silent(s);
    RIG_UNTIL(&r, counts().running == 0);
}

/* ---- heads */

static uint64_t head_of(const struct frame *f, const char *topic) {
    struct slice rest = f->bytes;
    struct frame_head h;
    while (frame_next_head(&rest, &h) == 1)
        if (slice_equal(h.topic, slice_of(topic)))
            return h.head;
    return UINT64_MAX;
}

static size_t count_heads(const struct frame *f) {
    struct slice rest = f->bytes;
    struct frame_head h;
    size_t n = 0;
    while (frame_next_head(&rest, &h) == 1)
        n++;
    return n;
}

static void heads(void **state) {
    (void)state;
    void *s = reader();
    fill(4);
    rig_fill(&r, "gone/photo", 100, 1); /* a section that config has no more */
    ask_heads(s, 1, NULL);
    struct frame f = next(s);
    assert_true(f.done);
    assert_false(f.has_error);
    assert_int_equal(f.request_id, 1);
    assert_int_equal(f.head, 5);
    assert_int_equal(f.newest_topic, 5);
    assert_int_equal(f.first, 1);
    assert_int_equal(count_heads(&f), 7); /* two sections of three kinds, and one */
    assert_int_equal(head_of(&f, "briefs/brief"), 3);
    assert_int_equal(head_of(&f, "politics/article"), 4);
    assert_int_equal(head_of(&f, "gone/photo"), 5);
    assert_int_equal(head_of(&f, "briefs/photo"), 0);
    ask_heads(s, 2, "briefs/b");
    f = next(s);
    assert_int_equal(count_heads(&f), 1);
    assert_int_equal(head_of(&f, "briefs/brief"), 3);
    ask_heads(s, 3, "sports/");
    f = next(s);
    assert_int_equal(count_heads(&f), 0);
    assert_int_equal(f.head, 5);
    assert_int_equal(counts().sessions, 0);
}

/* ---- reports */

/* Those that are known, in the arena. */
static size_t readers(struct replay_reader **ret) {
    struct replay_counts c;
    size_t n;
    struct replay_reader *list;
    assert_int_equal(replay_readers(r.replay, &list, &n, &c), 0);
    *ret = arena_alloc(r.arena, (n + 1) * sizeof *list);
    assert_non_null(*ret);
    memcpy(*ret, list, n * sizeof *list);
    free(list);
    return n;
}

static void reports(void **state) {
    (void)state;
    struct replay_reader *list;
    void *s = reader();
    report(s, "archive", 3, "briefs/");
    silent(s); /* it is not answered */
    report(s, "archive", 5, "politics/");
    silent(s);
    assert_int_equal(readers(&list), 1);
    assert_string_equal(list[0].client, "archive");
    assert_string_equal(list[0].topics, "politics/");
    assert_int_equal(list[0].proven_seq, 5);
    assert_int_equal(list[0].epoch, 77);
    assert_true(list[0].seen_usec > 0 && list[0].seen_usec <= loop_utc_usec());
}

/* Who has more than there is in the same life of the log is told, unasked. */
static void a_report_from_ahead(void **state) {
    (void)state;
    struct log_bounds b;
    struct slice all = slice_of("");
    uint8_t buffer[200];
    void *s = reader();
    fill(3);
    log_bounds(r.disk.log, &b);
    for (uint64_t ahead = 0; ahead < 2; ahead++) {
        uint8_t *end =
            frame_put_report(buffer, slice_of("archive"), b.epoch, b.head + ahead, &all, 1);
        rig_send(s, (struct slice){buffer, (size_t)(end - buffer)});
        if (ahead == 0)
            silent(s);
    }
    refused(s, 0, NEWSWIRE__V1__ERROR__CODE__damaged, "after", "a copy from before was put back");
}

static void two_readers_of_one_name(void **state) {
    (void)state;
    struct replay_reader *list;
    void *s = reader(), *t = reader();
    report(s, "archive", 3, "briefs/");
    report(t, "archive", 9, "briefs/");
    silent(s);
    silent(t);
    assert_int_equal(readers(&list), 2);
    assert_int_equal(list[0].proven_seq + list[1].proven_seq, 12);
}

static void is_text(const char *s) {
    Newswire__V1__Report q = NEWSWIRE__V1__REPORT__INIT;
    q.client = (char *)s;
    rig_unpack(&r, &newswire__v1__report__descriptor, rig_pack(&r, &q.base));
}

/* Whatever a reader calls itself, what is known of it stays text. */
static void names_that_are_no_text(void **state) {
    (void)state;
    struct replay_reader *list;
    char name[400] = "x";
    void *s = reader();
    report(s, "\xff\xfe", 3, "briefs/");
    struct frame f = next(s);
    assert_true(f.has_error);
    assert_int_equal(f.error.code, NEWSWIRE__V1__ERROR__CODE__malformed);
    assert_int_equal(readers(&list), 0);
    for (size_t i = 1; i + 4 < sizeof name; i += 3)
        memcpy(name + i, "报", 4);
    report(s, name, 1, name);
    silent(s);
    assert_int_equal(readers(&list), 1);
    is_text(list[0].client);
    is_text(list[0].topics);
}

/* ---- what a reader can cost */

static void wait_for_report(void *socket) {
    struct replay_reader *list;
    size_t n = 0;
    report(socket, "the end", 1, "");
    while (n == 0) {
        rig_turn(&r, NULL, 5);
        n = readers(&list);
    }
}

enum { STORY_BYTES = 60000, STORIES = 1000, SYSTEM_BYTES = 16 << 20 };

/* A reader that takes next to nothing off its connection. */
static void *deaf_reader(void) {
    int few = 1, small = 4096, none = 0;
    void *s = zmq_socket(r.zmq, ZMQ_DEALER);
    assert_non_null(s);
    r.sockets[r.n_sockets++] = s;
    zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(s, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(s, ZMQ_RCVHWM, &few, sizeof few);
    zmq_setsockopt(s, ZMQ_RCVBUF, &small, sizeof small);
    assert_int_equal(zmq_connect(s, replay_endpoints(r.replay)->items[0]), 0);
    return s;
}

/* Whether the daemon sends more within a moment. */
static bool sends_more(uint64_t before) {
    for (int i = 0; i < 50; i++) {
        if (counts().bytes > before)
            return true;
        rig_turn(&r, NULL, 1);
    }
    return counts().bytes > before;
}

/* Credit without end from one that takes nothing: what waits for it stays
 * within the cap and what the system's buffers hold. */
static void credit_without_reading(void **state) {
    (void)state;
    rig_open(&r, RIG_REPLAY);
    rig_fill(&r, "briefs/brief", STORY_BYTES, STORIES);
    void *s = deaf_reader(), *t = reader();
    open_session(s, (struct ask){.id = 1, .credit = UINT64_MAX});
    wait_for_report(s);
    for (int stalled = 0; stalled < 3 && counts().bytes < 2 * SYSTEM_BYTES;) {
        uint64_t before = counts().bytes;
        give_credit(s, 1, stalled % 2 == 0 ? UINT64_MAX : 1 << 20);
        stalled = sends_more(before) ? 0 : stalled + 1;
    }
    silent(t); /* another is served meanwhile */
    assert_in_range(counts().bytes, 1, SYSTEM_BYTES);
    /* As soon as it reads it has all of it, in order. */
    uint64_t first, last, expected = 1;
    for (bool done = false; !done;) {
        struct frame f = next(s);
        if (entries_of(&f, &first, &last) > 0) {
            assert_int_equal(first, expected);
            expected = last + 1;
        }
        done = f.done;
        give_credit(s, 1, f.bytes.len);
    }
    assert_int_equal(expected, STORIES + 1);
}

/* The same by opening anew, which gives credit, too. */
static void opening_without_reading(void **state) {
    (void)state;
    rig_open(&r, RIG_REPLAY);
    rig_fill(&r, "briefs/brief", STORY_BYTES, 10);
    void *s = deaf_reader(), *t = reader();
    for (int stalled = 0; stalled < 3 && counts().bytes < 2 * SYSTEM_BYTES;) {
        uint64_t before = counts().bytes;
        open_session(s, (struct ask){.id = 1, .credit = UINT64_MAX});
        stalled = sends_more(before) ? 0 : stalled + 1;
    }
    silent(t);
    assert_in_range(counts().bytes, 1, SYSTEM_BYTES);
}

/* ---- retention */

static void retention_between_open_and_read(void **state) {
    (void)state;
    struct log_bounds b;
    uint64_t seqs[8000];
    r.disk.config.segment_bytes = 64 << 10;
    r.disk.config.batch_bytes = 16 << 10;
    r.disk.config.retain_bytes = 256 << 10;
    r.disk.config.checkpoint_entries = 200;
    rig_open(&r, RIG_REPLAY);
    void *s = reader();
    rig_fill(&r, "briefs/brief", 100, 100);
    open_session(s, (struct ask){.id = 1, .credit = 1});
    assert_int_equal(next(s).proven_seq, 1);
    rig_fill(&r, "briefs/brief", 100, 3000);
    do {
        rig_fill(&r, "briefs/brief", 100, 200);
        log_bounds(r.disk.log, &b);
    } while (b.first <= 100);
    /* What it was to have is gone: it ends, and says how far back the log goes. */
    give_credit(s, 1, ALL);
    struct frame f;
    size_t n = 0;
    uint64_t first, last;
    do {
        f = next(s);
        n += entries_of(&f, &first, &last);
        assert_false(f.has_error);
    } while (!f.done);
    assert_true(n <= 99);
    assert_true(f.first > 100);
    assert_int_equal(f.proven_seq, 100);
    rig_close(&r); /* so that retention has ended */
    rig_open(&r, RIG_REPLAY);
    s = reader();
    log_bounds(r.disk.log, &b);
    open_session(s, (struct ask){.id = 2, .after = 50, .credit = ALL});
    n = take_all(s, 2, seqs, 8000);
    assert_int_equal(seqs[0], b.first);
    assert_int_equal(n, b.head - b.first + 1);
}

#define TEST(f)  cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define SMALL(f) cmocka_unit_test_setup_teardown(f, set_up_small, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(everything),
        TEST(an_empty_log),
        TEST(a_range),
        TEST(until_is_the_head_at_the_opening),
        TEST(topics),
        TEST(since_a_time),
        TEST(two_sessions_of_one_reader),
        TEST(two_readers_with_one_number),
        TEST(without_credit_nothing_comes),
        TEST(small_steps),
        SMALL(frames_are_bounded),
        TEST(frames_change_by_a_reload),
        TEST(closing),
        TEST(opening_again_ends_the_old_one),
        SMALL(too_many_sessions),
        SMALL(a_reader_that_goes_ends_its_sessions),
        TEST(errors),
        TEST(what_is_no_request),
        TEST(a_question_by_req),
        TEST(a_damaged_log),
        TEST(heads),
        TEST(reports),
        TEST(a_report_from_ahead),
        TEST(two_readers_of_one_name),
        TEST(names_that_are_no_text),
        SMALL(credit_without_reading),
        SMALL(opening_without_reading),
        SMALL(retention_between_open_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
