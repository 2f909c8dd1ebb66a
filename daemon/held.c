#include "daemon/held.h"

#include "daemon/audit.h"
#include "proto/translation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { ARTICLE_ARENA_BYTES = 64 << 20, NAMED_MOST = 5 };

/* A command on its way: first the list is asked for, then, unless that was all,
 * the log does something with the one article that is meant. */
struct errand {
    struct admit_waiter waiter; /* first: the log's cookie points here */
    struct log *log;
    struct control_call *call;
    bool list_only, chosen;
    struct log_ask ask;
    char who[LIMIT_NAME_BYTES + 1]; /* "Name (account)" */
    char uri[LIMIT_URI_BYTES + 1], headline[LIMIT_LINE_BYTES + 1];
    char topic[LIMIT_TOPIC_BYTES + 1];
    uint32_t version;
};

/* ---- looking at a held article */

/* Its headline, in the arena; its uri when it has none or can't be read. */
static const char *headline_of(struct arena *a, const struct log_held *h) {
    Article *article;
    struct fault fault;
    arena_reset(a);
    if (codec_unpack_article(a, h->entry.article, &article, &fault) == 0 &&
        *article->headline != '\0')
        return article->headline;
    const char *uri = arena_strndup(a, (const char *)h->entry.uri.data, h->entry.uri.len);
    return uri == NULL ? "" : uri;
}

static json_t *names(const struct entry *e) {
    json_t *array = json_array();
    for (size_t i = 0; i < e->n_approved_by; i++)
        json_array_append_new(
            array, json_stringn((const char *)e->approved_by[i].data, e->approved_by[i].len));
    return array;
}

static json_t *describe(struct arena *a, const struct log_held *h) {
    const struct entry *e = &h->entry;
    return json_pack("{s:I,s:s%,s:i,s:s%,s:s,s:I,s:I,s:i,s:o}", "number", (json_int_t)h->id, "uri",
                     e->uri.data, e->uri.len, "version", (int)e->version, "topic", e->topic.data,
                     e->topic.len, "headline", headline_of(a, h), "held_at_usec",
                     (json_int_t)e->stored_at_usec, "until_usec", (json_int_t)h->until_usec,
                     "approvals", (int)h->approvals, "approved_by", names(e));
}

static json_t *describe_all(struct arena *a, const struct log_result *r) {
    json_t *array = json_array();
    for (size_t i = 0; i < r->n_held; i++)
        json_array_append_new(array, describe(a, &r->held[i]));
    return array;
}

/* ---- finding the one that is meant */

static bool is_number(const char *item, uint64_t *ret) {
    char *last;
    errno = 0;
    *ret = strtoull(item, &last, 10);
    return *item >= '0' && *item <= '9' && *last == '\0' && errno == 0;
}

/* By number or uri only one can match; a piece of the headline may be in many. */
static bool matches(struct arena *a, const struct log_held *h, const char *item, bool *ret_exact) {
    uint64_t number;
    *ret_exact =
        (is_number(item, &number) && number == h->id) || slice_equal(h->entry.uri, slice_of(item));
    return *ret_exact || (*item != '\0' && strcasestr(headline_of(a, h), item) != NULL);
}

/* NULL, with the call refused, when none or more than one is meant. */
static const struct log_held *choose(struct errand *e, struct arena *a,
                                     const struct log_result *r) {
    const char *item = e->call->arguments[0];
    const struct log_held *found = NULL;
    char list[700] = "";
    size_t n = 0, used = 0;
    for (size_t i = 0; i < r->n_held; i++) {
        const struct log_held *h = &r->held[i];
        bool exact;
        if (!matches(a, h, item, &exact))
            continue;
        if (exact)
            return h;
        found = h;
        if (n++ < NAMED_MOST && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%" PRIu64 " '%.80s'",
                                     used == 0 ? "" : ", ", h->id, headline_of(a, h));
    }
    if (n == 1)
        return found;
    if (n == 0)
        control_refuse(e->call, NEWSWIRE__V1__ERROR__CODE__unknown,
                       "nothing that is held is meant by '%.100s'; 'held' lists what is", item);
    else
        control_refuse(e->call, NEWSWIRE__V1__ERROR__CODE__invalid,
                       "'%.100s' could be %zu articles: %s; name one by its number", item, n, list);
    return NULL;
}

/* ---- the log's answers */

static void tell(const struct errand *e, enum audit_what what, const struct log_result *r,
                 const char *note) {
    const struct audit_by by = {.transport = "control", .user = e->call->user, .person = e->who};
    const struct audit_article article = {.uri = slice_of(e->uri),
                                          .topic = slice_of(e->topic),
                                          .from = r->moved_from,
                                          .version = e->version,
                                          .seq = what == AUDIT_RELEASED ? r->seq : 0};
    char text[LIMIT_LINE_BYTES + 300];
    snprintf(text, sizeof text, "'%s'%s%s", e->headline, *note == '\0' ? "" : ": ", note);
    audit_note(what, &by, &article, text);
}

static void turn_down(struct errand *e, int code, const char *sentence) {
    control_refuse_text(e->call, code, translated(sentence));
    free(e);
}

static void finish(struct errand *e, const struct log_result *r) {
    bool released = r->outcome == LOG_RELEASED, approved = r->outcome == LOG_APPROVED;
    const char *note = e->call->arguments[2] == NULL ? "" : e->call->arguments[2];
    const char *word = released ? "released" : approved ? "approved" : "rejected";
    if (!released && !approved && r->outcome != LOG_REJECTED) {
        turn_down(e,
                  r->outcome == LOG_REFUSED ? NEWSWIRE__V1__ERROR__CODE__invalid
                                            : NEWSWIRE__V1__ERROR__CODE__busy,
                  fault_local(&r->fault));
        return;
    }
    if (e->ask.type == LOG_ASK_APPROVE)
        tell(e, AUDIT_APPROVED, r, "");
    if (!approved)
        tell(e, released ? AUDIT_RELEASED : AUDIT_REJECTED, r, note);
    control_answer(e->call, json_pack("{s:s,s:s,s:i,s:s,s:s,s:I,s:I}", "outcome", word, "uri",
                                      e->uri, "version", (int)e->version, "headline", e->headline,
                                      "by", e->who, "seq", (json_int_t)(released ? r->seq : 0),
                                      "missing", (json_int_t)(approved ? r->seq : 0)));
    free(e);
}

/* The list has come: the article is looked up, and the log asked to act. */
static void act(struct errand *e, struct arena *a, const struct log_result *r) {
    const struct log_held *h = choose(e, a, r);
    if (h == NULL) {
        free(e);
        return;
    }
    e->chosen = true;
    e->ask.hold = h->id;
    e->version = h->entry.version;
    snprintf(e->uri, sizeof e->uri, "%.*s", (int)h->entry.uri.len, (const char *)h->entry.uri.data);
    snprintf(e->topic, sizeof e->topic, "%.*s", (int)h->entry.topic.len,
             (const char *)h->entry.topic.data);
    snprintf(e->headline, sizeof e->headline, "%s", headline_of(a, h));
    if (log_ask(e->log, &e->ask) < 0)
        turn_down(e, NEWSWIRE__V1__ERROR__CODE__busy, "the log's queue is full; try again");
}

static void decided(struct admit_waiter *waiter, const struct log_result *result) {
    struct errand *e = (struct errand *)waiter;
    if (e->chosen) {
        finish(e, result);
        return;
    }
    struct arena *a = arena_new(ARTICLE_ARENA_BYTES);
    if (a == NULL || result->outcome != LOG_ANSWERED) {
        turn_down(e, NEWSWIRE__V1__ERROR__CODE__busy,
                  a == NULL ? N_("the daemon is short of memory") : fault_local(&result->fault));
    } else if (e->list_only) {
        control_answer(e->call, describe_all(a, result));
        free(e);
    } else {
        act(e, a, result);
    }
    arena_free(a);
}

/* ---- commands */

/* Who stands in the record: the name that was given, and the account. */
static bool name_person(struct errand *e, const char *name) {
    if (strpbrk(name, "()\r\n\t") != NULL)
        return false;
    int n = snprintf(e->who, sizeof e->who, "%s (%s)", name, e->call->user);
    return n > 0 && (size_t)n < sizeof e->who;
}

/* What the call lacks; NULL: nothing. */
static const char *check(struct errand *e) {
    const char *name = e->call->arguments[1];
    bool named = name != NULL && *name != '\0';
    if (e->list_only)
        return NULL;
    if (e->call->arguments[0] == NULL)
        return N_("which article? A uri, a number of 'held', or a piece of its headline");
    if (e->ask.type == LOG_ASK_APPROVE && !named)
        return N_("who approves it? --as NAME");
    if (!name_person(e, named ? name : e->call->user))
        return N_("the name is too long, or has brackets or control characters in it");
    return NULL;
}

static void begin(struct control_call *call, enum log_ask_type type) {
    struct log *log = control_subject(call)->log;
    struct errand *e = calloc(1, sizeof *e);
    if (e == NULL) {
        control_refuse(call, NEWSWIRE__V1__ERROR__CODE__busy, "the daemon is short of memory");
        return;
    }
    e->waiter.decided = decided;
    e->log = log;
    e->call = call;
    e->list_only = type == LOG_ASK_HELD;
    e->ask = (struct log_ask){.type = type, .who = e->who, .cookie = &e->waiter};
    const char *lacks = check(e);
    struct log_ask list = {.type = LOG_ASK_HELD, .cookie = &e->waiter};
    if (lacks != NULL)
        turn_down(e, NEWSWIRE__V1__ERROR__CODE__invalid, lacks);
    else if (log_ask(log, &list) < 0)
        turn_down(e, NEWSWIRE__V1__ERROR__CODE__busy, "the log's queue is full; try again");
}

void held_list(struct control_call *call) {
    begin(call, LOG_ASK_HELD);
}

void held_release(struct control_call *call) {
    begin(call, LOG_ASK_RELEASE);
}

void held_approve(struct control_call *call) {
    begin(call, LOG_ASK_APPROVE);
}

void held_reject(struct control_call *call) {
    begin(call, LOG_ASK_REJECT);
}
