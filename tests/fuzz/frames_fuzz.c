/* Entries and the frames around them, which are read in place, and the requests that a
 * reader sends. The first byte says which. The codec is the other opinion. */
#include "tests/fuzz/fuzz.h"

#include "proto/frames.h"

static bool lies_in(struct slice part, struct slice whole) {
    return part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static bool same_names(const struct slice *x, size_t n_x, const struct slice *y, size_t n_y) {
    size_t k = 0;
    for (size_t i = 0; i < n_x; i++)
        if (x[i].len > 0 && (k == n_y || !slice_equal(x[i], y[k++])))
            return false; /* an empty name is none */
    return k == n_y;
}

static void check_entry(struct arena *a, const struct entry *e, struct slice whole) {
    uint8_t *p = arena_alloc(a, entry_encoded_max(e));
    struct wire_field f;
    struct entry x;
    MUST(p != NULL);
    MUST(lies_in(e->topic, whole) && lies_in(e->uri, whole) && lies_in(e->article, whole) &&
         lies_in(e->content_digest, whole));
    struct slice field = {p, (size_t)(entry_encode(e, p) - p)};
    MUST(field.len <= entry_encoded_max(e));
    MUST(wire_get_field(&field, &f) && field.len == 0 && f.number == ENTRY_FIELD);
    MUST(entry_decode(f.bytes, &x) == 0);
    MUST(e->epoch == x.epoch && e->seq == x.seq && e->prev_seq == x.prev_seq &&
         e->stored_at_usec == x.stored_at_usec && e->version == x.version &&
         e->replaces == x.replaces);
    MUST(slice_equal(e->topic, x.topic) && slice_equal(e->uri, x.uri) &&
         slice_equal(e->content_digest, x.content_digest) && slice_equal(e->article, x.article));
    MUST(slice_equal(e->signature, x.signature) && slice_equal(e->origin, x.origin));
    MUST(same_names(e->path, e->n_path, x.path, x.n_path));
    MUST(same_names(e->approved_by, e->n_approved_by, x.approved_by, x.n_approved_by));
}

/* Whether all of them are good; how many. */
static bool walk_entries(struct arena *a, struct slice whole, size_t *ret_n) {
    struct slice rest = whole;
    struct entry e;
    int got;
    for (*ret_n = 0; (got = frame_next_entry(&rest, &e)) > 0; ++*ret_n)
        check_entry(a, &e, whole);
    return got == 0;
}

static bool walk_heads(struct slice whole, size_t *ret_n) {
    struct slice rest = whole;
    struct frame_head h;
    int got;
    for (*ret_n = 0; (got = frame_next_head(&rest, &h)) > 0; ++*ret_n)
        MUST(h.topic.len > 0 && h.topic.len <= LIMIT_TOPIC_BYTES && lies_in(h.topic, whole));
    return got == 0;
}

static void try_feed(struct arena *a, struct slice bytes) {
    struct frame f;
    struct fault fault;
    ProtobufCMessage *m;
    size_t n;
    if (frame_read_feed(bytes, &f) < 0 || !walk_entries(a, bytes, &n) ||
        codec_unpack(&newswire__v1__feed_message__descriptor, a, bytes, &m, &fault) < 0)
        return;
    const Newswire__V1__FeedMessage *feed = (const Newswire__V1__FeedMessage *)m;
    MUST(feed->n_entries == n && (feed->heartbeat != NULL) == f.has_heartbeat);
    MUST(!f.has_heartbeat || f.heartbeat.head <= f.heartbeat.as_of);
}

static void try_replay(struct arena *a, struct slice bytes) {
    struct frame f;
    struct fault fault;
    ProtobufCMessage *m;
    size_t n, n_heads;
    if (frame_read_replay(bytes, &f) < 0 || !walk_entries(a, bytes, &n) ||
        !walk_heads(bytes, &n_heads) ||
        codec_unpack(&newswire__v1__replay_reply__descriptor, a, bytes, &m, &fault) < 0)
        return;
    const Newswire__V1__ReplayReply *reply = (const Newswire__V1__ReplayReply *)m;
    MUST(reply->n_entries == n && reply->n_heads == n_heads);
    MUST(reply->request_id == f.request_id && reply->epoch == f.epoch &&
         reply->proven_seq == f.proven_seq && reply->first == f.first && reply->head == f.head &&
         reply->newest_topic == f.newest_topic && reply->done == f.done);
    MUST((reply->error != NULL) == f.has_error);
}

static const Newswire__V1__ReplayRequest *read_request(struct arena *a, const uint8_t *p,
                                                       const uint8_t *end) {
    struct slice bytes = {p, (size_t)(end - p)};
    struct fault fault;
    ProtobufCMessage *m;
    MUST(codec_unpack(&newswire__v1__replay_request__descriptor, a, bytes, &m, &fault) == 0);
    return (const Newswire__V1__ReplayRequest *)m;
}

/* Prefixes with a number between them; the numbers may be any. */
static void try_requests(struct arena *a, struct fuzz_bytes in) {
    struct slice prefixes[16];
    uint64_t id = 0;
    size_t n = 0;
    for (; n < 16 && in.len > 0; n++) {
        prefixes[n] = slice_of(fuzz_text(a, fuzz_until(&in, '\n')));
        codec_mend_utf8((char *)prefixes[n].data);
        if (prefixes[n].len > LIMIT_TOPIC_BYTES)
            prefixes[n].len = 0; /* longer ones are no prefixes */
        id = id * 257 * 257 + fuzz_byte(&in);
    }
    size_t room = frame_request_max(prefixes, n);
    uint8_t *p = arena_alloc(a, room + LIMIT_TOPIC_BYTES);
    struct frame_open open = {.epoch = id, .after = id / 3, .since_usec = (int64_t)id};
    struct slice client = n == 0 ? slice_of("me") : prefixes[0];
    MUST(p != NULL);
    uint8_t *end = frame_put_open(p, id, &open, prefixes, n);
    MUST((size_t)(end - p) <= room);
    const Newswire__V1__ReplayRequest *q = read_request(a, p, end);
    MUST(q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_OPEN && q->request_id == id);
    MUST(q->open->n_topics == n && q->open->after == id / 3 && q->open->epoch == id);
    end = frame_put_heads(p, id, prefixes, n);
    MUST((size_t)(end - p) <= room);
    q = read_request(a, p, end);
    MUST(q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_HEADS && q->heads->n_topics == n);
    end = frame_put_report(p, client, id, id, prefixes, n);
    MUST((size_t)(end - p) <= room + client.len);
    q = read_request(a, p, end);
    MUST(q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_REPORT && q->report->n_topics == n);
    q = read_request(a, p, frame_put_credit(p, id, id));
    MUST(q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CREDIT && q->credit->bytes == id);
    q = read_request(a, p, frame_put_close(p, id));
    MUST(q->what_case == NEWSWIRE__V1__REPLAY_REQUEST__WHAT_CLOSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes in = {data, size};
    struct arena *a = fuzz_arena();
    uint8_t which = fuzz_byte(&in) % 4;
    struct slice bytes = {in.data, in.len};
    struct entry e;
    if (which == 0 && entry_decode(bytes, &e) == 0)
        check_entry(a, &e, bytes);
    else if (which == 1)
        try_feed(a, bytes);
    else if (which == 2)
        try_replay(a, bytes);
    else if (which == 3)
        try_requests(a, in);
    return 0;
}
