#include "daemon/intake/parts.h"

#include "proto/journal/journal.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <unistr.h>

/* What a SubmitRequest says beside its articles. */
struct header {
    uint64_t id;
    struct slice client, hold;
    struct slice path[LIMIT_PATH];
    size_t n_path;
    bool force;
    size_t n, n_questions, n_signatures;
};

const struct client *intake_client(const struct intake *in, const char *key) {
    return connections_secure(in->connections) ? trust_client(in->settings, key) : &trust_anybody;
}

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
    intake_set_fault(item, fault);
    if (outcome == LOG_REFUSED)
        intake_log_refusal(item);
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
    q->waiter.decided = intake_answered;
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
    name_client(intake_client(in, key), h->client, r->client);
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

void intake_take_request(struct intake *in, const struct socket_peer *peer, const char *key,
                         struct slice body) {
    const struct client *client = intake_client(in, key);
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
        intake_refuse(in, peer, h.id, wrong, name, key, &fault);
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
            r->items[i].waiter.decided = intake_decided;
            take_article(in, &r->items[i++], &h, client, w.bytes,
                         h.n_signatures > 0 ? next_signature(&signatures) : (struct slice){0});
        } else if (w.number == STORIES || w.number == HELD) {
            r->questions[q].request = r;
            r->questions[q].held = w.number == HELD;
            r->undecided -= add_question(in, &r->questions[q++], w.bytes) < 0;
        }
    }
    if (--r->undecided == 0)
        intake_answer(r);
}
