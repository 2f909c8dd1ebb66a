/*
 * The reader's state machine against a daemon that says anything: the input is a list
 * of commands, and the small numbers in them make frames that nearly fit together.
 *
 * Whatever it is told, what the reader hands on is in order: each entry follows the
 * last of its topic or what was told lost, the cursor says what was handed on, and a
 * new reader takes that cursor.
 */
#include "tests/fuzz/fuzz.h"

#include "proto/reader/reader.h"

enum { TOPICS = 6, EVENTS_MOST = 20000, REQUESTS_MOST = 64, STEPS_MOST = 400 };

static const char *const topics[TOPICS] = {"a/brief", "a/photo", "ab/brief",
                                           "b/photo", "c/brief", "no topic"};
static const char *const prefixes[] = {"a", "b/", ""};

static struct world {
    struct arena *arena;
    struct reader_config config;
    struct slice prefix;
    struct reader *reader;
    uint64_t now, epoch;
    uint64_t last[TOPICS]; /* handed on, lost, or of the cursor */
    uint64_t proven;
    uint64_t heads_id, session_id; /* asked for last */
    bool failed;
} w;

/* ---- frames */

struct message {
    uint8_t bytes[4096];
    uint8_t *end;
};

static void put_part(struct message *m, uint32_t field, const uint8_t *part, size_t len) {
    if (m->end + len + 16 > m->bytes + sizeof m->bytes)
        return;
    m->end = wire_put_varint(wire_put_tag(m->end, field, WIRE_LEN), len);
    memcpy(m->end, part, len);
    m->end += len;
}

static uint64_t take_epoch(struct fuzz_bytes *in) {
    uint8_t c = fuzz_byte(in);
    return c < 240 ? 5 : c % 4;
}

static void put_entry(struct message *m, struct fuzz_bytes *in) {
    struct entry e = {.epoch = take_epoch(in), .uri = slice_of("u")};
    uint8_t c = fuzz_byte(in);
    e.topic = slice_of(topics[c % TOPICS]);
    e.prev_seq = c & 0x40 ? fuzz_byte(in) : w.last[c % TOPICS];
    e.seq = c & 0x80 ? fuzz_byte(in) : e.prev_seq + 1 + fuzz_byte(in) % 4;
    if (e.seq > 0 && m->end + entry_encoded_max(&e) <= m->bytes + sizeof m->bytes)
        m->end = entry_encode(&e, m->end);
}

static void put_heartbeat(struct message *m, struct fuzz_bytes *in) {
    uint8_t part[64], *p = wire_put_uint(part, 1, take_epoch(in));
    for (uint32_t field = 2; field <= 5; field++)
        p = wire_put_uint(p, field, fuzz_byte(in));
    put_part(m, 2, part, (size_t)(p - part));
}

static void put_head(struct message *m, struct fuzz_bytes *in) {
    struct slice topic = slice_of(topics[fuzz_byte(in) % TOPICS]);
    uint8_t part[64], *p = wire_put_bytes(part, 1, topic);
    p = wire_put_uint(p, 2, fuzz_byte(in));
    put_part(m, 9, part, (size_t)(p - part));
}

static void put_error(struct message *m, struct fuzz_bytes *in) {
    uint8_t part[64], *p = wire_put_uint(part, 1, fuzz_byte(in) % 12);
    p = wire_put_bytes(p, 2, slice_of("words"));
    put_part(m, 8, part, (size_t)(p - part));
}

/* ---- what comes out */

static size_t topic_number(struct slice name) {
    for (size_t i = 0; i < TOPICS; i++)
        if (slice_equal(name, slice_of(topics[i])))
            return i;
    MUST(!"a topic that nobody named");
    return 0;
}

/* What the next entry of the topic follows. */
static uint64_t base(size_t topic) {
    struct reader_cursor c;
    MUST(reader_cursor(w.reader, &c) == 0);
    return w.last[topic] > c.start_seq ? w.last[topic] : c.start_seq;
}

static void take_event(const struct reader_event *e) {
    size_t t;
    MUST(!w.failed);
    switch (e->type) {
    case READER_ENTRY:
        t = topic_number(e->entry.topic);
        MUST(topic_valid(e->entry.topic) && topic_matches(w.prefix, e->entry.topic));
        MUST(e->entry.epoch == w.epoch);
        MUST(e->entry.seq > base(t) && e->entry.prev_seq <= base(t));
        w.last[t] = e->entry.seq;
        break;
    case READER_LOSS:
        t = topic_number(e->topic);
        MUST(e->after == base(t) && e->upto > e->after);
        w.last[t] = e->upto;
        break;
    case READER_EPOCH:
        MUST(e->epoch_before == w.epoch && e->epoch != e->epoch_before);
        memset(w.last, 0, sizeof w.last);
        w.epoch = e->epoch;
        w.proven = 0;
        break;
    case READER_ERROR:
        MUST(e->message != NULL);
        w.failed = e->final;
        break;
    default: break;
    }
}

static void check_cursor(void) {
    struct reader_cursor c;
    MUST(reader_cursor(w.reader, &c) == 0);
    MUST(c.start_seq <= c.proven_seq && c.proven_seq == reader_proven_seq(w.reader));
    if (reader_started(w.reader) && c.epoch == w.epoch) {
        MUST(c.proven_seq >= w.proven);
        w.proven = c.proven_seq;
    }
    for (size_t i = 0; i < c.n_positions; i++)
        MUST(c.positions[i].last_seq == w.last[topic_number(c.positions[i].topic)]);
}

static void take_events(void) {
    struct reader_event e;
    for (size_t n = 0; reader_next(w.reader, &e); n++) {
        MUST(n < EVENTS_MOST);
        take_event(&e);
    }
    struct reader_cursor c;
    MUST(reader_cursor(w.reader, &c) == 0);
    if (w.epoch == 0)
        w.epoch = c.epoch; /* the first is not told */
    check_cursor();
}

static void take_requests(void) {
    struct slice bytes;
    struct fault f;
    ProtobufCMessage *m;
    for (size_t n = 0; reader_request(w.reader, w.now, &bytes); n++) {
        MUST(n < REQUESTS_MOST);
        MUST(codec_unpack(&newswire__v1__replay_request__descriptor, w.arena, bytes, &m, &f) == 0);
        const Newswire__V1__ReplayRequest *q = (const Newswire__V1__ReplayRequest *)m;
        if (q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS)
            w.heads_id = q->request_id;
        if (q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN)
            w.session_id = q->request_id;
        take_events();
    }
    take_events();
    MUST(w.failed || reader_wake_usec(w.reader) > 0);
}

/* ---- what the daemon and the user do */

static void start(const struct reader_cursor *cursor) {
    if (cursor != NULL)
        w.config.cursor = *cursor;
    struct reader *r;
    MUST(reader_new(&w.config, &r) == 0);
    reader_free(w.reader);
    w.reader = r;
    w.failed = false;
}

/* Ends the reader and starts another one where it was. */
static void restart(void) {
    struct reader_cursor c;
    MUST(reader_cursor(w.reader, &c) == 0);
    if (!reader_started(w.reader))
        return;
    w.config.start = READER_FROM_CURSOR;
    w.epoch = c.epoch;
    start(&c);
    check_cursor();
}

static void give_feed(struct fuzz_bytes *in) {
    struct message m = {.end = m.bytes};
    struct slice topic = slice_of(topics[fuzz_byte(in) % TOPICS]);
    uint8_t n = fuzz_byte(in);
    for (uint8_t i = 0; i < n % 8; i++)
        put_entry(&m, in);
    if (n & 0x80)
        put_heartbeat(&m, in);
    if (n == 0x7f)
        put_part(&m, 1, (const uint8_t *)"no entry", 8);
    struct slice bytes = {m.bytes, (size_t)(m.end - m.bytes)};
    if (reader_feed(w.reader, topic, bytes, w.now) == 0)
        take_events();
}

static void give_reply(struct fuzz_bytes *in) {
    struct message m = {.end = m.bytes};
    uint8_t what = fuzz_byte(in), n = fuzz_byte(in);
    uint64_t id = what & 1 ? w.heads_id : what & 2 ? w.session_id : fuzz_byte(in) % 4;
    for (uint8_t i = 0; i < n % 8; i++)
        if (what & 1)
            put_head(&m, in);
        else
            put_entry(&m, in);
    m.end = wire_put_uint(m.end, 2, id);
    m.end = wire_put_uint(m.end, 3, take_epoch(in));
    m.end = wire_put_uint(m.end, 4, fuzz_byte(in)); /* proven */
    m.end = wire_put_uint(m.end, 5, what & 4 ? fuzz_byte(in) : 1);
    m.end = wire_put_uint(m.end, 6, fuzz_byte(in)); /* head */
    m.end = wire_put_uint(m.end, 7, what >> 3 & 1); /* done */
    m.end = wire_put_uint(m.end, 10, fuzz_byte(in));
    if ((what & 0xf0) == 0xf0)
        put_error(&m, in);
    struct slice bytes = {m.bytes, (size_t)(m.end - m.bytes)};
    if (reader_replay(w.reader, bytes, w.now) == 0)
        take_events();
}

static void give_raw(struct fuzz_bytes *in, uint8_t c) {
    struct slice topic = slice_of(topics[c / 16 % TOPICS]);
    struct slice bytes = fuzz_slice(in, fuzz_byte(in));
    int r =
        c & 8 ? reader_feed(w.reader, topic, bytes, w.now) : reader_replay(w.reader, bytes, w.now);
    (void)r;
    take_events();
}

static void step(struct fuzz_bytes *in) {
    uint8_t c = fuzz_byte(in);
    switch (c % 8) {
    case 0:
        reader_link(w.reader, c & 8 ? READER_LINK_FEED : READER_LINK_REPLAY, c & 16, w.now);
        break;
    case 1:
    case 2: give_feed(in); break;
    case 3:
    case 4: give_reply(in); break;
    case 5: give_raw(in, c); break;
    case 6: w.now += (uint64_t)(c / 8 + 1) * 100000; break;
    default:
        if (c == 0xff)
            restart();
        else
            reader_away(w.reader, c);
        break;
    }
    take_requests();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    uint8_t how = fuzz_byte(&in);
    struct reader_cursor cursor = {0};
    w = (struct world){.arena = fuzz_arena(), .now = 1000000};
    w.config = (struct reader_config)READER_CONFIG_DEFAULTS;
    w.prefix = slice_of(prefixes[how % 3]);
    w.config.prefixes = &w.prefix;
    w.config.n_prefixes = 1;
    w.config.start = (enum reader_start)(how / 4 % 3);
    w.config.client = how & 16 ? "me" : NULL;
    w.config.pending_bytes = how & 32 ? 400 : 16 << 20;
    if (w.config.start == READER_FROM_CURSOR && how & 64) {
        cursor.epoch = w.epoch = 5;
        cursor.start_seq = fuzz_byte(&in);
        cursor.proven_seq = cursor.start_seq + fuzz_byte(&in);
    }
    start(&cursor);
    reader_link(w.reader, READER_LINK_FEED, true, w.now);
    reader_link(w.reader, READER_LINK_REPLAY, true, w.now);
    take_requests();
    for (size_t n = 0; in.len > 0 && n < STEPS_MOST; n++)
        step(&in);
    w.reader = reader_free(w.reader);
    return 0;
}
