#include "daemon/intake.h"

#include "daemon/audit.h"
#include "daemon/loop.h"
#include "daemon/meters.h"
#include "daemon/socket.h"
#include "proto/journal/journal.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <unistr.h>
#include <zmq.h>

enum {
    ARENA_BYTES = 64 << 20, /* a turn's articles, unpacked */
    TURN_BYTES = 4 << 20,   /* a turn ends when it has taken so much */
};

struct request;

/* An article that waits for the log's decision. */
struct item {
    struct admit_waiter waiter; /* first: the log's cookie points here */
    struct request *request;
    enum log_outcome outcome;
    uint64_t seq;
    uint32_t version;
    bool canceled;
    char *uri;
    char topic[LIMIT_TOPIC_BYTES + 1];
    struct fault *fault; /* NULL when there is none */
};

/* A uri that the sender asks about, or the start of uris of which it wants what is held. */
struct question {
    struct admit_waiter waiter; /* first: the log's cookie points here */
    struct request *request;
    bool held;
    char *uri;
    enum log_outcome outcome;
    struct log_story story; /* its topics stand in what follows */
    char topic[LIMIT_TOPIC_BYTES + 1], held_topic[LIMIT_TOPIC_BYTES + 1];
};

struct request {
    struct intake *intake;
    struct socket_peer peer;
    char key[KEY_TEXT_BYTES]; /* of its client; "" without CURVE */
    uint64_t id;
    char client[LIMIT_KEY_BYTES + 1]; /* its name; without CURVE as it calls itself */
    size_t n, n_questions, undecided;
    struct question *questions;
    ProtobufCBinaryData *held; /* articles, malloc'd */
    size_t n_held, held_bytes;
    bool too_much; /* is held to be told */
    struct item items[];
};

/* What a SubmitRequest says beside its articles. */
struct header {
    uint64_t id;
    struct slice client, hold;
    struct slice path[LIMIT_PATH];
    size_t n_path;
    bool force;
    size_t n, n_questions, n_signatures;
};

struct intake {
    const struct settings *settings;
    struct connections *connections;
    struct meters *meters;
    struct log *log;
    struct admit_counts *counts;
    void *socket;
    struct loop_socket *watch;
    struct text_list bound;
    struct arena *endpoints_arena;

    /* What one turn has taken and the log not yet. */
    struct arena *arena;
    zmq_msg_t *messages;
    size_t n_messages, bytes;
    struct log_proposal *proposals;
    size_t n_proposals, room_proposals;
    struct question **questions;
    size_t n_questions, room_questions;

    size_t waiting;
    bool stopped;
    bool full; /* the log's queue is full: no turn until it moves */
};

/* ---- who may what */

/* NULL: somebody who is no client any more. */
static const struct client *client_of(const struct intake *in, const char *key) {
    return connections_secure(in->connections) ? trust_client(in->settings, key) : &trust_anybody;
}

/* Whether the one who asks may know of a story on that topic. */
static bool may_know(const struct request *r, struct slice topic) {
    const struct client *c = client_of(r->intake, r->key);
    return topic.len == 0 || trust_may_read(c, topic) || trust_may_send(c, topic_section(topic));
}

/* ---- answers */

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

/* client and key: who is refused; "" when that isn't known. */
static void refuse_request(struct intake *in, const struct socket_peer *peer, uint64_t id, int code,
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

static void answer(struct request *r) {
    struct intake *in = r->intake;
    if (r->too_much) {
        struct fault fault = {0};
        fault_set(&fault, "held", "more is held of that than fits an answer");
        refuse_request(in, &r->peer, r->id, NEWSWIRE__V1__ERROR__CODE__too_large, r->client, r->key,
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

static void set_fault(struct item *item, const struct fault *fault) {
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

static void log_refusal(const struct item *item) {
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

static void decided(struct admit_waiter *waiter, const struct log_result *result) {
    struct item *item = (struct item *)waiter;
    struct request *r = item->request;
    item->outcome = result->outcome;
    item->seq = result->seq;
    if (result->topic.len <= LIMIT_TOPIC_BYTES && result->topic.len > 0) {
        memcpy(item->topic, result->topic.data, result->topic.len);
        item->topic[result->topic.len] = '\0';
    }
    if (*result->fault.reason != '\0')
        set_fault(item, &result->fault);
    if (result->outcome == LOG_REFUSED)
        log_refusal(item);
    else if (item->uri != NULL)
        log_outcome(item, result);
    admit_count(r->intake->counts, result->outcome);
    if (--r->undecided == 0)
        answer(r);
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

static void answered(struct admit_waiter *waiter, const struct log_result *result) {
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
        answer(q->request);
}

/* ---- requests */

static int add_proposal(struct intake *in, const struct log_proposal *p) {
    if (in->n_proposals == in->room_proposals) {
        size_t room = in->room_proposals == 0 ? 256 : in->room_proposals * 2;
        struct log_proposal *grown = reallocarray(in->proposals, room, sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        in->proposals = grown;
        in->room_proposals = room;
    }
    in->proposals[in->n_proposals++] = *p;
    return 0;
}

static void refuse_item(struct item *item, enum log_outcome outcome, const struct fault *fault) {
    item->outcome = outcome;
    set_fault(item, fault);
    if (outcome == LOG_REFUSED)
        log_refusal(item);
    admit_count(item->request->intake->counts, outcome);
    item->request->undecided--;
}

/* The uri and version of a refused article, as far as they can be read. */
static void name_refused(struct item *item, struct slice article) {
    while (article.len > 0) {
        struct wire_field f;
        if (!wire_get_field(&article, &f))
            return;
        if (f.number == 1 && f.type == WIRE_LEN && f.bytes.len <= LIMIT_URI_BYTES &&
            item->uri == NULL && memchr(f.bytes.data, 0, f.bytes.len) == NULL &&
            u8_check(f.bytes.data, f.bytes.len) == NULL)
            item->uri = strndup((const char *)f.bytes.data, f.bytes.len);
        if (f.number == 2 && f.type == WIRE_VARINT)
            item->version = (uint32_t)f.value;
    }
}

/* The path as the log takes it; it copies it. 0 or -ENOMEM. */
static int set_path(struct intake *in, const struct header *h, struct log_proposal *p) {
    char **path = NULL;
    size_t n = 0;
    for (size_t i = 0; i < h->n_path; i++)
        if (article_push_string(in->arena, &path, &n, (const char *)h->path[i].data,
                                h->path[i].len) < 0)
            return -ENOMEM;
    p->path = (const char *const *)path;
    p->n_path = n;
    return 0;
}

/* The rights as the log takes them, for stories of other sections; and whether they
 * allow this article. */
static int set_rights(const struct client *c, struct log_proposal *p, struct fault *f) {
    struct slice section = topic_section(slice_of(p->topic));
    if (!trust_may_send(c, section))
        return fault_set(f, "section", "client %s may not send to '%.*s'", c->name,
                         (int)section.len, (const char *)section.data);
    if (c->sends_all)
        return 0;
    p->sections = (const char *const *)c->send.items;
    p->n_sections = c->send.n;
    return 0;
}

static void take_article(struct intake *in, struct item *item, const struct header *h,
                         const struct client *client, struct slice article,
                         struct slice signature) {
    struct fault fault = {0};
    struct log_proposal p;
    int r = admit(in->settings, in->arena, article, signature, &p, &fault);
    if (r == 0)
        r = set_rights(client, &p, &fault);
    if (r == 0) {
        p.cookie = &item->waiter;
        p.forced = p.forced || h->force;
        if (h->hold.len > 0 && p.approvals == 0 && !p.canceled)
            p.approvals = 1;
        item->version = p.version;
        item->canceled = p.canceled;
        item->uri = strdup(p.uri);
        memcpy(item->topic, p.topic, strlen(p.topic) + 1);
        r = item->uri == NULL ? -ENOMEM : set_path(in, h, &p);
        if (r == 0)
            r = add_proposal(in, &p);
    }
    if (r == -EINVAL) {
        name_refused(item, article);
        refuse_item(item, LOG_REFUSED, &fault);
    } else if (r < 0) {
        fault_set(&fault, "", "the daemon is short of memory");
        refuse_item(item, LOG_UNAVAILABLE, &fault);
    }
}

static int add_question(struct intake *in, struct question *q, struct slice uri) {
    if (in->n_questions == in->room_questions) {
        size_t room = in->room_questions == 0 ? 64 : in->room_questions * 2;
        struct question **grown = reallocarray(in->questions, room, sizeof *grown);
        if (grown == NULL)
            return -ENOMEM;
        in->questions = grown;
        in->room_questions = room;
    }
    q->waiter.decided = answered;
    q->uri = strndup((const char *)uri.data, uri.len);
    if (q->uri == NULL)
        return -ENOMEM;
    codec_mend_utf8(q->uri);
    in->questions[in->n_questions++] = q;
    return 0;
}

enum {
    REQUEST_ID = 1,
    ARTICLES = 2,
    CLIENT = 3,
    FORCE = 4,
    HOLD = 5,
    STORIES = 6,
    HELD = 7,
    PATH = 8,
    SIGNATURES = 9
};

/* A daemon that the articles came through. */
static int add_step(struct header *h, struct slice name, struct fault *f) {
    if (name.len == 0 || name.len > LIMIT_NAME_BYTES || memchr(name.data, 0, name.len) != NULL ||
        u8_check(name.data, name.len) != NULL)
        return fault_set(f, "path", "a name is text of 1 to %d bytes", LIMIT_NAME_BYTES);
    if (h->n_path == LIMIT_PATH)
        return fault_set(f, "path", "the articles came through more than %d daemons", LIMIT_PATH);
    h->path[h->n_path++] = name;
    return 0;
}

/* Reads a SubmitRequest in place: the articles stay where they are. */
static int read_request(struct slice body, struct header *ret, struct fault *f) {
    struct header h = {0};
    while (body.len > 0) {
        struct wire_field w;
        bool good = wire_get_field(&body, &w);
        if (good && w.number >= REQUEST_ID && w.number <= SIGNATURES)
            good = w.type == (w.number == REQUEST_ID || w.number == FORCE ? WIRE_VARINT : WIRE_LEN);
        if (!good)
            return fault_set(f, "", "is no SubmitRequest");
        switch (w.number) {
        case REQUEST_ID: ret->id = h.id = w.value; break;
        case ARTICLES: h.n++; break;
        case SIGNATURES: h.n_signatures++; break;
        case CLIENT: h.client = w.bytes; break;
        case FORCE: h.force = w.value != 0; break;
        case HOLD: h.hold = w.bytes; break;
        case PATH:
            if (add_step(&h, w.bytes, f) < 0)
                return -EINVAL;
            break;
        case STORIES:
        case HELD:
            h.n_questions++;
            if (w.bytes.len > LIMIT_URI_BYTES)
                return fault_set(f, w.number == HELD ? "held" : "stories",
                                 "a uri has %zu bytes; %d are the most", w.bytes.len,
                                 LIMIT_URI_BYTES);
            break;
        default: break;
        }
    }
    *ret = h;
    if (h.n + h.n_questions == 0)
        return fault_set(f, "articles", "there are none");
    if (h.n > LIMIT_REQUEST_ARTICLES)
        return fault_set(f, "articles", "there are %zu; %d are the most", h.n,
                         LIMIT_REQUEST_ARTICLES);
    if (h.n_signatures != 0 && h.n_signatures != h.n)
        return fault_set(f, "signatures", "there are %zu for %zu articles", h.n_signatures, h.n);
    if (h.n_questions > LIMIT_REPEATED)
        return fault_set(f, "stories", "there are %zu; %d are the most", h.n_questions,
                         LIMIT_REPEATED);
    return 0;
}

/* What the client is called: by config if it has a key, or else by itself. */
static void name_client(const struct client *c, struct slice own,
                        char ret[static LIMIT_KEY_BYTES + 1]) {
    if (c != NULL && c != &trust_anybody)
        own = slice_of(c->name);
    snprintf(ret, LIMIT_KEY_BYTES + 1, "%.*s",
             own.len <= LIMIT_KEY_BYTES ? (int)own.len : LIMIT_KEY_BYTES,
             own.len == 0 ? "" : (const char *)own.data);
    codec_mend_utf8(ret);
}

static struct request *request_new(struct intake *in, const struct socket_peer *peer,
                                   const char *key, const struct header *h) {
    struct request *r = calloc(1, sizeof *r + h->n * sizeof r->items[0]);
    struct question *questions = calloc(h->n_questions + 1, sizeof *questions);
    if (r == NULL || questions == NULL) {
        free(r);
        free(questions);
        return NULL;
    }
    r->intake = in;
    r->peer = *peer;
    snprintf(r->key, sizeof r->key, "%s", key);
    r->id = h->id;
    r->questions = questions;
    name_client(client_of(in, key), h->client, r->client);
    r->n = h->n;
    r->n_questions = h->n_questions;
    r->undecided = h->n + h->n_questions + 1; /* one for ourselves, until all are taken */
    return r;
}

static void tell_hold(const struct request *r, const struct header *h) {
    char reason[160];
    snprintf(reason, sizeof reason, "%.*s",
             h->hold.len < sizeof reason ? (int)h->hold.len : (int)sizeof reason - 1,
             h->hold.len == 0 ? "" : (const char *)h->hold.data);
    if (h->hold.len > 0 && h->n > 0)
        journal(JOURNAL_REVIEW_WANTED,
                &(struct journal_subject){.client = r->client, .reason = reason},
                "submit: %zu articles of %s are to be held for review: %s", h->n,
                *r->client == '\0' ? "a client" : r->client, reason);
}

/* Whether the client may ask that, and now. 0, or a code of Error with the reason. */
static int judge(struct intake *in, const struct client *c, const struct header *h, size_t bytes,
                 struct fault *f) {
    if (c == NULL) {
        fault_set(f, "", "this key belongs to no client any more");
        return NEWSWIRE__V1__ERROR__CODE__denied;
    }
    if (h->n_path > 0 && !c->relay) {
        fault_set(f, "path", "client %s may not send what came through other daemons", c->name);
        return NEWSWIRE__V1__ERROR__CODE__denied;
    }
    return meters_take(in->meters, c, 1, h->n, bytes, f) < 0 ? NEWSWIRE__V1__ERROR__CODE__busy : 0;
}

/* The signatures stand in the order of the articles, wherever they stand. */
static struct slice next_signature(struct slice *rest) {
    struct wire_field w;
    while (rest->len > 0 && wire_get_field(rest, &w))
        if (w.number == SIGNATURES)
            return w.bytes;
    return (struct slice){0};
}

static void take_request(struct intake *in, const struct socket_peer *peer, const char *key,
                         struct slice body) {
    const struct client *client = client_of(in, key);
    struct fault fault = {0};
    struct header h = {0};
    char name[LIMIT_KEY_BYTES + 1];
    int wrong = 0;
    if (read_request(body, &h, &fault) < 0)
        wrong = NEWSWIRE__V1__ERROR__CODE__malformed;
    else
        wrong = judge(in, client, &h, body.len, &fault);
    if (wrong != 0) {
        name_client(client, h.client, name);
        refuse_request(in, peer, h.id, wrong, name, key, &fault);
        return;
    }
    struct request *r = request_new(in, peer, key, &h);
    if (r == NULL)
        return; /* the sender asks again */
    in->waiting++;
    tell_hold(r, &h);
    size_t i = 0, q = 0;
    struct wire_field w;
    struct slice signatures = body; /* the next one is in there */
    while (body.len > 0 && wire_get_field(&body, &w)) {
        if (w.number == ARTICLES) {
            r->items[i].request = r;
            r->items[i].waiter.decided = decided;
            take_article(in, &r->items[i++], &h, client, w.bytes,
                         h.n_signatures > 0 ? next_signature(&signatures) : (struct slice){0});
        } else if (w.number == STORIES || w.number == HELD) {
            r->questions[q].request = r;
            r->questions[q].held = w.number == HELD;
            r->undecided -= add_question(in, &r->questions[q++], w.bytes) < 0;
        }
    }
    if (--r->undecided == 0)
        answer(r);
}

/* ---- turns */

static void end_turn(struct intake *in) {
    for (size_t i = 0; i < in->n_messages; i++)
        zmq_msg_close(&in->messages[i]);
    in->n_messages = 0;
    in->n_proposals = in->n_questions = 0;
    in->bytes = 0;
    arena_reset(in->arena);
}

static void give_up_questions(struct intake *in, size_t from) {
    const struct log_result result = {.outcome = LOG_UNAVAILABLE};
    for (size_t i = from; i < in->n_questions; i++)
        answered(&in->questions[i]->waiter, &result);
    in->n_questions = 0;
}

/* Behind the turn's articles, so that the answers know of them. */
static void ask_questions(struct intake *in) {
    size_t i = 0;
    for (; i < in->n_questions; i++) {
        struct log_ask ask = {.type = in->questions[i]->held ? LOG_ASK_HELD : LOG_ASK_STORY,
                              .uri = in->questions[i]->uri,
                              .cookie = &in->questions[i]->waiter};
        if (log_ask(in->log, &ask) < 0)
            break;
    }
    give_up_questions(in, i);
}

/* Gives what the turn took to the log; when its queue is full, it is kept and
 * the socket waits. */
static void hand_over(struct intake *in) {
    int r = in->n_proposals == 0 ? 0 : log_append(in->log, in->proposals, in->n_proposals);
    in->full = r == -EAGAIN;
    loop_socket_pause(in->watch, in->full || in->stopped);
    if (r == 0) {
        ask_questions(in);
        end_turn(in);
        return;
    }
    if (in->full)
        return;
    struct log_result result = {.outcome = LOG_UNAVAILABLE};
    fault_set_error(&result.fault, r, "", "the daemon can't take articles");
    for (size_t i = 0; i < in->n_proposals; i++)
        decided(in->proposals[i].cookie, &result);
    give_up_questions(in, 0);
    end_turn(in);
}

static void take_message(struct intake *in, const struct socket_peer *peer, zmq_msg_t *m) {
    struct identity who;
    connections_identify(m, &who);
    connections_note(in->connections, &who);
    take_request(in, peer, who.key, (struct slice){zmq_msg_data(m), zmq_msg_size(m)});
}

static void readable(void *userdata) {
    struct intake *in = userdata;
    while (in->n_messages < in->settings->submit.turn_messages && in->bytes < TURN_BYTES) {
        struct socket_peer peer;
        struct fault fault = {0};
        zmq_msg_t *m = &in->messages[in->n_messages];
        int r = socket_receive(in->socket, LIMIT_MESSAGE_BYTES, &peer, m, &fault);
        if (r == -EBADMSG || r == -EMSGSIZE) {
            refuse_request(in, &peer, 0,
                           r == -EMSGSIZE ? NEWSWIRE__V1__ERROR__CODE__too_large
                                          : NEWSWIRE__V1__ERROR__CODE__malformed,
                           "", "", &fault);
            continue;
        }
        if (r < 0)
            break;
        in->n_messages++;
        in->bytes += zmq_msg_size(m);
        take_message(in, &peer, m);
    }
    hand_over(in);
}

void intake_log_moved(struct intake *in) {
    if (in->full && !in->stopped)
        hand_over(in);
}

void intake_stop(struct intake *in) {
    struct log_result result = {.outcome = LOG_UNAVAILABLE};
    in->stopped = true;
    loop_socket_pause(in->watch, true);
    fault_set(&result.fault, "", "the daemon is stopping");
    for (size_t i = 0; i < in->n_proposals; i++)
        decided(in->proposals[i].cookie, &result);
    give_up_questions(in, 0);
    end_turn(in);
}

size_t intake_waiting(const struct intake *in) {
    return in->waiting;
}

const struct text_list *intake_endpoints(const struct intake *in) {
    return &in->bound;
}

void intake_reload(struct intake *in, const struct settings *settings) {
    in->settings = settings;
}

int intake_open(sd_event *event, void *zmq_context, const struct settings *settings,
                struct connections *connections, struct log *log, struct admit_counts *counts,
                struct intake **ret, struct fault *ret_fault) {
    struct intake *in = calloc(1, sizeof *in);
    if (in == NULL)
        return -ENOMEM;
    in->settings = settings;
    in->connections = connections;
    in->meters = meters_new();
    in->log = log;
    in->counts = counts;
    in->arena = arena_new(ARENA_BYTES);
    in->endpoints_arena = arena_new(64 << 10);
    in->messages = calloc(SETTINGS_TURN_MESSAGES, sizeof *in->messages);
    in->socket = socket_new(zmq_context, ZMQ_ROUTER, LIMIT_MESSAGE_BYTES);
    int r = -ENOMEM;
    if (in->arena != NULL && in->endpoints_arena != NULL && in->messages != NULL &&
        in->socket != NULL && in->meters != NULL)
        r = loop_socket_new(event, in->socket, "submit", readable, in, &in->watch);
    if (r >= 0)
        r = connections_guard(connections, in->socket);
    if (r >= 0)
        r = socket_bind(in->socket, INHERITED_SUBMIT, &settings->submit.bind, in->endpoints_arena,
                        &in->bound, ret_fault);
    if (r < 0) {
        intake_close(in);
        return r;
    }
    *ret = in;
    return 0;
}

struct intake *intake_close(struct intake *in) {
    if (in == NULL)
        return NULL;
    if (in->arena != NULL)
        end_turn(in);
    loop_socket_free(in->watch);
    connections_leave(in->connections, in->socket);
    if (in->socket != NULL)
        zmq_close(in->socket);
    meters_free(in->meters);
    free(in->messages);
    free(in->proposals);
    free(in->questions);
    arena_free(in->arena);
    arena_free(in->endpoints_arena);
    free(in);
    return NULL;
}
