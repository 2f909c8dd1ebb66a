/*
 * The reader against a model of a daemon, under thousands of seeded schedules
 * of drops, delays, reconnects, restarts of either side, retention and new
 * epochs. An oracle that knows the whole log checks each thing that the reader
 * says; in the end, when the faults stop, all must have come.
 *
 * SCHEDULES=n runs so many, SEED=n begins there; a failure names its seed.
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

/* ---- the model: a log, its feed and its replay */

enum {
    TOPICS = 6,
    EPOCHS = 6,
    ENTRIES = 160,
    PIPE = 512,
    SESSIONS = 4,
    FRAME_BYTES = 4096,
    EPOCH_BASE = 1000,
};

static const char *const topic_names[TOPICS] = {"a/article", "a/brief",  "b/article",
                                                "bb/brief",  "bb/photo", "c/brief"};
static const char *const prefix_sets[][4] = {
    {""}, {"a/"}, {"a/", "b/article"}, {"b"}, {"c/brief"}, {"d/"}, {"bb/photo", "a/", "c"},
};

struct item {
    uint64_t seq, prev;
    int topic;
    int64_t stored;
    /* The oracle's view of it. */
    bool ours, came, lost;
};

struct life {
    struct item items[ENTRIES];
    int n;
    uint64_t heads[TOPICS];
    uint64_t head, first, newest_topic;
};

struct message {
    char topic[16];
    uint8_t bytes[FRAME_BYTES];
    size_t len;
};

struct pipe {
    struct message messages[PIPE];
    int first, n;
};

struct session {
    bool used;
    uint64_t id, after, until, credit;
    char prefixes[4][16];
    int n_prefixes;
};

/* What can be taken back when a reader goes on from a saved cursor. */
struct oracle {
    int life;
    uint64_t start;
    bool started;
    uint64_t last[TOPICS];
};

struct world {
    uint64_t random, now;
    struct life lives[EPOCHS];
    int life;
    struct pipe feed, requests, replies;
    struct session sessions[SESSIONS];
    bool feed_up, replay_up, subscribed;
    int drop_percent, busy_percent;
    bool calm;
    bool mute; /* the feed brings nothing, ever */

    struct reader *reader;
    struct reader_config config;
    struct slice prefixes[4];
    uint64_t head_at_start;

    struct oracle oracle, saved;
    struct item saved_items[EPOCHS][ENTRIES];
    int saved_n[EPOCHS];
    struct reader_position positions[TOPICS];
    struct reader_cursor cursor;
    bool has_cursor;
    long entries, losses, epochs, caught_up, restarts;
};

static struct world w;
static unsigned long seed;
static char failure[256];
static jmp_buf on_failure;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            snprintf(failure, sizeof failure, "seed %lu: line %d: %s", seed, __LINE__,             \
                     #condition);                                                                  \
            longjmp(on_failure, 1);                                                                \
        }                                                                                          \
    } while (0)

static uint64_t pick(uint64_t n) {
    w.random ^= w.random << 13;
    w.random ^= w.random >> 7;
    w.random ^= w.random << 17;
    return w.random % n;
}

static bool percent(int p) {
    return (int)pick(100) < p;
}

static struct life *life_now(void) {
    return &w.lives[w.life];
}

static struct message *push(struct pipe *p) {
    CHECK(p->n < PIPE);
    struct message *m = &p->messages[(p->first + p->n++) % PIPE];
    m->len = 0;
    return m;
}

static struct message *pop(struct pipe *p) {
    struct message *m = &p->messages[p->first];
    p->first = (p->first + 1) % PIPE;
    p->n--;
    return m;
}

static bool is_ours(const char *topic) {
    for (size_t i = 0; i < w.config.n_prefixes; i++)
        if (topic_matches(w.prefixes[i], slice_of(topic)))
            return true;
    return false;
}

static uint8_t *put_item(uint8_t *p, int life, const struct item *it) {
    char article[32];
    int len = snprintf(article, sizeof article, "%llu", (unsigned long long)it->seq);
    struct entry e = {.epoch = EPOCH_BASE + (uint64_t)life,
                      .seq = it->seq,
                      .prev_seq = it->prev,
                      .topic = slice_of(topic_names[it->topic]),
                      .stored_at_usec = it->stored,
                      .article = {(uint8_t *)article, (size_t)len}};
    return entry_encode(&e, p);
}

/* ---- the model's feed */

static bool feed_drops(void) {
    return !w.subscribed || w.mute || w.feed.n >= PIPE / 2 || (!w.calm && percent(w.drop_percent));
}

static void put_heartbeat(struct message *m, int topic) {
    const struct life *l = life_now();
    uint8_t body[64], *q = body;
    q = wire_put_uint(q, 1, EPOCH_BASE + (uint64_t)w.life);
    q = wire_put_uint(q, 2, l->heads[topic]);
    q = wire_put_uint(q, 3, l->head);
    q = wire_put_uint(q, 4, l->newest_topic);
    q = wire_put_uint(q, 5, l->first);
    m->len =
        (size_t)(wire_put_bytes(m->bytes + m->len, 2, (struct slice){body, (size_t)(q - body)}) -
                 m->bytes);
}

static void heartbeat(int topic) {
    if (!is_ours(topic_names[topic]) || feed_drops())
        return;
    struct message *m = push(&w.feed);
    snprintf(m->topic, sizeof m->topic, "%s", topic_names[topic]);
    put_heartbeat(m, topic);
}

static void heartbeats(void) {
    for (int i = 0; i < TOPICS; i++)
        if (w.calm || percent(80))
            heartbeat(i);
}

static struct item *append(int topic) {
    struct life *l = life_now();
    if (l->n == ENTRIES)
        return NULL;
    struct item *it = &l->items[l->n++];
    *it = (struct item){.seq = l->head + 1 + pick(3),
                        .prev = l->heads[topic],
                        .topic = topic,
                        .ours = is_ours(topic_names[topic])};
    it->stored = (int64_t)it->seq * 10;
    if (it->prev == 0)
        l->newest_topic = it->seq;
    l->heads[topic] = l->head = it->seq;
    return it;
}

static void publish(void) {
    int topic = (int)pick(pick(TOPICS) + 1), n = percent(20) ? 3 : 1;
    struct message *m = NULL;
    for (; n > 0; n--) {
        struct item *it = append(topic);
        if (it == NULL)
            return;
        if (m == NULL && (!it->ours || feed_drops()))
            return;
        if (m == NULL)
            m = push(&w.feed);
        snprintf(m->topic, sizeof m->topic, "%s", topic_names[topic]);
        m->len = (size_t)(put_item(m->bytes + m->len, w.life, it) - m->bytes);
    }
    if (percent(10))
        put_heartbeat(m, topic);
}

static void retain(void) {
    struct life *l = life_now();
    int kept = 0;
    uint64_t first = l->first + pick(l->head + 2 > l->first ? l->head + 2 - l->first : 1);
    while (kept < l->n && l->items[kept].seq < first)
        kept++;
    l->first = kept < l->n ? l->items[kept].seq : l->head + 1;
}

/* ---- the model's replay */

static bool session_covers(const struct session *s, int topic) {
    for (int i = 0; i < s->n_prefixes; i++)
        if (topic_matches(slice_of(s->prefixes[i]), slice_of(topic_names[topic])))
            return true;
    return false;
}

static uint8_t *put_around(uint8_t *q, uint64_t id, uint64_t proven, bool done) {
    const struct life *l = life_now();
    q = wire_put_uint(q, 2, id);
    q = wire_put_uint(q, 3, EPOCH_BASE + (uint64_t)w.life);
    q = wire_put_uint(q, 4, proven);
    q = wire_put_uint(q, 5, l->first);
    q = wire_put_uint(q, 6, l->head);
    q = wire_put_uint(q, 7, done);
    return wire_put_uint(q, 10, l->newest_topic);
}

static void reply_error(uint64_t id, int code) {
    uint8_t body[64], *q = wire_put_uint(body, 1, (uint64_t)code);
    q = wire_put_bytes(q, 2, slice_of("so it is"));
    struct message *m = push(&w.replies);
    uint8_t *p = put_around(m->bytes, id, 0, true);
    m->len = (size_t)(wire_put_bytes(p, 8, (struct slice){body, (size_t)(q - body)}) - m->bytes);
}

static void model_open(const Newswire__V1__ReplayRequest *q) {
    const Newswire__V1__ReplayOpen *open = q->open;
    const struct life *l = life_now();
    struct session *s = w.sessions;
    while (s < w.sessions + SESSIONS && s->used)
        s++;
    if (open->epoch != 0 && open->epoch != EPOCH_BASE + (uint64_t)w.life) {
        reply_error(q->request_id, NEWSWIRE__V1__ERROR__CODE__wrong_epoch);
        return;
    }
    if (s == w.sessions + SESSIONS || (!w.calm && percent(w.busy_percent))) {
        reply_error(q->request_id, NEWSWIRE__V1__ERROR__CODE__busy);
        return;
    }
    *s = (struct session){.used = true,
                          .id = q->request_id,
                          .after = open->after,
                          .until = l->head,
                          .credit = open->credit_bytes};
    for (size_t i = 0; i < open->n_topics; i++)
        snprintf(s->prefixes[s->n_prefixes++], sizeof s->prefixes[0], "%s", open->topics[i]);
    if (open->since_usec != 0)
        for (int i = 0; i < l->n && l->items[i].stored < open->since_usec; i++)
            s->after = l->items[i].seq;
}

static void model_heads(const Newswire__V1__ReplayRequest *q) {
    const struct life *l = life_now();
    struct message *m = push(&w.replies);
    uint8_t *p = m->bytes;
    for (int i = 0; i < TOPICS; i++) {
        uint8_t body[64], *b = wire_put_bytes(body, 1, slice_of(topic_names[i]));
        if (!is_ours(topic_names[i]) || (l->heads[i] == 0 && i % 2 == 0))
            continue;
        b = wire_put_uint(b, 2, l->heads[i]);
        p = wire_put_bytes(p, 9, (struct slice){body, (size_t)(b - body)});
    }
    m->len = (size_t)(put_around(p, q->request_id, 0, true) - m->bytes);
}

static struct session *find_session(uint64_t id) {
    for (int i = 0; i < SESSIONS; i++)
        if (w.sessions[i].used && w.sessions[i].id == id)
            return &w.sessions[i];
    return NULL;
}

static void take_request(void) {
    struct message *m = pop(&w.requests);
    Newswire__V1__ReplayRequest *q = newswire__v1__replay_request__unpack(NULL, m->len, m->bytes);
    CHECK(q != NULL);
    struct session *s = find_session(q->request_id);
    switch (q->what_case) {
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN: model_open(q); break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CREDIT:
        if (s != NULL)
            s->credit += q->credit->bytes;
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CLOSE:
        if (s != NULL)
            s->used = false;
        break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS: model_heads(q); break;
    case NEWSWIRE__V1__REPLAY_REQUEST__WHAT_REPORT:
        CHECK(q->report->proven_seq <= life_now()->head ||
              q->report->epoch != EPOCH_BASE + (uint64_t)w.life);
        break;
    default: CHECK(!"a request that asks for nothing");
    }
    newswire__v1__replay_request__free_unpacked(q, NULL);
}

/* One frame, of any number of entries, none included. */
static void serve(struct session *s) {
    const struct life *l = life_now();
    int most = (int)pick(6), i = 0;
    if (!s->used || s->credit == 0)
        return;
    struct message *m = push(&w.replies);
    uint8_t *p = m->bytes;
    uint64_t scanned = s->until;
    for (; i < l->n && l->items[i].seq <= s->until; i++) {
        const struct item *it = &l->items[i];
        if (it->seq <= s->after || it->seq < l->first || !session_covers(s, it->topic))
            continue;
        if (most-- == 0) {
            scanned = it->seq - 1;
            break;
        }
        p = put_item(p, w.life, it);
    }
    bool done = scanned == s->until && percent(70);
    if (scanned > s->after)
        s->after = scanned;
    m->len = (size_t)(put_around(p, s->id, s->after, done) - m->bytes);
    s->credit -= m->len < s->credit ? m->len : s->credit;
    s->used = !done;
}

/* ---- the oracle */

static int life_of(uint64_t epoch) {
    CHECK(epoch >= EPOCH_BASE && epoch <= EPOCH_BASE + (uint64_t)w.life);
    return (int)(epoch - EPOCH_BASE);
}

/* The place to begin at must fit what was asked for. */
static void check_start(void) {
    struct reader_cursor c;
    if (w.oracle.started || !reader_started(w.reader))
        return;
    CHECK(reader_cursor(w.reader, &c) == 0);
    if (c.epoch == 0)
        return;
    w.oracle.life = life_of(c.epoch);
    const struct life *l = &w.lives[w.oracle.life];
    w.oracle.start = c.start_seq;
    w.oracle.started = true;
    if (w.config.start == READER_FROM_HEAD)
        CHECK(c.start_seq >= w.head_at_start && c.start_seq <= l->head);
    for (int i = 0; i < l->n && w.config.start == READER_FROM_TIME; i++)
        if (l->items[i].ours && l->items[i].seq >= l->first)
            CHECK((l->items[i].stored >= w.config.since_usec) == (l->items[i].seq > c.start_seq) ||
                  l->items[i].stored < w.config.since_usec);
}

static void check_cursor(void) {
    struct reader_cursor c;
    if (!w.oracle.started)
        return;
    CHECK(reader_cursor(w.reader, &c) == 0);
    if (c.epoch == 0)
        return;
    const struct life *l = &w.lives[w.oracle.life];
    CHECK(c.epoch == EPOCH_BASE + (uint64_t)w.oracle.life);
    CHECK(c.proven_seq <= l->head || c.proven_seq == c.start_seq);
    for (int i = 0; i < l->n; i++) {
        const struct item *it = &l->items[i];
        if (it->ours && it->seq > w.oracle.start && it->seq <= c.proven_seq)
            CHECK(it->came || it->lost || it->seq < l->first);
    }
    for (size_t i = 0; i < c.n_positions; i++)
        for (int t = 0; t < TOPICS; t++)
            if (slice_equal(c.positions[i].topic, slice_of(topic_names[t])) &&
                c.positions[i].last_seq > w.oracle.start)
                CHECK(c.positions[i].last_seq == w.oracle.last[t]);
}

static int topic_index(struct slice name) {
    for (int t = 0; t < TOPICS; t++)
        if (slice_equal(name, slice_of(topic_names[t])))
            return t;
    CHECK(!"a topic that there isn't");
    return -1;
}

static void entry_came(const struct entry *e) {
    struct life *l = &w.lives[w.oracle.life];
    char article[32];
    CHECK(w.oracle.started && e->epoch == EPOCH_BASE + (uint64_t)w.oracle.life);
    int t = topic_index(e->topic);
    for (int i = 0; i < l->n; i++) {
        struct item *it = &l->items[i];
        if (it->topic != t || it->seq <= w.oracle.start)
            continue;
        if (it->seq < e->seq)
            CHECK(it->came || it->lost); /* order, and no hole */
        if (it->seq != e->seq)
            continue;
        CHECK(it->ours && !it->came && !it->lost);
        it->came = true;
        w.oracle.last[t] = it->seq;
        w.entries++;
        snprintf(article, sizeof article, "%llu", (unsigned long long)it->seq);
        CHECK(slice_equal(e->article, slice_of(article)));
        return;
    }
    CHECK(!"an entry that there isn't");
}

static void loss_came(const struct reader_event *event) {
    struct life *l = &w.lives[w.oracle.life];
    int t = topic_index(event->topic);
    uint64_t last = w.oracle.last[t] > w.oracle.start ? w.oracle.last[t] : w.oracle.start;
    bool exact = false;
    CHECK(event->upto > event->after);
    for (int i = 0; i < l->n; i++) {
        struct item *it = &l->items[i];
        if (it->topic != t)
            continue;
        if (it->seq > w.oracle.start && it->seq <= event->after)
            CHECK(it->came || it->lost);
        if (it->seq <= event->after || it->seq > event->upto)
            continue;
        CHECK(it->seq < l->first && !it->came && !it->lost);
        it->lost = true;
        exact = it->seq == event->upto;
        w.losses++;
    }
    CHECK(exact && (event->after == last || event->after <= w.oracle.start));
    w.oracle.last[t] = event->upto;
}

static void epoch_came(const struct reader_event *event) {
    CHECK(event->epoch_before == EPOCH_BASE + (uint64_t)w.oracle.life || !w.oracle.started);
    w.oracle = (struct oracle){.life = life_of(event->epoch), .started = true};
    w.epochs++;
    struct life *l = &w.lives[w.oracle.life];
    for (int i = 0; i < l->n; i++)
        l->items[i].came = l->items[i].lost = false;
}

static void caught_up(const struct reader_event *event) {
    const struct life *l = &w.lives[w.oracle.life];
    w.caught_up++;
    CHECK(event->upto >= w.head_at_start || w.oracle.life != 0);
    for (int i = 0; i < l->n; i++)
        if (l->items[i].ours && l->items[i].seq > w.oracle.start && l->items[i].seq <= event->upto)
            CHECK(l->items[i].came || l->items[i].lost || l->items[i].seq < l->first);
}

static void take_events(bool may_stop) {
    struct reader_event event;
    while (reader_next(w.reader, &event)) {
        check_start();
        switch (event.type) {
        case READER_ENTRY: entry_came(&event.entry); break;
        case READER_LOSS: loss_came(&event); break;
        case READER_EPOCH: epoch_came(&event); break;
        case READER_CAUGHT_UP: caught_up(&event); break;
        case READER_CHECKPOINT: break;
        case READER_UNANSWERED: break;
        case READER_ERROR: CHECK(!event.final); break;
        }
        check_cursor();
        if (may_stop && percent(2))
            return; /* the program ends in the middle of a frame */
    }
    check_start();
    check_cursor();
}

/* ---- the reader's life */

static void start_reader(void) {
    w.config.seed = w.random;
    CHECK(reader_new(&w.config, &w.reader) == 0);
    w.head_at_start = life_now()->head;
    w.feed_up = w.replay_up = w.subscribed = false;
    memset(w.sessions, 0, sizeof w.sessions);
    w.feed.n = w.replies.n = w.requests.n = 0;
}

static void save_cursor(void) {
    struct reader_cursor c;
    static char names[TOPICS][LIMIT_TOPIC_BYTES];
    if (!w.oracle.started)
        return;
    CHECK(reader_cursor(w.reader, &c) == 0);
    CHECK(c.n_positions <= TOPICS);
    for (size_t i = 0; i < c.n_positions; i++) {
        memcpy(names[i], c.positions[i].topic.data, c.positions[i].topic.len);
        w.positions[i] = c.positions[i];
        w.positions[i].topic.data = (uint8_t *)names[i];
    }
    w.cursor = c;
    w.cursor.positions = w.positions;
    w.has_cursor = true;
    w.saved = w.oracle;
    for (int i = 0; i <= w.life; i++) {
        w.saved_n[i] = w.lives[i].n;
        memcpy(w.saved_items[i], w.lives[i].items, (size_t)w.lives[i].n * sizeof(struct item));
    }
}

/* The program is killed, and started again with what it had saved. */
static void restart_reader(void) {
    w.restarts++;
    w.reader = reader_free(w.reader);
    w.config.cursor = (struct reader_cursor){0};
    if (w.has_cursor) {
        w.config.start = READER_FROM_CURSOR;
        w.config.cursor = w.cursor;
        w.oracle = w.saved;
    } else {
        w.oracle = (struct oracle){0};
    }
    for (int i = 0; i <= w.life; i++)
        for (int k = 0; k < w.lives[i].n; k++) {
            bool known = w.has_cursor && k < w.saved_n[i];
            w.lives[i].items[k].came = known && w.saved_items[i][k].came;
            w.lives[i].items[k].lost = known && w.saved_items[i][k].lost;
        }
    start_reader();
}

static void send_requests(void) {
    struct slice request;
    for (int n = 0; reader_request(w.reader, w.now, &request); n++) {
        CHECK(n < 50 && request.len <= FRAME_BYTES && w.replay_up);
        struct message *m = push(&w.requests);
        memcpy(m->bytes, request.data, request.len);
        m->len = request.len;
    }
    take_events(false);
    CHECK(reader_wake_usec(w.reader) > w.now || !w.replay_up);
}

static void deliver(struct pipe *pipe) {
    if (pipe->n == 0)
        return;
    struct message *m = pop(pipe);
    struct slice bytes = {m->bytes, m->len};
    CHECK((pipe == &w.feed ? reader_feed(w.reader, slice_of(m->topic), bytes, w.now)
                           : reader_replay(w.reader, bytes, w.now)) == 0);
    if (!w.calm && percent(1)) {
        take_events(true);
        if (percent(50))
            save_cursor();
        restart_reader();
    } else {
        take_events(false);
    }
}

static void set_link(enum reader_link link, bool up) {
    bool *state = link == READER_LINK_FEED ? &w.feed_up : &w.replay_up;
    if (*state == up)
        return;
    *state = up;
    reader_link(w.reader, link, up, w.now);
    if (link == READER_LINK_FEED && !up)
        w.subscribed = false;
    if (link == READER_LINK_REPLAY && !up) {
        memset(w.sessions, 0, sizeof w.sessions);
        w.requests.n = 0;
        if (percent(50))
            w.replies.n = 0; /* else they had arrived before */
    }
}

static void restart_daemon(bool new_epoch) {
    set_link(READER_LINK_FEED, false);
    set_link(READER_LINK_REPLAY, false);
    /* A number without an epoch means the life that is met first. */
    if (!new_epoch || w.life + 1 == EPOCHS || !w.oracle.started)
        return;
    w.life++;
    w.lives[w.life].n = 0;
    *life_now() = (struct life){.first = 1};
    for (uint64_t n = pick(6); n > 0; n--)
        append((int)pick(TOPICS));
}

static void subscribe(void) {
    if (!w.feed_up || w.subscribed)
        return;
    w.subscribed = true;
    heartbeats();
}

static void step(void) {
    w.now += pick(100) < 3 ? pick(12000000) : pick(60000);
    uint64_t what = pick(100);
    if (what < 22)
        publish();
    else if (what < 46)
        deliver(&w.feed);
    else if (what < 60)
        deliver(&w.replies);
    else if (what < 74 && w.requests.n > 0)
        take_request();
    else if (what < 84)
        serve(&w.sessions[pick(SESSIONS)]);
    else if (what < 87)
        heartbeats();
    else if (what < 89)
        subscribe();
    else if (what < 92)
        set_link(READER_LINK_FEED, !w.feed_up || percent(70));
    else if (what < 96)
        set_link(READER_LINK_REPLAY, !w.replay_up || percent(80));
    else if (what < 97)
        save_cursor();
    else if (what < 98 && percent(20))
        restart_daemon(percent(15));
    else if (what < 99 && percent(10))
        restart_reader();
    else if (percent(10))
        retain();
    send_requests();
}

/* No faults any more: everything has to come, and be proved. */
static void calm_down(void) {
    w.calm = true;
    for (int round = 0; round < 60; round++) {
        w.now += 2000000;
        set_link(READER_LINK_FEED, true);
        set_link(READER_LINK_REPLAY, true);
        subscribe();
        heartbeats();
        for (int i = 0; i < 200; i++) {
            w.now += 1000;
            send_requests();
            while (w.requests.n > 0)
                take_request();
            for (int k = 0; k < SESSIONS; k++)
                serve(&w.sessions[k]);
            if (w.feed.n + w.replies.n == 0)
                break;
            deliver(&w.feed);
            deliver(&w.replies);
        }
        if (w.oracle.started && w.oracle.life == w.life &&
            reader_proven_seq(w.reader) >= life_now()->head && round > 8)
            break;
    }
}

static void check_end(void) {
    const struct life *l = life_now();
    CHECK(w.oracle.started && w.oracle.life == w.life);
    CHECK(reader_proven_seq(w.reader) == l->head || reader_proven_seq(w.reader) == w.oracle.start);
    CHECK(w.caught_up > 0);
    for (int i = 0; i < l->n; i++)
        if (l->items[i].ours && l->items[i].seq > w.oracle.start)
            CHECK(l->items[i].came != l->items[i].lost);
}

static void begin(void) {
    w.now = 1000000 + pick(1000000);
    w.life = 0;
    w.lives[0] = (struct life){.first = 1};
    w.config = (struct reader_config)READER_CONFIG_DEFAULTS;
    w.config.prefixes = w.prefixes;
    w.config.client = "simulated";
    w.config.credit_bytes = 1 + pick(2000);
    w.config.pending_bytes = percent(30) ? pick(600) : 1 << 20;
    w.drop_percent = (int)pick(2) * (int)pick(60);
    w.busy_percent = (int)pick(30);
    const char *const *set = prefix_sets[pick(sizeof prefix_sets / sizeof prefix_sets[0])];
    for (w.config.n_prefixes = 0; w.config.n_prefixes < 4 && set[w.config.n_prefixes] != NULL;
         w.config.n_prefixes++)
        w.prefixes[w.config.n_prefixes] = slice_of(set[w.config.n_prefixes]);
    /* Nothing is left to asking again after a while, where heartbeats come. */
    if (percent(50) && !slice_equal(w.prefixes[0], slice_of("d/")))
        w.config.stale_usec = w.config.silence_usec = 1ULL << 60;
    w.mute = w.config.stale_usec < 1ULL << 60 && percent(10);
    for (uint64_t n = pick(30); n > 0; n--)
        append((int)pick(TOPICS));
    if (percent(20))
        retain();
    switch (pick(4)) {
    case 0: w.config.start = READER_FROM_HEAD; break;
    case 1:
        w.config.start = READER_FROM_TIME;
        w.config.since_usec = 1 + (int64_t)pick(life_now()->head * 12 + 1);
        break;
    case 2:
        w.config.cursor.proven_seq = w.config.cursor.start_seq = pick(life_now()->head + 1);
        break;
    default: break;
    }
}

static long total_entries, total_losses, total_epochs, total_restarts;

static void schedule(unsigned long s) {
    seed = s;
    if (setjmp(on_failure) != 0) {
        w.reader = reader_free(w.reader);
        fail_msg("%s", failure);
    }
    /* The big arrays stay as they are: only what counts is cleared. */
    w.random = (s + 1) * 0x9e3779b97f4a7c15 | 1;
    for (int i = 0; i < 8; i++)
        pick(2);
    w.oracle = (struct oracle){0};
    w.has_cursor = w.calm = false;
    w.entries = w.losses = w.epochs = w.caught_up = w.restarts = 0;
    begin();
    start_reader();
    for (uint64_t n = 40 + pick(500); n > 0; n--)
        step();
    calm_down();
    check_end();
    w.reader = reader_free(w.reader);
    total_entries += w.entries;
    total_losses += w.losses;
    total_epochs += w.epochs;
    total_restarts += w.restarts;
}

static unsigned long number_from(const char *name, unsigned long fallback) {
    const char *text = getenv(name);
    return text == NULL ? fallback : strtoul(text, NULL, 10);
}

#ifdef __SANITIZE_ADDRESS__
enum { SCHEDULES = 3000 };
#else
enum { SCHEDULES = 20000 };
#endif

static void nothing_is_lost_or_doubled_under_any_schedule(void **state) {
    (void)state;
    unsigned long first = number_from("SEED", 1), n = number_from("SCHEDULES", SCHEDULES);
    for (unsigned long s = first; s < first + n; s++)
        schedule(s);
    print_message("# %lu schedules: %ld entries, %ld lost by retention, %ld epochs, %ld restarts\n",
                  n, total_entries, total_losses, total_epochs, total_restarts);
    if (n >= 1000) /* the schedules must reach all of it */
        assert_true(total_entries > 0 && total_losses > 0 && total_epochs > 0 &&
                    total_restarts > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_doubled_under_any_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
