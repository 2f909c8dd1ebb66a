/* The log beside a simple model in memory, over seeded random operations with
 * crashes and failing disks; and readers while it is appended to. */

#include "tests/daemon/log/log_helper.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URIS = 60, TOPICS = 4, OPERATIONS = 4000, SEEDS = 3 };

static struct log_fixture f;
static const char *const topics[TOPICS] = {"a/brief", "b/article", "c/photo", "a/article"};

struct model_version {
    uint64_t seq;
    int text;
};

struct model {
    struct model_version versions[URIS][16]; /* seq 0: never was; the newest is `latest` */
    uint32_t latest[URIS];
    int topic[URIS];
    bool killed[URIS];
    uint64_t killed_at[URIS];
    uint64_t heads[TOPICS];
    uint64_t counts[TOPICS];
    struct {
        int uri, topic, text; /* text -1: a notice that the story has moved */
        uint32_t version;
        uint64_t seq, prev;
    } entries[2 * OPERATIONS];
    size_t n;
};

static struct model m;
static uint64_t seed;

static uint32_t random_below(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % n;
}

static enum log_outcome model_decide(int uri, uint32_t version, int text, bool kill,
                                     uint64_t *ret_seq) {
    *ret_seq = 0;
    const struct model_version *known = &m.versions[uri][version];
    if (m.latest[uri] >= version) {
        if (known->seq == 0 || known->text != text)
            return LOG_REFUSED;
        *ret_seq = known->seq;
        return LOG_DUPLICATE;
    }
    bool unknown = m.latest[uri] == 0 && (version > 1 || kill);
    return m.killed[uri] || unknown ? LOG_REFUSED : LOG_ACCEPTED;
}

static void model_add(int uri, uint32_t version, int topic, int text, uint64_t seq) {
    assert_true(m.n < sizeof m.entries / sizeof *m.entries);
    m.entries[m.n].uri = uri;
    m.entries[m.n].topic = topic;
    m.entries[m.n].text = text;
    m.entries[m.n].version = version;
    m.entries[m.n].seq = seq;
    m.entries[m.n++].prev = m.heads[topic];
    m.heads[topic] = seq;
    m.counts[topic]++;
}

static void model_accept(int uri, uint32_t version, int topic, int text, bool kill,
                         const struct kept_result *r) {
    if (m.latest[uri] > 0 && kill)
        topic = m.topic[uri];
    else if (m.latest[uri] > 0 && m.topic[uri] != topic)
        model_add(uri, m.latest[uri], m.topic[uri], -1, r->seq - 1);
    uint64_t before = m.latest[uri] > 0 ? m.versions[uri][m.latest[uri]].seq : 0;
    assert_int_equal(r->replaces, before);
    assert_int_equal(r->prev_seq, m.heads[topic]);
    assert_true(m.n == 0 || r->seq > m.entries[m.n - 1].seq);
    assert_string_equal(r->topic, topics[topic]);
    m.versions[uri][version] = (struct model_version){r->seq, text};
    m.latest[uri] = version;
    m.topic[uri] = topic;
    m.killed[uri] = kill;
    if (kill)
        m.killed_at[uri] = r->seq;
    model_add(uri, version, topic, text, r->seq);
}

static void model_read(void) {
    struct read_entry *e;
    size_t n, k = 0;
    int topic = (int)random_below(TOPICS + 1);
    uint64_t after = m.n == 0 ? 0 : random_below((uint32_t)m.entries[m.n - 1].seq + 1);
    const char *prefix = topic == TOPICS ? NULL : topics[topic];
    assert_int_equal(fixture_read(&f, prefix, after, &e, &n), 0);
    for (size_t i = 0; i < m.n; i++) {
        char text[32], uri[32];
        if (m.entries[i].seq <= after || (prefix != NULL && m.entries[i].topic != topic))
            continue;
        assert_true(k < n);
        snprintf(text, sizeof text, "text %d", m.entries[i].text);
        snprintf(uri, sizeof uri, "u:%d", m.entries[i].uri);
        assert_int_equal(e[k].seq, m.entries[i].seq);
        assert_int_equal(e[k].prev_seq, m.entries[i].prev);
        assert_int_equal(e[k].version, m.entries[i].version);
        assert_string_equal(e[k].uri, uri);
        if (m.entries[i].seq < m.killed_at[m.entries[i].uri])
            assert_string_equal(e[k].text, "");
        else if (m.entries[i].text >= 0)
            assert_string_equal(e[k].text, text);
        else
            assert_non_null(strchr(e[k].text, '/')); /* moved_to */
        k++;
    }
    assert_int_equal(k, n);
    free(e);
}

static void model_heads(void) {
    struct log_head *heads;
    size_t n, known = 0;
    uint64_t as_of, newest;
    assert_int_equal(log_heads(f.log, NULL, 0, &heads, &n, &as_of, &newest), 0);
    for (size_t t = 0; t < TOPICS; t++)
        known += m.counts[t] > 0;
    assert_int_equal(n, known);
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < TOPICS; t++)
            if (strcmp(heads[i].topic, topics[t]) == 0) {
                assert_int_equal(heads[i].head, m.heads[t]);
                assert_int_equal(heads[i].entries, m.counts[t]);
            }
    assert_int_equal(as_of, m.n == 0 ? 0 : m.entries[m.n - 1].seq);
    free(heads);
}

static void model_put(void) {
    char uri_text[32], text_text[32];
    int uri = (int)random_below(URIS), topic = uri % TOPICS, text = (int)random_below(2);
    uint32_t version = 1 + random_below(m.latest[uri] + 2 < 15 ? m.latest[uri] + 2 : 15);
    bool kill = random_below(40) == 0, failing = random_below(60) == 0;
    if (random_below(20) == 0)
        topic = (int)random_below(TOPICS);
    uint64_t seq;
    enum log_outcome wanted = model_decide(uri, version, text, kill, &seq);
    snprintf(uri_text, sizeof uri_text, "u:%d", uri);
    snprintf(text_text, sizeof text_text, "text %d", text);
    if (failing && wanted == LOG_ACCEPTED) {
        atomic_store(&fail_syncs, 1);
        wanted = LOG_UNAVAILABLE;
    }
    struct kept_result r = fixture_put(&f, (struct story){
                                               .uri = uri_text,
                                               .version = version,
                                               .topic = topics[topic],
                                               .text = text_text,
                                               .canceled = kill,
                                           });
    assert_int_equal(r.outcome, wanted);
    assert_int_equal(atomic_load(&fail_syncs), 0);
    if (wanted == LOG_DUPLICATE)
        assert_int_equal(r.seq, seq);
    if (wanted == LOG_ACCEPTED)
        model_accept(uri, version, topic, text, kill, &r);
}

static void run_model(uint64_t with_seed) {
    seed = with_seed;
    m = (struct model){0};
    fixture_setup(&f);
    f.config.segment_bytes = 4 << 10;
    assert_int_equal(fixture_open(&f), 0);
    for (int i = 0; i < OPERATIONS; i++) {
        uint32_t what = random_below(200);
        if (what == 0)
            fixture_close(&f);
        else if (what == 1)
            fixture_crash(&f);
        if (what < 2) {
            f.config.checkpoint_entries = random_below(2) == 0 ? 1 << 20 : 30;
            assert_int_equal(fixture_open(&f), 0);
            assert_int_equal(f.notes.n, 0);
        } else if (what < 6) {
            model_read();
            model_heads();
        } else {
            model_put();
        }
    }
    fixture_teardown(&f);
}

static void model(void **state) {
    (void)state;
    for (uint64_t s = 1; s <= SEEDS; s++) {
        print_message("seed %d\n", (int)s);
        run_model(s);
    }
}

/* ---- reading while appending, and while segments go */

enum { STORIES = 20000 };

struct follower {
    pthread_t thread;
    const char *prefix;
    size_t seen;
    int error;
    bool gap; /* an entry of the topic is missing that retention didn't take */
};

static atomic_bool stop;

static void follow_some(struct follower *r, struct log_cursor *c, uint8_t *buffer, size_t size,
                        uint64_t *after, uint64_t *last) {
    struct log_bounds b;
    struct log_read out;
    struct fault fault;
    struct slice prefix = slice_of(r->prefix);
    log_bounds(f.log, &b);
    r->error = log_cursor_read(c, &prefix, 1, *after, b.head, buffer, size, size, &out, &fault);
    if (r->error < 0)
        return;
    struct slice in = {buffer, out.bytes};
    while (in.len > 0) {
        struct wire_field field;
        struct entry e;
        if (!wire_get_field(&in, &field) || entry_decode(field.bytes, &e) < 0) {
            r->error = -EBADMSG;
            return;
        }
        log_bounds(f.log, &b);
        r->gap = r->gap || e.seq <= *last || (e.prev_seq != *last && e.prev_seq >= b.first);
        *last = e.seq;
        r->seen++;
    }
    *after = out.scanned_seq;
}

static void *follow_thread(void *argument) {
    struct follower *r = argument;
    struct log_cursor *c;
    uint8_t *buffer = malloc(LIMIT_ENTRY_BYTES);
    uint64_t after = 0, last = 0;
    r->error = log_cursor_open(f.log, &c);
    bool stopping = false;
    while (r->error == 0 && !stopping) {
        stopping = atomic_load(&stop); /* then once more, to the end */
        for (int i = 0; i < (stopping ? 1000 : 1) && r->error == 0; i++)
            follow_some(r, c, buffer, LIMIT_ENTRY_BYTES, &after, &last);
    }
    log_cursor_close(c);
    free(buffer);
    return NULL;
}

static void read_while_appending(uint64_t retain_bytes) {
    struct follower followers[2] = {{.prefix = "a/"}, {.prefix = ""}};
    fixture_setup(&f);
    atomic_store(&stop, false);
    f.config.segment_bytes = 100 << 10;
    f.config.batch_bytes = 8 << 10;
    f.config.checkpoint_entries = 1000;
    f.config.retain_bytes = retain_bytes;
    assert_int_equal(fixture_open(&f), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&followers[i].thread, NULL, follow_thread, &followers[i]),
                         0);
    for (int i = 0; i < STORIES; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "u:%d", i);
        struct story s = {.uri = uri, .version = 1, .topic = topics[i % 2], .text = "text"};
        fixture_append(&f, &s, 1);
        log_dispatch(f.log, 50);
    }
    fixture_wait(&f, STORIES);
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(followers[i].thread, NULL);
        assert_int_equal(followers[i].error, 0);
        if (retain_bytes == 0)
            assert_int_equal(followers[i].seen, STORIES / 2 * (i + 1));
    }
    assert_false(followers[0].gap);
    fixture_teardown(&f);
}

static void readers(void **state) {
    (void)state;
    read_while_appending(0);
    read_while_appending(300 << 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model),
        cmocka_unit_test(readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
