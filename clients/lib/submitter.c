#include "clients/lib/link.h"
#include "clients/lib/newswire.h"
#include "proto/codec.h"
#include "proto/signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WINDOW_BYTES = 8 << 20,
    REQUEST_BYTES = 1 << 20, /* a request is full when it has so much */
    UNDER_WAY_MOST = 4,      /* requests; what is added meanwhile goes together in the next */
    ANSWER_USEC = 5000000,   /* a request without an answer is made again after this */
    AGAIN_USEC = 500000,     /* what the daemon can't take now is sent again after this */
    REPLY_ARENA_BYTES = 64 << 20,
};

struct item {
    struct item *next;
    void *cookie;
    bool is_signed;
    struct signature signature;
    size_t len;
    uint8_t bytes[];
};

struct request {
    uint64_t id; /* 0: this place is free */
    struct item *first;
    size_t n;
    uint8_t *bytes;
    size_t len;
    bool sent;
    uint64_t sent_usec;
};

struct newswire_submitter {
    struct newswire_submitter_options options;
    char *client;
    char *hold;    /* why articles are to be held; "": they are not */
    uint8_t *path; /* as fields of a request */
    size_t path_len;
    void *context;
    struct link link;
    struct arena *arena;
    struct item *first, *last; /* in no request yet */
    size_t waiting_bytes;      /* without outcome, in requests or not */
    struct request requests[UNDER_WAY_MOST];
    uint64_t last_id;
    uint64_t question_id;         /* that is waited for; 0: none */
    struct newswire_story *story; /* where its answer goes; NULL: to take_held */
    newswire_held_fn take_held;
    void *held_userdata;
    int question_error;
    uint64_t not_before_usec; /* the next new request */
    uint64_t progress_usec;   /* the last outcome, or when there was nothing to wait for */
    const char *link_reason;  /* why there is no connection; NULL: none is known */
    char trouble[256];
};

static void set_trouble(struct newswire_submitter *s, const char *text) {
    snprintf(s->trouble, sizeof s->trouble, "%s", text);
}

/* ---- opening */

int newswire_submitter_new(const struct newswire_submitter_options *o,
                           struct newswire_submitter **ret, char *error, size_t size) {
    struct newswire_submitter *s = calloc(1, sizeof *s);
    int r = s == NULL ? -ENOMEM : 0;
    if (r == 0) {
        s->options = *o;
        if (o->window_bytes == 0)
            s->options.window_bytes = WINDOW_BYTES;
        s->client = strdup(o->client == NULL ? "" : o->client);
        s->hold = strdup("");
        s->arena = arena_new(REPLY_ARENA_BYTES);
        s->context = zmq_ctx_new();
        s->progress_usec = link_now_usec();
        set_trouble(s, "no connection");
        if (s->client == NULL || s->hold == NULL || s->arena == NULL || s->context == NULL)
            r = -ENOMEM;
    }
    if (r < 0)
        snprintf(error, size, "%s", strerror(-r));
    else
        r = link_open(s->context, ZMQ_DEALER, o->submit, o->key_file, &s->link, error, size);
    if (r < 0) {
        newswire_submitter_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

static void free_items(struct item *i) {
    while (i != NULL) {
        struct item *next = i->next;
        free(i);
        i = next;
    }
}

struct newswire_submitter *newswire_submitter_free(struct newswire_submitter *s) {
    if (s == NULL)
        return NULL;
    link_close(&s->link);
    if (s->context != NULL)
        zmq_ctx_term(s->context);
    free_items(s->first);
    for (int i = 0; i < UNDER_WAY_MOST; i++) {
        free_items(s->requests[i].first);
        free(s->requests[i].bytes);
    }
    arena_free(s->arena);
    free(s->client);
    free(s->hold);
    free(s->path);
    free(s);
    return NULL;
}

/* ---- requests */

/* How many of the waiting articles go in the next request, and their bytes. */
static size_t count_next(const struct newswire_submitter *s, size_t *ret_bytes) {
    size_t n = 0;
    *ret_bytes = 0;
    for (const struct item *i = s->first; i != NULL && n < LIMIT_REQUEST_ARTICLES; i = i->next) {
        if (n > 0 && *ret_bytes + i->len > REQUEST_BYTES)
            break;
        *ret_bytes += i->len;
        n++;
    }
    return n;
}

/* One for each article, if any of them is signed. */
static uint8_t *put_signatures(uint8_t *p, const struct item *first, size_t n) {
    enum { SIGNATURES = 9 };
    bool any = false;
    const struct item *i = first;
    for (size_t k = 0; k < n; k++, i = i->next)
        any = any || i->is_signed;
    i = first;
    for (size_t k = 0; any && k < n; k++, i = i->next) {
        p = wire_put_tag(p, SIGNATURES, WIRE_LEN);
        p = wire_put_varint(p, i->is_signed ? SIGNATURE_ENCODED_BYTES : 0);
        if (!i->is_signed)
            continue;
        signature_encode(&i->signature, p);
        p += SIGNATURE_ENCODED_BYTES;
    }
    return p;
}

/* Puts what waits into a request, at this place. 0 or -ENOMEM. */
static int make_request(struct newswire_submitter *s, struct request *q) {
    enum { AROUND_BYTES = 16 + SIGNATURE_ENCODED_BYTES + 2 };
    size_t bytes, n = count_next(s, &bytes);
    struct slice client = slice_of(s->client);
    struct slice hold = slice_of(s->hold);
    uint8_t *p = malloc(bytes + (n + 4) * AROUND_BYTES + client.len + hold.len + s->path_len);
    if (p == NULL)
        return -ENOMEM;
    *q = (struct request){.id = ++s->last_id, .first = s->first, .bytes = p, .n = n};
    p = wire_put_uint(p, 1, q->id);
    const struct item *first = s->first;
    const size_t all = n;
    struct item *last = s->first; /* there is one: count_next gives at least 1 */
    for (struct item *i = s->first; n > 0; n--, last = i, i = i->next)
        p = wire_put_bytes(p, 2, (struct slice){i->bytes, i->len});
    p = wire_put_bytes(p, 3, client);
    p = wire_put_uint(p, 4, s->options.force);
    p = wire_put_bytes(p, 5, hold);
    if (s->path_len > 0)
        p = mempcpy(p, s->path, s->path_len);
    p = put_signatures(p, first, all);
    q->len = (size_t)(p - q->bytes);
    s->first = last->next;
    if (s->first == NULL)
        s->last = NULL;
    last->next = NULL;
    return 0;
}

static void send_request(struct newswire_submitter *s, struct request *q, uint64_t now) {
    /* On failure the connection is just going; it is sent on the next. */
    q->sent = zmq_send(s->link.socket, q->bytes, q->len, ZMQ_DONTWAIT) >= 0;
    q->sent_usec = now;
}

static int send_due(struct newswire_submitter *s, uint64_t now) {
    for (int i = 0; i < UNDER_WAY_MOST && s->link.up; i++) {
        struct request *q = &s->requests[i];
        if (q->id != 0 && q->sent && now - q->sent_usec >= ANSWER_USEC) {
            set_trouble(s, "no answer");
            q->sent = false;
        }
        if (q->id == 0 && s->first != NULL && now >= s->not_before_usec) {
            int r = make_request(s, q);
            if (r < 0)
                return r;
        }
        if (q->id != 0 && !q->sent)
            send_request(s, q, now);
    }
    return 0;
}

/* ---- replies */

static void tell(struct newswire_submitter *s, struct item *item, uint64_t epoch,
                 const Newswire__V1__SubmitResult *r) {
    struct newswire_result result = {.cookie = item->cookie,
                                     .outcome = (enum newswire_outcome)r->outcome,
                                     .epoch = epoch,
                                     .seq = r->seq,
                                     .uri = r->uri,
                                     .version = r->version,
                                     .topic = r->topic,
                                     .field = r->field,
                                     .reason = r->reason};
    s->waiting_bytes -= item->len;
    s->options.result(s->options.userdata, &result);
    free(item);
}

static bool is_decided(const Newswire__V1__SubmitResult *r) {
    return r->outcome != NEWSWIRE__V1__OUTCOME__VALUE__unavailable &&
           r->outcome != NEWSWIRE__V1__OUTCOME__VALUE__unspecified;
}

/* Hands on what is decided; the rest goes to the front of what waits, in order. */
static void settle(struct newswire_submitter *s, struct request *q,
                   const Newswire__V1__SubmitReply *reply, uint64_t now) {
    struct item *again = NULL, **end = &again, *i = q->first, *last = NULL;
    free(q->bytes);
    *q = (struct request){0};
    for (size_t k = 0; i != NULL; k++) {
        struct item *next = i->next;
        if (is_decided(reply->results[k])) {
            tell(s, i, reply->epoch, reply->results[k]);
            s->progress_usec = now;
        } else {
            set_trouble(s, reply->results[k]->reason);
            s->not_before_usec = now + AGAIN_USEC;
            *end = last = i;
            end = &i->next;
        }
        i = next;
    }
    *end = s->first;
    s->first = again;
    if (s->last == NULL)
        s->last = last;
}

/* The daemon refuses the request as a whole: each of its articles is refused. */
static int refuse(struct newswire_submitter *s, struct request *q,
                  const Newswire__V1__SubmitReply *reply, uint64_t now) {
    Newswire__V1__SubmitResult result = NEWSWIRE__V1__SUBMIT_RESULT__INIT, *results[1] = {&result};
    Newswire__V1__SubmitReply each = NEWSWIRE__V1__SUBMIT_REPLY__INIT;
    bool busy = reply->error->code == NEWSWIRE__V1__ERROR__CODE__busy;
    Newswire__V1__SubmitResult **all = calloc(q->n, sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    result.outcome =
        busy ? NEWSWIRE__V1__OUTCOME__VALUE__unavailable : NEWSWIRE__V1__OUTCOME__VALUE__refused;
    result.reason = reply->error->message;
    result.field = reply->error->field;
    for (size_t i = 0; i < q->n; i++)
        all[i] = results[0];
    each.epoch = reply->epoch;
    each.results = all;
    settle(s, q, &each, now);
    free(all);
    return 0;
}

static void take_answer(struct newswire_submitter *s, const Newswire__V1__SubmitReply *reply) {
    s->question_id = 0;
    if (reply->error != NULL || (s->story != NULL && reply->n_stories != 1)) {
        set_trouble(s, reply->error != NULL ? reply->error->message
                                            : "the daemon's answer tells of no story");
        s->question_error = -EPROTO;
        return;
    }
    for (size_t i = 0; s->story == NULL && i < reply->n_held && s->question_error == 0; i++)
        s->question_error = s->take_held(s->held_userdata, reply->held[i].data, reply->held[i].len);
    if (s->story == NULL)
        return;
    const Newswire__V1__Story *told = reply->stories[0];
    *s->story = (struct newswire_story){.version = told->version,
                                        .seq = told->seq,
                                        .killed = told->status == STATUS_CANCELED,
                                        .held_version = told->held_version};
    snprintf(s->story->topic, sizeof s->story->topic, "%s", told->topic);
    snprintf(s->story->held_topic, sizeof s->story->held_topic, "%s", told->held_topic);
}

static int take_reply(struct newswire_submitter *s, struct slice bytes, uint64_t now) {
    ProtobufCMessage *message;
    struct fault fault;
    arena_reset(s->arena);
    int r =
        codec_unpack(&newswire__v1__submit_reply__descriptor, s->arena, bytes, &message, &fault);
    if (r < 0) {
        set_trouble(s, fault.reason);
        return 0; /* it is asked again */
    }
    const Newswire__V1__SubmitReply *reply = (const Newswire__V1__SubmitReply *)message;
    if (s->question_id != 0 && reply->request_id == s->question_id) {
        take_answer(s, reply);
        return 0;
    }
    for (int i = 0; i < UNDER_WAY_MOST; i++) {
        struct request *q = &s->requests[i];
        if (q->id == 0 || q->id != reply->request_id)
            continue;
        if (reply->error != NULL)
            return refuse(s, q, reply, now);
        if (reply->n_results == q->n)
            settle(s, q, reply, now);
        else
            set_trouble(s, "the daemon's answer has another number of results");
        return 0;
    }
    return 0; /* an answer that came twice */
}

/* ---- waiting */

static int take_replies(struct newswire_submitter *s) {
    zmq_msg_t m;
    int r = 0;
    zmq_msg_init(&m);
    while (r == 0 && zmq_msg_recv(&m, s->link.socket, ZMQ_DONTWAIT) >= 0)
        if (!zmq_msg_more(&m))
            r = take_reply(s, (struct slice){zmq_msg_data(&m), zmq_msg_size(&m)}, link_now_usec());
    zmq_msg_close(&m);
    return r;
}

/* 0; -EACCES when the daemon refuses this client. */
static int mind_link(struct newswire_submitter *s) {
    enum link_trouble trouble;
    const char *reason;
    while (link_event(&s->link, &trouble, &reason) > 0) {
        if (trouble != LINK_FINE) {
            s->link_reason = reason;
            set_trouble(s, reason);
            return -EACCES;
        }
        if (s->link.up) {
            s->link_reason = NULL;
            continue;
        }
        set_trouble(s, s->link_reason == NULL ? "no connection" : s->link_reason);
        for (int i = 0; i < UNDER_WAY_MOST; i++)
            s->requests[i].sent = false; /* the answer would go to the old connection */
    }
    return 0;
}

/* One turn: does what there is, and if wait, waits for something more. */
static int turn(struct newswire_submitter *s, bool wait) {
    enum { TURN_MSEC = 100 };
    zmq_pollitem_t items[] = {
        {.socket = s->link.socket, .events = ZMQ_POLLIN},
        {.socket = s->link.monitor, .events = ZMQ_POLLIN},
    };
    int r = mind_link(s);
    if (r == 0)
        r = take_replies(s);
    uint64_t now = link_now_usec();
    if (r == 0)
        r = send_due(s, now);
    if (r < 0 || !wait || s->waiting_bytes == 0)
        return r;
    if (s->options.patience_usec > 0 &&
        now - s->progress_usec >= (uint64_t)s->options.patience_usec)
        return -ETIMEDOUT;
    return zmq_poll(items, 2, TURN_MSEC) < 0 ? -errno : 0;
}

int newswire_submitter_add(struct newswire_submitter *s, const void *article, size_t len,
                           void *cookie) {
    return newswire_submitter_add_signed(s, article, len, NULL, cookie);
}

_Static_assert(sizeof(struct newswire_signature) == sizeof(struct signature),
               "the public header says it again");

int newswire_submitter_add_signed(struct newswire_submitter *s, const void *article, size_t len,
                                  const struct newswire_signature *signature, void *cookie) {
    if (len == 0 || len > LIMIT_ARTICLE_BYTES)
        return -EMSGSIZE;
    while (s->waiting_bytes > 0 && s->waiting_bytes + len > s->options.window_bytes) {
        int r = turn(s, true);
        if (r < 0)
            return r;
    }
    struct item *i = malloc(sizeof *i + len);
    if (i == NULL)
        return -ENOMEM;
    *i = (struct item){.cookie = cookie, .len = len, .is_signed = signature != NULL};
    if (signature != NULL)
        memcpy(&i->signature, signature, sizeof i->signature);
    memcpy(i->bytes, article, len);
    if (s->waiting_bytes == 0)
        s->progress_usec = link_now_usec();
    if (s->last == NULL)
        s->first = i;
    else
        s->last->next = i;
    s->last = i;
    s->waiting_bytes += len;
    return turn(s, false);
}

int newswire_submitter_finish(struct newswire_submitter *s) {
    while (s->waiting_bytes > 0) {
        int r = turn(s, true);
        if (r < 0)
            return r;
    }
    return 0;
}

int newswire_submitter_hold(struct newswire_submitter *s, const char *reason) {
    const char *wanted = reason == NULL ? "" : reason;
    int r = strcmp(wanted, s->hold) == 0 ? 0 : newswire_submitter_finish(s);
    if (r < 0)
        return r;
    char *copy = strdup(wanted);
    if (copy == NULL)
        return -ENOMEM;
    free(s->hold);
    s->hold = copy;
    return 0;
}

int newswire_submitter_path(struct newswire_submitter *s, const char *const *names, size_t n) {
    enum { PATH = 8 };
    uint8_t bytes[LIMIT_PATH * (LIMIT_NAME_BYTES + WIRE_VARINT_BYTES)] = {0}, *p = bytes;
    for (size_t i = 0; i < n; i++) {
        if (n > LIMIT_PATH || *names[i] == '\0' || strlen(names[i]) > LIMIT_NAME_BYTES)
            return -EINVAL;
        p = wire_put_bytes(p, PATH, slice_of(names[i]));
    }
    size_t len = (size_t)(p - bytes);
    bool same = len == s->path_len && (len == 0 || memcmp(bytes, s->path, len) == 0);
    int r = same ? 0 : newswire_submitter_finish(s);
    if (r < 0 || same)
        return r;
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, bytes, len);
    free(s->path);
    s->path = copy;
    s->path_len = len;
    return 0;
}

/* Waits for take_answer; asks again when there was none. */
static int await_answer(struct newswire_submitter *s, const uint8_t *bytes, size_t len) {
    enum { TURN_MSEC = 100 };
    uint64_t begun = link_now_usec(), sent = 0;
    while (s->question_id != 0) {
        zmq_pollitem_t items[] = {
            {.socket = s->link.socket, .events = ZMQ_POLLIN},
            {.socket = s->link.monitor, .events = ZMQ_POLLIN},
        };
        uint64_t now = link_now_usec();
        int r = mind_link(s);
        if (r < 0)
            return r;
        if (s->link.up && (sent == 0 || now - sent >= ANSWER_USEC) &&
            zmq_send(s->link.socket, bytes, len, ZMQ_DONTWAIT) >= 0)
            sent = now;
        if (!s->link.up)
            sent = 0;
        if (s->options.patience_usec > 0 && now - begun >= (uint64_t)s->options.patience_usec)
            return -ETIMEDOUT;
        if (zmq_poll(items, 2, TURN_MSEC) < 0)
            return -errno;
        r = take_replies(s);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Asks by this field of the request, behind all that was sent. */
static int ask(struct newswire_submitter *s, uint32_t field, const char *text) {
    uint8_t bytes[LIMIT_URI_BYTES + 64], *p = bytes;
    int r = newswire_submitter_finish(s);
    if (r < 0)
        return r;
    if (strlen(text) > LIMIT_URI_BYTES)
        return -EMSGSIZE;
    s->question_id = ++s->last_id;
    s->question_error = 0;
    p = wire_put_uint(p, 1, s->question_id);
    p = wire_put_bytes(p, field, slice_of(text));
    r = await_answer(s, bytes, (size_t)(p - bytes));
    s->question_id = 0;
    return r < 0 ? r : s->question_error;
}

int newswire_submitter_story(struct newswire_submitter *s, const char *uri,
                             struct newswire_story *ret) {
    enum { STORIES = 6 };
    s->story = ret;
    return ask(s, STORIES, uri);
}

int newswire_submitter_held(struct newswire_submitter *s, const char *uri_start,
                            newswire_held_fn take, void *userdata) {
    enum { HELD = 7 };
    s->story = NULL;
    s->take_held = take;
    s->held_userdata = userdata;
    return ask(s, HELD, uri_start);
}

const char *newswire_submitter_trouble(const struct newswire_submitter *s) {
    return s->trouble;
}
