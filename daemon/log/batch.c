#include "daemon/log/batch.h"

#include "proto/topic.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    ENTRY_OVERHEAD_BYTES = 256, /* of an entry but for its strings and article */
    /* Of the record that says on a story's old topic that it has moved. */
    NOTICE_BYTES = sizeof(struct segment_record) + 2 * ENTRY_OVERHEAD_BYTES + 2 * LIMIT_URI_BYTES +
                   3 * LIMIT_TOPIC_BYTES,
    APPROVALS_BYTES = LIMIT_APPROVALS * (LIMIT_NAME_BYTES + WIRE_VARINT_BYTES),
};

/* Memory that a result points to; the batch frees it. */
struct answer {
    struct answer *next;
    max_align_t bytes[];
};

/* ---- items */

void batch_free_items(struct file_item *items) {
    while (items != NULL) {
        struct file_item *next = items->next;
        free(items);
        items = next;
    }
}

static const char *copy_string(uint8_t **at, const char *s) {
    char *copy = (char *)*at;
    size_t len = strlen(s) + 1;
    memcpy(copy, s, len);
    *at += len;
    return copy;
}

static size_t strings_size(const char *const *strings, size_t n) {
    size_t size = n * sizeof(char *);
    for (size_t i = 0; i < n; i++)
        size += strlen(strings[i]) + 1;
    return size;
}

static void copy_strings(uint8_t **at, const char **to, const char *const *from, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = copy_string(at, from[i]);
}

static size_t item_size(const struct log_proposal *p) {
    size_t size = p->article.len + 2 * sizeof(struct segment_record) + ENTRY_OVERHEAD_BYTES +
                  strlen(p->uri) + LIMIT_TOPIC_BYTES + p->signature.len +
                  (p->origin == NULL ? 0 : strlen(p->origin)) + 2 * WIRE_VARINT_BYTES;
    for (size_t i = 0; i < p->n_path; i++)
        size += strlen(p->path[i]) + WIRE_VARINT_BYTES;
    return size;
}

struct file_item *batch_item(const struct log_proposal *p) {
    size_t len = sizeof(struct file_item) + strings_size(p->path, p->n_path) +
                 strings_size(p->sections, p->n_sections) + strlen(p->uri) + 1 +
                 (p->origin == NULL ? 0 : strlen(p->origin) + 1) + p->signature.len +
                 p->article.len;
    struct file_item *item = malloc(len);
    if (item == NULL)
        return NULL;
    const char **path = (const char **)(item + 1), **sections = path + p->n_path;
    uint8_t *at = (uint8_t *)(sections + p->n_sections);
    item->next = NULL;
    item->cookie = p->cookie;
    item->is_ask = false;
    item->proposal = *p;
    copy_strings(&at, path, p->path, p->n_path);
    copy_strings(&at, sections, p->sections, p->n_sections);
    snprintf(item->topic, sizeof item->topic, "%s", p->topic);
    item->proposal.path = path;
    item->proposal.sections = p->sections == NULL ? NULL : sections;
    item->proposal.uri = copy_string(&at, p->uri);
    if (p->origin != NULL)
        item->proposal.origin = copy_string(&at, p->origin);
    item->proposal.signature.data = at;
    if (p->signature.len > 0)
        at = mempcpy(at, p->signature.data, p->signature.len);
    item->proposal.topic = item->topic;
    item->proposal.article.data = at;
    if (p->article.len > 0)
        memcpy(at, p->article.data, p->article.len);
    item->bytes = item_size(p);
    return item;
}

static size_t ask_size(const struct log_ask *ask) {
    return sizeof(struct segment_record) + strlen(ask->who);
}

struct file_item *batch_ask(const struct log_ask *ask) {
    const char *uri = ask->uri == NULL ? "" : ask->uri, *who = ask->who == NULL ? "" : ask->who;
    struct file_item *item = malloc(sizeof *item + strlen(uri) + strlen(who) + 2);
    if (item == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)(item + 1);
    item->next = NULL;
    item->cookie = ask->cookie;
    item->is_ask = true;
    item->ask = *ask;
    item->ask.uri = copy_string(&at, uri);
    item->ask.who = copy_string(&at, who);
    item->bytes = ask_size(&item->ask);
    return item;
}

/* ---- batches */

static void batch_release(struct log_batch *batch) {
    struct file_batch *b = (struct file_batch *)batch;
    batch_free_items(b->items);
    while (b->answers != NULL) {
        struct answer *next = b->answers->next;
        free(b->answers);
        b->answers = next;
    }
    free(b->buffer);
    free(b->results);
    free(b->topics);
    free(b);
}

/* What the release of a held article needs at most. */
static size_t release_size(const struct view_held *h) {
    return h->len + sizeof(struct segment_record) + ENTRY_OVERHEAD_BYTES + APPROVALS_BYTES +
           NOTICE_BYTES;
}

static size_t items_size(const struct file_log *l, const struct file_item *item) {
    size_t size = 0;
    for (; item != NULL; item = item->next) {
        size += item->bytes;
        /* Only a later version can move. */
        if (!item->is_ask && item->proposal.version > 1)
            size += NOTICE_BYTES;
        const struct view_held *held =
            item->is_ask && item->ask.hold != 0 && item->ask.type < LOG_ASK_SNAPSHOT
                ? view_held_find(&l->view, item->ask.hold)
                : NULL;
        if (held != NULL)
            size += release_size(held);
    }
    return size;
}

struct file_batch *batch_new(struct file_log *l, struct file_item *items, size_t n, int64_t now) {
    size_t size = sizeof(struct segment_batch) + items_size(l, items), due = 0;
    for (size_t i = 0; i < l->view.n_held && l->view.held[i].until_usec <= now; i++)
        if (view_held_is_due(&l->view.held[i], now)) {
            size += release_size(&l->view.held[i]);
            due++;
        }
    struct file_batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->batch.refs = 1;
    b->batch.release = batch_release;
    b->due = due;
    b->n_max = 2 * (n + due); /* a notice with each */
    b->size = size;
    b->used = sizeof(struct segment_batch);
    b->buffer = malloc(size);
    b->results = malloc((b->n_max + 1) * sizeof *b->results);
    b->topics = malloc((b->n_max + 1) * sizeof *b->topics);
    if (b->buffer == NULL || b->results == NULL || b->topics == NULL) {
        batch_release(&b->batch);
        return NULL;
    }
    b->items = items;
    return b;
}

struct log_result *batch_result(struct file_batch *b, enum log_outcome outcome, void *cookie) {
    struct log_result *r = &b->results[b->n++];
    r->outcome = outcome;
    r->cookie = cookie;
    r->seq = r->prev_seq = r->replaces = 0;
    r->topic = r->moved_from = r->entry = (struct slice){0};
    r->story = NULL;
    r->held = NULL;
    r->n_held = 0;
    r->snapshot = NULL;
    fault_clear(&r->fault);
    return r;
}

void batch_unavailable(struct log_result *r, const struct fault *why) {
    r->outcome = LOG_UNAVAILABLE;
    r->seq = r->prev_seq = r->replaces = 0;
    r->topic = r->moved_from = r->entry = (struct slice){0};
    r->fault.field[0] = 0;
    r->fault = *why;
}

/* ---- records */

/* Seals a record whose payload has been written behind its place. */
static void put_record(struct file_log *l, struct file_batch *b, struct segment_record *record) {
    uint8_t *at = b->buffer + b->used;
    segment_seal_record(&l->segments[l->n_segments - 1].header, record, at + sizeof *record);
    memcpy(at, record, sizeof *record);
    b->used += sizeof *record + record->length;
    b->n_records++;
}

/* Puts an entry on the log: all but its numbers is given. */
static int put_entry(struct file_log *l, struct file_batch *b, struct entry *e, const uint8_t *key,
                     unsigned flags, uint64_t hold, struct log_result *result) {
    uint8_t *payload = b->buffer + b->used + sizeof(struct segment_record);
    e->epoch = l->epoch;
    e->seq = l->next_seq++;
    e->prev_seq = view_topic_head(&l->view, e->topic);
    struct segment_record record = {
        .seq = e->seq,
        .usec = e->stored_at_usec,
        .aux = hold,
        .type = SEGMENT_ENTRY,
        .flags = (uint8_t)flags,
        .length = (uint32_t)(entry_encode(e, payload) - payload),
    };
    put_record(l, b, &record);
    /* From here on as it stands in the batch: the view's own strings move. */
    struct entry written;
    result->entry = (struct slice){payload, record.length};
    int r = view_decode(result->entry, &written);
    if (r < 0)
        return r;
    result->seq = e->seq;
    result->prev_seq = e->prev_seq;
    result->replaces = e->replaces;
    result->topic = written.topic;
    return view_apply_entry(&l->view, &written, key, flags, hold, &b->topics[result - b->results]);
}

/* Says on the topic that a story leaves that it has gone on to another: never its
 * text, which others may read there. It repeats the version that it ends, so that
 * the one on the new topic is the higher one in whichever order they come. */
static int put_notice(struct file_log *l, struct file_batch *b, const struct entry *moving,
                      struct slice from, uint32_t version, const uint8_t *key) {
    char uri[LIMIT_URI_BYTES + 1], topic[LIMIT_TOPIC_BYTES + 1];
    uint8_t digest[LIMIT_DIGEST_BYTES], bytes[LIMIT_URI_BYTES + LIMIT_TOPIC_BYTES + 64];
    Article notice = NEWSWIRE__V1__ARTICLE__INIT;
    snprintf(uri, sizeof uri, "%.*s", (int)moving->uri.len, (const char *)moving->uri.data);
    snprintf(topic, sizeof topic, "%.*s", (int)moving->topic.len, (const char *)moving->topic.data);
    notice.uri = uri;
    notice.version = version;
    notice.kind = (Newswire__V1__Kind__Value)topic_kind(from);
    notice.status = STATUS_CANCELED;
    notice.moved_to = topic;
    codec_content_digest(&notice, digest);
    struct entry e = {
        .topic = from,
        .stored_at_usec = moving->stored_at_usec,
        .uri = moving->uri,
        .version = version,
        .content_digest = {digest, sizeof digest},
        .replaces = moving->replaces,
        .article = {bytes, newswire__v1__article__pack(&notice, bytes)},
    };
    return put_entry(l, b, &e, key, SEGMENT_NOTICE, 0, batch_result(b, LOG_NOTICE_MADE, NULL));
}

static int put_hold(struct file_log *l, struct file_batch *b, struct entry *e,
                    const struct view_decision *d) {
    uint8_t *payload = b->buffer + b->used + sizeof(struct segment_record);
    e->epoch = l->epoch;
    e->seq = l->next_seq++;
    struct segment_record record = {
        .seq = e->seq,
        .usec = e->stored_at_usec,
        .aux = (uint64_t)d->hold_until_usec,
        .type = SEGMENT_HOLD,
        .flags = (uint8_t)d->approvals,
        .length = (uint32_t)(entry_encode(e, payload) - payload),
    };
    put_record(l, b, &record);
    return view_apply_hold(&l->view, (struct slice){payload, record.length}, d->hold_until_usec,
                           d->approvals);
}

/* A record about a hold, with the name of who wanted it. */
static void put_about_hold(struct file_log *l, struct file_batch *b, enum segment_type type,
                           uint64_t hold, const char *who, int64_t now) {
    struct segment_record record = {.seq = l->next_seq++,
                                    .usec = now,
                                    .aux = hold,
                                    .type = type,
                                    .length = (uint32_t)strlen(who)};
    memcpy(b->buffer + b->used + sizeof record, who, record.length);
    put_record(l, b, &record);
}

static void put_drop(struct file_log *l, struct file_batch *b, uint64_t hold, const char *who,
                     int64_t now) {
    put_about_hold(l, b, SEGMENT_DROP, hold, who, now);
    view_apply_drop(&l->view, hold);
}

/* ---- proposals */

static struct entry entry_of(const struct log_proposal *p, const struct view_decision *d,
                             int64_t now) {
    struct entry e = {
        .topic = d->topic,
        .stored_at_usec = now,
        .uri = slice_of(p->uri),
        .version = p->version,
        .content_digest = {p->content_digest, LIMIT_DIGEST_BYTES},
        .replaces = d->replaces,
        .n_path = p->n_path,
        .signature = p->signature,
        .origin = slice_of(p->origin == NULL ? "" : p->origin),
        .article = p->article,
    };
    for (size_t i = 0; i < p->n_path; i++)
        e.path[i] = slice_of(p->path[i]);
    return e;
}

static int take_proposal(struct file_log *l, struct file_batch *b, const struct log_proposal *p,
                         int64_t now) {
    struct view_decision d;
    struct fault fault;
    int r = view_decide(&l->view, p, now, &d, &fault);
    bool wants_space = r == 0 && (d.outcome == LOG_ACCEPTED || d.outcome == LOG_HELD);
    if (r < 0 || (wants_space && l->trouble.reason[0] != 0)) {
        batch_unavailable(batch_result(b, LOG_UNAVAILABLE, p->cookie),
                          r < 0 ? &fault : &l->trouble);
        return 0;
    }
    struct entry e = entry_of(p, &d, now);
    struct slice left = {0};
    if (wants_space && d.drop != 0)
        put_drop(l, b, d.drop, "", now);
    if (d.outcome == LOG_ACCEPTED && d.moved_from.len > 0) {
        r = put_notice(l, b, &e, d.moved_from, d.moved_version, d.key);
        if (r < 0)
            return r;
        left = b->results[b->n - 1].topic;
    }
    struct log_result *result = batch_result(b, d.outcome, p->cookie);
    result->seq = d.seq;
    result->topic = slice_of(p->topic);
    result->moved_from = left;
    if (d.outcome == LOG_REFUSED)
        result->fault = d.fault;
    if (d.outcome == LOG_HELD)
        return put_hold(l, b, &e, &d);
    return d.outcome != LOG_ACCEPTED
               ? 0
               : put_entry(l, b, &e, d.key, p->canceled ? SEGMENT_CANCELED : 0, 0, result);
}

/* ---- held articles */

/* Makes a held article an entry. */
static int release(struct file_log *l, struct file_batch *b, const struct view_held *held,
                   void *cookie, int64_t now) {
    struct entry e;
    uint8_t key[IDENTITY_KEY_BYTES];
    struct identity before;
    struct fault fault;
    int r = view_decode((struct slice){held->bytes, held->len}, &e);
    if (r < 0)
        return r;
    memcpy(key, held->key, sizeof key);
    int known = identity_latest(&l->view.identities, key, &before, &fault);
    if (known < 0)
        return known;
    e.replaces = known > 0 ? before.seq : 0;
    e.stored_at_usec = now;
    for (; e.n_approved_by < held->n_approved_by; e.n_approved_by++)
        e.approved_by[e.n_approved_by] = slice_of(held->approved_by[e.n_approved_by]);
    struct slice from = known > 0 ? slice_of(l->view.topics[before.topic].name) : (struct slice){0};
    struct slice left = {0};
    if (known > 0 && !slice_equal(from, e.topic)) {
        r = put_notice(l, b, &e, from, before.version, key);
        left = b->results[b->n - 1].topic;
    }
    if (r < 0)
        return r;
    struct log_result *result = batch_result(b, LOG_RELEASED, cookie);
    result->moved_from = left;
    return put_entry(l, b, &e, key, 0, held->id, result);
}

int batch_release_due(struct file_log *l, struct file_batch *b, int64_t now) {
    const struct view_held *held;
    for (; b->due > 0 && (held = view_due(&l->view, now)) != NULL; b->due--) {
        int r = release(l, b, held, NULL, now);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The length of a person's name: what stands in brackets behind it is the account. */
static size_t name_length(const char *who) {
    const char *account = strstr(who, " (");
    return account == NULL ? strlen(who) : (size_t)(account - who);
}

static bool has_approved(const struct view_held *held, const char *who) {
    size_t len = name_length(who);
    for (size_t i = 0; i < held->n_approved_by; i++)
        if (name_length(held->approved_by[i]) == len &&
            strncasecmp(held->approved_by[i], who, len) == 0)
            return true;
    return false;
}

static int approve(struct file_log *l, struct file_batch *b, const struct view_held *held,
                   const struct log_ask *ask, int64_t now) {
    struct log_result *result;
    uint64_t id = held->id;
    if (has_approved(held, ask->who)) {
        result = batch_result(b, LOG_REFUSED, ask->cookie);
        fault_set(&result->fault, "as", "%.100s has approved it already; another person is needed",
                  ask->who);
        return 0;
    }
    put_about_hold(l, b, SEGMENT_APPROVE, id, ask->who, now);
    int r = view_apply_approval(&l->view, id, slice_of(ask->who));
    if (r < 0)
        return r;
    if (view_held_is_due(held, now))
        return release(l, b, held, ask->cookie, now);
    result = batch_result(b, LOG_APPROVED, ask->cookie);
    result->seq = held->approvals > held->n_approved_by ? held->approvals - held->n_approved_by : 0;
    return 0;
}

static int change_held(struct file_log *l, struct file_batch *b, const struct log_ask *ask,
                       int64_t now) {
    const struct view_held *held = view_held_find(&l->view, ask->hold);
    if (l->trouble.reason[0] != 0 || l->active < 0) {
        batch_unavailable(batch_result(b, LOG_UNAVAILABLE, ask->cookie), &l->trouble);
        return 0;
    }
    if (held == NULL) {
        struct log_result *result = batch_result(b, LOG_REFUSED, ask->cookie);
        fault_set(&result->fault, "", "no article is held as %llu any more",
                  (unsigned long long)ask->hold);
        return 0;
    }
    /* It came into being in this very batch, which has no room for its release. */
    if (b->used + ask_size(ask) + release_size(held) > b->size) {
        struct fault again;
        fault_set(&again, "", "the log has much to do; try again");
        batch_unavailable(batch_result(b, LOG_UNAVAILABLE, ask->cookie), &again);
        return 0;
    }
    if (ask->type == LOG_ASK_APPROVE)
        return approve(l, b, held, ask, now);
    if (ask->type == LOG_ASK_RELEASE && held->n_approved_by < held->approvals) {
        struct log_result *result = batch_result(b, LOG_REFUSED, ask->cookie);
        fault_set(&result->fault, "", "it wants %zu more approvals before it can go",
                  held->approvals - held->n_approved_by);
        return 0;
    }
    if (ask->type == LOG_ASK_RELEASE)
        return release(l, b, held, ask->cookie, now);
    put_drop(l, b, held->id, ask->who, now);
    batch_result(b, LOG_REJECTED, ask->cookie);
    return 0;
}

/* ---- questions */

void *batch_answer(struct file_batch *b, size_t size) {
    struct answer *a = calloc(1, sizeof *a + size);
    if (a == NULL)
        return NULL;
    a->next = b->answers;
    b->answers = a;
    return a->bytes;
}

static struct slice keep(uint8_t **at, struct slice s) {
    struct slice copy = {*at, s.len};
    if (s.len > 0)
        memcpy(*at, s.data, s.len);
    *at += s.len;
    return copy;
}

static size_t held_size(const struct view_held *h) {
    size_t n = sizeof(struct log_held) + h->len;
    for (size_t i = 0; i < h->n_approved_by; i++)
        n += strlen(h->approved_by[i]);
    return n;
}

static int tell_held(struct file_log *l, struct file_batch *b, struct log_result *result) {
    const struct view *v = &l->view;
    size_t size = 0;
    for (size_t i = 0; i < v->n_held; i++)
        size += held_size(&v->held[i]);
    struct log_held *list = batch_answer(b, size + 1);
    if (list == NULL)
        return -ENOMEM;
    uint8_t *at = (uint8_t *)(list + v->n_held);
    for (size_t i = 0; i < v->n_held; i++) {
        const struct view_held *h = &v->held[i];
        if (h->gone)
            continue;
        struct log_held *to = &list[result->n_held++];
        *to =
            (struct log_held){.id = h->id, .until_usec = h->until_usec, .approvals = h->approvals};
        int r = view_decode(keep(&at, (struct slice){h->bytes, h->len}), &to->entry);
        if (r < 0)
            return r;
        for (size_t k = 0; k < h->n_approved_by; k++)
            to->entry.approved_by[k] = keep(&at, slice_of(h->approved_by[k]));
        to->entry.n_approved_by = h->n_approved_by;
    }
    result->held = list;
    return 0;
}

static int tell_story(struct file_log *l, struct file_batch *b, const char *uri,
                      struct log_result *result) {
    uint8_t key[IDENTITY_KEY_BYTES];
    struct identity latest;
    struct entry waiting;
    struct log_story *story = batch_answer(b, sizeof *story + 2 * LIMIT_TOPIC_BYTES);
    if (story == NULL)
        return -ENOMEM;
    uint8_t *at = (uint8_t *)(story + 1);
    identity_key(uri, strlen(uri), key);
    int known = identity_latest(&l->view.identities, key, &latest, &result->fault);
    if (known < 0) {
        result->outcome = LOG_UNAVAILABLE;
        return 0;
    }
    if (known > 0) {
        story->version = latest.version;
        story->seq = latest.seq;
        story->killed = latest.flags & IDENTITY_KILLED;
        story->topic = keep(&at, slice_of(l->view.topics[latest.topic].name));
    }
    const struct view_held *held = view_held_of(&l->view, key);
    if (held != NULL && view_decode((struct slice){held->bytes, held->len}, &waiting) == 0) {
        story->held_version = held->version;
        story->held_topic = keep(&at, waiting.topic);
    }
    result->story = story;
    return 0;
}

int batch_take(struct file_log *l, struct file_batch *b, struct file_item *item, int64_t now) {
    if (!item->is_ask)
        return take_proposal(l, b, &item->proposal, now);
    if (item->ask.type >= LOG_ASK_SNAPSHOT)
        return file_snapshot(l, b, &item->ask);
    if (item->ask.type != LOG_ASK_STORY && item->ask.type != LOG_ASK_HELD)
        return change_held(l, b, &item->ask, now);
    struct log_result *result = batch_result(b, LOG_ANSWERED, item->cookie);
    return item->ask.type == LOG_ASK_STORY ? tell_story(l, b, item->ask.uri, result)
                                           : tell_held(l, b, result);
}
