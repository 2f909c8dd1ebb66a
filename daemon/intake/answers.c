#include "daemon/intake/parts.h"

#include "daemon/audit.h"
#include "proto/journal/journal.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>

/* Whether the one who asks may know of a story on that topic. */
static bool may_know(const struct request *r, struct slice topic) {
    const struct client *c = intake_client(r->intake, r->key);
    return topic.len == 0 || trust_may_read(c, topic) || trust_may_send(c, topic_section(topic));
}

static int outcome_value(enum log_outcome outcome) {
    switch (outcome) {
    case LOG_ACCEPTED:
    case LOG_RELEASED: return NEWSWIRE__V1__OUTCOME__VALUE__accepted;
    case LOG_DUPLICATE: return NEWSWIRE__V1__OUTCOME__VALUE__duplicate;
    case LOG_HELD: return NEWSWIRE__V1__OUTCOME__VALUE__held;
    case LOG_REFUSED: return NEWSWIRE__V1__OUTCOME__VALUE__refused;
    default: break;
    }
    return NEWSWIRE__V1__OUTCOME__VALUE__unavailable;
}

static void send_reply(struct intake *in, const struct socket_peer *peer,
                       const Newswire__V1__SubmitReply *reply) {
    zmq_msg_t m;
    if (zmq_msg_init_size(&m, newswire__v1__submit_reply__get_packed_size(reply)) < 0)
        return;
    newswire__v1__submit_reply__pack(reply, zmq_msg_data(&m));
    /* A sender that has gone, or doesn't read, asks again and gets duplicates. */
    if (socket_send_message(in->socket, peer, &m) < 0)
        zmq_msg_close(&m);
}

void intake_refuse(struct intake *in, const struct socket_peer *peer, uint64_t id, int code,
                   const char *client, const char *key, const struct fault *fault) {
    Newswire__V1__SubmitReply reply = NEWSWIRE__V1__SUBMIT_REPLY__INIT;
    Newswire__V1__Error error = NEWSWIRE__V1__ERROR__INIT;
    error.code = (Newswire__V1__Error__Code)code;
    error.message = (char *)fault_local(fault);
    error.field = (char *)fault->field;
    reply.request_id = id;
    reply.error = &error;
    in->counts->malformed++;
    if (code != NEWSWIRE__V1__ERROR__CODE__busy)
        journal(JOURNAL_REQUEST_REFUSED,
                &(struct journal_subject){
                    .client = client, .key = key, .field = fault->field, .reason = fault->reason},
                "submit: a request%s%s is refused: %s%s%s", *client == '\0' ? "" : " of ", client,
                fault->field, *fault->field == '\0' ? "" : ": ", fault->reason);
    send_reply(in, peer, &reply);
}

static void fill_result(const struct item *item, Newswire__V1__SubmitResult *r) {
    newswire__v1__submit_result__init(r);
    r->outcome = (Newswire__V1__Outcome__Value)outcome_value(item->outcome);
    r->seq = item->seq;
    r->version = item->version;
    r->topic = (char *)item->topic;
    if (item->uri != NULL)
        r->uri = item->uri;
    if (item->fault != NULL) {
        r->reason = (char *)fault_local(item->fault);
        r->field = item->fault->field;
    }
}

static void fill_story(const struct question *q, Newswire__V1__Story *s) {
    newswire__v1__story__init(s);
    s->uri = q->uri;
    s->version = q->story.version;
    s->seq = q->story.seq;
    s->topic = (char *)q->topic;
    s->status = q->story.killed ? STATUS_CANCELED : STATUS_USABLE;
    s->held_version = q->story.held_version;
    s->held_topic = (char *)q->held_topic;
}

static void request_free(struct request *r) {
    for (size_t i = 0; i < r->n_questions; i++)
        free(r->questions[i].uri);
    for (size_t i = 0; i < r->n_held; i++)
        free(r->held[i].data);
    free(r->held);
    free(r->questions);
    for (size_t i = 0; i < r->n; i++) {
        free(r->items[i].uri);
        free(r->items[i].fault);
    }
    free(r);
}

/* The log could not tell; the sender asks again. */
static bool unanswered(const struct request *r) {
    for (size_t i = 0; i < r->n_questions; i++)
        if (r->questions[i].outcome != LOG_ANSWERED)
            return true;
    return false;
}

void intake_answer(struct request *r) {
    struct intake *in = r->intake;
    if (r->too_much) {
        struct fault fault = {0};
        fault_set(&fault, "held", "more is held of that than fits an answer");
        intake_refuse(in, &r->peer, r->id, NEWSWIRE__V1__ERROR__CODE__too_large, r->client, r->key,
                      &fault);
        request_free(r);
        in->waiting--;
        return;
    }
    Newswire__V1__SubmitReply reply = NEWSWIRE__V1__SUBMIT_REPLY__INIT;
    Newswire__V1__SubmitResult *results = calloc(r->n + 1, sizeof *results);
    Newswire__V1__SubmitResult **pointers = calloc(r->n + 1, sizeof *pointers);
    Newswire__V1__Story *stories = calloc(r->n_questions + 1, sizeof *stories);
    Newswire__V1__Story **told = calloc(r->n_questions + 1, sizeof *told);
    if (results != NULL && pointers != NULL && stories != NULL && told != NULL && !unanswered(r)) {
        struct log_bounds bounds;
        log_bounds(in->log, &bounds);
        for (size_t i = 0; i < r->n; i++) {
            fill_result(&r->items[i], &results[i]);
            pointers[i] = &results[i];
        }
        for (size_t i = 0; i < r->n_questions; i++) {
            if (r->questions[i].held)
                continue;
            fill_story(&r->questions[i], &stories[reply.n_stories]);
            told[reply.n_stories] = &stories[reply.n_stories];
            reply.n_stories++;
        }
        reply.held = r->held;
        reply.n_held = r->n_held;
        reply.request_id = r->id;
        reply.epoch = bounds.epoch;
        reply.results = pointers;
        reply.n_results = r->n;
        reply.stories = told;
        send_reply(in, &r->peer, &reply);
    }
    free(results);
    free(pointers);
    free(stories);
    free(told);
    request_free(r);
    in->waiting--;
}

void intake_set_fault(struct item *item, const struct fault *fault) {
    item->fault = malloc(sizeof *fault);
    if (item->fault != NULL)
        *item->fault = *fault;
}

static struct journal_subject subject_of(const struct item *item) {
    return (struct journal_subject){.uri = item->uri,
                                    .version = item->version,
                                    .topic = item->topic,
                                    .seq = item->seq,
                                    .client = item->request->client,
                                    .key = item->request->key};
}

void intake_log_refusal(const struct item *item) {
    const char *field = item->fault == NULL ? "" : item->fault->field;
    const char *reason = item->fault == NULL ? "" : item->fault->reason;
    struct journal_subject about = subject_of(item);
    about.field = field;
    about.reason = reason;
    journal(JOURNAL_ARTICLE_REFUSED, &about, "submit: %s is refused: %s%s%s",
            item->uri == NULL ? "an article" : item->uri, field, *field == '\0' ? "" : ": ",
            reason);
}

static void log_outcome(const struct item *item, const struct log_result *result) {
    const struct request *r = item->request;
    const struct audit_by by = {.transport = "submit", .client = r->client, .key = r->key};
    const struct audit_article article = {
        .uri = slice_of(item->uri), .topic = slice_of(item->topic), .version = item->version};
    struct journal_subject about = subject_of(item);
    audit_decided(&by, &article, item->canceled, result);
    journal(JOURNAL_ARTICLE_TAKEN, &about, "submit: %s version %u: %s", item->uri, item->version,
            admit_outcome_word(item->outcome));
}

void intake_decided(struct admit_waiter *waiter, const struct log_result *result) {
    struct item *item = (struct item *)waiter;
    struct request *r = item->request;
    item->outcome = result->outcome;
    item->seq = result->seq;
    if (result->topic.len <= LIMIT_TOPIC_BYTES && result->topic.len > 0) {
        memcpy(item->topic, result->topic.data, result->topic.len);
        item->topic[result->topic.len] = '\0';
    }
    if (*result->fault.reason != '\0')
        intake_set_fault(item, &result->fault);
    if (result->outcome == LOG_REFUSED)
        intake_log_refusal(item);
    else if (item->uri != NULL)
        log_outcome(item, result);
    admit_count(r->intake->counts, result->outcome);
    if (--r->undecided == 0)
        intake_answer(r);
}

static void copy_topic(char *to, struct slice topic) {
    size_t len = topic.len <= LIMIT_TOPIC_BYTES ? topic.len : 0;
    if (len > 0)
        memcpy(to, topic.data, len);
    to[len] = '\0';
}

/* Keeps what is held of the uris that begin so. 0 or -ENOMEM. */
static int keep_held(struct question *q, const struct log_result *result) {
    struct request *r = q->request;
    struct slice prefix = slice_of(q->uri);
    ProtobufCBinaryData *grown =
        reallocarray(r->held, r->n_held + result->n_held + 1, sizeof *grown);
    if (grown == NULL)
        return -ENOMEM;
    r->held = grown;
    for (size_t i = 0; i < result->n_held; i++) {
        const struct entry *e = &result->held[i].entry;
        if (e->uri.len < prefix.len || memcmp(e->uri.data, prefix.data, prefix.len) != 0 ||
            !may_know(r, e->topic))
            continue;
        r->held_bytes += e->article.len;
        r->too_much = r->too_much || r->held_bytes > LIMIT_MESSAGE_BYTES / 2 ||
                      r->n_held == LIMIT_REQUEST_ARTICLES;
        uint8_t *copy = r->too_much ? NULL : malloc(e->article.len + 1);
        if (copy == NULL)
            return r->too_much ? 0 : -ENOMEM;
        memcpy(copy, e->article.data, e->article.len);
        r->held[r->n_held++] = (ProtobufCBinaryData){e->article.len, copy};
    }
    return 0;
}

void intake_answered(struct admit_waiter *waiter, const struct log_result *result) {
    struct question *q = (struct question *)waiter;
    q->outcome = result->outcome;
    if (q->held && q->outcome == LOG_ANSWERED && keep_held(q, result) < 0)
        q->outcome = LOG_UNAVAILABLE;
    if (result->story != NULL) {
        q->story = *result->story;
        if (!may_know(q->request, q->story.topic) || !may_know(q->request, q->story.held_topic))
            q->story = (struct log_story){0}; /* for this sender there is none */
        copy_topic(q->topic, q->story.topic);
        copy_topic(q->held_topic, q->story.held_topic);
    }
    if (--q->request->undecided == 0)
        intake_answer(q->request);
}
