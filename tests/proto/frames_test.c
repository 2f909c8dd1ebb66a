/* Frames: what is written is read back, and no bytes lead outside the message.
 *
 * Every message under test stands in memory of exactly its size, so that the
 * address sanitizer sees a byte read beyond it. */

#include "proto/frames.h"

#include "proto/article.h"
#include "proto/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef Newswire__V1__ReplayReply Reply;
typedef Newswire__V1__FeedMessage Feed;
typedef Newswire__V1__ReplayRequest Request;

static struct arena *arena;
static uint64_t seed;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(64 << 20);
    seed = 20310409;
    return arena == NULL;
}

static int tear_down(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

/* splitmix64 */
static uint64_t random_u64(void) {
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t n) {
    return random_u64() % n;
}

/* Numbers of every length, the largest and 0 among them. */
static uint64_t random_number(void) {
    uint64_t shift = below(66);
    return shift >= 64 ? (shift == 64 ? 0 : UINT64_MAX) : random_u64() >> shift;
}

static char *random_word(size_t most) {
    size_t len = below(most + 1);
    char *s = arena_alloc(arena, len + 1);
    assert_non_null(s);
    for (size_t i = 0; i < len; i++)
        s[i] = (char)('a' + below(26));
    return s;
}

static struct slice packed(const ProtobufCMessage *message) {
    struct slice s;
    assert_int_equal(codec_pack(arena, message, &s), 0);
    return s;
}

/* ---- messages at random */

static Newswire__V1__Entry *random_entry(void) {
    Newswire__V1__Entry *e = arena_alloc(arena, sizeof *e);
    assert_non_null(e);
    newswire__v1__entry__init(e);
    e->epoch = random_number();
    e->seq = random_number() | 1;
    e->prev_seq = below(e->seq);
    e->topic = "briefs/brief";
    e->stored_at_usec = (int64_t)random_number();
    e->uri = random_word(40);
    e->version = (uint32_t)random_number();
    e->replaces = random_number();
    e->article.data = (uint8_t *)random_word(300);
    e->article.len = strlen((char *)e->article.data);
    return e;
}

static size_t add_entries(Newswire__V1__Entry ***ret) {
    size_t n = below(5);
    *ret = arena_alloc(arena, (n + 1) * sizeof **ret);
    assert_non_null(*ret);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = random_entry();
    return n;
}

static Reply *random_reply(void) {
    Reply *p = arena_alloc(arena, sizeof *p);
    assert_non_null(p);
    newswire__v1__replay_reply__init(p);
    p->n_entries = add_entries(&p->entries);
    p->request_id = random_number();
    p->epoch = random_number();
    p->proven_seq = random_number();
    p->first = random_number();
    p->head = random_number();
    p->newest_topic = random_number();
    p->done = below(2);
    if (below(3) == 0) {
        p->error = arena_alloc(arena, sizeof *p->error);
        newswire__v1__error__init(p->error);
        p->error->code = (Newswire__V1__Error__Code)below(9);
        p->error->message = random_word(80);
        p->error->field = random_word(10);
    }
    p->n_heads = below(4);
    p->heads = arena_alloc(arena, (p->n_heads + 1) * sizeof *p->heads);
    for (size_t i = 0; i < p->n_heads; i++) {
        p->heads[i] = arena_alloc(arena, sizeof **p->heads);
        newswire__v1__topic_head__init(p->heads[i]);
        p->heads[i]->topic = i % 2 == 0 ? "politics/article" : "a/photo";
        p->heads[i]->head = random_number();
    }
    return p;
}

static Feed *random_feed(void) {
    Feed *p = arena_alloc(arena, sizeof *p);
    assert_non_null(p);
    newswire__v1__feed_message__init(p);
    p->n_entries = add_entries(&p->entries);
    if (below(2) == 0) {
        Newswire__V1__Heartbeat *h = arena_alloc(arena, sizeof *h);
        newswire__v1__heartbeat__init(h);
        h->epoch = random_number();
        h->as_of = random_number();
        h->head = h->as_of == 0 ? 0 : below(h->as_of);
        h->newest_topic = random_number();
        h->first = random_number();
        h->sent_at_usec = (int64_t)random_number();
        p->heartbeat = h;
    }
    return p;
}

/* ---- there and back */

static void same_entries(struct slice rest, Newswire__V1__Entry *const *entries, size_t n) {
    struct entry e;
    for (size_t i = 0; i < n; i++) {
        const Newswire__V1__Entry *want = entries[i];
        assert_int_equal(frame_next_entry(&rest, &e), 1);
        assert_true(e.epoch == want->epoch && e.seq == want->seq);
        assert_true(e.prev_seq == want->prev_seq && e.replaces == want->replaces);
        assert_true(e.stored_at_usec == want->stored_at_usec && e.version == want->version);
        assert_true(slice_equal(e.topic, slice_of(want->topic)));
        assert_true(slice_equal(e.uri, slice_of(want->uri)));
        assert_true(slice_equal(e.article, (struct slice){want->article.data, want->article.len}));
    }
    assert_int_equal(frame_next_entry(&rest, &e), 0);
}

static void replies_are_read_as_written(void **state) {
    (void)state;
    for (int i = 0; i < 3000; i++) {
        arena_reset(arena);
        const Reply *p = random_reply();
        struct frame f;
        struct frame_head h;
        struct slice bytes = packed(&p->base), rest = bytes;
        assert_int_equal(frame_read_replay(bytes, &f), 0);
        assert_true(f.request_id == p->request_id && f.epoch == p->epoch);
        assert_true(f.proven_seq == p->proven_seq && f.first == p->first && f.head == p->head);
        assert_true(f.newest_topic == p->newest_topic && f.done == p->done);
        assert_int_equal(f.has_error, p->error != NULL);
        if (p->error != NULL) {
            assert_int_equal(f.error.code, p->error->code);
            assert_true(slice_equal(f.error.message, slice_of(p->error->message)));
        }
        same_entries(bytes, p->entries, p->n_entries);
        for (size_t k = 0; k < p->n_heads; k++) {
            assert_int_equal(frame_next_head(&rest, &h), 1);
            assert_true(slice_equal(h.topic, slice_of(p->heads[k]->topic)));
            assert_true(h.head == p->heads[k]->head);
        }
        assert_int_equal(frame_next_head(&rest, &h), 0);
    }
}

static void feed_messages_are_read_as_written(void **state) {
    (void)state;
    for (int i = 0; i < 3000; i++) {
        arena_reset(arena);
        const Feed *p = random_feed();
        const Newswire__V1__Heartbeat *h = p->heartbeat;
        struct frame f;
        struct slice bytes = packed(&p->base);
        assert_int_equal(frame_read_feed(bytes, &f), 0);
        assert_int_equal(f.has_heartbeat, h != NULL);
        if (h != NULL) {
            assert_true(f.heartbeat.epoch == h->epoch && f.heartbeat.head == h->head);
            assert_true(f.heartbeat.as_of == h->as_of && f.heartbeat.first == h->first);
            assert_true(f.heartbeat.newest_topic == h->newest_topic);
        }
        same_entries(bytes, p->entries, p->n_entries);
    }
}

/* ---- requests */

enum { PREFIXES = 6 };

/* Reads what was written into room of just frame_request_max, plus more. */
static const Request *read_request(uint8_t *room, size_t most, const uint8_t *end, uint64_t id) {
    ProtobufCMessage *message;
    struct fault fault = {0};
    assert_true((size_t)(end - room) <= most);
    struct slice bytes = {room, (size_t)(end - room)};
    if (codec_unpack(&newswire__v1__replay_request__descriptor, arena, bytes, &message, &fault) < 0)
        fail_msg("%s %s", fault.field, fault.reason);
    const Request *q = (const Request *)message;
    assert_true(q->request_id == id);
    /* Nothing is left over, and it is as protobuf-c would write it. */
    assert_true(slice_equal(packed(message), bytes));
    return q;
}

static void same_topics(char *const *topics, size_t n_topics, const struct slice *prefixes,
                        size_t n) {
    assert_int_equal(n_topics, n);
    for (size_t i = 0; i < n; i++)
        assert_true(slice_equal(slice_of(topics[i]), prefixes[i]));
}

static void requests_are_read_as_written(void **state) {
    (void)state;
    for (int i = 0; i < 3000; i++) {
        arena_reset(arena);
        struct slice prefixes[PREFIXES];
        size_t n = below(PREFIXES + 1);
        for (size_t k = 0; k < n; k++)
            prefixes[k] = slice_of(random_word(LIMIT_TOPIC_BYTES));
        struct slice client = slice_of(random_word(200));
        struct frame_open open = {.epoch = random_number(),
                                  .after = random_number(),
                                  .since_usec = (int64_t)random_number(),
                                  .credit_bytes = random_number()};
        uint64_t id = random_number(), number = random_number();
        size_t most = frame_request_max(prefixes, n) + client.len;
        uint8_t *room = malloc(most);
        assert_non_null(room);
        const Request *q =
            read_request(room, most - client.len, frame_put_open(room, id, &open, prefixes, n), id);
        assert_int_equal(q->what_case, NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN);
        assert_true(q->open->epoch == open.epoch && q->open->after == open.after);
        assert_true(q->open->since_usec == open.since_usec && q->open->until == 0);
        assert_true(q->open->credit_bytes == open.credit_bytes);
        same_topics(q->open->topics, q->open->n_topics, prefixes, n);
        q = read_request(room, most - client.len, frame_put_credit(room, id, number), id);
        assert_int_equal(q->what_case, NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CREDIT);
        assert_true(q->credit->bytes == number);
        q = read_request(room, most - client.len, frame_put_close(room, id), id);
        assert_int_equal(q->what_case, NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CLOSE);
        q = read_request(room, most - client.len, frame_put_heads(room, id, prefixes, n), id);
        assert_int_equal(q->what_case, NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS);
        same_topics(q->heads->topics, q->heads->n_topics, prefixes, n);
        q = read_request(room, most,
                         frame_put_report(room, client, open.epoch, number, prefixes, n), 0);
        assert_int_equal(q->what_case, NEWSWIRE__V1__REPLAY_REQUEST__WHAT_REPORT);
        assert_true(q->report->epoch == open.epoch && q->report->proven_seq == number);
        assert_true(slice_equal(slice_of(q->report->client), client));
        same_topics(q->report->topics, q->report->n_topics, prefixes, n);
        free(room);
    }
}

/* ---- hostile bytes */

static bool within(struct slice part, struct slice whole) {
    return part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static uint64_t sum;

static void touch(struct slice s, struct slice whole) {
    assert_true(within(s, whole));
    for (size_t i = 0; i < s.len; i++)
        sum += s.data[i];
}

/* Reads bytes in every way, from memory of their own; what comes out must lie
 * within them. Whether each reader took them. */
static bool read_all(const uint8_t *bytes, size_t len, bool feed) {
    uint8_t *exact = malloc(len == 0 ? 1 : len);
    assert_non_null(exact);
    if (len > 0)
        memcpy(exact, bytes, len);
    struct slice whole = {len == 0 ? exact + 1 : exact, len}, rest = whole;
    struct frame f;
    struct entry e;
    struct frame_head h;
    int r = feed ? frame_read_feed(whole, &f) : frame_read_replay(whole, &f);
    assert_true(r == 0 || r == -EBADMSG);
    bool good = r == 0;
    if (r == 0) {
        touch(f.error.message, whole);
        assert_true(f.heartbeat.head <= f.heartbeat.as_of);
    }
    while ((r = frame_next_entry(&rest, &e)) == 1) {
        touch(e.topic, whole);
        touch(e.uri, whole);
        touch(e.article, whole);
        touch(e.content_digest, whole);
        for (size_t i = 0; i < e.n_path; i++)
            touch(e.path[i], whole);
        assert_true(e.seq > e.prev_seq && e.topic.len > 0 && e.topic.len <= LIMIT_TOPIC_BYTES);
    }
    assert_true(r == 0 || r == -EBADMSG);
    good = good && r == 0;
    rest = whole;
    while ((r = frame_next_head(&rest, &h)) == 1) {
        touch(h.topic, whole);
        assert_true(h.topic.len > 0 && h.topic.len <= LIMIT_TOPIC_BYTES);
    }
    assert_true(r == 0 || r == -EBADMSG);
    good = good && r == 0;
    free(exact);
    return good;
}

static void random_bytes(void **state) {
    (void)state;
    uint8_t bytes[64];
    size_t good = 0;
    for (int i = 0; i < 200000; i++) {
        size_t len = below(sizeof bytes + 1);
        for (size_t k = 0; k < len; k++) /* tags and short lengths are what leads on */
            bytes[k] = below(2) == 0 ? (uint8_t)random_u64() : (uint8_t)below(0x60);
        good += read_all(bytes, len, i % 2 == 0);
    }
    assert_true(good > 100); /* not all end at their first byte */
}

/* Cut anywhere, a message is refused or ends between two fields. */
static void cut_messages(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        arena_reset(arena);
        bool feed = i % 2 == 0;
        struct slice s = feed ? packed(&random_feed()->base) : packed(&random_reply()->base);
        assert_true(read_all(s.data, s.len, feed));
        for (size_t len = 0; len < s.len; len++) {
            struct slice rest = {s.data, len};
            struct wire_field w;
            bool whole = true;
            while (rest.len > 0 && whole)
                whole = wire_get_field(&rest, &w);
            assert_int_equal(read_all(s.data, len, feed), whole);
        }
    }
}

static void bent_messages(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++) {
        arena_reset(arena);
        bool feed = i % 2 == 0;
        struct slice s = feed ? packed(&random_feed()->base) : packed(&random_reply()->base);
        uint8_t *bent = arena_alloc(arena, s.len + 1);
        for (int k = 0; k < 100 && s.len > 0; k++) {
            memcpy(bent, s.data, s.len);
            for (uint64_t n = 1 + below(3); n > 0; n--)
                bent[below(s.len)] = below(3) == 0 ? 0xff : (uint8_t)random_u64();
            read_all(bent, s.len, feed);
        }
    }
}

/* Single cases that a reader must know. */
static void what_is_no_frame(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool feed;
    } bad[] = {
        {"\x08\x01", 2, true},                  /* entries as a number */
        {"\x10\x01", 2, true},                  /* heartbeat as a number */
        {"\x12\x04\x10\x05\x18\x04", 6, true},  /* a head above as_of */
        {"\x12\x03\x0a\x01x", 5, true},         /* an epoch as text */
        {"\x0a\x05\x10\x01\x22\x01", 6, false}, /* an entry longer than the frame */
        {"\x12\x01x", 3, false},                /* request_id as text */
        {"\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, false}, /* beyond 64 bits */
        {"\x40\x01", 2, false},                                      /* error as a number */
        {"\x0b\x0c", 2, false},                                      /* a group */
        {"\x00\x00", 2, false},                                      /* field 0 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_all((const uint8_t *)bad[i].bytes, bad[i].len, bad[i].feed))
            fail_msg("case %zu is taken", i);
    uint8_t long_topic[6 + LIMIT_TOPIC_BYTES] = {0x4a, 3 + LIMIT_TOPIC_BYTES, 0x0a,
                                                 1 + LIMIT_TOPIC_BYTES};
    assert_false(read_all(long_topic, 5 + LIMIT_TOPIC_BYTES, false));
    long_topic[1]--;
    long_topic[3]--;
    assert_true(read_all(long_topic, 4 + LIMIT_TOPIC_BYTES, false));
    /* The last one counts, and unknown fields are passed over. */
    static const uint8_t twice[] = {0x10, 1, 0x10, 7, 0x82, 0x7d, 1, 'x', 0xa0, 6, 5};
    struct frame f;
    assert_int_equal(frame_read_replay((struct slice){twice, sizeof twice}, &f), 0);
    assert_int_equal(f.request_id, 7);
    assert_int_equal(frame_read_replay((struct slice){twice, 0}, &f), 0);
    assert_int_equal(f.request_id, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replies_are_read_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(feed_messages_are_read_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_are_read_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bent_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_frame, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
