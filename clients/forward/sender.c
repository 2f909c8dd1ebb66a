#include "clients/forward/sender_thread.h"

#include "clients/tool/backoff.h"
#include "clients/tool/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENT_USEC = 60000000, /* looks again after so long, whatever it knows */
    SETTLE_USEC = 200000,    /* what was sent is written down after so long */
    ARENA_BYTES = 128 << 20,
    FAILURES_IN_A_ROW = 3, /* articles that fail before it counts as the outlet's fault */
};

/* ---- one of them */

struct sender *sender_new(struct senders *all, const struct outlet_config *o) {
    struct sender *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    if (s == NULL)
        return NULL;
    s->all = all;
    s->outlet = o;
    s->most = 1;
    s->awake = true;
    s->arena = arena_new(ARENA_BYTES);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return s;
}

void sender_free(struct sender *s) {
    if (s == NULL)
        return;
    arena_free(s->arena);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->wake);
    free(s);
}

/* Until then, or until somebody wakes it. */
static void wait_until(struct sender *s, uint64_t until) {
    struct timespec t = {(time_t)(until / 1000000), (long)(until % 1000000) * 1000};
    pthread_mutex_lock(&s->mutex);
    while (!s->awake && follow_stop == 0 &&
           pthread_cond_timedwait(&s->wake, &s->mutex, &t) != ETIMEDOUT)
        continue;
    s->awake = false;
    if (s->hurried)
        s->not_before_usec = 0;
    s->hurried = false;
    pthread_mutex_unlock(&s->mutex);
}

/* ---- the ledger's side */

static int settle_results(struct ledger *l, void *userdata) {
    struct sender *s = userdata;
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->n_results; i++) {
        struct result *k = &s->results[i];
        r = ledger_settle(l, s->outlet, k->job, &k->verdict, k->wait_usec);
    }
    if (r == 0 && s->pause_unsaid)
        r = ledger_set_outlet(l, s->outlet->name,
                              ledger_now() + (int64_t)(s->not_before_usec - follow_now_usec()),
                              s->pause_reason);
    if (r == 0 && s->recovered_unsaid)
        r = ledger_set_outlet(l, s->outlet->name, 0, NULL);
    return r;
}

static int return_jobs(struct ledger *l, void *userdata) {
    struct sender *s = userdata;
    int r = settle_results(l, s);
    for (size_t i = 0; r == 0 && i < s->n; i++)
        if (s->jobs[i] != NULL)
            r = ledger_return(l, s->jobs[i]);
    return r;
}

static void forget_jobs(struct sender *s) {
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n; i++) {
        free(s->jobs[i]);
        s->jobs[i] = NULL;
    }
    s->n = 0;
    pthread_mutex_unlock(&s->mutex);
}

struct claiming {
    struct sender *sender;
    struct ledger_claim claim;
};

/* Settles and claims; the jobs are known to recall before anybody else sees them. */
static int settle_and_claim(struct ledger *l, void *userdata) {
    struct claiming *c = userdata;
    struct sender *s = c->sender;
    forget_jobs(s); /* of a try that the disk did not take */
    int r = settle_results(l, s);
    if (r == 0)
        r = ledger_claim(l, &c->claim);
    pthread_mutex_lock(&s->mutex);
    s->n = r == 0 ? c->claim.n : 0;
    for (size_t i = 0; i < s->n; i++)
        atomic_store(&s->states[i], CLAIMED);
    pthread_mutex_unlock(&s->mutex);
    if (r < 0)
        for (size_t i = 0; i < c->claim.n; i++)
            free(c->claim.jobs[i]);
    return r;
}

static void forget_results(struct sender *s) {
    for (size_t i = 0; i < s->n_results; i++)
        free(s->results[i].job);
    s->n_results = 0;
    s->pause_unsaid = s->recovered_unsaid = false;
}

/* Writes down what became of things; nothing is sent until that is done. */
static void settle(struct sender *s) {
    if (clerk_insist(s->all->clerk, settle_results, s) == 0)
        forget_results(s);
}

static void give_back(struct sender *s) {
    if (clerk_insist(s->all->clerk, return_jobs, s) == 0)
        forget_results(s);
    forget_jobs(s);
}

/* ---- sending one */

static const char *next_line(const char **text, size_t *ret_len) {
    const char *line = *text;
    *ret_len = strcspn(line, "\n");
    *text = line + *ret_len + (line[*ret_len] != '\0');
    return *ret_len == 0 ? NULL : line;
}

static int make_parcel(const struct receipt_links *links, const struct outlet_config *o,
                       struct arena *a, const struct ledger_job *j, struct parcel *ret,
                       struct fault *f) {
    struct parcel_order order = {.action = j->action,
                                 .message_id = j->message_id,
                                 .remote_id = j->remote_id,
                                 .receipt = receipt_link(links, a, o->name, j->uri),
                                 .headline = j->headline,
                                 .stored_usec = j->stored_usec,
                                 .seq = j->seq,
                                 .topic = j->topic,
                                 .bytes = j->bytes,
                                 .entry = {.epoch = j->epoch,
                                           .seq = j->seq,
                                           .prev_seq = j->prev_seq,
                                           .topic = slice_of(j->topic),
                                           .stored_at_usec = j->stored_usec,
                                           .uri = slice_of(j->uri),
                                           .version = j->version,
                                           .signature = j->signature,
                                           .article = j->bytes}};
    const char *path = j->path;
    size_t len;
    for (const char *line;
         (line = next_line(&path, &len)) != NULL && order.entry.n_path < LIMIT_PATH;)
        order.entry.path[order.entry.n_path++] = (struct slice){(const uint8_t *)line, len};
    return order.receipt == NULL ? -ENOMEM : parcel_make(a, o, &order, ret, f);
}

/* What an article that can't be made ready comes to. */
static void judge_fault(int error, const struct fault *f, struct verdict *ret) {
    if (error == -EINVAL)
        verdict_set(ret, VERDICT_PARKED, "%s: %s", f->field, f->reason);
    else
        verdict_set(ret, VERDICT_RETRY, "%s", error == -EAGAIN ? f->reason : "out of memory");
}

void sender_send_one(struct sender *s, const struct ledger_job *j, struct verdict *ret) {
    struct parcel parcel;
    struct fault fault = {0};
    arena_reset(s->arena);
    int r = make_parcel(s->all->links, s->outlet, s->arena, j, &parcel, &fault);
    if (r < 0)
        judge_fault(r, &fault, ret);
    else
        transport_find(s->outlet->url)->send(s->session, &parcel, ret);
}

static uint64_t backoff(const struct outlet_config *o, unsigned tries) {
    return backoff_usec(o->retry_first_usec, o->retry_most_usec, tries);
}

static void pause_outlet(struct sender *s, uint64_t wait, const char *why) {
    s->failures++;
    s->not_before_usec = follow_now_usec() + wait;
    s->pause_unsaid = true;
    snprintf(s->pause_reason, sizeof s->pause_reason, "%.255s", why);
    if (s->failures == 1 && follow_stop == 0)
        journal(JOURNAL_OUTLET_FAILING,
                &(struct journal_subject){.outlet = s->outlet->name, .reason = why},
                "%s: %s; it is tried again", s->outlet->name, why);
}

static void note_success(struct sender *s) {
    if (s->failures > 0) {
        journal(JOURNAL_OUTLET_RESUMED, &(struct journal_subject){.outlet = s->outlet->name},
                "%s: it takes articles again", s->outlet->name);
        s->recovered_unsaid = true;
    }
    s->failures = s->in_a_row = 0;
    s->not_before_usec = 0;
}

static void tell_bad(const struct sender *s, const struct ledger_job *j, const struct verdict *v) {
    bool parked = v->outcome == VERDICT_PARKED;
    journal(parked ? JOURNAL_DELIVERY_PARKED : JOURNAL_OUTLET_GONE,
            &(struct journal_subject){.outlet = s->outlet->name,
                                      .uri = j->uri,
                                      .version = j->version,
                                      .topic = j->topic,
                                      .epoch = j->epoch,
                                      .seq = j->seq,
                                      .reason = v->text},
            "%s: %s version %u is %s: %s", s->outlet->name, j->uri, j->version,
            parked ? "parked" : "the last, as the outlet is gone", v->text);
}

/* What a verdict means for the outlet and for the next try. */
static int64_t weigh(struct sender *s, const struct ledger_job *j, const struct verdict *v) {
    uint64_t wait = backoff(s->outlet, j->tries);
    if (v->outcome == VERDICT_DELIVERED) {
        note_success(s);
        return 0;
    }
    if (v->outcome != VERDICT_RETRY) {
        tell_bad(s, j, v);
        s->in_a_row = 0;
        return 0;
    }
    if (v->not_before_usec > 0)
        wait = v->not_before_usec;
    s->in_a_row++;
    if (v->about_outlet || v->not_before_usec > 0 || s->in_a_row >= FAILURES_IN_A_ROW)
        pause_outlet(s, v->not_before_usec > 0 ? wait : backoff(s->outlet, s->failures), v->text);
    return (int64_t)wait;
}

static void keep_result(struct sender *s, struct ledger_job *j, const struct verdict *v,
                        int64_t wait) {
    if (s->n_results == CLAIM_MOST)
        settle(s);
    if (s->n_results == 0)
        s->results_since_usec = follow_now_usec();
    s->results[s->n_results++] = (struct result){j, *v, wait};
}

/* Takes the job out of recall's sight; NULL when it was recalled. */
static struct ledger_job *begin(struct sender *s, size_t i) {
    int claimed = CLAIMED;
    if (!atomic_compare_exchange_strong(&s->states[i], &claimed, BEGUN))
        return NULL;
    pthread_mutex_lock(&s->mutex);
    struct ledger_job *j = s->jobs[i];
    s->jobs[i] = NULL;
    pthread_mutex_unlock(&s->mutex);
    return j;
}

/* A kill came, or the end. */
static bool is_interrupted(struct sender *s) {
    pthread_mutex_lock(&s->mutex);
    bool interrupted = s->interrupted;
    pthread_mutex_unlock(&s->mutex);
    return interrupted || follow_stop != 0;
}

static void keep_pace(struct sender *s, uint64_t begun) {
    if (s->outlet->rate == 0)
        return;
    uint64_t each = 60 * 1000000ULL / s->outlet->rate, took = follow_now_usec() - begun;
    for (; took < each && !is_interrupted(s); took = follow_now_usec() - begun) {
        uint64_t left = each - took < 200000 ? each - took : 200000;
        struct timespec pause = {0, (long)left * 1000};
        nanosleep(&pause, NULL);
    }
}

static bool is_paused(const struct sender *s) {
    return s->not_before_usec > follow_now_usec();
}

/* Sends what was claimed, until there is a reason to look anew. */
static void send_claimed(struct sender *s) {
    uint64_t since = follow_now_usec(), pause = s->not_before_usec;
    size_t sent = 0;
    for (size_t i = 0; i < s->n && !is_interrupted(s); i++) {
        uint64_t begun = follow_now_usec();
        struct ledger_job *j = begin(s, i);
        struct verdict v = {0};
        if (j == NULL)
            continue;
        sender_send_one(s, j, &v);
        keep_result(s, j, &v, weigh(s, j, &v));
        sent++;
        if (v.outcome == VERDICT_DISABLED || (s->not_before_usec != pause && is_paused(s)))
            break;
        if (follow_now_usec() - s->results_since_usec > SETTLE_USEC)
            settle(s);
        keep_pace(s, begun);
    }
    uint64_t took = follow_now_usec() - since;
    if (sent == s->n && took < SETTLE_USEC / 2 && s->most < CLAIM_MOST)
        s->most *= 2;
    else if (took > SETTLE_USEC && s->most > 1)
        s->most /= 2;
}

/* ---- batches */

/* All that was claimed as one message, and its verdict for each. */
static void send_batch(struct sender *s) {
    struct parcel *parcels = calloc(s->n, sizeof *parcels), joined;
    struct ledger_job **jobs = calloc(s->n, sizeof *jobs);
    struct verdict v = {0};
    size_t n = 0;
    arena_reset(s->arena);
    for (size_t i = 0; parcels != NULL && jobs != NULL && i < s->n; i++) {
        struct ledger_job *j = begin(s, i);
        struct fault fault = {0};
        if (j == NULL)
            continue;
        int r = make_parcel(s->all->links, s->outlet, s->arena, j, &parcels[n], &fault);
        if (r == 0) {
            jobs[n++] = j;
            continue;
        }
        judge_fault(r, &fault, &v);
        keep_result(s, j, &v, weigh(s, j, &v));
    }
    v = (struct verdict){0};
    if (n > 0 && parcel_join(s->arena, s->outlet, parcels, n, &joined) < 0)
        verdict_set(&v, VERDICT_RETRY, "out of memory");
    else if (n > 0)
        transport_find(s->outlet->url)->send(s->session, &joined, &v);
    int64_t wait = n > 0 ? weigh(s, jobs[0], &v) : 0;
    for (size_t i = 0; i < n; i++)
        keep_result(s, jobs[i], &v, wait);
    free(parcels);
    free(jobs);
}

static bool is_batch(const struct sender *s) {
    return s->outlet->batch_minute >= 0 && s->n > 0 && s->jobs[0]->action != PARCEL_KILL;
}

/* ---- the thread */

static bool have_session(struct sender *s) {
    char error[256] = "";
    if (s->session != NULL)
        return true;
    int r = transport_find(s->outlet->url)->open(s->outlet, &s->session, error, sizeof error);
    if (r == 0)
        return true;
    s->session = NULL;
    pause_outlet(s, backoff(s->outlet, s->failures), error);
    settle(s);
    return false;
}

/* Claims what may go now; until when to wait if that is nothing. */
static uint64_t claim(struct sender *s) {
    int64_t now = ledger_now(), open = INT64_MAX;
    bool kills_only = !outlet_is_open(s->outlet, now, &open) || is_paused(s);
    bool batches = s->outlet->batch_minute >= 0;
    struct claiming c = {s,
                         {.outlet = s->outlet,
                          .kills_only = kills_only,
                          .most = batches ? s->outlet->batch_most : s->most,
                          .jobs = s->jobs}};
    pthread_mutex_lock(&s->mutex);
    s->interrupted = false;
    pthread_mutex_unlock(&s->mutex);
    if (clerk_insist(s->all->clerk, settle_and_claim, &c) < 0) {
        forget_jobs(s);
        return 0; /* it is told to end */
    }
    forget_results(s);
    int64_t next = kills_only && open < c.claim.next_due_usec ? open : c.claim.next_due_usec;
    int64_t wait = next == INT64_MAX || next - now > PATIENT_USEC ? PATIENT_USEC : next - now;
    return follow_now_usec() + (uint64_t)(wait < 1000 ? 1000 : wait);
}

/* A pause is for articles: a kill that comes meanwhile is tried once all the same. */
static void turn(struct sender *s) {
    if (is_paused(s)) {
        wait_until(s, s->not_before_usec);
        if (follow_stop != 0 || (is_paused(s) && !is_interrupted(s)))
            return; /* woken for something new, which waits too */
    }
    if (!have_session(s))
        return;
    uint64_t until = claim(s);
    if (s->n == 0) {
        if (!is_paused(s))
            wait_until(s, until);
        return;
    }
    if (is_batch(s))
        send_batch(s);
    else
        send_claimed(s);
    bool all = true;
    for (size_t i = 0; i < s->n; i++)
        all = all && s->jobs[i] == NULL;
    if (!all || is_paused(s))
        give_back(s);
    else
        forget_jobs(s);
}

void *sender_run(void *userdata) {
    struct sender *s = userdata;
    while (follow_stop == 0)
        turn(s);
    give_back(s);
    if (s->session != NULL)
        transport_find(s->outlet->url)->close(s->session);
    return NULL;
}
