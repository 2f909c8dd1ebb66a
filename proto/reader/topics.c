#include "proto/reader/parts.h"

#include <errno.h>

enum { TOPICS_MOST = 1 << 16 }; /* more than any wire has: a peer can't make us grow */

/* ---- topics */

static size_t hash(struct slice s) {
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.data[i]) * 0x100000001b3;
    return (size_t)(h ^ h >> 32);
}

static bool is_named(const struct topic *t, struct slice name) {
    return t->len == name.len && memcmp(t->name, name.data, name.len) == 0;
}

static struct topic *find_topic(const struct reader *r, struct slice name) {
    if (r->n_slots == 0)
        return NULL;
    for (size_t i = hash(name);; i++) {
        uint32_t slot = r->slots[i & (r->n_slots - 1)];
        if (slot == 0)
            return NULL;
        if (is_named(&r->topics[slot - 1], name))
            return &r->topics[slot - 1];
    }
}

static void put_slot(struct reader *r, size_t index) {
    const struct topic *t = &r->topics[index];
    size_t i = hash((struct slice){(const uint8_t *)t->name, t->len});
    while (r->slots[i & (r->n_slots - 1)] != 0)
        i++;
    r->slots[i & (r->n_slots - 1)] = (uint32_t)index + 1;
}

static int grow_topics(struct reader *r) {
    size_t room = r->room_topics == 0 ? 16 : r->room_topics * 2;
    struct topic *topics = reallocarray(r->topics, room, sizeof *topics);
    if (topics == NULL)
        return -ENOMEM;
    r->topics = topics;
    uint32_t *slots = calloc(room * 2, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(r->slots);
    r->slots = slots;
    r->n_slots = room * 2;
    r->room_topics = room;
    for (size_t i = 0; i < r->n_topics; i++)
        put_slot(r, i);
    return 0;
}

static bool is_wanted(const struct reader *r, struct slice topic) {
    for (size_t i = 0; i < r->config.n_prefixes; i++)
        if (topic_matches(r->prefixes[i], topic))
            return true;
    return false;
}

struct topic *reader_get_topic(struct reader *r, struct slice name) {
    struct topic *t = find_topic(r, name);
    if (t != NULL || !topic_valid(name) || !is_wanted(r, name))
        return t;
    if (r->n_topics == TOPICS_MOST) {
        reader_fail(r, "the daemon names more topics than a reader takes");
        return NULL;
    }
    if (r->n_topics == r->room_topics && grow_topics(r) < 0) {
        reader_fail(r, "out of memory");
        return NULL;
    }
    t = &r->topics[r->n_topics++];
    *t = (struct topic){.len = name.len};
    memcpy(t->name, name.data, name.len);
    put_slot(r, r->n_topics - 1);
    return t;
}

uint64_t reader_topic_base(const struct reader *r, const struct topic *t) {
    return t->last > r->start ? t->last : r->start;
}

bool reader_topic_is_behind(const struct reader *r, const struct topic *t) {
    return t->wanted > reader_topic_base(r, t);
}

void reader_drop_first(struct reader *r, struct topic *t) {
    struct pending *p = t->first;
    t->first = p->next;
    r->pending_bytes -= p->len + READER_PENDING_OVERHEAD_BYTES;
    free(p);
}

void reader_drop_pending(struct reader *r) {
    for (size_t i = 0; i < r->n_topics; i++)
        while (r->topics[i].first != NULL)
            reader_drop_first(r, &r->topics[i]);
}

/* ---- proof */

void reader_raise_proven(struct reader *r, uint64_t seq) {
    if (seq > r->proven)
        r->proven = seq;
    if (seq > r->head)
        r->head = seq;
}

void reader_goal_reached(struct reader *r) {
    reader_raise_proven(r, r->goal);
    r->proved_usec = r->now;
    if (!r->caught_up_told)
        reader_tell(
            r, (struct reader_event){.type = READER_CAUGHT_UP, .upto = r->goal, .epoch = r->epoch});
    r->caught_up_told = true;
    r->goal = 0;
}

/* The topic's last has risen. */
static void topic_moved(struct reader *r, struct topic *t) {
    if (t->wanted < t->last)
        t->wanted = t->last;
    if (t->goal != 0 && t->last >= t->goal) {
        t->goal = 0;
        if (--r->n_unreached == 0)
            reader_goal_reached(r);
    }
}

void reader_set_last(struct reader *r, struct topic *t, uint64_t seq) {
    t->last = seq;
    topic_moved(r, t);
}

void reader_set_wanted(struct reader *r, struct topic *t, uint64_t seq) {
    if (seq > t->wanted)
        t->wanted = seq;
    if (reader_topic_is_behind(r, t))
        r->replay_due = true;
}

void reader_prove_topic(struct reader *r, struct topic *t, uint64_t as_of) {
    if (t->round == r->round || !r->have_heads)
        return;
    t->round = r->round;
    if (r->n_in_round == 0 || as_of < r->round_as_of)
        r->round_as_of = as_of;
    if (++r->n_in_round < r->n_topics)
        return;
    reader_raise_proven(r, r->round_as_of < r->complete_as_of ? r->round_as_of : r->complete_as_of);
    r->proved_usec = r->now;
    r->round++;
    r->n_in_round = 0;
}

void reader_learn_newest(struct reader *r, uint64_t newest_topic, uint64_t as_of) {
    if (as_of > r->head)
        r->head = as_of;
    if (!r->have_heads)
        return;
    if (newest_topic > r->complete_as_of)
        r->heads_due = true;
    else if (as_of > r->complete_as_of)
        r->complete_as_of = as_of;
}
