/* The feed: durable entries by topic, and heartbeats that say each topic's head. */

#include "tests/daemon/rig.h"

#include "proto/frames.h"
#include "proto/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No heartbeat but for subscriptions, unless a test says otherwise. */
#define SECTIONS "[section \"briefs\"]\n[section \"politics\"]\n"
#define QUIET    SECTIONS "[feed]\nheartbeat_interval = 1h\n"

static struct rig r;

static void start(const char *config, unsigned parts) {
    rig_setup(&r, config);
    rig_open(&r, RIG_FEED | parts);
}

static int tear_down(void **state) {
    (void)state;
    rig_teardown(&r);
    return 0;
}

static const struct publish_counts *counts(void) {
    return publish_counts(r.publish);
}

static void subscribe(void *socket, const char *prefix) {
    assert_int_equal(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, prefix, strlen(prefix)), 0);
}

/* A reader whose subscription the feed has. */
static void *reader(const char *prefix) {
    uint64_t before = counts()->subscriptions;
    void *s = rig_connect(&r, ZMQ_SUB, publish_endpoints(r.publish));
    subscribe(s, prefix);
    RIG_UNTIL(&r, counts()->subscriptions > before);
    return s;
}

struct message {
    char topic[LIMIT_TOPIC_BYTES + 1];
    struct frame frame;
};

/* The next message: two frames, the second one what PROTOCOL.md says. */
static struct message next(void *socket) {
    struct message m = {0};
    struct fault fault = {0};
    bool more;
    struct slice topic = rig_receive_part(&r, socket, &more);
    assert_true(more);
    assert_true(topic_valid(topic));
    memcpy(m.topic, topic.data, topic.len);
    struct slice bytes = rig_receive_part(&r, socket, &more);
    assert_false(more);
    if (codec_scan(&newswire__v1__feed_message__descriptor, bytes, &fault) < 0)
        fail_msg("%s %s", fault.field, fault.reason);
    assert_int_equal(frame_read_feed(bytes, &m.frame), 0);
    return m;
}

/* The numbers of a message's entries, all of its topic. */
static size_t entries_of(const struct message *m, uint64_t *ret_seqs, size_t max) {
    struct slice rest = m->frame.bytes;
    struct entry e;
    size_t n = 0;
    while (frame_next_entry(&rest, &e) == 1) {
        assert_true(slice_equal(e.topic, slice_of(m->topic)));
        assert_true(n < max);
        ret_seqs[n++] = e.seq;
    }
    return n;
}

static struct message next_heartbeat(void *socket, const char *topic) {
    for (;;) {
        struct message m = next(socket);
        if (m.frame.has_heartbeat && (topic == NULL || strcmp(m.topic, topic) == 0))
            return m;
    }
}

/* ---- entries */

/* Becomes durable together: the first one holds the disk up while the others
 * come in behind it. */
static void fill_together(const char *const *topics, size_t n, size_t bytes) {
    size_t wanted = r.n_results + n + 1;
    rig_gate_close(&r);
    rig_append(&r, "politics/photo", 1);
    RIG_UNTIL(&r, rig_gate_waits());
    for (size_t i = 0; i < n; i++)
        rig_append(&r, topics[i], bytes);
    rig_gate_open(&r);
    RIG_UNTIL(&r, r.n_results >= wanted);
}

static void entries_of_one_topic_share_a_message(void **state) {
    (void)state;
    enum { N = 100 };
    const char *topics[N];
    uint64_t seqs[N], expected = 2;
    start(QUIET "frame_bytes = 4K\n", 0);
    void *s = reader("briefs/brief");
    next_heartbeat(s, NULL);
    for (size_t i = 0; i < N; i++)
        topics[i] = "briefs/brief";
    fill_together(topics, N, 500);
    size_t before = 0, messages = 0;
    while (expected < N + 2) {
        struct message m = next(s);
        size_t n = entries_of(&m, seqs, N);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(seqs[i], expected++);
        assert_true(m.frame.bytes.len <= 4 << 10);
        if (before > 0) /* the one before was full */
            assert_true(before + m.frame.bytes.len / n > 4 << 10);
        before = m.frame.bytes.len;
        messages++;
    }
    assert_in_range(messages, N * 500 / 4096, N / 5);
    assert_int_equal(counts()->messages, messages + 1);
    assert_int_equal(counts()->entries, N + 1);
    /* One that is larger than that goes alone. */
    rig_fill(&r, "briefs/brief", 10000, 1);
    struct message m = next(s);
    assert_int_equal(entries_of(&m, seqs, N), 1);
}

static void each_topic_has_its_own_in_order(void **state) {
    (void)state;
    enum { N = 60 };
    static const char *const names[] = {"briefs/brief", "briefs/article", "politics/brief"};
    const char *topics[N];
    uint64_t seqs[N], last[3] = {0};
    size_t got = 0;
    start(QUIET, 0);
    void *s = reader("");
    for (size_t i = 0; i < N; i++)
        topics[i] = names[i * i % 7 % 3];
    fill_together(topics, N, 50);
    while (got < N) {
        struct message m = next(s);
        size_t k = 0, n = entries_of(&m, seqs, N);
        if (m.frame.has_heartbeat || strcmp(m.topic, "politics/photo") == 0)
            continue;
        while (strcmp(names[k], m.topic) != 0)
            assert_true(++k < 3);
        for (size_t i = 0; i < n; i++) {
            assert_true(seqs[i] > last[k]);
            assert_string_equal(topics[seqs[i] - 2], m.topic);
            last[k] = seqs[i];
        }
        got += n;
    }
}

/* Only what is new is published, when it is durable; what is let go, then. */
static void what_is_no_new_entry_stays_away(void **state) {
    (void)state;
    uint64_t seqs[4];
    start(QUIET, 0);
    void *s = reader("briefs/brief");
    next_heartbeat(s, NULL);
    int64_t later = atomic_load(&test_clock) + 50000;
    struct log_proposal p[] = {
        {.uri = "u:1", .version = 1, .topic = "briefs/brief", .article = slice_of("1")},
        {.uri = "u:1", .version = 1, .topic = "briefs/brief", .article = slice_of("1")},
        {.uri = "u:2", .version = 1, .topic = "briefs/brief", .hold_until_usec = later},
        {.uri = "u:9", .version = 2, .topic = "briefs/brief", .article = slice_of("2")},
        {.uri = "u:3", .version = 1, .topic = "briefs/brief", .article = slice_of("3")},
    };
    rig_gate_close(&r);
    assert_int_equal(log_append(r.disk.log, p, 5), 0);
    RIG_UNTIL(&r, rig_gate_waits());
    assert_false(rig_readable(s));
    rig_gate_open(&r);
    struct message m = next(s);
    assert_int_equal(entries_of(&m, seqs, 4), 2);
    RIG_UNTIL(&r, r.n_results == 5);
    assert_int_equal(counts()->entries, 2);
    assert_false(rig_readable(s));
    atomic_store(&test_clock, later);
    m = next(s); /* within a tick of the log */
    assert_int_equal(entries_of(&m, seqs, 4), 1);
    assert_int_equal(counts()->entries, 3);
}

/* Whether anything more is under way. */
static bool arrives(void *socket) {
    for (int i = 0; i < 20 && !rig_readable(socket); i++)
        rig_turn(&r, socket, 10);
    return rig_readable(socket);
}

enum { MANY = 3000 };

/* How many of MANY messages reach *ret_s, which does not read while they are sent. */
static uint64_t heard_late(void **ret_s) {
    uint64_t seqs[MANY], last = 0, got = 0;
    int few = 1, small = 4096;
    void *s = *ret_s = rig_connect(&r, ZMQ_SUB, publish_endpoints(r.publish));
    zmq_setsockopt(s, ZMQ_RCVHWM, &few, sizeof few);
    zmq_setsockopt(s, ZMQ_RCVBUF, &small, sizeof small);
    zmq_disconnect(s, publish_endpoints(r.publish)->items[0]);
    zmq_connect(s, publish_endpoints(r.publish)->items[0]);
    subscribe(s, "briefs/brief");
    void *quick = reader("briefs/brief");
    RIG_UNTIL(&r, counts()->subscriptions >= 2);
    next_heartbeat(s, NULL);
    next_heartbeat(quick, NULL);
    rig_fill(&r, "briefs/brief", 5000, MANY);
    RIG_UNTIL(&r, counts()->entries == MANY);
    assert_int_equal(counts()->messages, MANY);
    while (arrives(s)) {
        struct message m = next(s);
        size_t n = entries_of(&m, seqs, MANY);
        assert_true(n <= 1);
        assert_true(n == 0 || seqs[0] > last);
        last = n == 0 ? last : seqs[0];
        got += n;
    }
    return got;
}

/* One that doesn't read loses messages, but whole ones; the heartbeat tells. */
static void a_slow_reader_loses_whole_messages(void **state) {
    (void)state;
    void *s;
    start(QUIET "send_high_water = 10\nframe_bytes = 1\n", 0);
    assert_in_range(heard_late(&s), 1, MANY - 1);
    void *other = reader("briefs/"); /* a subscription brings what it missed to light */
    assert_int_equal(next_heartbeat(s, NULL).frame.heartbeat.head, MANY);
    rig_disconnect(&r, other);
}

/* Also for who connects after it has changed. */
static void how_much_waits_for_a_slow_reader_changes_by_a_reload(void **state) {
    (void)state;
    void *s;
    start(QUIET "send_high_water = 10\nframe_bytes = 1\n", 0);
    r.settings.feed.send_high_water = 2 * MANY;
    publish_reload(r.publish, &r.settings);
    assert_int_equal(heard_late(&s), MANY);
}

/* ---- heartbeats */

static void a_subscription_brings_heartbeats(void **state) {
    (void)state;
    static const char *const names[] = {"briefs/article", "briefs/brief", "briefs/photo"};
    bool seen[3] = {false};
    start(QUIET, 0);
    rig_fill(&r, "briefs/brief", 10, 3);
    rig_fill(&r, "gone/photo", 10, 1); /* no section of the config */
    rig_fill(&r, "politics/brief", 10, 2);
    struct log_bounds b;
    log_bounds(r.disk.log, &b);
    int64_t before = loop_utc_usec();
    void *s = reader("briefs/");
    for (size_t i = 0; i < 3; i++) {
        struct message m = next(s);
        size_t k = 0;
        while (strcmp(names[k], m.topic) != 0)
            assert_true(++k < 3);
        assert_false(seen[k]);
        seen[k] = true;
        assert_true(m.frame.has_heartbeat);
        assert_int_equal(m.frame.heartbeat.epoch, b.epoch);
        assert_int_equal(m.frame.heartbeat.head, k == 1 ? 3 : 0);
        assert_int_equal(m.frame.heartbeat.as_of, 6);
        assert_int_equal(m.frame.heartbeat.newest_topic, 5);
        assert_int_equal(m.frame.heartbeat.first, 1);
        const Newswire__V1__FeedMessage *f =
            rig_unpack(&r, &newswire__v1__feed_message__descriptor, m.frame.bytes);
        assert_in_range(f->heartbeat->sent_at_usec, before, loop_utc_usec());
    }
    for (int i = 0; i < 10; i++)
        rig_turn(&r, s, 5);
    assert_false(rig_readable(s)); /* and of no other topic */
    void *t = reader("gone/photo");
    assert_int_equal(next(t).frame.heartbeat.head, 4);
    void *again = reader("briefs/brief"); /* the same prefix, another reader */
    assert_int_equal(next(again).frame.heartbeat.head, 3);
    assert_int_equal(next_heartbeat(s, "briefs/brief").frame.heartbeat.head, 3);
}

static void a_new_topic_has_heartbeats(void **state) {
    (void)state;
    start(QUIET, 0);
    rig_fill(&r, "briefs/brief", 10, 1);
    rig_fill(&r, "new.section/photo", 10, 1);
    rig_fill(&r, "briefs/brief", 10, 1);
    for (int i = 0; i < 2; i++) {
        void *s = reader("new");
        struct message m = next_heartbeat(s, "new.section/photo");
        assert_int_equal(m.frame.heartbeat.head, 2);
        assert_int_equal(m.frame.heartbeat.newest_topic, 2);
        assert_int_equal(m.frame.heartbeat.as_of, 3);
        rig_close(&r); /* known after a start, too */
        rig_open(&r, RIG_FEED);
    }
}

static void first_says_how_far_back_replay_reaches(void **state) {
    (void)state;
    struct log_bounds before, after;
    rig_setup(&r, QUIET);
    r.disk.config.segment_bytes = 64 << 10;
    r.disk.config.batch_bytes = 16 << 10;
    r.disk.config.retain_bytes = 256 << 10;
    r.disk.config.checkpoint_entries = 200;
    rig_open(&r, RIG_FEED);
    do {
        rig_fill(&r, "briefs/brief", 100, 1000);
        log_bounds(r.disk.log, &before);
    } while (before.first == 1);
    void *s = reader("briefs/brief");
    struct message m = next_heartbeat(s, "briefs/brief");
    log_bounds(r.disk.log, &after);
    assert_in_range(m.frame.heartbeat.first, before.first, after.first);
    assert_int_equal(m.frame.heartbeat.head, after.head);
}

static void at_each_interval(void **state) {
    (void)state;
    start(SECTIONS "[feed]\nheartbeat_interval = 40ms\n", 0);
    void *s = reader("");
    int64_t said[6] = {0};
    char names[6][LIMIT_TOPIC_BYTES + 1] = {0};
    size_t n[6] = {0}, n_topics = 0;
    for (int i = 0; i < 6 * 6; i++) {
        struct message m = next(s);
        const Newswire__V1__FeedMessage *f =
            rig_unpack(&r, &newswire__v1__feed_message__descriptor, m.frame.bytes);
        size_t k = 0;
        while (k < n_topics && strcmp(names[k], m.topic) != 0)
            k++;
        assert_true(k < 6);
        if (k == n_topics)
            strcpy(names[n_topics++], m.topic);
        else if (n[k] > 1) /* the first ones came for the subscription */
            assert_true(f->heartbeat->sent_at_usec - said[k] >= 20000);
        said[k] = f->heartbeat->sent_at_usec;
        n[k]++;
    }
    assert_int_equal(n_topics, 6); /* each has its share */
    for (size_t k = 0; k < 6; k++)
        assert_in_range(n[k], 4, 8);
}

/* However many topics and subscriptions: no more than the rate, and none is
 * left out for ever. */
static void the_rate_of_all_is_capped(void **state) {
    (void)state;
    enum { SECTIONS_N = 20, RATE = 60 };
    char config[SECTIONS_N * 40 + 100] = "[feed]\nheartbeat_interval = 10ms\nheartbeat_rate = 60\n";
    char seen[3 * SECTIONS_N][LIMIT_TOPIC_BYTES + 1];
    size_t n = 0;
    for (int i = 0; i < SECTIONS_N; i++)
        snprintf(config + strlen(config), 40, "[section \"s%d\"]\n", i);
    start(config, 0);
    int64_t begin = loop_utc_usec();
    void *s = reader("");
    for (int i = 0; n < 3 * SECTIONS_N || counts()->heartbeats < RATE + 30; i++) {
        if (i < 50) {
            subscribe(s, "s1");
            assert_int_equal(zmq_setsockopt(s, ZMQ_UNSUBSCRIBE, "s1", 2), 0);
        }
        struct message m = next(s);
        size_t k = 0;
        while (k < n && strcmp(seen[k], m.topic) != 0)
            k++;
        if (k == n)
            strcpy(seen[n++], m.topic);
        double seconds = (double)(loop_utc_usec() - begin) / 1e6;
        assert_true((double)counts()->heartbeats <= RATE + 1 + RATE * (seconds + 0.05));
    }
}

/* A flow of entries with many heartbeats between: none counts an entry that has
 * not come, and none comes late that one has counted. */
static void a_heartbeat_never_overtakes(void **state) {
    (void)state;
    static const char *const names[] = {"briefs/brief", "politics/article"};
    enum { MOST = 4096, HEARTBEATS = 30 };
    uint64_t seqs[MOST], last[2] = {0}, proved[2] = {0}, as_of = 0;
    size_t got = 0, heartbeats = 0, appended = 0;
    start(SECTIONS "[feed]\nheartbeat_interval = 10ms\nheartbeat_rate = 100000\n", 0);
    void *s = reader("");
    while (heartbeats < HEARTBEATS || got < appended) {
        for (int i = 0; i < 40 && heartbeats < HEARTBEATS && appended < got + 1000; i++) {
            rig_append(&r, names[appended * appended % 11 % 2], 20);
            appended++;
        }
        if (appended % 1000 == 0 && r.n_sockets < 20) /* heartbeats out of turn */
            subscribe(rig_connect(&r, ZMQ_SUB, publish_endpoints(r.publish)), "");
        struct message m = next(s);
        size_t k = strcmp(m.topic, names[1]) == 0, n = entries_of(&m, seqs, MOST);
        for (size_t i = 0; i < n; i++) {
            assert_true(seqs[i] > last[k]);
            assert_true(seqs[i] > proved[k]);
            last[k] = seqs[i];
        }
        got += n;
        if (!m.frame.has_heartbeat)
            continue;
        const struct frame_heartbeat *h = &m.frame.heartbeat;
        assert_true(h->as_of >= as_of && h->as_of >= h->head);
        as_of = h->as_of;
        if (strcmp(m.topic, names[k]) != 0)
            continue; /* of a topic without entries */
        assert_int_equal(h->head, last[k]);
        proved[k] = h->as_of;
        heartbeats += h->head > 0;
    }
    assert_true(got > HEARTBEATS);
}

/* ---- what else comes on the feed */

static void a_long_prefix(void **state) {
    (void)state;
    char prefix[LIMIT_TOPIC_BYTES + 1];
    start(QUIET, 0);
    void *s = rig_connect(&r, ZMQ_SUB, publish_endpoints(r.publish));
    memset(prefix, 'a', LIMIT_TOPIC_BYTES);
    prefix[LIMIT_TOPIC_BYTES] = '\0';
    subscribe(s, prefix);
    subscribe(s, "briefs/");
    RIG_UNTIL(&r, counts()->subscriptions >= 2);
    assert_true(next(s).frame.has_heartbeat);
    assert_int_equal(counts()->strange, 0);
}

/* A topic as long as they come. */
static void a_long_topic(void **state) {
    (void)state;
    char topic[LIMIT_TOPIC_BYTES + 1], config[300];
    memset(topic, 'k', LIMIT_KEY_BYTES);
    topic[LIMIT_KEY_BYTES] = '\0';
    snprintf(config, sizeof config, "[section \"%s\"]\n[feed]\nheartbeat_interval = 1h\n", topic);
    strcat(topic, "/article");
    start(config, 0);
    void *s = reader(topic);
    rig_fill(&r, topic, 10, 1);
    assert_string_equal(next(s).topic, topic);
}

/* A prefix beyond the limit costs its sender the connection, and nobody else. */
static void a_prefix_too_long(void **state) {
    (void)state;
    char prefix[4096];
    uint64_t seqs[8];
    start(QUIET, 0);
    void *s = reader("briefs/brief"), *t;
    next_heartbeat(s, NULL);
    t = rig_connect(&r, ZMQ_SUB, publish_endpoints(r.publish));
    memset(prefix, 'a', sizeof prefix);
    assert_int_equal(zmq_setsockopt(t, ZMQ_SUBSCRIBE, prefix, sizeof prefix), 0);
    for (int i = 0; i < 10; i++)
        rig_turn(&r, s, 5);
    rig_fill(&r, "briefs/brief", 10, 1);
    struct message m = next(s);
    assert_int_equal(entries_of(&m, seqs, 8), 1);
    assert_int_equal(counts()->subscriptions, 1);
}

static void what_is_no_subscription(void **state) {
    (void)state;
    uint64_t seqs[8];
    start(QUIET, 0);
    void *s = reader("briefs/brief"),
         *bad = rig_connect(&r, ZMQ_XSUB, publish_endpoints(r.publish));
    next_heartbeat(s, NULL);
    static const char *const messages[] = {"x", "\x02hello", "GET / HTTP/1.0", "\xff\xff"};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        rig_send(bad, slice_of(messages[i]));
    rig_send(bad, (struct slice){(const uint8_t *)"", 0});
    RIG_UNTIL(&r, counts()->strange == 5);
    rig_send_part(bad, slice_of("x"), true);
    rig_send(bad, slice_of("y"));
    rig_send(bad, slice_of("\x01politics/")); /* and then it behaves */
    assert_true(next(bad).frame.has_heartbeat);
    rig_fill(&r, "politics/brief", 10, 1);
    rig_fill(&r, "briefs/brief", 10, 1);
    struct message m = next(s);
    assert_string_equal(m.topic, "briefs/brief");
    assert_int_equal(entries_of(&m, seqs, 8), 1);
    /* An unsubscription is nothing strange, and has its effect. */
    uint64_t strange = counts()->strange;
    assert_true(strange >= 6);
    assert_int_equal(zmq_setsockopt(s, ZMQ_UNSUBSCRIBE, "briefs/brief", 12), 0);
    reader("nothing");
    assert_int_equal(counts()->strange, strange);
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(entries_of_one_topic_share_a_message),
        TEST(each_topic_has_its_own_in_order),
        TEST(what_is_no_new_entry_stays_away),
        TEST(a_slow_reader_loses_whole_messages),
        TEST(how_much_waits_for_a_slow_reader_changes_by_a_reload),
        TEST(a_subscription_brings_heartbeats),
        TEST(a_new_topic_has_heartbeats),
        TEST(first_says_how_far_back_replay_reaches),
        TEST(at_each_interval),
        TEST(the_rate_of_all_is_capped),
        TEST(a_heartbeat_never_overtakes),
        TEST(a_long_prefix),
        TEST(a_long_topic),
        TEST(a_prefix_too_long),
        TEST(what_is_no_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
