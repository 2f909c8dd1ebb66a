#include "proto/reader/parts.h"

enum { REPORT_SOON_USEC = 250000 }; /* from one report to the next when there is good news */

static bool needs_replay(const struct reader *r) {
    for (size_t i = 0; i < r->n_topics; i++)
        if (reader_has_hole(r, &r->topics[i]))
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
        r->heads_not_before_usec = reader_retry_at(r);
        reader_tell(r, (struct reader_event){.type = READER_UNANSWERED});
    }
    if (r->session_id != 0 && r->now - r->session_heard_usec >= r->config.silence_usec) {
        reader_end_session(r);
        r->replay_due = true;
        r->session_not_before_usec = reader_retry_at(r);
        reader_tell(r, (struct reader_event){.type = READER_UNANSWERED});
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
    return r->reported_usec + (has_all ? reader_sooner(REPORT_SOON_USEC, r->config.report_usec)
                                       : r->config.report_usec);
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
        wake = reader_sooner(wake, r->session_heard_usec + r->config.silence_usec);
    else if (r->replay_due && r->have_heads)
        wake = reader_sooner(wake, r->session_not_before_usec);
    if (can_report(r))
        wake = reader_sooner(wake, report_at(r));
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
