#include "proto/reader.h"

#include "proto/checkpoint.h"

#include "proto/newswire.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TOPICS_MOST = 1 << 16,       /* more than any wire has: a peer can't make us grow */
    RETRY_USEC = 250000,         /* the first wait before asking again; doubles */
    RETRY_DOUBLINGS = 6,         /* up to 16 s */
    HEADS_APART_USEC = 200000,   /* between two answers to `heads` */
    FRUITLESS_MOST = 3,          /* replays that bring nothing of what is said to be there */
    PENDING_OVERHEAD_BYTES = 64, /* what an entry that waits costs beside its bytes */
    CLOSES_MOST = 4,
    REPORT_SOON_USEC = 250000, /* from one report to the next when there is good news */
};

/* An entry from the feed that waits for those before it. */
struct pending {
    struct pending *next;
    struct entry entry; /* slices point into bytes */
    size_t len;
    uint8_t bytes[];
};

struct topic {
    char name[LIMIT_TOPIC_BYTES];
    size_t len;
    uint64_t last;       /* handed on, or had before; 0: none */
    uint64_t wanted;     /* the newest entry that is known to be or have been there */
    uint64_t goal;       /* its head in the heads that are being proved; 0: reached */
    uint32_t round;      /* of heartbeats, the last in which it was proved */
    uint64_t checkpoint; /* the head of the last one that was handed on */
    struct pending *first, *newest;
};

enum source { FROM_NOWHERE, FROM_FEED, FROM_REPLAY };

struct reader {
    struct reader_config config;
    struct slice *prefixes;
    char *client;
    uint64_t random;

    bool feed_up, replay_up, failed;

    /* The cursor. */
    bool started; /* start is known */
    uint64_t epoch, proven, start;

    struct topic *topics; /* n_topics, in the order in which they came */
    size_t n_topics, room_topics;
    uint32_t *slots; /* a hash table of numbers into topics, from 1; 0: free */
    size_t n_slots;  /* a power of two, at least twice the topics */

    /* What is known of the log. */
    uint64_t head, log_first;

    /* Proof by heads, and by rounds of heartbeats. */
    uint64_t complete_as_of; /* every topic with an entry up to here is known */
    bool have_heads;         /* of this epoch */
    uint64_t goal;           /* the heads that are being proved are as of here */
    size_t n_unreached;
    uint32_t round;
    size_t n_in_round;
    uint64_t round_as_of;
    uint64_t proved_usec; /* when a proof was last complete */
    bool caught_up_told;

    /* `heads`: at most one under way. */
    uint64_t heads_id; /* 0: none */
    bool heads_due;
    uint64_t heads_sent_usec, heads_not_before_usec;

    /* The session: at most one. */
    uint64_t session_id; /* 0: none */
    uint64_t session_after;
    bool session_by_time;
    bool replay_due; /* something may be missing */
    uint64_t session_heard_usec, session_not_before_usec;
    uint64_t owed_bytes;
    uint64_t closes[CLOSES_MOST];
    size_t n_closes;
    unsigned failures, fruitless;

    uint64_t reported_usec, reported_proven;

    uint64_t last_id, now;
    size_t pending_bytes;

    /* What reader_next is at. */
    enum source source;
    struct frame frame;
    struct slice rest;
    struct slice feed_topic;
    bool entered;          /* the frame's header was looked at */
    size_t scan;           /* topics from here on are looked at for what may follow or is lost */
    struct pending *given; /* handed out by the last call */
    struct reader_event queue[4];
    size_t n_queue;
    char message[256];

    struct reader_position *positions;
    uint8_t *request;
};

static const struct reader_event no_event;

/* ---- time and chance */

static uint64_t random_below(struct reader *r, uint64_t n) {
    r->random ^= r->random << 13;
    r->random ^= r->random >> 7;
    r->random ^= r->random << 17;
    return n == 0 ? 0 : r->random % n;
}

/* A time after which to try again: doubled with each failure, half of it chance,
 * so that readers of one daemon don't come back together. */
static uint64_t retry_at(struct reader *r) {
    uint64_t wait = (uint64_t)RETRY_USEC
                    << (r->failures < RETRY_DOUBLINGS ? r->failures : RETRY_DOUBLINGS);
    if (r->failures < RETRY_DOUBLINGS)
        r->failures++;
    return r->now + wait / 2 + random_below(r, wait / 2 + 1);
}

static uint64_t sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- events */

/* Nothing is told after a final error. */
static void tell(struct reader *r, struct reader_event event) {
    if (!r->failed && r->n_queue < sizeof r->queue / sizeof r->queue[0])
        r->queue[r->n_queue++] = event;
}

static void tell_error(struct reader *r, uint32_t code, bool final, struct slice message) {
    if (r->failed)
        return;
    size_t len = message.len < sizeof r->message ? message.len : sizeof r->message - 1;
    if (len > 0)
        memcpy(r->message, message.data, len);
    r->message[len] = '\0';
    if (final)
        r->n_queue = 0; /* nothing else matters now, and there must be room */
    tell(r, (struct reader_event){
                .type = READER_ERROR, .code = code, .final = final, .message = r->message});
    r->failed = final;
}

static void fail(struct reader *r, const char *message) {
    tell_error(r, 0, true, slice_of(message));
}

/* ---- topics */

static size_t hash(struct slice s) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.data[i]) * 0x100000001b3;
    return (size_t)(h ^ h >> 32);
}

static bool is_named(const struct topic *t, struct slice name) {
    return t->len == name.len && memcmp(t->name, name.data, name.len) == 0;
}

static struct topic *find_topic(const struct reader *r, struct slice name) {
    if (r->n_slots == 0)
        return NULL;
    for (size_t i = hash(name);; i++) {
        uint32_t slot = r->slots[i & (r->n_slots - 1)];
        if (slot == 0)
            return NULL;
        if (is_named(&r->topics[slot - 1], name))
            return &r->topics[slot - 1];
    }
}

static void put_slot(struct reader *r, size_t index) {
    const struct topic *t = &r->topics[index];
    size_t i = hash((struct slice){(const uint8_t *)t->name, t->len});
    while (r->slots[i & (r->n_slots - 1)] != 0)
        i++;
    r->slots[i & (r->n_slots - 1)] = (uint32_t)index + 1;
}

static int grow_topics(struct reader *r) {
    size_t room = r->room_topics == 0 ? 16 : r->room_topics * 2;
    struct topic *topics = reallocarray(r->topics, room, sizeof *topics);
    if (topics == NULL)
        return -ENOMEM;
    r->topics = topics;
    uint32_t *slots = calloc(room * 2, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(r->slots);
    r->slots = slots;
    r->n_slots = room * 2;
    r->room_topics = room;
    for (size_t i = 0; i < r->n_topics; i++)
        put_slot(r, i);
    return 0;
}

static bool is_wanted(const struct reader *r, struct slice topic) {
    for (size_t i = 0; i < r->config.n_prefixes; i++)
        if (topic_matches(r->prefixes[i], topic))
            return true;
    return false;
}

/* The topic, made when it is one of ours. NULL: it isn't, or no memory (then the
 * reader has failed). */
static struct topic *get_topic(struct reader *r, struct slice name) {
    struct topic *t = find_topic(r, name);
    if (t != NULL || !topic_valid(name) || !is_wanted(r, name))
        return t;
    if (r->n_topics == TOPICS_MOST) {
        fail(r, "the daemon names more topics than a reader takes");
        return NULL;
    }
    if (r->n_topics == r->room_topics && grow_topics(r) < 0) {
        fail(r, "out of memory");
        return NULL;
    }
    t = &r->topics[r->n_topics++];
    *t = (struct topic){.len = name.len};
    memcpy(t->name, name.data, name.len);
    put_slot(r, r->n_topics - 1);
    return t;
}

/* What the next entry of the topic follows. */
static uint64_t base(const struct reader *r, const struct topic *t) {
    return t->last > r->start ? t->last : r->start;
}

static bool is_behind(const struct reader *r, const struct topic *t) {
    return t->wanted > base(r, t);
}

static void drop_first(struct reader *r, struct topic *t) {
    struct pending *p = t->first;
    t->first = p->next;
    r->pending_bytes -= p->len + PENDING_OVERHEAD_BYTES;
    free(p);
}

static void drop_pending(struct reader *r) {
    for (size_t i = 0; i < r->n_topics; i++)
        while (r->topics[i].first != NULL)
            drop_first(r, &r->topics[i]);
}

/* ---- proof */

static void raise_proven(struct reader *r, uint64_t seq) {
    if (seq > r->proven)
        r->proven = seq;
    if (seq > r->head)
        r->head = seq;
}

static void goal_reached(struct reader *r) {
    raise_proven(r, r->goal);
    r->proved_usec = r->now;
    if (!r->caught_up_told)
        tell(r,
             (struct reader_event){.type = READER_CAUGHT_UP, .upto = r->goal, .epoch = r->epoch});
    r->caught_up_told = true;
    r->goal = 0;
}

/* The topic's last has risen. */
static void topic_moved(struct reader *r, struct topic *t) {
    if (t->wanted < t->last)
        t->wanted = t->last;
    if (t->goal != 0 && t->last >= t->goal) {
        t->goal = 0;
        if (--r->n_unreached == 0)
            goal_reached(r);
    }
}

static void set_last(struct reader *r, struct topic *t, uint64_t seq) {
    t->last = seq;
    topic_moved(r, t);
}

/* Something is known to be there. */
static void set_wanted(struct reader *r, struct topic *t, uint64_t seq) {
    if (seq > t->wanted)
        t->wanted = seq;
    if (is_behind(r, t))
        r->replay_due = true;
}

/* A topic is proved as of a point: a round is complete when each one is. */
static void prove_topic(struct reader *r, struct topic *t, uint64_t as_of) {
    if (t->round == r->round || !r->have_heads)
        return;
    t->round = r->round;
    if (r->n_in_round == 0 || as_of < r->round_as_of)
        r->round_as_of = as_of;
    if (++r->n_in_round < r->n_topics)
        return;
    raise_proven(r, r->round_as_of < r->complete_as_of ? r->round_as_of : r->complete_as_of);
    r->proved_usec = r->now;
    r->round++;
    r->n_in_round = 0;
}

/* Whether the topics that are known are still all there are. */
static void learn_newest(struct reader *r, uint64_t newest_topic, uint64_t as_of) {
    if (as_of > r->head)
        r->head = as_of;
    if (!r->have_heads)
        return;
    if (newest_topic > r->complete_as_of)
        r->heads_due = true;
    else if (as_of > r->complete_as_of)
        r->complete_as_of = as_of;
}

/* ---- lives of the log */

static void reset_round(struct reader *r) {
    r->round++;
    r->n_in_round = 0;
}

static void end_session(struct reader *r) {
    if (r->session_id != 0 && r->n_closes < CLOSES_MOST)
        r->closes[r->n_closes++] = r->session_id;
    r->session_id = 0;
    r->owed_bytes = 0;
}

static void take_epoch(struct reader *r, uint64_t epoch) {
    if (r->epoch != 0)
        tell(r,
             (struct reader_event){.type = READER_EPOCH, .epoch_before = r->epoch, .epoch = epoch});
    bool first = r->epoch == 0;
    r->epoch = epoch;
    if (first)
        return;
    drop_pending(r);
    r->n_topics = 0;
    if (r->n_slots > 0)
        memset(r->slots, 0, r->n_slots * sizeof *r->slots);
    end_session(r);
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

/* Whether something is of the life that the reader knows. A new reader knows none, and
 * takes nothing before it does: 0 is no epoch. */
static bool is_of_epoch(const struct reader *r, uint64_t epoch) {
    return epoch != 0 && epoch == r->epoch;
}

/* ---- entries */

/* Something may follow now on the topic, or be lost. */
static void look_at(struct reader *r, const struct topic *t) {
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
    uint64_t last = base(r, t);
    if (e->seq <= last)
        return DROP;
    if (t->last > r->start ? e->prev_seq == last : e->prev_seq <= last)
        return HAND_ON;
    if (e->prev_seq > last)
        return is_lost(r, e) ? LOST : WAIT;
    fail(r, "the numbers of a topic contradict each other");
    return DROP;
}

/* Keeps a copy of an entry until those before it have come. */
static void keep(struct reader *r, struct topic *t, const struct entry *e) {
    size_t len = entry_encoded_max(e);
    if (r->pending_bytes + len + PENDING_OVERHEAD_BYTES > r->config.pending_bytes)
        drop_pending(r);
    if (len + PENDING_OVERHEAD_BYTES > r->config.pending_bytes)
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
    r->pending_bytes += len + PENDING_OVERHEAD_BYTES;
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
    set_last(r, t, e->seq);
    if (t->first != NULL)
        look_at(r, t);
}

static void tell_loss(struct reader *r, struct topic *t, uint64_t upto, struct reader_event *ret) {
    *ret = no_event;
    ret->type = READER_LOSS;
    ret->topic = (struct slice){(const uint8_t *)t->name, t->len};
    ret->after = base(r, t);
    ret->upto = upto;
    set_last(r, t, upto);
    if (t->first != NULL)
        look_at(r, t);
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
            r->pending_bytes -= r->given->len + PENDING_OVERHEAD_BYTES;
            hand_on(r, t, &r->given->entry, ret);
            return true;
        }
        drop_first(r, t);
    }
    return false;
}

/* The last entry that is missing, when something is. */
static uint64_t hole_end(const struct topic *t) {
    return t->first != NULL ? t->first->entry.prev_seq : t->wanted;
}

/* Whether entries are missing that don't wait here. */
static bool has_hole(const struct reader *r, const struct topic *t) {
    return is_behind(r, t) && hole_end(t) > base(r, t);
}

/* What is known to have been there, was asked for, did not come, and is kept no
 * more: entries of the topic up to this. 0: nothing. */
static uint64_t lost_upto(const struct reader *r, const struct topic *t) {
    uint64_t upto = hole_end(t);
    return has_hole(r, t) && upto <= r->proven && upto < r->log_first ? upto : 0;
}

/* Looks over the topics, after their numbers or what is proved have changed. */
static bool scan_topics(struct reader *r, struct reader_event *ret) {
    for (; r->started && r->scan < r->n_topics; r->scan++) {
        struct topic *t = &r->topics[r->scan];
        uint64_t upto = lost_upto(r, t);
        if (upto > 0) {
            tell_loss(r, t, upto, ret);
            return true;
        }
        if (drain(r, t, ret))
            return true;
    }
    return false;
}

/* A session of ours brought an entry behind a hole that retention doesn't
 * explain. It is asked anew from before the hole, a few times. */
static void hole_in_replay(struct reader *r) {
    end_session(r);
    r->replay_due = true;
    r->source = FROM_NOWHERE;
    r->session_not_before_usec = retry_at(r);
    if (++r->fruitless > FRUITLESS_MOST)
        fail(r, "replay leaves out entries that the daemon says it has");
}

/* One entry of the frame at hand. Whether there is something to tell. */
static bool take_entry(struct reader *r, const struct entry *e, const struct slice *before,
                       struct reader_event *ret) {
    bool replay = r->source == FROM_REPLAY;
    if (!is_of_epoch(r, e->epoch)) {
        r->heads_due = true; /* replay's word decides which life it is */
        return false;
    }
    struct topic *t = get_topic(r, e->topic);
    if (t == NULL || r->failed)
        return false;
    switch (judge(r, t, e)) {
    case HAND_ON:
        hand_on(r, t, e, ret);
        if (replay)
            raise_proven(r, e->seq);
        return true;
    case LOST:
        r->rest = *before; /* this entry comes again, and follows then */
        tell_loss(r, t, e->prev_seq, ret);
        return true;
    case WAIT:
        set_wanted(r, t, e->seq);
        if (replay)
            hole_in_replay(r);
        else
            keep(r, t, e);
        return false;
    default:
        /* It was had before; that it came proves as much. */
        if (replay && !r->failed)
            raise_proven(r, e->seq);
        return false;
    }
}

/* ---- frames */

/* Hands on a checkpoint that covers nothing but what was handed on. Each heartbeat has
 * one, so an early one comes again. */
static void take_checkpoint(struct reader *r, struct topic *t, struct slice topic) {
    struct checkpoint c;
    struct slice bytes = r->frame.heartbeat.checkpoint;
    /* Who has the key judges the signature. */
    if (bytes.len == 0 || checkpoint_read(bytes, &c) == -EBADMSG || c.epoch != r->epoch ||
        !slice_equal(c.topic, topic) || c.head > t->last || c.head <= t->checkpoint)
        return;
    t->checkpoint = c.head;
    tell(r, (struct reader_event){
                .type = READER_CHECKPOINT, .topic = topic, .checkpoint = bytes, .upto = c.head});
}

static void take_heartbeat(struct reader *r, struct slice topic) {
    const struct frame_heartbeat *h = &r->frame.heartbeat;
    if (!is_of_epoch(r, h->epoch)) {
        r->heads_due = true; /* replay's word decides which life it is */
        return;
    }
    if (h->first > r->log_first)
        r->log_first = h->first;
    learn_newest(r, h->newest_topic, h->as_of);
    struct topic *t = get_topic(r, topic);
    if (t == NULL || !r->started)
        return;
    if (h->head > 0)
        set_wanted(r, t, h->head);
    take_checkpoint(r, t, topic);
    if (h->head <= base(r, t))
        prove_topic(r, t, h->as_of);
    else
        look_at(r, t); /* it may have been removed */
}

/* The place to begin at, now that it is known. */
static void begin_at(struct reader *r, uint64_t seq) {
    r->start = r->proven = seq;
    r->started = true;
    r->replay_due = true;
    r->scan = 0;
}

static void take_head(struct reader *r, const struct frame_head *h) {
    struct topic *t = get_topic(r, h->topic);
    if (t == NULL)
        return;
    if (h->head > t->wanted)
        t->wanted = h->head;
    t->goal = h->head;
}

/* What the heads say of the topics, as soon as the beginning is known. */
static void count_goals(struct reader *r) {
    r->n_unreached = 0;
    for (size_t i = 0; i < r->n_topics; i++) {
        struct topic *t = &r->topics[i];
        if (t->goal <= base(r, t))
            t->goal = 0;
        else
            r->n_unreached++;
        if (is_behind(r, t))
            r->replay_due = true;
    }
    if (r->n_unreached == 0)
        goal_reached(r);
}

static void take_heads(struct reader *r) {
    struct slice rest = r->frame.bytes;
    struct frame_head h;
    int got;
    r->heads_id = 0;
    r->heads_due = false;
    r->heads_not_before_usec = r->now + HEADS_APART_USEC;
    for (size_t i = 0; i < r->n_topics; i++)
        r->topics[i].goal = 0;
    while ((got = frame_next_head(&rest, &h)) > 0)
        take_head(r, &h);
    if (got < 0 || r->failed) {
        r->goal = 0;
        r->n_unreached = 0;
        r->heads_due = true;
        return;
    }
    uint64_t head = r->frame.head;
    r->failures = 0;
    r->proved_usec = r->now; /* so that the next is asked after a while only */
    if (r->config.start == READER_FROM_HEAD && !r->started)
        begin_at(r, head);
    if (r->started && !r->have_heads && r->proven > head) {
        fail(r, "the position to go on from lies beyond the log's head");
        return;
    }
    r->have_heads = true;
    r->goal = head;
    if (head > r->complete_as_of)
        r->complete_as_of = head;
    if (head > r->head)
        r->head = head;
    if (r->started)
        count_goals(r);
    else
        r->replay_due = true;
    r->scan = 0;
}

/* A session by time begins where its first frame says. */
static void begin_by_time(struct reader *r) {
    struct slice rest = r->frame.bytes;
    struct entry e;
    int got = frame_next_entry(&rest, &e);
    if (got == 0 && r->frame.proven_seq == 0 && !r->frame.done)
        return;
    begin_at(r, got > 0 ? e.seq - 1 : r->frame.proven_seq);
    count_goals(r);
}

static void session_failed(struct reader *r) {
    r->session_id = 0;
    r->owed_bytes = 0;
    r->replay_due = true;
    r->session_not_before_usec = retry_at(r);
}

/* An error ends the request that it answers. */
static void take_error(struct reader *r) {
    const struct frame_error *e = &r->frame.error;
    bool busy = e->code == NEWSWIRE__V1__ERROR__CODE__busy;
    r->source = FROM_NOWHERE;
    if (r->frame.request_id == r->session_id) {
        session_failed(r);
    } else {
        r->heads_id = 0;
        r->heads_due = true;
        r->heads_not_before_usec = retry_at(r);
    }
    if (e->code == NEWSWIRE__V1__ERROR__CODE__wrong_epoch && r->frame.epoch != 0) {
        if (r->frame.epoch != r->epoch)
            take_epoch(r, r->frame.epoch);
        return;
    }
    tell_error(r, e->code, !busy, e->message);
}

/* Looks at what stands around the entries, before them. */
static void enter_reply(struct reader *r) {
    const struct frame *f = &r->frame;
    bool heads = f->request_id != 0 && f->request_id == r->heads_id;
    bool session = f->request_id != 0 && f->request_id == r->session_id;
    if (f->has_error && f->request_id == 0) {
        r->source = FROM_NOWHERE;
        tell_error(r, f->error.code, true, f->error.message);
        return;
    }
    if (!heads && !session) {
        r->source = FROM_NOWHERE; /* an answer to what nobody asks any more */
        return;
    }
    if (f->has_error) {
        take_error(r);
        return;
    }
    if (f->epoch == 0) {
        fail(r, "the daemon doesn't say which life of the log it serves");
        return;
    }
    if (f->epoch != r->epoch) {
        take_epoch(r, f->epoch);
        if (session) {
            r->source = FROM_NOWHERE;
            return;
        }
    }
    if (f->first > r->log_first)
        r->log_first = f->first;
    if (heads) {
        take_heads(r);
        r->source = FROM_NOWHERE;
        return;
    }
    r->session_heard_usec = r->now;
    r->owed_bytes += f->bytes.len;
    learn_newest(r, f->newest_topic, f->head);
    if (r->session_by_time && !r->started)
        begin_by_time(r);
}

/* The session is done. Whatever it asked for is here, or kept no more; if not, the
 * daemon's words don't fit together, or are of different moments: it is tried
 * again a few times. */
static void session_done(struct reader *r) {
    bool fruitless = false;
    r->session_id = 0;
    r->owed_bytes = 0;
    r->replay_due = true; /* to be looked at */
    for (size_t i = 0; i < r->n_topics; i++) {
        const struct topic *t = &r->topics[i];
        if (has_hole(r, t) && hole_end(t) <= r->frame.proven_seq && lost_upto(r, t) == 0)
            fruitless = true;
    }
    if (!fruitless)
        r->fruitless = 0;
    else
        hole_in_replay(r);
}

/* The frame's entries have all been taken. */
static void leave_reply(struct reader *r) {
    const struct frame *f = &r->frame;
    if (r->started)
        raise_proven(r, f->proven_seq);
    r->scan = 0;
    if (f->proven_seq > r->session_after)
        r->failures = 0;
    if (f->done)
        session_done(r);
}

static void leave_frame(struct reader *r) {
    enum source source = r->source;
    r->source = FROM_NOWHERE;
    if (source == FROM_REPLAY && r->frame.request_id == r->session_id)
        leave_reply(r);
    else if (source == FROM_FEED && r->frame.has_heartbeat)
        take_heartbeat(r, r->feed_topic);
}

/* Goes through the frame at hand. Whether there is something to tell. */
static bool walk_frame(struct reader *r, struct reader_event *ret) {
    while (r->source != FROM_NOWHERE && !r->failed) {
        struct slice before = r->rest;
        struct entry e;
        int got = frame_next_entry(&r->rest, &e);
        if (got > 0) {
            if (take_entry(r, &e, &before, ret))
                return true;
            continue;
        }
        if (got == 0) {
            leave_frame(r);
        } else if (r->source == FROM_REPLAY) {
            r->source = FROM_NOWHERE;
            hole_in_replay(r);
        } else {
            r->source = FROM_NOWHERE;
        }
    }
    return false;
}

/* ---- what the user calls */

bool reader_next(struct reader *r, struct reader_event *ret) {
    free(r->given);
    r->given = NULL;
    for (;;) {
        if (r->n_queue > 0) {
            *ret = r->queue[0];
            memmove(r->queue, r->queue + 1, --r->n_queue * sizeof r->queue[0]);
            return true;
        }
        if (r->failed)
            return false;
        if (scan_topics(r, ret))
            return true;
        if (r->n_queue > 0)
            continue;
        if (r->source == FROM_REPLAY && !r->entered) {
            r->entered = true;
            enter_reply(r);
            continue;
        }
        if (r->source == FROM_NOWHERE)
            return false;
        if (walk_frame(r, ret))
            return true;
    }
}

int reader_feed(struct reader *r, struct slice topic, struct slice message, uint64_t now_usec) {
    r->now = now_usec;
    if (r->failed)
        return 0;
    int e = frame_read_feed(message, &r->frame);
    if (e < 0)
        return e;
    r->source = FROM_FEED;
    r->feed_topic = topic;
    r->rest = message;
    return 0;
}

int reader_replay(struct reader *r, struct slice message, uint64_t now_usec) {
    r->now = now_usec;
    if (r->failed)
        return 0;
    int e = frame_read_replay(message, &r->frame);
    if (e < 0) {
        hole_in_replay(r);
        return e;
    }
    r->source = FROM_REPLAY;
    r->entered = false;
    r->rest = message;
    return 0;
}

/* ---- requests */

static bool needs_replay(const struct reader *r) {
    for (size_t i = 0; i < r->n_topics; i++)
        if (has_hole(r, &r->topics[i]))
            return true;
    return false;
}

static struct slice request_from(struct reader *r, const uint8_t *end) {
    return (struct slice){r->request, (size_t)(end - r->request)};
}

/* What has had no answer for too long is asked again, later. */
static void mind_silence(struct reader *r) {
    if (r->heads_id != 0 && r->now - r->heads_sent_usec >= r->config.silence_usec) {
        r->heads_id = 0;
        r->heads_due = true;
        r->heads_not_before_usec = retry_at(r);
        tell(r, (struct reader_event){.type = READER_UNANSWERED});
    }
    if (r->session_id != 0 && r->now - r->session_heard_usec >= r->config.silence_usec) {
        end_session(r);
        r->replay_due = true;
        r->session_not_before_usec = retry_at(r);
        tell(r, (struct reader_event){.type = READER_UNANSWERED});
    }
}

static bool ask_heads(struct reader *r, struct slice *ret) {
    bool stale = r->now - r->proved_usec >= r->config.stale_usec;
    if (r->heads_id != 0 || !(r->heads_due || stale) || r->now < r->heads_not_before_usec)
        return false;
    r->heads_id = ++r->last_id;
    r->heads_sent_usec = r->now;
    r->heads_due = false;
    *ret = request_from(
        r, frame_put_heads(r->request, r->heads_id, r->prefixes, r->config.n_prefixes));
    return true;
}

static bool ask_session(struct reader *r, struct slice *ret) {
    if (r->session_id != 0 || !r->replay_due || !r->have_heads ||
        r->now < r->session_not_before_usec)
        return false;
    struct frame_open open = {.epoch = r->epoch, .credit_bytes = r->config.credit_bytes};
    if (r->started)
        open.after = r->proven;
    else
        open.since_usec = r->config.since_usec;
    r->replay_due = false;
    if (r->started && !needs_replay(r))
        return false;
    r->session_id = ++r->last_id;
    r->session_after = open.after;
    r->session_by_time = !r->started;
    r->session_heard_usec = r->now;
    *ret = request_from(
        r, frame_put_open(r->request, r->session_id, &open, r->prefixes, r->config.n_prefixes));
    return true;
}

static bool give_credit(struct reader *r, struct slice *ret) {
    if (r->session_id == 0 || r->owed_bytes == 0 || r->source != FROM_NOWHERE)
        return false;
    *ret = request_from(r, frame_put_credit(r->request, r->session_id, r->owed_bytes));
    r->owed_bytes = 0;
    return true;
}

static bool can_report(const struct reader *r) {
    return r->client != NULL && r->epoch != 0 && r->started;
}

/* Now and then, and soon after it has come to have all there is: nobody should
 * seem to be behind who isn't. */
static uint64_t report_at(const struct reader *r) {
    bool has_all = r->proven >= r->head && r->proven > r->reported_proven;
    return r->reported_usec +
           (has_all ? sooner(REPORT_SOON_USEC, r->config.report_usec) : r->config.report_usec);
}

static bool report(struct reader *r, bool now, struct slice *ret) {
    if (!can_report(r) || (r->now < report_at(r) && !now))
        return false;
    r->reported_usec = r->now;
    r->reported_proven = r->proven;
    *ret = request_from(r, frame_put_report(r->request, slice_of(r->client), r->epoch, r->proven,
                                            r->prefixes, r->config.n_prefixes));
    return true;
}

bool reader_request(struct reader *r, uint64_t now_usec, struct slice *ret) {
    r->now = now_usec;
    if (r->failed || !r->replay_up)
        return false;
    mind_silence(r);
    if (r->n_closes > 0) {
        *ret = request_from(r, frame_put_close(r->request, r->closes[--r->n_closes]));
        return true;
    }
    return ask_heads(r, ret) || ask_session(r, ret) || give_credit(r, ret) || report(r, false, ret);
}

bool reader_leave(struct reader *r, struct slice *ret) {
    return !r->failed && r->replay_up && report(r, true, ret);
}

void reader_away(struct reader *r, uint64_t usec) {
    r->session_heard_usec += usec;
    r->heads_sent_usec += usec;
}

uint64_t reader_wake_usec(const struct reader *r) {
    uint64_t wake = UINT64_MAX;
    if (r->failed || !r->replay_up)
        return wake;
    if (r->n_closes > 0 || (r->session_id != 0 && r->owed_bytes > 0))
        return r->now;
    if (r->heads_id != 0)
        wake = r->heads_sent_usec + r->config.silence_usec;
    else if (r->heads_due)
        wake = r->heads_not_before_usec;
    else if (r->proved_usec + r->config.stale_usec > r->heads_not_before_usec)
        wake = r->proved_usec + r->config.stale_usec;
    else
        wake = r->heads_not_before_usec;
    if (r->session_id != 0)
        wake = sooner(wake, r->session_heard_usec + r->config.silence_usec);
    else if (r->replay_due && r->have_heads)
        wake = sooner(wake, r->session_not_before_usec);
    if (can_report(r))
        wake = sooner(wake, report_at(r));
    return wake;
}

void reader_link(struct reader *r, enum reader_link link, bool up, uint64_t now_usec) {
    bool *state = link == READER_LINK_FEED ? &r->feed_up : &r->replay_up;
    r->now = now_usec;
    if (up && !*state) {
        r->heads_due = true; /* what was missed meanwhile? */
        r->heads_not_before_usec = now_usec;
    }
    *state = up;
    if (link != READER_LINK_REPLAY)
        return;
    /* The daemon forgets a peer that goes, with all that it asked. */
    r->heads_id = r->session_id = 0;
    r->owed_bytes = r->n_closes = 0;
    r->replay_due = true;
    r->failures = 0;
    r->session_not_before_usec = now_usec;
}

/* ---- the whole */

static int copy_config(struct reader *r, const struct reader_config *config) {
    static const struct slice everything[] = {{(const uint8_t *)"", 0}};
    r->config = *config;
    r->config.n_prefixes = config->n_prefixes == 0 ? 1 : config->n_prefixes;
    r->prefixes = calloc(r->config.n_prefixes, sizeof *r->prefixes);
    if (r->prefixes == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < r->config.n_prefixes; i++) {
        struct slice prefix = config->n_prefixes == 0 ? everything[0] : config->prefixes[i];
        if (!topic_prefix_valid(prefix))
            return -EINVAL;
        char *copy = strndup((const char *)prefix.data, prefix.len);
        if (copy == NULL)
            return -ENOMEM;
        r->prefixes[i] = slice_of(copy);
    }
    if (config->client != NULL && (r->client = strndup(config->client, LIMIT_LINE_BYTES)) == NULL)
        return -ENOMEM;
    size_t room = frame_request_max(r->prefixes, r->config.n_prefixes) +
                  (r->client == NULL ? 0 : strlen(r->client));
    r->request = malloc(room);
    return r->request == NULL ? -ENOMEM : 0;
}

static int take_cursor(struct reader *r, const struct reader_cursor *cursor) {
    if (cursor->start_seq > cursor->proven_seq)
        return -EINVAL;
    r->started = true;
    r->epoch = cursor->epoch;
    r->proven = cursor->proven_seq;
    r->start = cursor->start_seq;
    for (size_t i = 0; i < cursor->n_positions; i++) {
        struct topic *t = get_topic(r, cursor->positions[i].topic);
        if (t == NULL)
            return r->failed ? -ENOMEM : -EINVAL;
        t->last = t->wanted = cursor->positions[i].last_seq;
    }
    return 0;
}

int reader_new(const struct reader_config *config, struct reader **ret) {
    struct reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    int e = config->n_prefixes > LIMIT_TOPICS ? -EINVAL : copy_config(r, config);
    if (e == 0 && config->start == READER_FROM_CURSOR)
        e = take_cursor(r, &config->cursor);
    if (e < 0) {
        reader_free(r);
        return e;
    }
    r->random = config->seed * 0x9e3779b97f4a7c15 | 1;
    r->round = 1;
    r->heads_due = r->replay_due = true;
    *ret = r;
    return 0;
}

struct reader *reader_free(struct reader *r) {
    if (r == NULL)
        return NULL;
    drop_pending(r);
    free(r->given);
    for (size_t i = 0; r->prefixes != NULL && i < r->config.n_prefixes; i++)
        free((void *)r->prefixes[i].data);
    free(r->prefixes);
    free(r->client);
    free(r->topics);
    free(r->slots);
    free(r->positions);
    free(r->request);
    free(r);
    return NULL;
}

int reader_cursor(struct reader *r, struct reader_cursor *ret) {
    size_t n = 0;
    struct reader_position *positions =
        reallocarray(r->positions, r->n_topics + 1, sizeof *positions);
    if (positions == NULL)
        return -ENOMEM;
    r->positions = positions;
    for (size_t i = 0; i < r->n_topics; i++) {
        const struct topic *t = &r->topics[i];
        if (t->last > r->start)
            positions[n++] = (struct reader_position){.topic = {(const uint8_t *)t->name, t->len},
                                                      .last_seq = t->last};
    }
    *ret = (struct reader_cursor){.epoch = r->epoch,
                                  .proven_seq = r->proven,
                                  .start_seq = r->start,
                                  .positions = positions,
                                  .n_positions = n};
    return 0;
}

uint64_t reader_head_seq(const struct reader *r) {
    return r->head;
}

uint64_t reader_proven_seq(const struct reader *r) {
    return r->proven;
}

bool reader_started(const struct reader *r) {
    return r->started;
}
