#include "daemon/log/view.h"

#include "daemon/log/segment.h"
#include "proto/topic.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum undo_kind { UNDO_TOPIC, UNDO_HELD, UNDO_APPROVAL, UNDO_KILL };

struct view_undo {
    enum undo_kind kind;
    uint32_t topic;
    struct view_topic before; /* UNDO_TOPIC; its name is not changed */
    uint64_t hold;            /* UNDO_HELD: it was put there; UNDO_APPROVAL: it was given to it */
};

int view_decode(struct slice payload, struct entry *ret) {
    struct wire_field f;
    if (payload.len == 0 || !wire_get_field(&payload, &f) || payload.len > 0 ||
        f.number != ENTRY_FIELD || f.type != WIRE_LEN)
        return -EBADMSG;
    struct entry e;
    if (entry_decode(f.bytes, &e) < 0 || e.content_digest.len != LIMIT_DIGEST_BYTES)
        return -EBADMSG;
    *ret = e;
    return 0;
}

/* Makes room for one more element. False when out of memory. */
static bool grow(void *array, size_t *max, size_t n, size_t size) {
    if (n < *max)
        return true;
    size_t larger = *max == 0 ? 16 : *max * 2;
    void *p = reallocarray(*(void **)array, larger, size);
    if (p == NULL)
        return false;
    *(void **)array = p;
    *max = larger;
    return true;
}

/* ---- topics */

static size_t topic_hash(struct slice name) {
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a; names come from the config */
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ name.data[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

/* Where the topic's index + 1 stands, or would stand. */
static uint32_t *topic_slot(const struct view *v, struct slice name) {
    size_t i = topic_hash(name) & (v->n_topic_slots - 1);
    while (v->topic_slots[i] != 0 &&
           !slice_equal(slice_of(v->topics[v->topic_slots[i] - 1].name), name))
        i = (i + 1) & (v->n_topic_slots - 1);
    return &v->topic_slots[i];
}

static int grow_topics(struct view *v) {
    if (!grow(&v->topics, &v->n_topics_max, v->n_topics, sizeof *v->topics))
        return -ENOMEM;
    if ((v->n_topics + 1) * 2 <= v->n_topic_slots)
        return 0;
    size_t n = v->n_topic_slots == 0 ? 64 : v->n_topic_slots * 2;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(v->topic_slots);
    v->topic_slots = slots;
    v->n_topic_slots = n;
    for (size_t i = 0; i < v->n_topics; i++)
        *topic_slot(v, slice_of(v->topics[i].name)) = (uint32_t)i + 1;
    return 0;
}

/* The topic's index; it is made when it isn't there. 0 or -errno. */
static int topic_index(struct view *v, struct slice name, uint32_t *ret) {
    if (name.len > LIMIT_TOPIC_BYTES)
        return -EBADMSG;
    int r = grow_topics(v);
    if (r < 0)
        return r;
    uint32_t *slot = topic_slot(v, name);
    if (*slot == 0) {
        struct view_topic *t = &v->topics[v->n_topics++];
        *t = (struct view_topic){0};
        memcpy(t->name, name.data, name.len);
        *slot = (uint32_t)v->n_topics;
    }
    *ret = *slot - 1;
    return 0;
}

int view_add_topic(struct view *v, const struct view_topic *topic) {
    uint32_t index;
    int r = topic_index(v, slice_of(topic->name), &index);
    if (r == 0)
        v->topics[index] = *topic;
    return r;
}

uint64_t view_topic_head(const struct view *v, struct slice topic) {
    uint32_t slot = v->n_topics == 0 ? 0 : *topic_slot(v, topic);
    return slot == 0 ? 0 : v->topics[slot - 1].head;
}

/* ---- held articles */

const struct view_held *view_held_of(const struct view *v, const uint8_t *key) {
    for (size_t i = 0; i < v->n_held; i++)
        if (!v->held[i].gone && memcmp(v->held[i].key, key, IDENTITY_KEY_BYTES) == 0)
            return &v->held[i];
    return NULL;
}

static struct view_held *held_by_id(const struct view *v, uint64_t id) {
    for (size_t i = 0; i < v->n_held; i++)
        if (!v->held[i].gone && v->held[i].id == id)
            return &v->held[i];
    return NULL;
}

const struct view_held *view_held_find(const struct view *v, uint64_t id) {
    return held_by_id(v, id);
}

static bool waits_for_time_only(const struct view_held *h) {
    return !h->gone && h->n_approved_by >= h->approvals;
}

bool view_held_is_due(const struct view_held *h, int64_t now_usec) {
    return waits_for_time_only(h) && h->until_usec <= now_usec;
}

const struct view_held *view_due(const struct view *v, int64_t now_usec) {
    for (size_t i = 0; i < v->n_held && v->held[i].until_usec <= now_usec; i++)
        if (view_held_is_due(&v->held[i], now_usec))
            return &v->held[i];
    return NULL;
}

int64_t view_next_release(const struct view *v) {
    for (size_t i = 0; i < v->n_held; i++)
        if (waits_for_time_only(&v->held[i]))
            return v->held[i].until_usec;
    return INT64_MAX;
}

size_t view_n_held(const struct view *v) {
    size_t n = 0;
    for (size_t i = 0; i < v->n_held; i++)
        n += !v->held[i].gone;
    return n;
}

static void held_remove(struct view *v, size_t i) {
    v->held_bytes -= v->held[i].len;
    free(v->held[i].bytes);
    for (size_t k = 0; k < v->held[i].n_approved_by; k++)
        free(v->held[i].approved_by[k]);
    memmove(v->held + i, v->held + i + 1, (--v->n_held - i) * sizeof *v->held);
}

void view_apply_drop(struct view *v, uint64_t hold) {
    for (size_t i = 0; i < v->n_held; i++)
        if (v->held[i].id == hold)
            v->held[i].gone = true;
}

int view_apply_hold(struct view *v, struct slice payload, int64_t until_usec, uint32_t approvals) {
    struct entry e;
    int r = view_decode(payload, &e);
    if (r < 0)
        return r;
    if (!grow(&v->held, &v->n_held_max, v->n_held, sizeof *v->held) ||
        !grow(&v->undo, &v->n_undo_max, v->n_undo, sizeof *v->undo))
        return -ENOMEM;
    struct view_held h = {
        .id = e.seq, .until_usec = until_usec, .approvals = approvals, .version = e.version};
    identity_key((const char *)e.uri.data, e.uri.len, h.key);
    memcpy(h.digest, e.content_digest.data, sizeof h.digest);
    h.bytes = malloc(payload.len);
    if (h.bytes == NULL)
        return -ENOMEM;
    memcpy(h.bytes, payload.data, payload.len);
    h.len = payload.len;
    size_t i = v->n_held++;
    for (; i > 0 && v->held[i - 1].until_usec > until_usec; i--)
        v->held[i] = v->held[i - 1];
    v->held[i] = h;
    v->held_bytes += h.len;
    v->undo[v->n_undo++] = (struct view_undo){.kind = UNDO_HELD, .hold = h.id};
    return 0;
}

int view_apply_approval(struct view *v, uint64_t hold, struct slice who) {
    struct view_held *h = held_by_id(v, hold);
    if (h == NULL || h->n_approved_by == LIMIT_APPROVALS)
        return 0; /* it has gone, or has enough */
    char *name = strndup((const char *)who.data, who.len);
    if (name == NULL || !grow(&v->undo, &v->n_undo_max, v->n_undo, sizeof *v->undo)) {
        free(name);
        return -ENOMEM;
    }
    h->approved_by[h->n_approved_by++] = name;
    v->undo[v->n_undo++] = (struct view_undo){.kind = UNDO_APPROVAL, .hold = hold};
    return 0;
}

/* ---- batches */

int view_begin(struct view *v, size_t n) {
    for (size_t i = v->n_held; i-- > 0;)
        if (v->held[i].gone)
            held_remove(v, i);
    v->n_undo = v->n_changes = 0;
    v->undo_head = v->head;
    v->undo_entries = v->entries;
    struct identity_change *changes = reallocarray(v->changes, 2 * n + 1, sizeof *changes);
    if (changes == NULL)
        return -ENOMEM;
    v->changes = changes;
    return identity_reserve(&v->identities, 2 * n);
}

/* Notes the version that an entry is. 0 or -ENOMEM. */
static int add_identity(struct view *v, const struct entry *e, const uint8_t *key, uint32_t topic,
                        bool canceled) {
    struct identity id = {
        .version = e->version,
        .topic = topic,
        .seq = e->seq,
        .usec = e->stored_at_usec,
        .flags = canceled ? IDENTITY_KILLED : 0,
    };
    memcpy(id.key, key, sizeof id.key);
    identity_origin(e->origin, id.origin);
    memcpy(id.digest, e->content_digest.data, sizeof id.digest);
    identity_add(&v->identities, &id, v->changes, &v->n_changes);
    if (!canceled)
        return 0;
    if (!grow(&v->undo, &v->n_undo_max, v->n_undo, sizeof *v->undo))
        return -ENOMEM;
    int r = kills_add(&v->kills, key, e->seq);
    if (r == 0)
        v->undo[v->n_undo++] = (struct view_undo){.kind = UNDO_KILL};
    return r;
}

int view_apply_entry(struct view *v, const struct entry *e, const uint8_t *key, unsigned flags,
                     uint64_t hold, uint32_t *ret_topic) {
    uint32_t index;
    int r = topic_index(v, e->topic, &index);
    if (r < 0 || !grow(&v->undo, &v->n_undo_max, v->n_undo, sizeof *v->undo))
        return r < 0 ? r : -ENOMEM;
    struct view_topic *t = &v->topics[index];
    v->undo[v->n_undo++] = (struct view_undo){.kind = UNDO_TOPIC, .topic = index, .before = *t};
    if (t->head == 0)
        t->first = e->seq;
    t->head = v->head = e->seq;
    t->entries++;
    v->entries++;
    if (hold != 0)
        view_apply_drop(v, hold);
    if (ret_topic != NULL)
        *ret_topic = index;
    /* A notice is no version of the story: what it ends stays known as it is. */
    return flags & SEGMENT_NOTICE ? 0 : add_identity(v, e, key, index, flags & SEGMENT_CANCELED);
}

static void undo_hold(struct view *v, uint64_t hold) {
    for (size_t i = v->n_held; i-- > 0;)
        if (v->held[i].id == hold)
            held_remove(v, i);
}

static void undo_approval(struct view *v, uint64_t hold) {
    for (size_t i = 0; i < v->n_held; i++)
        if (v->held[i].id == hold)
            free(v->held[i].approved_by[--v->held[i].n_approved_by]);
}

void view_undo(struct view *v) {
    while (v->n_undo > 0) {
        const struct view_undo *u = &v->undo[--v->n_undo];
        switch (u->kind) {
        case UNDO_HELD: undo_hold(v, u->hold); break;
        case UNDO_APPROVAL: undo_approval(v, u->hold); break;
        case UNDO_KILL: kills_truncate(&v->kills, v->kills.n - 1); break;
        case UNDO_TOPIC: v->topics[u->topic] = u->before; break;
        }
    }
    for (size_t i = 0; i < v->n_held; i++)
        v->held[i].gone = false;
    identity_undo(&v->identities, v->changes, v->n_changes);
    v->n_changes = 0;
    v->head = v->undo_head;
    v->entries = v->undo_entries;
}

void view_done(struct view *v) {
    while (v->n_held > 0)
        held_remove(v, v->n_held - 1);
    identity_done(&v->identities);
    kills_done(&v->kills);
    free(v->held);
    free(v->topics);
    free(v->topic_slots);
    free(v->changes);
    free(v->undo);
    *v = (struct view){0};
}

/* ---- deciding */

__attribute__((format(printf, 3, 4))) static void decline(struct view_decision *d,
                                                          const char *field, const char *format,
                                                          ...) {
    va_list arguments;
    va_start(arguments, format);
    fault_set_va(&d->fault, field, format, arguments);
    va_end(arguments);
    d->outcome = LOG_REFUSED;
}

/* The same version of the same uri came before: the same article, or another? */
static void decide_same(const struct log_proposal *p, uint64_t seq, const uint8_t *digest,
                        struct view_decision *d) {
    d->seq = seq;
    d->outcome = LOG_DUPLICATE;
    if (memcmp(p->content_digest, digest, IDENTITY_DIGEST_BYTES) == 0)
        return;
    if (seq == 0)
        decline(d, "version",
                "version %u of this uri is held back with other content; give changed content a "
                "higher version",
                p->version);
    else
        decline(d, "version",
                "version %u of this uri is entry %llu with other content; give changed content a "
                "higher version",
                p->version, (unsigned long long)seq);
}

static void decide_older(const struct log_proposal *p, uint32_t version, uint64_t seq,
                         struct view_decision *d) {
    if (seq == 0)
        decline(d, "version", "version %u is older than version %u (held back)", p->version,
                version);
    else
        decline(d, "version", "version %u is older than version %u (seq %llu)", p->version, version,
                (unsigned long long)seq);
}

/* A kill goes to where the story is. Any other version goes where it belongs, and
 * what is left behind on another topic wants a notice. */
static void decide_topic(const struct log_proposal *p, struct slice original, uint32_t version,
                         struct view_decision *d) {
    if (p->canceled || slice_equal(original, slice_of(p->topic))) {
        d->topic = original;
        return;
    }
    d->moved_from = original;
    d->moved_version = version;
}

/* A new version or a new story, which may have to wait. What it replaces may wait
 * already, and then it waits no shorter. */
static void decide_new(const struct view *v, const struct log_proposal *p, int64_t now_usec,
                       const struct view_held *held, struct view_decision *d) {
    d->outcome = LOG_ACCEPTED;
    d->drop = held != NULL ? held->id : 0;
    d->hold_until_usec = p->hold_until_usec;
    d->approvals = p->approvals;
    if (held != NULL && held->until_usec > d->hold_until_usec)
        d->hold_until_usec = held->until_usec;
    if (held != NULL && held->approvals > d->approvals)
        d->approvals = held->approvals;
    if (p->canceled || (d->hold_until_usec <= now_usec && d->approvals == 0))
        return;
    d->outcome = LOG_HELD;
    if (v->held_bytes + p->article.len > VIEW_HELD_BYTES)
        decline(d, d->approvals > 0 ? "" : "embargoed_until",
                "too many articles are held back already");
}

static void decide_unknown(const struct log_proposal *p, struct view_decision *d) {
    if (p->canceled)
        decline(d, "uri", "there is no such story here to withdraw; its sender can force it");
    else
        decline(d, "uri", "version %u of a story that is not known here; its sender can force it",
                p->version);
}

/* The uri's newest version is on the log: what becomes of one that is not newer,
 * or comes after a kill. Whether that decided it. */
static int decide_known(const struct view *v, const struct log_proposal *p,
                        const struct identity *latest, struct view_decision *d,
                        struct fault *ret_fault) {
    struct identity exact = *latest;
    if (p->version <= latest->version) {
        int r = p->version == latest->version
                    ? 1
                    : identity_version(&v->identities, d->key, p->version, &exact, ret_fault);
        if (r < 0)
            return r;
        if (r > 0) {
            decide_same(p, exact.seq, exact.digest, d);
            return 1;
        }
    }
    if (latest->flags & IDENTITY_KILLED) {
        decline(d, "uri", "the story was killed (seq %llu); a new story needs a new uri",
                (unsigned long long)latest->seq);
        return 1;
    }
    if (p->version < latest->version)
        decide_older(p, latest->version, latest->seq, d);
    return p->version < latest->version;
}

/* The same for a version that is held. */
static bool decide_held(const struct log_proposal *p, const struct view_held *held,
                        struct view_decision *d) {
    if (p->version > held->version)
        return false;
    if (p->version == held->version)
        decide_same(p, 0, held->digest, d);
    else
        decide_older(p, held->version, 0, d);
    return true;
}

/* Whether the sender may change what there is of the story: 0; 1 with the refusal;
 * -EBADMSG when what is held can't be read. */
static int check_sender(const struct view *v, const struct log_proposal *p,
                        const struct identity *latest, const struct view_held *held,
                        struct view_decision *d) {
    struct slice topics[2];
    struct entry waiting;
    size_t n = 0;
    if (p->sections == NULL)
        return 0;
    if (latest != NULL)
        topics[n++] = slice_of(v->topics[latest->topic].name);
    if (held != NULL && view_decode((struct slice){held->bytes, held->len}, &waiting) < 0)
        return -EBADMSG;
    if (held != NULL)
        topics[n++] = waiting.topic;
    for (size_t i = 0; i < n; i++) {
        bool may = false;
        for (size_t k = 0; k < p->n_sections && !may; k++)
            may = slice_equal(topic_section(topics[i]), slice_of(p->sections[k]));
        if (may)
            continue;
        decline(d, "uri",
                "a story of that uri belongs to a section that the sender may not send to");
        return 1;
    }
    return 0;
}

/* A story that an origin has signed is that origin's. The same results. */
static int check_origin(const struct log_proposal *p, const struct identity *latest,
                        const struct view_held *held, struct view_decision *d) {
    static const uint8_t nobody[IDENTITY_ORIGIN_BYTES];
    uint8_t own[IDENTITY_ORIGIN_BYTES], owners[2][IDENTITY_ORIGIN_BYTES];
    struct entry waiting;
    size_t n = 0;
    if (latest != NULL)
        memcpy(owners[n++], latest->origin, sizeof nobody);
    if (held != NULL && view_decode((struct slice){held->bytes, held->len}, &waiting) < 0)
        return -EBADMSG;
    if (held != NULL)
        identity_origin(waiting.origin, owners[n++]);
    identity_origin(slice_of(p->origin == NULL ? "" : p->origin), own);
    for (size_t i = 0; i < n; i++)
        if (memcmp(owners[i], nobody, sizeof nobody) != 0 &&
            memcmp(owners[i], own, sizeof own) != 0) {
            decline(d, "signature",
                    "the story is signed by an origin, and only that origin may change it");
            return 1;
        }
    return 0;
}

int view_decide(const struct view *v, const struct log_proposal *p, int64_t now_usec,
                struct view_decision *ret, struct fault *ret_fault) {
    struct view_decision *d = ret;
    struct identity latest;
    *d = (struct view_decision){.outcome = LOG_ACCEPTED, .topic = slice_of(p->topic)};
    identity_key(p->uri, strlen(p->uri), d->key);
    const struct view_held *held = v->n_held > 0 ? view_held_of(v, d->key) : NULL;
    int known = identity_latest(&v->identities, d->key, &latest, ret_fault);
    if (known < 0)
        return known;
    int denied = check_sender(v, p, known > 0 ? &latest : NULL, held, d);
    if (denied == 0)
        denied = check_origin(p, known > 0 ? &latest : NULL, held, d);
    if (denied != 0)
        return denied < 0 ? denied : 0;
    int r = known > 0 ? decide_known(v, p, &latest, d, ret_fault) : 0;
    if (r != 0)
        return r < 0 ? r : 0;
    if (held != NULL && decide_held(p, held, d))
        return 0;
    if (known == 0 && held == NULL && !p->forced && (p->canceled || p->version > 1)) {
        decide_unknown(p, d);
        return 0;
    }
    if (known > 0) {
        d->replaces = latest.seq;
        decide_topic(p, slice_of(v->topics[latest.topic].name), latest.version, d);
    } else if (held != NULL && p->canceled) {
        struct entry waiting;
        r = view_decode((struct slice){held->bytes, held->len}, &waiting);
        if (r < 0)
            return r;
        d->topic = waiting.topic;
    }
    decide_new(v, p, now_usec, held, d);
    return 0;
}
