#include "proto/reader/parts.h"

enum { FRUITLESS_MOST = 3 }; /* replays that bring nothing of what is said to be there */

static const struct reader_event no_event;

/* ---- lives of the log */

static void reset_round(struct reader *r) {
    r->round++;
    r->n_in_round = 0;
}

void reader_end_session(struct reader *r) {
    if (r->session_id != 0 && r->n_closes < READER_CLOSES_MOST)
        r->closes[r->n_closes++] = r->session_id;
    r->session_id = 0;
    r->owed_bytes = 0;
}

void reader_take_epoch(struct reader *r, uint64_t epoch) {
    if (r->epoch != 0)
        reader_tell(r, (struct reader_event){
                           .type = READER_EPOCH, .epoch_before = r->epoch, .epoch = epoch});
    bool first = r->epoch == 0;
    r->epoch = epoch;
    if (first)
        return;
    reader_drop_pending(r);
    r->n_topics = 0;
    if (r->n_slots > 0)
        memset(r->slots, 0, r->n_slots * sizeof *r->slots);
    reader_end_session(r);
    r->proven = r->start = r->head = r->log_first = 0;
    r->complete_as_of = r->goal = 0;
    r->have_heads = false;
    r->n_unreached = 0;
    r->started = true;
    r->config.start = READER_FROM_CURSOR;
    r->caught_up_told = false;
    r->scan = 0;
    r->heads_due = r->replay_due = true;
    r->fruitless = 0;
    reset_round(r);
}

bool reader_is_of_epoch(const struct reader *r, uint64_t epoch) {
    return epoch != 0 && epoch == r->epoch;
}

/* ---- entries */

void reader_look_at(struct reader *r, const struct topic *t) {
    size_t i = (size_t)(t - r->topics);
    if (i < r->scan)
        r->scan = i;
}

enum verdict { DROP, WAIT, HAND_ON, LOST };

/* The entry comes behind a gap. Whether what it follows is kept no more: only
 * replay can tell, and only if that lies below what it still serves. */
static bool is_lost(const struct reader *r, const struct entry *e) {
    return r->source == FROM_REPLAY && e->prev_seq < r->log_first;
}

/* What to do with an entry; the topic is ours. */
static enum verdict judge(struct reader *r, const struct topic *t, const struct entry *e) {
    if (!r->started)
        return WAIT;
    uint64_t last = reader_topic_base(r, t);
    if (e->seq <= last)
        return DROP;
    if (t->last > r->start ? e->prev_seq == last : e->prev_seq <= last)
        return HAND_ON;
    if (e->prev_seq > last)
        return is_lost(r, e) ? LOST : WAIT;
    reader_fail(r, "the numbers of a topic contradict each other");
    return DROP;
}

/* Keeps a copy of an entry until those before it have come. */
static void keep(struct reader *r, struct topic *t, const struct entry *e) {
    size_t len = entry_encoded_max(e);
    if (r->pending_bytes + len + READER_PENDING_OVERHEAD_BYTES > r->config.pending_bytes)
        reader_drop_pending(r);
    if (len + READER_PENDING_OVERHEAD_BYTES > r->config.pending_bytes)
        return; /* replay has it */
    struct pending *p = malloc(sizeof *p + len);
    if (p == NULL)
        return;
    struct slice field = {p->bytes, (size_t)(entry_encode(e, p->bytes) - p->bytes)};
    struct wire_field f;
    p->len = len;
    p->next = NULL;
    if (!wire_get_field(&field, &f) || entry_decode(f.bytes, &p->entry) < 0) {
        free(p);
        return;
    }
    r->pending_bytes += len + READER_PENDING_OVERHEAD_BYTES;
    if (t->first == NULL)
        t->first = p;
    else
        t->newest->next = p;
    t->newest = p;
}

static void hand_on(struct reader *r, struct topic *t, const struct entry *e,
                    struct reader_event *ret) {
    *ret = no_event;
    ret->type = READER_ENTRY;
    ret->entry = *e;
    if (e->seq > r->head)
        r->head = e->seq;
    reader_set_last(r, t, e->seq);
    if (t->first != NULL)
        reader_look_at(r, t);
}

static void tell_loss(struct reader *r, struct topic *t, uint64_t upto, struct reader_event *ret) {
    *ret = no_event;
    ret->type = READER_LOSS;
    ret->topic = (struct slice){(const uint8_t *)t->name, t->len};
    ret->after = reader_topic_base(r, t);
    ret->upto = upto;
    reader_set_last(r, t, upto);
    if (t->first != NULL)
        reader_look_at(r, t);
}

/* The next of a topic's entries that waited and now follow. */
static bool drain(struct reader *r, struct topic *t, struct reader_event *ret) {
    enum source source = r->source;
    while (t->first != NULL) {
        r->source = FROM_NOWHERE; /* a gap before it is for replay to judge */
        enum verdict verdict = judge(r, t, &t->first->entry);
        r->source = source;
        if (verdict == WAIT)
            return false;
        if (verdict == HAND_ON) {
            r->given = t->first;
            t->first = r->given->next;
            r->pending_bytes -= r->given->len + READER_PENDING_OVERHEAD_BYTES;
            hand_on(r, t, &r->given->entry, ret);
            return true;
        }
        reader_drop_first(r, t);
    }
    return false;
}

uint64_t reader_hole_end(const struct topic *t) {
    return t->first != NULL ? t->first->entry.prev_seq : t->wanted;
}

bool reader_has_hole(const struct reader *r, const struct topic *t) {
    return reader_topic_is_behind(r, t) && reader_hole_end(t) > reader_topic_base(r, t);
}

uint64_t reader_lost_upto(const struct reader *r, const struct topic *t) {
    uint64_t upto = reader_hole_end(t);
    return reader_has_hole(r, t) && upto <= r->proven && upto < r->log_first ? upto : 0;
}

bool reader_scan_topics(struct reader *r, struct reader_event *ret) {
    for (; r->started && r->scan < r->n_topics; r->scan++) {
        struct topic *t = &r->topics[r->scan];
        uint64_t upto = reader_lost_upto(r, t);
        if (upto > 0) {
            tell_loss(r, t, upto, ret);
            return true;
        }
        if (drain(r, t, ret))
            return true;
    }
    return false;
}

void reader_hole_in_replay(struct reader *r) {
    reader_end_session(r);
    r->replay_due = true;
    r->source = FROM_NOWHERE;
    r->session_not_before_usec = reader_retry_at(r);
    if (++r->fruitless > FRUITLESS_MOST)
        reader_fail(r, "replay leaves out entries that the daemon says it has");
}

bool reader_take_entry(struct reader *r, const struct entry *e, const struct slice *before,
                       struct reader_event *ret) {
    bool replay = r->source == FROM_REPLAY;
    if (!reader_is_of_epoch(r, e->epoch)) {
        r->heads_due = true; /* replay's word decides which life it is */
        return false;
    }
    struct topic *t = reader_get_topic(r, e->topic);
    if (t == NULL || r->failed)
        return false;
    switch (judge(r, t, e)) {
    case HAND_ON:
        hand_on(r, t, e, ret);
        if (replay)
            reader_raise_proven(r, e->seq);
        return true;
    case LOST:
        r->rest = *before; /* this entry comes again, and follows then */
        tell_loss(r, t, e->prev_seq, ret);
        return true;
    case WAIT:
        reader_set_wanted(r, t, e->seq);
        if (replay)
            reader_hole_in_replay(r);
        else
            keep(r, t, e);
        return false;
    default:
        /* It was had before; that it came proves as much. */
        if (replay && !r->failed)
            reader_raise_proven(r, e->seq);
        return false;
    }
}
