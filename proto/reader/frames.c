#include "proto/reader/parts.h"

#include "proto/checkpoint.h"

#include "proto/newswire.pb-c.h"

#include <errno.h>

enum { HEADS_APART_USEC = 200000 }; /* between two answers to `heads` */

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
    reader_tell(
        r, (struct reader_event){
               .type = READER_CHECKPOINT, .topic = topic, .checkpoint = bytes, .upto = c.head});
}

static void take_heartbeat(struct reader *r, struct slice topic) {
    const struct frame_heartbeat *h = &r->frame.heartbeat;
    if (!reader_is_of_epoch(r, h->epoch)) {
        r->heads_due = true; /* replay's word decides which life it is */
        return;
    }
    if (h->first > r->log_first)
        r->log_first = h->first;
    reader_learn_newest(r, h->newest_topic, h->as_of);
    struct topic *t = reader_get_topic(r, topic);
    if (t == NULL || !r->started)
        return;
    if (h->head > 0)
        reader_set_wanted(r, t, h->head);
    take_checkpoint(r, t, topic);
    if (h->head <= reader_topic_base(r, t))
        reader_prove_topic(r, t, h->as_of);
    else
        reader_look_at(r, t); /* it may have been removed */
}

/* The place to begin at, now that it is known. */
static void begin_at(struct reader *r, uint64_t seq) {
    r->start = r->proven = seq;
    r->started = true;
    r->replay_due = true;
    r->scan = 0;
}

static void take_head(struct reader *r, const struct frame_head *h) {
    struct topic *t = reader_get_topic(r, h->topic);
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
        if (t->goal <= reader_topic_base(r, t))
            t->goal = 0;
        else
            r->n_unreached++;
        if (reader_topic_is_behind(r, t))
            r->replay_due = true;
    }
    if (r->n_unreached == 0)
        reader_goal_reached(r);
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
        reader_fail(r, "the position to go on from lies beyond the log's head");
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
    r->session_not_before_usec = reader_retry_at(r);
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
        r->heads_not_before_usec = reader_retry_at(r);
    }
    if (e->code == NEWSWIRE__V1__ERROR__CODE__wrong_epoch && r->frame.epoch != 0) {
        if (r->frame.epoch != r->epoch)
            reader_take_epoch(r, r->frame.epoch);
        return;
    }
    reader_tell_error(r, e->code, !busy, e->message);
}

void reader_enter_reply(struct reader *r) {
    const struct frame *f = &r->frame;
    bool heads = f->request_id != 0 && f->request_id == r->heads_id;
    bool session = f->request_id != 0 && f->request_id == r->session_id;
    if (f->has_error && f->request_id == 0) {
        r->source = FROM_NOWHERE;
        reader_tell_error(r, f->error.code, true, f->error.message);
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
        reader_fail(r, "the daemon doesn't say which life of the log it serves");
        return;
    }
    if (f->epoch != r->epoch) {
        reader_take_epoch(r, f->epoch);
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
    reader_learn_newest(r, f->newest_topic, f->head);
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
        if (reader_has_hole(r, t) && reader_hole_end(t) <= r->frame.proven_seq &&
            reader_lost_upto(r, t) == 0)
            fruitless = true;
    }
    if (!fruitless)
        r->fruitless = 0;
    else
        reader_hole_in_replay(r);
}

/* The frame's entries have all been taken. */
static void leave_reply(struct reader *r) {
    const struct frame *f = &r->frame;
    if (r->started)
        reader_raise_proven(r, f->proven_seq);
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

bool reader_walk_frame(struct reader *r, struct reader_event *ret) {
    while (r->source != FROM_NOWHERE && !r->failed) {
        struct slice before = r->rest;
        struct entry e;
        int got = frame_next_entry(&r->rest, &e);
        if (got > 0) {
            if (reader_take_entry(r, &e, &before, ret))
                return true;
            continue;
        }
        if (got == 0) {
            leave_frame(r);
        } else if (r->source == FROM_REPLAY) {
            r->source = FROM_NOWHERE;
            reader_hole_in_replay(r);
        } else {
            r->source = FROM_NOWHERE;
        }
    }
    return false;
}
