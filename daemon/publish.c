#include "daemon/publish.h"

#include "daemon/loop.h"
#include "daemon/rate.h"
#include "daemon/socket.h"
#include "daemon/subscriptions.h"
#include "proto/journal/journal.h"
#include "proto/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

enum {
    TURN_MESSAGES = 256,  /* subscriptions that are looked at in one turn */
    SOON_USEC = 10000,    /* a heartbeat that had to wait for the rate */
    PROMPT_USEC = 20000,  /* a topic's heartbeats for new subscriptions, no closer than this */
    COMMAND_BYTES = 1024, /* of ZMTP: a subscription with its name, a handshake */
};

struct topic {
    char name[LIMIT_TOPIC_BYTES + 1];
    size_t len;
    uint64_t head;
    uint64_t said_usec; /* when its last heartbeat was sent */
    struct rate rate;
    bool due;
};

struct publish {
    const struct settings *settings;
    struct connections *connections;
    struct subscriptions *subscriptions; /* with CURVE: each is passed on by hand */
    struct log *log;
    struct notary *notary; /* NULL: there are no checkpoints */
    void *socket;
    struct loop_socket *watch;
    sd_event_source *timer;
    sd_event *event;
    struct text_list bound;
    uint64_t bound_high_water; /* [feed] send_high_water then */
    struct arena *arena;

    struct topic *topics;
    size_t n_topics;
    uint64_t epoch, head, newest_topic;

    double tokens; /* heartbeats that may be sent now */
    uint64_t tokens_usec;
    struct publish_counts counts;
};

/* ---- topics */

static struct topic *find_topic(const struct publish *p, struct slice name) {
    for (size_t i = 0; i < p->n_topics; i++)
        if (p->topics[i].len == name.len && memcmp(p->topics[i].name, name.data, name.len) == 0)
            return &p->topics[i];
    return NULL;
}

static struct topic *add_topic(struct publish *p, struct slice name) {
    struct topic *t = find_topic(p, name);
    if (t != NULL || name.len > LIMIT_TOPIC_BYTES)
        return t;
    struct topic *grown = reallocarray(p->topics, p->n_topics + 1, sizeof *grown);
    if (grown == NULL)
        return NULL;
    p->topics = grown;
    t = &grown[p->n_topics++];
    *t = (struct topic){.len = name.len};
    memcpy(t->name, name.data, name.len);
    return t;
}

/* Topics that config names have heartbeats before they have entries. */
static int add_configured(struct publish *p) {
    const struct rules *rules = &p->settings->rules;
    for (size_t i = 0; i < rules->n_sections; i++)
        for (int kind = KIND_ARTICLE; article_kind_name(kind) != NULL; kind++) {
            char name[LIMIT_TOPIC_BYTES + 1];
            if (topic_make(rules->sections[i]->key, kind, name) < 0)
                return -EINVAL;
            if (add_topic(p, slice_of(name)) == NULL)
                return -ENOMEM;
        }
    return 0;
}

static int add_existing(struct publish *p) {
    struct log_head *heads;
    size_t n;
    int r = log_heads(p->log, NULL, 0, &heads, &n, &p->head, &p->newest_topic);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct topic *t = add_topic(p, slice_of(heads[i].topic));
        if (t == NULL)
            r = -ENOMEM;
        else
            t->head = heads[i].head;
    }
    free(heads);
    return r;
}

/* ---- heartbeats */

static size_t encode_heartbeat(const struct publish *p, const struct topic *t, uint64_t first,
                               uint8_t *buffer) {
    uint8_t body[64 + CHECKPOINT_ENCODED_BYTES], checkpoint[CHECKPOINT_ENCODED_BYTES], *q = body;
    size_t len =
        notary_checkpoint(p->notary, (struct slice){(const uint8_t *)t->name, t->len}, checkpoint);
    q = wire_put_uint(q, 1, p->epoch);
    q = wire_put_uint(q, 2, t->head);
    q = wire_put_uint(q, 3, p->head);
    q = wire_put_uint(q, 4, p->newest_topic);
    q = wire_put_uint(q, 5, first);
    q = wire_put_uint(q, 6, (uint64_t)loop_utc_usec());
    q = wire_put_bytes(q, 7, (struct slice){checkpoint, len});
    return (size_t)(wire_put_bytes(buffer, 2, (struct slice){body, (size_t)(q - body)}) - buffer);
}

static void fill_tokens(struct publish *p, uint64_t now) {
    double rate = (double)p->settings->feed.heartbeat_rate;
    p->tokens += (double)(now - p->tokens_usec) / 1e6 * rate;
    if (p->tokens > rate)
        p->tokens = rate;
    p->tokens_usec = now;
}

/* Sends what is due, as far as the rate allows. Whether something had to wait. */
static bool send_due(struct publish *p) {
    uint64_t now = loop_monotonic_usec();
    struct log_bounds bounds = {0};
    bool waiting = false;
    fill_tokens(p, now);
    for (size_t i = 0; i < p->n_topics; i++) {
        struct topic *t = &p->topics[i];
        uint8_t buffer[80 + CHECKPOINT_ENCODED_BYTES];
        if (!t->due)
            continue;
        if (p->tokens < 1 || now - t->said_usec < PROMPT_USEC) {
            waiting = true;
            continue;
        }
        if (bounds.epoch == 0)
            log_bounds(p->log, &bounds);
        size_t len = encode_heartbeat(p, t, bounds.first, buffer);
        zmq_send(p->socket, t->name, t->len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
        zmq_send(p->socket, buffer, len, ZMQ_DONTWAIT);
        t->due = false;
        t->said_usec = now;
        p->tokens -= 1;
        p->counts.heartbeats++;
    }
    return waiting;
}

static void set_timer(struct publish *p, uint64_t usec) {
    sd_event_source_set_time_relative(p->timer, usec);
    sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static int tick(sd_event_source *source, uint64_t usec, void *userdata) {
    struct publish *p = userdata;
    uint64_t now = loop_monotonic_usec(), interval = p->settings->feed.heartbeat_interval_usec;
    (void)source;
    (void)usec;
    for (size_t i = 0; i < p->n_topics; i++)
        if (now - p->topics[i].said_usec + SOON_USEC >= interval)
            p->topics[i].due = true;
    set_timer(p, send_due(p) && interval > SOON_USEC ? SOON_USEC : interval);
    return 0;
}

/* ---- subscriptions */

static void subscribed(struct publish *p, struct slice prefix) {
    p->counts.subscriptions++;
    for (size_t i = 0; i < p->n_topics; i++)
        if (topic_matches(prefix, (struct slice){(uint8_t *)p->topics[i].name, p->topics[i].len}))
            p->topics[i].due = true;
}

/* A subscription that libzmq has applied already. Whether it is one. */
static bool take_open(struct publish *p, struct slice message, struct slice *ret_prefix) {
    bool known = message.len >= 1 && message.data[0] <= 1;
    p->counts.strange += !known;
    *ret_prefix = (struct slice){message.data + 1, known ? message.len - 1 : 0};
    return known && message.data[0] == 1;
}

/* The same where each is applied by us, if the sender may have it. */
static bool take_guarded(struct publish *p, zmq_msg_t *m, struct slice *ret_prefix) {
    switch (subscriptions_take(p->subscriptions, p->settings, m, ret_prefix)) {
    case SUBSCRIPTION_MADE: return true;
    case SUBSCRIPTION_REFUSED: p->counts.refused++; break;
    case SUBSCRIPTION_STRANGE: p->counts.strange++; break;
    case SUBSCRIPTION_ENDED: break;
    }
    return false;
}

static int set_high_water(struct publish *p) {
    int n = (int)p->settings->feed.send_high_water;
    return zmq_setsockopt(p->socket, ZMQ_SNDHWM, &n, sizeof n) < 0 ? -errno : 0;
}

static void readable(void *userdata) {
    struct publish *p = userdata;
    bool any = false;
    for (int i = 0; i < TURN_MESSAGES; i++) {
        zmq_msg_t m;
        struct slice prefix;
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, p->socket, ZMQ_DONTWAIT) < 0)
            break;
        struct slice message = {zmq_msg_data(&m), zmq_msg_size(&m)};
        if (p->subscriptions != NULL ? take_guarded(p, &m, &prefix)
                                     : take_open(p, message, &prefix)) {
            subscribed(p, prefix);
            any = true;
        }
        zmq_msg_close(&m);
    }
    /* libzmq gives a new connection what its address was bound with. */
    if (any && p->settings->feed.send_high_water != p->bound_high_water)
        set_high_water(p);
    if (any && send_due(p))
        set_timer(p, SOON_USEC);
}

/* ---- entries */

/* Whether the entry goes to the same topic as the ones that wait, and fits. */
static bool joins(const struct publish *p, const struct log_result *first,
                  const struct log_result *next, size_t bytes) {
    return slice_equal(first->topic, next->topic) &&
           bytes + next->entry.len <= p->settings->feed.frame_bytes;
}

static void send_entries(struct publish *p, const struct log_result *results, size_t n,
                         size_t bytes) {
    zmq_msg_t m;
    if (zmq_msg_init_size(&m, bytes) < 0)
        return; /* as if every reader's queue were full: replay has it */
    uint8_t *to = zmq_msg_data(&m);
    for (size_t i = 0; i < n; i++)
        if (log_is_entry(&results[i])) {
            memcpy(to, results[i].entry.data, results[i].entry.len);
            to += results[i].entry.len;
        }
    zmq_send(p->socket, results[0].topic.data, results[0].topic.len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (zmq_msg_send(&m, p->socket, ZMQ_DONTWAIT) < 0)
        zmq_msg_close(&m);
    p->counts.messages++;
}

static void note_head(struct publish *p, const struct log_result *r, uint64_t now) {
    struct topic *t = add_topic(p, r->topic);
    if (t != NULL) {
        t->head = r->seq;
        rate_add(&t->rate, now);
    }
    if (r->prev_seq == 0)
        p->newest_topic = r->seq;
    p->head = r->seq;
    p->counts.entries++;
}

void publish_results(struct publish *p, const struct log_result *results, size_t n) {
    uint64_t now = loop_monotonic_usec();
    size_t i = 0;
    while (i < n) {
        if (!log_is_entry(&results[i])) {
            i++;
            continue;
        }
        size_t first = i, bytes = 0;
        for (; i < n; i++) {
            if (!log_is_entry(&results[i]))
                continue;
            if (i > first && !joins(p, &results[first], &results[i], bytes))
                break;
            bytes += results[i].entry.len;
            note_head(p, &results[i], now);
        }
        send_entries(p, &results[first], i - first, bytes);
    }
}

const struct publish_counts *publish_counts(const struct publish *p) {
    return &p->counts;
}

const struct text_list *publish_endpoints(const struct publish *p) {
    return &p->bound;
}

void publish_rates(const struct publish *p, struct slice topic, uint64_t *ret_minute,
                   uint64_t *ret_quarter) {
    uint64_t now = loop_monotonic_usec();
    const struct topic *t = find_topic(p, topic);
    *ret_minute = t == NULL ? 0 : rate_sum(&t->rate, now, rate_minute_usec);
    *ret_quarter = t == NULL ? 0 : rate_sum(&t->rate, now, rate_quarter_usec);
}

void publish_checkpoints(struct publish *p, struct notary *notary) {
    p->notary = notary;
}

void publish_reload(struct publish *p, const struct settings *settings) {
    p->settings = settings;
    set_high_water(p); /* any number that the config may have is good */
    if (add_configured(p) < 0)
        journal(JOURNAL_HEARTBEATS_MISSING, NULL,
                "feed: out of memory: new topics have no heartbeats yet");
}

static int set_options(struct publish *p) {
    int yes = 1, r = set_high_water(p);
    if (r < 0)
        return r;
    p->bound_high_water = p->settings->feed.send_high_water;
    if (connections_secure(p->connections))
        return subscriptions_new(p->connections, p->socket, &p->subscriptions);
    return zmq_setsockopt(p->socket, ZMQ_XPUB_VERBOSE, &yes, sizeof yes) < 0 ? -errno : 0;
}

int publish_open(sd_event *event, void *zmq_context, const struct settings *settings,
                 struct connections *connections, struct log *log, struct publish **ret,
                 struct fault *ret_fault) {
    struct publish *p = calloc(1, sizeof *p);
    struct log_bounds bounds;
    if (p == NULL)
        return -ENOMEM;
    log_bounds(log, &bounds);
    p->settings = settings;
    p->connections = connections;
    p->log = log;
    p->event = event;
    p->epoch = bounds.epoch;
    p->tokens_usec = loop_monotonic_usec();
    p->tokens = (double)settings->feed.heartbeat_rate;
    p->arena = arena_new(64 << 10);
    /* A subscription is all that a reader says here. */
    p->socket = socket_new(zmq_context, ZMQ_XPUB, COMMAND_BYTES);
    int r = p->arena == NULL || p->socket == NULL ? -ENOMEM : add_configured(p);
    if (r >= 0)
        r = add_existing(p);
    if (r >= 0)
        r = set_options(p);
    if (r >= 0)
        r = connections_guard(connections, p->socket);
    if (r >= 0)
        r = loop_socket_new(event, p->socket, "feed", readable, p, &p->watch);
    if (r >= 0)
        r = sd_event_add_time_relative(event, &p->timer, CLOCK_MONOTONIC,
                                       settings->feed.heartbeat_interval_usec, 0, tick, p);
    if (r >= 0)
        r = socket_bind(p->socket, INHERITED_FEED, &settings->feed.bind, p->arena, &p->bound,
                        ret_fault);
    if (r < 0) {
        publish_close(p);
        return r;
    }
    *ret = p;
    return 0;
}

struct publish *publish_close(struct publish *p) {
    if (p == NULL)
        return NULL;
    loop_socket_free(p->watch);
    sd_event_source_disable_unref(p->timer);
    connections_leave(p->connections, p->socket);
    if (p->socket != NULL)
        zmq_close(p->socket);
    subscriptions_free(p->subscriptions);
    arena_free(p->arena);
    free(p->topics);
    free(p);
    return NULL;
}
